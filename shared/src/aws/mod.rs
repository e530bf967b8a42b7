//! The AWS SDK over our own HTTP client, and its errors in our names.

mod assume;
mod environment;
mod errors;
mod http_client;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

pub use assume::{AssumeRole, assume};
use environment::FromEnvironment;
pub use errors::{code, error, error_in_answer};
use http_client::OverReqwest;

use crate::http::Client;

/// The SDK's configuration for a region.
///
/// Credentials come from the function's environment alone: looking for others costs a cold start a millisecond and can find
/// nothing. Retries are off, since the state machine owns them. `AWS_ENDPOINT_URL…` variables are honoured.
pub async fn config(http: &Client, region: &str) -> SdkConfig {
    load(http, region, EnvironmentVariableCredentialsProvider::new()).await
}

/// The same with the credentials of a role, see [`assume`].
pub async fn config_as(http: &Client, region: &str, credentials: Credentials) -> SdkConfig {
    load(http, region, credentials).await
}

/// By hand, and not by `aws_config::defaults`: whose loader reads `~/.aws` twice for each client, and links the whole chain of
/// credentials (profiles, SSO, ECS, IMDS, STS), of which a function uses nothing.
#[allow(clippy::unused_async, reason = "as the loader's")]
async fn load(http: &Client, region: &str, credentials: impl ProvideCredentials + 'static) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(OverReqwest::new(http.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .service_config(FromEnvironment)
        .build()
}

/// The function's own credentials in its own region.
pub async fn home_config(http: &Client) -> SdkConfig {
    let region = std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned());
    config(http, &region).await
}
