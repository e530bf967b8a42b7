//! The five operations of PrivateLinkService.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use http::HeaderMap;
use serde_json::{Value, json};

use super::errors::{ApiError, INTERNAL, UNAVAILABLE};
use super::wire::{self, CreateRequest, Params, Render, UpdateRequest};
use super::world::{Change, LinkState, Network, Operation, Outcome, PrivateLink, Project, Role, World};
use super::{Hcp, rules};
use crate::fabric::EndpointState;
use crate::knobs::SecondDelete;

type NetworkPath = Path<(String, String, String)>;
type LinkPath = Path<(String, String, String, String)>;
type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn create(
    State(hcp): State<Hcp>,
    Path((org, project, hvn)): NetworkPath,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let mut world = hcp.authorized(&headers, &org, &project, Role::Contributor)?;
    let input = wire::parse::<CreateRequest>(&body)?.private_link_service;
    let (knobs, now) = (hcp.knobs(), hcp.now());
    let here = project_of(&world, &project)?;
    let network = network_of(here, &hvn)?.clone();
    let (refused, lists) = match rules::check_form(&input, here, &network, &knobs) {
        Err(error) => match here
            .links
            .get(&input.id)
            .filter(|link| knobs.idempotent_create && same_link(link, &input))
        {
            None => return Err(error),
            Some(link) => {
                let operation = here
                    .operations
                    .values()
                    .filter(|o| o.resource.1 == link.id)
                    .max_by_key(|o| o.created_at);
                let render = Render {
                    world: &world,
                    project_id: &project,
                    now,
                };
                return Ok(Json(json!({
                    "private_link_service": render.private_link(link, &network, &knobs),
                    "operation": operation.map(|operation| render.operation(operation)),
                })));
            }
        },
        Ok(lists) => (
            rules::check_rules(&input.vault_cluster_id, &lists, here, &network, &knobs).err(),
            lists,
        ),
    };
    let error = match refused {
        Some(error) if !knobs.rules_in_operation => return Err(error),
        Some(error) => Some(error),
        None => knobs
            .fail_creation
            .clone()
            .map(|message| ApiError::new(INTERNAL, message)),
    };

    let outcome = if error.is_some() {
        Outcome::Failed
    } else {
        Outcome::Available
    };
    let operation = operation(
        &mut world,
        &input.id,
        &network,
        (now, knobs.operation_pending, knobs.creation),
        error,
    );
    let mut link = PrivateLink {
        consumer_accounts: lists.accounts,
        consumer_ip_ranges: lists.ip_ranges,
        consumer_regions: lists.regions,
        state: LinkState::Creating,
        created_at: now,
        updated_at: now,
        change: Some(Change {
            starts_at: now,
            ends_at: operation.done_at + knobs.state_lag,
            outcome,
        }),
        ..PrivateLink::available(&input.id, &network.id, &input.vault_cluster_id, &[])
    };
    if knobs.external_name_at_once {
        // Without principals nobody sees it.
        link.offer(&network, BTreeSet::new(), &hcp.fabric);
    }
    let render = Render {
        world: &world,
        project_id: &project,
        now,
    };
    let answer = json!({
        "private_link_service": render.private_link(&link, &network, &knobs),
        "operation": render.operation(&operation),
    });
    let here = project_mut(&mut world, &project)?;
    here.operations.insert(operation.id.clone(), operation);
    here.links.insert(link.id.clone(), link);
    Ok(Json(answer))
}

pub(super) async fn list(
    State(hcp): State<Hcp>,
    Path((org, project, hvn)): NetworkPath,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    let world = hcp.authorized(&headers, &org, &project, Role::Viewer)?;
    let here = project_of(&world, &project)?;
    let network = network_of(here, &hvn)?;
    let render = Render {
        world: &world,
        project_id: &project,
        now: hcp.now(),
    };
    let knobs = hcp.knobs();
    let links = here.links.values().filter(|link| link.hvn_id == network.id);
    let links = links.map(|link| render.private_link(link, network, &knobs)).collect();
    wire::page("private_link_services", links, &params).map(Json)
}

pub(super) async fn get(State(hcp): State<Hcp>, Path((org, project, hvn, id)): LinkPath, headers: HeaderMap) -> Answer {
    let world = hcp.authorized(&headers, &org, &project, Role::Viewer)?;
    let here = project_of(&world, &project)?;
    let network = network_of(here, &hvn)?;
    let link = link_of(here, network, &id)?;
    let render = Render {
        world: &world,
        project_id: &project,
        now: hcp.now(),
    };
    Ok(Json(
        json!({"private_link_service": render.private_link(link, network, &hcp.knobs())}),
    ))
}

pub(super) async fn update(
    State(hcp): State<Hcp>,
    Path((org, project, hvn, id)): LinkPath,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let mut world = hcp.authorized(&headers, &org, &project, Role::Contributor)?;
    let request = wire::parse::<UpdateRequest>(&body)?;
    let (knobs, now) = (hcp.knobs(), hcp.now());
    let here = project_of(&world, &project)?;
    let network = network_of(here, &hvn)?.clone();
    let link = link_of(here, &network, &id)?;
    if link.state != LinkState::Available || link.change.is_some() {
        return Err(ApiError::precondition(format!(
            "PrivateLink service {id} is in state {}, not AVAILABLE",
            link.state.wire()
        )));
    }
    let lists = rules::updated(link, &request, &network, &knobs)?;

    let error = knobs
        .fail_update
        .clone()
        .map(|message| ApiError::new(INTERNAL, message));
    let outcome = match error {
        Some(_) => Outcome::Failed,
        None => Outcome::Updated {
            accounts: lists.accounts,
            ip_ranges: lists.ip_ranges,
            regions: lists.regions,
        },
    };
    let operation = operation(
        &mut world,
        &id,
        &network,
        (now, knobs.operation_pending, knobs.update),
        error,
    );
    let change = Change {
        starts_at: now + knobs.update_starts_after,
        ends_at: operation.done_at + knobs.state_lag,
        outcome,
    };
    started(&hcp, world, &project, operation, |link| {
        if knobs.update_starts_after.is_zero() {
            link.state = LinkState::Updating;
        }
        link.updated_at = now;
        link.change = Some(change);
    })
}

