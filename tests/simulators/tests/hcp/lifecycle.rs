//! A private link's states, and its operations'.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{ACCOUNT, LONG, Rig, cluster, link, operations, wanted, with};
use crate::vendors::{connect, until};
use reqwest::{Method, StatusCode};
use serde_json::json;
use simulators::fabric::{EndpointState, Fabric};
use simulators::hcp::{CLUSTER_ID, HVN_ID, PROJECT_ID, PrivateLink, REGION, ZONE_IDS, default_world};
use simulators::knobs::SecondDelete;

#[tokio::test]
async fn a_link_is_created_and_then_offered() {
    let rig = Rig::fast(|_| ()).await;
    let body = rig.created().await;
    let link = &body["private_link_service"];
    assert_eq!(
        (&link["state"], &link["external_name"]),
        (&json!("CREATING"), &json!(""))
    );
    assert_eq!(
        (&link["default_region"], &link["consumer_regions"]),
        (&json!(REGION), &json!(["us-east-1"]))
    );
    assert_eq!(
        link["hvn"]["location"]["region"],
        json!({"provider": "aws", "region": REGION})
    );
    assert_eq!(body["operation"]["link"]["id"], "acme-link");

    let operation = rig.done(&body["operation"]).await;
    assert!(operation.get("error").is_none(), "{operation}");
    let link = rig.until_link("AVAILABLE").await;
    let name = link["external_name"].as_str().unwrap();
    let service = rig
        .fabric
        .state()
        .services
        .values()
        .find(|service| service.name == name)
        .cloned()
        .unwrap();
    assert_eq!(
        (service.region.as_str(), service.zone_ids),
        (REGION, ZONE_IDS.map(str::to_owned).to_vec())
    );
    assert_eq!(service.principals, BTreeSet::from([ACCOUNT.to_owned()]));
    assert_eq!(service.supported_regions, BTreeSet::from(["us-east-1".to_owned()]));
}

#[tokio::test]
async fn operations_pass_through_their_states() {
    let rig = Rig::fast(|knobs| {
        knobs.operation_pending = Duration::from_secs(60);
        knobs.creation = Duration::from_secs(1000);
    })
    .await;
    let operation = rig.created().await["operation"].clone();
    let mut seen = vec![operation["state"].as_str().unwrap().to_owned()];
    // A project may be left open.
    let path = format!("{}/{}", operations("-"), operation["id"].as_str().unwrap());
    while seen.last().unwrap() != "DONE" {
        let (_, body) = rig.call(Method::GET, &path, None).await;
        let state = body["operation"]["state"].as_str().unwrap().to_owned();
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    assert_eq!(seen, ["PENDING", "RUNNING", "DONE"]);
    let (_, body) = rig
        .call(
            Method::GET,
            &format!("{}?linked_resource.id=acme-link", operations(PROJECT_ID)),
            None,
        )
        .await;
    assert_eq!(body["operations"][0]["id"], operation["id"]);
    let (_, body) = rig
        .call(
            Method::GET,
            &format!("{}?linked_resource.id=other", operations(PROJECT_ID)),
            None,
        )
        .await;
    assert_eq!(body["operations"], json!([]));
    let (status, body) = rig
        .call(
            Method::GET,
            &format!("{}/none/wait?timeout=5s", operations(PROJECT_ID)),
            None,
        )
        .await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!(5)));
}

#[tokio::test]
async fn a_wait_that_times_out_is_no_error() {
    let rig = Rig::fast(|knobs| knobs.creation = LONG).await;
    let operation = &rig.created().await["operation"];
    let path = format!(
        "{}/{}/wait?timeout=5s",
        operations(PROJECT_ID),
        operation["id"].as_str().unwrap()
    );
    let (status, body) = rig.call(Method::GET, &path, None).await;
    assert_eq!(
        (status, &body["operation"]["state"]),
        (StatusCode::OK, &json!("RUNNING"))
    );
}

