//! Tokens, roles, limits, and the record of calls.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{Rig, clusters, link, links, network, operations, wanted};
use crate::vendors::{answer, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::hcp::{
    CLIENT_ID, CLIENT_SECRET, CLUSTER_ID, ORGANIZATION_ID, PROJECT_ID, Role, ServicePrincipal, default_world,
};
use simulators::recorder::{Api, Fault, FaultKind};

#[tokio::test]
async fn tokens_are_given_for_basic_and_for_body_credentials() {
    let rig = Rig::still(|_| ()).await;
    let body = "audience=https%3A%2F%2Fapi.hashicorp.cloud&grant_type=client_credentials";
    let request = rig
        .vendor
        .request(Method::POST, "/oauth2/token")
        .basic_auth(CLIENT_ID.replace('-', "%2D"), Some(CLIENT_SECRET))
        .body(body);
    let (status, token) = answer(request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&token["expires_in"], &token["token_type"]),
        (&json!(3600), &json!("Bearer"))
    );
    assert!(token["access_token"].as_str().unwrap().starts_with("eyJ"));

    let (status, body) = rig
        .token_request(&[("client_id", CLIENT_ID), ("client_secret", "wrong")])
        .await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_client"))
    );
    let (status, body) = rig
        .token_request(&[
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("grant_type", "password"),
        ])
        .await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("unsupported_grant_type"))
    );
}

#[tokio::test]
async fn many_token_requests_meet_a_page_of_html() {
    let rig = Rig::still(|knobs| knobs.token_requests_per_minute = Some(1)).await;
    let response = rig
        .vendor
        .request(Method::POST, "/oauth2/token")
        .body("grant_type=client_credentials")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.text().await.unwrap().contains("<html>"));
}

#[tokio::test]
async fn tokens_expire_and_can_be_revoked() {
    let mut rig = Rig::start(1000.0, default_world(), |knobs| {
        knobs.token_lifetime = Duration::from_secs(600)
    })
    .await;
    let body = until("the token to expire", || async {
        let (status, body) = rig.call(Method::GET, &network(), None).await;
        (status == StatusCode::UNAUTHORIZED).then_some(body)
    })
    .await;
    assert_eq!(body["code"], 16);
    assert_eq!(body["details"], json!([]));

    rig.token = rig.login(CLIENT_ID, CLIENT_SECRET).await;
    rig.hcp.world().revoke_tokens();
    let response = rig
        .vendor
        .request(Method::GET, &network())
        .bearer_auth(&rig.token)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().contains_key("www-authenticate"));
    let (status, _) = answer(rig.vendor.request(Method::GET, &network())).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "no token at all");
}

#[tokio::test]
async fn roles_decide_who_may_write() {
    let mut world = default_world();
    for (id, role) in [("viewer", Some(Role::Viewer)), ("nobody", None)] {
        let roles = role.map(|role| (PROJECT_ID.to_owned(), role));
        world.service_principals.push(ServicePrincipal {
            client_id: id.to_owned(),
            client_secret: id.to_owned(),
            roles: roles.into_iter().collect::<BTreeMap<_, _>>(),
        });
    }
    let mut rig = Rig::start(1.0, world, |_| ()).await;
    rig.token = rig.login("viewer", "viewer").await;
    assert_eq!(rig.call(Method::GET, &network(), None).await.0, StatusCode::OK);
    let (status, body) = rig.create(wanted("acme-link")).await;
    assert_eq!(
        (status, body),
        (StatusCode::FORBIDDEN, json!({"code": 7, "message": "", "details": []}))
    );

    rig.token = rig.login("nobody", "nobody").await;
    assert_eq!(rig.call(Method::GET, &network(), None).await.0, StatusCode::FORBIDDEN);
    rig.token = rig.login(CLIENT_ID, CLIENT_SECRET).await;
    assert_eq!(
        rig.call(Method::GET, &network().replace(ORGANIZATION_ID, "other"), None)
            .await
            .0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        rig.call(Method::GET, &network().replace(PROJECT_ID, "other"), None)
            .await
            .0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn the_rate_limit_tells_when_to_come_back() {
    let rig = Rig::start(30.0, default_world(), |knobs| knobs.requests_per_minute = Some(2)).await;
    for _ in 0..2 {
        assert_eq!(rig.call(Method::GET, &network(), None).await.0, StatusCode::OK);
    }
    let response = rig
        .vendor
        .request(Method::GET, &network())
        .bearer_auth(&rig.token)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let reset: u64 = response.headers()["x-ratelimit-reset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&reset));
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    assert_eq!(response.json::<Value>().await.unwrap()["code"], 8);
    until("the window to end", || async {
        (rig.call(Method::GET, &network(), None).await.0 == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn calls_are_recorded_by_name_and_faults_hit_them() {
    let rig = Rig::still(|_| ()).await;
    let kind = FaultKind::Status {
        status: 503,
        retry_after: None,
    };
    rig.recorder.inject(Fault {
        api: Api::Hcp,
        operation: Some("CreatePrivateLinkService".to_owned()),
        kth: Some(1),
        kind,
    });
    let (status, body) = rig.create(wanted("acme-link")).await;
    assert_eq!((status, &body["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(14)));
    assert_eq!(rig.link().await.0, StatusCode::NOT_FOUND, "nothing was done");
    let operation = rig.created().await["operation"]["id"].as_str().unwrap().to_owned();
    rig.call(Method::PATCH, &link("acme-link"), Some(json!({}))).await;
    rig.call(Method::GET, &links(), None).await;
    rig.call(Method::GET, &format!("{}/{operation}", operations(PROJECT_ID)), None)
        .await;
    rig.call(Method::GET, &network(), None).await;
    rig.call(Method::GET, &format!("{}/{CLUSTER_ID}", clusters()), None)
        .await;
    rig.call(Method::DELETE, &link("acme-link"), None).await;
    let calls: Vec<(String, bool)> = rig
        .recorder
        .calls()
        .into_iter()
        .map(|call| (call.operation, call.write))
        .collect();
    let expected = [
        ("Token", false),
        ("CreatePrivateLinkService", true),
        ("GetPrivateLinkService", false),
        ("CreatePrivateLinkService", true),
        ("UpdatePrivateLinkService", true),
        ("ListPrivateLinkService", false),
        ("GetOperation", false),
        ("GetNetwork", false),
        ("GetCluster", false),
        ("DeletePrivateLinkService", true),
    ];
    assert_eq!(calls, expected.map(|(name, write)| (name.to_owned(), write)));
    assert_eq!(rig.recorder.writes().len(), 2, "the create and the delete went through");
}
