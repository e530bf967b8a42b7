//! What the launcher changes in moto, as AWS documents it, on small state machines.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use rehearsal::aws::Aws;
use rehearsal::execution::{Execution, Running};
use rehearsal::python;
use rehearsal::strict::{self, Settings, Strict};
use serde_json::{Value, json};
use tempfile::TempDir;

const LAUNCHER: &str = include_str!("../src/strict.py");
const LIMIT: Duration = Duration::from_secs(60);

struct Engine {
    aws: Aws,
    _strict: Strict,
    _dir: TempDir,
}

impl Engine {
    /// Nothing here calls the emulator.
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let python = python::ensure_strict(&|text| eprintln!("{text}")).unwrap();
        let settings = Settings {
            python: &python,
            emulator_url: "http://127.0.0.1:1",
            temp_dir: dir.path(),
            log: &dir.path().join("strict.log"),
            speed: 60.0,
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
