//! Security groups and their rules.

use std::time::Duration;

use crate::support::{FOREVER, GROUP, SUBNET_A, VPC, cloud};

const VAULT: [(&str, &str); 4] = [
    ("IpPermissions.1.IpProtocol", "tcp"),
    ("IpPermissions.1.FromPort", "8200"),
    ("IpPermissions.1.ToPort", "8200"),
    ("IpPermissions.1.IpRanges.1.CidrIp", "10.20.0.0/16"),
];

#[tokio::test]
async fn the_worlds_group_allows_what_the_vendors_use() {
    let cloud = cloud().await;
    let groups = cloud.call("DescribeSecurityGroups", &[("GroupId.1", GROUP)]).await;
    assert_eq!(groups.texts("fromPort"), ["8200", "10000", "443"]);
    assert_eq!(groups.texts("toPort"), ["8200", "31000", "443"]);

    let rules = cloud
        .call(
            "DescribeSecurityGroupRules",
            &[("Filter.1.Name", "group-id"), ("Filter.1.Value.1", GROUP)],
        )
        .await;
    assert_eq!(rules.texts("isEgress"), ["false", "false", "false", "true"]);
    assert_eq!(rules.texts("cidrIpv4")[0], "10.20.0.0/16");
    let absent = cloud
        .call("DescribeSecurityGroups", &[("GroupId.1", "sg-0ffffffffffffffff")])
        .await;
    absent.assert_error(400, "InvalidGroup.NotFound", "sg-0ffffffffffffffff");
}

#[tokio::test]
async fn a_group_is_made_once_and_its_rules_are_added_once() {
    let cloud = cloud().await;
    let make = [("GroupName", "pl"), ("GroupDescription", "d"), ("VpcId", VPC)];
    let id = cloud.call("CreateSecurityGroup", &make).await.text("groupId").unwrap();
    cloud
        .call("CreateSecurityGroup", &make)
        .await
        .assert_error(400, "InvalidGroup.Duplicate", "already exists");

    let mut vault = VAULT.to_vec();
    vault.push(("GroupId", &id));
    let added = cloud.call("AuthorizeSecurityGroupIngress", &vault).await;
    assert_eq!(added.text("return").as_deref(), Some("true"), "{}", added.xml);
    assert!(added.text("securityGroupRuleId").unwrap().starts_with("sgr-"));
    cloud.call("AuthorizeSecurityGroupIngress", &vault).await.assert_error(
        400,
        "InvalidPermission.Duplicate",
        "10.20.0.0/16",
    );

    assert_eq!(cloud.call("RevokeSecurityGroupIngress", &vault).await.status, 200);
    cloud.call("RevokeSecurityGroupIngress", &vault).await.assert_error(
        400,
        "InvalidPermission.NotFound",
        "does not exist",
    );
    assert_eq!(cloud.call("DeleteSecurityGroup", &[("GroupId", &id)]).await.status, 200);
    cloud
        .call("DeleteSecurityGroup", &[("GroupId", &id)])
        .await
        .assert_error(400, "InvalidGroup.NotFound", &id);
}

#[tokio::test]
async fn a_group_stays_while_an_endpoint_uses_it_also_while_that_is_deleting() {
    let cloud = cloud().await;
    let id = cloud.created(&[("SubnetId.1", SUBNET_A)]).await;
    let delete = [("GroupId", GROUP)];
    cloud
        .call("DeleteSecurityGroup", &delete)
        .await
        .assert_error(400, "DependencyViolation", GROUP);

    cloud.turn(|knobs| knobs.deletion = FOREVER);
    cloud.call("DeleteVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
    cloud
        .call("DeleteSecurityGroup", &delete)
        .await
        .assert_error(400, "DependencyViolation", "has a dependent object");

    cloud.turn(|knobs| knobs.deletion = Duration::ZERO);
    assert_eq!(cloud.call("DeleteSecurityGroup", &delete).await.status, 200);
}
