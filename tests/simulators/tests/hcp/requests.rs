//! What is accepted and what is refused.

use crate::support::{ACCOUNT, LONG, Rig, cluster, hvn, link, links, wanted, with};
use reqwest::{Method, StatusCode};
use serde_json::json;
use simulators::hcp::{
    CLUSTER_ID, HVN_ID, PROJECT_ID, Peering, PrivateLink, REGION, TgwAttachment, World, default_world,
};
use simulators::knobs::OwnRegion;

#[tokio::test]
async fn what_the_go_client_sends_is_accepted() {
    let rig = Rig::still(|_| ()).await;
    let zero = "0001-01-01T00:00:00.000Z";
    let link = json!({
        "id": "acme-link", "vault_cluster_id": CLUSTER_ID, "consumer_accounts": [ACCOUNT], "consumer_ip_ranges": null,
        "consumer_regions": null, "created_at": zero, "updated_at": zero, "state": null, "external_name": "", "default_region": "",
        "hvn": {"id": HVN_ID, "type": "hashicorp.network.hvn", "location": {"region": {"provider": "aws", "region": REGION}}},
    });
    let (status, body) = rig.create(link).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["private_link_service"]["consumer_ip_ranges"], json!([]));
}

#[tokio::test]
async fn camel_case_is_accepted_and_snake_case_answered() {
    let rig = Rig::still(|_| ()).await;
    let body = json!({"privateLinkService": {
        "id": "acme-link", "vaultClusterId": CLUSTER_ID, "consumerAccounts": [ACCOUNT], "consumerIpRanges": ["10.0.0.0/16"],
        "hvn": {"location": {"region": {"provider": "aws", "region": REGION}}},
    }});
    let (status, body) = rig.call(Method::POST, &links(), Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(
        body["private_link_service"]["consumer_ip_ranges"],
        json!(["10.0.0.0/16"])
    );
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let rig = Rig::still(|_| ()).await;
    let good = || wanted("acme-link");
    let accounts: Vec<String> = (0..11).map(|n| format!("arn:aws:iam::1111222233{n:02}:root")).collect();
    let ranges: Vec<String> = (0..16).map(|n| format!("10.{n}.0.0/16")).collect();
    let table = [
        ("no id", with(good(), "id", json!("")), 400, 3),
        ("a long id", with(good(), "id", json!("a".repeat(37))), 400, 3),
        ("no cluster", with(good(), "vault_cluster_id", json!("")), 400, 3),
        (
            "an unknown cluster",
            with(good(), "vault_cluster_id", json!("other")),
            404,
            5,
        ),
        ("no region", with(good(), "hvn", json!({})), 400, 3),
        (
            "another region",
            with(
                good(),
                "hvn",
                json!({"location": {"region": {"provider": "aws", "region": "us-west-2"}}}),
            ),
            400,
            3,
        ),
        (
            "an account id",
            with(good(), "consumer_accounts", json!(["111122223333"])),
            400,
            3,
        ),
        ("everyone", with(good(), "consumer_accounts", json!(["*"])), 400, 3),
        (
            "a role with a path",
            with(
                good(),
                "consumer_accounts",
                json!(["arn:aws:iam::111122223333:role/a/b"]),
            ),
            400,
            3,
        ),
        (
            "no CIDR",
            with(good(), "consumer_ip_ranges", json!(["10.0.0.1"])),
            400,
            3,
        ),
        (
            "no region name",
            with(good(), "consumer_regions", json!(["ireland"])),
            400,
            3,
        ),
        (
            "11 accounts",
            with(good(), "consumer_accounts", json!(accounts)),
            400,
            3,
        ),
        ("16 ranges", with(good(), "consumer_ip_ranges", json!(ranges)), 400, 3),
        ("another type", with(good(), "id", json!(7)), 400, 3),
    ];
    for (what, body, status, code) in table {
        let (answered, body) = rig.create(body).await;
        assert_eq!(
            (answered.as_u16(), &body["code"]),
            (status, &json!(code)),
            "{what}: {body}"
        );
        assert!(
            body["details"].is_array() && !body["message"].as_str().unwrap().is_empty(),
            "{what}: {body}"
        );
    }
    let (status, _) = rig
        .call(
            Method::POST,
            &links().replace(HVN_ID, "other"),
            Some(json!({"private_link_service": good()})),
        )
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND, "an unknown HVN");
    assert_eq!(rig.recorder.writes().len(), 0);

    rig.created().await;
    let (status, body) = rig.create(good()).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!(6)));
    let (status, body) = rig.create(wanted("second-link")).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::BAD_REQUEST, &json!(9)),
        "one link for each cluster"
    );
}

