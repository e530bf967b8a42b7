//! Taking back, as far as nobody else uses it: the looks at Aiven, and the writes.
//!
//! Each look works out the whole decision from what it sees, so that it says the same at the end however often it was called.

use super::checks::{region, region_of_service_name, unknown_state};
use super::client::{Client, Write};
use super::decision::{Fate, ListsLeft, Switches};
use super::errors::Failure;
use super::plan::{link_change, switches, with_lists};
use super::wire::{PrivateLink, Service};
use super::{VERIFY_SECONDS, conflict};
use crate::plan::{Change, Effect};
use crate::progress::{Look, Pending};
use crate::provider::{Release, ReleasePlan, ServiceSeen};
use crate::{Result, request};

/// What a decision needs to know.
pub(super) struct Seen {
    pub(super) link: Option<PrivateLink>,
    /// The endpoints of other connections that are listed, and the consumer's own other ones.
    pub(super) others: Vec<String>,
}

/// The PrivateLink service for a removal.
pub(super) async fn service_seen(client: &Client) -> Result<Option<ServiceSeen>> {
    let Some(link) = if_there(client.privatelink().await)? else {
        return Ok(None);
    };
    let own_region = match &link.aws_service_name {
        Some(name) => Some(region_of_service_name(name)?),
        None => match if_there(client.service().await)? {
            Some(service) => region(&service)?.ok(),
            None => None,
        },
    };
    let mut regions: Vec<String> = own_region.into_iter().collect();
    for region in link.supported_regions.unwrap_or_default() {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    Ok(Some(ServiceSeen {
        service_name: link.aws_service_name,
        regions,
    }))
}

/// One look before the endpoint goes. Ready with what is left on purpose.
pub(super) async fn withdraw(client: &Client, params: &request::Aiven, release: &Release) -> Result<Look<Vec<String>>> {
    if !Switches::are_in(release) {
        return Ok(Look::Ready(Vec::new()));
    }
    let (seen, service) = see_both(client, release).await?;
    let Some(service) = service else {
        return Ok(Look::Ready(Vec::new()));
    };
    let decision = Switches::of(params, release, &seen, &service);
    if decision.turn_off.is_empty() {
        return Ok(Look::Ready(decision.left));
    }
    let answer = client.switch_access(&decision.turn_off, false).await;
    let reason = format!(
        "Aiven is switching off PrivateLink access to {}.",
        decision.turn_off.join(", ")
    );
    after_write(answer, &service.state, reason)
}

/// One look after the endpoint is gone. Ready with what is left on purpose.
pub(super) async fn look(client: &Client, params: &request::Aiven, release: &Release) -> Result<Look<Vec<String>>> {
    if !ListsLeft::are_in(release) {
        return Ok(Look::Ready(Vec::new()));
    }
    let seen = see(client, release).await?;
    let Some(link) = &seen.link else {
        return Ok(Look::Ready(Vec::new()));
    };
    match link.state.as_str() {
        "creating" => {
            return Ok(Pending::new(
                "creating",
                "Aiven is still making the PrivateLink service; it cannot be changed before.",
            )
            .into());
        }
        "deleting" => {
            return Ok(Pending::new("deleting", "waiting until Aiven has deleted the PrivateLink service.").into());
        }
        _ => {}
    }
    let decision = ListsLeft::of(params, release, link, &seen.others);
    let (answer, state) = match &decision.fate {
        Fate::Keep => return Ok(Look::Ready(decision.left)),
        Fate::Delete => (client.delete_privatelink().await, "deleting"),
        Fate::Replace(lists) => (client.update_privatelink(lists).await, "active"),
    };
    let reason = "checking that Aiven took back what this connection had of the PrivateLink service.";
    after_write(answer, state, reason.to_owned())
}

/// What [`withdraw`] and [`look`] would write, without writing.
pub(super) async fn plan(client: &Client, params: &request::Aiven, release: &Release) -> Result<ReleasePlan> {
    let mut plan = ReleasePlan::default();
    if !Switches::are_in(release) && !ListsLeft::are_in(release) {
        return Ok(plan);
    }
    let (seen, service) = see_both(client, release).await?;
    if Switches::are_in(release)
        && let Some(service) = &service
    {
        let decision = Switches::of(params, release, &seen, service);
        let change = switches(client, &params.service_name, &decision.turn_off, false)?;
        plan.access.push(change);
        plan.left.extend(decision.left);
    }
    if ListsLeft::are_in(release)
        && let Some(link) = &seen.link
    {
        if link.state == "deleting" {
            let kept = link_change(Effect::Keep, &params.service_name);
            plan.changes.push(kept.why("Aiven is deleting it already"));
        } else {
            let decision = ListsLeft::of(params, release, link, &seen.others);
            plan.changes
                .push(fate_change(client, &params.service_name, link, &decision.fate)?);
            plan.left.extend(decision.left);
        }
    }
    Ok(plan)
}

fn fate_change(client: &Client, service_name: &str, link: &PrivateLink, fate: &Fate) -> Result<Change> {
    Ok(match fate {
        Fate::Keep => link_change(Effect::Keep, service_name),
        Fate::Delete => link_change(Effect::Delete, service_name).call(client.name_of(Write::Delete)?),
        Fate::Replace(lists) => with_lists(link_change(Effect::Change, service_name), Some(link), lists)
            .call(client.name_of(Write::Update)?),
    })
}

async fn see(client: &Client, release: &Release) -> Result<Seen> {
    // The two share it, and each would read it.
    client.token().await?;
    let (link, connections) = tokio::join!(client.privatelink(), client.connections());
    let link = if_there(link)?;
    let mut others = match link.as_ref().map(|link| link.state.as_str()) {
        Some("active") => if_there(connections)?.unwrap_or_default(),
        // Nothing is connected to one that is not there yet, or not any more.
        None | Some("creating" | "deleting") => Vec::new(),
        Some(other) => return Err(unknown_state("the PrivateLink service", other)),
    }
    .into_iter()
    .map(|connection| connection.vpc_endpoint_id)
    .filter(|id| !release.endpoint_ids.contains(id))
    .collect::<Vec<_>>();
    for id in &release.other_endpoint_ids {
        if !others.contains(id) {
            others.push(id.clone());
        }
    }
    Ok(Seen { link, others })
}

async fn see_both(client: &Client, release: &Release) -> Result<(Seen, Option<Service>)> {
    client.token().await?;
    let (seen, service) = tokio::join!(see(client, release), client.service());
    Ok((seen?, if_there(service)?))
}

fn after_write(answer: Result<(), Failure>, state: &str, reason: String) -> Result<Look<Vec<String>>> {
    match answer {
        Err(failure) if !failure.is_absent() => match conflict(&failure) {
            Some(pending) => Ok(pending.into()),
            None => Err(failure.into()),
        },
        // What went meanwhile is gone; the next look sees it.
        _ => Ok(Pending::new(state, reason).wait(VERIFY_SECONDS).into()),
    }
}

fn if_there<T>(answer: Result<T, Failure>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.is_absent() => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}
