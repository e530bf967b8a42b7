//! The emulator that answers what is not simulated here.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Uri};

use super::caller::Credential;
use super::error::Ec2Error;

/// Where it listens.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    url: String,
    http: reqwest::Client,
}

impl Upstream {
    pub(super) fn new(url: &str) -> Self {
        // Fails only when another provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// Sends the call on, and its answer back.
    pub(super) async fn forward(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response, Ec2Error> {
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
        let unreachable = |error: reqwest::Error| {
            Ec2Error::bad_gateway(format!("the emulator behind this simulator did not answer: {error}"))
        };
        let answer = request.body(body.clone()).send().await.map_err(unreachable)?;
        let (status, content_type) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
        let mut response = Response::new(Body::from(answer.bytes().await.map_err(unreachable)?));
        *response.status_mut() = status;
        if let Some(content_type) = content_type {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        Ok(response)
    }

    /// The account that an access key belongs to, as STS tells.
    pub(super) async fn account_of(&self, credential: &Credential) -> Option<String> {
        let Credential {
            access_key,
            date,
            region,
        } = credential;
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/{date}/{region}/sts/aws4_request, SignedHeaders=host, Signature=unchecked"
        );
        let form = [
            ("Action", "GetAccessKeyInfo"),
            ("Version", "2011-06-15"),
            ("AccessKeyId", access_key),
        ];
        let request = self
            .http
            .post(&self.url)
            .timeout(Duration::from_secs(10))
            .header(AUTHORIZATION, authorization)
            .form(&form);
        let text = request.send().await.ok()?.error_for_status().ok()?.text().await.ok()?;
        let (_, after) = text.split_once("<Account>")?;
        Some(after.split_once("</Account>")?.0.to_owned())
    }
}