type Change = Box<dyn Fn(&mut World)>;

#[tokio::test]
async fn the_state_of_network_and_cluster_is_checked() {
    let peering = |state: &str| Peering {
        id: "peer".to_owned(),
        state: state.to_owned(),
        account_id: "111122223333".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        cidr: "10.0.0.0/16".to_owned(),
    };
    let tgw = TgwAttachment {
        id: "tgw".into(),
        state: "ACTIVE".into(),
        account_id: "111122223333".into(),
        tgw_id: "tgw-1".into(),
    };
    let changes: [(&str, Change); 7] = [
        ("azure", Box::new(|w| hvn(w).provider = "azure".to_owned())),
        ("not stable", Box::new(|w| hvn(w).state = "CREATING".to_owned())),
        (
            "a peering",
            Box::new(move |w| hvn(w).peerings.push(peering("PENDING_ACCEPTANCE"))),
        ),
        (
            "a transit gateway",
            Box::new(move |w| hvn(w).tgw_attachments.push(tgw.clone())),
        ),
        ("tier", Box::new(|w| cluster(w).tier = "DEV".to_owned())),
        ("sealed", Box::new(|w| cluster(w).state = "SEALED".to_owned())),
        ("elsewhere", Box::new(|w| cluster(w).network_id = "other".to_owned())),
    ];
    for (what, change) in changes {
        let mut world = default_world();
        change(&mut world);
        let rig = Rig::start(1.0, world, |_| ()).await;
        let provider = if what == "azure" { "azure" } else { "aws" };
        let region = json!({"location": {"region": {"provider": provider, "region": REGION}}});
        let (status, body) = rig.create(with(wanted("acme-link"), "hvn", region)).await;
        assert!(matches!(status.as_u16(), 400 | 404), "{what}: {body}");
        assert!(body["code"] == 9 || body["code"] == 5, "{what}: {body}");
    }
    let mut world = default_world();
    hvn(&mut world).peerings.push(peering("EXPIRED"));
    assert_eq!(
        Rig::start(1.0, world, |_| ()).await.create(wanted("acme-link")).await.0,
        StatusCode::OK,
        "a dead peering"
    );
}

#[tokio::test]
async fn unverified_answers_to_updates_are_knobs() {
    let mut world = default_world();
    let seeded = PrivateLink::available("acme-link", HVN_ID, CLUSTER_ID, &[ACCOUNT]);
    world
        .projects
        .get_mut(PROJECT_ID)
        .unwrap()
        .links
        .insert("acme-link".to_owned(), seeded);
    let rig = Rig::start(1.0, world, |knobs| {
        knobs.strict_deltas = true;
        knobs.own_region = OwnRegion::Refused;
        knobs.limit_code = 8;
    })
    .await;
    let many: Vec<String> = (0..10).map(|n| format!("arn:aws:iam::1111222244{n:02}:root")).collect();
    for (what, change, status) in [
        ("nothing", json!({}), 400),
        ("what is there", json!({"add_consumer_accounts": [ACCOUNT]}), 400),
        (
            "what is not there",
            json!({"remove_consumer_regions": ["us-east-1"]}),
            400,
        ),
        ("the HVN's region", json!({"add_consumer_regions": [REGION]}), 400),
        ("too many", json!({"add_consumer_accounts": many}), 429),
    ] {
        let (answered, body) = rig.call(Method::PATCH, &link("acme-link"), Some(change)).await;
        assert_eq!(answered.as_u16(), status, "{what}: {body}");
    }
    rig.fabric.knobs.lock().unwrap().hcp.update_starts_after = LONG;
    let (status, _) = rig
        .call(
            Method::PATCH,
            &link("acme-link"),
            Some(json!({"add_consumer_regions": ["us-east-1"]})),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        rig.link().await.1["private_link_service"]["state"],
        "AVAILABLE",
        "for a while after the PATCH"
    );
}
