//! Errors that repeat what they were asked with, credential included: as a gateway in between may, and as AWS does with a signature that it
//! calculates otherwise (it shows the canonical request, with the session's token).

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use serde_json::json;

use crate::recorder::Api;

pub(crate) fn echo(api: Api, status: u16, parts: &Parts) -> Response {
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let authorization = header(AUTHORIZATION.as_str());
    let token = header("x-amz-security-token");
    let of_aws = format!(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing \
         method. The Canonical String for this request should have been 'POST\n/\n\nhost:x\nx-amz-security-token:{token}\n' with \
         Authorization={authorization}"
    );
    let (content_type, body) = match api {
        Api::Hcp | Api::Aiven => {
            let message = format!("this was not understood: {authorization}");
            let body = json!({
                "code": 3, "message": message, "error": message, "error_description": message, "details": [message],
                "errors": [{"message": message, "status": status}]
            });
            ("application/json", body.to_string())
        }
        Api::AwsJson => {
            let body = json!({"__type": "InvalidSignatureException", "message": of_aws});
            ("application/x-amz-json-1.1", body.to_string())
        }
        Api::Ec2 => (
            "text/xml",
            format!(
                "<Response><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>{of_aws}</Message></Error></Errors>\
                 <RequestID>echo</RequestID></Response>"
            ),
        ),
        Api::Route53 | Api::Sts => (
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>{of_aws}</Message></Error>\
                 <RequestId>echo</RequestId></ErrorResponse>"
            ),
        ),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}
