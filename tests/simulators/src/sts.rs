//! A front of an emulator's STS: the world says which role may be assumed with which external id, as a trust policy does, and the
//! emulator hands out the credentials, by which its other services tell accounts apart.
//!
//! ```text
//! request ─► Front (name, fault, record) ─► trust, by the roles of the world ─► upstream
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::clock::Clock;
use crate::ec2::Ec2;
use crate::front::{Front, Operation};
use crate::recorder::{Api, Recorder};
use crate::upstream::{self, Upstream};

const REQUEST_ID: &str = "5a1e0000-0000-4000-8000-000000000057";
/// Keys of session tags that the trust of `infra/consumer-role.yaml` lets in.
const TAG_PREFIX: &str = "privatelink-workflow:";

/// The front. Clones share the sessions.
#[derive(Debug, Clone)]
pub struct Sts {
    ec2: Ec2,
    clock: Clock,
    recorder: Recorder,
    upstream: Upstream,
    sessions: Arc<Mutex<BTreeSet<Session>>>,
    secrets: Arc<Mutex<Vec<String>>>,
}

/// A role that was assumed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    pub role_arn: String,
    pub name: String,
    pub tags: BTreeMap<String, String>,
}

impl Sts {
    /// `ec2`: whose world has the roles. `upstream`: the emulator's address, as `http://127.0.0.1:4566`.
    pub fn new(ec2: Ec2, clock: Clock, recorder: Recorder, upstream: &str) -> Self {
        Self {
            ec2,
            clock,
            recorder,
            upstream: Upstream::new(upstream),
            sessions: Arc::default(),
            secrets: Arc::default(),
        }
    }

    /// The whole API, behind the recorder and the faults.
    pub fn router(&self) -> Router {
        Front {
            api: Api::Sts,
            clock: self.clock,
            recorder: self.recorder.clone(),
            operation,
            error: for_fault,
        }
        .wrap(Router::new().fallback(answer).with_state(self.clone()))
    }

    /// The sessions so far, each once.
    pub fn sessions(&self) -> Vec<Session> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().cloned().collect()
    }

    /// The secret access keys and the tokens of the sessions so far: what nobody may ever show.
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What `AssumeRole` answers before the emulator is asked.
    fn assume(&self, form: &BTreeMap<String, String>) -> Result<(), Refused> {
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let session = Session {
            role_arn: get("RoleArn").to_owned(),
            name: get("RoleSessionName").to_owned(),
            tags: tags(form),
        };
        let role_arn = &session.role_arn;
        let (account, role) =
            role(role_arn).ok_or_else(|| Refused::invalid(format!("{role_arn} is invalid at 'roleArn'")))?;
        if !is_session_name(&session.name) {
            return Err(Refused::invalid(format!(
                "Value '{}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
                session.name
            )));
        }
        if let Some(value) = session.tags.values().find(|value| !is_tag_value(value)) {
            return Err(Refused::invalid(format!("Value '{value}' at 'tags' is invalid")));
        }
        let denied = |action: &str| Refused {
            status: 403,
            code: "AccessDenied",
            message: format!("User is not authorized to perform: sts:{action} on resource: {role_arn}"),
        };
        let trusted = self.ec2.with_world(|world| {
            let known = world.accounts.get(account).and_then(|account| account.roles.get(role));
            known.is_some_and(|known| known.external_id == get("ExternalId"))
        });
        if !trusted {
            return Err(denied("AssumeRole"));
        }
        if session.tags.keys().any(|key| !key.starts_with(TAG_PREFIX)) {
            return Err(denied("TagSession"));
        }
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session);
        Ok(())
    }
}

impl Sts {
    /// Tells EC2 whose the new access key is: it would ask the emulator, for each session anew.
    async fn remember_key(&self, form: &BTreeMap<String, String>, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let bytes = match to_bytes(body, usize::MAX).await {
            Ok(bytes) => bytes,
            Err(failure) => return error(502, "InternalFailure", &upstream::no_answer(&failure)),
        };
        let text = String::from_utf8_lossy(&bytes);
        let element = |name: &str| {
            let (_, after) = text.split_once(&format!("<{name}>"))?;
            Some(after.split_once(&format!("</{name}>"))?.0)
        };
        let secrets = ["SecretAccessKey", "SessionToken"]
            .iter()
            .filter_map(|name| element(name));
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(secrets.map(str::to_owned));
        let key = element("AccessKeyId");
        if let (Some(key), Some((account, _))) = (key, form.get("RoleArn").and_then(|arn| role(arn))) {
            self.ec2.with_world(|world| {
                world.access_keys.insert(key.to_owned(), account.to_owned());
            });
        }
        Response::from_parts(parts, Body::from(bytes))
    }
}

struct Refused {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refused {
    fn invalid(message: String) -> Self {
        Self {
            status: 400,
            code: "ValidationError",
            message,
        }
    }
}

/// Account and name of `arn:aws:iam::<account>:role/<path/><name>`.
fn role(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", account, resource] = parts[..] else {
        return None;
    };
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    (!name.is_empty()).then_some((account, name))
}

fn is_session_name(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

fn is_tag_value(value: &str) -> bool {
    value.chars().count() <= 256
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
}

fn tags(form: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    (1..)
        .map_while(|n| {
            let key = form.get(&format!("Tags.member.{n}.Key"))?;
            let value = form.get(&format!("Tags.member.{n}.Value"))?;
            Some((key.clone(), value.clone()))
        })
        .collect()
}

fn parse(body: &Bytes) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn operation(_: &Parts, body: &Bytes) -> Operation {
    Operation {
        name: parse(body).remove("Action").unwrap_or_else(|| "none".to_owned()),
        // Credentials change nothing by themselves.
        write: false,
    }
}

async fn answer(State(sts): State<Sts>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form = parse(&body);
    if form.get("Action").map(String::as_str) == Some("AssumeRole")
        && let Err(refused) = sts.assume(&form)
    {
        return error(refused.status, refused.code, &refused.message);
    }
    match sts.upstream.forward(&method, &uri, &headers, &body).await {
        Ok(response) => sts.remember_key(&form, response).await,
        Err(failure) => error(502, "InternalFailure", &upstream::no_answer(&failure)),
    }
}

fn for_fault(status: u16, retry_after: Option<u64>) -> Response {
    let (code, message) = match (status, retry_after) {
        (_, Some(_)) | (429, None) => ("Throttling", "Rate exceeded"),
        (401 | 403, None) => ("AccessDenied", "User is not authorized to perform: sts:AssumeRole"),
        (503, None) => ("ServiceUnavailable", "Service is unavailable. Please try again."),
        (400..500, None) => ("ValidationError", "1 validation error detected"),
        _ => ("InternalFailure", "An internal error has occurred."),
    };
    error(status, code, message)
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    );
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (CONTENT_TYPE, "text/xml"),
        (http::HeaderName::from_static("x-amzn-requestid"), REQUEST_ID),
    ];
    (status, headers, body).into_response()
}
