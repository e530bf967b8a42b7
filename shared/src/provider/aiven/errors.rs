//! One table from Aiven's refusals to our names.

use std::time::Duration;

use reqwest::StatusCode;

use super::wire::ErrorAnswer;
use crate::http::Answer;
use crate::{Error, ErrorName};

/// Aiven's messages are a sentence; what is longer helps nobody.
const MAX_MESSAGE_CHARS: usize = 300;

/// Why a call did not do what it was for.
#[derive(Debug)]
pub(super) enum Failure {
    /// Aiven answered, but not with success.
    Refused(Refusal),
    /// There is no answer, or none that can be read, or no credential to ask with.
    Failed(Error),
}

impl Failure {
    /// Aiven knows no such thing.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND
            && refusal.name() == ErrorName::InvalidRequest)
    }

    /// Aiven knows no such thing, or has just made it: its API is eventually consistent, and a new object answers 404 or 403
    /// for a while (Aiven's Terraform provider and operator wait out both).
    pub(super) fn is_absent_or_new(&self) -> bool {
        self.is_absent() || matches!(self, Self::Refused(refusal) if refusal.status == StatusCode::FORBIDDEN)
    }

    /// What Aiven said, where something else is going on at the same resource and it is to be looked at again.
    pub(super) fn conflict(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal)
                if refusal.status == StatusCode::CONFLICT && refusal.name() == ErrorName::Unavailable =>
            {
                Some(&refusal.message)
            }
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Failed(error) => error,
        }
    }
}

/// Aiven's answer to a call that it did not serve.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The call: `Aiven GET /v1/project/p/service/s`.
    what: String,
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an answer that is no success. A body that is not Aiven's (a proxy's page) is left out.
    pub(super) fn read(answer: &Answer, what: &str) -> Self {
        let body: ErrorAnswer = serde_json::from_slice(&answer.body).unwrap_or_default();
        let message = one_line(&body.message);
        Self {
            what: what.to_owned(),
            status: answer.status,
            retry_after: answer.retry_after().or_else(|| try_again_in(&message)),
            message,
        }
    }

    fn name(&self) -> ErrorName {
        name_of(self.status.as_u16(), &self.message)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let name = refusal.name();
        let status = refusal.status.as_u16();
        let said = if refusal.message.is_empty() {
            "no message of Aiven's"
        } else {
            refusal.message.trim_end_matches('.')
        };
        let text = format!("{} answered {status}: {said}. {}", refusal.what, advice(name, status));
        let error = match field_of(name, status, &refusal.message) {
            Some(path) => Self::invalid_at(path, text),
            None => Self::new(name, text),
        };
        error.after(refusal.retry_after.filter(|_| name.is_retried()))
    }
}

/// The table. Aiven documents neither its messages nor most of its codes, so that the status decides unless a message is known.
fn name_of(status: u16, message: &str) -> ErrorName {
    match status {
        // "The user has sent too many requests in a given amount of time: Rate limit 120 exceeded - try again in 28s"
        429 => ErrorName::Throttled,
        // Aiven's own Go client tries 408 and every 5xx again, 501 as well.
        408 | 500..=599 => ErrorName::Unavailable,
        401 | 403 => ErrorName::Denied,
        // "User avnadmin with component main not found": Aiven's own clients try it again.
        404 if message.contains("with component main not found") => ErrorName::Unavailable,
        404 => ErrorName::InvalidRequest,
        400 | 409 | 422 if speaks_of_a_limit(message) => ErrorName::LimitExceeded,
        // "Project VPC <id> is in state APPROVED, not ACTIVE"
        409 if message.contains("not ACTIVE") => ErrorName::InvalidRequest,
        // "… already exists", and whatever cannot be done while something else goes on.
        409 => ErrorName::Unavailable,
        // "Service name must consist of 1-64 alphanumerical characters"
        400 | 422 => ErrorName::InvalidRequest,
        _ => ErrorName::Unexpected,
    }
}

/// As a word: "limited availability" is no limit.
fn speaks_of_a_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("too many")
        || message.contains("maximum number")
        || message
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| matches!(word, "limit" | "limits" | "quota" | "quotas"))
}

/// The field of the request whose target it is about, where the answer tells.
fn field_of(name: ErrorName, status: u16, message: &str) -> Option<&'static str> {
    if name != ErrorName::InvalidRequest {
        return None;
    }
    let message = message.to_ascii_lowercase();
    match status {
        404 if message.contains("project") && !message.contains("service") => Some("/provider/project"),
        404 | 409 => Some("/provider/service_name"),
        _ => None,
    }
}

