//! Clusters that a test adds.

use crate::support::{Rig, clusters, project_path, wanted, with};
use reqwest::{Method, StatusCode};
use serde_json::json;
use simulators::hcp::{CLUSTER_ID, HVN_ID, PROJECT_ID};

#[tokio::test]
async fn an_added_cluster_has_a_network_and_a_link_of_its_own() {
    let rig = Rig::fast(|_| ()).await;
    {
        let mut world = rig.hcp.world();
        let project = world.projects.get_mut(PROJECT_ID).unwrap();
        project.add_cluster("second");
        project.add_cluster_in("third", "us-east-1").tier = "PLUS_SMALL".to_owned();
    }
    let mut networks = Vec::new();
    let mut names = Vec::new();
    for (cluster, region, tier) in [
        (CLUSTER_ID, "eu-west-1", "STANDARD_SMALL"),
        ("second", "eu-west-1", "STANDARD_SMALL"),
        ("third", "us-east-1", "PLUS_SMALL"),
    ] {
        let path = format!("{}/{cluster}", clusters());
        let body = rig.call(Method::GET, &path, None).await.1["cluster"].clone();
        assert_eq!(
            (&body["state"], &body["config"]["tier"]),
            (&json!("RUNNING"), &json!(tier))
        );
        assert_eq!(body["location"]["region"]["region"], region);
        names.push(body["dns_names"]["private"].as_str().unwrap().to_owned());

        let hvn = body["config"]["network_config"]["network_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let path = format!("{}/networks/{hvn}", project_path("network/2020-09-07", PROJECT_ID));
        let network = rig.call(Method::GET, &path, None).await.1["network"].clone();
        assert_eq!(network["state"], "STABLE");
        networks.push((hvn, network["cidr_block"].as_str().unwrap().to_owned()));
        if cluster == CLUSTER_ID {
            continue;
        }
        let link = with(wanted(&format!("{cluster}-link")), "vault_cluster_id", json!(cluster));
        let region = json!({"location": {"region": {"provider": "aws", "region": region}}});
        let body = json!({"private_link_service": with(link, "hvn", region)});
        let path = format!("{path}/private-link-services");
        let (status, body) = rig.call(Method::POST, &path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        rig.done(&body["operation"]).await;
    }
    assert_eq!(networks[0], (HVN_ID.to_owned(), "172.25.16.0/20".to_owned()));
    assert_eq!(networks[1], ("second-hvn".to_owned(), "172.25.32.0/20".to_owned()));
    assert_eq!(networks[2], ("third-hvn".to_owned(), "172.25.48.0/20".to_owned()));
    for (name, cluster) in names[1..].iter().zip(["second", "third"]) {
        let hex = name.strip_prefix(&format!("{cluster}.private.vault.")).unwrap();
        let hex = hex.strip_suffix(".aws.hashicorp.cloud").unwrap();
        assert!(hex.len() == 8 && u32::from_str_radix(hex, 16).is_ok(), "{name}");
    }
    drop(rig.hcp.world());
    let state = rig.fabric.state();
    let mut offered: Vec<_> = state.services.values().map(|s| (&*s.region, &*s.zone_ids[0])).collect();
    offered.sort_unstable();
    assert_eq!(offered, [("eu-west-1", "euw1-az1"), ("us-east-1", "use1-az1")]);
}
