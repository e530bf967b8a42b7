//! What every front has before it: the body is read, the call is named, the caller must have the rights to it, a fault may hit it, and it
//! is written down.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use http_body::Frame;

use crate::clock::Clock;
use crate::echo::echo;
use crate::process;
use crate::recorder::{Api, Asked, Call, FaultKind, Recorder, Rewrite};
use crate::rights::Rights;
use crate::server::{Cut, Peer};

/// Larger request bodies are refused with 413.
const MAX_BODY: usize = 1 << 20;
/// A body that takes longer to arrive is given up with 408.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The name of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// EC2's action, Route 53's operation, or the vendor's operation id.
    pub name: String,
    /// Creates, updates or deletes something.
    pub write: bool,
}

/// What the wrapper has to know of an API.
#[derive(Debug, Clone)]
pub struct Front {
    pub api: Api,
    pub clock: Clock,
    pub recorder: Recorder,
    /// Names a call by its head and body.
    pub operation: fn(&Parts, &Bytes) -> Operation,
    /// An error in the API's own form: status and, in seconds, what it says about trying again.
    pub error: fn(u16, Option<u64>) -> Response,
}

impl Front {
    /// Puts the wrapper before a router. Call it last, after all routes and the fallback are added.
    pub fn wrap(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, through))
    }

    fn note(&self, parts: &Parts, operation: &Operation, status: u16) {
        self.recorder.note(Call {
            api: self.api,
            operation: operation.name.clone(),
            write: operation.write,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            user_agent: parts
                .headers
                .get(USER_AGENT)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            status,
            at: self.clock.now(),
        });
    }
}

async fn through(State(front): State<Front>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let operation = (front.operation)(&parts, &body);
    if let Some(rights) = parts.extensions.get::<Rights>().cloned()
        && !rights.allow(front.api, &operation.name, &parts, &body).await
    {
        let refused = (front.error)(403, None);
        front.note(&parts, &operation, refused.status().as_u16());
        return refused;
    }
    let fault = front.recorder.fault_for(&Asked {
        api: front.api,
        operation: &operation.name,
        method: parts.method.as_str(),
        path: parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        authorization: (parts.headers.get(AUTHORIZATION))
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default(),
        body: &body,
    });

    let answer = match &fault {
        Some(FaultKind::Status { status, retry_after }) => Some((front.error)(*status, *retry_after)),
        Some(FaultKind::Echo { status }) => Some(echo(front.api, *status, &parts)),
        Some(FaultKind::Html { status }) => Some(proxy_page(*status)),
        Some(FaultKind::Bare { status }) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
            Some(status.into_response())
        }
        Some(FaultKind::ResetBefore) => {
            front.note(&parts, &operation, 0);
            return cut(&parts).await;
        }
        Some(FaultKind::KillBefore) => {
            front.note(&parts, &operation, 0);
            kill(&parts).await;
            return cut(&parts).await;
        }
        _ => None,
    };
    let answer = match answer {
        Some(answer) => answer,
        None => next.run(Request::from_parts(parts.clone(), Body::from(body))).await,
    };

    let status = answer.status().as_u16();
    match fault {
        Some(FaultKind::ResetAfter) => {
            front.note(&parts, &operation, 0);
            cut(&parts).await
        }
        Some(FaultKind::KillAfter) => {
            front.note(&parts, &operation, 0);
            kill(&parts).await;
            cut(&parts).await
        }
        Some(FaultKind::Truncate) => {
            front.note(&parts, &operation, status);
            truncated(answer).await
        }
        Some(FaultKind::Slow(real)) => {
            // Noted first: a client that gives up drops this future.
            front.note(&parts, &operation, status);
            tokio::time::sleep(real).await;
            answer
        }
        Some(FaultKind::Rewrite(rewrite)) => {
            front.note(&parts, &operation, status);
            rewritten(answer, &rewrite).await
        }
        Some(FaultKind::Body(text)) => {
            front.note(&parts, &operation, 200);
            let content_type = answer.headers().get(CONTENT_TYPE).cloned();
            let mut other = Response::new(Body::from(text));
            if let Some(content_type) = content_type {
                other.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            other
        }
        _ => {
            front.note(&parts, &operation, status);
            match front.recorder.always() {
                Some(rewrite) => rewritten(answer, &rewrite).await,
                None => answer,
            }
        }
    }
}

fn proxy_page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let reason = status.canonical_reason().unwrap_or("Error");
    let page = format!(
        "<html>\r\n<head><title>{0} {reason}</title></head>\r\n<body>\r\n<center><h1>{0} {reason}</h1></center>\r\n</body>\r\n</html>\r\n",
        status.as_u16()
    );
    (status, [(CONTENT_TYPE, "text/html")], page).into_response()
}

/// Kills the function that calls, as a crash or Lambda itself may.
async fn kill(parts: &Parts) {
    if let Some(Peer(Some(peer))) = parts.extensions.get::<Peer>().copied() {
        // A caller that is no function of the emulator just sees the connection cut.
        let _ = tokio::task::spawn_blocking(move || process::kill_function(peer)).await;
    }
}

/// Closes the connection and never answers.
async fn cut(parts: &Parts) -> Response {
    match parts.extensions.get::<Cut>() {
        Some(cut) => {
            cut.now();
            std::future::pending().await
        }
        // Without our server, as in `Router::oneshot`, there is no connection: the body breaks instead.
        None => Response::new(Body::new(Broken {
            half: None,
            flushed: true,
        })),
    }
}

/// The answer with another body; one that is no text stays as it is.
async fn rewritten(answer: Response, rewrite: &Rewrite) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = match std::str::from_utf8(&whole) {
        Ok(text) => Bytes::from(rewrite.of(text)),
        Err(_) => whole,
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

/// The answer with its full `Content-Length`, but only the first half of its bytes before the connection closes.
async fn truncated(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Response::from_parts(
        parts,
        Body::new(Broken {
            half: Some(whole.slice(..whole.len() / 2)),
            flushed: false,
        }),
    )
}

/// Yields some bytes, lets them be sent, and then fails, on which the server closes the connection.
struct Broken {
    half: Option<Bytes>,
    flushed: bool,
}

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            // The server sends what it holds when the body has nothing more for the moment.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::other("cut by a fault"))))
    }
}
