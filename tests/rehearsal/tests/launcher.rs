//! What the launcher adds to MiniStack, as AWS documents it, on small state machines.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rehearsal::Execution;
use rehearsal::aws::Aws;
use rehearsal::deploy::deploy;
use rehearsal::emulator::{Emulator, Settings, free_port};
use rehearsal::execution::Running;
use rehearsal::functions::{Zips, zip};
use rehearsal::package::package;
use rehearsal::python;
use serde_json::{Value, json};
use tempfile::TempDir;

const LAUNCHER: &str = include_str!("../src/launcher.py");
const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
const SPEED: f64 = 60.0;

struct Engine {
    aws: Aws,
    _emulator: Emulator,
    dir: TempDir,
}

impl Engine {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let python = python::ensure(&|text| eprintln!("{text}")).unwrap();
        let log = dir.path().join("emulator.log");
        let settings = Settings::alone(&python, free_port().unwrap(), dir.path(), &log, SPEED);
        let emulator = Emulator::start(settings).await.unwrap();
        Self {
            aws: Aws::new(&emulator.url).unwrap(),
            _emulator: emulator,
            dir,
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

    async fn sqs(&self, action: &str, body: &Value) -> Value {
        let target = format!("AmazonSQS.{action}");
        self.aws.expect_json("sqs", &target, body).await.unwrap()
    }

    /// Makes a queue; its URL.
    async fn queue(&self, name: &str) -> String {
        let made = self.sqs("CreateQueue", &json!({ "QueueName": name })).await;
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// The next message, which is JSON, taken from the queue.
    async fn message(&self, queue: &str) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let received = self.sqs("ReceiveMessage", &json!({ "QueueUrl": queue })).await;
            let message = &received["Messages"][0];
            if let Some(body) = message["Body"].as_str() {
                let handle = &message["ReceiptHandle"];
                self.sqs("DeleteMessage", &json!({ "QueueUrl": queue, "ReceiptHandle": handle }))
                    .await;
                return serde_json::from_str(body).unwrap();
            }
            assert!(Instant::now() < deadline, "no message in {queue}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Answers a task that waits; the error's code where that is refused.
    async fn answer(&self, token: &Value, output: &str) -> Result<(), String> {
        let body = json!({ "taskToken": token, "output": output });
        let answer = self.aws.json("states", "AWSStepFunctions.SendTaskSuccess", &body).await;
        answer.unwrap().map(drop).map_err(|error| error.code)
    }
}

/// Minutes that are seconds here, and an hour.
const SHORT: u32 = 120;
const LONG: u32 = 3600;

/// Waits for an answer to its message.
fn waiting(queue: &str, timeout_seconds: u32) -> Value {
    json!({
        "A": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Arguments": {
                "QueueUrl": queue, "DelaySeconds": "{% $states.input.delay %}",
                "MessageBody": { "task_token": "{% $states.context.Task.Token %}", "document": "{% $states.input %}" }
            },
            "Output": "{% $merge([$states.input, { 'answer': $states.result }]) %}",
            "TimeoutSeconds": timeout_seconds,
            "Catch": [{ "ErrorEquals": ["States.Timeout"], "Output": { "late": true }, "Next": "B" }],
            "Next": "B"
        },
        "B": { "Type": "Succeed" }
    })
}

fn kinds(execution: &Execution) -> Vec<&str> {
    let events = execution.history.iter().map(|event| event.kind.as_str());
    events.filter(|kind| kind.starts_with("Task")).collect()
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

#[tokio::test]
async fn a_callback_hands_on_its_answer_or_ends_when_its_time_has_passed() {
    let engine = Engine::start().await;
    let queue = engine.queue("watch").await;
    let machine = engine.machine("waits", waiting(&queue, LONG)).await;
    let running = Running::start(&engine.aws, &machine, &json!({ "delay": 0 }))
        .await
        .unwrap();
    let message = engine.message(&queue).await;
    assert_eq!(message["document"], json!({ "delay": 0 }));
    let token = &message["task_token"];
    assert_eq!(engine.answer(token, "no JSON").await.unwrap_err(), "InvalidOutput");
    assert_eq!(engine.answer(&json!("other"), "{}").await.unwrap_err(), "InvalidToken");
    engine.answer(token, r#"{"ready": true}"#).await.unwrap();
    assert_eq!(engine.answer(token, "{}").await.unwrap_err(), "TaskTimedOut");
    let good = running.finish(LIMIT).await.unwrap();
    assert_eq!(
        good.output().unwrap(),
        &json!({ "delay": 0, "answer": { "ready": true } })
    );
    let events = ["TaskStateEntered", "TaskScheduled", "TaskSubmitted"];
    assert_eq!(
        kinds(&good),
        [&events[..], &["TaskSucceeded", "TaskStateExited"]].concat()
    );

    let machine = engine.machine("hurries", waiting(&queue, SHORT)).await;
    let began = Instant::now();
    let late = engine.run(&machine, json!({ "delay": 0 })).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(late.output().unwrap(), &json!({ "late": true }));
    assert_eq!(
        kinds(&late),
        [&events[..], &["TaskTimedOut", "TaskStateExited"]].concat()
    );
    let token = &engine.message(&queue).await["task_token"];
    assert_eq!(engine.answer(token, "{}").await.unwrap_err(), "TaskTimedOut");

    // SQS refuses it, and a test does, before and after.
    let refused = engine.run(&machine, json!({ "delay": 901 })).await;
    assert_eq!(refused.failure().unwrap().error, "SQS.AmazonSQSException");
    for after in [false, true] {
        let failure = json!({ "task": "sqs:sendMessage", "nth": 1, "error": "SQS.AmazonSQSException", "after": after });
        engine.call("RehearsalExpectTasks", &failure).await;
        let failed = engine.run(&machine, json!({ "delay": 0, "after": after })).await;
        assert_eq!(failed.failure().unwrap().cause, "simulated failure");
    }
    let message = engine.message(&queue).await;
    assert_eq!(message["document"]["after"], true, "the other was never sent");
    assert_eq!(
        engine.answer(&message["task_token"], "{}").await.unwrap_err(),
        "TaskTimedOut"
    );
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_callback_and_a_redrive_waits_anew() {
    let engine = Engine::start().await;
    let queue = engine.queue("watch").await;
    let mut states = waiting(&queue, LONG);
    states["A"].as_object_mut().unwrap().remove("TimeoutSeconds");
    let machine = engine.machine("stops", states).await;
    let running = Running::start(&engine.aws, &machine, &json!({ "delay": 0 }))
        .await
        .unwrap();
    let first = engine.message(&queue).await;
    running.stop().await.unwrap();
    assert_eq!(
        engine.answer(&first["task_token"], "{}").await.unwrap_err(),
        "TaskTimedOut"
    );
    running.redrive().await.unwrap();
    let second = engine.message(&queue).await;
    assert_ne!(first["task_token"], second["task_token"]);
    engine.answer(&second["task_token"], "1").await.unwrap();
    let ended = running.finish(LIMIT).await.unwrap();
    assert_eq!(ended.output().unwrap(), &json!({ "delay": 0, "answer": 1 }));
    let failed = kinds(&ended).contains(&"TaskFailed");
    assert!(!failed, "the stop is not the task's failure");
}

#[tokio::test]
async fn a_message_comes_when_its_delay_has_passed_in_simulated_time() {
    let engine = Engine::start().await;
    let queue = engine.queue("delays").await;
    let began = Instant::now();
    for (text, delay) in [("later", 150), ("soon", 90)] {
        let body = json!({ "QueueUrl": queue, "MessageBody": format!("\"{text}\""), "DelaySeconds": delay });
        engine.sqs("SendMessage", &body).await;
    }
    assert_eq!(engine.message(&queue).await, "soon");
    assert!(began.elapsed() >= Duration::from_millis(1500), "{:?}", began.elapsed());
    assert_eq!(engine.message(&queue).await, "later");
    assert!(began.elapsed() >= Duration::from_millis(2500), "{:?}", began.elapsed());
    assert!(
        began.elapsed() < LIMIT,
        "in real time it would be two and a half minutes"
    );
}

const CONSUMING: &str = r#"
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
  Consumer:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: {Binary: consumer}
    Properties:
      CodeUri: .
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 20
      Events:
        Message: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 1, ScalingConfig: {MaximumConcurrency: 10}}}
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: flow.asl.json
      DefinitionSubstitutions: {QueueUrl: !Ref Queue}
      Policies:
        - SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}
Outputs:
  FlowArn: {Value: !GetAtt Flow.Arn}
  QueueUrl: {Value: !Ref Queue}
  DeadUrl: {Value: !Ref Dead}
"#;

/// Answers the task that waits for its message, after some real time; or fails where the message says so.
const CONSUMER: &str = r#"#!/usr/bin/env python3
import json, os, time, urllib.request as http
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
def post(url, body, headers={}):
    http.urlopen(http.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})).read()
