//! Callers, the network below endpoints, and what is sent on to the emulator.

use axum::Router;
use axum::http::HeaderMap;
use simulators::ec2::World;
use simulators::server::Server;

use crate::support::{ACCOUNT, OTHER_ACCOUNT, REGION, SUBNET_A, SUBNET_B, SUBNET_C, VPC, cloud, cloud_of};

#[tokio::test]
async fn the_network_of_the_callers_account_and_region_is_described() {
    let cloud = cloud().await;
    let vpcs = cloud.call("DescribeVpcs", &[("VpcId.1", VPC)]).await;
    assert_eq!(vpcs.text("cidrBlock").as_deref(), Some("10.20.0.0/16"));
    assert!(
        cloud
            .call_as(ACCOUNT, "us-east-1", "DescribeVpcs", &[])
            .await
            .texts("vpcId")
            .is_empty()
    );
    let other = cloud
        .call_as(OTHER_ACCOUNT, REGION, "DescribeVpcs", &[("VpcId.1", VPC)])
        .await;
    other.assert_error(400, "InvalidVpcID.NotFound", VPC);

    for attribute in ["enableDnsSupport", "enableDnsHostnames"] {
        let answer = cloud
            .call("DescribeVpcAttribute", &[("VpcId", VPC), ("Attribute", attribute)])
            .await;
        assert_eq!(answer.text(attribute).as_deref(), Some("<value>true</value>"));
    }
    let subnets = cloud
        .call(
            "DescribeSubnets",
            &[("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", VPC)],
        )
        .await;
    assert_eq!(subnets.texts("subnetId"), [SUBNET_A, SUBNET_B, SUBNET_C]);
    assert_eq!(
        subnets.texts("availabilityZoneId"),
        ["euw1-az1", "euw1-az2", "euw1-az3"]
    );
    assert_eq!(subnets.texts("availableIpAddressCount"), ["251", "251", "251"]);
    let unknown = cloud
        .call("DescribeSubnets", &[("SubnetId.1", "subnet-0ffffffffffffffff")])
        .await;
    unknown.assert_error(400, "InvalidSubnetID.NotFound", "subnet-0ffffffffffffffff");

    let zones = cloud
        .call_as(
            OTHER_ACCOUNT,
            REGION,
            "DescribeAvailabilityZones",
            &[("ZoneName.1", "eu-west-1a")],
        )
        .await;
    assert_eq!(zones.texts("zoneId"), ["euw1-az3"], "names are the account's own");
}

#[tokio::test]
async fn who_does_not_sign_is_refused() {
    let cloud = cloud().await;
    let response = cloud
        .http
        .post(&cloud.server.url)
        .form(&[("Action", "DescribeVpcs")])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.text().await.unwrap().contains("<Code>AuthFailure</Code>"));
}

#[tokio::test]
async fn an_unknown_action_is_refused_without_an_emulator() {
    cloud()
        .await
        .call("RunInstances", &[])
        .await
        .assert_error(400, "InvalidAction", "RunInstances");
}

#[tokio::test]
async fn an_unknown_action_goes_to_the_emulator_which_also_knows_assumed_roles() {
    let emulator = Router::new().fallback(|headers: HeaderMap, body: String| async move {
        if body.contains("GetAccessKeyInfo") {
            return "<GetAccessKeyInfoResponse><GetAccessKeyInfoResult><Account>444455556666</Account></GetAccessKeyInfoResult></GetAccessKeyInfoResponse>".to_owned();
        }
        format!("<echo>{body} {}</echo>", headers["authorization"].to_str().unwrap())
    });
    let emulator = Server::http(emulator).await.unwrap();
    let cloud = cloud_of(World::default(), Some(&emulator.url), |_| {}).await;
    let answer = cloud.call("DescribeNatGateways", &[]).await;
    assert!(
        answer.xml.contains("Action=DescribeNatGateways") && answer.xml.contains("Credential=111122223333"),
        "{}",
        answer.xml
    );

    let vpcs = cloud.call_as("ASIAQAAAAAAAEXAMPLE1", REGION, "DescribeVpcs", &[]).await;
    assert_eq!(vpcs.text("ownerId").as_deref(), Some(OTHER_ACCOUNT));
}