fn advice(name: ErrorName, status: u16) -> &'static str {
    match name {
        ErrorName::Throttled => "It is tried again later.",
        ErrorName::Unavailable => "It is tried again; if it stays, look at Aiven's status page.",
        ErrorName::Denied if status == 401 => {
            "The token in the request's secret is not valid, nor was it after reading the secret again: put a new token into it."
        }
        ErrorName::Denied => {
            "Give the token's user the permissions project:services:read and service:configuration:write in that project."
        }
        ErrorName::InvalidRequest if status == 404 => {
            "Correct the name, or take a token of a user who is a member of that project."
        }
        ErrorName::InvalidRequest => "Correct the request, or the service that it names, then start again.",
        ErrorName::LimitExceeded => "Remove what is not needed any more, or ask Aiven to raise the limit.",
        ErrorName::Rejected | ErrorName::TimedOut | ErrorName::Unexpected => {
            "No contract knows this answer: report it to the maintainers of this workflow."
        }
    }
}

/// The seconds in "… - try again in 28s".
fn try_again_in(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again in ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = rest.split_at(end);
    if !unit.trim_start().starts_with('s') {
        return None;
    }
    number.parse().ok().map(Duration::from_secs)
}

fn one_line(message: &str) -> String {
    message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_MESSAGE_CHARS)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    use super::*;

    const WHAT: &str = "Aiven GET /v1/project/p/service/s";

    fn refusal(status: u16, message: &str) -> Refusal {
        let body = serde_json::json!({"message": message, "errors": [{"message": message, "status": status}]});
        Refusal::read(&answer(status, body.to_string()), WHAT)
    }

    fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap_or_default(),
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    #[test]
    fn every_refusal_has_its_name() {
        for (status, message, name) in [
            (429, "Rate limit 120 exceeded - try again in 28s", ErrorName::Throttled),
            (500, "Internal server error", ErrorName::Unavailable),
            (503, "", ErrorName::Unavailable),
            (408, "", ErrorName::Unavailable),
            (501, "", ErrorName::Unavailable),
            (401, "Invalid token", ErrorName::Denied),
            (403, "Not allowed", ErrorName::Denied),
            (404, "Service does not exist", ErrorName::InvalidRequest),
            (
                404,
                "User avnadmin with component main not found",
                ErrorName::Unavailable,
            ),
            (409, "PrivateLink already exists", ErrorName::Unavailable),
            (
                409,
                "Project VPC x is in state APPROVED, not ACTIVE",
                ErrorName::InvalidRequest,
            ),
            (409, "Quota of load balancers reached", ErrorName::LimitExceeded),
            (400, "Too many principals", ErrorName::LimitExceeded),
            (400, "The feature is in limited availability", ErrorName::InvalidRequest),
            (
                400,
                "Service name must consist of 1-64 alphanumerical characters",
                ErrorName::InvalidRequest,
            ),
            (302, "", ErrorName::Unexpected),
            (418, "", ErrorName::Unexpected),
        ] {
            assert_eq!(refusal(status, message).name(), name, "{status} {message}");
        }
    }

    #[test]
    fn an_error_says_who_what_and_why() {
        let error = Error::from(refusal(403, "Not a project member."));
        assert!(
            error
                .message
                .starts_with("Aiven GET /v1/project/p/service/s answered 403: Not a project member. Give"),
            "{}",
            error.message
        );
    }

    #[test]
    fn absence_names_the_field() {
        for (message, path) in [
            ("Project does not exist", "/provider/project: "),
            ("Service does not exist", "/provider/service_name: "),
            ("Project p has no service s", "/provider/service_name: "),
            ("", "/provider/service_name: "),
        ] {
            let error = Error::from(refusal(404, message));
            assert!(error.message.starts_with(path), "{}", error.message);
        }
    }

    #[test]
    fn the_wait_is_read_from_the_header_or_the_sentence() {
        let sentence =
            "The user has sent too many requests in a given amount of time: Rate limit 120 exceeded - try again in 28s";
        assert_eq!(
            Error::from(refusal(429, sentence)).retry_after,
            Some(Duration::from_secs(28))
        );

        let mut with_header = answer(503, "<html>");
        with_header.headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        let error = Error::from(Refusal::read(&with_header, WHAT));
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        assert!(!error.message.contains("html"), "{}", error.message);

        for other in [
            "try again in a while",
            "try again in ",
            "try again in 5m",
            "try again in 99999999999999999999s",
            "",
        ] {
            assert_eq!(try_again_in(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_caller_asks_of_a_failure() {
        let failure = |status, message| Failure::Refused(refusal(status, message));
        assert!(failure(404, "").is_absent());
        assert!(!failure(404, "User root with component main not found").is_absent());
        assert!(failure(403, "").is_absent_or_new());
        assert!(!failure(403, "").is_absent());
        assert_eq!(failure(409, "it already exists").conflict(), Some("it already exists"));
        assert_eq!(failure(409, "VPC x is in state APPROVED, not ACTIVE").conflict(), None);
        assert_eq!(failure(400, "already exists").conflict(), None);
    }

    #[test]
    fn a_message_stays_one_short_line() {
        let message = refusal(400, &format!("a\nb{}", "x".repeat(1000))).message;
        assert!(message.starts_with("a b"));
        assert_eq!(message.chars().count(), MAX_MESSAGE_CHARS);
    }
}