while True:
    with http.urlopen(api + "next") as request:
        id, event = request.headers["Lambda-Runtime-Aws-Request-Id"], json.load(request)
    message = json.loads(event["Records"][0]["body"])
    document = message["document"]
    print("looked at", document["name"], flush=True)
    if document.get("fail"):
        post(api + id + "/error", {"errorType": "Rejected", "errorMessage": "as asked"})
        continue
    time.sleep(document["seconds"])
    post(os.environ["AWS_ENDPOINT_URL"], {"taskToken": message["task_token"], "output": json.dumps(document["name"])}, {
        "X-Amz-Target": "AWSStepFunctions.SendTaskSuccess",
        "Authorization": "AWS4-HMAC-SHA256 Credential=111122223333/20260101/eu-west-1/states/aws4_request, Signature=none",
    })
    post(api + id + "/response", {})
"#;

#[tokio::test]
async fn a_function_answers_what_it_consumes_and_what_it_fails_at_ends_as_a_dead_letter() {
    let engine = Engine::start().await;
    let dir = engine.dir.path();
    let states = waiting("${QueueUrl}", LONG);
    let flow = json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": states });
    fs::write(dir.join("flow.asl.json"), flow.to_string()).unwrap();
    fs::write(dir.join("template.yaml"), CONSUMING).unwrap();
    fs::write(dir.join("consumer.zip"), zip(CONSUMER.as_bytes()).unwrap()).unwrap();
    let zips = Zips::from([("consumer".to_owned(), dir.join("consumer.zip"))]);
    let package = package(&dir.join("template.yaml"), &zips, "artefacts").unwrap();
    engine.aws.create_bucket("artefacts").await.unwrap();
    let outputs = deploy(&engine.aws, "toy", "artefacts", &package, &BTreeMap::new())
        .await
        .unwrap();

    // The one takes longer than the queue's VisibilityTimeout does in simulated time.
    let input = |name: &str, delay: u32, seconds: f64| json!({ "name": name, "delay": delay, "seconds": seconds });
    let (slow, quick) = tokio::join!(
        engine.run(&outputs["FlowArn"], input("slow", 0, 2.5)),
        engine.run(&outputs["FlowArn"], input("quick", 60, 0.0))
    );
    assert_eq!(slow.output().unwrap()["answer"], "slow");
    assert_eq!(quick.output().unwrap()["answer"], "quick");

    let began = Instant::now();
    let bad = json!({ "document": { "name": "bad", "fail": true } });
    let body = json!({ "QueueUrl": outputs["QueueUrl"], "MessageBody": bad.to_string() });
    engine.sqs("SendMessage", &body).await;
    assert_eq!(engine.message(&outputs["DeadUrl"]).await, bad);
    let twice = began.elapsed();
    assert!(
        twice >= Duration::from_secs(2),
        "it is out of sight for a minute after each of two attempts: {twice:?}"
    );
    let looks = async |name: &str| {
        let logs = engine.aws.logs().await.unwrap();
        let line = format!("looked at {name}");
        logs.values().map(|text| text.matches(&line).count()).sum::<usize>()
    };
    assert_eq!((looks("slow").await, looks("bad").await), (1, 2));
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
