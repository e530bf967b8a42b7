//! HCP: the token endpoint, PrivateLink services of Vault Dedicated, their operations, and the look-ups before them.
//!
//! One router answers for both hosts, `auth.idp.hashicorp.com` and `api.cloud.hashicorp.com`.

mod auth;
mod defaults;
mod errors;
mod handlers_links;
mod handlers_lookups;
mod handlers_operations;
mod operations;
mod rules;
mod settle;
mod wire;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};

pub use auth::ACCESS_TOKEN_MARKER;
pub use defaults::{
    CLIENT_ID, CLIENT_SECRET, CLUSTER_ID, CLUSTER_PRIVATE_DNS, HVN_ID, ORGANIZATION_ID, PROJECT_ID, REGION, ZONE_IDS,
    default_world,
};
pub use errors::ApiError;
pub use world::{
    Change, Cluster, LinkState, Network, Operation, Outcome, Peering, PrivateLink, Project, Role, ServicePrincipal,
    TgwAttachment, World,
};

use crate::fabric::Fabric;
use crate::front::Front;
use crate::knobs::HcpKnobs;
use crate::recorder::{Api, Recorder};

/// The simulator: a world, and the fabric in which it offers its endpoint services.
#[derive(Debug, Clone)]
pub struct Hcp {
    fabric: Fabric,
    recorder: Recorder,
    world: Arc<Mutex<World>>,
}

impl Hcp {
    pub fn new(fabric: Fabric, recorder: Recorder, world: World) -> Self {
        Self {
            fabric,
            recorder,
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// The world as it stands now, to look at or to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.settle(&self.fabric);
        world
    }

    /// Both hosts' endpoints, behind the recorder and the faults.
    pub fn router(&self) -> Router {
        const PROJECT: &str = "/network/2020-09-07/organizations/{org}/projects/{project}/networks";
        const OPERATIONS: &str = "/operation/2020-05-05/organizations/{org}/projects/{project}/operations";
        const VAULT: &str = "/vault/2020-11-25/organizations/{org}/projects/{project}";
        use {handlers_links as links, handlers_lookups as lookups, handlers_operations as ops};
        let router = Router::new()
            .route("/oauth2/token", post(auth::token))
            .route(
                &format!("{PROJECT}/{{hvn}}/private-link-services"),
                get(links::list).post(links::create),
            )
            .route(
                &format!("{PROJECT}/{{hvn}}/private-link-services/{{id}}"),
                get(links::get).patch(links::update).delete(links::delete),
            )
            .route(OPERATIONS, get(ops::list))
            .route(&format!("{OPERATIONS}/{{id}}"), get(ops::get))
            .route(&format!("{OPERATIONS}/{{id}}/wait"), get(ops::wait))
            .route(PROJECT, get(lookups::networks))
            .route(&format!("{PROJECT}/{{hvn}}"), get(lookups::network))
            .route(&format!("{PROJECT}/{{hvn}}/peerings"), get(lookups::peerings))
            .route(
                &format!("{PROJECT}/{{hvn}}/transit-gateway-attachments"),
                get(lookups::tgw_attachments),
            )
            .route(&format!("{PROJECT}/{{hvn}}/dependencies"), get(lookups::dependencies))
            .route(&format!("{VAULT}/clusters"), get(lookups::clusters))
            .route(
                &format!("{VAULT}/clusters/{{id}}"),
                get(lookups::cluster).delete(lookups::delete_cluster),
            )
            .fallback(|| async { ApiError::not_found("Not Found") })
            // grpc-gateway's answer to a known path with another method.
            .method_not_allowed_fallback(|| async { ApiError::new(12, "Method Not Allowed") })
            .layer(axum::middleware::map_response(wire::gateway_headers))
            .with_state(self.clone());
        Front {
            api: Api::Hcp,
            clock: self.fabric.clock,
            recorder: self.recorder.clone(),
            operation: operations::of_call,
            error: errors::injected,
        }
        .wrap(router)
    }

    fn now(&self) -> Duration {
        self.fabric.clock.now()
    }

    fn knobs(&self) -> HcpKnobs {
        self.fabric.knobs().hcp
    }
}
