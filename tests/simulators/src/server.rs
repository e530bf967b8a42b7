//! A small HTTP server on a free port of 127.0.0.1 that stops when it is dropped, and whose connections a fault can cut.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::tls::Ca;

/// A connection without a complete request head for this long is closed, also between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections served at once; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 256;

/// A running server. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:port` or `https://…`, without a slash at the end.
    pub url: String,
    task: AbortHandle,
}

impl Server {
    /// Serves over plain HTTP/1.1.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn http(router: Router) -> io::Result<Self> {
        Self::start(router, None).await
    }

    /// Serves HTTP/1.1 over TLS, with the authority's certificate.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn https(router: Router, ca: &Ca) -> io::Result<Self> {
        Self::start(router, Some(ca.acceptor())).await
    }

    async fn start(router: Router, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr()?);
        let task = tokio::spawn(accept(listener, router, tls)).abort_handle();
        Ok(Self { url, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Handed to every request as an extension: the other end of its connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<SocketAddr>);

/// Handed to every request as an extension: closes the connection that the request came on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut(Arc<Notify>);

impl Cut {
    /// Closes the connection at once; whatever was not yet sent never will be.
    pub(crate) fn now(&self) {
        self.0.notify_one();
    }
}

async fn accept(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Owned by this task: aborting it drops the set, which aborts every connection.
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        // An accept error is the peer's or passing (too many files): the next accept tells.
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (router, tls) = (router.clone(), tls.clone());
        connections.spawn(async move {
            serve_socket(socket, router, tls).await;
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_socket(socket: TcpStream, router: Router, tls: Option<TlsAcceptor>) {
    let _ = socket.set_nodelay(true);
    let peer = Peer(socket.peer_addr().ok());
    match tls {
        None => serve(socket, peer, router).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await {
                serve(stream, peer, router).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, peer: Peer, router: Router) {
    let cut = Cut::default();
    let for_requests = cut.clone();
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(for_requests.clone());
        request.extensions_mut().insert(peer);
        request.map(Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::select! {
        // A connection's error is the client's to see.
        _ = connection => {}
        () = cut.0.notified() => {}
    }
}
