//! A recording front of Route 53: the emulator answers, and what it was asked is written down.
//!
//! ```text
//! request ─► Front (name, fault, record) ─► upstream
//! ```

mod error;
mod operations;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, Uri};

use crate::clock::Clock;
use crate::front::Front;
use crate::recorder::{Api, Recorder};
use crate::upstream::{self, Upstream};

/// The front. It keeps no state of its own.
#[derive(Debug, Clone)]
pub struct Route53 {
    clock: Clock,
    recorder: Recorder,
    upstream: Upstream,
}

impl Route53 {
    /// `upstream`: the emulator's address, as `http://127.0.0.1:4566`.
    pub fn new(clock: Clock, recorder: Recorder, upstream: &str) -> Self {
        Self {
            clock,
            recorder,
            upstream: Upstream::new(upstream),
        }
    }

    /// Every path of the API, behind the recorder and the faults.
    pub fn router(&self) -> Router {
        Front {
            api: Api::Route53,
            clock: self.clock,
            recorder: self.recorder.clone(),
            operation: operations::of_call,
            error: error::for_fault,
        }
        .wrap(Router::new().fallback(forward).with_state(self.clone()))
    }
}

async fn forward(State(front): State<Route53>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    match front.upstream.forward(&method, &uri, &headers, &body).await {
        Ok(response) => response,
        Err(error) => error::response(502, "InternalFailure", &upstream::no_answer(&error)),
    }
}
