//! The simulators alone, whose answers are mutated on the way, and the product's own clients before them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use rehearsal::{Error, Result};
use serde_json::{Value, json};
use shared::http::{Client, Tls};
use shared::provider::{Reach, Writing};
use shared::request::Request;
use shared::secrets::{Secret, SecretCache};
use shared::settings::Settings;
use shared::{aws, request};
use simulators::server::Server;
use simulators::{Simulators, SimulatorsConfig};
use tempfile::NamedTempFile;

use crate::world::REGION;

/// Simulators, a Secrets Manager that answers with any text, and trust in their certificates.
pub struct Served {
    pub sims: Simulators,
    secrets: Server,
    answer: Arc<Mutex<String>>,
    settings: Settings,
    _ca_file: NamedTempFile,
}

impl Served {
    /// The ready-made worlds.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start() -> Result<Self> {
        Self::start_with(SimulatorsConfig::default()).await
    }

    /// These worlds.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start_with(config: SimulatorsConfig) -> Result<Self> {
        const WHAT: &str = "starting the simulators";
        let failed = |error: std::io::Error| Error::new(WHAT, error);
        let sims = Simulators::start(config).await.map_err(failed)?;
        let ca_file = NamedTempFile::new().map_err(failed)?;
        std::fs::write(ca_file.path(), &sims.ca_pem).map_err(failed)?;
        let settings = Settings::from_lookup(|name| match name {
            "HCP_API_URL" => Some(sims.hcp_url.clone()),
            "HCP_AUTH_URL" => Some(sims.hcp_auth_url.clone()),
            "AIVEN_API_URL" => Some(sims.aiven_url.clone()),
            "EXTRA_CA_FILE" => Some(ca_file.path().display().to_string()),
            _ => None,
        });
        let answer = Arc::new(Mutex::new(String::new()));
        let router = axum::Router::new().fallback(told).with_state(Arc::clone(&answer));
        Ok(Self {
            secrets: Server::http(router).await.map_err(failed)?,
            settings: settings.map_err(|error| Error::new(WHAT, error))?,
            sims,
            answer,
            _ca_file: ca_file,
        })
    }

    /// What Secrets Manager answers from now on.
    pub fn secrets_answer(&self, text: String) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    fn http(&self) -> Result<Client> {
        let made = Tls::new(&self.settings).and_then(|tls| Client::new(&tls, "fuzz"));
        made.map_err(|error| Error::new("making a client", error))
    }

    /// What a cold function has for a request.
    ///
    /// # Errors
    /// When no client can be made.
    pub async fn reach(&self, request: &Request) -> Result<Reach> {
        let http = self.http()?;
        let config = aws::config_as(&http, REGION, credentials()).await;
        let config = config.to_builder().endpoint_url(&self.secrets.url).build();
        Ok(Reach {
            secret: Secret::new(config, SecretCache::default(), request.provider.secret_id()),
            settings: self.settings.clone(),
            writing: Writing::Allowed,
            http,
        })
    }

    /// EC2 as the functions have it.
    ///
    /// # Errors
    /// When no client can be made.
    pub async fn ec2(&self) -> Result<aws_sdk_ec2::Client> {
        let config = aws::config(&self.http()?, REGION).await;
        let config = aws_sdk_ec2::config::Builder::from(&config)
            .endpoint_url(&self.sims.ec2_url)
            .credentials_provider(credentials());
        Ok(aws_sdk_ec2::Client::from_conf(config.build()))
    }
}

/// The account is the key.
fn credentials() -> Credentials {
    Credentials::new("111122223333", "none", None, None, "fuzz")
}

async fn told(State(answer): State<Arc<Mutex<String>>>) -> axum::response::Response {
    let text = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ([(CONTENT_TYPE, "application/x-amz-json-1.1")], text).into_response()
}

/// Secrets Manager's answer with a secret.
pub fn secret_answer(secret: &Value) -> String {
    json!({
        "ARN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:privatelink/x-AbCdEf", "Name": "privatelink/x",
        "VersionId": "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE", "VersionStages": ["AWSCURRENT"], "CreatedDate": 1.5e9,
        "SecretString": secret.to_string(),
    })
    .to_string()
}

/// A validated request.
///
/// # Errors
/// When it is none.
pub fn validated(document: &Value) -> Result<Request> {
    request::validate(document, "privatelink/").map_err(|error| Error::new("validating an example", error))
}
