//! HCP's errors in our names.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::http::Answer;
use crate::{Error, ErrorName};

/// Characters of a vendor's message that are shown.
const MESSAGE_LENGTH: usize = 500;
/// `X-Ratelimit-Reset` is in seconds to wait; a larger number would be a time of day, which is not what is documented.
const MAX_RESET_SECONDS: u64 = 3600;

/// A call without the wanted answer: our error, and HCP's status where HCP answered.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    status: Option<StatusCode>,
}

impl Failure {
    /// What the path names is not there.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == Some(StatusCode::NOT_FOUND)
    }

    /// Something is there already, or is being changed by another.
    pub(super) fn is_conflict(&self) -> bool {
        self.status == Some(StatusCode::CONFLICT)
    }

    /// HCP refused what the call asks for, as things stand: another state of the same things may be fine.
    pub(super) fn is_refusal(&self) -> bool {
        self.is_not_found() || self.is_conflict() || self.status == Some(StatusCode::BAD_REQUEST)
    }

    /// The credentials themselves are wrong.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.status == Some(StatusCode::UNAUTHORIZED)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, status: None }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The table: HTTP status, gRPC code and message to our name.
///
/// HCP has published no message for the rules of PrivateLink services, and only the codes of grpc-gateway are known.
fn name_of(status: u16, code: Option<i64>, message: &str) -> ErrorName {
    match (status, code) {
        (429, _) | (_, Some(8)) if is_limit(message) => ErrorName::LimitExceeded,
        // "this request has exceeded the rate limit of 200 requests per minute for your org, try again in 60 seconds"
        (429, _) | (_, Some(8)) => ErrorName::Throttled,
        (500..=599, _) => ErrorName::Unavailable,
        // Code 7 comes with an empty message (hashicorp/terraform-provider-hcp#398).
        (401 | 403, _) => ErrorName::Denied,
        (404, _) => ErrorName::InvalidRequest,
        // "Consumer accounts: 10 per PrivateLink service", "Consumer IP ranges: 15 per PrivateLink service" (the guide)
        (400 | 409, _) if is_limit(message) => ErrorName::LimitExceeded,
        // 10 is ABORTED: a clash with another change, which another try mends.
        (409, Some(10)) => ErrorName::Unavailable,
        // "PrivateLink must be in AVAILABLE state to perform an update operation", "PrivateLink Service ID must be unique within
        // HCP Project", "PrivateLink Service ID cannot exceed 36 characters" (the guide)
        (400 | 409, _) => ErrorName::InvalidRequest,
        _ => ErrorName::Unexpected,
    }
}

/// Whether a message is about a quota. Rates and lengths of names have limits too, and are none.
pub(super) fn is_limit(message: &str) -> bool {
    let message = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    has(&["limit", "quota", "at most", "maximum", "too many"]) && !has(&["rate limit", "requests per", "character"])
}

/// What to do about it.
fn advice(name: ErrorName, status: u16) -> &'static str {
    match (name, status) {
        (ErrorName::Throttled, _) => "It is tried again; if it stays, start fewer runs at once.",
        (ErrorName::Unavailable, _) => "It is tried again; if it stays, look at status.hashicorp.com.",
        (ErrorName::Denied, 401) => {
            "The token of a freshly read secret was refused too: put a working key of the service principal into the secret."
        }
        (ErrorName::Denied, _) => {
            "Give the service principal the role Contributor on the HCP project, and check organization_id and project_id."
        }
        (ErrorName::LimitExceeded, _) => {
            "Remove entries that are not needed, or have the limit raised by a support ticket to HashiCorp."
        }
        (ErrorName::InvalidRequest, 404) => "Correct the ids in the request: what this path names is not there.",
        (ErrorName::InvalidRequest, _) => "Correct the request, or what it names at HCP, and start again.",
        _ => "This answer is in no contract: report it to the maintainers of this workflow.",
    }
}

