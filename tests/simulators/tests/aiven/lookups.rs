//! Service types, the CA, VPCs and availability.

use crate::support::Rig;
use reqwest::{Method, StatusCode};
use serde_json::json;
use simulators::aiven::{PG_SERVICE, PROJECT, PROJECT_VPC_ID};

#[tokio::test]
async fn look_ups_answer() {
    let rig = Rig::still(|_| ()).await;
    let get = async |path: &str| {
        rig.call(Method::GET, &format!("/v1/project/{PROJECT}/{path}"), None)
            .await
    };
    let (_, body) = get("service-types/kafka").await;
    let access = &body["user_config_schema"]["properties"]["privatelink_access"]["properties"];
    assert_eq!(access.as_object().unwrap().len(), 6);
    assert_eq!(access["kafka"]["type"], "boolean");
    let public = &body["user_config_schema"]["properties"]["public_access"]["properties"];
    assert_eq!(public.as_object().unwrap().len(), 5, "jolokia is for PrivateLink alone");
    assert_eq!(get("service-types/none").await.0, StatusCode::NOT_FOUND);
    let (_, body) = get("service_types").await;
    assert_eq!(body["service_types"].as_object().unwrap().len(), 12);
    let (_, body) = get("kms/ca").await;
    assert!(
        body["certificate"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let (_, body) = get("privatelink-availability").await;
    assert_eq!(
        body["privatelink_availability"][0],
        json!({"cloud_name": "aws-eu-west-1", "price_usd": "0.0600"})
    );
    let (_, body) = get("vpcs").await;
    assert_eq!(body["vpcs"][0]["state"], "ACTIVE");
    let (_, body) = get(&format!("vpcs/{PROJECT_VPC_ID}")).await;
    assert_eq!(body["cloud_name"], "aws-eu-west-1");
    assert_eq!(get("elsewhere").await.0, StatusCode::NOT_FOUND);
    let (_, body) = get(&format!("service/{PG_SERVICE}")).await;
    let components: Vec<&str> = body["service"]["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["component"].as_str().unwrap())
        .collect();
    assert_eq!(components, ["pg", "pgbouncer"]);
}
