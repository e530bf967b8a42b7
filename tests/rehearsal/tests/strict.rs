//! What the launcher changes in moto, as AWS documents it, on small state machines.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::{Duration, Instant};

use rehearsal::aws::Aws;
use rehearsal::emulator::{self, Emulator, free_port};
use rehearsal::execution::{Execution, Running};
use rehearsal::python;
use rehearsal::strict::{self, Settings, Strict};
use serde_json::{Value, json};
use tempfile::TempDir;

const LAUNCHER: &str = include_str!("../src/strict.py");
const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
const SPEED: f64 = 60.0;

struct Engine {
    aws: Aws,
    _strict: Strict,
    _dir: TempDir,
}

impl Engine {
    /// Nothing calls the emulator.
    async fn start() -> Self {
        Self::start_beside("http://127.0.0.1:1").await
    }

    async fn start_beside(emulator_url: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let python = python::ensure_strict(&|text| eprintln!("{text}")).unwrap();
        let settings = Settings {
            python: &python,
            emulator_url,
            temp_dir: dir.path(),
            log: &dir.path().join("strict.log"),
            speed: SPEED,
        };
        let mut strict = Strict::start(settings).await.unwrap();
        strict.ready().await.unwrap();
        Self {
            aws: Aws::new(&strict.url).unwrap(),
            _strict: strict,
            _dir: dir,
        }
    }

    async fn machine(&self, name: &str, states: Value) -> String {
        let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": states });
        let role = "arn:aws:iam::111122223333:role/machine";
        let described =
            json!({ "name": name, "definition": definition.to_string(), "roleArn": role, "type": "STANDARD" });
        strict::create(&self.aws, &described).await.unwrap().unwrap()
    }

    async fn run(&self, machine: &str, input: Value) -> Execution {
        let running = Running::start(&self.aws, machine, &input).await.unwrap();
        running.finish(LIMIT).await.unwrap()
    }
}

#[tokio::test]
async fn executions_have_names_a_start_time_and_expressions() {
    let engine = Engine::start().await;
    let output = json!({
        "name": "{% $states.context.Execution.Name %}", "start": "{% $states.context.Execution.StartTime %}",
        "odd": "{% [$states.input.numbers[$ % 2 = 1]] %}", "parsed": "{% $parse($states.input.text) %}"
    });
    let machine = engine
        .machine(
            "pass",
            json!({ "A": { "Type": "Pass", "Output": output, "End": true } }),
        )
        .await;
    let input = json!({ "numbers": [1, 2, 3], "text": "{\"a\": [null, \"\u{e9}\"]}" });
    let (one, other) = (
        engine.run(&machine, input.clone()).await,
        engine.run(&machine, input).await,
    );
    assert_ne!(one.arn, other.arn, "each has a name of its own");
    let output = one.output().unwrap();
    assert!(
        one.arn.ends_with(&format!(":{}", output["name"].as_str().unwrap())),
        "{output}"
    );
    assert_eq!(
        (&output["odd"], &output["parsed"]),
        (&json!([1, 3]), &json!({ "a": [null, "\u{e9}"] }))
    );
    let start = output["start"].as_str().unwrap();
    let form: String = start
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(form, "0000-00-00T00:00:00.000Z");
    assert_eq!(one.history.first().unwrap().kind, "ExecutionStarted");
    assert_eq!(one.history.last().unwrap().kind, "ExecutionSucceeded");
}

