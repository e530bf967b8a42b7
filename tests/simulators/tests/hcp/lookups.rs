//! Networks and clusters.

use crate::support::{ACCOUNT, Rig, clusters, link, links, network};
use crate::vendors::until;
use reqwest::{Method, StatusCode};
use serde_json::json;
use simulators::hcp::{CLUSTER_ID, CLUSTER_PRIVATE_DNS, Cluster, HVN_ID, PROJECT_ID, PrivateLink, default_world};

#[tokio::test]
async fn networks_and_clusters_can_be_looked_up() {
    let rig = Rig::still(|_| ()).await;
    let (_, body) = rig
        .call(Method::GET, &format!("{}?location.region.region=x", network()), None)
        .await;
    assert_eq!(
        (
            &body["network"]["state"],
            &body["network"]["location"]["region"]["provider"]
        ),
        (&json!("STABLE"), &json!("aws"))
    );
    for (path, key) in [
        ("/peerings", "peerings"),
        (
            "/transit-gateway-attachments?states=ACTIVE&states=CREATING",
            "tgw_attachments",
        ),
    ] {
        let (_, body) = rig.call(Method::GET, &format!("{}{path}", network()), None).await;
        assert_eq!(body[key], json!([]));
    }
    let (_, body) = rig
        .call(Method::GET, &format!("{}/dependencies", network()), None)
        .await;
    assert_eq!(body["dependencies"][0]["id"], CLUSTER_ID);
    let (_, body) = rig
        .call(Method::GET, &format!("{}/{CLUSTER_ID}", clusters()), None)
        .await;
    assert_eq!(body["cluster"]["dns_names"]["private"], CLUSTER_PRIVATE_DNS);
    assert_eq!(
        (&body["cluster"]["state"], &body["cluster"]["config"]["tier"]),
        (&json!("RUNNING"), &json!("STANDARD_SMALL"))
    );
    for path in [
        network().replace(HVN_ID, "other"),
        format!("{}/other", clusters()),
        link("other"),
        "/elsewhere".to_owned(),
    ] {
        let (status, body) = rig.call(Method::GET, &path, None).await;
        assert_eq!(
            (status, &body["code"], &body["details"]),
            (StatusCode::NOT_FOUND, &json!(5), &json!([])),
            "{path}"
        );
    }
    assert_eq!(
        rig.call(Method::PUT, &link("other"), None).await.0,
        StatusCode::NOT_IMPLEMENTED
    );
}

#[tokio::test]
async fn lists_have_pages() {
    let mut world = default_world();
    let project = world.projects.get_mut(PROJECT_ID).unwrap();
    for n in 0..3 {
        let (cluster_id, link_id) = (format!("vault-{n}"), format!("link-{n}"));
        project.clusters.insert(
            cluster_id.clone(),
            Cluster::running(&cluster_id, "PLUS_SMALL", HVN_ID, "x"),
        );
        project.links.insert(
            link_id.clone(),
            PrivateLink::available(&link_id, HVN_ID, &cluster_id, &[ACCOUNT]),
        );
    }
    let rig = Rig::start(1.0, world, |_| ()).await;
    let (_, first) = rig
        .call(Method::GET, &format!("{}?pagination.page_size=2", links()), None)
        .await;
    assert_eq!(first["private_link_services"].as_array().unwrap().len(), 2);
    assert!(
        first["private_link_services"][0]["external_name"]
            .as_str()
            .unwrap()
            .contains("vpce-svc-"),
        "seeds are offered"
    );
    let token = first["pagination"]["next_page_token"].as_str().unwrap();
    let (_, second) = rig
        .call(
            Method::GET,
            &format!("{}?pagination.page_size=2&pagination.next_page_token={token}", links()),
            None,
        )
        .await;
    assert_eq!(second["private_link_services"][0]["id"], "link-2");
    assert_eq!(second["pagination"]["next_page_token"], "");
}

#[tokio::test]
async fn a_cluster_with_a_link_is_not_deleted() {
    let rig = Rig::fast(|_| ()).await;
    rig.created().await;
    let path = format!("{}/{CLUSTER_ID}", clusters());
    let (status, body) = rig.call(Method::DELETE, &path, None).await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(9)));
    let (_, body) = rig.call(Method::DELETE, &link("acme-link"), None).await;
    rig.done(&body["operation"]).await;
    let (status, _) = until("the link to go", || async {
        Some(rig.call(Method::DELETE, &path, None).await).filter(|a| a.0 == StatusCode::OK)
    })
    .await;
    assert_eq!(status, StatusCode::OK);
    until("the cluster to go", || async {
        (rig.call(Method::GET, &path, None).await.0 == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
}
