//! Tests that the second engine cannot run. `engines.rs` says of each why; the names here and there are compared.

use std::time::{Duration, Instant};

use serde_json::json;
use simulators::aiven;

use crate::requests::kafka;
use crate::stage::stage;

const NEVER: Duration = Duration::from_secs(30 * 24 * 3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_broken_off_is_told_by_step_functions() {
    let stage = stage(|_| {}).await;
    let queue = stage.subscribe().await;
    let running = stage.environment.begin(&kafka()).await.unwrap();
    stage.until_called("ServicePrivatelinkAWSCreate", 1).await;
    running.stop().await.unwrap();
    let told = stage.message(&queue).await;
    assert_eq!(told["detail-type"], "Step Functions Execution Status Change");
    assert_eq!(
        (&told["detail"]["status"], &told["detail"]["executionArn"]),
        (&json!("ABORTED"), &json!(running.arn))
    );
    let outcome = running.outcome().await.unwrap().unwrap();
    stage.keep(&running.ended(outcome).await.unwrap());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_after_a_run_was_stopped_writes_nothing() {
    let stage = stage(|options| {
        // An invocation that waits ten minutes goes on for some seconds.
        options.simulators.speed = 60.0;
        options.simulators.knobs.aiven.creation = NEVER;
    })
    .await;
    let running = stage.environment.begin(&kafka()).await.unwrap();
    stage.until_called("ServicePrivatelinkAWSCreate", 1).await;
    let recorder = &stage.environment.simulators.recorder;
    let looks = || {
        let calls = recorder.calls().into_iter();
        calls
            .filter(|call| call.operation == "ServicePrivatelinkAWSGet")
            .count()
    };
    // The first is before the creation, the second comes after the state machine's wait, the next ones are held.
    stage.until_called("ServicePrivatelinkAWSGet", looks() + 3).await;
    running.stop().await.unwrap();
    stage.keep(&running.finish(Duration::from_secs(60)).await.unwrap());
    {
        let mut world = stage.environment.simulators.aiven.world();
        let project = world.projects.get_mut(aiven::PROJECT).unwrap();
        project.services.get_mut(aiven::KAFKA_SERVICE).unwrap().privatelink = None;
    }
    let written = stage.take_writes();
    stage.until_called("ServicePrivatelinkAWSGet", 1).await;
    let deadline = Instant::now() + Duration::from_secs(4);
    while Instant::now() < deadline {
        assert_eq!(stage.take_writes(), Vec::<String>::new(), "after {written:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(stage.aiven_principals(aiven::KAFKA_SERVICE).is_none());
    stage.close().await;
}
