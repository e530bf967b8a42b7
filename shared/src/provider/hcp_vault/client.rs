//! The calls: one token for all of them, and one second try with a freshly read secret after a 401.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::errors::{self, Failure};
use super::wire::{
    Attachment, Cluster, ClusterAnswer, Link, Network, NetworkAnswer, Operation, PRIVATE_LINK_TYPE, Page, Started,
    Token,
};
use crate::http::{Answer, Client as Http};
use crate::provider::{Reach, Writing};
use crate::request;
use crate::secrets::Secret;
use crate::{Error, Result};

/// The API's audience: a constant, not an address (hashicorp/hcp-sdk-go, `APIAudienceID`).
const AUDIENCE: &str = "https://api.hashicorp.cloud";
/// Far more than a project can have; more means that HCP's page tokens run in a circle.
const MAX_PAGES: usize = 100;

/// HCP's API, for one project and one HVN.
pub(super) struct Client {
    http: Http,
    api: Url,
    auth: Url,
    secret: Secret,
    writing: Writing,
    organization_id: String,
    project_id: String,
    hvn_id: String,
}

/// A writing call, of the PrivateLink service with this id: a plan names it, and a run makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write<'a> {
    Create,
    Update(&'a str),
    Delete(&'a str),
}

/// The query of a call.
type Query<'a> = &'a [(&'a str, &'a str)];

impl Client {
    pub(super) fn new(params: &request::HcpVault, reach: Reach) -> Self {
        Self {
            http: reach.http,
            api: reach.settings.hcp_api_url,
            auth: reach.settings.hcp_auth_url,
            secret: reach.secret,
            writing: reach.writing,
            organization_id: params.organization_id.clone(),
            project_id: params.project_id.clone(),
            hvn_id: params.hvn_id.clone(),
        }
    }

    /// The HVN, unless there is none.
    pub(super) async fn network(&self) -> Result<Option<Network>, Failure> {
        let answer: Option<NetworkAnswer> = self.look_up(&self.hvn_path(&self.hvn_id, &[])).await?;
        Ok(answer.map(|answer| answer.network))
    }

    /// Every HVN of the project.
    pub(super) async fn networks(&self) -> Result<Vec<Network>, Failure> {
        self.list(&self.path(["network", "2020-09-07"], &["networks"]), &[])
            .await
    }

    /// The cluster, unless there is none.
    pub(super) async fn cluster(&self, id: &str) -> Result<Option<Cluster>, Failure> {
        let path = self.path(["vault", "2020-11-25"], &["clusters", id]);
        let answer: Option<ClusterAnswer> = self.look_up(&path).await?;
        Ok(answer.map(|answer| answer.cluster))
    }

    /// The peerings of the HVN.
    pub(super) async fn peerings(&self) -> Result<Vec<Attachment>, Failure> {
        self.list(&self.hvn_path(&self.hvn_id, &["peerings"]), &[]).await
    }

    /// The transit gateway attachments of the HVN.
    pub(super) async fn tgw_attachments(&self) -> Result<Vec<Attachment>, Failure> {
        self.list(&self.hvn_path(&self.hvn_id, &["transit-gateway-attachments"]), &[])
            .await
    }

    /// The PrivateLink services of the HVN.
    pub(super) async fn links(&self) -> Result<Vec<Link>, Failure> {
        self.links_of(&self.hvn_id).await
    }

    /// The PrivateLink services of an HVN of the project: HCP has no list of a whole project.
    pub(super) async fn links_of(&self, hvn_id: &str) -> Result<Vec<Link>, Failure> {
        self.list(&self.hvn_path(hvn_id, &["private-link-services"]), &[]).await
    }

    pub(super) async fn create_link(&self, body: &Value) -> Result<Started, Failure> {
        self.write(Write::Create, &[], Some(body)).await
    }

    pub(super) async fn update_link(&self, id: &str, body: &Value) -> Result<Started, Failure> {
        self.write(Write::Update(id), &[], Some(body)).await
    }

    pub(super) async fn delete_link(&self, id: &str, region: &str) -> Result<Started, Failure> {
        let query = [("location.region.provider", "aws"), ("location.region.region", region)];
        self.write(Write::Delete(id), &query, None).await
    }

    /// A writing call as a plan names it: `PATCH /network/2020-09-07/organizations/…/private-link-services/pl-acme`.
    pub(super) fn name_of(&self, write: Write<'_>) -> String {
        let (method, path) = self.write_path(write);
        format!("{method} {}", at(&self.api, &path).path())
    }

    fn write_path(&self, write: Write<'_>) -> (Method, String) {
        const LINKS: &str = "private-link-services";
        let (method, below): (_, &[&str]) = match write {
            Write::Create => (Method::POST, &[LINKS]),
            Write::Update(id) => (Method::PATCH, &[LINKS, id]),
            Write::Delete(id) => (Method::DELETE, &[LINKS, id]),
        };
        (method, self.hvn_path(&self.hvn_id, below))
    }

    /// The newest operation on a PrivateLink service, if HCP lists one.
    pub(super) async fn newest_operation(&self, link_id: &str, region: &str) -> Result<Option<Operation>, Failure> {
        let path = self.path(["operation", "2020-05-05"], &["operations"]);
        let query = [
            ("linked_resource.type", PRIVATE_LINK_TYPE),
            ("linked_resource.id", link_id),
            ("location.region.provider", "aws"),
            ("location.region.region", region),
        ];
        match self.list(&path, &query).await {
            Ok(operations) => Ok(Operation::newest(operations, link_id)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A GET whose 404 means "there is none".
    async fn look_up<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        match self.call(Method::GET, path, &[], None).await {
            Ok(answer) => Ok(Some(answer.json(&what(&Method::GET, path))?)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Every page of a list.
    async fn list<T: DeserializeOwned>(&self, path: &str, query: Query<'_>) -> Result<Vec<T>, Failure> {
        let (mut items, mut token) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let mut query = query.to_vec();
            if !token.is_empty() {
                query.push(("pagination.next_page_token", &token));
            }
            let answer = self.call(Method::GET, path, &query, None).await?;
            let page: Page<T> = answer.json(&what(&Method::GET, path))?;
            items.extend(page.items);
            token = page.pagination.next_page_token;
            if token.is_empty() {
                return Ok(items);
            }
        }
        let what = what(&Method::GET, path);
        Err(Error::unexpected(format!(
            "{what} has more than {MAX_PAGES} pages: report it to the maintainers of this workflow."
        ))
        .into())
    }

    async fn write(&self, write: Write<'_>, query: Query<'_>, body: Option<&Value>) -> Result<Started, Failure> {
        self.writing.claim()?;
        let (method, path) = self.write_path(write);
        let answer = self.call(method.clone(), &path, query, body).await?;
        Ok(answer.json(&what(&method, &path))?)
    }

    /// One call: a success of whatever kind, or the failure by the table in [`errors`].
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let what = what(&method, path);
        let mut url = at(&self.api, path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let send = async || -> Result<Answer, Failure> {
            let token = self.token().await?;
            let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
            let mut request = self
                .http
                .request(method.clone(), url.clone())
                .header(ACCEPT, "application/json")
                .header(AUTHORIZATION, authorization(&bearer)?);
            if let Some(body) = body {
                request = request.json(body);
            }
            Ok(self.http.send(request, &what).await?.without(&[&bearer, &token]))
        };
        let mut answer = send().await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // The key may have been rotated, or the token revoked: once more, with the secret as it is now.
            self.secret.forget();
            answer = send().await?;
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            self.secret.forget();
        }
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(errors::refused(&answer, &what))
        }
    }

    /// The process's token, or a new one where that has run out.
    async fn token(&self) -> Result<SecretString, Failure> {
        match self.secret.token() {
            Some(token) => Ok(token),
            None => {
                let token = match self.request_token().await {
                    Err(failure) if failure.is_unauthorized() => {
                        // The remembered secret may be older than a rotation.
                        self.secret.forget();
                        self.request_token().await
                    }
                    other => other,
                };
                if token.as_ref().is_err_and(Failure::is_unauthorized) {
                    self.secret.forget();
                }
                let token = token?;
                self.secret
                    .remember_token(token.access_token.clone(), Duration::from_secs(token.expires_in));
                Ok(token.access_token)
            }
        }
    }

    async fn request_token(&self) -> Result<Token, Failure> {
        const PATH: &str = "/oauth2/token";
        let [client_id, client_secret] = self.secret.fields(["client_id", "client_secret"]).await?;
        let what = what(&Method::POST, PATH);
        let request = self
            .http
            .request(Method::POST, at(&self.auth, PATH))
            .header(ACCEPT, "application/json")
            .form(&[
                ("client_id", client_id.expose_secret()),
                ("client_secret", client_secret.expose_secret()),
                ("grant_type", "client_credentials"),
                ("audience", AUDIENCE),
            ]);
        let answer = self.http.send(request, &what).await?;
        if answer.status.is_success() {
            Ok(answer.json(&what)?)
        } else {
            Err(errors::no_token(&answer.without(&[&client_secret]), &what))
        }
    }

    /// A path in an HVN of the project.
    fn hvn_path(&self, hvn_id: &str, rest: &[&str]) -> String {
        let segments: Vec<&str> = ["networks", hvn_id].into_iter().chain(rest.iter().copied()).collect();
        self.path(["network", "2020-09-07"], &segments)
    }

    /// A path in the project. Ids need no escaping: all of them are UUIDs and slugs.
    fn path(&self, [service, version]: [&str; 2], rest: &[&str]) -> String {
        let (organization, project) = (&self.organization_id, &self.project_id);
        format!(
            "/{service}/{version}/organizations/{organization}/projects/{project}/{}",
            rest.join("/")
        )
    }
}

/// The header's value of its text, `Bearer …`.
fn authorization(text: &SecretString) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(text.expose_secret()).map_err(|_| {
        Error::unexpected("HCP's token cannot be sent in a header: report it to the maintainers of this workflow.")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The name of a call in errors: no query, no body.
fn what(method: &Method, path: &str) -> String {
    format!("HCP {method} {path}")
}

fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn paths_go_below_the_base() {
        for (base, expected) in [
            (
                "https://api.cloud.hashicorp.com",
                "https://api.cloud.hashicorp.com/oauth2/token",
            ),
            ("https://proxy.example/hcp/", "https://proxy.example/hcp/oauth2/token"),
        ] {
            assert_eq!(at(&Url::parse(base).unwrap(), "/oauth2/token").as_str(), expected);
        }
    }
}
