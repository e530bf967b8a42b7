//! Look-ups around a service: its type's options, the project's CA, VPCs, and where PrivateLink is offered.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::Aiven;
use super::auth::READ;
use super::components;
use super::errors::ApiError;
use super::wire;

type ProjectPath = Path<String>;
type ResourcePath = Path<(String, String)>;
type Answer = Result<Json<Value>, ApiError>;

/// `organization:projects:write`, as the API specification names it for this call.
const READ_CA: &str = "organization:projects:write";
const READ_AVAILABILITY: &str = "project:services:write";
const READ_VPCS: &str = "project:networking:read";

/// What avn 4.16 and later ask before `service update -c`.
pub(super) async fn service_type(
    State(aiven): State<Aiven>,
    Path((project, service_type)): ResourcePath,
    headers: HeaderMap,
) -> Answer {
    drop(aiven.authorized(&headers, &project, READ)?);
    let schema = wire::user_config_schema(&service_type);
    let schema = schema.ok_or_else(|| ApiError::not_found(format!("Service type {service_type} does not exist")))?;
    Ok(Json(
        json!({"service_type": service_type, "user_config_schema": schema}),
    ))
}

/// What older ones ask.
pub(super) async fn service_types(
    State(aiven): State<Aiven>,
    Path(project): ProjectPath,
    headers: HeaderMap,
) -> Answer {
    drop(aiven.authorized(&headers, &project, READ)?);
    let entry = |name: &str| {
        (
            name.to_owned(),
            json!({"description": name, "user_config_schema": wire::user_config_schema(name)}),
        )
    };
    let types: Map<String, Value> = components::service_types().map(entry).collect();
    Ok(Json(json!({"service_types": types})))
}

pub(super) async fn project_ca(State(aiven): State<Aiven>, Path(project): ProjectPath, headers: HeaderMap) -> Answer {
    let world = aiven.authorized(&headers, &project, READ_CA)?;
    Ok(Json(json!({"certificate": world.projects[&project].ca_certificate})))
}

pub(super) async fn availability(State(aiven): State<Aiven>, Path(project): ProjectPath, headers: HeaderMap) -> Answer {
    let world = aiven.authorized(&headers, &project, READ_AVAILABILITY)?;
    let clouds = world.projects[&project].privatelink_availability.iter();
    let clouds: Vec<Value> = clouds
        .map(|(cloud, price)| json!({"cloud_name": cloud, "price_usd": price}))
        .collect();
    Ok(Json(json!({"privatelink_availability": clouds})))
}

pub(super) async fn vpcs(State(aiven): State<Aiven>, Path(project): ProjectPath, headers: HeaderMap) -> Answer {
    let world = aiven.authorized(&headers, &project, READ_VPCS)?;
    let vpcs: Vec<Value> = world.projects[&project].vpcs.values().map(wire::vpc).collect();
    Ok(Json(json!({"vpcs": vpcs})))
}

pub(super) async fn vpc(State(aiven): State<Aiven>, Path((project, id)): ResourcePath, headers: HeaderMap) -> Answer {
    let world = aiven.authorized(&headers, &project, READ_VPCS)?;
    let vpc = world.projects[&project]
        .vpcs
        .get(&id)
        .ok_or_else(|| ApiError::not_found("Project VPC not found"))?;
    Ok(Json(wire::vpc(vpc)))
}
