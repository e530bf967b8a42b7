//! A fleet that is stopped in the middle goes on, by a redrive or a new start, and makes nothing twice.

use rehearsal::execution::Running;
use serde_json::{Value, json};

use crate::stage::{Stage, stage, summary};

const LIMIT: std::time::Duration = std::time::Duration::from_secs(180);

/// Starts a fleet, and stops it when some of its endpoints are made and none is available.
async fn stopped(stage: &Stage, input: &Value, endpoints: usize) -> Running {
    let running = stage.environment.begin_fleet(input).await.unwrap();
    stage.until_endpoints(endpoints).await;
    running.stop().await.unwrap();
    stage.until_nothing_runs().await;
    assert_eq!(
        running.clone().finish(LIMIT).await.unwrap().failure().unwrap().status,
        "ABORTED"
    );
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_was_stopped_is_redriven() {
    let stage = stage(6, &[]).await;
    let running = stopped(
        &stage,
        &json!({ "name": "wave", "items": stage.items(), "max_concurrency": 4 }),
        3,
    )
    .await;
    let runs = stage.runs().await;
    assert_eq!(runs.len(), 4, "two were never started: {runs:?}");
    assert!(runs.values().all(|status| status == "ABORTED"), "{runs:?}");

    running.redrive().await.unwrap();
    let summary = summary(&running.finish(LIMIT).await.unwrap());
    assert_eq!((&summary["succeeded"], &summary["failed"]), (&json!(6), &json!(0)));
    stage.assert_connected_once(&stage.members);
    let runs = stage.runs().await;
    let second = runs.keys().filter(|name| name.ends_with("-2")).count();
    assert_eq!(
        (runs.len(), second),
        (10, 4),
        "what was stopped ran again under another name: {runs:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_was_stopped_is_started_again() {
    let stage = stage(6, &[]).await;
    let input = json!({ "name": "wave", "items": stage.items(), "max_concurrency": 4 });
    stopped(&stage, &input, 3).await;
    let summary = stage.succeeds(&input).await;
    assert_eq!((&summary["succeeded"], &summary["failed"]), (&json!(6), &json!(0)));
    stage.assert_connected_once(&stage.members);
}
