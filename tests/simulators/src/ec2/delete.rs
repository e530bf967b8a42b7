//! `DeleteVpcEndpoints`: always 200, and a list of what did not work.

use crate::fabric::EndpointState;

use super::Ec2;
use super::caller::Caller;
use super::create::well_formed;
use super::describe::belongs;
use super::error::Ec2Error;
use super::query::Params;
use super::xml::Xml;

pub(super) fn delete_vpc_endpoints(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    let now = ec2.fabric.clock.now();
    let mut state = ec2.fabric.state();
    let ids = params.list("VpcEndpointId");
    if ids.is_empty() {
        return Err(Ec2Error::missing("VpcEndpointId"));
    }
    for id in &ids {
        well_formed(id, "vpce-", "InvalidVpcEndpointId.Malformed")?;
    }
    let mut absent = Vec::new();
    for id in ids {
        match state
            .endpoints
            .get_mut(&id)
            .filter(|endpoint| belongs(endpoint, caller))
        {
            Some(endpoint) if endpoint.state == EndpointState::Deleting => {}
            Some(endpoint) if endpoint.state != EndpointState::Deleted => endpoint.enter(EndpointState::Deleting, now),
            _ => absent.push(id),
        }
    }
    xml.list("unsuccessful", absent, |xml, id| {
        xml.node("error", |xml| {
            xml.text("code", "InvalidVpcEndpoint.NotFound")
                .text("message", format!("The Vpc Endpoint Id '{id}' does not exist"));
        });
        xml.text("resourceId", id);
    });
    Ok(())
}
