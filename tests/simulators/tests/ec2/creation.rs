//! The rules of `CreateVpcEndpoint`, and of what comes before it: which services a caller sees.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{
    ACCOUNT, Cloud, FOREVER, GROUP, OTHER_ACCOUNT, REGION, SUBNET_A, SUBNET_B, SUBNET_C, VPC, cloud, cloud_with,
};

#[tokio::test]
async fn a_new_endpoint_waits_for_acceptance_and_carries_what_was_asked_for() {
    let cloud = cloud().await;
    let answer = cloud
        .create(&[
            ("ClientToken", "token-1"),
            ("TagSpecification.1.ResourceType", "vpc-endpoint"),
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "a <vault> & more"),
        ])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.xml);
    assert_eq!(answer.text("state").as_deref(), Some("pendingAcceptance"));
    assert_eq!(answer.items("subnetIdSet"), [SUBNET_A, SUBNET_B]);
    assert_eq!(answer.items("networkInterfaceIdSet").len(), 2);
    assert_eq!(answer.text("groupId").as_deref(), Some(GROUP));
    assert_eq!(answer.text("clientToken").as_deref(), Some("token-1"));
    assert_eq!(answer.text("ownerId").as_deref(), Some(ACCOUNT));
    assert_eq!(answer.text("serviceRegion").as_deref(), Some(REGION));
    assert!(
        answer
            .xml
            .contains("<key>Name</key><value>a &lt;vault&gt; &amp; more</value>"),
        "{}",
        answer.xml
    );
    assert_eq!(answer.text("dnsEntrySet").as_deref(), Some(""));
}

#[tokio::test]
async fn without_groups_it_gets_the_vpcs_default_group() {
    let cloud = cloud().await;
    assert_eq!(
        cloud
            .create(&[("SecurityGroupId.1", "")])
            .await
            .text("groupName")
            .as_deref(),
        Some("default")
    );
}

#[tokio::test]
async fn the_type_defaults_to_gateway_which_no_vendor_offers() {
    let answer = cloud().await.create(&[("VpcEndpointType", "")]).await;
    answer.assert_error(
        400,
        "InvalidParameter",
        "Endpoint type (Gateway) does not match available service types ([Interface])",
    );
}

#[tokio::test]
async fn unknown_ids_are_named() {
    let cloud = cloud().await;
    let cases = [
        ("VpcId", "vpc-0ffffffffffffffff", "InvalidVpcID.NotFound"),
        ("VpcId", "vpc-nonsense", "InvalidVpcId.Malformed"),
        ("SubnetId.2", "subnet-0ffffffffffffffff", "InvalidSubnetID.NotFound"),
        ("SecurityGroupId.1", "sg-0ffffffffffffffff", "InvalidGroup.NotFound"),
        (
            "ServiceName",
            "com.amazonaws.vpce.eu-west-1.vpce-svc-0ffffffffffffffff",
            "InvalidServiceName",
        ),
    ];
    for (name, value, code) in cases {
        cloud.create(&[(name, value)]).await.assert_error(400, code, value);
    }
    for name in ["VpcId", "ServiceName"] {
        cloud
            .create(&[(name, "")])
            .await
            .assert_error(400, "MissingParameter", name);
    }
    assert!(cloud.ec2.endpoints().is_empty());
}

#[tokio::test]
async fn subnets_must_be_the_vpcs_in_different_zones_that_the_service_offers() {
    let cloud = cloud().await;
    let twin = "subnet-0aaa1111bbb222209";
    let foreign = cloud.ec2.with_world(|world| {
        let account = world.accounts.get_mut(ACCOUNT).unwrap();
        let subnet = account.subnets[SUBNET_A].clone();
        account.subnets.insert(twin.into(), subnet);
        account.add_vpc(REGION, "77", "10.77.0.0/16".parse().unwrap());
        account
            .subnets
            .iter()
            .find(|(_, subnet)| subnet.vpc_id != VPC)
            .unwrap()
            .0
            .clone()
    });
    cloud
        .create(&[("SubnetId.2", twin)])
        .await
        .assert_error(400, "DuplicateSubnetsInSameZone", twin);
    let unsupported = format!(
        "The VPC endpoint service {} does not support the availability zone of the subnet: {SUBNET_C}.",
        cloud.service.name
    );
    cloud
        .create(&[("SubnetId.2", SUBNET_C)])
        .await
        .assert_error(400, "InvalidParameter", &unsupported);
    cloud
        .create(&[("SubnetId.2", &foreign)])
        .await
        .assert_error(400, "InvalidParameter", &foreign);
}

