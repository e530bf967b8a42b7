//! Bad secrets: each is named with what is wrong, and nothing that is told or logged shows any of it.

use rehearsal::{Environment, Result};
use serde_json::json;
use simulators::recorder::Api;

use super::bad::{examples, finished, judged, settled};
use super::corpus::{self, Case};
use super::deployed;
use crate::pool::Pool;
use crate::trial::Trial;

/// In each bad secret.
const MARKER: &str = "simulated-bad-secret-do-not-print";

/// One trial for each case.
pub(super) fn trials() -> Result<Vec<Trial>> {
    let cases = corpus::cases("secrets")?.into_iter();
    Ok(cases
        .map(|case| {
            Trial::new(format!("inputs/secrets/{}", case.name), move |pool| {
                let case = case.clone();
                async move { settled(play(&pool, &case).await) }
            })
        })
        .collect())
}

async fn play(pool: &Pool, case: &Case) -> Result<Vec<String>> {
    let stage = pool.take().await?;
    let environment = &stage.environment;
    let id = format!("privatelink/bad-{}", pool.world_number());
    store(environment, &id, case).await?;
    let mut examples = examples()?;
    for (_, request) in &mut examples {
        request["provider"]["secret_id"] = json!(id);
    }
    let input = case.request(&examples)?;
    let recorder = &environment.simulators.recorder;
    recorder.clear_calls();
    if case.stored.as_deref() == Some("denied") {
        recorder.refuse(Api::AwsJson, "GetSecretValue");
    }
    let execution = deployed::run(environment, &environment.workflow_arn, &input).await?;
    recorder.clear_faults();
    let mut findings = judged(case, &execution);
    let told = format!("{}{:?}", execution.history_text(), execution.outcome);
    let logged: String = environment.logs().await?.into_values().collect();
    for (what, text) in [("history or outcome", told), ("log", logged)] {
        if text.contains(MARKER) {
            findings.push(format!("the {what} shows the secret"));
        }
    }
    Ok(finished(pool, stage, findings))
}

async fn store(environment: &Environment, id: &str, case: &Case) -> Result<()> {
    let aws = &environment.aws;
    let whole = format!("{{\"token\": \"{MARKER}\", \"client_id\": \"{MARKER}\", \"client_secret\": \"{MARKER}\"}}");
    match case.stored.as_deref() {
        Some("none") => Ok(()),
        Some("binary") => {
            // MARKER, in base64.
            let body = json!({"Name": id, "SecretBinary": "c2ltdWxhdGVkLWJhZC1zZWNyZXQtZG8tbm90LXByaW50"});
            aws.expect_json("secretsmanager", "secretsmanager.CreateSecret", &body)
                .await
                .map(drop)
        }
        Some("deleted") => {
            aws.put_secret(id, &whole).await?;
            let body = json!({"SecretId": id, "RecoveryWindowInDays": 7});
            aws.expect_json("secretsmanager", "secretsmanager.DeleteSecret", &body)
                .await
                .map(drop)
        }
        Some(_) => aws.put_secret(id, &whole).await,
        None => {
            let text = case.text.as_deref().unwrap_or_default();
            aws.put_secret(id, &text.replace("$marker", MARKER)).await
        }
    }
}
