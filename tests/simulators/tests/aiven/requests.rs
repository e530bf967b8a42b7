//! What is refused.

use crate::support::{ACCOUNT, Rig, link, seed, service};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::aiven::{KAFKA_SERVICE, PG_SERVICE, PROJECT, PROJECT_VPC_ID, Vpc, default_world};

#[tokio::test]
async fn bad_requests_are_refused() {
    let mut world = default_world();
    let cloud = "aws-eu-west-1";
    seed(&mut world, "public-pg", "pg", cloud, None);
    seed(&mut world, "flink", "flink", cloud, Some(PROJECT_VPC_ID));
    seed(&mut world, "gcp-pg", "pg", "google-europe-west1", Some(PROJECT_VPC_ID));
    seed(&mut world, "young-pg", "pg", cloud, Some("young"));
    let vpc = Vpc {
        id: "young".into(),
        cloud_name: cloud.into(),
        network_cidr: "10.1.0.0/24".into(),
        state: "APPROVED".into(),
    };
    world
        .projects
        .get_mut(PROJECT)
        .unwrap()
        .vpcs
        .insert("young".to_owned(), vpc);
    let rig = Rig::start(1.0, world, |_| ()).await;
    let seventeen: Vec<String> = (0..17).map(|n| format!("arn:aws:iam::1111222233{n:02}:root")).collect();
    for (name, principals, status) in [
        (KAFKA_SERVICE, Value::Null, 400),
        (KAFKA_SERVICE, json!([]), 400),
        (KAFKA_SERVICE, json!(seventeen), 400),
        (KAFKA_SERVICE, json!(["111122223333"]), 400),
        (KAFKA_SERVICE, json!(["arn:aws:iam::111122223333:user\\john"]), 400),
        (KAFKA_SERVICE, json!("arn"), 400),
        ("public-pg", json!([ACCOUNT]), 400),
        ("flink", json!([ACCOUNT]), 400),
        ("gcp-pg", json!([ACCOUNT]), 400),
        ("none", json!([ACCOUNT]), 404),
    ] {
        let (answered, body) = rig.create(name, principals.clone()).await;
        assert_eq!(answered.as_u16(), status, "{name} {principals}: {body}");
        assert_eq!(body["errors"][0]["status"], status, "{name} {principals}");
    }
    let (status, body) = rig.create("young-pg", json!([ACCOUNT])).await;
    assert_eq!(
        (status, &body["message"]),
        (
            StatusCode::CONFLICT,
            &json!("Project VPC young is in state APPROVED, not ACTIVE")
        )
    );
    let regions: Vec<String> = (1..18).map(|n| format!("us-east-{n}")).collect();
    for regions in [json!(regions), json!(["aws-eu-west-1"]), json!(["Ireland"])] {
        let body = json!({"principals": [ACCOUNT], "supported_regions": regions});
        assert_eq!(
            rig.call(Method::POST, &link(KAFKA_SERVICE), Some(body)).await.0,
            StatusCode::BAD_REQUEST,
            "{regions}"
        );
    }
    assert_eq!(rig.recorder.writes().len(), 0);
    let principals = json!([
        "arn:aws:iam::111122223333:user/mwf",
        "arn:aws:iam::111122223333:role/app"
    ]);
    assert_eq!(rig.create(PG_SERVICE, principals).await.0, StatusCode::OK);
}

#[tokio::test]
async fn configuration_is_checked() {
    let mut world = default_world();
    seed(
        &mut world,
        "mirror",
        "kafka_mirrormaker",
        "aws-eu-west-1",
        Some(PROJECT_VPC_ID),
    );
    let rig = Rig::start(1.0, world, |_| ()).await;
    for (name, config) in [
        (KAFKA_SERVICE, json!({"privatelink_access": {"pg": true}})),
        (KAFKA_SERVICE, json!({"privatelink_access": {"kafka": "yes"}})),
        (KAFKA_SERVICE, json!({"privatelink_access": true})),
        (KAFKA_SERVICE, json!({"private_access": {"kafka": true}})),
        (KAFKA_SERVICE, json!([])),
        ("mirror", json!({"privatelink_access": {"kafka": true}})),
    ] {
        let (status, body) = rig
            .call(Method::PUT, &service(name), Some(json!({"user_config": config})))
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{config}: {body}");
    }
    assert_eq!(rig.recorder.writes().len(), 0);
}
