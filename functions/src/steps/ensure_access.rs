//! EnsureAccess: the vendor lets traffic through, its ports are open, and its names resolve in the VPC.

use shared::document::{Access, AvailableEndpoint, Document};
use shared::progress::{Look, Phase};
use shared::provider::Provider;
use shared::settings::PhaseName;
use shared::{Error, Result};

use super::{found, needs};
use crate::context::Context;
use crate::dns;
use crate::ec2::groups::{managed, rules};
use crate::register::lease;
use crate::runtime::{Step, Watched};

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
        let (_, vendor) = found(document)?;
        let connection = connection_of(document.access.as_ref());
        let look = async |provider: &dyn Provider| provider.ensure_access(endpoint, attempt, connection).await;
        let mut access = match lease::in_turn(context, document, look).await? {
            Look::Ready(access) => access,
            pending @ Look::Pending(_) => return Ok(pending),
        };
        open_ports(context, document, &access).await?;
        if let Some(host) = &vendor.private_hostname {
            match ensure_name(context, document, endpoint, host, attempt).await? {
                Look::Ready(zone_id) => access.hosted_zone_id = Some(zone_id),
                Look::Pending(pending) => return Ok(pending.into()),
            }
        }
        Ok(Look::Ready(access))
    }
}

impl Watched for EnsureAccess {
    async fn look_only(context: &Context, document: &Document, last: &Phase<Access>) -> Result<Option<Look<Access>>> {
        let endpoint = needs(document.acceptance.as_ref(), "acceptance")?;
        let (_, vendor) = found(document)?;
        // What is waited for is the name then, and names are written.
        if vendor.private_hostname.is_some() {
            return Ok(None);
        }
        let (attempt, connection) = (last.next_attempt(), connection_of(Some(last)));
        let look = async |provider: &dyn Provider| provider.ensure_access(endpoint, attempt, connection).await;
        let looked = lease::without_writing(context, document, look).await?;
        Ok(match looked {
            Some(Look::Ready(access)) if opens_ports(document, &access)? => None,
            looked => looked,
        })
    }
}

/// What the last look found out.
fn connection_of(last: Option<&Phase<Access>>) -> Option<&str> {
    last?.vendor_connection_id.as_deref()
}

/// Ports that the vendor has told only now, and that the workflow is to open.
fn opens_ports(document: &Document, access: &Access) -> Result<bool> {
    Ok(!new_ports(document, access)?.is_empty() && document.request.consumer.has_managed_group())
}

fn new_ports(document: &Document, access: &Access) -> Result<Vec<(u16, u16)>> {
    let (_, vendor) = found(document)?;
    let known = |port: u16| vendor.ports.iter().any(|(from, to)| (*from..=*to).contains(&port));
    let mut new: Vec<(u16, u16)> = access
        .components
        .iter()
        .filter(|c| !known(c.port))
        .map(|c| (c.port, c.port))
        .collect();
    new.sort_unstable();
    new.dedup();
    Ok(new)
}

/// Lets clients in on ports that the vendor has told only now, in the security group that the workflow made.
async fn open_ports(context: &Context, document: &Document, access: &Access) -> Result<()> {
    if !opens_ports(document, access)? {
        return Ok(());
    }
    let (facts, _) = found(document)?;
    let consumer = &document.request.consumer;
    let new = new_ports(document, access)?;
    let cidrs = if consumer.client_cidrs.is_empty() {
        &facts.vpc_cidrs
    } else {
        &consumer.client_cidrs
    };
    let ec2 = context.ec2(&document.request).await?;
    if let Some(group) = managed::find(&ec2, &facts.connection_id).await?.first() {
        let add = rules::wanted(&new, cidrs).difference(&group.rules).cloned().collect();
        if !rules::in_words(&add).is_empty() {
            managed::authorize(&ec2, &group.id, &add).await?;
        }
    }
    Ok(())
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
    let (facts, _) = found(document)?;
    let route53 = context.route53(&document.request).await?;
    let place = dns::Place {
        request: &document.request,
        connection: &facts.connection_id,
        vpc_id: facts.vpc_id.as_deref().unwrap_or_default(),
        execution_id: &document.execution.id,
    };
    dns::ensure(&route53, &place, host, target, attempt).await
}
