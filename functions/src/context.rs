//! What a step may touch.

use aws_config::SdkConfig;
use shared::http::Tls;
use shared::provider::{self, Provider, Reach};
use shared::request::Request;
use shared::secrets::{Secret, SecretCache};
use shared::settings::Settings;
use shared::{Result, aws, http};

use crate::register::Register;
use crate::vending::Profiles;

/// What a process keeps between invocations: settings, trust, and secrets for a few minutes. No connection.
pub struct Process {
    function: &'static str,
    settings: Settings,
    tls: Tls,
    secrets: SecretCache,
}

impl Process {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Unexpected` for settings that cannot work.
    pub fn new(function: &'static str, settings: Settings) -> Result<Self> {
        let tls = Tls::new(&settings)?;
        Ok(Self {
            function,
            settings,
            tls,
            secrets: SecretCache::default(),
        })
    }

    /// What one invocation may touch.
    ///
    /// # Errors
    /// `Unexpected` when no HTTP client can be made.
    pub fn context(&self, account_id: Option<String>) -> Result<Context> {
        Ok(Context {
            http: http::client(&self.tls, self.function)?,
            settings: self.settings.clone(),
            secrets: self.secrets.clone(),
            account_id,
        })
    }
}

/// What one invocation may touch: one HTTP client, and clients made over it.
pub struct Context {
    http: reqwest::Client,
    pub settings: Settings,
    secrets: SecretCache,
    /// The account that the function runs in, where the runtime says so.
    pub account_id: Option<String>,
}

impl Context {
    /// The vendor of the request.
    pub async fn provider(&self, request: &Request) -> Box<dyn Provider> {
        let config = aws::home_config(&self.http).await;
        let client = aws_sdk_secretsmanager::Client::new(&config);
        let secret = Secret::new(client, self.secrets.clone(), request.provider.secret_id());
        provider::of(
            request,
            Reach {
                http: self.http.clone(),
                settings: self.settings.clone(),
                secret,
            },
        )
    }

    /// EC2 in the consumer's region.
    pub async fn ec2(&self, request: &Request) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&self.consumer_config(request).await)
    }

    /// EC2 in another region, for the consumer's account.
    pub async fn ec2_in(&self, region: &str) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&aws::config(&self.http, region).await)
    }

    /// Route 53 for the consumer's VPC.
    pub async fn route53(&self, request: &Request) -> aws_sdk_route53::Client {
        aws_sdk_route53::Client::new(&self.consumer_config(request).await)
    }

    /// The vending profiles.
    pub async fn profiles(&self) -> Profiles {
        let client = aws_sdk_ssm::Client::new(&aws::home_config(&self.http).await);
        Profiles::new(client, &self.settings)
    }

    /// The register of connections.
    pub async fn register(&self) -> Register {
        Register::new(aws_sdk_dynamodb::Client::new(&aws::home_config(&self.http).await))
    }

    /// Step Functions.
    pub async fn step_functions(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&aws::home_config(&self.http).await)
    }

    async fn consumer_config(&self, request: &Request) -> SdkConfig {
        aws::config(&self.http, &request.consumer.region).await
    }
}
