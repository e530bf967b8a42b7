//! EnsureEndpoint: the connection's interface endpoint exists.

use shared::document::{Document, EndpointMade, ServiceOffer};
use shared::progress::{Look, Pending, Phase};
use shared::settings::PhaseName;
use shared::{Error, ErrorName, Result};

use super::needs;
use crate::context::Context;
use crate::ec2::endpoints::{self, Created, Endpoint, State};
use crate::ec2::{network, services};
use crate::runtime::Step;

/// A token whose endpoint is gone may answer with the corpse: so many more generations are tried in one look.
const CORPSES_AT_MOST: u32 = 5;
/// Looks for which a taken token is believed to be a parallel run's, whose endpoint the list will show soon.
const LOOKS_FOR_A_PARALLEL_RUN: u32 = 5;

/// The step.
pub struct EnsureEndpoint;

impl Step for EnsureEndpoint {
    const PHASE: PhaseName = PhaseName::Endpoint;
    type Output = EndpointMade;

    fn previous(document: &Document) -> Option<&Phase<EndpointMade>> {
        document.endpoint.as_ref()
    }

    async fn look(context: &Context, document: &Document, attempt: u32) -> Result<Look<EndpointMade>> {
        let consumer = &document.request.consumer;
        let service = needs(document.service.as_ref(), "service")?;
        let ec2 = context.ec2(&document.request).await;
        let ours = endpoints::find_ours(&ec2, consumer, &document.connection_id).await?;
        if let Some(live) = ours.iter().find(|e| e.is_live()) {
            return found(live, service).map(Look::Ready);
        }
        if let Some(strange) = ours.iter().find(|e| matches!(e.state, State::Unknown(_))) {
            return Err(Error::unexpected(format!(
                "the endpoint {} is in state \"{}\", which no contract knows. Look at it in the VPC console.",
                strange.id, strange.raw_state
            )));
        }
        let Some(offered) = services::zone_ids(&ec2, service, &consumer.region).await? else {
            return Ok(unknown_service(service, "DescribeVpcEndpointServices answers InvalidServiceName").into());
        };
        if !offered.is_empty() {
            services::check_zones(&network::subnets(&ec2, consumer).await?, &offered)?;
        }
        let next = ours.iter().map(|e| e.generation).max().unwrap_or(0).saturating_add(1);
        create(&ec2, document, service, next, attempt).await
    }
}

async fn create(
    ec2: &aws_sdk_ec2::Client,
    document: &Document,
    service: &ServiceOffer,
    next: u32,
    attempt: u32,
) -> Result<Look<EndpointMade>> {
    // The skipped generation after a taken token is a function of the attempt alone, so that a repeated look repeats it.
    let first = if attempt > LOOKS_FOR_A_PARALLEL_RUN {
        next.saturating_add(1)
    } else {
        next
    };
    for generation in first..first.saturating_add(CORPSES_AT_MOST) {
        match endpoints::create(ec2, document, service, generation).await? {
            Created::Made(endpoint) if endpoint.is_live() => {
                return Ok(Look::Ready(EndpointMade {
                    endpoint_id: endpoint.id,
                    generation,
                }));
            }
            Created::Made(corpse) if matches!(corpse.state, State::Unknown(_)) => {
                return Err(Error::unexpected(format!(
                    "EC2 made the endpoint {} in state \"{}\", which no contract knows. Look at it in the VPC console.",
                    corpse.id, corpse.raw_state
                )));
            }
            // The token's endpoint of an earlier life.
            Created::Made(_) => {}
            Created::ServiceUnknown(why) => return Ok(unknown_service(service, &why).into()),
            Created::TokenTaken => {
                return Ok(Pending::new(
                    "token taken",
                    "another run makes this connection's endpoint with other parameters; waiting to see it.",
                )
                .into());
            }
            Created::Busy(why) => return Ok(Pending::new("busy", why).into()),
        }
    }
    Err(Error::unexpected(format!(
        "EC2 answered {CORPSES_AT_MOST} ClientTokens in a row with endpoints that are gone. Start the same request again; if it repeats, report it."
    )))
}

/// The endpoint exists, and must be connected to the service that the vendor offers now.
fn found(endpoint: &Endpoint, service: &ServiceOffer) -> Result<EndpointMade> {
    if endpoint.service_name == service.service_name {
        return Ok(EndpointMade {
            endpoint_id: endpoint.id.clone(),
            generation: endpoint.generation,
        });
    }
    Err(Error::new(
        ErrorName::InvalidRequest,
        format!(
            "/consumer/vpc_id: the connection's endpoint {} is connected to {}, but the vendor now offers {}, and an endpoint cannot move. \
             Delete the endpoint and start again.",
            endpoint.id, endpoint.service_name, service.service_name
        ),
    ))
}

fn unknown_service(service: &ServiceOffer, why: &str) -> Pending {
    Pending::new(
        "service not visible",
        format!(
            "EC2 does not know {} for this account yet: the vendor's allowed principals take a while to have an effect, and a wrong principal \
             looks the same ({why}).",
            service.service_name
        ),
    )
}
