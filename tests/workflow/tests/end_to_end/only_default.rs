//! Tests that the second engine cannot run. `engines.rs` says of each why; the names here and there are compared.

use rehearsal::tasks::TaskFailure;
use serde_json::json;

use crate::requests::kafka;
use crate::stage::stage;

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
async fn a_queue_that_takes_no_message_leaves_the_wait_to_the_state_machine() {
    let stage = stage(|_| {}).await;
    let refused = TaskFailure {
        task: "sqs:sendMessage".to_owned(),
        nth: 1,
        error: "SQS.AmazonSQSException".to_owned(),
        after: false,
    };
    stage.environment.expect_tasks(Some(&refused)).await.unwrap();
    let execution = stage.run(&kafka()).await;
    stage.output(&execution).await;
    let states = execution.states();
    let waits = states
        .windows(3)
        .filter(|next| *next == ["WatchService", "WaitForService", "EnsureService"]);
    assert_eq!(waits.count(), 1, "{states:?}");
    stage.close().await;
}
