//! Tokens, secrets, limits, and the record of calls.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{ACCOUNT, Rig, link, service};
use crate::vendors::{answer, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::aiven::{Grant, KAFKA_SERVICE, PG_SERVICE, PROJECT, SECRET_MARKER, TOKEN, default_world};
use simulators::recorder::{Api, Fault, FaultKind};

#[tokio::test]
async fn tokens_are_checked() {
    let mut world = default_world();
    let mut expired = Grant::full(PROJECT);
    expired.expires_at = Some(Duration::ZERO);
    let reader = Grant {
        permissions: Some(BTreeSet::from(["project:services:read".to_owned()])),
        ..Grant::full(PROJECT)
    };
    for (token, grant) in [
        ("expired", expired),
        ("stranger", Grant::full("other")),
        ("reader", reader),
    ] {
        world.tokens.insert(token.to_owned(), grant);
    }
    let rig = Rig::start(1.0, world, |_| ()).await;
    let get = async |path: String, authorization: &str| {
        answer(
            rig.vendor
                .request(Method::GET, &path)
                .header("authorization", authorization),
        )
        .await
    };
    for authorization in [format!("aivenv1 {TOKEN}"), format!("Bearer {TOKEN}")] {
        assert_eq!(
            get(service(KAFKA_SERVICE), &authorization).await.0,
            StatusCode::OK,
            "{authorization}"
        );
    }
    let read = service(KAFKA_SERVICE);
    for (path, authorization, status, message) in [
        (read.clone(), "aivenv1 unknown", 401, "Missing (expired) db token"),
        (read.clone(), "aivenv1 expired", 401, "Missing (expired) db token"),
        (read.clone(), "Basic abc", 401, "Missing (expired) db token"),
        (read.clone(), "aivenv1 stranger", 403, "Not a project member"),
        (
            read.replace(PROJECT, "none"),
            "aivenv1 reader",
            404,
            "Project does not exist",
        ),
        (service("none"), "aivenv1 reader", 404, "Service none does not exist"),
        (
            format!("{read}?include_secrets=true"),
            "aivenv1 reader",
            403,
            "Missing permission service:secrets:read",
        ),
        (
            link(KAFKA_SERVICE),
            "aivenv1 reader",
            403,
            "Missing permission service:configuration:write",
        ),
    ] {
        let (answered, body) = get(path, authorization).await;
        let expected = json!({"message": message, "errors": [{"message": message, "status": status}]});
        assert_eq!((answered.as_u16(), body), (status, expected), "{authorization}");
    }
    assert_eq!(get(read, "aivenv1 reader").await.0, StatusCode::OK);
}

#[tokio::test]
async fn secrets_are_shown_only_on_request() {
    let rig = Rig::still(|_| ()).await;
    for name in [KAFKA_SERVICE, PG_SERVICE] {
        let (_, body) = rig.call(Method::GET, &service(name), None).await;
        assert!(
            !body.to_string().contains(SECRET_MARKER) && body["service"]["users"][0]["password"] == "<redacted>",
            "{body}"
        );
        let (_, body) = rig
            .call(
                Method::GET,
                &format!("{}?include_secrets=true&limit=999", service(name)),
                None,
            )
            .await;
        assert!(
            body["service"]["users"][0]["password"]
                .as_str()
                .unwrap()
                .contains(SECRET_MARKER)
        );
    }
    let (_, body) = rig
        .call(Method::GET, &format!("/v1/project/{PROJECT}/service"), None)
        .await;
    assert_eq!(body["services"].as_array().unwrap().len(), 2);
    assert!(!body.to_string().contains(SECRET_MARKER));
    rig.fabric.knobs.lock().unwrap().aiven.redact_secrets = false;
    let (_, body) = rig.call(Method::GET, &service(KAFKA_SERVICE), None).await;
    assert!(
        body["service"]["users"][0]["access_key"]
            .as_str()
            .unwrap()
            .contains(SECRET_MARKER)
    );
}

#[tokio::test]
async fn the_rate_limit_tells_when_to_come_back() {
    let rig = Rig::start(30.0, default_world(), |knobs| {
        knobs.requests_per_minute = Some(5);
        knobs.retry_after_header = true;
    })
    .await;
    for _ in 0..5 {
        assert_eq!(
            rig.call(Method::GET, &service(PG_SERVICE), None).await.0,
            StatusCode::OK
        );
    }
    let response = rig
        .vendor
        .request(Method::GET, &service(PG_SERVICE))
        .bearer_auth(TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds = response.headers()["retry-after"].to_str().unwrap().to_owned();
    let message = response.json::<Value>().await.unwrap()["message"]
        .as_str()
        .unwrap()
        .to_owned();
    let expected =
        "The user has sent too many requests in a given amount of time: Rate limit 5 exceeded - try again in";
    assert_eq!(message, format!("{expected} {seconds}s"));
    until("the window to end", || async {
        (rig.link().await.0 == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
}

#[tokio::test]
async fn calls_are_recorded_by_name_and_faults_hit_them() {
    let rig = Rig::still(|knobs| knobs.creation = Duration::ZERO).await;
    let kind = FaultKind::Status {
        status: 429,
        retry_after: Some(7),
    };
    rig.recorder.inject(Fault {
        api: Api::Aiven,
        operation: Some("ServicePrivatelinkAWSCreate".to_owned()),
        kth: Some(1),
        kind,
    });
    let (status, body) = rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert!(body["message"].as_str().unwrap().ends_with("try again in 7s"), "{body}");
    assert_eq!(rig.link().await.0, StatusCode::NOT_FOUND, "nothing was done");
    rig.create(KAFKA_SERVICE, json!([ACCOUNT])).await;
    rig.call(
        Method::PUT,
        &link(KAFKA_SERVICE),
        Some(json!({"principals": [ACCOUNT]})),
    )
    .await;
    rig.connections().await;
    rig.call(Method::POST, &format!("{}/refresh", link(KAFKA_SERVICE)), None)
        .await;
    rig.rows("dynamic").await;
    rig.configure(json!({})).await;
    rig.call(Method::GET, &format!("/v1/project/{PROJECT}/kms/ca"), None)
        .await;
    rig.call(Method::DELETE, &link(KAFKA_SERVICE), None).await;
    let calls: Vec<(String, bool)> = rig
        .recorder
        .calls()
        .into_iter()
        .map(|call| (call.operation, call.write))
        .collect();
    let expected = [
        ("ServicePrivatelinkAWSCreate", true),
        ("ServicePrivatelinkAWSGet", false),
        ("ServicePrivatelinkAWSCreate", true),
        ("ServicePrivatelinkAWSUpdate", true),
        ("ServicePrivatelinkAWSConnectionList", false),
        ("ServicePrivatelinkAWSRefresh", false),
        ("ServiceGet", false),
        ("ServiceUpdate", true),
        ("ProjectKmsGetCA", false),
        ("ServicePrivatelinkAWSDelete", true),
    ];
    assert_eq!(calls, expected.map(|(name, write)| (name.to_owned(), write)));
    assert_eq!(rig.recorder.writes().len(), 4);
}
