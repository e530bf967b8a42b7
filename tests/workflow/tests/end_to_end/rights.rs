//! The rights that the templates grant are the rights that are used. Nothing that is not granted is ever called, as the fronts refuse it
//! ([`simulators::rights`]) and each test looks at the end; here is the other direction, by lives that together need everything.

use std::collections::BTreeSet;

use rehearsal::functions::Zips;
use rehearsal::package::package;
use rehearsal::{Options, Outcome, paths};
use serde_json::{Value, json};
use simulators::ec2::{Rule, Seed};
use simulators::fabric::EndpointState;
use simulators::recorder::{Api, Fault, FaultKind};
use simulators::rights::{CONSUMER_ROLE, Use};
use simulators::{aiven, hcp};

use crate::bus::ACCOUNT;
use crate::requests::{kafka, vault, with};
use crate::stage::{Stage, stage};
use crate::template::{Stack, statements};
use crate::vending::orders;

const SECOND: &str = "444455556666";
const REGION: &str = "eu-west-1";
/// The vendors' region, so that `vpce:AllowMultiRegion` is needed by everything.
const ELSEWHERE: &str = "us-east-1";
const NAMED_ROLE: &str = "arn:aws:iam::444455556666:role/network";
const OTHER_LISTS: &str = "lists-of-somebody";

/// Rights that AWS's services use in the role's name where no emulator shows it, each with what says so. `*` for the role: in each.
const BY_SERVICES: [(&str, &str, &str); 20] = [
    (
        "*",
        "logs:CreateLogStream",
        "Lambda Developer Guide, \"Sending Lambda function logs to CloudWatch Logs\": Lambda writes by the execution role",
    ),
    ("*", "logs:PutLogEvents", "as logs:CreateLogStream"),
    (
        "*",
        "xray:PutTraceSegments",
        "Lambda Developer Guide, \"Visualize Lambda function invocations using AWS X-Ray\": execution role permissions; Step Functions, \"X-Ray and Step Functions\": IAM policies",
    ),
    ("*", "xray:PutTelemetryRecords", "as xray:PutTraceSegments"),
    (
        "*",
        "xray:GetSamplingRules",
        "Step Functions Developer Guide, \"Trace Step Functions request data in AWS X-Ray\": IAM policy",
    ),
    ("*", "xray:GetSamplingTargets", "as xray:GetSamplingRules"),
    (
        "*",
        "logs:CreateLogDelivery",
        "Step Functions Developer Guide, \"Using CloudWatch Logs to log execution history\": IAM policy",
    ),
    ("*", "logs:GetLogDelivery", "as logs:CreateLogDelivery"),
    ("*", "logs:UpdateLogDelivery", "as logs:CreateLogDelivery"),
    ("*", "logs:DeleteLogDelivery", "as logs:CreateLogDelivery"),
    ("*", "logs:ListLogDeliveries", "as logs:CreateLogDelivery"),
    ("*", "logs:PutResourcePolicy", "as logs:CreateLogDelivery"),
    ("*", "logs:DescribeResourcePolicies", "as logs:CreateLogDelivery"),
    ("*", "logs:DescribeLogGroups", "as logs:CreateLogDelivery"),
    (
        "*",
        "kms:Decrypt",
        "Secrets Manager User Guide, \"Secret encryption and decryption\": GetSecretValue decrypts by the caller's permission",
    ),
    (
        "StartRole",
        "sqs:SendMessage",
        "Lambda Developer Guide, \"Capturing records of Lambda asynchronous invocations\": the execution role sends to the destination",
    ),
    (
        "WatchRole",
        "sqs:ReceiveMessage",
        "Lambda Developer Guide, \"Creating and configuring an Amazon SQS event source mapping\": Lambda polls by the execution role",
    ),
    ("WatchRole", "sqs:DeleteMessage", "as sqs:ReceiveMessage"),
    ("WatchRole", "sqs:GetQueueAttributes", "as sqs:ReceiveMessage"),
    (
        "SweepRuleRole",
        "states:StartExecution",
        "EventBridge User Guide, \"Targets\": EventBridge assumes the rule's role to start the state machine",
    ),
];

