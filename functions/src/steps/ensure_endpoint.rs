//! EnsureEndpoint: the connection's interface endpoint exists, as the request says, with its security group.

use shared::document::{Document, EndpointMade};
use shared::progress::{Look, Phase};
use shared::settings::PhaseName;
use shared::{Error, Result};

use super::{found, needs};
use crate::consumer_side::apply::{apply, unknown_service};
use crate::consumer_side::decide::decide;
use crate::consumer_side::network;
use crate::consumer_side::read::read;
use crate::consumer_side::{Service, Wanted};
use crate::context::Context;
use crate::ec2::endpoints::{Endpoint, State};
use crate::ec2::services;
use crate::ec2::vpc::Vpc;
use crate::runtime::Step;

/// The step.
pub struct EnsureEndpoint;

impl Step for EnsureEndpoint {
    const PHASE: PhaseName = PhaseName::Endpoint;
    type Output = EndpointMade;

    fn previous(document: &Document) -> Option<&Phase<EndpointMade>> {
        document.endpoint.as_ref()
    }

    async fn look(context: &Context, document: &Document, attempt: u32) -> Result<Look<EndpointMade>> {
        let request = &document.request;
        let (facts, vendor) = found(document)?;
        let service = needs(document.service.as_ref(), "service")?;
        let ec2 = context.ec2(request).await?;
        let vpc = Vpc {
            id: facts.vpc_id.clone().unwrap_or_default(),
            cidrs: facts.vpc_cidrs.clone(),
        };
        let (situation, checks) = read(&ec2, request, vpc, &facts.connection_id).await?;
        if let Some(gone) = checks.iter().find(|check| !check.passed) {
            // What was there at preflight and is not any more.
            let path = gone.path.as_deref().unwrap_or("/consumer");
            return Err(Error::invalid_at(path, &gone.message));
        }
        if let Some(strange) = situation.ours.iter().find(|e| matches!(e.state, State::Unknown(_))) {
            return Err(Error::unexpected(format!(
                "the endpoint {} is in state \"{}\", which no contract knows. Look at it in the VPC console.",
                strange.id, strange.raw_state
            )));
        }
        if let Some(made) = situation.ours.iter().find(|e| came_to_nothing_unheard(e, document)) {
            return Ok(Look::Ready(EndpointMade {
                endpoint_id: made.id.clone(),
                generation: made.generation(),
            }));
        }
        let mut wanted = Wanted {
            request,
            connection: &facts.connection_id,
            execution_name: &document.execution.name,
            service: Service::Offered(service),
            offered: &[],
            ports: &vendor.ports,
        };
        let there = situation
            .ours
            .iter()
            .any(|e| e.is_live() && e.service_name == service.service_name);
        let offered = if there && situation.candidates.named {
            // Where it is, it is allowed to be.
            Some(Vec::new())
        } else {
            services::zone_ids(
                &ec2,
                &service.service_name,
                &service.service_region,
                &request.consumer.region,
            )
            .await?
        };
        let Some(offered) = offered else {
            return Ok(unknown_service(service, "DescribeVpcEndpointServices answers InvalidServiceName").into());
        };
        if let Some(pending) = network::out_of_reach(request, &situation.candidates, &offered) {
            return Ok(pending.into());
        }
        wanted.offered = &offered;
        if let Some(wrong) = situation.check(&wanted).iter().find(|check| !check.passed) {
            let path = wrong.path.as_deref().unwrap_or("/consumer");
            return Err(Error::invalid_at(path, &wrong.message));
        }
        let decision = decide(&situation, &wanted);
        apply(&ec2, &situation, &wanted, service, decision, attempt).await
    }
}

/// This run made it in a look whose answer was lost. EnsureAccepted judges it: it counts what comes to nothing, and without its
/// count endpoints could be made as long as the budget lasts.
fn came_to_nothing_unheard(endpoint: &Endpoint, document: &Document) -> bool {
    let is_counted = document.ended.iter().any(|ended| ended.endpoint_id == endpoint.id);
    endpoint.is_dead() && endpoint.execution() == Some(document.execution.name.as_str()) && !is_counted
}
