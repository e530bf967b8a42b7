//! Security groups: describe, create, delete.

use super::Ec2;
use super::caller::Caller;
use super::create::well_formed;
use super::error::Ec2Error;
use super::group_rules::write_permissions;
use super::query::Params;
use super::world::{Account, Peer, Rule, SecurityGroup};
use super::xml::Xml;

pub(super) fn describe_security_groups(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let filters = params.filters(&[
        "vpc-id",
        "group-id",
        "group-name",
        "description",
        "owner-id",
        "ip-permission.cidr",
        "ip-permission.protocol",
        "ip-permission.from-port",
        "ip-permission.to-port",
        "ip-permission.group-id",
    ])?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let (ids, names) = (params.list("GroupId"), params.list("GroupName"));
    let here = |group: &SecurityGroup| account.vpc(&group.vpc_id, &caller.region).is_some();
    if let Some(unknown) = ids
        .iter()
        .find(|id| !account.security_groups.get(*id).is_some_and(here))
    {
        return Err(Ec2Error::no_group(unknown));
    }
    let groups = account.security_groups.iter().filter(|(id, group)| {
        here(group) && (ids.is_empty() || ids.contains(id)) && (names.is_empty() || names.contains(&group.name))
    });
    let found = groups.filter(|(id, group)| {
        let incoming = || group.rules.iter().filter(|rule| !rule.egress);
        filters.match_item(&group.tags, |name| match name {
            "vpc-id" => vec![group.vpc_id.clone()],
            "group-id" => vec![(*id).clone()],
            "group-name" => vec![group.name.clone()],
            "description" => vec![group.description.clone()],
            "owner-id" => vec![caller.account.clone()],
            "ip-permission.protocol" => incoming().map(|rule| rule.protocol.clone()).collect(),
            "ip-permission.from-port" => incoming().map(|rule| rule.from_port.to_string()).collect(),
            "ip-permission.to-port" => incoming().map(|rule| rule.to_port.to_string()).collect(),
            "ip-permission.cidr" => incoming()
                .filter_map(|rule| match &rule.peer {
                    Peer::Cidr(cidr) => Some(cidr.clone()),
                    _ => None,
                })
                .collect(),
            _ => incoming()
                .filter_map(|rule| match &rule.peer {
                    Peer::Group(id) => Some(id.clone()),
                    _ => None,
                })
                .collect(),
        })
    });
    let (page, next) = params.page(found.collect())?;
    xml.list("securityGroupInfo", page, |xml, (id, group)| {
        xml.text("groupId", id)
            .text("groupName", &group.name)
            .text("groupDescription", &group.description)
            .text("ownerId", &caller.account)
            .text("vpcId", &group.vpc_id)
            .text("securityGroupArn", arn(caller, id));
        write_permissions(xml, "ipPermissions", &group.rules, false, &caller.account);
        write_permissions(xml, "ipPermissionsEgress", &group.rules, true, &caller.account);
        xml.tags(&group.tags);
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}

pub(super) fn create_security_group(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let (name, description) = (params.required("GroupName")?, params.required("GroupDescription")?);
    let vpc_id = params.required("VpcId")?;
    if name.len() > 255 || name.starts_with("sg-") || name == "default" {
        return Err(Ec2Error::invalid_value(format!(
            "Value ({name}) for parameter GroupName is invalid."
        )));
    }
    let tags = params.tag_specification("security-group")?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    account
        .vpc(vpc_id, &caller.region)
        .ok_or_else(|| Ec2Error::no_vpc(vpc_id))?;
    if account
        .security_groups
        .values()
        .any(|group| group.vpc_id == vpc_id && group.name == name)
    {
        let message = format!("The security group '{name}' already exists for VPC '{vpc_id}'");
        return Err(Ec2Error::bad("InvalidGroup.Duplicate", message));
    }
    let mut state = ec2.fabric.state();
    let id = format!("sg-{}", state.fresh_hex());
    let group = SecurityGroup {
        vpc_id: vpc_id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        rules: vec![Rule::all_out(format!("sgr-{}", state.fresh_hex()))],
        tags,
    };
    xml.text("return", true)
        .text("groupId", &id)
        .tags(&group.tags)
        .text("securityGroupArn", arn(caller, &id));
    account.security_groups.insert(id, group);
    Ok(())
}

pub(super) fn delete_security_group(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let id = params.required("GroupId")?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let state = ec2.fabric.state();
    let group = group(account, caller, id)?;
    if group.name == "default" {
        return Err(Ec2Error::bad(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    // The interfaces of an endpoint exist until its deletion is over.
    let attached = state
        .endpoints
        .values()
        .any(|e| e.has_interfaces() && e.security_group_ids.iter().any(|used| used == id));
    let peer = Peer::Group(id.to_owned());
    let referenced = account
        .security_groups
        .iter()
        .any(|(other, group)| other != id && group.rules.iter().any(|rule| rule.peer == peer));
    if attached || referenced {
        return Err(Ec2Error::bad(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        ));
    }
    account.security_groups.remove(id);
    xml.text("return", true).text("groupId", id);
    Ok(())
}

/// A group of the caller's, in the caller's region.
pub(super) fn group<'a>(account: &'a Account, caller: &Caller, id: &str) -> Result<&'a SecurityGroup, Ec2Error> {
    well_formed(id, "sg-", "InvalidGroupId.Malformed")?;
    let group = account
        .security_groups
        .get(id)
        .filter(|group| account.vpc(&group.vpc_id, &caller.region).is_some());
    group.ok_or_else(|| Ec2Error::no_group(id))
}

fn arn(caller: &Caller, id: &str) -> String {
    format!("arn:aws:ec2:{}:{}:security-group/{id}", caller.region, caller.account)
}
