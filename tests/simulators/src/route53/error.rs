//! Route 53's errors in its XML. The codes are those of its API model.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

const REQUEST_ID: &str = "5a1e0000-0000-4000-8000-000000000053";

pub(super) fn response(status: u16, code: &str, message: &str) -> Response {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    );
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (CONTENT_TYPE, "text/xml"),
        (http::HeaderName::from_static("x-amzn-requestid"), REQUEST_ID),
    ];
    (status, headers, body).into_response()
}

/// The error that a fault asked for by its status. Route 53 never says how long to wait; what should be waited for is its
/// throttle, which it answers with 400.
pub(super) fn for_fault(status: u16, retry_after: Option<u64>) -> Response {
    let (code, message) = match (status, retry_after) {
        (_, Some(_)) | (429, None) => ("Throttling", "Rate exceeded"),
        (400, None) => ("InvalidInput", "The input is not valid."),
        (401 | 403, None) => ("AccessDenied", "User is not authorized to perform this operation."),
        (404, None) => ("NoSuchHostedZone", "No hosted zone found with the ID given."),
        (409, None) => (
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with this caller reference.",
        ),
        (503, None) => ("ServiceUnavailable", "Service is unavailable. Please try again."),
        _ => ("InternalFailure", "An internal error has occurred."),
    };
    response(status, code, message)
}