#[tokio::test]
async fn a_subnet_without_a_free_address_is_refused() {
    let cloud = cloud().await;
    cloud.ec2.with_world(|world| {
        world
            .accounts
            .get_mut(ACCOUNT)
            .unwrap()
            .subnets
            .get_mut(SUBNET_B)
            .unwrap()
            .full = true
    });
    cloud
        .create(&[])
        .await
        .assert_error(400, "InsufficientFreeAddressesInSubnet", SUBNET_B);
}

#[tokio::test]
async fn private_dns_is_refused_because_vendors_services_have_no_private_name() {
    let answer = cloud().await.create(&[("PrivateDnsEnabled", "true")]).await;
    answer.assert_error(400, "InvalidParameter", "does not provide a private DNS name");
}

#[tokio::test]
async fn a_service_does_not_exist_for_who_is_not_a_principal() {
    let cloud = cloud().await;
    let name = cloud.service.name.as_str();
    let as_other = cloud
        .call_as(
            OTHER_ACCOUNT,
            REGION,
            "DescribeVpcEndpointServices",
            &[("ServiceName.1", name)],
        )
        .await;
    as_other.assert_error(400, "InvalidServiceName", "does not exist");

    let both = BTreeSet::from([
        format!("arn:aws:iam::{ACCOUNT}:root"),
        format!("arn:aws:iam::{OTHER_ACCOUNT}:role/connector"),
    ]);
    cloud.fabric.change_service(&cloud.service.id, both, BTreeSet::new());
    let as_other = cloud
        .call_as(
            OTHER_ACCOUNT,
            REGION,
            "DescribeVpcEndpointServices",
            &[("ServiceName.1", name)],
        )
        .await;
    assert_eq!(as_other.items("availabilityZoneIdSet"), ["euw1-az1", "euw1-az2"]);
    assert_eq!(
        as_other.items("availabilityZoneSet"),
        ["eu-west-1b", "eu-west-1c"],
        "names are the account's own"
    );

    cloud.turn(|knobs| knobs.calling_principal = Some(format!("arn:aws:iam::{OTHER_ACCOUNT}:role/somebody")));
    let as_other = cloud
        .call_as(
            OTHER_ACCOUNT,
            REGION,
            "DescribeVpcEndpointServices",
            &[("ServiceName.1", name)],
        )
        .await;
    as_other.assert_error(400, "InvalidServiceName", name);
}

