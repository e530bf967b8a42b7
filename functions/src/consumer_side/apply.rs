//! Ending the difference: one look's writes. What was written is looked at again before anything is built on it.

use aws_sdk_ec2::Client;
use shared::document::{EndpointMade, ServiceOffer};
use shared::progress::{Look, Pending};
use shared::{Error, Result};

use super::decide::{Decision, EndpointDecision, Existing, GroupDecision};
use super::{Situation, Wanted};
use crate::ec2::endpoints::{self, Created, New, State};
use crate::ec2::groups::managed::{self, Deleted};
use crate::ec2::subnets::Subnet;

/// After a write, to see it.
const AFTER_WRITE_SECONDS: u32 = 5;
/// A token whose endpoint is gone may answer with the corpse: so many more generations are tried in one look.
const CORPSES_AT_MOST: u32 = 5;
/// Looks for which a taken token is believed to be a parallel run's, whose endpoint the list will show soon.
const LOOKS_FOR_A_PARALLEL_RUN: u32 = 5;

/// Writes what comes next. Ready when nothing differs.
///
/// # Errors
/// As EC2 answers; `Unexpected` for what no contract knows.
pub async fn apply(
    ec2: &Client,
    situation: &Situation,
    wanted: &Wanted<'_>,
    service: &ServiceOffer,
    mut decision: Decision,
    attempt: u32,
) -> Result<Look<EndpointMade>> {
    let group_ids = match &decision.group {
        None => wanted.request.consumer.security_group_ids.clone(),
        Some(group) => match apply_group(ec2, wanted, &situation.vpc.id, group).await? {
            Look::Ready(id) => vec![id],
            Look::Pending(pending) => return Ok(pending.into()),
        },
    };
    for dead in &decision.dead {
        endpoints::delete(ec2, &dead.id).await.map_err(|error| {
            let why = dead.failure.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            error.while_doing(&format!(
                "making the endpoint {} again, which is {}{why}",
                dead.id, dead.raw_state
            ))
        })?;
    }
    if let Some(leaving) = decision.dead.first().or(decision.leaving.first()) {
        return Ok(Pending::new(
            &leaving.raw_state,
            format!(
                "waiting until the endpoint {} is gone; then a new one is made.",
                leaving.id
            ),
        )
        .into());
    }
    let made = match &mut decision.endpoint {
        EndpointDecision::Create { generation, subnets } => {
            let subnets = std::mem::take(subnets);
            let created = create(
                ec2,
                situation,
                wanted,
                service,
                *generation,
                subnets,
                &group_ids,
                attempt,
            );
            match created.await? {
                Look::Ready(made) => made,
                Look::Pending(pending) => return Ok(pending.into()),
            }
        }
        EndpointDecision::Existing(existing) => match change(ec2, existing, &group_ids).await? {
            Some(pending) => return Ok(pending.into()),
            None => EndpointMade {
                endpoint_id: existing.endpoint.id.clone(),
                generation: existing.endpoint.generation(),
            },
        },
    };
    // An endpoint that goes only when the new one works may use them until then.
    let surplus = decision.surplus_groups.iter().filter(|_| decision.replaced.is_empty());
    for group in surplus {
        if managed::delete(ec2, &group.id).await? == Deleted::InUse {
            return Ok(Pending::new(
                "group in use",
                format!(
                    "waiting until the endpoint has let go of the security group {}.",
                    group.id
                ),
            )
            .into());
        }
    }
    Ok(Look::Ready(made))
}

async fn apply_group(ec2: &Client, wanted: &Wanted<'_>, vpc_id: &str, group: &GroupDecision) -> Result<Look<String>> {
    let id = match &group.existing {
        Some(existing) => {
            group.tag_diff.apply(ec2, &existing.id).await?;
            existing.id.clone()
        }
        None => match managed::create(ec2, wanted.connection, vpc_id, &group.tags).await? {
            Some(made) => made.id,
            None => {
                return Ok(Pending::new(
                    "group not visible",
                    format!(
                        "{vpc_id} has a security group named \"{}\" that EC2 does not list with the connection's tag. If this stays, \
                         somebody took the tag away: delete the group.",
                        wanted.connection.group_name()
                    ),
                )
                .wait(AFTER_WRITE_SECONDS)
                .into());
            }
        },
    };
    if !group.add.is_empty() && !managed::authorize(ec2, &id, &group.add).await? {
        return Ok(Pending::new(
            "group not visible",
            format!("EC2 does not know the security group {id} yet."),
        )
        .wait(AFTER_WRITE_SECONDS)
        .into());
    }
    if !group.remove.is_empty() {
        managed::revoke(ec2, &id, &group.remove).await?;
    }
    Ok(Look::Ready(id))
}

