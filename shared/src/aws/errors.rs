//! One table from AWS's error codes to our names.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_types::request_id::RequestId;

use crate::http::TooLarge;
use crate::{Error, ErrorName, redact};

/// AWS's messages are sentences; what is longer helps nobody.
const MAX_MESSAGE_CHARS: usize = 1500;

/// The service's error code, if it answered with one.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// An SDK error in our names, with the code, the message and the request id. `doing`: "creating the endpoint".
pub fn error<E>(error: &SdkError<E, HttpResponse>, doing: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no error code");
            let message = readable(service.err().message().unwrap_or("no message"));
            let status = service.raw().status().as_u16();
            let request = service.raw().request_id().unwrap_or("unknown");
            let name = name_of(code, status);
            Error::new(
                name,
                format!(
                    "{doing}: AWS answered {code} (HTTP {status}, request {request}): {message}{}",
                    advice(name)
                ),
            )
        }
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(is_too_large) => {
            Error::unexpected(format!(
                "{doing}: AWS's answer is larger than any that this call is documented to have, and was not read to its end."
            ))
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => Error::new(
            ErrorName::Unavailable,
            format!(
                "{doing}: no answer from AWS. It is tried again; if it stays, check the function's way to the AWS endpoint."
            ),
        ),
        SdkError::ResponseError(_) => Error::new(
            ErrorName::Unavailable,
            format!("{doing}: AWS's answer was cut off or not readable. It is tried again."),
        ),
        _ => Error::unexpected(format!(
            "{doing}: the call to AWS could not be made; this is a defect of the workflow or of its environment (credentials, region)."
        )),
    }
}

fn is_too_large(error: &ConnectorError) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<TooLarge>())
}

/// An error that AWS put into an answer of HTTP 200, as in the `unsuccessful` of `DeleteVpcEndpoints`.
pub fn error_in_answer(code: &str, message: &str, doing: &str) -> Error {
    let name = name_of(code, 200);
    let message = readable(message);
    Error::new(name, format!("{doing}: AWS answered {code}: {message}{}", advice(name)))
}

/// Codes of EC2, Route 53, Secrets Manager, STS and the common ones.
fn name_of(code: &str, status: u16) -> ErrorName {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "BandwidthLimitExceeded"
        | "SlowDown"
        | "PriorRequestNotComplete" => ErrorName::Throttled,
        // A service made seconds ago answers `Unavailable`.
        "Unavailable"
        | "ServiceUnavailable"
        | "InternalError"
        | "InternalFailure"
        | "InternalServiceError"
        | "RequestTimeout" => ErrorName::Unavailable,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "OptInRequired"
        | "Blocked"
        | "PendingVerification"
        // STS is switched off for the function's region in the role's account.
        | "RegionDisabledException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken" => ErrorName::Denied,
        "InsufficientFreeAddressesInSubnet" | "HostedZoneLimitExceeded" | "TooManyHostedZones" | "LimitsExceeded" => {
            ErrorName::LimitExceeded
        }
        code if code.ends_with("LimitExceeded") => ErrorName::LimitExceeded,
        "InvalidServiceName"
        | "InvalidParameter"
        | "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "InvalidParameterException"
        | "MissingParameter"
        | "DuplicateSubnetsInSameZone"
        | "InvalidVPCId"
        | "ConflictingDomainExists"
        | "InvalidInput"
        | "ValidationException" => ErrorName::InvalidRequest,
        code if code.starts_with("Invalid") && (code.ends_with(".NotFound") || code.ends_with(".Malformed")) => {
            ErrorName::InvalidRequest
        }
        _ if status == 429 => ErrorName::Throttled,
        _ if status >= 500 => ErrorName::Unavailable,
        _ => ErrorName::Unexpected,
    }
}

/// A sentence without anything of the request's signature: EC2 appends kilobytes of encoded text that only `sts:DecodeAuthorizationMessage` can read, and STS ends without a
/// full stop.
fn readable(message: &str) -> String {
    let message = redact::aws_message(message);
    let text = message.split("Encoded authorization failure message").next();
    let text: String = text.unwrap_or(message).trim().chars().take(MAX_MESSAGE_CHARS).collect();
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{text}{end}")
}

fn advice(name: ErrorName) -> &'static str {
    match name {
        ErrorName::Denied => {
            " Give the function's role that right, or look for a service control policy that takes it away."
        }
        ErrorName::LimitExceeded => " Remove something that is not needed, or have the quota raised.",
        ErrorName::InvalidRequest => " Correct the request or the resource it names, then start again.",
        ErrorName::Throttled | ErrorName::Unavailable => " It is tried again.",
        ErrorName::Rejected | ErrorName::TimedOut | ErrorName::Unexpected => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_names() {
        for (code, status, name) in [
            ("RequestLimitExceeded", 503, ErrorName::Throttled),
            ("Throttling", 400, ErrorName::Throttled),
            ("PriorRequestNotComplete", 400, ErrorName::Throttled),
            ("Unavailable", 503, ErrorName::Unavailable),
            ("SomethingNew", 500, ErrorName::Unavailable),
            ("SomethingNew", 429, ErrorName::Throttled),
            ("UnauthorizedOperation", 403, ErrorName::Denied),
            ("AccessDeniedException", 400, ErrorName::Denied),
            ("VpcEndpointLimitExceeded", 400, ErrorName::LimitExceeded),
            ("InsufficientFreeAddressesInSubnet", 400, ErrorName::LimitExceeded),
            ("InvalidSubnetID.NotFound", 400, ErrorName::InvalidRequest),
            ("InvalidVpcId.Malformed", 400, ErrorName::InvalidRequest),
            ("DuplicateSubnetsInSameZone", 400, ErrorName::InvalidRequest),
            ("SomethingNew", 400, ErrorName::Unexpected),
        ] {
            assert_eq!(name_of(code, status), name, "{code} with {status}");
        }
    }

    #[test]
    fn an_error_inside_an_answer_has_the_same_name() {
        let error = error_in_answer("UnauthorizedOperation", "No.", "deleting the endpoint vpce-1");
        assert_eq!(error.name, ErrorName::Denied);
        assert!(
            error
                .message
                .starts_with("deleting the endpoint vpce-1: AWS answered UnauthorizedOperation: No.")
        );
    }

    #[test]
    fn messages_are_sentences_without_encoded_text() {
        let text = "You are not authorized to perform this operation. Encoded authorization failure message: Wqk0rLx";
        assert_eq!(readable(text), "You are not authorized to perform this operation.");
        assert_eq!(
            readable("not authorized on resource: x"),
            "not authorized on resource: x."
        );
    }
}
