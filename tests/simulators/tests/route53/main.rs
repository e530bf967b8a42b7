//! The recording front of Route 53, before a tiny emulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, Method, StatusCode, header};
use simulators::recorder::{Api, Call, Fault, FaultKind};
use simulators::server::Server;
use simulators::{Simulators, SimulatorsConfig};

struct Stage {
    simulators: Simulators,
    http: reqwest::Client,
    url: String,
    _emulator: Server,
}

/// Answers 201 with a Location, and in the body what arrived.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let mut text = format!("{} {}\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        text += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    text += &String::from_utf8_lossy(&body);
    let headers = [
        (header::CONTENT_TYPE, "text/xml"),
        (
            header::LOCATION,
            "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1",
        ),
        (HeaderName::from_static("x-other"), "dropped"),
    ];
    (StatusCode::CREATED, headers, text).into_response()
}

async fn stage() -> Stage {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let emulator = Server::http(Router::new().fallback(echo)).await.unwrap();
    let config = SimulatorsConfig {
        upstream: Some(emulator.url.clone()),
        ..SimulatorsConfig::default()
    };
    let simulators = Simulators::start(config).await.unwrap();
    Stage {
        url: simulators.route53_url.clone().unwrap(),
        simulators,
        http: reqwest::Client::new(),
        _emulator: emulator,
    }
}

impl Stage {
    async fn call(&self, method: Method, path: &str) -> reqwest::Response {
        let url = format!("{}/2013-04-01/{path}", self.url);
        self.http.request(method, url).send().await.unwrap()
    }

    fn calls(&self) -> Vec<Call> {
        let calls = self.simulators.recorder.calls();
        assert!(calls.iter().all(|call| call.api == Api::Route53));
        calls
    }
}

#[tokio::test]
async fn a_call_reaches_the_emulator_and_its_answer_comes_back() {
    let stage = stage().await;
    let request = stage
        .http
        .post(format!("{}/2013-04-01/hostedzone?x=1", stage.url))
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=111122223333/20260101/us-east-1/route53/aws4_request",
        )
        .header("x-amz-date", "20260101T000000Z")
        .header("x-amz-security-token", "token")
        .header("content-type", "application/xml")
        .header("x-private", "stays")
        .body("<CreateHostedZoneRequest/>");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["content-type"], "text/xml");
    assert!(
        response.headers()["location"]
            .to_str()
            .unwrap()
            .ends_with("/hostedzone/Z1")
    );
    assert!(!response.headers().contains_key("x-other"));
    let arrived = response.text().await.unwrap();
    for line in [
        "POST /2013-04-01/hostedzone?x=1\n",
        "authorization: AWS4-HMAC-SHA256",
        "x-amz-date: 20260101T000000Z\n",
        "x-amz-security-token: token\n",
        "content-type: application/xml\n",
        "<CreateHostedZoneRequest/>",
    ] {
        assert!(arrived.contains(line), "{line} in {arrived}");
    }
    assert!(!arrived.contains("x-private"), "{arrived}");
}

#[tokio::test]
async fn every_call_is_recorded_by_its_name() {
    let stage = stage().await;
    let table = [
        (Method::POST, "hostedzone", "CreateHostedZone", true),
        (Method::GET, "hostedzone", "ListHostedZones", false),
        (Method::GET, "hostedzone/Z1", "GetHostedZone", false),
        (Method::DELETE, "hostedzone/Z1", "DeleteHostedZone", true),
        (Method::POST, "hostedzone/Z1", "UpdateHostedZoneComment", true),
        (Method::POST, "hostedzone/Z1/rrset", "ChangeResourceRecordSets", true),
        (Method::POST, "hostedzone/Z1/rrset/", "ChangeResourceRecordSets", true),
        (
            Method::GET,
            "hostedzone/Z1/rrset?name=a",
            "ListResourceRecordSets",
            false,
        ),
        (
            Method::POST,
            "hostedzone/Z1/associatevpc",
            "AssociateVPCWithHostedZone",
            true,
        ),
        (
            Method::POST,
            "hostedzone/Z1/disassociatevpc",
            "DisassociateVPCFromHostedZone",
            true,
        ),
        (
            Method::GET,
            "hostedzonesbyvpc?vpcid=v&vpcregion=r",
            "ListHostedZonesByVPC",
            false,
        ),
        (Method::GET, "hostedzonesbyname", "ListHostedZonesByName", false),
        (Method::GET, "change/C1", "GetChange", false),
        (Method::POST, "tags/hostedzone/Z1", "ChangeTagsForResource", true),
        (Method::GET, "tags/hostedzone/Z1", "ListTagsForResource", false),
        (Method::POST, "tags/hostedzone", "ListTagsForResources", false),
        (Method::POST, "healthcheck", "Unknown", true),
    ];
    for (method, path, _, _) in &table {
        stage.call(method.clone(), path).await;
    }
    for (call, (method, path, name, write)) in stage.calls().iter().zip(&table) {
        assert_eq!(
            (call.operation.as_str(), call.write),
            (*name, *write),
            "{method} {path}"
        );
        assert_eq!((call.method.as_str(), call.status), (method.as_str(), 201));
        let path = path.split('?').next().unwrap();
        assert_eq!(call.path, format!("/2013-04-01/{path}"));
    }
    assert_eq!(stage.calls().len(), table.len());
    let writes = table.iter().filter(|(_, _, _, write)| *write).count();
    assert_eq!(stage.simulators.recorder.writes().len(), writes);
}

#[tokio::test]
async fn faults_speak_as_route_53_does() {
    let stage = stage().await;
    for (status, retry_after, fault, code) in [
        (400, Some(1), "Sender", "Throttling"),
        (429, None, "Sender", "Throttling"),
        (400, None, "Sender", "InvalidInput"),
        (403, None, "Sender", "AccessDenied"),
        (404, None, "Sender", "NoSuchHostedZone"),
        (500, None, "Receiver", "InternalFailure"),
        (503, None, "Receiver", "ServiceUnavailable"),
    ] {
        stage.simulators.recorder.clear_faults();
        stage.simulators.recorder.inject(Fault {
            api: Api::Route53,
            operation: Some("DeleteHostedZone".into()),
            kth: Some(1),
            kind: FaultKind::Status { status, retry_after },
        });
        let response = stage.call(Method::DELETE, "hostedzone/Z1").await;
        assert_eq!(response.status().as_u16(), status);
        let xml = response.text().await.unwrap();
        let expected = format!(
            "<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>{fault}</Type><Code>{code}</Code>"
        );
        assert!(xml.contains(&expected), "{xml}");
    }
    assert_eq!(
        stage.call(Method::DELETE, "hostedzone/Z1").await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        stage.simulators.recorder.writes().len(),
        1,
        "a refused call wrote nothing"
    );
}

#[tokio::test]
async fn an_emulator_that_is_away_is_an_error_of_the_server() {
    let Stage {
        url,
        http,
        simulators,
        _emulator: emulator,
    } = stage().await;
    drop(emulator);
    let response = http.get(format!("{url}/2013-04-01/hostedzone")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert!(response.text().await.unwrap().contains("<Code>InternalFailure</Code>"));
    assert_eq!(simulators.recorder.calls()[0].status, 502);
}

#[tokio::test]
async fn without_an_emulator_there_is_no_front() {
    let simulators = Simulators::start(SimulatorsConfig::default()).await.unwrap();
    assert_eq!(simulators.route53_url, None);
}