/// The next change of an endpoint that is there; none when it is as it is to be.
async fn change(ec2: &Client, existing: &Existing, group_ids: &[String]) -> Result<Option<Pending>> {
    let endpoint = &existing.endpoint;
    if !existing.tag_diff.is_empty() {
        existing.tag_diff.apply(ec2, &endpoint.id).await?;
    }
    // What may be changed at all is told by the tag, which IAM may see only after a while.
    let next = existing.modifications.first().filter(|_| !existing.adopted);
    let Some(next) = next else {
        let verify = || {
            Pending::new(
                &endpoint.raw_state,
                format!("checking the tags of the endpoint {}.", endpoint.id),
            )
            .wait(AFTER_WRITE_SECONDS)
        };
        return Ok((!existing.tag_diff.is_empty()).then(verify));
    };
    let mut modification = next.clone();
    if !modification.add_security_group_ids.is_empty() {
        // A group that was to be made when this was decided has its id by now.
        modification.add_security_group_ids = group_ids
            .iter()
            .filter(|id| !endpoint.security_group_ids.contains(id))
            .cloned()
            .collect();
    }
    let changed = endpoints::modify(ec2, &endpoint.id, &modification).await?;
    let pending = Pending::new(
        &endpoint.raw_state,
        format!("checking that the endpoint {} is as the request says.", endpoint.id),
    );
    Ok(Some(if changed {
        pending.wait(AFTER_WRITE_SECONDS)
    } else {
        pending
    }))
}

#[expect(clippy::too_many_arguments, reason = "each is another thing that EC2 wants to know")]
async fn create(
    ec2: &Client,
    situation: &Situation,
    wanted: &Wanted<'_>,
    service: &ServiceOffer,
    next: u32,
    mut subnets: Vec<Subnet>,
    group_ids: &[String],
    attempt: u32,
) -> Result<Look<EndpointMade>> {
    // How many generations are skipped after taken tokens is a function of the attempt alone, so that a repeated look repeats it. Each of
    // them may be of an earlier life of the connection, with other parameters, and is believed in just as long.
    let skipped = attempt.saturating_sub(1) / LOOKS_FOR_A_PARALLEL_RUN;
    let first = next.saturating_add(skipped);
    let mut chosen_again = false;
    let mut generation = first;
    while generation < first.saturating_add(CORPSES_AT_MOST) {
        let new = New {
            vpc_id: &situation.vpc.id,
            region: &wanted.request.consumer.region,
            service,
            subnet_ids: subnets.iter().map(|s| s.id.clone()).collect(),
            security_group_ids: group_ids.to_vec(),
            tags: &wanted
                .connection
                .endpoint_tags(wanted.request, generation, wanted.execution_name),
            client_token: wanted.connection.client_token(generation),
        };
        match endpoints::create(ec2, new).await? {
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
            Created::Made(_) => generation = generation.saturating_add(1),
            Created::OtherZones(zones) => {
                let fitting = situation.candidates.choose(&zones, &[]);
                if situation.candidates.named || chosen_again || fitting.is_empty() {
                    return Err(wrong_zones(wanted, &subnets, &zones));
                }
                subnets = fitting;
                chosen_again = true;
            }
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

fn wrong_zones(wanted: &Wanted<'_>, subnets: &[Subnet], zones: &[String]) -> Error {
    let consumer = &wanted.request.consumer;
    let path = match (consumer.subnet_ids.is_empty(), consumer.subnet_tags.is_empty()) {
        (false, _) => "/consumer/subnet_ids",
        (true, false) => "/consumer/subnet_tags",
        (true, true) => crate::ec2::vpc::path(consumer),
    };
    Error::invalid_at(
        path,
        format!(
            "a service of another region is reached from the zones {} only, and the subnets are {}. Choose subnets in those zones.",
            zones.join(", "),
            crate::ec2::subnets::zones(subnets)
        ),
    )
}

/// EC2 does not show the service to this account.
pub fn unknown_service(service: &ServiceOffer, why: &str) -> Pending {
    Pending::new(
        "service not visible",
        format!(
            "EC2 does not know {} for this account yet: the vendor's allowed principals take a while to have an effect, and a wrong principal \
             looks the same ({why}).",
            service.service_name
        ),
    )
}
