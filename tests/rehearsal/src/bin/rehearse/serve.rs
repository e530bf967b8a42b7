//! What `--serve` prints: where everything is, with what credentials, and how to point known clients at it.

use rehearsal::{Environment, emulator, environment};
use simulators::{aiven, hcp};

/// Endpoints, throw-away credentials and commands.
pub(crate) fn description(environment: &Environment) -> String {
    let Environment {
        emulator,
        simulators,
        workflow_arn,
        ca_file,
        python,
        ..
    } = environment;
    let (account, region, prefix) = (emulator::ACCOUNT, emulator::REGION, environment::SECRET_NAME_PREFIX);
    let (emulator_url, ec2, aiven_url) = (&emulator.url, &simulators.ec2_url, &simulators.aiven_url);
    let (hcp_url, hcp_auth_url) = (&simulators.hcp_url, &simulators.hcp_auth_url);
    let hcp_address = hcp_url.trim_start_matches("https://");
    let (ca, python) = (ca_file.display(), python.display());
    let (aiven_token, aiven_project, kafka) = (aiven::TOKEN, aiven::PROJECT, aiven::KAFKA_SERVICE);
    let (hcp_id, hcp_secret) = (hcp::CLIENT_ID, hcp::CLIENT_SECRET);
    let (hcp_organization, hcp_project, hvn) = (hcp::ORGANIZATION_ID, hcp::PROJECT_ID, hcp::HVN_ID);
    let arn = workflow_arn;
    format!(
        r#"
Serving on 127.0.0.1 until Ctrl-C. Everything below is thrown away then, credentials included.

  AWS emulator  {emulator_url}  (state machine, functions, secrets {prefix}aiven and {prefix}hcp)
  AWS EC2       {ec2}
  HCP           {hcp_url}, tokens from {hcp_auth_url}
  Aiven         {aiven_url}
  workflow      {arn}
  CA            {ca}

Try it in another terminal. AWS CLI, boto3 and the AWS provider of Terraform:

  export AWS_ENDPOINT_URL={emulator_url} AWS_ENDPOINT_URL_EC2={ec2} AWS_REGION={region} AWS_DEFAULT_REGION={region}
  export AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=throw-away; unset AWS_PROFILE AWS_SESSION_TOKEN
  WORKFLOW={arn}
  aws stepfunctions start-execution --state-machine-arn $WORKFLOW --input file://examples/aiven-kafka.json
  aws stepfunctions list-executions --state-machine-arn $WORKFLOW
  aws ec2 describe-vpc-endpoints
  {python} -c "import boto3; print(boto3.client('ec2').describe_vpc_endpoints()['VpcEndpoints'])"

From here on that terminal trusts the simulators and nobody else. avn and the Aiven provider of Terraform:

  CA={ca}
  export SSL_CERT_FILE=$CA REQUESTS_CA_BUNDLE=$CA AIVEN_CA_CERT=$CA
  export AIVEN_WEB_URL={aiven_url} AIVEN_AUTH_TOKEN={aiven_token} AIVEN_TOKEN={aiven_token}
  avn service privatelink aws get --project {aiven_project} {kafka}
  avn service privatelink aws connection list --project {aiven_project} {kafka}

The HCP provider of Terraform, and the HCP API by hand:

  export HCP_API_ADDRESS={hcp_address} HCP_AUTH_URL={hcp_auth_url} HCP_PROJECT_ID={hcp_project}
  export HCP_CLIENT_ID={hcp_id} HCP_CLIENT_SECRET={hcp_secret}
  TOKEN=$(curl -s --cacert $CA -u $HCP_CLIENT_ID:$HCP_CLIENT_SECRET $HCP_AUTH_URL/oauth2/token \
    -d grant_type=client_credentials -d audience=https://api.hashicorp.cloud | grep -o '"access_token": *"[^"]*' | cut -d'"' -f4)
  curl -s --cacert $CA -H "Authorization: Bearer $TOKEN" \
    {hcp_url}/network/2020-09-07/organizations/{hcp_organization}/projects/{hcp_project}/networks/{hvn}/private-link-services
"#
    )
}
