//! HCP's errors: gRPC codes, spoken by grpc-gateway as HTTP statuses and `{"code","message","details"}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A gRPC status. The texts of the private link rules are guesses: none has been published or seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// gRPC code: 3 is `InvalidArgument`, 5 `NotFound`, 6 `AlreadyExists` …
    pub code: i32,
    pub message: String,
    /// For code 8: requests a minute and seconds until the next one, told as `X-Ratelimit-*`.
    pub rate_limit: Option<(u32, u64)>,
}

pub(super) const INVALID_ARGUMENT: i32 = 3;
pub(super) const NOT_FOUND: i32 = 5;
pub(super) const ALREADY_EXISTS: i32 = 6;
pub(super) const PERMISSION_DENIED: i32 = 7;
pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
pub(super) const FAILED_PRECONDITION: i32 = 9;
pub(super) const INTERNAL: i32 = 13;
pub(super) const UNAVAILABLE: i32 = 14;
pub(super) const UNAUTHENTICATED: i32 = 16;

impl ApiError {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            rate_limit: None,
        }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(INVALID_ARGUMENT, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(NOT_FOUND, message)
    }

    pub fn precondition(message: impl Into<String>) -> Self {
        Self::new(FAILED_PRECONDITION, message)
    }

    /// Seen with an empty message (hashicorp/terraform-provider-hcp#398).
    pub fn denied() -> Self {
        Self::new(PERMISSION_DENIED, "")
    }

    /// The body was not seen; the code follows from the model.
    pub fn unauthenticated(message: &str) -> Self {
        Self::new(UNAUTHENTICATED, message)
    }

    /// As seen on the Vault Secrets service (hashicorp/terraform-provider-hcp#727). The text says 60 seconds whatever the header says.
    pub fn rate_limited(limit: u32, seconds: u64) -> Self {
        let message = format!(
            "this request has exceeded the rate limit of {limit} requests per minute for your org, try again in {seconds} seconds"
        );
        Self {
            code: RESOURCE_EXHAUSTED,
            message,
            rate_limit: Some((limit, seconds)),
        }
    }

    /// The form in which an operation carries it (`google.rpc.Status`), which is the form on the wire too.
    pub fn body(&self) -> Value {
        json!({"code": self.code, "message": self.message, "details": []})
    }

    /// grpc-gateway's table.
    pub fn status(&self) -> StatusCode {
        match self.code {
            INVALID_ARGUMENT | FAILED_PRECONDITION | 11 => StatusCode::BAD_REQUEST,
            4 => StatusCode::GATEWAY_TIMEOUT,
            NOT_FOUND => StatusCode::NOT_FOUND,
            ALREADY_EXISTS | 10 => StatusCode::CONFLICT,
            PERMISSION_DENIED => StatusCode::FORBIDDEN,
            RESOURCE_EXHAUSTED => StatusCode::TOO_MANY_REQUESTS,
            12 => StatusCode::NOT_IMPLEMENTED,
            UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
            UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some((limit, seconds)) = self.rate_limit {
            headers.insert("x-ratelimit-limit", HeaderValue::from(limit));
            headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
            headers.insert("x-ratelimit-reset", HeaderValue::from(seconds));
        }
        if self.code == UNAUTHENTICATED
            && let Ok(message) = HeaderValue::from_str(&self.message)
        {
            headers.insert(header::WWW_AUTHENTICATE, message);
        }
        response
    }
}

/// An injected failure with this HTTP status, in HCP's form.
pub(super) fn injected(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = match status.as_u16() {
        400 => INVALID_ARGUMENT,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => NOT_FOUND,
        409 => ALREADY_EXISTS,
        429 => RESOURCE_EXHAUSTED,
        503 => UNAVAILABLE,
        504 => 4,
        _ => INTERNAL,
    };
    let error = match (code, retry_after) {
        (RESOURCE_EXHAUSTED, seconds) => ApiError::rate_limited(200, seconds.unwrap_or(60)),
        _ => ApiError::new(code, "simulated failure"),
    };
    let mut response = error.into_response();
    *response.status_mut() = status;
    response
}
