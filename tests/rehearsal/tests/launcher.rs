//! What the launcher adds to MiniStack, as AWS documents it, on small state machines.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use rehearsal::Execution;
use rehearsal::aws::Aws;
use rehearsal::emulator::{Emulator, Settings, free_port};
use rehearsal::execution::Running;
use rehearsal::python;
use serde_json::{Value, json};
use tempfile::TempDir;

const LAUNCHER: &str = include_str!("../src/launcher.py");
const LIMIT: Duration = Duration::from_secs(30);

struct Engine {
    aws: Aws,
    _emulator: Emulator,
    _dir: TempDir,
}

impl Engine {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let python = python::ensure(&|text| eprintln!("{text}")).unwrap();
        let log = dir.path().join("emulator.log");
        let settings = Settings::alone(&python, free_port().unwrap(), dir.path(), &log, 60.0);
        let emulator = Emulator::start(settings).await.unwrap();
        Self {
            aws: Aws::new(&emulator.url).unwrap(),
            _emulator: emulator,
            _dir: dir,
        }
    }

    /// Makes a state machine of these states, of which `A` is the first; its ARN.
    async fn machine(&self, name: &str, states: Value) -> String {
        let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": states });
        let role = "arn:aws:iam::111122223333:role/machine";
        let body = json!({ "name": name, "definition": definition.to_string(), "roleArn": role });
        let made = self.call("CreateStateMachine", &body).await;
        made["stateMachineArn"].as_str().unwrap().to_owned()
    }

    async fn call(&self, action: &str, body: &Value) -> Value {
        let target = format!("AWSStepFunctions.{action}");
        self.aws.expect_json("states", &target, body).await.unwrap()
    }

    async fn run(&self, machine: &str, input: Value) -> Execution {
        let running = Running::start(&self.aws, machine, &input).await.unwrap();
        running.finish(LIMIT).await.unwrap()
    }
}

/// Fails where the item says so.
fn processor() -> Value {
    json!({
        "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
        "StartAt": "IsGood",
        "States": {
            "IsGood": { "Type": "Choice", "Choices": [{ "Condition": "{% $states.input.good %}", "Next": "Good" }], "Default": "Bad" },
            "Good": { "Type": "Pass", "Output": "{% $states.input.n * 2 %}", "End": true },
            "Bad": { "Type": "Fail", "Error": "Bad", "Cause": "as asked" }
        }
    })
}

#[tokio::test]
async fn the_fields_of_a_distributed_map_are_expressions() {
    let engine = Engine::start().await;
    let map = json!({ "A": {
        "Type": "Map", "Label": "Each", "End": true,
        "Items": "{% $states.input.numbers %}",
        "ItemSelector": { "n": "{% $states.context.Map.Item.Value %}", "good": "{% $states.context.Map.Item.Value < $states.input.limit %}" },
        "MaxConcurrency": "{% $states.input.at_once %}",
        "ToleratedFailurePercentage": "{% $states.input.tolerated %}",
        "ItemProcessor": processor(),
        "Output": { "doubled": "{% $states.result %}" }
    }});
    let machine = engine.machine("map", map).await;
    let input = |limit: u32, tolerated: u32| json!({ "numbers": [1, 2, 3, 4], "limit": limit, "at_once": 1, "tolerated": tolerated });
    let all = engine.run(&machine, input(9, 0)).await;
    assert_eq!(all.output().unwrap(), &json!({ "doubled": [2, 4, 6, 8] }));
    let some = engine.run(&machine, input(4, 25)).await;
    assert_eq!(some.output().unwrap(), &json!({ "doubled": [2, 4, 6, null] }));

    let few = engine.run(&machine, input(1, 25)).await;
    assert_eq!(few.failure().unwrap().error, "States.ExceedToleratedFailureThreshold");
    let runs = engine.call("ListMapRuns", &json!({ "executionArn": few.arn })).await;
    let run = json!({ "mapRunArn": runs["mapRuns"][0]["mapRunArn"] });
    let counts = engine.call("DescribeMapRun", &run).await["itemCounts"].take();
    assert_eq!(
        (&counts["failed"], &counts["pending"]),
        (&json!(2), &json!(2)),
        "it starts nothing more: {counts}"
    );
}

