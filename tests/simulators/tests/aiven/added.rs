//! Services that a test adds.

use crate::support::{ACCOUNT, Rig, kafka, link, service};
use crate::vendors::{connect, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::aiven::{KAFKA_SERVICE, PROJECT, PROJECT_VPC_ID};

async fn read(rig: &Rig, name: &str) -> Value {
    let (status, body) = rig.call(Method::GET, &service(name), None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["service"].clone()
}

/// Component, route and authentication method of each row; host and port of each row.
fn rows(service: &Value) -> (Vec<String>, Vec<String>) {
    let rows = service["components"].as_array().unwrap();
    let kind = |row: &Value| {
        format!(
            "{} {} {}",
            row["component"], row["route"], row["kafka_authentication_method"]
        )
    };
    let address = |row: &Value| format!("{}:{}", row["host"], row["port"]);
    (rows.iter().map(kind).collect(), rows.iter().map(address).collect())
}

#[tokio::test]
async fn an_added_service_is_as_the_first_of_its_type_but_elsewhere() {
    let rig = Rig::still(|_| ()).await;
    {
        let mut world = rig.aiven.world();
        let project = world.projects.get_mut(PROJECT).unwrap();
        project.add_service("second", "kafka");
        project.add_service("third", "kafka");
        project.add_service("search", "opensearch").plan = "startup-4".to_owned();
    }
    let first = rows(&read(&rig, KAFKA_SERVICE).await);
    let (second, third) = (read(&rig, "second").await, read(&rig, "third").await);
    assert_eq!(
        (&second["state"], &second["project_vpc_id"]),
        (&json!("RUNNING"), &json!(PROJECT_VPC_ID))
    );
    assert_eq!(second["cloud_name"], "aws-eu-west-1");
    let (second, third) = (rows(&second), rows(&third));
    assert_eq!((&second.0, &third.0), (&first.0, &first.0));
    let ports = |rows: &(_, Vec<String>)| -> Vec<String> {
        let port = |address: &String| address.rsplit(':').next().unwrap().to_owned();
        rows.1.iter().map(port).collect()
    };
    for (some, other) in [(&first, &second), (&second, &third), (&first, &third)] {
        assert!(some.1.iter().all(|address| !other.1.contains(address)));
        let other = ports(other);
        assert!(ports(some).iter().all(|port| !other.contains(port)));
    }
    let search = read(&rig, "search").await;
    assert_eq!(search["plan"], "startup-4");
    assert_eq!(rows(&search).0[0], "\"opensearch\" \"dynamic\" null");
}

#[tokio::test]
async fn connections_to_two_services_have_ports_of_their_own() {
    let rig = Rig::linked(|knobs| knobs.creation = std::time::Duration::ZERO).await;
    rig.aiven
        .world()
        .projects
        .get_mut(PROJECT)
        .unwrap()
        .add_service("second", "kafka");
    assert_eq!(rig.create("second", json!([ACCOUNT])).await.0, StatusCode::OK);
    let link = until("the second link", || async {
        let (_, body) = rig.call(Method::GET, &link("second"), None).await;
        (body["state"] == "active").then_some(body)
    })
    .await;
    connect(&rig.fabric, link["aws_service_id"].as_str().unwrap());
    connect(&rig.fabric, &rig.service_id());
    let mut world = rig.aiven.world();
    let first = kafka(&mut world).privatelink.clone().unwrap().connections[0].kafka_ports;
    let project = &world.projects[PROJECT];
    let second = project.services["second"].privatelink.clone().unwrap().connections[0].kafka_ports;
    assert!(first.iter().all(|port| !second.contains(port)), "{first:?} {second:?}");
    assert!(second.iter().all(|port| (10_000..=31_000).contains(port)));
}

#[tokio::test]
async fn a_service_of_another_region_is_in_a_vpc_there() {
    let rig = Rig::fast(|_| ()).await;
    {
        let mut world = rig.aiven.world();
        let project = world.projects.get_mut(PROJECT).unwrap();
        project.add_service_in("far", "pg", "eu-central-1");
        project.add_service_in("farther", "kafka", "eu-central-1");
        assert_eq!(project.vpcs.len(), 2);
    }
    for name in ["far", "farther"] {
        let far = read(&rig, name).await;
        assert_eq!(far["cloud_name"], "aws-eu-central-1");
        let vpc = format!("/v1/project/{PROJECT}/vpcs/{}", far["project_vpc_id"].as_str().unwrap());
        let (_, vpc) = rig.call(Method::GET, &vpc, None).await;
        assert_eq!(
            (&vpc["state"], &vpc["cloud_name"]),
            (&json!("ACTIVE"), &json!("aws-eu-central-1"))
        );
    }
    let path = format!("/v1/project/{PROJECT}/privatelink-availability");
    let (_, body) = rig.call(Method::GET, &path, None).await;
    let clouds = body["privatelink_availability"].as_array().unwrap();
    assert_eq!(
        clouds
            .iter()
            .filter(|cloud| cloud["cloud_name"] == "aws-eu-central-1")
            .count(),
        1
    );

    rig.create("far", json!([ACCOUNT])).await;
    let name = until("the far link", || async {
        let (_, body) = rig.call(Method::GET, &link("far"), None).await;
        body["aws_service_name"].as_str().map(str::to_owned)
    })
    .await;
    assert!(name.starts_with("com.amazonaws.vpce.eu-central-1.vpce-svc-"), "{name}");
    let state = rig.fabric.state();
    let offered = state.services.values().find(|service| service.name == name).unwrap();
    assert_eq!(offered.zone_ids[0], "euc1-az1");
}
