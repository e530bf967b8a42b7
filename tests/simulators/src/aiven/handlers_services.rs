//! A service's own GET and PUT.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use http::HeaderMap;
use serde_json::{Value, json};

use super::Aiven;
use super::auth::{CONFIGURE, READ, READ_SECRETS};
use super::errors::ApiError;
use super::rules;
use super::wire::{self, ServiceRequest};
use super::world::{Service, ServiceState, World};

/// Query parameters; unknown ones, such as the `limit=999` of the Go client, are ignored.
type Params = Query<HashMap<String, String>>;
type ServicePath = Path<(String, String)>;
type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn list(State(aiven): State<Aiven>, Path(project): Path<String>, headers: HeaderMap) -> Answer {
    let world = aiven.authorized(&headers, &project, READ)?;
    let (knobs, now) = (aiven.knobs(), aiven.now());
    let services = world
        .projects
        .get(&project)
        .into_iter()
        .flat_map(|project| project.services.values());
    let services: Vec<Value> = services
        .map(|service| wire::service(service, false, &knobs, now))
        .collect();
    Ok(Json(json!({"services": services})))
}

pub(super) async fn get(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    Query(params): Params,
    headers: HeaderMap,
) -> Answer {
    let secrets = params.get("include_secrets").is_some_and(|value| value == "true");
    let world = aiven.authorized(&headers, &project, if secrets { READ_SECRETS } else { READ })?;
    let found = service_of(&world, &project, &service)?;
    Ok(Json(
        json!({"service": wire::service(found, secrets, &aiven.knobs(), aiven.now())}),
    ))
}

pub(super) async fn update(
    State(aiven): State<Aiven>,
    Path((project, service)): ServicePath,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let mut world = aiven.authorized(&headers, &project, CONFIGURE)?;
    let request: ServiceRequest = wire::parse(&body)?;
    let (knobs, now) = (aiven.knobs(), aiven.now());
    let found = service_of(&world, &project, &service)?;
    if let Some(change) = &request.user_config {
        rules::check_user_config(change, found)?;
    }
    let cloud = request.cloud.as_deref().unwrap_or(&found.cloud_name).to_owned();
    if let Some(Some(id)) = &request.project_vpc_id {
        let here = &world.projects[&project];
        rules::vpc_is_active(here, id)?;
        if here.vpcs[id].cloud_name != cloud {
            return Err(ApiError::invalid(format!("Project VPC {id} is not in cloud {cloud}")));
        }
    }

    let found = service_mut(&mut world, &project, &service)?;
    if let Some(change) = &request.user_config {
        found.merge_user_config(change, now, &knobs);
    }
    // A service that changes its cloud leaves its VPC, unless it is told where to go.
    let vpc = match request.project_vpc_id {
        Some(vpc) => vpc,
        None if cloud != found.cloud_name => None,
        None => found.project_vpc_id.clone(),
    };
    let plan = request.plan.unwrap_or_else(|| found.plan.clone());
    let moved = vpc != found.project_vpc_id || cloud != found.cloud_name;
    let rebuilt = moved || plan != found.plan;
    (found.plan, found.cloud_name, found.project_vpc_id) = (plan, cloud, vpc);
    if moved {
        // A guess, chosen so that nobody overlooks a move that was not meant.
        found.drop_privatelink(&aiven.fabric);
    }
    match (request.powered, found.state) {
        (Some(false), _) => {
            found.state = ServiceState::Poweroff;
            found.running_at = None;
            if knobs.power_off_drops_privatelink {
                found.drop_privatelink(&aiven.fabric);
            }
        }
        (Some(true), ServiceState::Poweroff) => found.rebuild(now, &knobs),
        (_, ServiceState::Poweroff) => {}
        _ if rebuilt => found.rebuild(now, &knobs),
        _ => {}
    }
    Ok(Json(json!({"service": wire::service(found, false, &knobs, now)})))
}

/// A service of a project that authorization has seen.
pub(super) fn service_of<'a>(world: &'a World, project: &str, name: &str) -> Result<&'a Service, ApiError> {
    let found = world
        .projects
        .get(project)
        .and_then(|project| project.services.get(name));
    found.ok_or_else(|| service_not_found(name))
}

pub(super) fn service_mut<'a>(world: &'a mut World, project: &str, name: &str) -> Result<&'a mut Service, ApiError> {
    let found = world
        .projects
        .get_mut(project)
        .and_then(|project| project.services.get_mut(name));
    found.ok_or_else(|| service_not_found(name))
}

/// The text that the Go client looks for in its retries.
fn service_not_found(name: &str) -> ApiError {
    ApiError::not_found(format!("Service {name} does not exist"))
}
