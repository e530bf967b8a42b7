//! Runs that end in a connection.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulators::fabric::EndpointState;
use simulators::recorder::{Api, Fault, FaultKind};
use simulators::{aiven, hcp};

use crate::requests::{kafka, vault, with};
use crate::stage::{FOREIGN, Stage, shared_with_others, stage};

const ROOT: &str = "arn:aws:iam::111122223333:root";

/// The output without what differs from run to run.
fn lasting(mut output: Value) -> Value {
    output.as_object_mut().unwrap().remove("timings");
    output
}

fn assert_endpoint(stage: &Stage, output: &Value) {
    let endpoints = stage.endpoints();
    assert_eq!(endpoints.len(), 1, "{endpoints:#?}");
    let endpoint = &endpoints[0];
    assert_eq!(endpoint.state, EndpointState::Available);
    assert_eq!(output["endpoint"]["endpoint_id"], endpoint.id);
    assert_eq!(output["endpoint"]["dns_names"][0], endpoint.dns_name);
    assert_eq!(endpoint.subnets.len(), 3);
    assert_eq!(endpoint.security_group_ids, ["sg-0c0ffee0000000001"]);
    assert_eq!(
        endpoint.tags["privatelink-workflow:connection"],
        output["connection_id"].as_str().unwrap()
    );
    assert_eq!(endpoint.tags["privatelink-workflow:generation"], "1");
    assert!(endpoint.tags.contains_key("team") && endpoint.tags.contains_key("Name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_service_is_connected_and_the_same_request_changes_nothing() {
    let stage = stage(|_| {}).await;
    let output = stage.connects(&kafka()).await;
    assert_endpoint(&stage, &output);
    assert_eq!(stage.aiven_principals(aiven::KAFKA_SERVICE).unwrap(), [ROOT]);

    let connection = output["vendor_connection_id"].as_str().unwrap();
    assert!(connection.starts_with("plc"), "{connection}");
    let components = output["components"].as_array().unwrap();
    let found: Vec<_> = components
        .iter()
        .map(|c| (c["component"].as_str().unwrap(), c["authentication_method"].as_str()))
        .collect();
    let expected = [
        ("kafka", Some("certificate")),
        ("kafka", Some("sasl")),
        ("schema_registry", None),
    ];
    assert_eq!(found, expected);
    let ports: BTreeSet<_> = components.iter().map(|c| c["port"].as_u64().unwrap()).collect();
    assert_eq!(ports.len(), 3, "each has its own port");
    assert!(
        components
            .iter()
            .all(|c| c["host"].as_str().unwrap().starts_with("privatelink-1-orders-kafka"))
    );
    assert!(output["ca_certificate"].as_str().unwrap().contains("ca-get"));
    let phases: Vec<_> = output["timings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["phase"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["preflight", "service", "endpoint", "acceptance", "access"]);

    let mut writes = stage.take_writes();
    writes.sort();
    assert_eq!(
        writes,
        ["CreateVpcEndpoint", "ServicePrivatelinkAWSCreate", "ServiceUpdate"]
    );
    let again = stage.connects(&kafka()).await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    assert_eq!(lasting(again), lasting(output));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_cluster_is_connected_and_the_same_request_changes_nothing() {
    let stage = stage(|_| {}).await;
    let output = stage.connects(&vault()).await;
    assert_endpoint(&stage, &output);
    let url = format!("https://{}:8200", hcp::CLUSTER_PRIVATE_DNS);
    let expected = json!([{"component": "vault", "host": hcp::CLUSTER_PRIVATE_DNS, "port": 8200, "url": url}]);
    assert_eq!(output["components"], expected);
    assert_eq!(stage.hcp_accounts()["pl-acme-vault"], [ROOT]);

    // Exactly the host's own zone, with one alias record to the endpoint.
    let zones = stage.route53("hostedzone").await;
    let name = format!("<Name>{}.</Name>", hcp::CLUSTER_PRIVATE_DNS);
    assert_eq!(zones.matches("<HostedZone>").count(), 1, "{zones}");
    assert!(
        zones.contains(&name) && zones.contains("<PrivateZone>true</PrivateZone>"),
        "{zones}"
    );
    let zone_id = output["private_dns"]["hosted_zone_id"].as_str().unwrap().to_owned();
    let records = stage.route53(&format!("hostedzone/{zone_id}/rrset")).await;
    let dns_name = output["endpoint"]["dns_names"][0].as_str().unwrap();
    assert_eq!(records.matches("<AliasTarget>").count(), 1, "{records}");
    assert!(records.contains(dns_name), "{records}");

    let mut writes = stage.take_writes();
    writes.sort();
    assert_eq!(
        writes,
        [
            "ChangeResourceRecordSets",
            "CreateHostedZone",
            "CreatePrivateLinkService",
            "CreateVpcEndpoint"
        ]
    );
    let again = stage.connects(&vault()).await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    assert_eq!(lasting(again), lasting(output));
    assert_eq!(stage.route53(&format!("hostedzone/{zone_id}/rrset")).await, records);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_who_use_the_service_keep_their_entries() {
    let stage = stage(shared_with_others).await;
    let (kafka, vault) = (kafka(), vault());
    let (aiven_output, hcp_output) = tokio::join!(stage.connects(&kafka), stage.connects(&vault));
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(
        sorted(stage.aiven_principals(aiven::KAFKA_SERVICE).unwrap()),
        [ROOT, FOREIGN]
    );
    assert_eq!(
        sorted(stage.hcp_accounts().remove("shared-link").unwrap()),
        [ROOT, FOREIGN]
    );
    // The foreign connection was there first: ours is another, with another host.
    assert!(
        aiven_output["components"][0]["host"]
            .as_str()
            .unwrap()
            .starts_with("privatelink-2-")
    );
    assert_ne!(
        aiven_output["endpoint"]["endpoint_id"],
        hcp_output["endpoint"]["endpoint_id"]
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_on_the_way_leave_one_service_and_one_endpoint() {
    // A create whose answer is lost stays invisible for longer than the retry waits: only its ClientToken saves it.
    let stage = stage(|options| options.simulators.knobs.ec2.visibility_lag = Duration::from_secs(60)).await;
    let fault = |api, operation: &str, kth, kind| Fault {
        api,
        operation: Some(operation.to_owned()),
        kth: Some(kth),
        kind,
    };
    let status = |status, retry_after| FaultKind::Status { status, retry_after };
    for fault in [
        fault(Api::Aiven, "ServiceGet", 1, status(429, Some(28))),
        fault(Api::Aiven, "ServicePrivatelinkAWSCreate", 1, FaultKind::ResetAfter),
        fault(
            Api::Aiven,
            "ServicePrivatelinkAWSGet",
            3,
            FaultKind::Html { status: 502 },
        ),
        fault(
            Api::Aiven,
            "ServicePrivatelinkAWSConnectionList",
            1,
            FaultKind::Truncate,
        ),
        fault(Api::Ec2, "CreateVpcEndpoint", 1, status(503, Some(1))),
        fault(Api::Ec2, "CreateVpcEndpoint", 2, FaultKind::ResetAfter),
        fault(Api::Ec2, "DescribeVpcEndpoints", 4, status(503, None)),
        fault(Api::Hcp, "GetNetwork", 1, status(429, Some(60))),
        fault(Api::Hcp, "CreatePrivateLinkService", 1, FaultKind::ResetAfter),
        fault(Api::Hcp, "ListPrivateLinkService", 4, FaultKind::ResetBefore),
    ] {
        stage.environment.simulators.recorder.inject(fault);
    }
    stage.connects(&kafka()).await;
    assert_eq!(stage.endpoints().len(), 1);
    stage.connects(&vault()).await;
    assert_eq!(stage.endpoints().len(), 2);
    assert_eq!(stage.hcp_accounts().len(), 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_twice_at_once_makes_one_connection() {
    let stage = stage(|_| {}).await;
    let request = kafka();
    let (one, two) = tokio::join!(stage.connects(&request), stage.connects(&request));
    assert_eq!(lasting(one), lasting(two));
    assert_eq!(stage.endpoints().len(), 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_in_another_region_is_connected() {
    let stage = stage(|options| {
        let aiven = options.simulators.aiven.projects.get_mut(aiven::PROJECT).unwrap();
        let service = aiven.services.get_mut(aiven::KAFKA_SERVICE).unwrap();
        service.cloud_name = "aws-us-east-1".to_owned();
        aiven.vpcs.get_mut(aiven::PROJECT_VPC_ID).unwrap().cloud_name = "aws-us-east-1".to_owned();
        let hcp = options.simulators.hcp.projects.get_mut(hcp::PROJECT_ID).unwrap();
        hcp.networks.get_mut(hcp::HVN_ID).unwrap().region = "us-east-1".to_owned();
    })
    .await;
    let (kafka, vault) = (kafka(), vault());
    let (aiven_output, hcp_output) = tokio::join!(stage.connects(&kafka), stage.connects(&vault));
    for output in [aiven_output, hcp_output] {
        let service = output["endpoint"]["service_name"].as_str().unwrap();
        assert!(service.starts_with("com.amazonaws.vpce.us-east-1."), "{service}");
        assert_eq!(output["endpoint"]["region"], "eu-west-1");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_was_not_asked_for_stays_closed() {
    let stage = stage(|_| {}).await;
    let request = with(kafka(), "/provider/components", json!(["schema_registry"]));
    let output = stage.connects(&request).await;
    assert_eq!(output["components"].as_array().unwrap().len(), 1);
    let access = stage.aiven_service(aiven::KAFKA_SERVICE).user_config["privatelink_access"].clone();
    assert_eq!(access, json!({"schema_registry": true}));
    stage.close().await;
}
