//! The operation service: get, long-poll and list.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use http::HeaderMap;
use serde_json::{Value, json};

use super::Hcp;
use super::errors::ApiError;
use super::wire::{self, Params, Render};
use super::world::{Operation, Role, World};

type OperationPath = Path<(String, String, String)>;
type Answer = Result<Json<Value>, ApiError>;

/// Waits no longer than this for an operation, whatever the caller asks.
const MAX_WAIT: Duration = Duration::from_secs(60);

pub(super) async fn get(State(hcp): State<Hcp>, Path((org, project, id)): OperationPath, headers: HeaderMap) -> Answer {
    let world = hcp.authorized(&headers, &org, &project, Role::Viewer)?;
    let (project_id, operation) = find(&world, &project, &id)?;
    let render = Render {
        world: &world,
        project_id,
        now: hcp.now(),
    };
    Ok(Json(json!({"operation": render.operation(operation)})))
}

/// Answers when the operation is DONE or `timeout` (a duration such as `5s`, in simulated time) is over; neither is an error.
pub(super) async fn wait(
    State(hcp): State<Hcp>,
    path: OperationPath,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    let Path((org, project, id)) = &path;
    let asked = match params.get("timeout") {
        None => Duration::ZERO,
        Some(text) => duration(text).ok_or_else(|| ApiError::invalid(format!("invalid timeout {text:?}")))?,
    };
    let left = {
        let world = hcp.authorized(&headers, org, project, Role::Viewer)?;
        find(&world, project, id)?.1.done_at.saturating_sub(hcp.now())
    };
    tokio::time::sleep(hcp.fabric.clock.real(left.min(asked).min(MAX_WAIT))).await;
    let world = hcp.world();
    let (project_id, operation) = find(&world, project, id)?;
    let render = Render {
        world: &world,
        project_id,
        now: hcp.now(),
    };
    Ok(Json(json!({"operation": render.operation(operation)})))
}

pub(super) async fn list(
    State(hcp): State<Hcp>,
    Path((org, project)): Path<(String, String)>,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    let world = hcp.authorized(&headers, &org, &project, Role::Viewer)?;
    let asked = |name: &str, value: &str| params.get(name).is_none_or(|asked| asked.is_empty() || asked == value);
    let mut found: Vec<(&String, &Operation)> = Vec::new();
    for (id, here) in world
        .projects
        .iter()
        .filter(|(id, _)| project == "-" || **id == project)
    {
        let operations = here.operations.values();
        found.extend(
            operations
                .filter(|o| asked("linked_resource.type", &o.resource.0) && asked("linked_resource.id", &o.resource.1))
                .map(|o| (id, o)),
        );
    }
    found.sort_by_key(|(_, operation)| operation.created_at);
    let render = |(project_id, operation): (&String, &Operation)| {
        Render {
            world: &world,
            project_id,
            now: hcp.now(),
        }
        .operation(operation)
    };
    let operations = found.into_iter().map(render).collect();
    wire::page("operations", operations, &params).map(Json)
}

fn find<'a>(world: &'a World, project: &str, id: &str) -> Result<(&'a str, &'a Operation), ApiError> {
    let mut projects = world
        .projects
        .iter()
        .filter(|(name, _)| project == "-" || *name == project);
    projects
        .find_map(|(name, project)| Some((name.as_str(), project.operations.get(id)?)))
        .ok_or_else(|| ApiError::not_found(format!("operation {id} not found")))
}

/// A Go duration of at most one unit, such as `5s`, `500ms` or `1m`.
fn duration(text: &str) -> Option<Duration> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, scale) = units
        .iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * scale).ok()
}
