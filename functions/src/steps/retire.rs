//! Retire: the new endpoint works, so what it replaced goes.

use shared::Result;
use shared::document::{Document, Removed};
use shared::identity::ConnectionId;
use shared::progress::Phase;
use shared::settings::PhaseName;

use super::{found, needs};
use crate::context::Context;
use crate::ec2::endpoints;
use crate::ec2::groups::managed;
use crate::removal::{self, Outcome, connection};

/// One look: removes what it can, and says what is left.
///
/// # Errors
/// As EC2 and Route 53 answer.
pub async fn run(context: &Context, document: &Document) -> Result<Phase<Removed>> {
    let request = &document.request;
    let (facts, _) = found(document)?;
    let current = &needs(document.acceptance.as_ref(), "acceptance")?.endpoint_id;
    let ec2 = context.ec2(request).await?;
    let mut outcome = Outcome::default();
    let ours = endpoints::find_ours(&ec2, &facts.connection_id).await?;
    let gone = removal::endpoints(&ec2, ours.iter().filter(|e| e.id != *current), &mut outcome).await;
    if gone && !request.consumer.has_managed_group() {
        // The request names groups of its own now, and what was replaced had the workflow's.
        let groups = managed::find(&ec2, &facts.connection_id).await?;
        removal::groups(&ec2, &groups, &mut outcome).await;
    }
    if let Some(vpc_id) = &request.consumer.replaces_vpc_id {
        let old = ConnectionId::of(request, vpc_id);
        let route53 = context.route53(request).await?;
        let found = connection::find(&ec2, &route53, &old, None).await?;
        connection::remove(&ec2, &route53, &old, &found, &mut outcome).await;
    }
    let removed = Removed {
        connection_id: facts.connection_id.clone(),
        complete: !outcome.unseen,
        left: outcome.left.clone(),
    };
    let schedule = context.settings.schedule(PhaseName::Retirement, request);
    outcome.conclude(
        document.retirement.as_ref(),
        &schedule,
        PhaseName::Retirement,
        &document.execution.name,
        removed,
    )
}
