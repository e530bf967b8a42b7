//! All simulators together, in one process and one world.

use std::io;

use axum::{Extension, Router};
use serde_json::Value;

use crate::aiven::{self, Aiven};
use crate::aws_json::AwsJson;
use crate::clock::Clock;
use crate::ec2::{self, Ec2};
use crate::fabric::Fabric;
use crate::hcp::{self, Hcp};
use crate::knobs::Knobs;
use crate::recorder::Recorder;
use crate::rights::Rights;
use crate::route53::Route53;
use crate::server::Server;
use crate::sts::Sts;
use crate::tls::Ca;

/// What they start with.
#[derive(Debug, Clone)]
pub struct SimulatorsConfig {
    /// How many times faster than the wall's the simulated clock runs.
    pub speed: f64,
    pub knobs: Knobs,
    /// The consumers' accounts.
    pub aws: ec2::World,
    /// The emulator that gets the calls of Route 53 and STS and the EC2 actions which are not simulated, as `http://127.0.0.1:4566`.
    pub upstream: Option<String>,
    /// The policy document of the roles in consumers' accounts, with CloudFormation's `Fn::Sub`. `None`: their sessions may do anything.
    pub consumer_policy: Option<Value>,
    pub hcp: hcp::World,
    pub aiven: aiven::World,
}

impl Default for SimulatorsConfig {
    /// Real time, and the ready-made worlds.
    fn default() -> Self {
        Self {
            speed: 1.0,
            knobs: Knobs::default(),
            aws: ec2::World::default(),
            upstream: None,
            consumer_policy: None,
            hcp: hcp::default_world(),
            aiven: aiven::default_world(),
        }
    }
}

/// The running simulators. Dropping them stops them.
#[derive(Debug)]
pub struct Simulators {
    /// Plain HTTP: what `AWS_ENDPOINT_URL_EC2` takes.
    pub ec2_url: String,
    /// Plain HTTP: what `AWS_ENDPOINT_URL_ROUTE_53` takes. `None` without an upstream.
    pub route53_url: Option<String>,
    /// Plain HTTP: what `AWS_ENDPOINT_URL_SECRETS_MANAGER` and those of the other services that speak JSON take. `None` without an upstream.
    pub aws_json_url: Option<String>,
    /// Plain HTTP: what `AWS_ENDPOINT_URL_STS` takes. `None` without an upstream.
    pub sts_url: Option<String>,
    /// In the place of `https://api.cloud.hashicorp.com`.
    pub hcp_url: String,
    /// In the place of `https://auth.idp.hashicorp.com`.
    pub hcp_auth_url: String,
    /// In the place of `https://api.aiven.io`.
    pub aiven_url: String,
    /// The authority, PEM, that the three TLS servers are to be trusted by.
    pub ca_pem: String,
    pub fabric: Fabric,
    pub recorder: Recorder,
    pub ec2: Ec2,
    /// `None` without an upstream.
    pub sts: Option<Sts>,
    /// Who may call what. `None` without an upstream, which knows the callers and their policies.
    pub rights: Option<Rights>,
    pub hcp: Hcp,
    pub aiven: Aiven,
    _servers: Vec<Server>,
}

impl Simulators {
    /// Starts everything on free ports of 127.0.0.1; call it within a tokio runtime, which has to live as long.
    ///
    /// # Errors
    /// When a port cannot be bound or the authority cannot be made.
    pub async fn start(config: SimulatorsConfig) -> io::Result<Self> {
        let fabric = Fabric::new(Clock::new(config.speed), config.knobs);
        let recorder = Recorder::default();
        let ca = Ca::new()?;
        let ec2 = Ec2::new(fabric.clone(), recorder.clone(), config.aws, config.upstream.as_deref());
        let hcp = Hcp::new(fabric.clone(), recorder.clone(), config.hcp);
        let aiven = Aiven::new(fabric.clone(), recorder.clone(), config.aiven);

        let rights = config
            .upstream
            .as_deref()
            .map(|upstream| Rights::new(ec2.clone(), upstream, config.consumer_policy));
        let guarded = |router: Router| match &rights {
            Some(rights) => router.layer(Extension(rights.clone())),
            None => router,
        };
        let ec2_server = Server::http(guarded(ec2.router())).await?;
        let route53_server = match config.upstream.as_deref() {
            Some(upstream) => {
                let route53 = Route53::new(fabric.clock, recorder.clone(), upstream);
                Some(Server::http(guarded(route53.router())).await?)
            }
            None => None,
        };
        let aws_json_server = match config.upstream.as_deref() {
            Some(upstream) => {
                let aws_json = AwsJson::new(fabric.clock, recorder.clone(), upstream);
                Some(Server::http(guarded(aws_json.router())).await?)
            }
            None => None,
        };
        let sts = config
            .upstream
            .as_deref()
            .map(|upstream| Sts::new(ec2.clone(), fabric.clock, recorder.clone(), upstream));
        let sts_server = match &sts {
            Some(sts) => Some(Server::http(guarded(sts.router())).await?),
            None => None,
        };
        let hcp_server = Server::https(hcp.router(), &ca).await?;
        let hcp_auth_server = Server::https(hcp.router(), &ca).await?;
        let aiven_server = Server::https(aiven.router(), &ca).await?;
        Ok(Self {
            ec2_url: ec2_server.url.clone(),
            route53_url: route53_server.as_ref().map(|server| server.url.clone()),
            aws_json_url: aws_json_server.as_ref().map(|server| server.url.clone()),
            sts_url: sts_server.as_ref().map(|server| server.url.clone()),
            hcp_url: hcp_server.url.clone(),
            hcp_auth_url: hcp_auth_server.url.clone(),
            aiven_url: aiven_server.url.clone(),
            ca_pem: ca.pem,
            fabric,
            recorder,
            ec2,
            sts,
            rights,
            hcp,
            aiven,
            _servers: [ec2_server, hcp_server, hcp_auth_server, aiven_server]
                .into_iter()
                .chain(route53_server)
                .chain(aws_json_server)
                .chain(sts_server)
                .collect(),
        })
    }
}
