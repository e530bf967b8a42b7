//! The calls of Aiven's API that a connection needs.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::Url;

use super::errors::{Failure, Refusal};
use super::wire::{Connection, Connections, Lists, PrivateLink, Service, ServiceAnswer};
use crate::http::Answer;
use crate::provider::Reach;
use crate::{Error, Result, request};

const PRIVATELINK: &[&str] = &["privatelink", "aws"];
const CONNECTIONS: &[&str] = &["privatelink", "aws", "connections"];

/// A writing call: a plan names it, and a run makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// The service's own settings.
    Configure,
    Create,
    Update,
    Delete,
    Refresh,
}

impl Write {
    const fn method(self) -> Method {
        match self {
            Self::Configure | Self::Update => Method::PUT,
            Self::Create | Self::Refresh => Method::POST,
            Self::Delete => Method::DELETE,
        }
    }

    /// What follows the service in the path.
    const fn below(self) -> &'static [&'static str] {
        match self {
            Self::Configure => &[],
            Self::Create | Self::Update | Self::Delete => PRIVATELINK,
            Self::Refresh => &["privatelink", "aws", "refresh"],
        }
    }
}

/// Aiven's API, for one service.
pub(super) struct Client {
    reach: Reach,
    project: String,
    service_name: String,
}

impl Client {
    pub(super) fn new(reach: Reach, params: &request::Aiven) -> Self {
        Self {
            reach,
            project: params.project.clone(),
            service_name: params.service_name.clone(),
        }
    }

    /// The service. Without `include_secrets`, as nothing here needs them.
    pub(super) async fn service(&self) -> Result<Service, Failure> {
        let answer: ServiceAnswer = self.read(&[]).await?;
        Ok(answer.service)
    }

    /// Sets just these switches: `user_config` is merged. Without `project_vpc_id`, whose null would move the service out of its VPC.
    pub(super) async fn switch_access(&self, components: &[String], on: bool) -> Result<(), Failure> {
        let switches: Map<String, Value> = components.iter().map(|c| (c.clone(), on.into())).collect();
        let body = json!({"user_config": {"privatelink_access": switches}});
        self.write(Write::Configure, Some(&body)).await
    }

    /// The service's PrivateLink service.
    pub(super) async fn privatelink(&self) -> Result<PrivateLink, Failure> {
        self.read(PRIVATELINK).await
    }

    pub(super) async fn create_privatelink(&self, lists: &Lists) -> Result<(), Failure> {
        self.write(Write::Create, Some(lists)).await
    }

    /// Replaces the lists.
    pub(super) async fn update_privatelink(&self, lists: &Lists) -> Result<(), Failure> {
        self.write(Write::Update, Some(lists)).await
    }

    pub(super) async fn delete_privatelink(&self) -> Result<(), Failure> {
        self.write(Write::Delete, None::<&()>).await
    }

    /// The endpoints that are connected, of all consumers.
    pub(super) async fn connections(&self) -> Result<Vec<Connection>, Failure> {
        let answer: Connections = self.read(CONNECTIONS).await?;
        Ok(answer.connections)
    }

    /// Makes Aiven ask AWS for its endpoints, which it normally learns from events. What it answers where it cannot is not known,
    /// and no harm: the next look sees what it sees.
    pub(super) async fn refresh_if_possible(&self) -> Result<(), Failure> {
        match self.write(Write::Refresh, None::<&()>).await {
            Err(failure) if failure.is_absent() || failure.conflict().is_some() => Ok(()),
            other => other,
        }
    }

    async fn read<T: DeserializeOwned>(&self, below: &[&str]) -> Result<T, Failure> {
        let (what, answer) = self.call(Method::GET, below, None::<&()>).await?;
        Ok(answer.json(&what)?)
    }

    /// What a write answers is not used: the next look sees it.
    async fn write<B: Serialize>(&self, write: Write, body: Option<&B>) -> Result<(), Failure> {
        // A refresh changes nothing that others share.
        if write != Write::Refresh {
            self.reach.writing.claim()?;
        }
        self.call(write.method(), write.below(), body).await.map(|_| ())
    }

    /// A writing call as a plan names it: `PUT /v1/project/p/service/s/privatelink/aws`.
    pub(super) fn name_of(&self, write: Write) -> Result<String> {
        Ok(format!("{} {}", write.method(), self.url(write.below())?.path()))
    }

    /// One call, and once more with a freshly read secret after a 401. Gives the call's name for errors, and a success.
    async fn call<B: Serialize>(
        &self,
        method: Method,
        below: &[&str],
        body: Option<&B>,
    ) -> Result<(String, Answer), Failure> {
        let url = self.url(below)?;
        let what = format!("Aiven {method} {}", url.path());
        let mut answer = self.send(&method, &url, body, &what).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.reach.secret.forget();
            answer = self.send(&method, &url, body, &what).await?;
        }
        if answer.status.is_success() {
            Ok((what, answer))
        } else {
            Err(Failure::Refused(Refusal::read(&answer, &what)))
        }
    }

    /// The secret's token.
    pub(super) async fn token(&self) -> Result<SecretString> {
        let [token] = self.reach.secret.fields(["token"]).await?;
        Ok(token)
    }

    /// The header's value of its text, `aivenv1 …`.
    fn authorization(text: &SecretString) -> Result<HeaderValue> {
        let mut authorization = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
            Error::invalid_at(
                "/provider/secret_id",
                "the secret's \"token\" has characters that no Aiven token has. Correct its value in Secrets Manager.",
            )
        })?;
        authorization.set_sensitive(true);
        Ok(authorization)
    }

    async fn send<B: Serialize>(&self, method: &Method, url: &Url, body: Option<&B>, what: &str) -> Result<Answer> {
        let token = self.token().await?;
        let authorization = SecretString::from(format!("aivenv1 {}", token.expose_secret()));
        let mut request = self
            .reach
            .http
            .request(method.clone(), url.clone())
            .header(AUTHORIZATION, Self::authorization(&authorization)?);
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(self
            .reach
            .http
            .send(request, what)
            .await?
            .without(&[&authorization, &token]))
    }

    fn url(&self, below: &[&str]) -> Result<Url> {
        let mut url = self.reach.settings.aiven_api_url.clone();
        url.path_segments_mut()
            .map_err(|()| Error::unexpected("the function's setting AIVEN_API_URL is no base for paths: correct it."))?
            .pop_if_empty()
            .extend(["v1", "project", &self.project, "service", &self.service_name])
            .extend(below);
        Ok(url)
    }
}