#[tokio::test]
async fn a_nested_execution_is_waited_for() {
    let engine = Engine::start().await;
    let nested = json!({
        "A": { "Type": "Choice", "Choices": [{ "Condition": "{% $states.input.good %}", "Next": "B" }], "Default": "C" },
        "B": { "Type": "Pass", "Output": { "answer": 42 }, "End": true },
        "C": { "Type": "Fail", "Error": "Bad", "Cause": "as asked" }
    });
    let nested = engine.machine("nested", nested).await;
    let caller = json!({ "A": {
        "Type": "Task", "End": true, "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": { "StateMachineArn": nested, "Name": "{% $states.input.name %}", "Input": "{% $states.input %}" },
        "Output": { "name": "{% $states.result.Name %}", "output": "{% $states.result.Output %}" }
    }});
    let caller = engine.machine("caller", caller).await;
    let good = engine.run(&caller, json!({ "name": "one", "good": true })).await;
    assert_eq!(
        good.output().unwrap(),
        &json!({ "name": "one", "output": { "answer": 42 } })
    );
    let again = engine.run(&caller, json!({ "name": "one", "good": true })).await;
    assert_eq!(
        again.failure().unwrap().error,
        "StepFunctions.ExecutionAlreadyExistsException"
    );
    let bad = engine.run(&caller, json!({ "name": "two", "good": false })).await;
    let failure = bad.failure().unwrap();
    let cause: Value = serde_json::from_str(&failure.cause).unwrap();
    assert_eq!(failure.error, "States.TaskFailed");
    assert_eq!(
        [&cause["Status"], &cause["Error"], &cause["Cause"], &cause["Name"]],
        ["FAILED", "Bad", "as asked", "two"]
    );
}

