//! Aiven: AWS PrivateLink of a service, the service's own GET and PUT, and the look-ups around them.

mod auth;
mod components;
mod defaults;
mod errors;
mod handlers_links;
mod handlers_lookups;
mod handlers_services;
mod operations;
mod rules;
mod settle;
mod wire;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};

pub use defaults::{KAFKA_SERVICE, PG_SERVICE, PROJECT, PROJECT_VPC_ID, REGION, TOKEN, ZONE_IDS, default_world};
pub use errors::ApiError;
pub use world::{
    Connection, ConnectionState, Grant, LinkState, PrivateLink, Project, SECRET_MARKER, Service, ServiceState, Vpc,
    World,
};

use crate::fabric::Fabric;
use crate::front::Front;
use crate::knobs::AivenKnobs;
use crate::recorder::{Api, Recorder};

/// The simulator: a world, and the fabric in which it offers its endpoint services.
#[derive(Debug, Clone)]
pub struct Aiven {
    fabric: Fabric,
    recorder: Recorder,
    world: Arc<Mutex<World>>,
}

impl Aiven {
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

    /// The API's endpoints, behind the recorder and the faults.
    pub fn router(&self) -> Router {
        const PROJECT: &str = "/v1/project/{project}";
        const LINK: &str = "/v1/project/{project}/service/{service}/privatelink/aws";
        use {handlers_links as links, handlers_lookups as lookups, handlers_services as services};
        let router = Router::new()
            .route(
                LINK,
                get(links::get)
                    .post(links::create)
                    .put(links::update)
                    .delete(links::delete),
            )
            .route(&format!("{LINK}/connections"), get(links::connections))
            .route(&format!("{LINK}/refresh"), post(links::refresh))
            .route(&format!("{PROJECT}/service"), get(services::list))
            .route(
                &format!("{PROJECT}/service/{{service}}"),
                get(services::get).put(services::update),
            )
            .route(
                &format!("{PROJECT}/service-types/{{service_type}}"),
                get(lookups::service_type),
            )
            .route(&format!("{PROJECT}/service_types"), get(lookups::service_types))
            .route(&format!("{PROJECT}/kms/ca"), get(lookups::project_ca))
            .route(
                &format!("{PROJECT}/privatelink-availability"),
                get(lookups::availability),
            )
            .route(&format!("{PROJECT}/vpcs"), get(lookups::vpcs))
            .route(&format!("{PROJECT}/vpcs/{{vpc}}"), get(lookups::vpc))
            .fallback(|| async { ApiError::not_found("Not found") })
            .method_not_allowed_fallback(|| async {
                ApiError::new(http::StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            })
            .with_state(self.clone());
        Front {
            api: Api::Aiven,
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

    fn knobs(&self) -> AivenKnobs {
        self.fabric.knobs().aiven
    }
}
