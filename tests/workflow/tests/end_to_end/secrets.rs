//! Secrets: each wrong shape has its own message, a rotation goes through, and none is ever written anywhere.

use serde_json::{Value, json};
use simulators::{aiven, hcp};

use crate::requests::{kafka, vault, with};
use crate::stage::{secrets_in, stage};

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_secret_has_its_own_message_and_nothing_is_written() {
    let stage = stage(|_| {}).await;
    let cases: [(&str, Value, Option<&str>, &str, &str); 9] = [
        (
            "none",
            kafka(),
            None,
            "InvalidRequest",
            "has no secret \"privatelink/none\"",
        ),
        ("text", kafka(), Some("just-text"), "InvalidRequest", "is not JSON"),
        ("list", kafka(), Some("[1]"), "InvalidRequest", "no object"),
        (
            "other",
            kafka(),
            Some(r#"{"tokn": "x"}"#),
            "InvalidRequest",
            "has no \"token\"",
        ),
        (
            "empty",
            kafka(),
            Some(r#"{"token": " "}"#),
            "InvalidRequest",
            "empty \"token\"",
        ),
        (
            "number",
            kafka(),
            Some(r#"{"token": 7}"#),
            "InvalidRequest",
            "not a string",
        ),
        ("wrong", kafka(), Some(r#"{"token": "nobody"}"#), "Denied", "401"),
        (
            "half",
            vault(),
            Some(r#"{"client_id": "x"}"#),
            "InvalidRequest",
            "has no \"client_secret\"",
        ),
        (
            "bad",
            vault(),
            Some(r#"{"client_id": "x", "client_secret": "y"}"#),
            "Denied",
            "401",
        ),
    ];
    for (name, request, value, error, words) in cases {
        let id = format!("privatelink/{name}");
        if let Some(value) = value {
            stage.environment.aws.put_secret(&id, value).await.unwrap();
        }
        let request = with(request, "/provider/secret_id", json!(id));
        stage.fails(&request, error, &[words]).await;
        assert_eq!(stage.take_writes(), Vec::<String>::new(), "{name}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_in_the_middle_of_a_run_goes_through() {
    let stage = stage(|_| {}).await;
    let simulators = &stage.environment.simulators;
    let running = stage.environment.begin(&kafka()).await.unwrap();
    stage.until_called("ServicePrivatelinkAWSCreate", 1).await;
    let new = format!("{}-rotated", aiven::TOKEN);
    let secret = json!({ "token": new }).to_string();
    stage
        .environment
        .aws
        .put_secret("privatelink/aiven", &secret)
        .await
        .unwrap();
    {
        let mut world = simulators.aiven.world();
        let grant = world.tokens.remove(aiven::TOKEN).unwrap();
        world.tokens.insert(new, grant);
    }
    let ended = running.finish(std::time::Duration::from_secs(120)).await.unwrap();
    stage.keep(&ended);
    stage.output(&ended).await;
    let refused = simulators
        .recorder
        .calls()
        .iter()
        .filter(|call| call.status == 401)
        .count();
    assert!(refused > 0, "a process still had the old token");

    let running = stage.environment.begin(&vault()).await.unwrap();
    stage.until_called("CreatePrivateLinkService", 1).await;
    let new = format!("{}-rotated", hcp::CLIENT_SECRET);
    let secret = json!({ "client_id": hcp::CLIENT_ID, "client_secret": new }).to_string();
    stage
        .environment
        .aws
        .put_secret("privatelink/hcp", &secret)
        .await
        .unwrap();
    {
        let mut world = simulators.hcp.world();
        world.service_principals[0].client_secret = new;
        world.revoke_tokens();
    }
    let ended = running.finish(std::time::Duration::from_secs(120)).await.unwrap();
    stage.keep(&ended);
    stage.output(&ended).await;
    stage.close().await;
}

#[test]
fn the_search_for_secrets_finds_what_it_looks_for() {
    let clean = "{\"reason\": \"nothing to see\"}".to_owned();
    let header = "authorization: Bearer abc".to_owned();
    let token = format!("token={}", aiven::TOKEN);
    assert!(secrets_in(std::slice::from_ref(&clean)).is_empty());
    for planted in [header, token, format!("x{}", hcp::CLIENT_SECRET)] {
        assert!(!secrets_in(&[clean.clone(), planted.clone()]).is_empty(), "{planted}");
    }
}
