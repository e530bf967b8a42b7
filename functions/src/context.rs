//! What a step may touch.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use shared::document::Document;
use shared::http::Tls;
use shared::provider::{self, Provider, Reach, Writing};
use shared::request::{Consumer, Request};
use shared::secrets::{Secret, SecretCache};
use shared::settings::Settings;
use shared::{Result, aws, http};
use tokio::sync::OnceCell;

use crate::consumer_role::{self, Home, Session};
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

    /// What one invocation may touch. `function_arn`: as the runtime says it.
    ///
    /// # Errors
    /// `Unexpected` when no HTTP client can be made.
    pub fn context(&self, function_arn: &str) -> Result<Context> {
        Ok(Context {
            http: http::client(&self.tls, self.function)?,
            settings: self.settings.clone(),
            secrets: self.secrets.clone(),
            home: Home::of(function_arn),
            session: Session::of_function(self.function),
            assumed: OnceCell::new(),
        })
    }
}

/// What one invocation may touch: one HTTP client, and clients made over it.
pub struct Context {
    http: reqwest::Client,
    pub settings: Settings,
    secrets: SecretCache,
    /// Where the function runs, where the runtime says so.
    pub home: Option<Home>,
    session: Session,
    /// Of the one consumer of the invocation; none are needed for the function's own account.
    assumed: OnceCell<Result<Option<Credentials>>>,
}

impl Context {
    /// The same for a run, whose name its sessions in other accounts bear.
    #[must_use]
    pub fn of_run(mut self, document: &Document) -> Self {
        self.session = Session::of_run(document);
        self
    }

    /// The vendor of the request.
    pub async fn provider(&self, request: &Request) -> Box<dyn Provider> {
        self.provider_that(request, Writing::Allowed).await
    }

    /// The same, which may write or not.
    pub async fn provider_that(&self, request: &Request, writing: Writing) -> Box<dyn Provider> {
        let config = aws::home_config(&self.http).await;
        let client = aws_sdk_secretsmanager::Client::new(&config);
        let secret = Secret::new(client, self.secrets.clone(), request.provider.secret_id());
        provider::of(
            request,
            Reach {
                http: self.http.clone(),
                settings: self.settings.clone(),
                secret,
                writing,
            },
        )
    }

    /// The register, if the stack has one.
    pub async fn register(&self) -> Option<Register> {
        let table = self.settings.register_table.as_ref()?;
        let config = aws::home_config(&self.http).await;
        Some(Register::new(aws_sdk_dynamodb::Client::new(&config), table.clone()))
    }

    /// EC2 in the consumer's region.
    ///
    /// # Errors
    /// When the consumer's account cannot be reached: `Denied` where its role cannot be assumed.
    pub async fn ec2(&self, request: &Request) -> Result<aws_sdk_ec2::Client> {
        self.ec2_in(request, &request.consumer.region).await
    }

    /// EC2 in the function's own account.
    pub async fn ec2_at_home(&self, region: &str) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&aws::config(&self.http, region).await)
    }

    /// EC2 in another region, for the consumer's account.
    ///
    /// # Errors
    /// As [`Context::ec2`].
    pub async fn ec2_in(&self, request: &Request, region: &str) -> Result<aws_sdk_ec2::Client> {
        let config = self.consumer_config(&request.consumer, region).await?;
        Ok(aws_sdk_ec2::Client::new(&config))
    }

    /// EC2 in a region of the function's own account.
    pub async fn ec2_at_home(&self, region: &str) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&aws::config(&self.http, region).await)
    }

    /// Route 53 for the consumer's VPC.
    ///
    /// # Errors
    /// As [`Context::ec2`].
    pub async fn route53(&self, request: &Request) -> Result<aws_sdk_route53::Client> {
        let consumer = &request.consumer;
        let config = self.consumer_config(consumer, &consumer.region).await?;
        Ok(aws_sdk_route53::Client::new(&config))
    }

    /// The vending profiles.
    pub async fn profiles(&self) -> Profiles {
        let client = aws_sdk_ssm::Client::new(&aws::home_config(&self.http).await);
        Profiles::new(client, &self.settings)
    }

    /// Organizations.
    pub async fn organizations(&self) -> aws_sdk_organizations::Client {
        aws_sdk_organizations::Client::new(&aws::home_config(&self.http).await)
    }

    /// Step Functions.
    pub async fn step_functions(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&aws::home_config(&self.http).await)
    }

    /// Whether the consumer's account is reached by a role and not by the function's own.
    pub fn assumes_role(&self, consumer: &Consumer) -> bool {
        self.role(consumer).is_some()
    }

    fn role(&self, consumer: &Consumer) -> Option<aws::AssumeRole> {
        consumer_role::role(consumer, self.home.as_ref(), &self.settings, &self.session)
    }

    async fn consumer_config(&self, consumer: &Consumer, region: &str) -> Result<SdkConfig> {
        // Once in an invocation, even if it fails: the state machine owns retries.
        let assumed = self.assumed.get_or_init(|| self.assume(consumer)).await.clone()?;
        Ok(match assumed {
            Some(credentials) => aws::config_as(&self.http, region, credentials).await,
            None => aws::config(&self.http, region).await,
        })
    }

    async fn assume(&self, consumer: &Consumer) -> Result<Option<Credentials>> {
        let Some(role) = self.role(consumer) else {
            return Ok(None);
        };
        let credentials = aws::assume(&self.http, &role).await;
        credentials
            .map(Some)
            .map_err(|error| consumer_role::explained(error, consumer))
    }
}
