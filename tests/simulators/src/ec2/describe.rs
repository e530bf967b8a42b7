//! `DescribeVpcEndpoints`.

use crate::fabric::{Endpoint, FabricState};
use std::time::Duration;

use super::Ec2;
use super::caller::Caller;
use super::create::well_formed;
use super::error::Ec2Error;
use super::query::Params;
use super::wire::write_endpoint;
use super::xml::Xml;

pub(super) fn describe_vpc_endpoints(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let filters = params.filters(&[
        "vpc-id",
        "service-name",
        "service-region",
        "vpc-endpoint-id",
        "vpc-endpoint-state",
        "vpc-endpoint-type",
        "ip-address-type",
    ])?;
    let (lag, now) = (ec2.fabric.knobs().ec2.modify_lag, ec2.fabric.clock.now());
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let state = ec2.fabric.state();

    let ids = params.list("VpcEndpointId");
    let mut found = Vec::new();
    for id in &ids {
        found.push(visible(&state, caller, id, now)?);
    }
    if ids.is_empty() {
        found.extend(
            state
                .endpoints
                .values()
                .filter(|endpoint| belongs(endpoint, caller) && endpoint.visible_at <= now),
        );
    }
    found.retain(|endpoint| {
        filters.match_item(&endpoint.tags, |name| {
            vec![match name {
                "vpc-id" => endpoint.vpc_id.clone(),
                "service-name" => endpoint.service_name.clone(),
                "service-region" => endpoint.service_name.split('.').nth(3).unwrap_or_default().to_owned(),
                "vpc-endpoint-id" => endpoint.id.clone(),
                "vpc-endpoint-state" => endpoint.state.wire().to_owned(),
                "vpc-endpoint-type" => "Interface".to_owned(),
                _ => "ipv4".to_owned(),
            }]
        })
    });
    let (page, next) = params.page(found)?;
    xml.list("vpcEndpointSet", page, |xml, endpoint| {
        write_endpoint(xml, &endpoint.shown(now, lag), account, &ec2.fabric.clock)
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}

pub(super) fn belongs(endpoint: &Endpoint, caller: &Caller) -> bool {
    endpoint.owner_account == caller.account && endpoint.region == caller.region
}

/// The endpoint, if the caller has it and reads see it already.
pub(super) fn visible<'a>(
    state: &'a FabricState,
    caller: &Caller,
    id: &str,
    now: Duration,
) -> Result<&'a Endpoint, Ec2Error> {
    well_formed(id, "vpce-", "InvalidVpcEndpointId.Malformed")?;
    let endpoint = state
        .endpoints
        .get(id)
        .filter(|endpoint| belongs(endpoint, caller) && endpoint.visible_at <= now);
    endpoint.ok_or_else(|| Ec2Error::no_endpoint(id))
}
