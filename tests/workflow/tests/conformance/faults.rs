//! Whatever goes wrong between here and the vendor: the right name, the right words, and the right end at the next try.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::response::IntoResponse;
use shared::ErrorName;
use shared::progress::Look;
use simulators::recorder::FaultKind;
use simulators::server::Server;
use simulators::tls::Ca;

use crate::rig::{Rig, both, failure, quick, until_ready};
use crate::vendor::{Op, THEIRS, Vendor};

fn faults() -> Vec<FaultKind> {
    let status = |status| FaultKind::Status {
        status,
        retry_after: None,
    };
    vec![
        status(500),
        status(501),
        status(503),
        status(504),
        FaultKind::Html { status: 502 },
        FaultKind::Html { status: 200 },
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::Truncate,
        FaultKind::Body("{\"private_link_ser".into()),
    ]
}

/// Aiven's answer to a write is not read, so that a success with a wrong body is none to notice.
fn is_noticed(rig: &Rig, op: Op, kind: &FaultKind) -> bool {
    let wrong_body = matches!(kind, FaultKind::Body(_) | FaultKind::Html { status: 200 });
    !(rig.vendor == Vendor::Aiven && op != Op::Look && wrong_body)
}

async fn fails_once_then_ends_right(rig: &Rig, op: Op, kind: FaultKind) {
    rig.break_next(op, kind.clone());
    if is_noticed(rig, op, &kind) {
        let error = failure(rig.ensure(1).await, &["tried again"]);
        assert_eq!(error.name, ErrorName::Unavailable, "{kind:?}: {error}");
        // The page of a proxy is nothing to read out.
        assert!(!error.message.contains("<html>"), "{error}");
    }
    rig.ensured().await;
    assert_eq!(rig.endpoint_services(), 1, "{op:?} {kind:?}");
}

#[tokio::test]
async fn a_failed_look_is_tried_again() {
    for kind in faults() {
        both(quick, async |rig| {
            fails_once_then_ends_right(&rig, Op::Look, kind.clone()).await
        })
        .await;
    }
}

#[tokio::test]
async fn a_failed_creation_is_tried_again_and_ends_with_one_service() {
    for kind in faults() {
        both(quick, async |rig| {
            fails_once_then_ends_right(&rig, Op::Create, kind.clone()).await;
            let mut lists = rig.lists().unwrap();
            lists.components = rig.wanted().components;
            assert_eq!(lists, rig.wanted());
        })
        .await;
    }
}

#[tokio::test]
async fn a_failed_extension_is_tried_again_and_nobodys_entry_is_lost() {
    for kind in faults() {
        both(quick, async |rig| {
            rig.vendor.seed(&rig.sims, &[THEIRS]);
            fails_once_then_ends_right(&rig, Op::Extend, kind.clone()).await;
            let expected = [vec![THEIRS.to_owned()], rig.wanted().principals].concat();
            assert_eq!(rig.lists().unwrap().principals, expected);
        })
        .await;
    }
}

#[tokio::test]
async fn preflight_and_access_survive_a_failed_look_too() {
    for kind in faults() {
        both(quick, async |rig| {
            rig.ensured().await;
            let endpoint = rig.connect();
            rig.accessed(&endpoint).await;
            rig.break_next(Op::Target, kind.clone());
            let preflight = rig.checked(rig.provider().await.preflight().await);
            assert_eq!(preflight.unwrap_err().name, ErrorName::Unavailable, "{kind:?}");
            rig.provider().await.preflight().await.unwrap();
            rig.break_next(Op::Target, kind.clone());
            let access = rig.access(&endpoint, 1).await;
            assert_eq!(access.unwrap_err().name, ErrorName::Unavailable, "{kind:?}");
            rig.accessed(&endpoint).await;
        })
        .await;
    }
}

