//! The watch looks between two looks of a step; and whatever becomes of its messages, the connection is made.

use std::time::{Duration, Instant};

use rehearsal::Execution;
use serde_json::{Value, json};
use simulators::aiven;
use simulators::recorder::FaultKind;

use crate::requests::kafka;
use crate::stage::{Stage, stage};

/// Slow enough that the wait goes on while a test does something to it.
const SPEED: f64 = 60.0;
const NEVER: Duration = Duration::from_secs(30 * 24 * 3600);
/// Real time until a message that was sent is seen.
const LIMIT: Duration = Duration::from_secs(60);

fn entered(execution: &Execution, state: &str) -> usize {
    let states = execution.states();
    states.iter().filter(|entered| **entered == state).count()
}

fn called(stage: &Stage, operation: &str) -> usize {
    let calls = stage.environment.simulators.recorder.calls();
    calls.iter().filter(|call| call.operation == operation).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_are_waited_with_few_turns_of_the_state_machine() {
    let stage = stage(|options| options.simulators.speed = SPEED).await;
    let execution = stage.run(&kafka()).await;
    stage.output(&execution).await;
    for (watch, step) in [
        ("WatchService", "EnsureService"),
        ("WatchAcceptance", "EnsureAccepted"),
        ("WatchAccess", "EnsureAccess"),
    ] {
        let turns = entered(&execution, watch);
        assert!((1..=4).contains(&turns), "{watch}: {turns}");
        assert_eq!(entered(&execution, step), turns + 1, "{step}: {:?}", execution.states());
    }
    let looks = called(&stage, "SendMessage") + called(&stage, "SendTaskSuccess");
    assert!(looks > 15, "the watch looked only {looks} times");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_lost_makes_the_steps_look_later() {
    let stage = stage(|options| options.simulators.speed = SPEED).await;
    let running = stage.environment.begin(&kafka()).await.unwrap();
    stage.until_called("CreateVpcEndpoint", 1).await;
    purge_once_it_waits(&stage, "DescribeVpcEndpoints").await;
    let execution = running.finish(Duration::from_secs(200)).await.unwrap();
    stage.keep(&execution);
    stage.output(&execution).await;
    let timed_out = execution.history.iter().filter(|event| event.kind == "TaskTimedOut");
    assert_eq!(timed_out.count(), 1, "{:?}", execution.states());
    assert_eq!(entered(&execution, "WaitForAcceptance"), 0);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_after_a_run_was_stopped_writes_nothing() {
    let stage = stage(|options| {
        options.simulators.speed = SPEED;
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
    // The first is before the creation, the second comes after the state machine's wait, the next ones are the watch's.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_cannot_send_its_next_message_wakes_the_step() {
    let stage = stage(|options| options.simulators.speed = SPEED).await;
    let recorder = &stage.environment.simulators.recorder;
    recorder.inject_where(
        |asked| asked.operation == "SendMessage",
        None,
        FaultKind::Status {
            status: 403,
            retry_after: None,
        },
    );
    let execution = stage.run(&kafka()).await;
    stage.output(&execution).await;
    let turns = entered(&execution, "WatchAcceptance");
    assert!(turns > 4, "{turns} turns: each look is the step's");
    assert!(!execution.history.iter().any(|event| event.kind == "TaskTimedOut"));
    stage.close().await;
}

/// The messages are gone as soon as there is one of the acceptance.
async fn purge_once_it_waits(stage: &Stage, look: &str) {
    let queue = stage.environment.resource("WatchQueue").await.unwrap();
    let looks = called(stage, look);
    stage.until_called(look, looks + 1).await;
    let deadline = Instant::now() + LIMIT;
    loop {
        let attributes = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
        let answer = sqs(stage, "GetQueueAttributes", &attributes).await;
        if answer["Attributes"]["ApproximateNumberOfMessagesDelayed"] != "0" {
            break;
        }
        assert!(Instant::now() < deadline, "no message: {answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sqs(stage, "PurgeQueue", &json!({"QueueUrl": queue})).await;
}

async fn sqs(stage: &Stage, action: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{action}");
    stage.environment.aws.expect_json("sqs", &target, body).await.unwrap()
}
