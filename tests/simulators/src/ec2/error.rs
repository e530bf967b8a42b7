//! EC2's errors: a status, a code and a message, in the XML that every SDK knows.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::xml::{REQUEST_ID, REQUEST_ID_HEADER, escape};

/// An error as EC2 tells it.
#[derive(Debug, Clone)]
pub(super) struct Ec2Error {
    status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Ec2Error {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// Status 400, as almost all of them.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(super) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameter", message)
    }

    pub(super) fn invalid_value(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValue", message)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::bad(
            "MissingParameter",
            format!("The request must contain the parameter {parameter}"),
        )
    }

    pub(super) fn invalid_action(action: &str, version: Option<&str>) -> Self {
        let version = version.unwrap_or("2016-11-15");
        Self::bad(
            "InvalidAction",
            format!("The action {action} is not valid for this web service (version {version})."),
        )
    }

    pub(super) fn auth_failure() -> Self {
        Self::new(
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        )
    }

    pub(super) fn dry_run() -> Self {
        Self::new(
            412,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        )
    }

    pub(super) fn request_limit() -> Self {
        Self::new(503, "RequestLimitExceeded", "Request limit exceeded.")
    }

    pub(super) fn unavailable() -> Self {
        Self::new(
            503,
            "Unavailable",
            "The service is unavailable. Please try again shortly.",
        )
    }

    pub(super) fn bad_gateway(message: impl Into<String>) -> Self {
        Self::new(502, "InternalError", message)
    }

    /// Also the answer to a caller whom the service does not allow: EC2 does not tell the two apart.
    pub(super) fn service_name(name: &str) -> Self {
        Self::bad(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{name}' does not exist"),
        )
    }

    pub(super) fn no_vpc(id: &str) -> Self {
        Self::bad("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"))
    }

    pub(super) fn no_subnet(id: &str) -> Self {
        Self::bad(
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{id}' does not exist"),
        )
    }

    pub(super) fn no_group(id: &str) -> Self {
        Self::bad(
            "InvalidGroup.NotFound",
            format!("The security group '{id}' does not exist"),
        )
    }

    pub(super) fn no_endpoint(id: &str) -> Self {
        Self::bad(
            "InvalidVpcEndpointId.NotFound",
            format!("The Vpc Endpoint Id '{id}' does not exist"),
        )
    }

    pub(super) fn same_zone(subnet_id: &str) -> Self {
        Self::bad(
            "DuplicateSubnetsInSameZone",
            format!(
                "Found another VPC endpoint subnet in the availability zone of {subnet_id}. VPC endpoint subnets should be in \
                 different availability zones supported by the VPC endpoint service."
            ),
        )
    }
}

impl IntoResponse for Ec2Error {
    fn into_response(self) -> Response {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>",
            self.code,
            escape(&self.message)
        );
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (
            status,
            [(CONTENT_TYPE, "text/xml;charset=UTF-8"), REQUEST_ID_HEADER],
            body,
        )
            .into_response()
    }
}

/// The error that a fault asked for by its status. EC2 never says how long to wait; a 503 that should be waited for is its
/// throttle.
pub(super) fn for_fault(status: u16, retry_after: Option<u64>) -> Response {
    let mut error = match (status, retry_after) {
        (401, _) => Ec2Error::auth_failure(),
        (403, _) => Ec2Error::bad(
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
        ),
        (429, _) | (503, Some(_)) => Ec2Error::request_limit(),
        (503, None) => Ec2Error::unavailable(),
        (500.., _) => Ec2Error::bad("InternalError", "An internal error has occurred"),
        _ => Ec2Error::invalid_value("Value is invalid for a parameter."),
    };
    error.status = status;
    error.into_response()
}
