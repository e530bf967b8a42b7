//! `ModifyVpcEndpoint`: subnets, security groups, and private DNS off.

use std::collections::BTreeSet;

use crate::fabric::{BeforeModify, Endpoint, EndpointState};

use super::Ec2;
use super::caller::Caller;
use super::create::{attach, check_groups, check_subnets};
use super::describe::visible;
use super::error::Ec2Error;
use super::query::Params;
use super::xml::Xml;

pub(super) fn modify_vpc_endpoint(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    let (knobs, now) = (ec2.fabric.knobs().ec2, ec2.fabric.clock.now());
    let mut inner = ec2.lock();
    let inner = &mut *inner;
    let mut state = ec2.fabric.state();
    inner.ledger.take_token(caller, &knobs, now)?;

    let id = params.required("VpcEndpointId")?;
    let mut endpoint = visible(&state, caller, id, now)?.clone();
    let service = state
        .services
        .get(&endpoint.service_id)
        .cloned()
        .ok_or_else(|| Ec2Error::service_name(&endpoint.service_name))?;
    match endpoint.state {
        EndpointState::PendingAcceptance | EndpointState::Available => {}
        EndpointState::Pending => {
            return Err(Ec2Error::invalid_parameter(format!(
                "Cannot modify VPC Endpoint {id} at this time because there is an idempotent operation going on"
            )));
        }
        other => {
            return Err(Ec2Error::invalid_parameter(format!(
                "Cannot modify VPC Endpoint {id} in the state {}",
                other.wire()
            )));
        }
    }
    let shown = endpoint.shown(now, knobs.modify_lag);
    let before = BeforeModify {
        modified_at: now,
        subnets: shown.subnets.clone(),
        interfaces: shown.interfaces.clone(),
        security_group_ids: shown.security_group_ids.clone(),
        private_dns_enabled: shown.private_dns_enabled,
    };
    let private_dns = params.flag("PrivateDnsEnabled")?;
    if private_dns == Some(true) {
        return Err(Ec2Error::invalid_parameter(format!(
            "Private DNS can't be enabled because the service {} does not provide a private DNS name.",
            endpoint.service_name
        )));
    }
    if private_dns == Some(false) {
        endpoint.private_dns_enabled = false;
    }

    let account = inner.world.account_mut(&caller.account);
    let removed = params.list("RemoveSubnetId");
    if !knobs.modify_adds_before_removes {
        detach(&mut endpoint, &removed);
    }
    let mut added = params.list("AddSubnetId");
    added.retain(|id| endpoint.subnets.iter().all(|(present, _)| present != id));
    let taken: BTreeSet<String> = endpoint.subnets.iter().map(|(_, zone)| zone.clone()).collect();
    let subnets = check_subnets(
        account,
        &endpoint.vpc_id,
        &service,
        &caller.region,
        &added,
        &taken,
        &knobs,
    )?;
    endpoint.interfaces.extend(attach(&mut state, &subnets)?);
    endpoint.subnets.extend(
        subnets
            .iter()
            .map(|(id, subnet)| (id.clone(), subnet.zone.name.clone())),
    );
    if knobs.modify_adds_before_removes {
        detach(&mut endpoint, &removed);
    }

    let added = params.list("AddSecurityGroupId");
    check_groups(account, &endpoint.vpc_id, &added)?;
    let removed = params.list("RemoveSecurityGroupId");
    endpoint
        .security_group_ids
        .retain(|id| !removed.contains(id) && !added.contains(id));
    endpoint.security_group_ids.extend(added);
    if endpoint.security_group_ids.is_empty() {
        return Err(Ec2Error::invalid_parameter(
            "An Interface VPC Endpoint must always have at least one Security Group",
        ));
    }

    endpoint.before_modify = Some(before);
    state.endpoints.insert(endpoint.id.clone(), endpoint);
    xml.text("return", true);
    Ok(())
}

fn detach(endpoint: &mut Endpoint, subnet_ids: &[String]) {
    endpoint.subnets.retain(|(id, _)| !subnet_ids.contains(id));
    endpoint
        .interfaces
        .retain(|interface| !subnet_ids.contains(&interface.subnet_id));
}
