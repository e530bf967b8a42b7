//! Answers that no honest server gives: without end, drop by drop, or never.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use http_body::Frame;
use tokio::time::Sleep;

const CHUNK: Bytes = Bytes::from_static(&[b' '; 16 * 1024]);
const DROP_EVERY: Duration = Duration::from_millis(200);

/// Answers everything with blanks, which JSON and XML take anywhere, without end or until `length` bytes were sent, which it then says
/// beforehand; `sent` counts them.
pub fn flood(length: Option<usize>, sent: Arc<AtomicUsize>) -> Router {
    Router::new().fallback(move || {
        let sent = Arc::clone(&sent);
        async move {
            let mut response = Response::new(Body::new(Flood {
                left: length.unwrap_or(usize::MAX),
                sent,
            }));
            if let Some(length) = length {
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            response
        }
    })
}

/// Answers everything with a blank now and then, so that something always comes and nothing ever ends.
pub fn drip() -> Router {
    Router::new().fallback(|| async { Response::new(Body::new(Drip(Box::pin(tokio::time::sleep(Duration::ZERO))))) })
}

/// Takes every request and answers none.
pub fn silence() -> Router {
    Router::new().fallback(std::future::pending::<Response>)
}

struct Flood {
    left: usize,
    sent: Arc<AtomicUsize>,
}

impl http_body::Body for Flood {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let size = CHUNK.len().min(self.left);
        if size == 0 {
            return Poll::Ready(None);
        }
        self.left -= size;
        self.sent.fetch_add(size, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(CHUNK.slice(..size)))))
    }
}

struct Drip(Pin<Box<Sleep>>);

impl http_body::Body for Drip {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        ready!(self.0.as_mut().poll(cx));
        self.0 = Box::pin(tokio::time::sleep(DROP_EVERY));
        Poll::Ready(Some(Ok(Frame::data(CHUNK.slice(..1)))))
    }
}
