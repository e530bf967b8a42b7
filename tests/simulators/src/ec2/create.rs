//! `CreateVpcEndpoint`.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::fabric::{Endpoint, EndpointService, EndpointState, FabricState, Interface};
use crate::knobs::Ec2Knobs;

use super::Ec2;
use super::caller::Caller;
use super::error::Ec2Error;
use super::query::Params;
use super::wire::write_endpoint;
use super::world::{Account, Subnet};
use super::xml::Xml;

pub(super) fn create_vpc_endpoint(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    let (knobs, now) = (ec2.fabric.knobs().ec2, ec2.fabric.clock.now());
    let mut inner = ec2.lock();
    let inner = &mut *inner;
    let mut state = ec2.fabric.state();
    inner.ledger.take_token(caller, &knobs, now)?;

    let token = params.get("ClientToken").filter(|token| !token.is_empty());
    let fingerprint = params.fingerprint();
    let earlier = match token {
        Some(token) => inner.ledger.earlier(caller, token, &fingerprint, &state, &knobs)?,
        None => None,
    };
    let account = inner.world.account_mut(&caller.account);
    let endpoint = match earlier {
        Some(endpoint) => endpoint,
        None => {
            let endpoint = create(account, caller, params, &mut state, &knobs, now)?;
            state.endpoints.insert(endpoint.id.clone(), endpoint.clone());
            if let Some(token) = token {
                inner.ledger.remember(caller, token, fingerprint, &endpoint);
            }
            endpoint
        }
    };
    xml.node("vpcEndpoint", |xml| {
        write_endpoint(xml, &endpoint, account, &ec2.fabric.clock)
    });
    if let Some(token) = token {
        xml.text("clientToken", token);
    }
    Ok(())
}

fn create(
    account: &Account,
    caller: &Caller,
    params: &Params,
    state: &mut FabricState,
    knobs: &Ec2Knobs,
    now: Duration,
) -> Result<Endpoint, Ec2Error> {
    let vpc_id = params.required("VpcId")?;
    let service_name = params.required("ServiceName")?;
    well_formed(vpc_id, "vpc-", "InvalidVpcId.Malformed")?;
    account
        .vpc(vpc_id, &caller.region)
        .ok_or_else(|| Ec2Error::no_vpc(vpc_id))?;

    let service = usable_service(state, caller, service_name, params.get("ServiceRegion"), knobs, now)?;
    let wanted = params.get("VpcEndpointType").unwrap_or("Gateway");
    if wanted != "Interface" {
        return Err(Ec2Error::invalid_parameter(format!(
            "Endpoint type ({wanted}) does not match available service types ([Interface])."
        )));
    }
    if params.flag("PrivateDnsEnabled")? == Some(true) {
        return Err(Ec2Error::invalid_parameter(format!(
            "Private DNS can't be enabled because the service {service_name} does not provide a private DNS name."
        )));
    }

    let subnet_ids = params.list("SubnetId");
    let subnets = check_subnets(
        account,
        vpc_id,
        &service,
        &caller.region,
        &subnet_ids,
        &BTreeSet::new(),
        knobs,
    )?;
    let mut security_group_ids = params.list("SecurityGroupId");
    check_groups(account, vpc_id, &security_group_ids)?;
    if security_group_ids.is_empty() {
        security_group_ids.extend(account.default_group(vpc_id).cloned());
    }
    let tags = params.tag_specification("vpc-endpoint")?;

    let in_vpc = state
        .endpoints
        .values()
        .filter(|e| e.vpc_id == vpc_id && e.state != EndpointState::Deleted)
        .count();
    if in_vpc >= knobs.endpoints_per_vpc {
        return Err(Ec2Error::bad(
            "VpcEndpointLimitExceeded",
            "The maximum number of VPC endpoints has been reached.",
        ));
    }

    let interfaces = attach(state, &subnets)?;
    let id = format!("vpce-{}", state.fresh_hex());
    Ok(Endpoint {
        dns_name: dns_name(&id, &service.id, &caller.region),
        id,
        owner_account: caller.account.clone(),
        region: caller.region.clone(),
        vpc_id: vpc_id.to_owned(),
        service_id: service.id,
        service_name: service.name,
        state: EndpointState::PendingAcceptance,
        since: now,
        created_at: now,
        visible_at: now + knobs.visibility_lag,
        subnets: subnets
            .iter()
            .map(|(id, subnet)| (id.clone(), subnet.zone.name.clone()))
            .collect(),
        interfaces,
        security_group_ids,
        tags,
        last_error: None,
        private_dns_enabled: false,
        before_modify: None,
    })
}

