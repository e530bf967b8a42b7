//! Updates that remove.

use crate::support::{ACCOUNT, Rig, link};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::hcp::{CLUSTER_ID, HVN_ID, PROJECT_ID, PrivateLink, default_world};
use simulators::knobs::HcpKnobs;

const OTHER: &str = "arn:aws:iam::444455556666:root";

/// A link of one account, range and region.
async fn linked(set: impl FnOnce(&mut HcpKnobs)) -> Rig {
    let mut world = default_world();
    let mut seeded = PrivateLink::available("acme-link", HVN_ID, CLUSTER_ID, &[ACCOUNT]);
    seeded.consumer_ip_ranges.push("10.0.0.0/16".to_owned());
    seeded.consumer_regions.push("us-east-1".to_owned());
    let project = world.projects.get_mut(PROJECT_ID).unwrap();
    project.links.insert("acme-link".to_owned(), seeded);
    Rig::start(1000.0, world, set).await
}

async fn updated(rig: &Rig, change: Value) -> Value {
    let (status, body) = rig.call(Method::PATCH, &link("acme-link"), Some(change)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(rig.done(&body["operation"]).await.get("error").is_none());
    rig.until_link("AVAILABLE").await
}

#[tokio::test]
async fn one_update_adds_and_removes_in_every_list() {
    let rig = linked(|_| ()).await;
    let change = json!({
        "add_consumer_accounts": [OTHER], "remove_consumer_accounts": [ACCOUNT],
        "add_consumer_ip_ranges": ["10.1.0.0/16"], "remove_consumer_ip_ranges": ["10.0.0.0/16"],
        "add_consumer_regions": ["us-west-2"], "remove_consumer_regions": ["us-east-1"],
    });
    let after = updated(&rig, change).await;
    assert_eq!(after["consumer_accounts"], json!([OTHER]));
    assert_eq!(after["consumer_ip_ranges"], json!(["10.1.0.0/16"]));
    assert_eq!(after["consumer_regions"], json!(["us-west-2"]));
    let state = rig.fabric.state();
    let service = state.services.values().next().unwrap();
    assert!(service.principals.iter().eq([OTHER]) && service.supported_regions.iter().eq(["us-west-2"]));
}

#[tokio::test]
async fn the_last_account_may_go_unless_a_knob_forbids_it() {
    let last = || json!({"remove_consumer_accounts": [ACCOUNT]});
    let rig = linked(|_| ()).await;
    assert_eq!(updated(&rig, last()).await["consumer_accounts"], json!([]));
    // Nor does it then forbid an update of something else.
    rig.fabric.change_knobs(|knobs| knobs.hcp.last_account_may_go = false);
    updated(&rig, json!({"add_consumer_regions": ["us-west-2"]})).await;

    let rig = linked(|knobs| knobs.last_account_may_go = false).await;
    let (status, body) = rig.call(Method::PATCH, &link("acme-link"), Some(last())).await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
    let replaced = json!({"add_consumer_accounts": [OTHER], "remove_consumer_accounts": [ACCOUNT]});
    assert_eq!(updated(&rig, replaced).await["consumer_accounts"], json!([OTHER]));
}
