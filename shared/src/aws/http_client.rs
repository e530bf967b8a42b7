//! The SDK's `HttpClient` over reqwest, so that one TLS stack serves both the vendors and AWS.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use crate::http::{Broken, Client};

/// EC2's largest pages, a thousand security groups full of rules, stay below it, and a function has eight times as much.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// The adapter. Time-outs are the reqwest client's own.
#[derive(Debug, Clone)]
pub(super) struct OverReqwest(Client);

impl OverReqwest {
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }
}

impl HttpClient for OverReqwest {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OverReqwest {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let (parts, body) = request.into_parts();
            // Every request of the services used here has its body in memory.
            let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
            let request = http::Request::from_parts(parts, body);
            let request = reqwest::Request::try_from(request).map_err(|e| ConnectorError::user(e.into()))?;
            let answer = client.exchange(request, MAX_BODY_BYTES).await.map_err(broken)?;
            let mut response = http::Response::new(SdkBody::from(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            HttpResponse::try_from(response).map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}

fn broken(broken: Broken) -> ConnectorError {
    match broken {
        Broken::Timeout => ConnectorError::timeout("the calls before it took too long".into()),
        Broken::TooLarge(_, too_large) => ConnectorError::other(too_large.into(), None),
        Broken::Transport(error) if error.is_timeout() => ConnectorError::timeout(error.without_url().into()),
        Broken::Transport(error) => ConnectorError::io(error.without_url().into()),
    }
}
