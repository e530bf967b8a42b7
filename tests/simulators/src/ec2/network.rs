//! `DescribeVpcs`, `DescribeVpcAttribute`, `DescribeSubnets`, `DescribeAvailabilityZones`.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::Ec2;
use super::caller::Caller;
use super::error::Ec2Error;
use super::query::Params;
use super::world::Vpc;
use super::xml::Xml;

pub(super) fn describe_vpcs(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    let filters = params.filters(&[
        "vpc-id",
        "cidr",
        "cidr-block-association.cidr-block",
        "isDefault",
        "is-default",
        "owner-id",
        "state",
    ])?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let ids = params.list("VpcId");
    if let Some(unknown) = ids.iter().find(|id| account.vpc(id, &caller.region).is_none()) {
        return Err(Ec2Error::no_vpc(unknown));
    }
    let vpcs = account
        .vpcs
        .iter()
        .filter(|(id, vpc)| vpc.region == caller.region && (ids.is_empty() || ids.contains(id)));
    let found = vpcs.filter(|(id, vpc)| {
        filters.match_item(&vpc.tags, |name| {
            vec![match name {
                "vpc-id" => (*id).clone(),
                "owner-id" => caller.account.clone(),
                "state" => "available".to_owned(),
                "isDefault" | "is-default" => "false".to_owned(),
                "cidr-block-association.cidr-block" => return cidrs(vpc).map(|cidr| cidr.to_string()).collect(),
                _ => vpc.cidr.to_string(),
            }]
        })
    });
    let (page, next) = params.page(found.collect())?;
    xml.list("vpcSet", page, |xml, (id, vpc)| {
        xml.text("vpcId", id)
            .text("ownerId", &caller.account)
            .text("state", "available")
            .text("cidrBlock", vpc.cidr)
            .list("cidrBlockAssociationSet", (0..).zip(cidrs(vpc)), |xml, (n, cidr)| {
                xml.text(
                    "associationId",
                    id.replacen("vpc-0", &format!("vpc-cidr-assoc-{n:x}"), 1),
                )
                .text("cidrBlock", cidr)
                .node("cidrBlockState", |xml| {
                    xml.text("state", "associated");
                });
            })
            .text("dhcpOptionsId", "default")
            .text("instanceTenancy", "default")
            .text("isDefault", false)
            .tags(&vpc.tags);
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}

/// The primary CIDR first.
pub(super) fn cidrs(vpc: &Vpc) -> impl Iterator<Item = Ipv4Net> {
    std::iter::once(vpc.cidr).chain(vpc.secondary_cidrs.iter().copied())
}

pub(super) fn describe_vpc_attribute(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let id = params.required("VpcId")?;
    let vpc = account.vpc(id, &caller.region).ok_or_else(|| Ec2Error::no_vpc(id))?;
    let (name, value) = match params.required("Attribute")? {
        "enableDnsSupport" => ("enableDnsSupport", vpc.dns_support),
        "enableDnsHostnames" => ("enableDnsHostnames", vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics" => ("enableNetworkAddressUsageMetrics", false),
        other => {
            return Err(Ec2Error::invalid_value(format!(
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            )));
        }
    };
    xml.text("vpcId", id).node(name, |xml| {
        xml.text("value", value);
    });
    Ok(())
}

pub(super) fn describe_subnets(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    let filters = params.filters(&[
        "vpc-id",
        "subnet-id",
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "availabilityZoneId",
        "cidr-block",
        "cidr",
        "default-for-az",
        "owner-id",
        "state",
    ])?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let state = ec2.fabric.state();
    let ids = params.list("SubnetId");
    let here = |vpc_id: &str| account.vpc(vpc_id, &caller.region).is_some();
    if let Some(unknown) = ids
        .iter()
        .find(|id| !account.subnets.get(*id).is_some_and(|subnet| here(&subnet.vpc_id)))
    {
        return Err(Ec2Error::no_subnet(unknown));
    }
    let subnets = account
        .subnets
        .iter()
        .filter(|(id, subnet)| here(&subnet.vpc_id) && (ids.is_empty() || ids.contains(id)));
    let found = subnets.filter(|(id, subnet)| {
        filters.match_item(&subnet.tags, |name| {
            vec![match name {
                "vpc-id" => subnet.vpc_id.clone(),
                "subnet-id" => (*id).clone(),
                "availability-zone" | "availabilityZone" => subnet.zone.name.clone(),
                "availability-zone-id" | "availabilityZoneId" => subnet.zone.id.clone(),
                "default-for-az" => "false".to_owned(),
                "owner-id" => caller.account.clone(),
                "state" => "available".to_owned(),
                _ => subnet.cidr.to_string(),
            }]
        })
    });
    let (page, next) = params.page(found.collect())?;
    xml.list("subnetSet", page, |xml, (id, subnet)| {
        let interfaces = state
            .endpoints
            .values()
            .filter(|endpoint| endpoint.has_interfaces())
            .flat_map(|endpoint| &endpoint.interfaces);
        let in_use = interfaces.filter(|interface| interface.subnet_id == *id).count();
        // AWS keeps five addresses of each subnet, two of which `hosts` leaves out anyway.
        let free = if subnet.full {
            0
        } else {
            subnet.cidr.hosts().count().saturating_sub(3 + in_use)
        };
        xml.text("subnetId", id)
            .text(
                "subnetArn",
                format!("arn:aws:ec2:{}:{}:subnet/{id}", caller.region, caller.account),
            )
            .text("vpcId", &subnet.vpc_id)
            .text("ownerId", &caller.account)
            .text("state", "available")
            .text("cidrBlock", subnet.cidr)
            .text("availableIpAddressCount", free)
            .text("availabilityZone", &subnet.zone.name)
            .text("availabilityZoneId", &subnet.zone.id)
            .text("defaultForAz", false)
            .text("mapPublicIpOnLaunch", subnet.public)
            .text("assignIpv6AddressOnCreation", false)
            .tags(&subnet.tags);
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}

pub(super) fn describe_availability_zones(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let filters = params.filters(&[
        "zone-name",
        "zone-id",
        "region-name",
        "state",
        "zone-type",
        "opt-in-status",
        "group-name",
    ])?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let mut zones = account.zones.get(&caller.region).cloned().unwrap_or_default();
    let (names, ids) = (params.list("ZoneName"), params.list("ZoneId"));
    if let Some(unknown) = names.iter().find(|name| zones.iter().all(|zone| zone.name != **name)) {
        return Err(Ec2Error::invalid_value(format!(
            "Invalid availability zone: [{unknown}]"
        )));
    }
    zones.retain(|zone| names.is_empty() || names.contains(&zone.name));
    zones.retain(|zone| ids.is_empty() || ids.contains(&zone.id));
    zones.retain(|zone| {
        filters.match_item(&BTreeMap::new(), |name| {
            vec![match name {
                "zone-name" => zone.name.clone(),
                "zone-id" => zone.id.clone(),
                "state" => "available".to_owned(),
                "zone-type" => "availability-zone".to_owned(),
                "opt-in-status" => "opt-in-not-required".to_owned(),
                _ => caller.region.clone(),
            }]
        })
    });
    xml.list("availabilityZoneInfo", zones, |xml, zone| {
        xml.text("zoneName", zone.name)
            .text("zoneId", zone.id)
            .text("zoneState", "available")
            .text("zoneType", "availability-zone")
            .text("optInStatus", "opt-in-not-required")
            .text("regionName", &caller.region)
            .text("groupName", &caller.region)
            .text("networkBorderGroup", &caller.region)
            .texts::<&str>("messageSet", []);
    });
    Ok(())
}
