//! A recording front of AWS services that speak JSON, as Secrets Manager and DynamoDB do: the emulator answers, and what it was asked is
//! written down.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;

use crate::clock::Clock;
use crate::front::{Front, Operation};
use crate::recorder::{Api, Recorder};
use crate::upstream::{self, Upstream};

/// Names that only read, of the operations that anybody here calls.
const READS: [&str; 6] = ["Get", "List", "Describe", "BatchGet", "Query", "Scan"];

/// The front. It keeps no state of its own.
#[derive(Debug, Clone)]
pub struct AwsJson {
    clock: Clock,
    recorder: Recorder,
    upstream: Upstream,
}

impl AwsJson {
    /// `upstream`: the emulator's address, as `http://127.0.0.1:4566`.
    pub fn new(clock: Clock, recorder: Recorder, upstream: &str) -> Self {
        Self {
            clock,
            recorder,
            upstream: Upstream::new(upstream),
        }
    }

    /// Every path, behind the recorder and the faults.
    pub fn router(&self) -> Router {
        Front {
            api: Api::AwsJson,
            clock: self.clock,
            recorder: self.recorder.clone(),
            operation,
            error,
        }
        .wrap(Router::new().fallback(forward).with_state(self.clone()))
    }
}

/// `GetSecretValue` of the header `X-Amz-Target: secretsmanager.GetSecretValue`.
fn operation(parts: &Parts, _: &Bytes) -> Operation {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let name = target.and_then(|target| target.rsplit('.').next()).unwrap_or("Unknown");
    Operation {
        name: name.to_owned(),
        write: !READS.iter().any(|read| name.starts_with(read)),
    }
}

/// The error that a fault asked for by its status. These services never say how long to wait; what should be waited for is
/// their throttle, which they answer with 400.
fn error(status: u16, retry_after: Option<u64>) -> Response {
    let code = match (status, retry_after) {
        (_, Some(_)) | (429, None) => "ThrottlingException",
        (401 | 403, None) => "AccessDeniedException",
        (503, None) => "ServiceUnavailable",
        (500.., None) => "InternalServiceError",
        _ => "ValidationException",
    };
    // Refusals are 400 on the wire, whatever they mean.
    let status = if status < 500 { 400 } else { status };
    response(status, code, "simulated failure")
}

fn response(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "__type": code, "message": message }).to_string();
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.1")], body).into_response()
}

async fn forward(State(front): State<AwsJson>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    match front.upstream.forward(&method, &uri, &headers, &body).await {
        Ok(response) => response,
        Err(error) => response(502, "InternalServiceError", &upstream::no_answer(&error)),
    }
}
