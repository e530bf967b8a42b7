//! A service's rows, network and power.

use crate::support::{ACCOUNT, Rig, kafka, service};
use crate::vendors::{connect, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::aiven::{KAFKA_SERVICE, PROJECT, PROJECT_VPC_ID, PrivateLink, Vpc, default_world};

#[tokio::test]
async fn rows_exist_for_each_component_method_and_connection() {
    let rig = Rig::linked(|_| ()).await;
    for _ in 0..2 {
        connect(&rig.fabric, &rig.service_id());
    }
    let ids: Vec<String> = rig
        .connections()
        .await
        .iter()
        .map(|c| c["privatelink_connection_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(rig.rows("privatelink").await.len(), 0, "nothing is enabled");
    let (status, body) = rig
        .configure(json!({"privatelink_access": {"kafka": true, "schema_registry": true, "kafka_connect": true}}))
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");

    let rows = rig.rows("privatelink").await;
    let brief: Vec<(&str, Option<&str>, &str)> = rows
        .iter()
        .map(|r| {
            let text = |key: &str| r[key].as_str();
            (
                text("component").unwrap(),
                text("kafka_authentication_method"),
                text("privatelink_connection_id").unwrap(),
            )
        })
        .collect();
    let expected = [
        ("kafka", Some("certificate"), ids[0].as_str()),
        ("kafka", Some("certificate"), ids[1].as_str()),
        ("kafka", Some("sasl"), ids[0].as_str()),
        ("kafka", Some("sasl"), ids[1].as_str()),
        // Not kafka_connect: the feature itself is off.
        ("schema_registry", None, ids[0].as_str()),
        ("schema_registry", None, ids[1].as_str()),
    ];
    assert_eq!(brief, expected);
    assert!(rows.iter().all(|row| row["usage"] == "primary"));
    assert!(rows[..4].iter().all(|row| row["kafka_ssl_ca"] == "project_ca"));

    let dynamic = rig.rows("dynamic").await;
    assert!(dynamic.iter().all(|row| row.get("privatelink_connection_id").is_none()));
    let host = dynamic[0]["host"].as_str().unwrap();
    assert_eq!(rows[0]["host"], format!("privatelink-1-{host}"));
    assert_eq!(rows[1]["host"], format!("privatelink-2-{host}"));
    let mut kafka_ports: Vec<u64> = rows[..4].iter().map(|row| row["port"].as_u64().unwrap()).collect();
    kafka_ports.sort_unstable();
    kafka_ports.dedup();
    assert_eq!(kafka_ports.len(), 4, "each connection and method has a port of its own");
    assert!(kafka_ports.iter().all(|port| (10_000..=31_000).contains(port)));
    let registry = dynamic
        .iter()
        .find(|row| row["component"] == "schema_registry")
        .unwrap();
    assert!(
        rows[4..].iter().all(|row| row["port"] == registry["port"]),
        "the others keep the dynamic port"
    );

    rig.configure(json!({"letsencrypt_sasl_privatelink": true, "privatelink_access": {"schema_registry": false}}))
        .await;
    let rows = rig.rows("privatelink").await;
    assert_eq!(rows.len(), 6, "the merge kept what was not named");
    assert_eq!(
        rows.iter().filter(|row| row["kafka_ssl_ca"] == "letsencrypt").count(),
        2
    );
    rig.fabric.knobs.lock().unwrap().aiven.reversed_rows = true;
    assert_eq!(rig.rows("privatelink").await[5], rows[0]);
    rig.fabric.knobs.lock().unwrap().aiven.null_connection_ids = true;
    assert!(
        rig.rows("dynamic")
            .await
            .iter()
            .all(|row| row.get("privatelink_connection_id") == Some(&Value::Null))
    );
}

#[tokio::test]
async fn an_enabled_component_is_not_there_at_once() {
    let mut world = default_world();
    kafka(&mut world).privatelink = Some(PrivateLink::active(&[ACCOUNT], &["444455556666", "555555555555"]));
    let rig = Rig::start(40.0, world, |_| ()).await;
    assert_eq!(rig.connections().await.len(), 2, "foreign ones");
    rig.configure(json!({"privatelink_access": {"kafka": true}})).await;
    assert_eq!(rig.rows("privatelink").await.len(), 0);
    until("rows", || async {
        (rig.rows("privatelink").await.len() == 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn connection_numbers_may_be_used_again() {
    for (reuse, expected) in [(false, "privatelink-2-"), (true, "privatelink-1-")] {
        let rig = Rig::linked(|knobs| knobs.reuse_connection_numbers = reuse).await;
        rig.configure(json!({"privatelink_access": {"kafka": true}})).await;
        let first = connect(&rig.fabric, &rig.service_id());
        assert_eq!(rig.connections().await.len(), 1);
        rig.fabric.state().endpoints.remove(&first);
        assert_eq!(rig.connections().await.len(), 0);
        connect(&rig.fabric, &rig.service_id());
        let host = rig.rows("privatelink").await[0]["host"].as_str().unwrap().to_owned();
        assert!(host.starts_with(expected), "{host}");
    }
}

#[tokio::test]
async fn the_network_of_a_service_changes_only_on_request() {
    let rig = Rig::linked(|_| ()).await;
    let put = async |body: Value| rig.call(Method::PUT, &service(KAFKA_SERVICE), Some(body)).await;
    let (_, body) = put(json!({"plan": "business-4", "user_config": {}})).await;
    assert_eq!(
        (&body["service"]["project_vpc_id"], &body["service"]["state"]),
        (&json!(PROJECT_VPC_ID), &json!("RUNNING"))
    );
    assert_eq!(put(json!({"project_vpc_id": "none"})).await.0, StatusCode::NOT_FOUND);
    let vpc = |id: &str, cloud: &str, state: &str| Vpc {
        id: id.to_owned(),
        cloud_name: cloud.to_owned(),
        network_cidr: "10.2.0.0/24".to_owned(),
        state: state.to_owned(),
    };
    let vpcs = [
        vpc("young", "aws-eu-west-1", "APPROVED"),
        vpc("far", "aws-us-east-1", "ACTIVE"),
    ];
    rig.aiven
        .world()
        .projects
        .get_mut(PROJECT)
        .unwrap()
        .vpcs
        .extend(vpcs.map(|vpc| (vpc.id.clone(), vpc)));
    let (status, body) = put(json!({"project_vpc_id": "young"})).await;
    assert_eq!(
        (status, &body["message"]),
        (
            StatusCode::CONFLICT,
            &json!("Project VPC young is in state APPROVED, not ACTIVE")
        )
    );
    assert_eq!(put(json!({"project_vpc_id": "far"})).await.0, StatusCode::BAD_REQUEST);

    let (_, body) = put(json!({"project_vpc_id": null})).await;
    assert_eq!(
        (&body["service"]["project_vpc_id"], &body["service"]["state"]),
        (&Value::Null, &json!("REBUILDING"))
    );
    assert_eq!(
        rig.link().await.0,
        StatusCode::NOT_FOUND,
        "out of the VPC, out of PrivateLink"
    );
}

#[tokio::test]
async fn a_service_without_power_has_no_privatelink() {
    let mut world = default_world();
    kafka(&mut world).privatelink = Some(PrivateLink::active(&[ACCOUNT], &[]));
    let rig = Rig::start(1000.0, world, |_| ()).await;
    let put = async |body: Value| rig.call(Method::PUT, &service(KAFKA_SERVICE), Some(body)).await;
    let (_, body) = put(json!({"powered": false})).await;
    assert_eq!(body["service"]["state"], "POWEROFF");
    assert_eq!(rig.link().await.0, StatusCode::NOT_FOUND);
    let (_, body) = put(json!({"powered": true})).await;
    assert_eq!(body["service"]["state"], "REBUILDING");
    until("RUNNING", || async {
        let (_, body) = rig.call(Method::GET, &service(KAFKA_SERVICE), None).await;
        (body["service"]["state"] == "RUNNING").then_some(())
    })
    .await;
}
