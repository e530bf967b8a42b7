//! The product's own clients before the simulators, in process: what a small bug in them would do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use functions::ec2::endpoints::{self, Created, New, State};
use proof::inputs::served::{Served, secret_answer, validated};
use serde_json::{Value, json};
use shared::document::{AvailableEndpoint, ServiceOffer};
use shared::identity::{ConnectionId, TAG_CONNECTION};
use shared::request::Request;
use shared::{ErrorName, provider};
use simulators::ec2::Seed;
use simulators::fabric::EndpointState;
use simulators::recorder::{Api, Fault, FaultKind, Rewrite};
use simulators::{SimulatorsConfig, aiven, hcp};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const ROOT: &str = "arn:aws:iam::111122223333:root";

fn request(text: &str) -> Request {
    validated(&serde_json::from_str::<Value>(text).unwrap()).unwrap()
}

fn kafka() -> Request {
    request(include_str!("../../../examples/aiven-kafka.json"))
}

/// Kafka has a PrivateLink that lets our account in.
async fn served() -> Served {
    let mut config = SimulatorsConfig::default();
    let project = config.aiven.projects.get_mut(aiven::PROJECT).unwrap();
    let service = project.services.get_mut(aiven::KAFKA_SERVICE).unwrap();
    service.privatelink = Some(aiven::PrivateLink::active(&[ROOT], &[]));
    // Our account is let in from the beginning.
    config.knobs.ec2.principal_lag = Duration::ZERO;
    let served = Served::start_with(config).await.unwrap();
    served.secrets_answer(secret_answer(&json!({"token": aiven::TOKEN})));
    served
}

async fn aiven_of(served: &Served) -> Box<dyn provider::Provider> {
    let request = kafka();
    provider::of(&request, served.reach(&request).await.unwrap())
}

fn fault(served: &Served, api: Api, operation: &str, kind: FaultKind) {
    served.sims.recorder.inject(Fault {
        api,
        operation: Some(operation.to_owned()),
        kth: None,
        kind,
    });
}

/// An endpoint of ours in this state; its id.
fn endpoint(served: &Served, connection: &str, state: EndpointState) -> String {
    let vpc_id = kafka().consumer.vpc_id.unwrap();
    served.sims.ec2.seed(Seed {
        tags: BTreeMap::from([(TAG_CONNECTION.to_owned(), connection.to_owned())]),
        ..Seed::of(ACCOUNT, REGION, &vpc_id, "vpce-svc-0fefefefefefefe01", state)
    })
}

#[tokio::test]
async fn an_unknown_state_of_a_connection_is_an_error_with_the_raw_value() {
    let served = served().await;
    let connection =
        json!({"vpc_endpoint_id": "vpce-0123456789abcdef0", "privatelink_connection_id": "plc1", "state": "pondering"});
    let body = json!({"connections": [connection]}).to_string();
    fault(
        &served,
        Api::Aiven,
        "ServicePrivatelinkAWSConnectionList",
        FaultKind::Body(body),
    );
    let ours = AvailableEndpoint {
        endpoint_id: "vpce-0123456789abcdef0".to_owned(),
        dns_entries: Vec::new(),
        network_interface_ids: Vec::new(),
        subnet_ids: Vec::new(),
        security_group_ids: Vec::new(),
    };
    let error = aiven_of(&served).await.ensure_access(&ours, 1, None).await.unwrap_err();
    assert_eq!(error.name, ErrorName::Unexpected, "{error}");
    assert!(error.message.contains("\"pondering\""), "{error}");
}

#[tokio::test]
async fn a_remote_that_never_answers_is_given_up() {
    let served = served().await;
    // Longer than a function waits; without a time-out the answer comes, and is good. The first call of this look is alone: what waits
    // behind a call to the same host has a limit of its own.
    fault(
        &served,
        Api::Aiven,
        "ServicePrivatelinkAWSGet",
        FaultKind::Slow(Duration::from_secs(50)),
    );
    let error = aiven_of(&served).await.ensure_service(1).await.unwrap_err();
    assert_eq!(error.name, ErrorName::Unavailable, "{error}");
}

#[tokio::test]
async fn a_missing_field_is_named_and_its_surroundings_are_not_shown() {
    let served = served().await;
    for (body, words) in [
        (
            r#"{"service": {"state": "RUNNING", "password": "hunter2"}}"#,
            "\"service.service_type\" is missing",
        ),
        (
            r#"{"service": {"service_type": ["hunter2"]}}"#,
            "\"service.service_type\" is not a string",
        ),
        (
            r#"{"service": {"components": [{"component": "kafka", "host": "h", "port": "hunter2, expected hunter2"}]}}"#,
            "port\" is not u16",
        ),
    ] {
        served.sims.recorder.clear_faults();
        fault(&served, Api::Aiven, "ServiceGet", FaultKind::Body(body.to_owned()));
        let error = aiven_of(&served).await.preflight().await.unwrap_err();
        assert_eq!(error.name, ErrorName::Unexpected, "{error}");
        assert!(
            error.message.contains(words) && !error.message.contains("hunter2"),
            "{error}"
        );
    }
}

