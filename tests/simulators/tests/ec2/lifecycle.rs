//! What time, the provider and other callers do to an endpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use simulators::ec2::Seed;
use simulators::fabric::EndpointState;

use crate::support::{
    ACCOUNT, Cloud, FOREVER, GROUP, OTHER_ACCOUNT, REGION, SUBNET_A, SUBNET_B, VPC, cloud, cloud_with,
};

#[tokio::test]
async fn an_endpoint_becomes_available_and_then_has_names() {
    let cloud = cloud_with(|knobs| knobs.ec2.provisioning = FOREVER).await;
    let id = cloud.created(&[]).await;
    assert!(cloud.ec2.accept(&id));
    assert_eq!(cloud.describe(&id).await.text("state").as_deref(), Some("pending"));
    assert_eq!(cloud.describe(&id).await.text("dnsEntrySet").as_deref(), Some(""));

    cloud.turn(|knobs| knobs.provisioning = Duration::ZERO);
    let available = cloud.describe(&id).await;
    assert_eq!(available.text("state").as_deref(), Some("available"));
    let names = available.texts("dnsName");
    let service = &cloud.service.id;
    assert_eq!(names.len(), 3);
    assert!(
        names[0].starts_with(&id) && names[0].ends_with(&format!(".{service}.eu-west-1.vpce.amazonaws.com")),
        "{names:?}"
    );
    assert!(
        !names[0].contains("eu-west-1a"),
        "the regional name comes first: {names:?}"
    );
    assert!(
        names[1].contains("-eu-west-1a.") && names[2].contains("-eu-west-1b."),
        "{names:?}"
    );
    assert_eq!(available.texts("hostedZoneId").len(), 3);
}

#[tokio::test]
async fn the_provider_accepts_by_itself_after_its_delay() {
    let cloud = cloud().await;
    let id = cloud.created(&[]).await;
    cloud.until_state(&id, "available").await;
    let endpoint = cloud.ec2.endpoints().remove(0);
    assert_eq!(endpoint.since - endpoint.created_at, Duration::from_secs(420 + 45));
}

#[tokio::test]
async fn a_provider_rejects_fails_or_never_answers() {
    let cloud = cloud_with(|knobs| knobs.ec2.reject = true).await;
    let id = cloud.created(&[]).await;
    cloud.until_state(&id, "rejected").await;

    let cloud = cloud_with(|knobs| knobs.ec2.acceptance = None).await;
    let id = cloud.created(&[]).await;
    cloud.turn(|knobs| knobs.expiry = Duration::from_secs(60));
    cloud.until_state(&id, "expired").await;

    let why = ("InternalError".to_owned(), "no capacity".to_owned());
    let cloud = cloud_with(|knobs| knobs.ec2.fail = Some(why)).await;
    let id = cloud.created(&[]).await;
    let failed = cloud.until_state(&id, "failed").await;
    assert_eq!(
        failed.text("lastError").as_deref(),
        Some("<message>no capacity</message><code>InternalError</code>")
    );
    assert_eq!(failed.text("failureReason").as_deref(), Some("no capacity"));
}

#[tokio::test]
async fn a_vendor_that_withdraws_its_service_rejects_what_is_connected() {
    let cloud = cloud().await;
    let id = cloud.created(&[]).await;
    cloud.until_state(&id, "available").await;
    assert_eq!(cloud.fabric.connections(&cloud.service.id).len(), 1);
    cloud.fabric.withdraw_service(&cloud.service.id);
    assert_eq!(cloud.describe(&id).await.text("state").as_deref(), Some("rejected"));
}

#[tokio::test]
async fn a_new_endpoint_is_not_found_for_a_while() {
    let cloud = cloud_with(|knobs| knobs.ec2.visibility_lag = Duration::from_secs(2_000)).await;
    let id = cloud.created(&[]).await;
    cloud
        .describe(&id)
        .await
        .assert_error(400, "InvalidVpcEndpointId.NotFound", &id);
    assert!(!cloud.call("DescribeVpcEndpoints", &[]).await.xml.contains(&id));
    cloud
        .until("DescribeVpcEndpoints", &[("VpcEndpointId.1", &id)], |answer| {
            answer.status == 200
        })
        .await;
}

