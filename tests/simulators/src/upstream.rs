//! The emulator that answers what is not simulated here.

use std::fmt::Display;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, Method, Uri};
use reqwest::redirect::Policy;

/// Where it listens.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    url: String,
    http: reqwest::Client,
}

impl Upstream {
    pub(crate) fn new(url: &str) -> Self {
        // Fails only when another provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            http: client.unwrap_or_default(),
        }
    }

    /// Sends the call on, and its answer back.
    ///
    /// # Errors
    /// When the emulator does not answer within half a minute.
    pub(crate) async fn forward(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response, reqwest::Error> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url))
            .timeout(Duration::from_secs(30));
        let passed =
            |name: &str| matches!(name, "authorization" | "content-type" | "user-agent") || name.starts_with("x-amz");
        for (name, value) in headers.iter().filter(|(name, _)| passed(name.as_str())) {
            request = request.header(name, value);
        }
        let answer = request.body(body.clone()).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = Response::new(Body::from(answer.bytes().await?));
        *response.status_mut() = status;
        for name in [CONTENT_TYPE, LOCATION, HeaderName::from_static("x-amzn-requestid")] {
            if let Some(value) = headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }

    /// The account that an access key belongs to, as STS tells.
    pub(crate) async fn account_of(&self, access_key: &str, date: &str, region: &str) -> Option<String> {
        let scope = format!("{access_key}/{date}/{region}/sts");
        let form = [
            ("Action", "GetAccessKeyInfo"),
            ("Version", "2011-06-15"),
            ("AccessKeyId", access_key),
        ];
        element(&self.ask(&scope, &form).await?, "Account")
    }

    /// The ARN of the caller that has an access key.
    pub(crate) async fn identity_of(&self, access_key: &str) -> Option<String> {
        let scope = format!("{access_key}/20260101/us-east-1/sts");
        let form = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
        element(&self.ask(&scope, &form).await?, "Arn")
    }

    /// The roles of an account and their policies, XML.
    pub(crate) async fn authorization_details(&self, account: &str) -> Option<String> {
        let scope = format!("{account}/20260101/us-east-1/iam");
        let form = [
            ("Action", "GetAccountAuthorizationDetails"),
            ("Version", "2010-05-08"),
            ("Filter.member.1", "Role"),
            ("Filter.member.2", "LocalManagedPolicy"),
        ];
        self.ask(&scope, &form).await
    }

    /// A query in the name of whoever has the access key; the emulator checks no signature.
    async fn ask(&self, scope: &str, form: &[(&str, &str)]) -> Option<String> {
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}/aws4_request, SignedHeaders=host, Signature=unchecked");
        let request = self
            .http
            .post(&self.url)
            .timeout(Duration::from_secs(10))
            .header(AUTHORIZATION, authorization)
            .form(form);
        request.send().await.ok()?.error_for_status().ok()?.text().await.ok()
    }
}

/// The text of the first element of a name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    Some(after.split_once(&format!("</{name}>"))?.0.to_owned())
}

/// The message of a gateway whose emulator failed it.
pub(crate) fn no_answer(error: &dyn Display) -> String {
    format!("the emulator behind this simulator did not answer: {error}")
}
