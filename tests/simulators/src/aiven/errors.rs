//! Aiven's errors: `{"message", "errors": [{"message", "status"}]}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// A refusal. Texts that were seen on the wire say so; the others are guesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    pub message: String,
    /// Seconds for a `Retry-After` header; whether Aiven sends one is not known.
    pub retry_after: Option<u64>,
}

impl ApiError {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
        }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// As seen in aiven/terraform-provider-aiven#647.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Missing (expired) db token")
    }

    /// As seen in aiven/terraform-provider-aiven#575.
    pub fn rate_limited(limit: u32, seconds: u64, header: bool) -> Self {
        let message = format!(
            "The user has sent too many requests in a given amount of time: Rate limit {limit} exceeded - try again in {seconds}s"
        );
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            message,
            retry_after: header.then_some(seconds),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = json!({"message": self.message, "status": self.status.as_u16()});
        let mut response = (self.status, Json(json!({"errors": [error], "message": self.message}))).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An injected failure with this HTTP status, in Aiven's form.
pub(super) fn injected(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = match status {
        StatusCode::UNAUTHORIZED => ApiError::unauthenticated(),
        StatusCode::TOO_MANY_REQUESTS => ApiError::rate_limited(120, retry_after.unwrap_or(28), false),
        _ => ApiError {
            status,
            message: "Simulated failure".to_owned(),
            retry_after,
        },
    };
    error.into_response()
}
