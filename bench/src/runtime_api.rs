//! Lambda's Runtime API for one process and one event: real HTTP on a free port of 127.0.0.1.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use simulators::server::Server;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the process did, in the order in which it did it.
#[derive(Debug)]
pub enum Heard {
    /// It asks for an event: its initialisation, or the event before, is over.
    Next,
    Answer(Value),
    /// The error by name that a state machine would see.
    Failure(Value),
}

/// The server. Dropping it stops it.
pub struct RuntimeApi {
    server: Server,
    heard: UnboundedReceiver<Heard>,
    event: UnboundedSender<Value>,
}

struct Shared {
    heard: UnboundedSender<Heard>,
    event: tokio::sync::Mutex<UnboundedReceiver<Value>>,
    invocations: Mutex<u32>,
}

const PREFIX: &str = "/2018-06-01/runtime";
const FUNCTION_ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:measured";
/// The functions' own time-out in the template.
const DEADLINE: Duration = Duration::from_secs(90);

impl RuntimeApi {
    /// Starts it within the current tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let (said, heard) = unbounded_channel();
        let (event, events) = unbounded_channel();
        let shared = Arc::new(Shared {
            heard: said,
            event: tokio::sync::Mutex::new(events),
            invocations: Mutex::new(0),
        });
        let router = Router::new()
            .route(&format!("{PREFIX}/invocation/next"), get(next))
            .route(&format!("{PREFIX}/invocation/{{id}}/response"), post(response))
            .route(&format!("{PREFIX}/invocation/{{id}}/error"), post(failure))
            .route(&format!("{PREFIX}/init/error"), post(init_failure))
            .with_state(shared);
        Ok(Self {
            server: Server::http(router).await?,
            heard,
            event,
        })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` takes.
    pub fn address(&self) -> &str {
        self.server.url.trim_start_matches("http://")
    }

    /// Hands out an event as soon as the process asks for one.
    pub fn send(&self, event: &Value) {
        // Fails only if the server is gone, and then nothing will be heard.
        let _ = self.event.send(event.clone());
    }

    /// The next thing that the process does; none after `limit`.
    pub async fn hear(&mut self, limit: Duration) -> Option<Heard> {
        tokio::time::timeout(limit, self.heard.recv()).await.ok().flatten()
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let _ = shared.heard.send(Heard::Next);
    let Some(event) = shared.event.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let number = {
        let mut invocations = shared.invocations.lock().unwrap_or_else(PoisonError::into_inner);
        *invocations += 1;
        *invocations
    };
    let deadline = std::time::SystemTime::now() + DEADLINE;
    let deadline = deadline
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json".to_owned()),
        (
            "lambda-runtime-aws-request-id",
            format!("8476a536-e9f4-11e8-9739-{number:012}"),
        ),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", FUNCTION_ARN.to_owned()),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    (headers, event.to_string()).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(_): Path<String>, body: String) -> StatusCode {
    say(&shared, Heard::Answer(json_or_text(body)))
}

async fn failure(State(shared): State<Arc<Shared>>, Path(_): Path<String>, body: String) -> StatusCode {
    say(&shared, Heard::Failure(json_or_text(body)))
}

async fn init_failure(State(shared): State<Arc<Shared>>, body: String) -> StatusCode {
    say(&shared, Heard::Failure(json_or_text(body)))
}

fn say(shared: &Shared, heard: Heard) -> StatusCode {
    let _ = shared.heard.send(heard);
    StatusCode::ACCEPTED
}

fn json_or_text(body: String) -> Value {
    serde_json::from_str(&body).unwrap_or(Value::String(body))
}
