//! Runs that make an endpoint again, replace one, or take a connection away, and what fails on the way.

use serde_json::{Value, json};
use simulators::fabric::EndpointState;
use simulators::recorder::{Api, Fault, FaultKind};
use simulators::{aiven, hcp};

use crate::requests::{kafka, vault, with};
use crate::stage::{Stage, stage};

const OTHER_SERVICE: &str = "vpce-svc-0dead0000000000ff";

/// The request that lets the workflow make the security group.
fn own_group(mut request: Value) -> Value {
    request["consumer"]
        .as_object_mut()
        .unwrap()
        .remove("security_group_ids");
    request
}

/// The connection's endpoint is connected to an endpoint service that the vendor no longer tells of.
fn move_service(stage: &Stage) {
    let id = stage.endpoints()[0].id.clone();
    let mut state = stage.environment.simulators.fabric.state();
    let endpoint = state.endpoints.get_mut(&id).unwrap();
    endpoint.service_id = OTHER_SERVICE.to_owned();
    endpoint.service_name = format!("com.amazonaws.vpce.eu-west-1.{OTHER_SERVICE}");
}

/// The security groups with our tag.
fn own_groups(stage: &Stage) -> usize {
    stage.environment.simulators.ec2.with_world(|world| {
        let groups = world.account_mut("111122223333").security_groups.values();
        groups
            .filter(|group| group.tags.contains_key("privatelink-workflow:connection"))
            .count()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_endpoint_is_made_again_and_connects() {
    let stage = stage(|options| options.simulators.knobs.ec2.reject = true).await;
    let request = vault();
    let vendor_changes_its_mind = async {
        stage.until_called("DeleteVpcEndpoints", 1).await;
        stage
            .environment
            .simulators
            .fabric
            .change_knobs(|knobs| knobs.ec2.reject = false);
    };
    let (output, ()) = tokio::join!(stage.connects(&request), vendor_changes_its_mind);
    let endpoints = stage.endpoints();
    assert_eq!(endpoints.len(), 1, "the rejected one is gone: {endpoints:#?}");
    assert_eq!(endpoints[0].id, output["endpoint"]["endpoint_id"].as_str().unwrap());
    assert_eq!(endpoints[0].tags["privatelink-workflow:generation"], "2");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_somebody_deletes_is_made_again_when_it_is_gone() {
    let stage = stage(|options| options.simulators.knobs.ec2.acceptance = None).await;
    let request = kafka();
    let somebody = async {
        stage.until_called("CreateVpcEndpoint", 1).await;
        let first = stage.until_endpoint().await;
        assert!(stage.environment.simulators.ec2.delete(&first));
        stage
            .environment
            .simulators
            .fabric
            .change_knobs(|knobs| knobs.ec2.acceptance = Some(std::time::Duration::from_secs(30)));
        first
    };
    let (output, first) = tokio::join!(stage.connects(&request), somebody);
    assert_ne!(output["endpoint"]["endpoint_id"], first);
    assert_eq!(stage.endpoints().len(), 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_endpoint_goes_after_the_new_one_is_available() {
    let stage = stage(|_| {}).await;
    let first = stage.connects(&vault()).await;
    move_service(&stage);
    stage.take_writes();
    let second = stage.connects(&with(vault(), "/allow_replace", json!(true))).await;
    assert_ne!(first["endpoint"]["endpoint_id"], second["endpoint"]["endpoint_id"]);
    assert_eq!(stage.endpoints().len(), 1);
    assert_eq!(
        stage.take_writes(),
        ["CreateVpcEndpoint", "ChangeResourceRecordSets", "DeleteVpcEndpoints"],
        "in this order"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_of_a_replaced_endpoint_goes_with_it_when_the_request_names_others() {
    let stage = stage(|_| {}).await;
    stage.connects(&own_group(vault())).await;
    move_service(&stage);
    stage.take_writes();
    stage.connects(&with(vault(), "/allow_replace", json!(true))).await;
    assert_eq!((stage.endpoints().len(), own_groups(&stage)), (1, 0));
    assert_eq!(
        stage.take_writes(),
        [
            "CreateVpcEndpoint",
            "ChangeResourceRecordSets",
            "DeleteVpcEndpoints",
            "DeleteSecurityGroup"
        ]
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_fails_leaves_the_old_endpoint_and_its_name() {
    let stage = stage(|_| {}).await;
    let first = stage.connects(&vault()).await;
    move_service(&stage);
    let cluster = json!({"cluster": {
        "id": hcp::CLUSTER_ID,
        "state": "HIBERNATING",
        "location": {"region": {"provider": "aws", "region": "eu-west-1"}},
        "config": {"tier": "STANDARD_SMALL", "network_config": {"network_id": hcp::HVN_ID}},
        "dns_names": {"private": hcp::CLUSTER_PRIVATE_DNS},
    }});
    stage.environment.simulators.recorder.clear_calls();
    // Preflight looks first, the look that points the name to the new endpoint second.
    stage.environment.simulators.recorder.inject(Fault {
        api: Api::Hcp,
        operation: Some("GetCluster".to_owned()),
        kth: Some(3),
        kind: FaultKind::Body(cluster.to_string()),
    });
    let request = with(vault(), "/allow_replace", json!(true));
    stage.fails(&request, "Unexpected", &["HIBERNATING"]).await;
    let endpoints = stage.endpoints();
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0].id, first["endpoint"]["endpoint_id"].as_str().unwrap());
    let zone = first["private_dns"]["hosted_zone_id"].as_str().unwrap();
    let records = stage.route53(&format!("hostedzone/{zone}/rrset")).await;
    assert!(records.contains(&endpoints[0].dns_name), "{records}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_endpoint_that_cannot_go_needs_attention_and_undoes_nothing() {
    let stage = stage(|_| {}).await;
    stage.connects(&kafka()).await;
    move_service(&stage);
    stage
        .environment
        .simulators
        .recorder
        .refuse(Api::Ec2, "DeleteVpcEndpoints");
    let request = with(kafka(), "/allow_replace", json!(true));
    let words = [
        "The connection works by its new endpoint",
        "UnauthorizedOperation",
        "the endpoint vpce-",
        "privatelink-workflow:connection = plw-",
    ];
    stage.fails(&request, "NeedsAttention", &words).await;
    let states: Vec<_> = stage.endpoints().iter().map(|e| e.state).collect();
    assert_eq!(states, [EndpointState::Available; 2]);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deprovision_that_is_refused_needs_attention_at_once_and_goes_on_later() {
    let stage = stage(|_| {}).await;
    let request = with(
        with(vault(), "/provider/delete_service", json!(true)),
        "/consumer/tags",
        json!({}),
    );
    stage.connects(&request).await;
    stage
        .environment
        .simulators
        .recorder
        .refuse(Api::Hcp, "DeletePrivateLinkService");
    let deprovision = with(request, "/action", json!("deprovision"));
    let words = [
        "could not be taken away wholly",
        "Denied",
        "Left are: what the connection has at hcp-vault",
    ];
    stage.fails(&deprovision, "NeedsAttention", &words).await;
    stage.environment.simulators.recorder.clear_faults();
    let output = stage.connects(&deprovision).await;
    assert_eq!((&output["complete"], &output["left"]), (&json!(true), &json!([])));
    stage.assert_nothing_left().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_takes_its_security_group_back() {
    let stage = stage(|options| options.simulators.knobs.ec2.reject = true).await;
    stage
        .fails(&own_group(kafka()), "Rejected", &["rejected by the vendor"])
        .await;
    assert_eq!(own_groups(&stage), 0);
    stage.assert_nothing_left().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_to_one_service_have_each_their_own_information_and_end() {
    let stage = stage(|_| {}).await;
    let other_vpc = stage.environment.simulators.ec2.with_world(|world| {
        let cidr = "10.77.0.0/16".parse().unwrap();
        world.account_mut("111122223333").add_vpc("eu-west-1", "77", cidr)
    });
    let mut second = own_group(kafka());
    second["consumer"].as_object_mut().unwrap().remove("subnet_ids");
    second["consumer"]["vpc_id"] = json!(other_vpc);
    let first = kafka();
    let (one, two) = tokio::join!(stage.connects(&first), stage.connects(&second));
    assert_ne!(one["connection_id"], two["connection_id"]);
    assert_ne!(one["vendor_connection_id"], two["vendor_connection_id"]);
    let hosts = |output: &Value| output["components"][0]["host"].clone();
    assert_ne!(hosts(&one), hosts(&two));
    assert_eq!(two["endpoint"]["vpc_id"], other_vpc);

    // The first one's end leaves what the second needs.
    let output = stage.connects(&with(first, "/action", json!("deprovision"))).await;
    assert!(!output["left"].as_array().unwrap().is_empty());
    assert_eq!(stage.endpoints().len(), 1);
    assert!(stage.aiven_principals(aiven::KAFKA_SERVICE).is_some());
    let still = stage.connects(&second).await;
    assert_eq!(still["components"], two["components"]);

    let mut last = with(second, "/action", json!("deprovision"));
    last["provider"]["delete_service"] = json!(true);
    stage.connects(&last).await;
    assert_eq!(own_groups(&stage), 0);
    stage.assert_nothing_left().await;
    stage.close().await;
}

/// EC2 remembers the ClientToken of an endpoint that is gone, and the parameters that it came with.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_came_and_went_comes_again_each_time() {
    let stage = stage(|options| options.simulators.knobs.ec2.token_outlives_endpoint = true).await;
    for life in ["first", "second", "third", "fourth"] {
        let request = with(kafka(), "/consumer/tags", json!({"life": life}));
        stage.connects(&request).await;
        stage.connects(&with(request, "/action", json!("deprovision"))).await;
    }
    stage.close().await;
}