/// An Aiven service.
const CONNECT: &str = "orders-connect";

fn is_by_services(right: &Use) -> bool {
    let of_role = |role: &str| role == "*" || role == right.role;
    BY_SERVICES
        .iter()
        .any(|(role, action, _)| of_role(role) && *action == right.action)
}

/// Everything that the two templates grant.
fn granted() -> BTreeSet<Use> {
    let stack = Stack::load();
    let consumer = paths::workspace_root().join("infra/consumer-role.yaml");
    let consumer = package(&consumer, &Zips::new(), "bucket").unwrap().template;
    let policy = &consumer["Resources"]["ConsumerRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let mut all = stack.statements();
    all.extend(statements(CONSUMER_ROLE, policy));
    let mut rights = BTreeSet::new();
    for statement in &all {
        let (role, sid) = statement.name.split_once('.').unwrap();
        for action in &statement.actions {
            rights.insert(Use {
                role: role.to_owned(),
                sid: sid.to_owned(),
                action: (*action).to_owned(),
            });
        }
    }
    rights
}

/// A world in which everything is needed: vendors in another region, lists elsewhere, roles by name, the organization.
fn everything(options: &mut Options) {
    let aiven = options.simulators.aiven.projects.get_mut(aiven::PROJECT).unwrap();
    aiven.services.get_mut(aiven::KAFKA_SERVICE).unwrap().cloud_name = format!("aws-{ELSEWHERE}");
    aiven.services.get_mut(aiven::PG_SERVICE).unwrap().cloud_name = format!("aws-{ELSEWHERE}");
    let connect = aiven.add_service_in(CONNECT, "kafka_connect", ELSEWHERE);
    connect.integrations.insert("jolokia".to_owned());
    aiven.vpcs.get_mut(aiven::PROJECT_VPC_ID).unwrap().cloud_name = format!("aws-{ELSEWHERE}");
    let hcp = options.simulators.hcp.projects.get_mut(hcp::PROJECT_ID).unwrap();
    hcp.networks.get_mut(hcp::HVN_ID).unwrap().region = ELSEWHERE.to_owned();
    for (name, value) in [
        ("ConsumerRoleArns", NAMED_ROLE),
        ("OrganizationsAccess", "true"),
        ("FleetListsBucket", OTHER_LISTS),
    ] {
        options.parameters.insert(name.to_owned(), value.to_owned());
    }
    let account = options.simulators.aws.account_mut(SECOND);
    account.add_consumer_role();
    let role = account.roles[simulators::ec2::CONSUMER_ROLE].clone();
    account.roles.insert("network".to_owned(), role);
}

/// Two new VPCs of an account, with a security group in the first that lets everybody in.
struct Network {
    account: &'static str,
    /// What requests name.
    role_arn: Option<&'static str>,
    first: String,
    second: String,
    group: String,
}

impl Network {
    fn new(stage: &Stage, account: &'static str, number: u8) -> Self {
        stage.environment.simulators.ec2.with_world(|world| {
            let account_mut = world.account_mut(account);
            let mut vpc = |n: u8| {
                let cidr = format!("10.{n}.0.0/16").parse().unwrap();
                account_mut.add_vpc(REGION, &format!("{n:02x}"), cidr)
            };
            let (first, second) = (vpc(number), vpc(number + 1));
            let group = format!("sg-0open00000000{number:04x}").replace("open", "0bea");
            let rules = vec![
                Rule::tcp("sgr-0bea00000000000f1", 1, 65535, "10.0.0.0/8"),
                Rule::all_out("sgr-0bea00000000000f2".to_owned()),
            ];
            account_mut.add_security_group(&group, &first, "open", rules, &[]);
            Self {
                account,
                role_arn: None,
                first,
                second,
                group,
            }
        })
    }

    /// The request for the first VPC; subnets and security group are the workflow's.
    fn request(&self, request: &Value) -> Value {
        let consumer = json!({
            "account_id": self.account, "region": REGION, "vpc_id": self.first, "client_cidrs": ["10.0.0.0/16"],
            "tags": {"team": "orders", "gone": "soon"}
        });
        let mut request = with(request.clone(), "/consumer", consumer);
        if let Some(role_arn) = self.role_arn {
            request["consumer"]["role_arn"] = json!(role_arn);
        }
        request
    }
}

/// Made, changed in every way, replaced by another VPC's, and taken away.
async fn a_whole_life(stage: &Stage, network: &Network, request: &Value) {
    let request = network.request(request);
    stage.connects(&with(request.clone(), "/action", json!("plan"))).await;
    let output = stage.connects(&request).await;
    let mut changed = with(request.clone(), "/consumer/tags", json!({"team": "billing"}));
    changed["consumer"]["client_cidrs"] = json!(["10.1.0.0/16"]);
    changed["consumer"]["subnet_ids"] = json!([output["endpoint"]["subnet_ids"][0]]);
    if request["provider"]["type"] == "aiven" {
        changed["provider"]["components"] = json!(["kafka", "schema_registry"]);
    }
    stage.connects(&changed).await;
    let mut of_theirs = with(changed.clone(), "/consumer/security_group_ids", json!([network.group]));
    of_theirs["consumer"].as_object_mut().unwrap().remove("client_cidrs");
    stage.connects(&of_theirs).await;
    stage.connects(&changed).await;

    let mut moved = with(request, "/consumer/vpc_id", json!(network.second));
    moved["consumer"]["replaces_vpc_id"] = json!(network.first);
    moved["allow_replace"] = json!(true);
    stage.connects(&moved).await;
    moved["consumer"].as_object_mut().unwrap().remove("replaces_vpc_id");
    moved.as_object_mut().unwrap().remove("allow_replace");
    let mut away = with(moved, "/action", json!("deprovision"));
    stage.connects(&with(away.clone(), "/action", json!("plan"))).await;
    away["provider"]["delete_service"] = json!(true);
    let plan = with(
        with(away.clone(), "/plan_for", json!("deprovision")),
        "/action",
        json!("plan"),
    );
    stage.connects(&plan).await;
    stage.connects(&away).await;
}

/// Fails after its zone and its record are there, and takes all back.
async fn a_life_that_is_undone(stage: &Stage, network: &Network) {
    let cluster = json!({"cluster": {
        "id": hcp::CLUSTER_ID,
        "state": "HIBERNATING",
        "location": {"region": {"provider": "aws", "region": ELSEWHERE}},
        "config": {"tier": "STANDARD_SMALL", "network_config": {"network_id": hcp::HVN_ID}},
        "dns_names": {"private": hcp::CLUSTER_PRIVATE_DNS},
    }});
    let recorder = &stage.environment.simulators.recorder;
    recorder.clear_faults();
    // Preflight looks first, the look that makes the zone second, the one that writes the record third.
    recorder.inject(Fault {
        api: Api::Hcp,
        operation: Some("GetCluster".to_owned()),
        kth: Some(4),
        kind: FaultKind::Body(cluster.to_string()),
    });
    stage
        .fails(&network.request(&vault()), "Unexpected", &["HIBERNATING"])
        .await;
    recorder.clear_faults();
}

/// Rejected once, so that its endpoint is made again.
async fn a_life_that_begins_twice(stage: &Stage, network: &Network) {
    let fabric = &stage.environment.simulators.fabric;
    fabric.change_knobs(|knobs| knobs.ec2.reject = true);
    let before = deletions(stage);
    let vendor = async {
        stage.until_called("DeleteVpcEndpoints", before + 1).await;
        fabric.change_knobs(|knobs| knobs.ec2.reject = false);
    };
    let request = network.request(&kafka());
    tokio::join!(stage.connects(&request), vendor);
}

fn deletions(stage: &Stage) -> usize {
    let calls = stage.environment.simulators.recorder.calls();
    calls
        .iter()
        .filter(|call| call.operation == "DeleteVpcEndpoints")
        .count()
}

/// The endpoint is there already, without our tag. Needs a connection to the same service.
async fn a_life_that_adopts(stage: &Stage, network: &Network) {
    let known = stage.endpoints().pop().unwrap();
    let subnet = stage.environment.simulators.ec2.with_world(|world| {
        let account = world.account_mut(network.account);
        let subnets = account.subnets.iter();
        subnets
            .filter(|(_, subnet)| subnet.vpc_id == network.second)
            .map(|(id, _)| id.clone())
            .next()
            .unwrap()
    });
    let id = stage.environment.simulators.ec2.seed(Seed {
        service_region: ELSEWHERE.to_owned(),
        subnet_ids: vec![subnet.clone()],
        security_group_ids: vec![network.group.clone()],
        ..Seed::of(
            network.account,
            REGION,
            &network.second,
            &known.service_id,
            EndpointState::Available,
        )
    });
    let mut request = with(network.request(&kafka()), "/consumer/vpc_id", json!(network.second));
    request["consumer"]["adopt_endpoint_id"] = json!(id);
    request["consumer"]["subnet_ids"] = json!([subnet]);
    stage.connects(&request).await;
}

/// Lists in both buckets, one run that fails, and what the report says.
async fn fleets(stage: &Stage, items: &Value) {
    let environment = &stage.environment;
    let aws = &environment.aws;
    aws.create_bucket(OTHER_LISTS).await.unwrap();
    let own = environment.reports_bucket().unwrap();
    for (bucket, key) in [(own, "lists/all.json"), (OTHER_LISTS, "all.json")] {
        aws.put_object(bucket, key, items.to_string().into_bytes())
            .await
            .unwrap();
    }
    for (name, source) in [
        ("given", json!({"items": items})),
        ("own", json!({"items_from": {"bucket": own, "key": "lists/all.json"}})),
        (
            "theirs",
            json!({"items_from": {"bucket": OTHER_LISTS, "key": "all.json"}}),
        ),
    ] {
        // The second time its items have run already.
        for _ in 0..2 {
            let mut input = source.clone();
            input["name"] = json!(name);
            input["tolerated_failure_percentage"] = json!(100);
            let running = environment.begin_fleet(&input).await.unwrap();
            let run = running.finish(std::time::Duration::from_secs(240)).await.unwrap();
            stage.keep(&run);
            assert!(matches!(run.outcome, Outcome::Succeeded(_)), "{:?}", run.outcome);
        }
    }
    // More fail than may.
    let running = environment
        .begin_fleet(&json!({"name": "fails", "items": items}))
        .await
        .unwrap();
    let run = running.finish(std::time::Duration::from_secs(240)).await.unwrap();
    stage.keep(&run);
    assert_eq!(run.failure().unwrap().error, "TooManyFailed");
}

async fn sweeps(stage: &Stage) {
    let environment = &stage.environment;
    let body = json!({"ParentId": "r-0", "Name": "Custom"});
    let roots = environment
        .aws
        .expect_json("organizations", "AWSOrganizationsV20161128.ListRoots", &json!({}))
        .await
        .unwrap();
    let unit = with(body, "/ParentId", roots["Roots"][0]["Id"].clone());
    let target = "AWSOrganizationsV20161128.CreateOrganizationalUnit";
    environment
        .aws
        .expect_json("organizations", target, &unit)
        .await
        .unwrap();
    let machine = &environment.outputs["SweepArn"];
    for input in [json!({}), json!({"repair": true})] {
        let running = rehearsal::execution::Running::start(&environment.aws, machine, &input);
        let run = running.await.unwrap();
        let run = run.finish(std::time::Duration::from_secs(240)).await.unwrap();
        stage.keep(&run);
        assert!(matches!(run.outcome, Outcome::Succeeded(_)), "{:?}", run.outcome);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_right_that_is_granted_is_used_and_nothing_else_is() {
    let stage = stage(everything).await;
    let (home, there) = (Network::new(&stage, ACCOUNT, 100), Network::new(&stage, SECOND, 110));
    for network in [&home, &there] {
        a_whole_life(&stage, network, &vault()).await;
        a_life_that_is_undone(&stage, network).await;
        a_whole_life(&stage, network, &kafka()).await;
        a_life_that_begins_twice(&stage, network).await;
        a_life_that_adopts(&stage, network).await;
    }
    // By a role of another name.
    let mut named = Network::new(&stage, SECOND, 120);
    named.role_arn = Some(NAMED_ROLE);
    a_whole_life(&stage, &named, &vault()).await;
    a_life_that_is_undone(&stage, &named).await;
    let named = named.request(&vault());
    let connected = stage.connects(&named).await;
    let id = &connected["connection_id"];
    // A port that the vendor tells only when the component is reachable.
    let mut connect = with(kafka(), "/provider/service_name", json!(CONNECT));
    connect["provider"]["components"] = json!(["kafka_connect", "jolokia"]);
    stage.connects(&home.request(&connect)).await;
    // One of several goes.
    let one = home.request(&vault());
    let another = with(one.clone(), "/consumer/vpc_id", json!(home.second));
    tokio::join!(stage.connects(&one), stage.connects(&another));
    stage.connects(&with(one, "/action", json!("deprovision"))).await;

    // References, events, the register, the sweep, fleets.
    stage.keep_profile("orders", &orders()).await;
    stage.connects(&json!({"connection_id": id, "action": "plan"})).await;
    let vended = json!({"account_id": ACCOUNT, "organizational_unit_name": "Custom"});
    stage.put_event("Account Vended", &vended).await;
    stage.output(&stage.ended("vend-orders-111122223333-").await).await;
    let by_profile = json!({"profile": "orders", "account_id": ACCOUNT, "action": "plan"});
    stage.connects(&by_profile).await;
    stage.ask_register(json!({"action": "get", "connection_id": id})).await;
    stage.ask_register(json!({"action": "list"})).await;
    let places = json!([{"account_id": ACCOUNT, "regions": [REGION]}, {"account_id": SECOND, "regions": [REGION]}]);
    stage
        .ask_register(json!({"action": "rebuild", "accounts": places}))
        .await;
    // Somebody takes an endpoint away, so that there is something to tell of.
    let lost = stage.endpoints().pop().unwrap().id;
    stage.environment.simulators.ec2.delete(&lost);
    sweeps(&stage).await;
    fleets(
        &stage,
        &json!([by_profile, {"profile": "nowhere", "account_id": ACCOUNT}]),
    )
    .await;
    let (used, granted) = (stage.environment.rights_used().unwrap(), granted());
    let never: Vec<&Use> = granted
        .difference(&used)
        .filter(|right| !is_by_services(right))
        .collect();
    assert!(never.is_empty(), "granted, and never used: {never:#?}");
    let unknown: Vec<&Use> = used.difference(&granted).collect();
    assert!(unknown.is_empty(), "used, and in no template: {unknown:#?}");
    let roles: BTreeSet<&str> = granted.iter().map(|right| right.role.as_str()).collect();
    println!(
        "{} roles, {} rights granted, {} of them used, {} by AWS's services",
        roles.len(),
        granted.len(),
        used.len(),
        granted.len() - used.len()
    );
    stage.close().await;
}

/// A reason for a right that is not granted is a leftover.
#[test]
fn each_right_of_a_service_is_granted() {
    let granted = granted();
    for (role, action, source) in BY_SERVICES {
        let found = granted
            .iter()
            .any(|right| right.action == action && (role == "*" || right.role == role));
        assert!(found && !source.is_empty(), "{role} {action}");
    }
}
