//! The one HTTP client: the vendors' APIs and the AWS SDK travel over it, on one TLS stack.

mod lanes;
mod tls;

use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{IntoUrl, Method, Request, RequestBuilder, StatusCode, redirect};

use secrecy::SecretString;

use lanes::Lanes;
pub use tls::Tls;

use crate::{Error, ErrorName, Result, redact};

/// Below every function's own time-out, so that a silent remote becomes a named error and not a killed function.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The whole exchange, body included.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);
/// The vendors' answers are kilobytes; a service with many components some hundred.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Of a field in an answer, for a message.
const MAX_PATH_CHARS: usize = 120;

/// A client for one invocation: a frozen and thawed function would reuse dead sockets, so none outlives its invocation.
///
/// It follows no redirect, so that a token never travels to a host that the stack does not name. To each host it has one
/// connection, see [`lanes`].
#[derive(Debug, Clone)]
pub struct Client {
    client: reqwest::Client,
    lanes: Lanes,
}

impl Client {
    /// # Errors
    /// `Unexpected` when the client cannot be built.
    pub fn new(tls: &Tls, function: &str) -> Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.config())
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .user_agent(format!(
                "privatelink-workflow/{} ({function})",
                env!("CARGO_PKG_VERSION")
            ))
            .build()
            .map_err(|e| {
                Error::unexpected(format!(
                    "the HTTP client cannot be built ({e}): this is a defect of the workflow."
                ))
            })?;
        Ok(Self {
            client,
            lanes: Lanes::default(),
        })
    }

    /// A request to fill in and hand to [`Client::send`].
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request and reads the whole answer, of whatever status.
    ///
    /// `what` names the call for errors: "Aiven GET /v1/project/p/service/s".
    ///
    /// # Errors
    /// `Unavailable` when there is no answer, or it is cut off; `Unexpected` when it is too large.
    pub async fn send(&self, request: RequestBuilder, what: &str) -> Result<Answer> {
        let request = request.build().map_err(|error| transport(&error.into(), what))?;
        let answer = self.exchange(request, MAX_BODY_BYTES).await;
        answer.map_err(|error| transport(&error, what))
    }

    /// One request and its whole answer, when it is its turn. Of the body no more than `max` bytes are ever held.
    pub(crate) async fn exchange(&self, request: Request, max: usize) -> Result<Answer, Broken> {
        let turn = self.lanes.turn(request.url(), TOTAL_TIMEOUT).await;
        let _turn = turn.ok_or(Broken::Timeout)?;
        let mut response = self.client.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > max {
                return Err(Broken::TooLarge(status, TooLarge(max)));
            }
            body.extend_from_slice(&chunk);
        }
        drop(response);
        // The connection's own task puts it back: whoever is next would otherwise find none, and make another.
        tokio::task::yield_now().await;
        Ok(Answer { status, headers, body })
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The others at the same host took all the time.
    Timeout,
    TooLarge(StatusCode, TooLarge),
    Transport(reqwest::Error),
}

/// A body of more bytes than this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooLarge(pub(crate) usize);

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer has more than {} bytes", self.0)
    }
}

impl std::error::Error for TooLarge {}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error)
    }
}

/// A whole answer, of whatever status.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

// Bodies can hold tokens and users' passwords.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The same without the credentials that it was asked with, in whatever of it may be shown. What holds another comes before it.
    #[must_use]
    pub fn without(self, secrets: &[&SecretString]) -> Self {
        Self {
            body: redact::json_body(self.body, secrets),
            ..self
        }
    }

    /// The first of these headers that is there and readable.
    pub fn header(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .find_map(|name| self.headers.get(*name))
            .and_then(|value| value.to_str().ok())
    }

    /// `Retry-After` in seconds. The date form is not read: no vendor here sends it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(&["retry-after"])?
            .trim()
            .parse()
            .ok()
            .map(Duration::from_secs)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `Unavailable` when it is no JSON or has not the shape: a proxy's page or a truncated body, which another try mends.
    pub fn json<T: serde::de::DeserializeOwned>(&self, what: &str) -> Result<T> {
        let mut read = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut read).map_err(|error| self.unreadable(&error, what))?;
        match read.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(Error::new(
                ErrorName::Unavailable,
                format!(
                    "{what} answered {} with more than one JSON value; it is tried again.",
                    self.status
                ),
            )),
        }
    }

    /// Fields and positions alone: the text at them may be a secret.
    fn unreadable(&self, error: &serde_path_to_error::Error<serde_json::Error>, what: &str) -> Error {
        let inner = error.inner();
        let (name, why) = if inner.is_data() {
            let field = field(&error.path().to_string(), &inner.to_string());
            (
                ErrorName::Unexpected,
                format!(
                    "{field}; the answer has not the documented shape: report it to the maintainers of this workflow"
                ),
            )
        } else {
            (
                ErrorName::Unavailable,
                "the answer is not JSON or was cut off, as a proxy in between may do; it is tried again".to_owned(),
            )
        };
        let (status, line, column) = (self.status, inner.line(), inner.column());
        Error::new(
            name,
            format!("{what} answered {status} with a body that cannot be read (line {line}, column {column}): {why}."),
        )
    }
}

/// What is wrong with which field, of serde's words only those that are in no answer. `path`: of the value that was being read.
fn field(path: &str, words: &str) -> String {
    let path: String = path.chars().take(MAX_PATH_CHARS).collect();
    let at = if path == "." { String::new() } else { path };
    if let Some((name, _)) = words
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split_once('`'))
    {
        let dot = if at.is_empty() { "" } else { "." };
        return format!("the field \"{at}{dot}{name}\" is missing");
    }
    let expected = words.rsplit_once(", expected ").map(|(_, expected)| expected);
    let expected = expected.and_then(|expected| expected.split(" at line ").next());
    let place = if at.is_empty() {
        "the whole".to_owned()
    } else {
        format!("the field \"{at}\"")
    };
    match expected {
        Some(expected) => format!("{place} is not {expected}"),
        None => format!("{place} is wrong"),
    }
}

/// In our words, without the URL (its query is the caller's business) and without any header.
fn transport(broken: &Broken, what: &str) -> Error {
    let (why, cause) = match broken {
        Broken::TooLarge(status, TooLarge(max)) => {
            return Error::unexpected(format!(
                "{what} answered {status} with more than {max} bytes, which no documented answer has."
            ));
        }
        Broken::Timeout => ("no answer came in time", "the calls before it took too long".to_owned()),
        Broken::Transport(error) if error.is_connect() => ("the connection could not be made", root_cause(error)),
        Broken::Transport(error) if error.is_timeout() => ("no answer came in time", root_cause(error)),
        Broken::Transport(error) => ("the connection broke before the answer was whole", root_cause(error)),
    };
    Error::new(
        ErrorName::Unavailable,
        format!(
            "{what}: {why} ({cause}). It is tried again; if it stays, check the function's way to that host and the vendor's status page.",
        ),
    )
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