/// The service, if this caller may connect to it from its region at this moment.
fn usable_service(
    state: &FabricState,
    caller: &Caller,
    name: &str,
    service_region: Option<&str>,
    knobs: &Ec2Knobs,
    now: Duration,
) -> Result<EndpointService, Ec2Error> {
    let unknown = || Ec2Error::service_name(name);
    let service = state
        .services
        .values()
        .find(|service| service.name == name)
        .ok_or_else(unknown)?;
    let asked = service_region.unwrap_or(&caller.region);
    let reachable = service.region == caller.region || service.supported_regions.contains(&caller.region);
    if service.region != asked || !reachable {
        return Err(unknown());
    }
    if now < service.created_at + knobs.service_lag {
        return Err(Ec2Error::unavailable());
    }
    let principals = service.principals_in_effect(now, knobs.principal_lag);
    if !caller.is_among(principals, knobs.calling_principal.as_deref()) {
        return Err(unknown());
    }
    Ok(service.clone())
}

/// The subnets by id, after every rule about them; `taken`: names of zones that the endpoint is in already.
pub(super) fn check_subnets<'a>(
    account: &'a Account,
    vpc_id: &str,
    service: &EndpointService,
    region: &str,
    ids: &[String],
    taken: &BTreeSet<String>,
    knobs: &Ec2Knobs,
) -> Result<Vec<(String, &'a Subnet)>, Ec2Error> {
    let mut taken = taken.clone();
    let mut found = Vec::new();
    for id in ids {
        well_formed(id, "subnet-", "InvalidSubnetId.Malformed")?;
        let subnet = account.subnets.get(id).ok_or_else(|| Ec2Error::no_subnet(id))?;
        if subnet.vpc_id != vpc_id {
            return Err(Ec2Error::invalid_parameter(format!(
                "The subnet {id} does not belong to the VPC {vpc_id}."
            )));
        }
        if !taken.insert(subnet.zone.name.clone()) {
            return Err(Ec2Error::same_zone(id));
        }
        if service.region == region && !service.zone_ids.contains(&subnet.zone.id) {
            return Err(Ec2Error::invalid_parameter(format!(
                "The VPC endpoint service {} does not support the availability zone of the subnet: {id}.",
                service.name
            )));
        }
        if let Some(remote) = &knobs.remote_access_zone_ids
            && service.region != region
            && !remote.contains(&subnet.zone.id)
        {
            return Err(Ec2Error::invalid_parameter(format!(
                "Only the following availability zones are supported for remote access: {}",
                remote.join(", ")
            )));
        }
        found.push((id.clone(), subnet));
    }
    Ok(found)
}

pub(super) fn check_groups(account: &Account, vpc_id: &str, ids: &[String]) -> Result<(), Ec2Error> {
    for id in ids {
        let group = account.security_groups.get(id).ok_or_else(|| Ec2Error::no_group(id))?;
        if group.vpc_id != vpc_id {
            return Err(Ec2Error::invalid_parameter(format!(
                "The security group '{id}' does not belong to the VPC '{vpc_id}'."
            )));
        }
    }
    Ok(())
}

/// A network interface in each subnet, with its first free address; AWS keeps the first three for itself.
pub(super) fn attach(state: &mut FabricState, subnets: &[(String, &Subnet)]) -> Result<Vec<Interface>, Ec2Error> {
    let mut interfaces = Vec::new();
    for (subnet_id, subnet) in subnets {
        let in_use: BTreeSet<_> = state
            .endpoints
            .values()
            .filter(|endpoint| endpoint.has_interfaces())
            .flat_map(|endpoint| &endpoint.interfaces)
            .filter(|interface| interface.subnet_id == *subnet_id)
            .map(|interface| interface.private_ip)
            .collect();
        let free = subnet
            .cidr
            .hosts()
            .skip(3)
            .find(|ip| !in_use.contains(ip) && !subnet.full);
        let private_ip = free.ok_or_else(|| {
            let message = format!("There are not enough free addresses in subnet '{subnet_id}' to satisfy the requested number of instances.");
            Ec2Error::bad("InsufficientFreeAddressesInSubnet", message)
        })?;
        interfaces.push(Interface {
            id: format!("eni-{}", state.fresh_hex()),
            subnet_id: subnet_id.clone(),
            private_ip,
        });
    }
    Ok(interfaces)
}

pub(super) fn well_formed(id: &str, prefix: &str, code: &'static str) -> Result<(), Ec2Error> {
    let hex = id.strip_prefix(prefix).unwrap_or_default();
    if matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(());
    }
    Err(Ec2Error::bad(
        code,
        format!("Invalid Id: '{id}' (expecting '{prefix}...')"),
    ))
}

/// `vpce-<id>-<suffix>.vpce-svc-<id>.<region>.vpce.amazonaws.com`.
pub(super) fn dns_name(endpoint_id: &str, service_id: &str, region: &str) -> String {
    let mut hasher = DefaultHasher::new();
    endpoint_id.hash(&mut hasher);
    let suffix = hasher.finish() & 0xffff_ffff;
    format!("{endpoint_id}-{suffix:08x}.{service_id}.{region}.vpce.amazonaws.com")
}