pub(super) async fn delete(
    State(hcp): State<Hcp>,
    Path((org, project, hvn, id)): LinkPath,
    headers: HeaderMap,
) -> Answer {
    let mut world = hcp.authorized(&headers, &org, &project, Role::Contributor)?;
    let (knobs, now) = (hcp.knobs(), hcp.now());
    let here = project_of(&world, &project)?;
    let network = network_of(here, &hvn)?.clone();
    let link = link_of(here, &network, &id)?;
    if link.state == LinkState::Deleting {
        return match knobs.second_delete {
            SecondDelete::Unavailable => Err(ApiError::new(UNAVAILABLE, "execution already started")),
            SecondDelete::NotFound => Err(link_not_found(&id)),
            SecondDelete::FailedOperation => {
                let error = Some(ApiError::new(INTERNAL, "execution already started"));
                let operation = operation(&mut world, &id, &network, (now, Duration::ZERO, Duration::ZERO), error);
                started(&hcp, world, &project, operation, |_| {})
            }
        };
    }
    if knobs.connections_block_deletion
        && link
            .service_id
            .as_ref()
            .is_some_and(|service| has_connections(&hcp, service))
    {
        return Err(ApiError::precondition(format!(
            "PrivateLink service {id} has endpoint connections"
        )));
    }

    let error = knobs
        .fail_deletion
        .clone()
        .map(|message| ApiError::new(INTERNAL, message));
    let outcome = if error.is_some() {
        Outcome::Failed
    } else {
        Outcome::Gone
    };
    let operation = operation(
        &mut world,
        &id,
        &network,
        (now, knobs.operation_pending, knobs.deletion),
        error,
    );
    let change = Change {
        starts_at: now,
        ends_at: operation.done_at + knobs.state_lag,
        outcome,
    };
    let fabric = hcp.fabric.clone();
    started(&hcp, world, &project, operation, |link| {
        link.start_deleting(change, &fabric, now)
    })
}

/// Stores the operation, applies `start` to its link, and answers `{"operation"}`.
fn started(
    hcp: &Hcp,
    mut world: impl std::ops::DerefMut<Target = World>,
    project: &str,
    operation: Operation,
    start: impl FnOnce(&mut PrivateLink),
) -> Answer {
    let here = project_mut(&mut world, project)?;
    if let Some(link) = here.links.get_mut(&operation.resource.1) {
        start(link);
    }
    here.operations.insert(operation.id.clone(), operation.clone());
    let render = Render {
        world: &world,
        project_id: project,
        now: hcp.now(),
    };
    Ok(Json(json!({"operation": render.operation(&operation)})))
}

/// A new operation on a link; `times` are now, how long it is PENDING, and how long it takes in all.
fn operation(
    world: &mut World,
    link_id: &str,
    network: &Network,
    times: (Duration, Duration, Duration),
    error: Option<ApiError>,
) -> Operation {
    let (now, pending, takes) = times;
    Operation {
        id: world.fresh_uuid(),
        resource: (
            wire::PRIVATE_LINK.to_owned(),
            link_id.to_owned(),
            format!("PrivateLink Service (\"{link_id}\")"),
        ),
        region: network.region.clone(),
        created_at: now,
        running_at: now + pending.min(takes),
        done_at: now + takes,
        error,
    }
}

fn same_link(link: &PrivateLink, input: &wire::PrivateLinkInput) -> bool {
    link.vault_cluster_id == input.vault_cluster_id
        && link.consumer_accounts == input.consumer_accounts
        && link.consumer_ip_ranges == input.consumer_ip_ranges
}

fn has_connections(hcp: &Hcp, service_id: &str) -> bool {
    let live = [
        EndpointState::PendingAcceptance,
        EndpointState::Pending,
        EndpointState::Available,
    ];
    hcp.fabric
        .connections(service_id)
        .iter()
        .any(|endpoint| live.contains(&endpoint.state))
}

/// The project; authorization has seen that it exists.
pub(super) fn project_of<'a>(world: &'a World, project: &str) -> Result<&'a Project, ApiError> {
    world.projects.get(project).ok_or_else(ApiError::denied)
}

pub(super) fn project_mut<'a>(world: &'a mut World, project: &str) -> Result<&'a mut Project, ApiError> {
    world.projects.get_mut(project).ok_or_else(ApiError::denied)
}

/// The network by its slug.
pub(super) fn network_of<'a>(project: &'a Project, id: &str) -> Result<&'a Network, ApiError> {
    project
        .networks
        .get(id)
        .ok_or_else(|| ApiError::not_found(format!("HVN {id} not found")))
}

fn link_of<'a>(project: &'a Project, network: &Network, id: &str) -> Result<&'a PrivateLink, ApiError> {
    project
        .links
        .get(id)
        .filter(|link| link.hvn_id == network.id)
        .ok_or_else(|| link_not_found(id))
}

fn link_not_found(id: &str) -> ApiError {
    ApiError::not_found(format!("PrivateLink service {id} not found"))
}
