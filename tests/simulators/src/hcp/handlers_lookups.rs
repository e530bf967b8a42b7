//! What a client looks at before it asks for a private link: networks, their neighbours, and clusters.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use http::HeaderMap;
use serde_json::{Value, json};

use super::Hcp;
use super::errors::ApiError;
use super::handlers_links::{network_of, project_mut, project_of};
use super::wire::{self, Params, Render};
use super::world::{Network, Operation, Project, Role};

type ProjectPath = Path<(String, String)>;
type ResourcePath = Path<(String, String, String)>;
type Answer = Result<Json<Value>, ApiError>;

/// A cluster is DELETING for this long.
const CLUSTER_DELETION: Duration = Duration::from_secs(300);

pub(super) async fn networks(
    State(hcp): State<Hcp>,
    Path((org, project)): ProjectPath,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    let world = hcp.authorized(&headers, &org, &project, Role::Viewer)?;
    let render = Render {
        world: &world,
        project_id: &project,
        now: hcp.now(),
    };
    let networks = project_of(&world, &project)?
        .networks
        .values()
        .map(|network| render.network(network))
        .collect();
    wire::page("networks", networks, &params).map(Json)
}

pub(super) async fn network(State(hcp): State<Hcp>, path: ResourcePath, headers: HeaderMap) -> Answer {
    of_network(&hcp, &path, &headers, |render, _, network| {
        Ok(json!({"network": render.network(network)}))
    })
}

pub(super) async fn peerings(
    State(hcp): State<Hcp>,
    path: ResourcePath,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    of_network(&hcp, &path, &headers, |render, _, network| {
        wire::page("peerings", render.peerings(network), &params)
    })
}

pub(super) async fn tgw_attachments(
    State(hcp): State<Hcp>,
    path: ResourcePath,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    of_network(&hcp, &path, &headers, |render, _, network| {
        wire::page("tgw_attachments", render.tgw_attachments(network), &params)
    })
}

pub(super) async fn dependencies(
    State(hcp): State<Hcp>,
    path: ResourcePath,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    let with_links = hcp.knobs().links_are_dependencies;
    of_network(&hcp, &path, &headers, |render, project, network| {
        let clusters = project
            .clusters
            .values()
            .filter(|cluster| cluster.network_id == network.id);
        let links = project
            .links
            .values()
            .filter(|link| with_links && link.hvn_id == network.id);
        let dependencies = clusters
            .map(|cluster| render.link(wire::VAULT_CLUSTER, &cluster.id, network))
            .chain(links.map(|link| render.link(wire::PRIVATE_LINK, &link.id, network)))
            .collect();
        wire::page("dependencies", dependencies, &params)
    })
}

pub(super) async fn clusters(
    State(hcp): State<Hcp>,
    Path((org, project)): ProjectPath,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Answer {
    let world = hcp.authorized(&headers, &org, &project, Role::Viewer)?;
    let render = Render {
        world: &world,
        project_id: &project,
        now: hcp.now(),
    };
    let here = project_of(&world, &project)?;
    let clusters = here
        .clusters
        .values()
        .map(|cluster| render.cluster(cluster, here.networks.get(&cluster.network_id)))
        .collect();
    wire::page("clusters", clusters, &params).map(Json)
}

pub(super) async fn cluster(
    State(hcp): State<Hcp>,
    Path((org, project, id)): ResourcePath,
    headers: HeaderMap,
) -> Answer {
    let world = hcp.authorized(&headers, &org, &project, Role::Viewer)?;
    let render = Render {
        world: &world,
        project_id: &project,
        now: hcp.now(),
    };
    let here = project_of(&world, &project)?;
    let cluster = here.clusters.get(&id).ok_or_else(|| cluster_not_found(&id))?;
    Ok(Json(
        json!({"cluster": render.cluster(cluster, here.networks.get(&cluster.network_id))}),
    ))
}

/// Refused while the cluster has a private link, as the documentation demands; the code is a guess.
pub(super) async fn delete_cluster(
    State(hcp): State<Hcp>,
    Path((org, project, id)): ResourcePath,
    headers: HeaderMap,
) -> Answer {
    let mut world = hcp.authorized(&headers, &org, &project, Role::Contributor)?;
    let now = hcp.now();
    let operation_id = world.fresh_uuid();
    let here = project_mut(&mut world, &project)?;
    if let Some(link) = here.links.values().find(|link| link.vault_cluster_id == id) {
        return Err(ApiError::precondition(format!(
            "vault cluster {id} has the PrivateLink service {}; delete it first",
            link.id
        )));
    }
    let cluster = here.clusters.get_mut(&id).ok_or_else(|| cluster_not_found(&id))?;
    cluster.state = "DELETING".to_owned();
    let gone_at = *cluster.gone_at.get_or_insert(now + CLUSTER_DELETION);
    let region = here
        .networks
        .get(&cluster.network_id)
        .map(|network| network.region.clone())
        .unwrap_or_default();
    let operation = Operation {
        id: operation_id,
        resource: (
            wire::VAULT_CLUSTER.to_owned(),
            id.clone(),
            format!("Vault cluster (\"{id}\")"),
        ),
        region,
        created_at: now,
        running_at: now,
        done_at: gone_at,
        error: None,
    };
    here.operations.insert(operation.id.clone(), operation.clone());
    let render = Render {
        world: &world,
        project_id: &project,
        now,
    };
    Ok(Json(json!({"operation": render.operation(&operation)})))
}

fn of_network(
    hcp: &Hcp,
    Path((org, project, hvn)): &ResourcePath,
    headers: &HeaderMap,
    answer: impl FnOnce(&Render<'_>, &Project, &Network) -> Result<Value, ApiError>,
) -> Answer {
    let world = hcp.authorized(headers, org, project, Role::Viewer)?;
    let here = project_of(&world, project)?;
    let render = Render {
        world: &world,
        project_id: project,
        now: hcp.now(),
    };
    answer(&render, here, network_of(here, hvn)?).map(Json)
}

fn cluster_not_found(id: &str) -> ApiError {
    ApiError::not_found(format!("vault cluster {id} not found"))
}
