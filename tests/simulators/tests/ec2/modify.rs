//! What a change of an endpoint does, what it is refused for, and what somebody does to an endpoint by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use simulators::ec2::{Rule, Seed};
use simulators::fabric::EndpointState;

use crate::support::{ACCOUNT, Answer, Cloud, FOREVER, GROUP, REGION, SUBNET_A, SUBNET_B, VPC, cloud, cloud_with};

/// In the zone of SUBNET_A.
const TWIN: &str = "subnet-0aaa1111bbb222209";
const OTHER_GROUP: &str = "sg-0c0ffee0000000002";

/// An available endpoint in SUBNET_A, with private DNS on; SUBNET_A has a twin, and the VPC another group.
fn endpoint(cloud: &Cloud) -> String {
    cloud.ec2.with_world(|world| {
        let account = world.account_mut(ACCOUNT);
        account.subnets.insert(TWIN.into(), account.subnets[SUBNET_A].clone());
        account.add_security_group(
            OTHER_GROUP,
            VPC,
            "others",
            vec![Rule::tcp("sgr-0c0ffee0000000021", 8200, 8200, "10.20.0.0/16")],
            &[("team", "blue")],
        );
    });
    cloud.ec2.seed(Seed {
        subnet_ids: vec![SUBNET_A.into()],
        security_group_ids: vec![GROUP.into()],
        tags: BTreeMap::from([("team".into(), "blue".into())]),
        private_dns_enabled: true,
        ..Seed::of(ACCOUNT, REGION, VPC, &cloud.service.id, EndpointState::Available)
    })
}

async fn modify(cloud: &Cloud, id: &str, params: &[(&str, &str)]) -> Answer {
    let mut all = vec![("VpcEndpointId", id)];
    all.extend_from_slice(params);
    cloud.call("ModifyVpcEndpoint", &all).await
}

