//! What a step may touch.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use shared::document::Document;
use shared::http::Tls;
use shared::provider::{self, Provider, Reach, Writing};
use shared::request::{Consumer, Request};
use shared::secrets::{Secret, SecretCache};
use shared::settings::Settings;
use shared::{Result, aws, http};
use tokio::sync::Mutex;

use crate::consumer_role::{self, Account, Home, Session};
use crate::register::Register;
use crate::vending::Profiles;

/// What a process keeps between invocations: settings, trust, and secrets for a few minutes. No connection.
pub struct Process {
    function: &'static str,
    settings: Settings,
    tls: Tls,
    /// Made at the start, where Lambda gives a whole processor, and of a function of 256 MB a seventh later. No other invocation has
    /// used it, so that no socket of it can be dead. What the SDK's clients add is made by the step that uses them.
    first: Mutex<Option<http::Client>>,
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
            first: Mutex::new(Some(http::Client::new(&tls, function)?)),
            tls,
            secrets: SecretCache::default(),
        })
    }

    /// What one invocation may touch. `function_arn`: as the runtime says it.
    ///
    /// # Errors
    /// `Unexpected` when no HTTP client can be made.
    pub fn context(&self, function_arn: &str) -> Result<Context> {
        let first = self.first.try_lock().ok().and_then(|mut first| first.take());
        Ok(Context {
            http: match first {
                Some(client) => client,
                None => http::Client::new(&self.tls, self.function)?,
            },
            settings: self.settings.clone(),
            secrets: self.secrets.clone(),
            home: Home::of(function_arn),
            session: Session::of_function(self.function),
            assumed: Mutex::default(),
        })
    }
}

/// What one invocation may touch: one HTTP client, and clients made over it.
pub struct Context {
    http: http::Client,
    pub settings: Settings,
    secrets: SecretCache,
    /// Where the function runs, where the runtime says so.
    pub home: Option<Home>,
    session: Session,
    /// By the role's ARN: each role is assumed once in an invocation, even if that fails, since the state machine owns retries.
    assumed: Mutex<BTreeMap<String, Result<Credentials>>>,
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
        let secret = Secret::new(config, self.secrets.clone(), request.provider.secret_id());
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

    /// EC2 in another region, for the consumer's account.
    ///
    /// # Errors
    /// As [`Context::ec2`].
    pub async fn ec2_in(&self, request: &Request, region: &str) -> Result<aws_sdk_ec2::Client> {
        self.ec2_of(Account::from(&request.consumer), region).await
    }

    /// EC2 of any account, for whoever works for no request.
    ///
    /// # Errors
    /// As [`Context::ec2`].
    pub async fn ec2_of(&self, account: Account<'_>, region: &str) -> Result<aws_sdk_ec2::Client> {
        Ok(aws_sdk_ec2::Client::new(&self.config_of(account, region).await?))
    }

    /// Route 53 for the consumer's VPC.
    ///
    /// # Errors
    /// As [`Context::ec2`].
    pub async fn route53(&self, request: &Request) -> Result<aws_sdk_route53::Client> {
        let consumer = &request.consumer;
        let config = self.config_of(Account::from(consumer), &consumer.region).await?;
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

    /// SQS.
    pub async fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&aws::home_config(&self.http).await)
    }

    /// Step Functions.
    pub async fn step_functions(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&aws::home_config(&self.http).await)
    }

    /// Whether the consumer's account is reached by a role and not by the function's own.
    pub fn assumes_role(&self, consumer: &Consumer) -> bool {
        self.role(Account::from(consumer)).is_some()
    }

    fn role(&self, account: Account<'_>) -> Option<aws::AssumeRole> {
        consumer_role::role(account, self.home.as_ref(), &self.settings, &self.session)
    }

    async fn config_of(&self, account: Account<'_>, region: &str) -> Result<SdkConfig> {
        let Some(role) = self.role(account) else {
            return Ok(aws::config(&self.http, region).await);
        };
        // Held while STS is asked, so that whoever comes meanwhile waits for the same answer.
        let mut assumed = self.assumed.lock().await;
        let credentials = match assumed.get(&role.role_arn) {
            Some(known) => known.clone(),
            None => {
                let answer = aws::assume(&self.http, &role).await;
                let answer = answer.map_err(|error| consumer_role::explained(error, account));
                assumed.insert(role.role_arn, answer.clone());
                answer
            }
        };
        Ok(aws::config_as(&self.http, region, credentials?).await)
    }
}
