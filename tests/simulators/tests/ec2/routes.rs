//! Route tables, public subnets, and VPCs with several CIDRs.

use crate::support::{ACCOUNT, Answer, Cloud, OTHER_ACCOUNT, REGION, SUBNET_A, SUBNET_B, VPC, cloud};

async fn tables(cloud: &Cloud, params: &[(&str, &str)]) -> Answer {
    cloud.call("DescribeRouteTables", params).await
}

async fn filtered(cloud: &Cloud, name: &str, value: &str) -> Vec<String> {
    let answer = tables(cloud, &[("Filter.1.Name", name), ("Filter.1.Value.1", value)]).await;
    ids(&answer)
}

/// Of the tables; associations repeat them.
fn ids(answer: &Answer) -> Vec<String> {
    let mut ids = answer.texts("routeTableId");
    ids.sort();
    ids.dedup();
    ids
}

#[tokio::test]
async fn every_vpc_has_a_main_table_that_stays_inside() {
    let cloud = cloud().await;
    let answer = tables(&cloud, &[]).await;
    let main = ids(&answer).remove(0);
    assert_eq!(main.len(), VPC.len());
    assert!(main.starts_with("rtb-0"), "{main}");
    for (name, value) in [
        ("vpcId", VPC),
        ("ownerId", ACCOUNT),
        ("main", "true"),
        ("destinationCidrBlock", "10.20.0.0/16"),
        ("gatewayId", "local"),
    ] {
        assert_eq!(answer.texts(name), [value], "{name}");
    }
    assert!(answer.texts("subnetId").is_empty());
    let unknown = tables(&cloud, &[("RouteTableId.1", "rtb-0ffffffffffffffff")]).await;
    unknown.assert_error(400, "InvalidRouteTableID.NotFound", "rtb-0ffffffffffffffff");
}

#[tokio::test]
async fn public_subnets_have_a_table_of_their_own() {
    let cloud = cloud().await;
    let main = ids(&tables(&cloud, &[]).await).remove(0);
    cloud.ec2.with_world(|world| {
        let subnets = &mut world.account_mut(ACCOUNT).subnets;
        subnets.get_mut(SUBNET_A).unwrap().public = true;
    });
    let public = filtered(&cloud, "association.main", "false").await.remove(0);
    assert_ne!(public, main);
    let answer = tables(&cloud, &[("RouteTableId.1", &public)]).await;
    assert_eq!(answer.texts("destinationCidrBlock"), ["10.20.0.0/16", "0.0.0.0/0"]);
    assert!(answer.texts("gatewayId")[1].starts_with("igw-0"));
    assert_eq!(answer.texts("subnetId"), [SUBNET_A]);

    for (name, value, expected) in [
        ("association.subnet-id", SUBNET_A, vec![public.clone()]),
        ("association.subnet-id", SUBNET_B, vec![]),
        ("association.main", "true", vec![main.clone()]),
        ("route-table-id", &main, vec![main.clone()]),
        ("vpc-id", VPC, vec![main.clone(), public.clone()]),
        ("vpc-id", "vpc-0ffffffffffffffff", vec![]),
        ("tag:team", "blue", vec![]),
        ("tag-key", "*", vec![]),
    ] {
        assert_eq!(filtered(&cloud, name, value).await, expected, "{name}={value}");
    }

    let first = tables(&cloud, &[("MaxResults", "1")]).await;
    let token = first.text("nextToken").unwrap();
    let second = tables(&cloud, &[("MaxResults", "1"), ("NextToken", &token)]).await;
    assert_eq!((ids(&first), ids(&second)), (vec![main], vec![public]));
    assert_eq!(second.text("nextToken"), None);

    let subnets = cloud.call("DescribeSubnets", &[]).await;
    assert_eq!(subnets.texts("mapPublicIpOnLaunch"), ["true", "false", "false"]);
}

