//! A PrivateLink's states, and its connections'.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{ACCOUNT, LONG, Rig, kafka, link};
use crate::vendors::{connect, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::aiven::{KAFKA_SERVICE, PG_SERVICE, PrivateLink, ServiceState, ZONE_IDS, default_world};
use simulators::fabric::EndpointState;

#[tokio::test]
async fn a_privatelink_is_created_and_then_offered() {
    let rig = Rig::fast(|_| ()).await;
    assert_eq!(rig.link().await.0, StatusCode::NOT_FOUND);
    let path = format!("{}?limit=999", link(KAFKA_SERVICE));
    let body = json!({"principals": [ACCOUNT, ACCOUNT], "supported_regions": ["us-east-1", "eu-west-1"]});
    let (status, created) = rig.call(Method::POST, &path, Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    assert_eq!(created["state"], "creating");
    assert_eq!(
        (&created["aws_service_id"], &created["aws_service_name"]),
        (&Value::Null, &Value::Null)
    );
    assert!(rig.fabric.state().services.is_empty());

    let active = rig.until_link("active").await;
    assert_eq!(active["principals"], json!([ACCOUNT]));
    assert_eq!(
        active["supported_regions"],
        json!(["us-east-1"]),
        "the service's own is understood"
    );
    let service = rig.fabric.state().services[active["aws_service_id"].as_str().unwrap()].clone();
    assert_eq!(active["aws_service_name"], service.name.as_str());
    assert!(service.name.starts_with("com.amazonaws.vpce.eu-west-1.vpce-svc-"));
    assert_eq!(
        (service.principals, service.zone_ids),
        (
            BTreeSet::from([ACCOUNT.to_owned()]),
            ZONE_IDS.map(str::to_owned).to_vec()
        )
    );
    let (status, body) = rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(body["message"].as_str().unwrap().contains("already exists"));
}

#[tokio::test]
async fn a_privatelink_stays_creating_until_its_service_runs() {
    let mut world = default_world();
    kafka(&mut world).state = ServiceState::Rebalancing;
    let rig = Rig::start(1000.0, world, |knobs| knobs.creation = Duration::ZERO).await;
    rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await;
    assert_eq!(rig.link().await.1["state"], "creating");
    kafka(&mut rig.aiven.world()).state = ServiceState::Running;
    assert_eq!(rig.link().await.1["state"], "active");
}

#[tokio::test]
async fn an_update_replaces_the_lists() {
    let rig = Rig::linked(|_| ()).await;
    let other = "arn:aws:iam::444455556666:role/app";
    let put = async |body: Value| rig.call(Method::PUT, &link(KAFKA_SERVICE), Some(body)).await;
    let (status, body) = put(json!({"principals": [other]})).await;
    assert_eq!(
        (status, &body["principals"], &body["state"]),
        (StatusCode::OK, &json!([other]), &json!("active"))
    );
    // What avn sends when only regions are given.
    let (status, body) = put(json!({"principals": null, "supported_regions": ["us-east-1"]})).await;
    assert_eq!((status, &body["principals"]), (StatusCode::OK, &json!([other])));
    // Looked up first: the vendor looks at the fabric itself.
    let id = rig.service_id();
    let service = rig.fabric.state().services[&id].clone();
    assert_eq!(service.principals, BTreeSet::from([other.to_owned()]));
    assert_eq!(service.supported_regions, BTreeSet::from(["us-east-1".to_owned()]));
    assert_eq!(put(json!({"principals": null})).await.0, StatusCode::BAD_REQUEST);

    rig.fabric.knobs.lock().unwrap().aiven.cross_region = false;
    assert_eq!(
        put(json!({"supported_regions": ["us-east-1"]})).await.0,
        StatusCode::FORBIDDEN
    );
    rig.fabric.knobs.lock().unwrap().aiven.update_leaves_active = LONG;
    let (_, body) = put(json!({"principals": [ACCOUNT]})).await;
    assert_eq!(body["state"], "creating");
    assert!(body["aws_service_id"].is_string());
    assert_eq!(
        rig.call(Method::PUT, &link(PG_SERVICE), Some(json!({"principals": [ACCOUNT]})))
            .await
            .0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_deletion_withdraws_the_service_and_ends_in_404() {
    let rig = Rig::linked(|knobs| knobs.deletion = LONG).await;
    let id = rig.service_id();
    let endpoint = connect(&rig.fabric, &id);
    let (status, body) = rig.call(Method::DELETE, &link(KAFKA_SERVICE), None).await;
    assert_eq!(
        (status, &body["state"], &body["aws_service_id"]),
        (StatusCode::OK, &json!("deleting"), &json!(id))
    );
    assert!(rig.fabric.state().services.is_empty());
    assert_eq!(rig.fabric.state().endpoints[&endpoint].state, EndpointState::Rejected);
    assert_eq!(rig.connections().await.len(), 0);
    assert_eq!(
        rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        rig.call(
            Method::PUT,
            &link(KAFKA_SERVICE),
            Some(json!({"principals": [ACCOUNT]}))
        )
        .await
        .0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        rig.call(Method::DELETE, &link(KAFKA_SERVICE), None).await.0,
        StatusCode::OK
    );
    rig.fabric.knobs.lock().unwrap().aiven.second_delete_conflicts = true;
    assert_eq!(
        rig.call(Method::DELETE, &link(KAFKA_SERVICE), None).await.0,
        StatusCode::CONFLICT
    );

    let rig = Rig::fast(|_| ()).await;
    rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await;
    rig.call(Method::DELETE, &link(KAFKA_SERVICE), None).await;
    until("404", || async {
        (rig.link().await.0 == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    assert_eq!(
        rig.call(Method::DELETE, &link(KAFKA_SERVICE), None).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await.0, StatusCode::OK);
}

#[tokio::test]
async fn changes_while_creating_may_be_refused_and_new_ones_unseen() {
    let rig = Rig::still(|knobs| knobs.creation = LONG).await;
    rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await;
    let status = async |method: Method| {
        rig.call(method, &link(KAFKA_SERVICE), Some(json!({"principals": [ACCOUNT]})))
            .await
            .0
            .as_u16()
    };
    assert_eq!(status(Method::PUT).await, 200);
    rig.fabric.knobs.lock().unwrap().aiven.refuse_changes_while_creating = true;
    assert_eq!(status(Method::PUT).await, 409);
    assert_eq!(status(Method::DELETE).await, 409);
    rig.fabric.knobs.lock().unwrap().aiven.visibility_lag = LONG;
    assert_eq!(status(Method::GET).await, 404);
}

#[tokio::test]
async fn an_available_endpoint_becomes_a_connection() {
    let mut world = default_world();
    kafka(&mut world).privatelink = Some(PrivateLink::active(&[ACCOUNT], &[]));
    let rig = Rig::start(40.0, world, |knobs| {
        knobs.connection_activation = Duration::from_secs(60)
    })
    .await;
    rig.link().await;
    let endpoint = connect(&rig.fabric, &rig.service_id());
    assert_eq!(rig.connections().await.len(), 0, "not at once");
    let connected = rig.until_connection("connected").await;
    assert_eq!(
        (&connected["vpc_endpoint_id"], &connected["privatelink_connection_id"]),
        (&json!(endpoint), &Value::Null)
    );
    assert!(connected["dns_name"].as_str().unwrap().starts_with(&endpoint));
    let active = rig.until_connection("active").await;
    let id = active["privatelink_connection_id"].as_str().unwrap();
    assert!(
        id.len() == 14 && id.starts_with("plc") && id[3..].chars().all(|c| c.is_ascii_hexdigit()),
        "{id}"
    );

    rig.fabric
        .state()
        .endpoints
        .get_mut(&endpoint)
        .unwrap()
        .enter(EndpointState::Deleting, rig.fabric.clock.now());
    assert_eq!(rig.connections().await.len(), 0, "gone with its endpoint");
}

#[tokio::test]
async fn a_lost_event_needs_a_refresh() {
    let rig = Rig::linked(|knobs| knobs.listing_lag = None).await;
    let refresh = || {
        rig.call(
            Method::POST,
            "/v1/project/acme-prod/service/orders-kafka/privatelink/aws/refresh",
            None,
        )
    };
    assert_eq!(refresh().await.0, StatusCode::OK);
    connect(&rig.fabric, &rig.service_id());
    assert_eq!(rig.connections().await.len(), 0, "the refresh came before");
    assert_eq!(refresh().await, (StatusCode::OK, json!({"message": "refreshed"})));
    assert_eq!(rig.connections().await.len(), 1);
    assert_eq!(
        rig.call(Method::POST, &format!("{}/refresh", link(PG_SERVICE)), None)
            .await
            .0,
        StatusCode::NOT_FOUND
    );
}
