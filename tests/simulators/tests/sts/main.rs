//! The front of STS, before a tiny emulator: whom the world's roles trust.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::Router;
use simulators::ec2::{CONSUMER_EXTERNAL_ID, CONSUMER_ROLE};
use simulators::recorder::Api;
use simulators::server::Server;
use simulators::sts::Session;
use simulators::{Simulators, SimulatorsConfig};

const NAME: &str = "plw-run";
const CREDENTIALS: &str = "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId></Credentials>";

struct Stage {
    simulators: Simulators,
    http: reqwest::Client,
    _emulator: Server,
}

async fn stage() -> Stage {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let emulator = Server::http(Router::new().fallback(async || CREDENTIALS))
        .await
        .unwrap();
    let mut config = SimulatorsConfig {
        upstream: Some(emulator.url.clone()),
        ..SimulatorsConfig::default()
    };
    let cidr = "10.60.0.0/16".parse().unwrap();
    config.aws.vend_account("123456789012", "eu-west-1", cidr);
    Stage {
        simulators: Simulators::start(config).await.unwrap(),
        http: reqwest::Client::new(),
        _emulator: emulator,
    }
}

fn role(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

impl Stage {
    async fn assume(&self, role_arn: &str, external_id: &str, name: &str, tag: (&str, &str)) -> (u16, String) {
        let form = [
            ("Action", "AssumeRole"),
            ("RoleArn", role_arn),
            ("RoleSessionName", name),
            ("ExternalId", external_id),
            ("Tags.member.1.Key", tag.0),
            ("Tags.member.1.Value", tag.1),
        ];
        let url = self.simulators.sts_url.as_deref().unwrap();
        let answer = self.http.post(url).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id() {
    let stage = stage().await;
    let tag = ("privatelink-workflow:execution", "run");
    for account in ["123456789012", "444455556666"] {
        let arn = role(account, CONSUMER_ROLE);
        for _ in 0..2 {
            let answer = stage.assume(&arn, CONSUMER_EXTERNAL_ID, NAME, tag).await;
            assert_eq!(answer, (200, CREDENTIALS.to_owned()));
        }
        let keys = stage
            .simulators
            .ec2
            .with_world(|world| world.access_keys["ASIAEXAMPLE"].clone());
        assert_eq!(keys, account, "EC2 knows whose the key is");
    }
    let session = |account: &str| Session {
        role_arn: role(account, CONSUMER_ROLE),
        name: NAME.to_owned(),
        tags: [(tag.0.to_owned(), tag.1.to_owned())].into(),
    };
    let sessions = stage.simulators.sts.as_ref().unwrap().sessions();
    assert_eq!(sessions, [session("123456789012"), session("444455556666")]);
    let calls = stage.simulators.recorder.calls();
    assert_eq!(calls.len(), 4);
    assert!(
        calls
            .iter()
            .all(|call| call.api == Api::Sts && call.operation == "AssumeRole")
    );
    assert!(stage.simulators.recorder.writes().is_empty());
}

#[tokio::test]
async fn what_the_trust_does_not_say_is_refused() {
    let stage = stage().await;
    let good = role("444455556666", CONSUMER_ROLE);
    let id = CONSUMER_EXTERNAL_ID;
    let tag = ("privatelink-workflow:execution", "run");
    for (arn, id, name, tag, status, word) in [
        (good.clone(), "another", NAME, tag, 403, "sts:AssumeRole"),
        (good.clone(), "", NAME, tag, 403, "sts:AssumeRole"),
        (role("444455556666", "other"), id, NAME, tag, 403, "sts:AssumeRole"),
        (
            role("555555555555", CONSUMER_ROLE),
            id,
            NAME,
            tag,
            403,
            "sts:AssumeRole",
        ),
        (good.clone(), id, NAME, ("team", "x"), 403, "sts:TagSession"),
        (good.clone(), id, NAME, (tag.0, "a;b"), 400, "tags"),
        (good.clone(), id, "a b", tag, 400, "roleSessionName"),
        (
            "arn:aws:iam::444455556666:user/x".to_owned(),
            id,
            NAME,
            tag,
            400,
            "roleArn",
        ),
    ] {
        let (answered, text) = stage.assume(&arn, id, name, tag).await;
        assert_eq!(answered, status, "{arn} {text}");
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(stage.simulators.sts.as_ref().unwrap().sessions(), []);
}
