//! Waiting for the network of an account that is still being set up.

use shared::plan::Check;
use shared::progress::Pending;
use shared::request::Request;
use shared::{ErrorName, Result};

use crate::context::Context;
use crate::ec2::subnets::{self, Candidates};
use crate::ec2::vpc;

/// What a run waits for: access by the role, the VPC, or a subnet; none once all are there.
///
/// A refusal is waited out where a role is assumed, as it and its rights come later than the account, and EC2 itself refuses an account
/// that was made minutes ago.
///
/// # Errors
/// As AWS answers.
pub async fn missing(context: &Context, request: &Request) -> Result<Option<Pending>> {
    match look(context, request).await {
        Err(error) if error.name == ErrorName::Denied && context.assumes_role(&request.consumer) => {
            Ok(Some(Pending::new("no access", error.message)))
        }
        other => other,
    }
}

async fn look(context: &Context, request: &Request) -> Result<Option<Pending>> {
    let consumer = &request.consumer;
    let ec2 = context.ec2(request).await?;
    let vpc = match vpc::find(&ec2, consumer).await? {
        vpc::Found::One(vpc) => vpc,
        vpc::Found::Absent(failed) => return Ok(Some(pending("no VPC", &[failed]))),
        // More time brings no fewer.
        vpc::Found::Ambiguous(_) => return Ok(None),
    };
    let (candidates, checks) = subnets::read(&ec2, consumer, &vpc).await?;
    Ok((!candidates.are_complete(consumer)).then(|| pending("no subnet", &checks)))
}

/// The same once the vendor's service is known: of the subnets that a request admits, none is in a zone that the service offers. More
/// may come, as a landing zone makes one after the other.
pub fn out_of_reach(request: &Request, candidates: &Candidates, offered: &[String]) -> Option<Pending> {
    if !request.waits_for_network() || candidates.named {
        return None;
    }
    let checks = candidates.check_zones(&request.consumer, offered);
    (!checks.is_empty()).then(|| pending("no subnet", &checks))
}

fn pending(state: &str, checks: &[Check]) -> Pending {
    let failed = checks.iter().filter(|check| !check.passed);
    let each = failed.map(|check| format!("{}: {}", check.path.as_deref().unwrap_or("/consumer"), check.message));
    Pending::new(state, each.collect::<Vec<_>>().join(" "))
}