#[tokio::test]
async fn a_redriven_map_runs_again_what_failed() {
    let engine = Engine::start().await;
    let mut processor = processor();
    // Good once it is redriven.
    processor["States"]["IsGood"]["Choices"][0]["Condition"] =
        json!("{% $states.input.good or $states.context.Execution.RedriveCount > 0 %}");
    processor["StartAt"] = json!("First");
    processor["States"]["First"] = json!({ "Type": "Pass", "Next": "Fails" });
    processor["States"]["Fails"] = processor["States"]["IsGood"].clone();
    processor["States"].as_object_mut().unwrap().remove("IsGood");
    // A choice that leads to a Fail state would be redriven at that state: the step that fails is the choice itself.
    processor["States"]["Fails"].as_object_mut().unwrap().remove("Default");
    let map =
        json!({ "A": { "Type": "Map", "End": true, "Items": "{% $states.input %}", "ItemProcessor": processor } });
    let machine = engine.machine("again", map).await;
    let items = json!([{ "n": 1, "good": true }, { "n": 2, "good": false }]);
    let running = Running::start(&engine.aws, &machine, &items).await.unwrap();
    let failed = running.clone().finish(LIMIT).await.unwrap();
    assert_eq!(
        failed.failure().unwrap().error,
        "States.ExceedToleratedFailureThreshold"
    );
    running.redrive().await.unwrap();
    let ended = running.clone().finish(LIMIT).await.unwrap();
    assert_eq!(ended.output().unwrap(), &json!([2, 4]));
    let runs = engine.call("ListMapRuns", &json!({ "executionArn": ended.arn })).await;
    assert_eq!(runs["mapRuns"].as_array().unwrap().len(), 1, "the same Map Run");
    let refused = running.redrive().await.unwrap_err().to_string();
    assert!(refused.contains("ExecutionNotRedrivable"), "{refused}");
}

#[tokio::test]
async fn a_nested_execution_is_one_under_its_name_and_fails_with_its_description() {
    let engine = Engine::start().await;
    let nested = json!({
        "A": { "Type": "Wait", "Seconds": "{% $states.input.seconds %}", "Next": "B" },
        "B": { "Type": "Choice", "Choices": [{ "Condition": "{% $states.input.good %}", "Next": "C" }], "Default": "D" },
        "C": { "Type": "Succeed" },
        "D": { "Type": "Fail", "Error": "Bad", "Cause": "as asked" }
    });
    let nested = engine.machine("nested", nested).await;
    let caller = json!({ "A": {
        "Type": "Task", "End": true, "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": { "StateMachineArn": nested, "Name": "{% $states.input.name %}", "Input": "{% $states.input.input %}" },
        "Output": "{% $states.result.ExecutionArn %}"
    }});
    let caller = engine.machine("caller", caller).await;
    let input =
        |name: &str, good: bool, seconds: u32| json!({ "name": name, "input": { "good": good, "seconds": seconds } });

    let (one, other) = tokio::join!(
        engine.run(&caller, input("same", true, 120)),
        engine.run(&caller, input("same", true, 120))
    );
    assert_eq!(one.output().unwrap(), other.output().unwrap(), "both wait for the one");
    let again = engine.run(&caller, input("same", true, 120)).await;
    assert_eq!(
        again.failure().unwrap().error,
        "StepFunctions.ExecutionAlreadyExistsException"
    );

    let failed = engine.run(&caller, input("bad", false, 0)).await;
    let failure = failed.failure().unwrap();
    let cause: Value = serde_json::from_str(&failure.cause).unwrap();
    assert_eq!(failure.error, "States.TaskFailed");
    assert_eq!(
        [&cause["Status"], &cause["Error"], &cause["Cause"], &cause["Name"]],
        ["FAILED", "Bad", "as asked", "bad"]
    );

    let running = Running::start(&engine.aws, &caller, &input("long", true, 3600))
        .await
        .unwrap();
    let arn = format!("{}:long", nested.replace(":stateMachine:", ":execution:"));
    let described = json!({ "executionArn": arn });
    let status = async || {
        let answer = engine
            .aws
            .json("states", "AWSStepFunctions.DescribeExecution", &described)
            .await;
        answer
            .unwrap()
            .map_or(Value::Null, |mut answer| answer["status"].take())
    };
    while status().await != "RUNNING" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await.unwrap();
    while status().await != "ABORTED" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn another_ministack_is_refused() {
    let python = python::ensure(&|text| eprintln!("{text}")).unwrap();
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
