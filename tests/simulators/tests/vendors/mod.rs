//! What the tests of the two vendors share: a server over TLS, a client that trusts it, and patience.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use axum::Router;
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use simulators::clock::Clock;
use simulators::fabric::{Endpoint, EndpointState, Fabric};
use simulators::knobs::Knobs;
use simulators::server::Server;
use simulators::tls::Ca;

/// A vendor behind TLS on a free port.
pub(crate) struct Vendor {
    pub(crate) client: Client,
    server: Server,
}

/// An answer: status and JSON (`null` where the body is none).
pub(crate) type Answer = (StatusCode, Value);

impl Vendor {
    pub(crate) async fn start(router: Router) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = Ca::new().unwrap();
        let trusted = Certificate::from_pem(ca.pem.as_bytes()).unwrap();
        let client = Client::builder().tls_certs_only([trusted]).build().unwrap();
        Self {
            client,
            server: Server::https(router, &ca).await.unwrap(),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server.url))
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap_or_default())
}

/// A fabric whose clock runs `speed` times faster, with the knobs as `set` leaves them.
pub(crate) fn fabric(speed: f64, set: impl FnOnce(&mut Knobs)) -> Fabric {
    let mut knobs = Knobs::default();
    set(&mut knobs);
    Fabric::new(Clock::new(speed), knobs)
}

/// Asks again until there is an answer; fails after ten seconds with what was waited for.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "still waiting for {what}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// A consumer's endpoint, available from now on, as the EC2 simulator would make it. Answers its id.
pub(crate) fn connect(fabric: &Fabric, service_id: &str) -> String {
    let now = fabric.clock.now();
    let mut state = fabric.state();
    let id = format!("vpce-{}", state.fresh_hex());
    let endpoint = Endpoint {
        id: id.clone(),
        owner_account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        vpc_id: "vpc-0a1b2c3d".to_owned(),
        service_id: service_id.to_owned(),
        service_name: state.services[service_id].name.clone(),
        state: EndpointState::Available,
        since: now,
        created_at: now,
        visible_at: now,
        subnets: Vec::new(),
        interfaces: Vec::new(),
        security_group_ids: Vec::new(),
        tags: BTreeMap::new(),
        last_error: None,
        private_dns_enabled: false,
        before_modify: None,
        dns_name: format!("{id}-abcdefgh.{service_id}.eu-west-1.vpce.amazonaws.com"),
    };
    state.endpoints.insert(id.clone(), endpoint);
    id
}
