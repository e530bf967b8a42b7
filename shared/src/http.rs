//! The one HTTP client: the vendors' APIs and the AWS SDK travel over it, on one TLS stack.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;

use crate::settings::Settings;
use crate::{Error, ErrorName, Result, redact};

/// Below every function's own time-out, so that a silent remote becomes a named error and not a killed function.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The whole exchange, body included.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);
/// The vendors' answers are kilobytes; a service with many components some hundred.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Of a field in an answer, for a message.
const MAX_PATH_CHARS: usize = 120;

/// Trust and protocol, made once in a process and shared by its clients.
#[derive(Clone)]
pub struct Tls(ClientConfig);

impl Tls {
    /// Trusts Mozilla's roots as compiled in (no file to read at a cold start), and the stack's extra CAs if it names any.
    ///
    /// # Errors
    /// `Unexpected` when the extra CA file cannot be read or holds no certificate.
    pub fn new(settings: &Settings) -> Result<Self> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(path) = &settings.extra_ca_file {
            let wrong = |why: String| {
                Error::unexpected(format!(
                    "the extra CA file {path} {why}: correct the stack's ExtraCaFile."
                ))
            };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|e| wrong(format!("cannot be read ({e})")))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|e| wrong(format!("is not PEM ({e})")))?;
                roots
                    .add(certificate)
                    .map_err(|e| wrong(format!("holds a certificate that is not a CA's ({e})")))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::unexpected(format!("TLS cannot be set up ({e}): this is a defect of the workflow.")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(config))
    }
}

/// A client for one invocation: a frozen and thawed function would reuse dead sockets, so none outlives its invocation.
///
/// It follows no redirect, so that a token never travels to a host that the stack does not name.
///
/// # Errors
/// `Unexpected` when the client cannot be built.
pub fn client(tls: &Tls, function: &str) -> Result<Client> {
    Client::builder()
        .tls_backend_preconfigured(tls.0.clone())
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
        })
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

/// Sends a request and reads the whole answer, of whatever status.
///
/// `what` names the call for errors: "Aiven GET /v1/project/p/service/s".
///
/// # Errors
/// `Unavailable` when there is no answer, or it is cut off; `Unexpected` when it is too large.
pub async fn send(request: RequestBuilder, what: &str) -> Result<Answer> {
    let mut response = request.send().await.map_err(|error| transport(&error, what))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = body(&mut response, MAX_BODY_BYTES).await.map_err(|error| match error {
        BodyError::Broken(error) => transport(&error, what),
        BodyError::TooLarge(_) => Error::unexpected(format!(
            "{what} answered {status} with more than {MAX_BODY_BYTES} bytes, which no documented answer has."
        )),
    })?;
    Ok(Answer { status, headers, body })
}

/// Why a body could not be read whole.
#[derive(Debug)]
pub(crate) enum BodyError {
    Broken(reqwest::Error),
    TooLarge(TooLarge),
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

/// The whole body, of which no more than `max` bytes are ever held.
pub(crate) async fn body(response: &mut Response, max: usize) -> std::result::Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > max {
            return Err(BodyError::TooLarge(TooLarge(max)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why there is no answer, without the URL (its query is the caller's business) and without any header.
fn transport(error: &reqwest::Error, what: &str) -> Error {
    let why = if error.is_connect() {
        "the connection could not be made"
    } else if error.is_timeout() {
        "no answer came in time"
    } else {
        "the connection broke before the answer was whole"
    };
    Error::new(
        ErrorName::Unavailable,
        format!(
            "{what}: {why} ({}). It is tried again; if it stays, check the function's way to that host and the vendor's status page.",
            root_cause(error)
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