/// The failure for an answer of the API that is no success.
pub(super) fn refused(answer: &Answer, what: &str) -> Failure {
    let status = answer.status.as_u16();
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_i64);
    let message = ["message", "error"]
        .iter()
        .filter_map(|field| body.get(*field).and_then(Value::as_str))
        .find(|text| !text.trim().is_empty());
    let name = name_of(status, code, message.unwrap_or_default());
    let code = code.map(|code| format!(" (gRPC code {code})")).unwrap_or_default();
    // A body that is no JSON is some proxy's page and is never shown.
    let said = message.map_or_else(
        || "without a message".to_owned(),
        |text| format!("with \"{}\"", cut(text)),
    );
    let error = Error::new(
        name,
        format!("{what} answered {status}{code} {said}. {}", advice(name, status)),
    );
    Failure {
        error: error.after(retry_after(answer, name)),
        status: Some(answer.status),
    }
}

/// The failure for an answer of the token endpoint that is no success.
pub(super) fn no_token(answer: &Answer, what: &str) -> Failure {
    let status = answer.status.as_u16();
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    // RFC 6749, 5.2. Only a code is shown: a description could repeat what was sent.
    let code = body
        .as_ref()
        .and_then(|body| body.get("error"))
        .and_then(Value::as_str)
        .filter(|code| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    let bad_credentials =
        status == 401 || matches!(code, Some("invalid_client" | "invalid_grant" | "unauthorized_client"));
    let name = match status {
        _ if bad_credentials => ErrorName::Denied,
        429 => ErrorName::Throttled,
        // hashicorp/terraform-provider-hcp#624: a page that says "Forbidden", after many token requests
        403 if body.is_none() => ErrorName::Throttled,
        403 => ErrorName::Denied,
        500..=599 => ErrorName::Unavailable,
        _ => ErrorName::Unexpected,
    };
    let advice = match name {
        ErrorName::Denied => {
            "HCP does not accept the service principal's key: put a working {\"client_id\",\"client_secret\"} into the secret at /provider/secret_id."
        }
        name => advice(name, status),
    };
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    let error = Error::new(name, format!("{what} answered {status}{code}. {advice}"));
    Failure {
        error: error.after(retry_after(answer, name)),
        status: Some(if bad_credentials {
            StatusCode::UNAUTHORIZED
        } else {
            answer.status
        }),
    }
}

/// HCP's own wait. Answers that are no refusal for now carry `X-Ratelimit-Reset` too.
fn retry_after(answer: &Answer, name: ErrorName) -> Option<Duration> {
    if !name.is_retried() {
        return None;
    }
    answer.retry_after().or_else(|| {
        let seconds = answer.header(&["x-ratelimit-reset"])?.trim().parse().ok()?;
        (name == ErrorName::Throttled && seconds <= MAX_RESET_SECONDS).then(|| Duration::from_secs(seconds))
    })
}

/// A vendor's text, cut to a length that a person reads.
pub(super) fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MESSAGE_LENGTH) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use reqwest::header::HeaderMap;

    use super::*;

    const WHAT: &str = "HCP GET /network/2020-09-07/x";

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn each_answer_has_its_name() {
        let table = [
            (
                400,
                r#"{"code":3,"message":"invalid consumer account"}"#,
                ErrorName::InvalidRequest,
            ),
            (
                400,
                r#"{"code":9,"message":"not AVAILABLE"}"#,
                ErrorName::InvalidRequest,
            ),
            (
                400,
                r#"{"code":3,"message":"at most 10 consumer accounts are allowed"}"#,
                ErrorName::LimitExceeded,
            ),
            (
                400,
                r#"{"code":3,"message":"id cannot exceed the maximum of 36 characters"}"#,
                ErrorName::InvalidRequest,
            ),
            (401, r#"{"code":16,"message":"invalid token"}"#, ErrorName::Denied),
            (403, r#"{"code":7,"message":"","details":[]}"#, ErrorName::Denied),
            (404, r#"{"code":5,"message":"not found"}"#, ErrorName::InvalidRequest),
            (404, "<html>nginx</html>", ErrorName::InvalidRequest),
            (
                409,
                r#"{"code":6,"message":"HVN with this ID already exists"}"#,
                ErrorName::InvalidRequest,
            ),
            (
                409,
                r#"{"code":10,"message":"concurrent change"}"#,
                ErrorName::Unavailable,
            ),
            (
                409,
                r#"{"code":6,"message":"quota of private links reached"}"#,
                ErrorName::LimitExceeded,
            ),
            (
                429,
                r#"{"code":8,"message":"this request has exceeded the rate limit of 200 requests per minute for your org"}"#,
                ErrorName::Throttled,
            ),
            (
                429,
                r#"{"code":8,"message":"at most 10 consumer accounts are allowed"}"#,
                ErrorName::LimitExceeded,
            ),
            (429, "", ErrorName::Throttled),
            (500, r#"{"code":13,"message":"boom"}"#, ErrorName::Unavailable),
            (503, "<html>upstream</html>", ErrorName::Unavailable),
            (504, "", ErrorName::Unavailable),
            (301, "", ErrorName::Unexpected),
            (418, r#"{"message":"teapot"}"#, ErrorName::Unexpected),
        ];
        for (status, body, name) in table {
            assert_eq!(
                refused(&answer(status, &[], body), WHAT).error.name,
                name,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_message_names_vendor_call_status_code_and_words() {
        let error = refused(
            &answer(
                400,
                &[],
                r#"{"error":"e","code":9,"message":"not AVAILABLE","details":[]}"#,
            ),
            WHAT,
        )
        .error;
        assert!(
            error
                .message
                .starts_with("HCP GET /network/2020-09-07/x answered 400 (gRPC code 9) with \"not AVAILABLE\". "),
            "{error}"
        );
        let error = refused(
            &answer(400, &[], r#"{"error":"only this","code":3,"message":""}"#),
            WHAT,
        )
        .error;
        assert!(error.message.contains("\"only this\""), "{error}");
    }

    #[test]
    fn pages_are_never_shown() {
        let error = refused(&answer(503, &[], "<html>secret stuff</html>"), WHAT).error;
        assert!(!error.message.contains("secret stuff"), "{error}");
        let error = no_token(&answer(403, &[], "<html>secret stuff</html>"), WHAT).error;
        assert!(!error.message.contains("secret stuff"), "{error}");
    }

    #[test]
    fn the_remotes_own_wait_is_kept_for_what_is_retried() {
        let throttled = refused(
            &answer(429, &[("x-ratelimit-limit", "200"), ("x-ratelimit-reset", "42")], ""),
            WHAT,
        )
        .error;
        assert_eq!(throttled.retry_after, Some(Duration::from_secs(42)));
        let both = refused(
            &answer(429, &[("x-ratelimit-reset", "42"), ("retry-after", "7")], ""),
            WHAT,
        )
        .error;
        assert_eq!(both.retry_after, Some(Duration::from_secs(7)));
        let busy = refused(&answer(503, &[("retry-after", "5")], ""), WHAT).error;
        assert_eq!(busy.retry_after, Some(Duration::from_secs(5)));
        let epoch = refused(&answer(429, &[("x-ratelimit-reset", "1790000000")], ""), WHAT).error;
        assert_eq!(epoch.retry_after, None);
        let wrong = refused(&answer(400, &[("x-ratelimit-reset", "42")], ""), WHAT).error;
        assert_eq!(wrong.retry_after, None);
    }

    #[test]
    fn token_answers_have_their_names() {
        let table = [
            (
                401,
                r#"{"error":"invalid_client","error_description":"Client authentication failed"}"#,
                ErrorName::Denied,
                true,
            ),
            (401, "", ErrorName::Denied, true),
            (400, r#"{"error":"invalid_client"}"#, ErrorName::Denied, true),
            (403, r#"{"error":"access_denied"}"#, ErrorName::Denied, false),
            (403, "<html>Forbidden</html>", ErrorName::Throttled, false),
            (429, "", ErrorName::Throttled, false),
            (502, "<html></html>", ErrorName::Unavailable, false),
            (400, r#"{"error":"invalid_request"}"#, ErrorName::Unexpected, false),
        ];
        for (status, body, name, read_again) in table {
            let failure = no_token(&answer(status, &[], body), "HCP POST /oauth2/token");
            assert_eq!(
                (failure.error.name, failure.is_unauthorized()),
                (name, read_again),
                "{status} {body}"
            );
            assert!(
                !failure.error.message.contains("authentication failed"),
                "{}",
                failure.error
            );
        }
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(cut(&"ä".repeat(600)), format!("{}…", "ä".repeat(500)));
        assert_eq!(cut(" short "), "short");
    }
}
