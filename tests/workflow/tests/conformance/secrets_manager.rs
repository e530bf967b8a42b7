//! The one call of Secrets Manager that the product makes, over HTTP (JSON 1.1), for one secret.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_credential_types::Credentials;
use aws_types::SdkConfig;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::aws;
use simulators::server::Server;

/// What the secret is.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    Text(String),
    Binary,
    /// The API's error: HTTP status, code and message.
    Refused(u16, &'static str, &'static str),
}

/// A running Secrets Manager.
pub(crate) struct SecretsManager {
    server: Server,
    state: Shared,
}

type Shared = Arc<Mutex<Inner>>;

struct Inner {
    stored: Stored,
    reads: usize,
}

impl SecretsManager {
    pub(crate) async fn start(stored: Stored) -> Self {
        let state = Arc::new(Mutex::new(Inner { stored, reads: 0 }));
        let router = axum::Router::new()
            .fallback(get_secret_value)
            .with_state(Arc::clone(&state));
        Self {
            server: Server::http(router).await.unwrap(),
            state,
        }
    }

    /// A new value, as after a rotation.
    pub(crate) fn store(&self, stored: Stored) {
        lock(&self.state).stored = stored;
    }

    /// How often the secret was asked for.
    pub(crate) fn reads(&self) -> usize {
        lock(&self.state).reads
    }

    /// The product's configuration of the SDK, pointed here.
    pub(crate) async fn config(&self, http: &shared::http::Client) -> SdkConfig {
        let credentials = Credentials::new("111122223333", "none", None, None, "test");
        let config = aws::config_as(http, "eu-west-1", credentials).await;
        config.to_builder().endpoint_url(&self.server.url).build()
    }
}

async fn get_secret_value(State(state): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut inner = lock(&state);
    inner.reads += 1;
    let mut answer = json!({
        "ARN": format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{}-AbCdEf", body["SecretId"].as_str().unwrap()),
        "Name": body["SecretId"], "VersionId": "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE", "VersionStages": ["AWSCURRENT"],
    });
    match &inner.stored {
        Stored::Text(text) => answer["SecretString"] = json!(text),
        Stored::Binary => answer["SecretBinary"] = json!("AAECAw=="),
        Stored::Refused(status, code, message) => {
            let status = StatusCode::from_u16(*status).unwrap();
            return (status, Json(json!({"__type": code, "message": message}))).into_response();
        }
    }
    Json(answer).into_response()
}

fn lock(state: &Shared) -> MutexGuard<'_, Inner> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