#[tokio::test]
async fn deletion_passes_through_deleting_and_deleted_to_not_found() {
    let cloud = cloud_with(|knobs| {
        knobs.ec2.deletion = FOREVER;
        knobs.ec2.deleted_lingers = FOREVER;
    })
    .await;
    let id = cloud.created(&[]).await;
    let answer = cloud.call("DeleteVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
    assert_eq!((answer.status, answer.text("unsuccessful").as_deref()), (200, Some("")));
    assert_eq!(cloud.describe(&id).await.text("state").as_deref(), Some("deleting"));
    cloud.turn(|knobs| knobs.deletion = Duration::ZERO);
    assert_eq!(cloud.describe(&id).await.text("state").as_deref(), Some("deleted"));
    cloud.turn(|knobs| knobs.deleted_lingers = Duration::ZERO);
    cloud
        .describe(&id)
        .await
        .assert_error(400, "InvalidVpcEndpointId.NotFound", &id);

    let absent = cloud.call("DeleteVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
    assert_eq!(absent.status, 200);
    assert_eq!(absent.text("code").as_deref(), Some("InvalidVpcEndpoint.NotFound"));
    assert_eq!(absent.text("resourceId"), Some(id));
}

fn seed(cloud: &Cloud, state: EndpointState, tags: &[(&str, &str)]) -> Seed {
    Seed {
        subnet_ids: vec![SUBNET_A.into()],
        security_group_ids: vec![GROUP.into()],
        tags: tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..Seed::of(ACCOUNT, REGION, VPC, &cloud.service.id, state)
    }
}

#[tokio::test]
async fn lists_take_filters_and_pages_and_show_only_the_callers_own() {
    let cloud = cloud().await;
    let ours = cloud.ec2.seed(seed(
        &cloud,
        EndpointState::Available,
        &[("owner", "privatelink"), ("run", "1")],
    ));
    let plain = cloud.ec2.seed(seed(&cloud, EndpointState::Rejected, &[]));
    let other = cloud.ec2.seed(Seed {
        account: OTHER_ACCOUNT.into(),
        ..seed(&cloud, EndpointState::Available, &[])
    });

    let all = cloud.call("DescribeVpcEndpoints", &[]).await;
    assert_eq!(all.texts("vpcEndpointId"), [ours.clone(), plain.clone()]);
    cloud
        .describe(&other)
        .await
        .assert_error(400, "InvalidVpcEndpointId.NotFound", &other);

    let service = cloud.service.name.clone();
    let cases = [
        ("tag:owner", "privatelink", vec![ours.clone()]),
        ("tag-key", "run", vec![ours.clone()]),
        ("vpc-endpoint-state", "rejected", vec![plain.clone()]),
        ("vpc-endpoint-id", &*plain, vec![plain.clone()]),
        ("service-name", &*service, vec![ours.clone(), plain.clone()]),
        ("vpc-id", "vpc-0ffffffffffffffff", vec![]),
        ("vpc-id", "vpc-0a1b*", vec![ours.clone(), plain.clone()]),
    ];
    for (name, value, expected) in cases {
        let found = cloud
            .call(
                "DescribeVpcEndpoints",
                &[("Filter.1.Name", name), ("Filter.1.Value.1", value)],
            )
            .await;
        assert_eq!(found.texts("vpcEndpointId"), expected, "{name}={value}");
    }
    let nonsense = cloud
        .call(
            "DescribeVpcEndpoints",
            &[("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")],
        )
        .await;
    nonsense.assert_error(400, "InvalidParameterValue", "colour");

    let first = cloud.call("DescribeVpcEndpoints", &[("MaxResults", "1")]).await;
    let token = first.text("nextToken").unwrap();
    let second = cloud
        .call("DescribeVpcEndpoints", &[("MaxResults", "1"), ("NextToken", &token)])
        .await;
    assert_eq!(
        (first.texts("vpcEndpointId"), second.texts("vpcEndpointId")),
        (vec![ours], vec![plain])
    );
    assert_eq!(second.text("nextToken"), None);
}

#[tokio::test]
async fn subnets_and_groups_of_an_endpoint_change_by_modify() {
    let cloud = cloud().await;
    let id = cloud.created(&[("SubnetId.2", "")]).await;
    cloud.until_state(&id, "available").await;
    let before = cloud.describe(&id).await.items("networkInterfaceIdSet");
    let modify = |params: Vec<(&'static str, &'static str)>| {
        let (cloud, id) = (&cloud, id.clone());
        async move {
            let mut all = vec![("VpcEndpointId", id.as_str())];
            all.extend(params);
            cloud.call("ModifyVpcEndpoint", &all).await
        }
    };
    assert_eq!(
        modify(vec![("AddSubnetId.1", SUBNET_B)])
            .await
            .text("return")
            .as_deref(),
        Some("true")
    );
    assert_eq!(modify(vec![("RemoveSubnetId.1", SUBNET_A)]).await.status, 200);
    let after = cloud.describe(&id).await;
    assert_eq!(after.items("subnetIdSet"), [SUBNET_B]);
    assert_ne!(after.items("networkInterfaceIdSet"), before);
    assert_eq!(after.texts("dnsName").len(), 2);

    let answer = modify(vec![
        ("AddSecurityGroupId.1", "sg-0defa000000000001"),
        ("RemoveSecurityGroupId.1", GROUP),
    ])
    .await;
    assert_eq!(answer.status, 200, "{}", answer.xml);
    assert_eq!(cloud.describe(&id).await.texts("groupId"), ["sg-0defa000000000001"]);

    let twin = "subnet-0aaa1111bbb222209";
    cloud.ec2.with_world(|world| {
        let subnets = &mut world.accounts.get_mut(ACCOUNT).unwrap().subnets;
        subnets.insert(twin.into(), subnets[SUBNET_B].clone());
    });
    modify(vec![("AddSubnetId.1", "subnet-0aaa1111bbb222209")])
        .await
        .assert_error(400, "DuplicateSubnetsInSameZone", twin);

    let absent = cloud
        .call(
            "ModifyVpcEndpoint",
            &[("VpcEndpointId", "vpce-0ffffffffffffffff"), ("AddSubnetId.1", SUBNET_A)],
        )
        .await;
    absent.assert_error(400, "InvalidVpcEndpointId.NotFound", "vpce-0ffffffffffffffff");
}

#[tokio::test]
async fn an_endpoint_that_is_being_provisioned_cannot_be_modified() {
    let cloud = cloud_with(|knobs| knobs.ec2.provisioning = FOREVER).await;
    let id = cloud.created(&[]).await;
    assert!(cloud.ec2.accept(&id));
    let answer = cloud
        .call(
            "ModifyVpcEndpoint",
            &[("VpcEndpointId", &id), ("RemoveSubnetId.1", SUBNET_B)],
        )
        .await;
    answer.assert_error(
        400,
        "InvalidParameter",
        "because there is an idempotent operation going on",
    );
}

#[tokio::test]
async fn somebody_may_reject_or_delete_by_hand() {
    let cloud = cloud_with(|knobs| knobs.ec2.deleted_lingers = FOREVER).await;
    let id = cloud.ec2.seed(seed(&cloud, EndpointState::Available, &[]));
    assert!(cloud.ec2.reject(&id));
    assert!(!cloud.ec2.accept(&id), "what is rejected cannot be accepted");
    assert!(cloud.ec2.delete(&id));
    cloud.until_state(&id, "deleted").await;
}

#[tokio::test]
async fn interfaces_of_endpoints_are_described_with_their_addresses() {
    let cloud = cloud().await;
    let id = cloud.created(&[]).await;
    let description = format!("VPC Endpoint Interface {id}");
    let answer = cloud
        .call(
            "DescribeNetworkInterfaces",
            &[("Filter.1.Name", "description"), ("Filter.1.Value.1", &description)],
        )
        .await;
    assert_eq!(
        answer.texts("networkInterfaceId"),
        cloud.describe(&id).await.items("networkInterfaceIdSet")
    );
    assert!(
        answer.xml.contains("<privateIpAddress>10.20.1.4</privateIpAddress>"),
        "{}",
        answer.xml
    );
}

#[tokio::test]
async fn tags_are_added_and_removed_later() {
    let cloud = cloud().await;
    let id = cloud.created(&[]).await;
    let tag = [
        ("ResourceId.1", id.as_str()),
        ("ResourceId.2", GROUP),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "blue"),
    ];
    assert_eq!(cloud.call("CreateTags", &tag).await.status, 200);
    let find = [("Filter.1.Name", "tag:team"), ("Filter.1.Value.1", "blue")];
    assert_eq!(
        cloud.call("DescribeVpcEndpoints", &find).await.text("vpcEndpointId"),
        Some(id.clone())
    );
    assert_eq!(
        cloud
            .call("DescribeSecurityGroups", &find)
            .await
            .text("groupId")
            .as_deref(),
        Some(GROUP)
    );

    let other_value = [
        ("ResourceId.1", id.as_str()),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "red"),
    ];
    assert_eq!(cloud.call("DeleteTags", &other_value).await.status, 200);
    assert_eq!(
        cloud
            .call("DescribeVpcEndpoints", &find)
            .await
            .texts("vpcEndpointId")
            .len(),
        1
    );
    assert_eq!(
        cloud
            .call("DeleteTags", &[("ResourceId.1", &id), ("Tag.1.Key", "team")])
            .await
            .status,
        200
    );
    assert_eq!(
        cloud
            .call("DescribeVpcEndpoints", &find)
            .await
            .texts("vpcEndpointId")
            .len(),
        0
    );

    let reserved = [
        ("ResourceId.1", id.as_str()),
        ("Tag.1.Key", "aws:team"),
        ("Tag.1.Value", "x"),
    ];
    cloud
        .call("CreateTags", &reserved)
        .await
        .assert_error(400, "InvalidParameterValue", "aws:");
}