#[tokio::test]
async fn a_stop_ends_a_wait_and_the_pause_of_a_retry() {
    let engine = Engine::start().await;
    let task = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": { "FunctionName": "nothing" }, "End": true,
        "Retry": [{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 360_000 }]
    });
    let wait = json!({ "Type": "Wait", "Seconds": 360_000, "End": true });
    for (name, state, sign) in [("pauses", task, "TaskFailed"), ("waits", wait, "WaitStateEntered")] {
        let machine = engine.machine(name, json!({ "A": state })).await;
        let mut running = Running::start(&engine.aws, &machine, &json!({})).await.unwrap();
        while !running.news().await.unwrap().iter().any(|event| event.kind == sign) {
            assert_eq!(running.outcome().await.unwrap(), None, "{name}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running.stop().await.unwrap();
        let stopped = running.finish(LIMIT).await.unwrap();
        assert_eq!(stopped.failure().unwrap().status, "ABORTED", "{name}");
    }
}

/// The emulator, which has the queue, and this engine.
struct Beside {
    engine: Engine,
    emulator: Aws,
    queue: String,
    _emulator: Emulator,
    _dir: TempDir,
}

impl Beside {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let python = python::ensure(&|text| eprintln!("{text}")).unwrap();
        let log = dir.path().join("emulator.log");
        let settings = emulator::Settings::alone(&python, free_port().unwrap(), dir.path(), &log, SPEED);
        let running = Emulator::start(settings).await.unwrap();
        let emulator = Aws::new(&running.url).unwrap();
        let name = json!({ "QueueName": "watch" });
        let made = emulator.expect_json("sqs", "AmazonSQS.CreateQueue", &name).await;
        Self {
            engine: Engine::start_beside(&running.url).await,
            emulator,
            queue: made.unwrap()["QueueUrl"].as_str().unwrap().to_owned(),
            _emulator: running,
            _dir: dir,
        }
    }

    /// The next message, which is JSON, taken from the queue.
    async fn message(&self) -> Value {
        let deadline = Instant::now() + LIMIT;
        let sqs = async |action: &str, body: &Value| {
            let target = format!("AmazonSQS.{action}");
            self.emulator.expect_json("sqs", &target, body).await.unwrap()
        };
        loop {
            let received = sqs("ReceiveMessage", &json!({ "QueueUrl": self.queue })).await;
            let message = &received["Messages"][0];
            if let Some(body) = message["Body"].as_str() {
                let taken = json!({ "QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"] });
                sqs("DeleteMessage", &taken).await;
                return serde_json::from_str(body).unwrap();
            }
            assert!(Instant::now() < deadline, "no message");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Answers a task that waits; the error's code where that is refused.
    async fn answer(&self, token: &Value, output: &str) -> Result<(), String> {
        let body = json!({ "taskToken": token, "output": output });
        let aws = &self.engine.aws;
        let answer = aws.json("states", "AWSStepFunctions.SendTaskSuccess", &body).await;
        answer.unwrap().map(drop).map_err(|error| error.code)
    }
}

#[tokio::test]
async fn a_callback_is_answered_ends_with_its_time_or_is_stopped() {
    let beside = Beside::start().await;
    let mut states = json!({
        "A": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Arguments": {
                "QueueUrl": beside.queue, "DelaySeconds": "{% $states.input.delay %}",
                "MessageBody": { "task_token": "{% $states.context.Task.Token %}", "document": "{% $states.input %}" }
            },
            "Output": "{% $merge([$states.input, { 'answer': $states.result }]) %}",
            "TimeoutSeconds": 3600,
            "Catch": [{ "ErrorEquals": ["States.Timeout"], "Output": { "late": true }, "Next": "B" }],
            "Next": "B"
        },
        "B": { "Type": "Succeed" }
    });
    let engine = &beside.engine;
    let machine = engine.machine("waits", states.clone()).await;
    let start = async |machine: &str| {
        let running = Running::start(&engine.aws, machine, &json!({ "delay": 30 })).await;
        running.unwrap()
    };
    let kinds = |execution: &Execution| -> Vec<String> {
        let events = execution.history.iter().map(|event| event.kind.clone());
        events.filter(|kind| kind.starts_with("Task")).collect()
    };

    let running = start(&machine).await;
    let message = beside.message().await;
    assert_eq!(message["document"], json!({ "delay": 30 }));
    let token = &message["task_token"];
    assert_eq!(beside.answer(token, "no JSON").await.unwrap_err(), "InvalidOutput");
    assert_eq!(beside.answer(&json!("other"), "{}").await.unwrap_err(), "InvalidToken");
    beside.answer(token, r#"{"ready": true}"#).await.unwrap();
    let good = running.finish(LIMIT).await.unwrap();
    assert_eq!(
        good.output().unwrap(),
        &json!({ "delay": 30, "answer": { "ready": true } })
    );
    let events = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted"];
    assert_eq!(
        kinds(&good),
        [&events[..], &["TaskSucceeded", "TaskStateExited"]].concat()
    );
    assert_eq!(beside.answer(token, "{}").await.unwrap_err(), "TaskTimedOut");

    // Two minutes, which are two seconds here.
    states["A"]["TimeoutSeconds"] = json!(120);
    let machine = engine.machine("hurries", states.clone()).await;
    let began = Instant::now();
    let late = start(&machine).await.finish(LIMIT).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(late.output().unwrap(), &json!({ "late": true }));
    assert_eq!(
        kinds(&late),
        [&events[..], &["TaskTimedOut", "TaskStateExited"]].concat()
    );
    let token = &beside.message().await["task_token"];
    assert_eq!(beside.answer(token, "{}").await.unwrap_err(), "TaskTimedOut");

    let refused = Running::start(&engine.aws, &machine, &json!({ "delay": 901 })).await;
    let refused = refused.unwrap().finish(LIMIT).await.unwrap();
    assert_eq!(refused.failure().unwrap().error, "SQS.AmazonSQSException");

    states["A"].as_object_mut().unwrap().remove("TimeoutSeconds");
    let machine = engine.machine("stops", states).await;
    let running = start(&machine).await;
    let token = &beside.message().await["task_token"];
    running.stop().await.unwrap();
    assert_eq!(beside.answer(token, "{}").await.unwrap_err(), "TaskTimedOut");
    let stopped = running.finish(LIMIT).await.unwrap();
    assert_eq!(stopped.failure().unwrap().status, "ABORTED");
    assert_eq!(kinds(&stopped), events, "the stop is not the task's failure");
}

#[test]
fn another_moto_is_refused() {
    let python = python::ensure_strict(&|text| eprintln!("{text}")).unwrap();
    let other = "import importlib.metadata as metadata\nmetadata.version = lambda name: '9.9.9'\n";
    let output = Command::new(python)
        .args(["-c", &format!("{other}{LAUNCHER}")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("9.9.9 is installed"),
        "{said}"
    );
}