#[tokio::test]
async fn the_main_table_may_lead_out_as_well() {
    let cloud = cloud().await;
    cloud.ec2.with_world(|world| {
        let vpcs = &mut world.account_mut(ACCOUNT).vpcs;
        vpcs.get_mut(VPC).unwrap().main_table_public = true;
    });
    let answer = tables(&cloud, &[]).await;
    assert_eq!(answer.texts("main"), ["true"]);
    assert_eq!(answer.texts("destinationCidrBlock"), ["10.20.0.0/16", "0.0.0.0/0"]);
}

#[tokio::test]
async fn further_cidrs_follow_the_primary_one() {
    let cloud = cloud().await;
    cloud.ec2.with_world(|world| {
        let vpcs = &mut world.account_mut(ACCOUNT).vpcs;
        let cidr = "100.64.0.0/16".parse().unwrap();
        vpcs.get_mut(VPC).unwrap().secondary_cidrs.push(cidr);
    });
    let vpcs = cloud.call("DescribeVpcs", &[]).await;
    assert_eq!(
        vpcs.texts("cidrBlock"),
        ["10.20.0.0/16", "10.20.0.0/16", "100.64.0.0/16"]
    );
    let associations = vpcs.texts("associationId");
    assert_eq!(associations.len(), 2);
    assert_ne!(associations[0], associations[1]);
    for (filter, cidr, found) in [
        ("cidr-block-association.cidr-block", "100.64.0.0/16", 1),
        ("cidr-block-association.cidr-block", "10.20.0.0/16", 1),
        ("cidr", "100.64.0.0/16", 0),
    ] {
        let params = [("Filter.1.Name", filter), ("Filter.1.Value.1", cidr)];
        let answer = cloud.call("DescribeVpcs", &params).await;
        assert_eq!(answer.texts("vpcId").len(), found, "{filter}={cidr}");
    }
    let routes = tables(&cloud, &[]).await;
    assert_eq!(routes.texts("gatewayId"), ["local", "local"]);
}

#[tokio::test]
async fn vpcs_are_added_in_any_account_and_region() {
    let cloud = cloud().await;
    let ids = cloud.ec2.with_world(|world| {
        let here = world
            .account_mut(ACCOUNT)
            .add_vpc(REGION, "b1", "10.60.0.0/16".parse().unwrap());
        let there = world
            .account_mut(OTHER_ACCOUNT)
            .add_vpc("eu-central-1", "b2", "10.61.0.0/16".parse().unwrap());
        let account = world.account_mut(ACCOUNT);
        assert!(account.tag_vpc(&here, "team", "blue"));
        assert!(account.tag_subnet(SUBNET_B, "tier", "private"));
        assert!(!account.tag_vpc("vpc-0ffffffffffffffff", "team", "blue"));
        assert!(!account.tag_subnet("subnet-0ffffffffffffffff", "tier", "private"));
        [here, there]
    });
    let tagged = [("Filter.1.Name", "tag:team"), ("Filter.1.Value.1", "blue")];
    assert_eq!(cloud.call("DescribeVpcs", &tagged).await.texts("vpcId"), [&*ids[0]]);
    let tagged = [("Filter.1.Name", "tag:tier"), ("Filter.1.Value.1", "private")];
    assert_eq!(
        cloud.call("DescribeSubnets", &tagged).await.texts("subnetId"),
        [SUBNET_B]
    );

    let subnets = cloud
        .call_as(OTHER_ACCOUNT, "eu-central-1", "DescribeSubnets", &[])
        .await;
    assert_eq!(
        subnets.texts("availabilityZoneId"),
        ["euc1-az1", "euc1-az2", "euc1-az3"]
    );
    let both = tables(
        &cloud,
        &[("Filter.1.Name", "association.main"), ("Filter.1.Value.1", "true")],
    )
    .await;
    assert_eq!(self::ids(&both).len(), 2, "each VPC has its own");
}
