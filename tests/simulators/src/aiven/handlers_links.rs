//! The six operations under `privatelink/aws`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::HeaderMap;
use serde_json::{Value, json};

use super::Aiven;
use super::auth::CONFIGURE;
use super::errors::ApiError;
use super::handlers_services::{service_mut, service_of};
use super::rules;
use super::wire::{self, LinkRequest};
use super::world::{LinkState, PrivateLink, World};

type ServicePath = Path<(String, String)>;
type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn create(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let mut world = aiven.authorized(&headers, &project, CONFIGURE)?;
    let request: LinkRequest = wire::parse(&body)?;
    let (knobs, now) = (aiven.knobs(), aiven.now());
    let found = service_of(&world, &project, &service)?;
    let principals = rules::principals(&request.principals.unwrap_or_default(), &knobs)?;
    let regions = match request.supported_regions {
        Some(regions) => rules::regions(&regions, found, &knobs)?,
        None => Vec::new(),
    };
    if found.privatelink.is_some() {
        return Err(ApiError::conflict("AWS Privatelink already exists for this service"));
    }
    rules::check_service(found, &world.projects[&project])?;

    let found = service_mut(&mut world, &project, &service)?;
    let link = PrivateLink::creating(principals, regions, now, now + knobs.creation);
    let answer = wire::link(&link, found, &knobs, now);
    found.privatelink = Some(link);
    Ok(Json(answer))
}

pub(super) async fn get(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    headers: HeaderMap,
) -> Answer {
    let world = aiven.authorized(&headers, &project, CONFIGURE)?;
    let (knobs, now) = (aiven.knobs(), aiven.now());
    let found = service_of(&world, &project, &service)?;
    let link = link_of(&world, &project, &service)?;
    if now < link.created_at + knobs.visibility_lag {
        return Err(link_not_found());
    }
    Ok(Json(wire::link(link, found, &knobs, now)))
}

/// Replaces the principals, or the regions, or both.
pub(super) async fn update(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let mut world = aiven.authorized(&headers, &project, CONFIGURE)?;
    let request: LinkRequest = wire::parse(&body)?;
    let (knobs, now) = (aiven.knobs(), aiven.now());
    let found = service_of(&world, &project, &service)?;
    let state = link_of(&world, &project, &service)?.state;
    let principals = match (&request.principals, &request.supported_regions) {
        (None, Some(_)) => None,
        (given, _) => Some(rules::principals(given.as_deref().unwrap_or_default(), &knobs)?),
    };
    let regions = match &request.supported_regions {
        Some(regions) => Some(rules::regions(regions, found, &knobs)?),
        None => None,
    };
    if state == LinkState::Deleting || (state == LinkState::Creating && knobs.refuse_changes_while_creating) {
        return Err(ApiError::conflict(format!(
            "AWS Privatelink is in state {}, not active",
            state.wire()
        )));
    }

    let found = service_mut(&mut world, &project, &service)?;
    let link = found.privatelink.as_mut().ok_or_else(link_not_found)?;
    link.principals = principals.unwrap_or_else(|| link.principals.clone());
    link.supported_regions = regions.unwrap_or_else(|| link.supported_regions.clone());
    link.updating_until = now + knobs.update_leaves_active;
    if let Some(id) = &link.aws_service_id {
        let sets = (
            link.principals.iter().cloned().collect(),
            link.supported_regions.iter().cloned().collect(),
        );
        aiven.fabric.change_service(id, sets.0, sets.1);
    }
    let link = link.clone();
    Ok(Json(wire::link(&link, found, &knobs, now)))
}

/// The endpoint service goes at once and its connections with it; the object stays for a while as `deleting`, with its ids.
pub(super) async fn delete(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    headers: HeaderMap,
) -> Answer {
    let mut world = aiven.authorized(&headers, &project, CONFIGURE)?;
    let (knobs, now) = (aiven.knobs(), aiven.now());
    let found = service_mut(&mut world, &project, &service)?;
    let link = found.privatelink.as_mut().ok_or_else(link_not_found)?;
    match link.state {
        LinkState::Deleting if knobs.second_delete_conflicts => {
            return Err(ApiError::conflict("AWS Privatelink is being deleted"));
        }
        LinkState::Creating if knobs.refuse_changes_while_creating => {
            return Err(ApiError::conflict("AWS Privatelink is in state creating, not active"));
        }
        LinkState::Deleting => {}
        LinkState::Creating | LinkState::Active => {
            if let Some(id) = &link.aws_service_id {
                aiven.fabric.withdraw_service(id);
            }
            link.state = LinkState::Deleting;
            link.due = now + knobs.deletion;
            link.connections.clear();
        }
    }
    let link = link.clone();
    Ok(Json(wire::link(&link, found, &knobs, now)))
}

pub(super) async fn connections(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    headers: HeaderMap,
) -> Answer {
    let world = aiven.authorized(&headers, &project, CONFIGURE)?;
    let (knobs, now) = (aiven.knobs(), aiven.now());
    service_of(&world, &project, &service)?;
    let link = link_of(&world, &project, &service)?;
    let connections: Vec<Value> = link
        .connections
        .iter()
        .map(|c| wire::connection(c, &knobs, now))
        .collect();
    Ok(Json(json!({"connections": connections})))
}

/// Makes Aiven look at AWS now.
pub(super) async fn refresh(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    headers: HeaderMap,
) -> Answer {
    let mut world = aiven.authorized(&headers, &project, CONFIGURE)?;
    let now = aiven.now();
    let found = service_mut(&mut world, &project, &service)?;
    found.privatelink.as_mut().ok_or_else(link_not_found)?.refreshed_at = Some(now);
    Ok(Json(json!({"message": "refreshed"})))
}

fn link_of<'a>(world: &'a World, project: &str, service: &str) -> Result<&'a PrivateLink, ApiError> {
    service_of(world, project, service)?
        .privatelink
        .as_ref()
        .ok_or_else(link_not_found)
}

fn link_not_found() -> ApiError {
    ApiError::not_found("AWS Privatelink does not exist for this service")
}