#[tokio::test]
async fn an_update_is_a_delta_and_only_legal_when_available() {
    let rig = Rig::fast(|_| ()).await;
    rig.fabric.knobs.lock().unwrap().hcp.creation = LONG;
    rig.created().await;
    let add = json!({"id": "acme-link", "add_consumer_accounts": ["arn:aws:iam::444455556666:role/app"], "remove_consumer_accounts": null});
    let (status, body) = rig.call(Method::PATCH, &link("acme-link"), Some(add)).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::BAD_REQUEST, &json!(9)),
        "CREATING"
    );

    let mut world = default_world();
    let seeded = PrivateLink::available("acme-link", HVN_ID, CLUSTER_ID, &["arn:aws:iam::555555555555:root"]);
    world
        .projects
        .get_mut(PROJECT_ID)
        .unwrap()
        .links
        .insert("acme-link".to_owned(), seeded);
    let rig = Rig::start(1000.0, world, |_| ()).await;
    let change = json!({"add_consumer_accounts": [ACCOUNT], "add_consumer_ip_ranges": ["10.1.0.0/16"], "addConsumerRegions": ["us-east-2", REGION]});
    let (status, body) = rig.call(Method::PATCH, &link("acme-link"), Some(change)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1, "only the operation");
    rig.done(&body["operation"]).await;
    let after = rig.until_link("AVAILABLE").await;
    assert_eq!(
        after["consumer_accounts"],
        json!(["arn:aws:iam::555555555555:root", ACCOUNT])
    );
    assert_eq!(after["consumer_regions"], json!(["us-east-2"]), "without the HVN's own");
    let service = rig.fabric.state().services.values().next().cloned().unwrap();
    assert_eq!(service.principals.len(), 2);

    let change = json!({"id": "acme-link", "remove_consumer_accounts": ["arn:aws:iam::555555555555:root"], "remove_consumer_ip_ranges": ["10.1.0.0/16"]});
    let (_, body) = rig.call(Method::PATCH, &link("acme-link"), Some(change)).await;
    rig.done(&body["operation"]).await;
    let after = rig.until_link("AVAILABLE").await;
    assert_eq!(
        (&after["consumer_accounts"], &after["consumer_ip_ranges"]),
        (&json!([ACCOUNT]), &json!([]))
    );
    let (status, _) = rig
        .call(Method::PATCH, &link("acme-link"), Some(json!({"id": "other"})))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_deletion_withdraws_the_service_and_ends_in_404() {
    let rig = Rig::fast(|_| ()).await;
    rig.created().await;
    rig.until_link("AVAILABLE").await;
    rig.fabric.knobs.lock().unwrap().hcp.deletion = LONG;
    let (status, body) = rig
        .call(
            Method::DELETE,
            &format!("{}?location.region.provider=aws", link("acme-link")),
            None,
        )
        .await;
    assert_eq!(
        (status, &body["operation"]["link"]["id"]),
        (StatusCode::OK, &json!("acme-link"))
    );
    assert_eq!(rig.link().await.1["private_link_service"]["state"], "DELETING");
    assert!(rig.fabric.state().services.is_empty());
    let (status, body) = rig.call(Method::DELETE, &link("acme-link"), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["operation"]["error"]["message"], "execution already started");
    for (answer, status) in [(SecondDelete::Unavailable, 503), (SecondDelete::NotFound, 404)] {
        rig.fabric.knobs.lock().unwrap().hcp.second_delete = answer;
        assert_eq!(
            rig.call(Method::DELETE, &link("acme-link"), None).await.0.as_u16(),
            status
        );
    }
    assert_eq!(
        rig.create(wanted("acme-link")).await.0,
        StatusCode::CONFLICT,
        "the id is still taken"
    );

    let rig = Rig::fast(|_| ()).await;
    rig.created().await;
    let (_, body) = rig.call(Method::DELETE, &link("acme-link"), None).await;
    rig.done(&body["operation"]).await;
    let body = until("404", || async {
        Some(rig.link().await).filter(|(status, _)| *status == StatusCode::NOT_FOUND)
    })
    .await
    .1;
    assert_eq!(body["code"], 5);
    assert_eq!(
        rig.call(Method::DELETE, &link("acme-link"), None).await.0,
        StatusCode::NOT_FOUND
    );
    rig.created().await;
}

#[tokio::test]
async fn failures_are_told_by_the_operation() {
    let rig = Rig::fast(|knobs| knobs.fail_creation = Some("terraform apply failed".to_owned())).await;
    let body = rig.created().await;
    let operation = rig.done(&body["operation"]).await;
    assert_eq!(
        operation["error"],
        json!({"code": 13, "message": "terraform apply failed", "details": []})
    );
    rig.until_link("FAILED").await;
    assert!(rig.fabric.state().services.is_empty());

    let mut world = default_world();
    cluster(&mut world).tier = "DEV".to_owned();
    let rig = Rig::start(1000.0, world, |knobs| knobs.rules_in_operation = true).await;
    let operation = rig.done(&rig.created().await["operation"]).await;
    assert_eq!(operation["error"]["code"], 9);

    let rig =
        Rig::fast(|knobs| (knobs.fail_update, knobs.fail_deletion) = (Some("no".to_owned()), Some("no".to_owned())))
            .await;
    rig.created().await;
    rig.until_link("AVAILABLE").await;
    rig.call(
        Method::PATCH,
        &link("acme-link"),
        Some(json!({"add_consumer_regions": ["us-west-2"]})),
    )
    .await;
    assert_eq!(rig.until_link("FAILED").await["consumer_regions"], json!(["us-east-1"]));
    let (_, body) = rig.call(Method::DELETE, &link("acme-link"), None).await;
    assert_eq!(rig.done(&body["operation"]).await["error"]["message"], "no");
}

#[tokio::test]
async fn the_external_name_may_be_there_at_once() {
    let rig = Rig::still(|knobs| knobs.external_name_at_once = true).await;
    let name = rig.created().await["private_link_service"]["external_name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(name.starts_with("com.amazonaws.vpce.eu-west-1.vpce-svc-"));
    assert!(
        rig.fabric
            .state()
            .services
            .values()
            .all(|service| service.principals.is_empty()),
        "but not for use"
    );
}

#[tokio::test]
async fn an_equal_create_may_be_idempotent() {
    let rig = Rig::still(|knobs| knobs.idempotent_create = true).await;
    let first = rig.created().await;
    assert_eq!(rig.created().await["operation"]["id"], first["operation"]["id"]);
    let other = with(wanted("acme-link"), "consumer_accounts", json!([]));
    assert_eq!(rig.create(other).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn connected_consumers_can_block_a_deletion_or_are_rejected() {
    let rig = Rig::fast(|knobs| knobs.connections_block_deletion = true).await;
    rig.created().await;
    rig.until_link("AVAILABLE").await;
    let endpoint = consumer_endpoint(&rig.fabric);
    let (status, body) = rig.call(Method::DELETE, &link("acme-link"), None).await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(9)));
    rig.fabric.knobs.lock().unwrap().hcp.connections_block_deletion = false;
    assert_eq!(
        rig.call(Method::DELETE, &link("acme-link"), None).await.0,
        StatusCode::OK
    );
    assert_eq!(rig.fabric.state().endpoints[&endpoint].state, EndpointState::Rejected);
}

fn consumer_endpoint(fabric: &Fabric) -> String {
    let service = fabric.state().services.values().next().cloned().unwrap();
    connect(fabric, &service.id)
}