#[tokio::test]
async fn an_endpoint_is_described_completely() {
    let cloud = cloud().await;
    let id = endpoint(&cloud);
    let answer = cloud.describe(&id).await;
    let expected = [
        ("ownerId", ACCOUNT),
        ("vpcId", VPC),
        ("serviceName", cloud.service.name.as_str()),
        ("vpcEndpointType", "Interface"),
        ("state", "available"),
        ("groupId", GROUP),
        ("groupName", "privatelink-clients"),
        ("key", "team"),
        ("value", "blue"),
        ("privateDnsEnabled", "true"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.text(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(answer.items("subnetIdSet"), [SUBNET_A]);
    assert_eq!(answer.items("networkInterfaceIdSet").len(), 1);
    assert_eq!(answer.texts("dnsName").len(), 2);
    assert!(answer.text("creationTimestamp").unwrap().ends_with('Z'));

    let remote = cloud.ec2.seed(Seed {
        service_region: "us-east-1".into(),
        ..Seed::of(
            ACCOUNT,
            REGION,
            VPC,
            "vpce-svc-0ffffffffffffffff",
            EndpointState::Available,
        )
    });
    let answer = cloud.describe(&remote).await;
    assert_eq!(answer.text("serviceRegion").as_deref(), Some("us-east-1"));
    assert_eq!(answer.text("privateDnsEnabled").as_deref(), Some("false"));
}

#[tokio::test]
async fn private_dns_goes_off_and_not_on() {
    let cloud = cloud().await;
    let id = endpoint(&cloud);
    let on = modify(&cloud, &id, &[("PrivateDnsEnabled", "true")]).await;
    on.assert_error(400, "InvalidParameter", "does not provide a private DNS name");
    assert_eq!(modify(&cloud, &id, &[("PrivateDnsEnabled", "false")]).await.status, 200);
    let answer = cloud.describe(&id).await;
    assert_eq!(answer.text("privateDnsEnabled").as_deref(), Some("false"));
}

#[tokio::test]
async fn another_subnet_of_a_zone_needs_the_first_to_go_before() {
    let cloud = cloud().await;
    let id = endpoint(&cloud);
    let swap = [("RemoveSubnetId.1", SUBNET_A), ("AddSubnetId.1", TWIN)];
    let refused = modify(&cloud, &id, &swap).await;
    refused.assert_error(400, "DuplicateSubnetsInSameZone", TWIN);
    assert_eq!(cloud.describe(&id).await.items("subnetIdSet"), [SUBNET_A]);

    for step in swap {
        assert_eq!(modify(&cloud, &id, &[step]).await.status, 200);
    }
    assert_eq!(cloud.describe(&id).await.items("subnetIdSet"), [TWIN]);

    cloud.turn(|knobs| knobs.modify_adds_before_removes = false);
    let back = [("RemoveSubnetId.1", TWIN), ("AddSubnetId.1", SUBNET_A)];
    assert_eq!(modify(&cloud, &id, &back).await.status, 200);
    assert_eq!(cloud.describe(&id).await.items("subnetIdSet"), [SUBNET_A]);
}

#[tokio::test]
async fn one_call_moves_an_endpoint_between_zones() {
    let cloud = cloud().await;
    let id = endpoint(&cloud);
    let swap = [("RemoveSubnetId.1", SUBNET_A), ("AddSubnetId.1", SUBNET_B)];
    assert_eq!(modify(&cloud, &id, &swap).await.status, 200);
    let answer = cloud.describe(&id).await;
    assert_eq!(answer.items("subnetIdSet"), [SUBNET_B]);
    assert_eq!(answer.items("networkInterfaceIdSet").len(), 1);
}

#[tokio::test]
async fn reads_lag_behind_a_change() {
    let cloud = cloud_with(|knobs| knobs.ec2.modify_lag = FOREVER).await;
    let id = endpoint(&cloud);
    let before = cloud.describe(&id).await.xml;
    let all = [
        ("AddSubnetId.1", SUBNET_B),
        ("AddSecurityGroupId.1", OTHER_GROUP),
        ("RemoveSecurityGroupId.1", GROUP),
        ("PrivateDnsEnabled", "false"),
    ];
    assert_eq!(modify(&cloud, &id, &all).await.status, 200);
    assert_eq!(cloud.describe(&id).await.xml, before);
    // Neither does the second change show what the first one did.
    let more = modify(&cloud, &id, &[("RemoveSubnetId.1", SUBNET_A)]).await;
    assert_eq!(more.status, 200);
    assert_eq!(cloud.describe(&id).await.xml, before);

    cloud.turn(|knobs| knobs.modify_lag = Duration::ZERO);
    let after = cloud.describe(&id).await;
    assert_eq!(after.items("subnetIdSet"), [SUBNET_B]);
    assert_eq!(after.texts("groupId"), [OTHER_GROUP]);
    assert_eq!(after.text("privateDnsEnabled").as_deref(), Some("false"));
}

#[tokio::test]
async fn somebody_puts_an_endpoint_into_any_state() {
    let cloud = cloud().await;
    let id = endpoint(&cloud);
    assert!(cloud.ec2.restore(&id, EndpointState::Expired));
    assert_eq!(cloud.describe(&id).await.text("state").as_deref(), Some("expired"));

    assert!(cloud.ec2.fail(&id, "InternalError", "no capacity"));
    let failed = cloud.describe(&id).await;
    assert_eq!(failed.text("state").as_deref(), Some("failed"));
    assert_eq!(failed.text("failureReason").as_deref(), Some("no capacity"));

    assert!(cloud.ec2.restore(&id, EndpointState::Available));
    assert_eq!(cloud.describe(&id).await.text("lastError"), None);
    assert!(!cloud.ec2.restore("vpce-0ffffffffffffffff", EndpointState::Available));
    assert!(!cloud.ec2.fail("vpce-0ffffffffffffffff", "InternalError", "no capacity"));
}

#[tokio::test]
async fn a_group_added_by_hand_has_its_rules_and_tags() {
    let cloud = cloud().await;
    endpoint(&cloud);
    let found = cloud
        .call(
            "DescribeSecurityGroups",
            &[("Filter.1.Name", "tag:team"), ("Filter.1.Value.1", "blue")],
        )
        .await;
    assert_eq!(found.texts("groupName"), ["others"]);
    assert_eq!(found.texts("fromPort"), ["8200"]);
}
