//! `DescribeNetworkInterfaces`, for the interfaces of endpoints.

use std::collections::BTreeMap;

use super::Ec2;
use super::caller::Caller;
use super::describe::belongs;
use super::error::Ec2Error;
use super::query::Params;
use super::xml::Xml;

pub(super) fn describe_network_interfaces(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let filters = params.filters(&[
        "network-interface-id",
        "vpc-id",
        "subnet-id",
        "group-id",
        "availability-zone",
        "description",
        "interface-type",
        "status",
        "private-ip-address",
        "addresses.private-ip-address",
        "requester-managed",
        "owner-id",
    ])?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let state = ec2.fabric.state();
    let ids = params.list("NetworkInterfaceId");
    let endpoints = state
        .endpoints
        .values()
        .filter(|endpoint| belongs(endpoint, caller) && endpoint.has_interfaces());
    let mut found: Vec<_> = endpoints
        .flat_map(|endpoint| endpoint.interfaces.iter().map(move |interface| (endpoint, interface)))
        .collect();
    if let Some(unknown) = ids
        .iter()
        .find(|id| found.iter().all(|(_, interface)| interface.id != **id))
    {
        let message = format!("The networkInterface ID '{unknown}' does not exist");
        return Err(Ec2Error::bad("InvalidNetworkInterfaceID.NotFound", message));
    }
    let description = |id: &str| format!("VPC Endpoint Interface {id}");
    let zone = |subnet_id: &str| account.subnets.get(subnet_id).map(|subnet| subnet.zone.clone());
    found.retain(|(endpoint, interface)| {
        let matches = filters.match_item(&BTreeMap::new(), |name| match name {
            "network-interface-id" => vec![interface.id.clone()],
            "vpc-id" => vec![endpoint.vpc_id.clone()],
            "subnet-id" => vec![interface.subnet_id.clone()],
            "group-id" => endpoint.security_group_ids.clone(),
            "availability-zone" => zone(&interface.subnet_id).map(|zone| zone.name).into_iter().collect(),
            "description" => vec![description(&endpoint.id)],
            "interface-type" => vec!["vpc_endpoint".to_owned()],
            "status" => vec!["in-use".to_owned()],
            "requester-managed" => vec!["true".to_owned()],
            "owner-id" => vec![caller.account.clone()],
            _ => vec![interface.private_ip.to_string()],
        });
        matches && (ids.is_empty() || ids.contains(&interface.id))
    });
    let (page, next) = params.page(found)?;
    xml.list("networkInterfaceSet", page, |xml, (endpoint, interface)| {
        if let Some(zone) = zone(&interface.subnet_id) {
            xml.text("availabilityZone", zone.name)
                .text("availabilityZoneId", zone.id);
        }
        xml.text("networkInterfaceId", &interface.id)
            .text("description", description(&endpoint.id))
            .list("groupSet", &endpoint.security_group_ids, |xml, id| {
                xml.text("groupId", id);
                if let Some(group) = account.security_groups.get(id) {
                    xml.text("groupName", &group.name);
                }
            })
            .text("interfaceType", "vpc_endpoint")
            .text("ownerId", &caller.account)
            .text("privateIpAddress", interface.private_ip)
            .list("privateIpAddressesSet", [interface.private_ip], |xml, ip| {
                xml.text("primary", true).text("privateIpAddress", ip);
            })
            .text("requesterManaged", true)
            .text("sourceDestCheck", true)
            .text("status", "in-use")
            .text("subnetId", &interface.subnet_id)
            .text("vpcId", &endpoint.vpc_id)
            .node("tagSet", |_| {});
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}
