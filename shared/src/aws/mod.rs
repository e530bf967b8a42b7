//! The AWS SDK over our own HTTP client, and its errors in our names.

mod assume;
mod errors;
mod http_client;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;

pub use assume::{AssumeRole, assume};
pub use errors::{code, error, error_in_answer};
use http_client::OverReqwest;

/// The SDK's configuration for a region.
///
/// Credentials come from the function's environment alone: looking for others costs a cold start a millisecond and can find
/// nothing. Retries are off, since the state machine owns them. `AWS_ENDPOINT_URL…` variables are honoured.
pub async fn config(http: &reqwest::Client, region: &str) -> SdkConfig {
    load(http, region, EnvironmentVariableCredentialsProvider::new()).await
}

/// The same with the credentials of a role, see [`assume`].
pub async fn config_as(http: &reqwest::Client, region: &str, credentials: Credentials) -> SdkConfig {
    load(http, region, credentials).await
}

async fn load(http: &reqwest::Client, region: &str, credentials: impl ProvideCredentials + 'static) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(OverReqwest::new(http.clone()))
        .credentials_provider(credentials)
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

/// The function's own credentials in its own region.
pub async fn home_config(http: &reqwest::Client) -> SdkConfig {
    let region = std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned());
    config(http, &region).await
}