#[tokio::test]
async fn a_new_principal_waits_and_the_old_ones_do_not() {
    let cloud = cloud().await;
    cloud.turn(|knobs| knobs.principal_lag = FOREVER);
    let both = BTreeSet::from([
        format!("arn:aws:iam::{ACCOUNT}:root"),
        format!("arn:aws:iam::{OTHER_ACCOUNT}:root"),
    ]);
    // Set before the lag was: what was in effect must be brought about first.
    cloud
        .fabric
        .state()
        .services
        .get_mut(&cloud.service.id)
        .unwrap()
        .principals_before
        .clone_from(&cloud.service.principals);
    cloud.fabric.change_service(&cloud.service.id, both, BTreeSet::new());
    let ask = [("ServiceName.1", cloud.service.name.as_str())];
    assert_eq!(cloud.call("DescribeVpcEndpointServices", &ask).await.status, 200);
    let other = cloud
        .call_as(OTHER_ACCOUNT, REGION, "DescribeVpcEndpointServices", &ask)
        .await;
    other.assert_error(400, "InvalidServiceName", "does not exist");

    cloud.turn(|knobs| knobs.principal_lag = Duration::ZERO);
    assert_eq!(
        cloud
            .call_as(OTHER_ACCOUNT, REGION, "DescribeVpcEndpointServices", &ask)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_service_made_seconds_ago_is_unavailable() {
    let cloud = cloud_with(|knobs| knobs.ec2.service_lag = FOREVER).await;
    cloud.create(&[]).await.assert_error(503, "Unavailable", "");
}

async fn abroad(cloud: &Cloud, more: &[(&str, &str)]) -> crate::support::Answer {
    let vpc = cloud.ec2.with_world(|world| {
        world
            .accounts
            .get_mut(ACCOUNT)
            .unwrap()
            .add_vpc("us-east-1", "a", "10.30.0.0/16".parse().unwrap())
    });
    let mut params = vec![
        ("VpcEndpointType", "Interface"),
        ("VpcId", vpc.as_str()),
        ("ServiceName", cloud.service.name.as_str()),
    ];
    params.extend_from_slice(more);
    params.push(("SubnetId.1", "subnet-000000000000000a1"));
    cloud.call_as(ACCOUNT, "us-east-1", "CreateVpcEndpoint", &params).await
}

#[tokio::test]
async fn from_another_region_the_service_region_must_be_said_and_supported() {
    let cloud = cloud().await;
    abroad(&cloud, &[])
        .await
        .assert_error(400, "InvalidServiceName", "does not exist");
    let made = abroad(&cloud, &[("ServiceRegion", REGION)]).await;
    assert_eq!(made.status, 200, "{}", made.xml);
    assert_eq!(made.text("serviceRegion").as_deref(), Some(REGION));

    cloud.turn(|knobs| knobs.remote_access_zone_ids = Some(vec!["use1-az2".into(), "use1-az4".into()]));
    let zones = "Only the following availability zones are supported for remote access: use1-az2, use1-az4";
    abroad(&cloud, &[("ServiceRegion", REGION)])
        .await
        .assert_error(400, "InvalidParameter", zones);

    cloud
        .fabric
        .change_service(&cloud.service.id, cloud.service.principals.clone(), BTreeSet::new());
    abroad(&cloud, &[("ServiceRegion", REGION)])
        .await
        .assert_error(400, "InvalidServiceName", "does not exist");
}

#[tokio::test]
async fn a_service_of_another_region_is_described_without_zones() {
    let cloud = cloud().await;
    let name = cloud.service.name.as_str();
    let ask = [("ServiceName.1", name)];
    let near = cloud.call("DescribeVpcEndpointServices", &ask).await;
    assert_eq!(near.items("availabilityZoneSet"), ["eu-west-1a", "eu-west-1b"]);
    assert_eq!(near.text("acceptanceRequired").as_deref(), Some("true"));

    let unsaid = cloud
        .call_as(ACCOUNT, "us-east-1", "DescribeVpcEndpointServices", &ask)
        .await;
    unsaid.assert_error(400, "InvalidServiceName", name);
    let ask = [("ServiceName.1", name), ("ServiceRegion.1", REGION)];
    let far = cloud
        .call_as(ACCOUNT, "us-east-1", "DescribeVpcEndpointServices", &ask)
        .await;
    assert_eq!(far.items("serviceNameSet"), [name]);
    assert_eq!(
        (far.text("availabilityZoneSet"), far.text("availabilityZoneIdSet")),
        (None, None)
    );
}

#[tokio::test]
async fn a_client_token_makes_one_endpoint() {
    let cloud = cloud().await;
    let first = cloud.created(&[("ClientToken", "t")]).await;
    let again = cloud.created(&[("ClientToken", "t")]).await;
    assert_eq!(first, again);
    assert_eq!(cloud.ec2.endpoints().len(), 1);
    cloud
        .create(&[("ClientToken", "t"), ("SubnetId.2", "")])
        .await
        .assert_error(400, "IdempotentParameterMismatch", "t");
    assert_ne!(first, cloud.created(&[("ClientToken", "u")]).await);
}

#[tokio::test]
async fn a_token_may_or_may_not_outlive_its_endpoint() {
    let cloud = cloud().await;
    let first = cloud.created(&[("ClientToken", "t")]).await;
    assert!(cloud.ec2.forget(&first));
    let corpse = cloud.create(&[("ClientToken", "t")]).await;
    assert_eq!(
        (corpse.text("vpcEndpointId"), corpse.text("state").as_deref()),
        (Some(first.clone()), Some("deleted"))
    );
    cloud.turn(|knobs| knobs.token_outlives_endpoint = false);
    assert_ne!(first, cloud.created(&[("ClientToken", "t")]).await);
}

#[tokio::test]
async fn the_quota_of_a_vpc_and_the_throttle_hold() {
    let cloud = cloud_with(|knobs| knobs.ec2.endpoints_per_vpc = 1).await;
    cloud.created(&[]).await;
    cloud
        .create(&[])
        .await
        .assert_error(400, "VpcEndpointLimitExceeded", "maximum number");

    cloud.turn(|knobs| {
        knobs.endpoints_per_vpc = 50;
        knobs.create_bucket = Some((2.0, 0.0));
    });
    cloud.created(&[]).await;
    cloud.created(&[]).await;
    cloud
        .create(&[])
        .await
        .assert_error(503, "RequestLimitExceeded", "Request limit exceeded.");
    assert_eq!(
        cloud.call("DescribeVpcEndpoints", &[]).await.status,
        200,
        "reads have a bucket of their own"
    );
}

#[tokio::test]
async fn a_dry_run_makes_nothing() {
    let cloud = cloud().await;
    cloud
        .create(&[("DryRun", "true")])
        .await
        .assert_error(412, "DryRunOperation", "DryRun flag is set");
    assert!(cloud.ec2.endpoints().is_empty());
}
