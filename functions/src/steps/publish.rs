//! Publish: the connection information, out of what the steps left. Calls nobody.

use shared::Result;
use shared::document::{Connection, Document, EndpointInfo, PrivateDns, Timing};
use shared::progress::Phase;
use shared::settings::PhaseName;

use super::{found, needs};
use crate::context::Context;

/// The workflow's output.
///
/// # Errors
/// `Unexpected` when a step's result is missing.
pub async fn run(context: &Context, document: &Document) -> Result<Connection> {
    let request = &document.request;
    let (facts, vendor) = found(document)?;
    let service = needs(document.service.as_ref(), "service")?;
    let endpoint = needs(document.acceptance.as_ref(), "acceptance")?;
    let access = needs(document.access.as_ref(), "access")?;
    let provider = context.provider(request).await;
    let private_dns = vendor.private_hostname.clone().zip(access.hosted_zone_id.clone());
    Ok(Connection {
        connection_id: facts.connection_id.clone(),
        provider: request.provider.kind().to_owned(),
        endpoint: EndpointInfo {
            endpoint_id: endpoint.endpoint_id.clone(),
            service_name: service.service_name.clone(),
            account_id: request.consumer.account_id.clone(),
            region: request.consumer.region.clone(),
            vpc_id: facts.vpc_id.clone().unwrap_or_default(),
            dns_names: endpoint.dns_entries.iter().map(|e| e.dns_name.clone()).collect(),
            network_interface_ids: endpoint.network_interface_ids.clone(),
            subnet_ids: endpoint.subnet_ids.clone(),
            security_group_ids: endpoint.security_group_ids.clone(),
        },
        vendor_connection_id: access.vendor_connection_id.clone(),
        components: access.components.clone(),
        private_dns: private_dns.map(|(name, hosted_zone_id)| PrivateDns { hosted_zone_id, name }),
        ca_certificate: provider.ca_certificate(),
        credentials: provider.credentials(),
        timings: [
            timing(PhaseName::Preflight, document.preflight.as_ref()),
            timing(PhaseName::Service, document.service.as_ref()),
            timing(PhaseName::Endpoint, document.endpoint.as_ref()),
            timing(PhaseName::Acceptance, document.acceptance.as_ref()),
            timing(PhaseName::Access, document.access.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect(),
    })
}

fn timing<T>(phase: PhaseName, left: Option<&Phase<T>>) -> Option<Timing> {
    left.map(|left| Timing {
        phase: phase.key().to_owned(),
        looks: left.attempt,
        waited_seconds: left.waited_seconds,
    })
}