#[tokio::test]
async fn the_vendors_own_wait_is_told() {
    both(quick, async |rig| {
        rig.break_next(
            Op::Look,
            FaultKind::Status {
                status: 429,
                retry_after: Some(17),
            },
        );
        let error = failure(rig.ensure(1).await, &["429", "tried again"]);
        assert_eq!(error.name, ErrorName::Throttled);
        assert_eq!(error.retry_after, Some(Duration::from_secs(17)));
        rig.ensured().await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_another_shape_is_unexpected_and_not_read_out() {
    both(quick, async |rig| {
        let body = r#"{"private_link_services": "do-not-read-out", "state": ["do-not-read-out"]}"#;
        rig.inject(rig.vendor.op(Op::Look), None, FaultKind::Body(body.into()));
        let error = failure(rig.ensure(1).await, &["not the documented shape"]);
        assert_eq!(error.name, ErrorName::Unexpected);
        assert!(!error.message.contains("do-not-read-out"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    both(quick, async |rig| {
        let body = format!("\"{}\"", "x".repeat(5 << 20));
        rig.break_next(Op::Look, FaultKind::Body(body));
        let error = failure(rig.ensure(1).await, &["more than 4194304 bytes"]);
        assert_eq!(error.name, ErrorName::Unexpected);
    })
    .await;
}

#[tokio::test]
async fn an_error_names_the_call_but_no_query() {
    both(quick, async |rig| {
        rig.break_next(Op::Look, FaultKind::Html { status: 502 });
        let error = rig.ensure(1).await.unwrap_err();
        let call = match rig.vendor {
            Vendor::Hcp => "HCP GET /network/2020-09-07/organizations/",
            Vendor::Aiven => "Aiven GET /v1/project/acme-prod/service/orders-kafka/privatelink/aws",
        };
        assert!(error.message.contains(call) && !error.message.contains('?'), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_vendor_that_is_not_there_is_tried_again() {
    both(quick, async |mut rig| {
        // Nobody listens there: the port was just given back.
        let closed = Server::http(Router::new())
            .await
            .unwrap()
            .url
            .replace("http:", "https:");
        rig.settings.aiven_api_url = closed.parse().unwrap();
        rig.settings.hcp_api_url = closed.parse().unwrap();
        let error = failure(rig.ensure(1).await, &["the connection could not be made"]);
        assert_eq!(error.name, ErrorName::Unavailable);
    })
    .await;
}

#[tokio::test]
async fn who_is_not_trusted_gets_nothing_sent() {
    both(quick, async |mut rig| {
        rig.settings.extra_ca_file = None;
        let error = failure(rig.ensure(1).await, &["certificate"]);
        assert_eq!(error.name, ErrorName::Unavailable);
        assert!(rig.sims.recorder.calls().is_empty());
    })
    .await;
}

/// A host that sends everybody on to another, and remembers whether anybody came with credentials.
struct Elsewhere {
    server: Server,
    ca_pem: String,
    asked: Arc<Mutex<usize>>,
}

impl Elsewhere {
    async fn sending(status: u16, target: &str) -> Self {
        let (target, asked) = (target.to_owned(), Arc::new(Mutex::new(0)));
        let count = Arc::clone(&asked);
        let router = Router::new().fallback(move |request: Request| {
            *count.lock().unwrap() += 1;
            let location = format!("{target}{}", request.uri());
            async move { (StatusCode::from_u16(status).unwrap(), [(LOCATION, location)]).into_response() }
        });
        let ca = Ca::new().unwrap();
        Self {
            server: Server::https(router, &ca).await.unwrap(),
            ca_pem: ca.pem,
            asked,
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_token_along() {
    for status in [301, 302, 303, 307, 308] {
        both(quick, async |mut rig| {
            let target = match rig.vendor {
                Vendor::Hcp => rig.sims.hcp_url.clone(),
                Vendor::Aiven => rig.sims.aiven_url.clone(),
            };
            let elsewhere = Elsewhere::sending(status, &target).await;
            rig.trust(&elsewhere.ca_pem);
            rig.settings.hcp_api_url = elsewhere.server.url.parse().unwrap();
            rig.settings.aiven_api_url = elsewhere.server.url.parse().unwrap();
            let error = failure(rig.ensure(1).await, &[&status.to_string()]);
            assert_eq!(error.name, ErrorName::Unexpected);
            assert_eq!(*elsewhere.asked.lock().unwrap(), 1);
            assert_eq!(rig.calls_where(|call| call.operation != "Token"), 0);
        })
        .await;
    }
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_takes_no_key_along() {
    for status in [302, 307] {
        let mut rig = Rig::start(Vendor::Hcp, quick).await;
        let elsewhere = Elsewhere::sending(status, &rig.sims.hcp_auth_url).await;
        rig.trust(&elsewhere.ca_pem);
        rig.settings.hcp_auth_url = elsewhere.server.url.parse().unwrap();
        let error = failure(rig.ensure(1).await, &["HCP POST /oauth2/token", &status.to_string()]);
        assert_eq!(error.name, ErrorName::Unexpected);
        assert!(rig.sims.recorder.calls().is_empty());
    }
}

#[tokio::test]
async fn the_token_goes_only_to_the_vendor_and_the_client_says_who_it_is() {
    both(quick, async |mut rig| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(move |request: Request| {
            let headers = request.headers();
            let text = |name| {
                headers
                    .get(name)
                    .map(|v: &axum::http::HeaderValue| v.to_str().unwrap().to_owned())
            };
            log.lock()
                .unwrap()
                .push((text(AUTHORIZATION), text(axum::http::header::USER_AGENT)));
            async { StatusCode::SERVICE_UNAVAILABLE }
        });
        let ca = Ca::new().unwrap();
        let server = Server::https(router, &ca).await.unwrap();
        rig.trust(&ca.pem);
        rig.settings.hcp_api_url = server.url.parse().unwrap();
        rig.settings.aiven_api_url = server.url.parse().unwrap();
        rig.ensure(1).await.unwrap_err();
        let seen = seen.lock().unwrap().clone();
        let (authorization, agent) = &seen[0];
        let scheme = match rig.vendor {
            Vendor::Hcp => "Bearer ey",
            Vendor::Aiven => "aivenv1 simulated",
        };
        assert!(authorization.as_ref().unwrap().starts_with(scheme));
        let agent = agent.as_ref().unwrap();
        assert!(
            agent.starts_with("privatelink-workflow/") && agent.ends_with("(conformance)"),
            "{agent}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_of_the_last_write_needs_no_further_one() {
    both(quick, async |rig| {
        rig.break_next(Op::Create, FaultKind::ResetAfter);
        rig.ensure(1).await.unwrap_err();
        until_ready("the service", async |attempt| rig.ensure(attempt).await).await;
        assert!(matches!(rig.ensure(1).await, Ok(Look::Ready(_))));
        assert_eq!(rig.calls(rig.vendor.op(Op::Create)), 1);
    })
    .await;
}