/// Found by the fuzzer's idea of a number: the sum of now and the lifetime was beyond what a clock can tell.
#[tokio::test]
async fn regression_a_token_that_is_good_for_ever_is_no_panic() {
    let served = served().await;
    let keys = json!({"client_id": hcp::CLIENT_ID, "client_secret": hcp::CLIENT_SECRET});
    served.secrets_answer(secret_answer(&keys));
    let endless = Rewrite::by(|body| {
        body.replacen("3600", "18446744073709551615", 1)
            .replacen("3599", "18446744073709551615", 1)
    });
    fault(&served, Api::Hcp, "Token", FaultKind::Rewrite(endless));
    let vault = request(include_str!("../../../examples/hcp-vault.json"));
    let hcp = provider::of(&vault, served.reach(&vault).await.unwrap());
    hcp.preflight().await.unwrap();
    assert_eq!(served.sims.recorder.hits(), 1);
}

#[tokio::test]
async fn a_create_that_is_sent_twice_makes_one_endpoint() {
    let served = served().await;
    let seen = aiven_of(&served).await.service_seen().await.unwrap().unwrap();
    let service = ServiceOffer {
        service_name: seen.service_name.unwrap(),
        service_region: REGION.to_owned(),
    };
    let ec2 = served.ec2().await.unwrap();
    let consumer = kafka().consumer;
    let tags = [(TAG_CONNECTION.to_owned(), "plw-0123456789abcdef".to_owned())].into();
    let mut made = Vec::new();
    for _ in 0..2 {
        let new = New {
            vpc_id: consumer.vpc_id.as_deref().unwrap(),
            region: REGION,
            service: &service,
            subnet_ids: consumer.subnet_ids.clone(),
            security_group_ids: consumer.security_group_ids.clone(),
            tags: &tags,
            client_token: "plw-0123456789abcdef-1".to_owned(),
        };
        match endpoints::create(&ec2, new).await.unwrap() {
            Created::Made(endpoint) => made.push(endpoint.id),
            other => panic!("not made: {other:?}"),
        }
    }
    assert_eq!(made[0], made[1]);
    assert_eq!(served.sims.ec2.endpoints().len(), 1);
}

#[tokio::test]
async fn a_deletion_that_is_refused_inside_a_good_answer_is_an_error() {
    let served = served().await;
    let body = "<DeleteVpcEndpointsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId><unsuccessful><item>\
                <resourceId>vpce-0123456789abcdef0</resourceId><error><code>UnauthorizedOperation</code><message>Not you.</message></error>\
                </item></unsuccessful></DeleteVpcEndpointsResponse>";
    fault(
        &served,
        Api::Ec2,
        "DeleteVpcEndpoints",
        FaultKind::Body(body.to_owned()),
    );
    let ec2 = served.ec2().await.unwrap();
    let error = endpoints::delete(&ec2, "vpce-0123456789abcdef0").await.unwrap_err();
    assert_eq!(error.name, ErrorName::Denied, "{error}");
}

#[tokio::test]
async fn states_are_known_in_the_case_that_ec2_sends_and_in_any_other() {
    let served = served().await;
    let id = endpoint(&served, "plw-0123456789abcdef", EndpointState::PendingAcceptance);
    let ec2 = served.ec2().await.unwrap();
    for other in ["pendingAcceptance", "PendingAcceptance", "PENDINGACCEPTANCE"] {
        served.sims.recorder.clear_faults();
        let rewrite = Rewrite::by(move |body| body.replace("pendingAcceptance", other));
        fault(&served, Api::Ec2, "DescribeVpcEndpoints", FaultKind::Rewrite(rewrite));
        let found = endpoints::get(&ec2, &id).await.unwrap().unwrap();
        assert_eq!(
            (&found.state, found.raw_state.as_str()),
            (&State::PendingAcceptance, other)
        );
    }
}

#[tokio::test]
async fn endpoints_of_another_connection_are_not_found() {
    let served = served().await;
    let request = kafka();
    let connection = ConnectionId::of(&request, request.consumer.vpc_id.as_deref().unwrap());
    let own = endpoint(&served, &connection.to_string(), EndpointState::Available);
    endpoint(&served, "plw-0123456789abcdef", EndpointState::Available);
    let found = endpoints::find_ours(&served.ec2().await.unwrap(), &connection)
        .await
        .unwrap();
    let ids: Vec<&str> = found.iter().map(|endpoint| endpoint.id.as_str()).collect();
    assert_eq!(ids, [own.as_str()]);
}
