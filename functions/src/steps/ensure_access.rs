//! EnsureAccess: the vendor lets traffic through, and its names resolve in the VPC.

use shared::document::{Access, AvailableEndpoint, Document};
use shared::progress::{Look, Phase};
use shared::settings::PhaseName;
use shared::{Error, Result};

use super::needs;
use crate::context::Context;
use crate::dns;
use crate::runtime::Step;

/// The step.
pub struct EnsureAccess;

impl Step for EnsureAccess {
    const PHASE: PhaseName = PhaseName::Access;
    type Output = Access;

    fn previous(document: &Document) -> Option<&Phase<Access>> {
        document.access.as_ref()
    }

    async fn look(context: &Context, document: &Document, attempt: u32) -> Result<Look<Access>> {
        let endpoint = needs(document.acceptance.as_ref(), "acceptance")?;
        let facts = needs(document.preflight.as_ref(), "preflight")?;
        let provider = context.provider(&document.request).await;
        let mut access = match provider.ensure_access(endpoint, attempt).await? {
            Look::Ready(access) => access,
            pending @ Look::Pending(_) => return Ok(pending),
        };
        if let Some(host) = &facts.private_hostname {
            match ensure_name(context, document, endpoint, host, attempt).await? {
                Look::Ready(zone_id) => access.hosted_zone_id = Some(zone_id),
                Look::Pending(pending) => return Ok(pending.into()),
            }
        }
        Ok(Look::Ready(access))
    }
}

async fn ensure_name(
    context: &Context,
    document: &Document,
    endpoint: &AvailableEndpoint,
    host: &str,
    attempt: u32,
) -> Result<Look<String>> {
    // The regional name comes first and answers with the addresses of all zones.
    let target = endpoint.dns_entries.first().ok_or_else(|| {
        Error::unexpected(format!(
            "the endpoint {} is available without a DNS name: this is a defect of the workflow.",
            endpoint.endpoint_id
        ))
    })?;
    let route53 = context.route53(&document.request).await;
    dns::ensure(&route53, document, host, target, attempt).await
}
