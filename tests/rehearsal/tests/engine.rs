//! The engine and the way onto it, with a small stack of its own: no function of the product is needed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rehearsal::aws::Aws;
use rehearsal::deploy::deploy;
use rehearsal::emulator::{self, Emulator, Settings, free_port};
use rehearsal::execution::Running;
use rehearsal::functions::{Zips, zip};
use rehearsal::package::package;
use rehearsal::python;
use serde_json::json;
use tempfile::TempDir;

const TEMPLATE: &str = r#"
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String}
Globals:
  Function: {Runtime: provided.al2023, Handler: bootstrap, Timeout: 20, Architectures: [arm64]}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: {Binary: echo}
    Properties:
      CodeUri: .
      Environment: {Variables: {GREETING: !Ref Greeting}}
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: flow.asl.json
      DefinitionSubstitutions: {EchoArn: !GetAtt Echo.Arn}
      Policies:
        - LambdaInvokePolicy: {FunctionName: !Ref Echo}
Outputs:
  FlowArn: {Value: !GetAtt Flow.Arn}
"#;

const FLOW: &str = r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "Look",
  "States": {
    "Look": {
      "Type": "Task",
      "Resource": "arn:aws:states:::lambda:invoke",
      "Arguments": { "FunctionName": "${EchoArn}", "Payload": "{% $states.input %}" },
      "Output": "{% $states.result.Payload %}",
      "Next": "Pause"
    },
    "Pause": { "Type": "Wait", "Seconds": 60, "Next": "Done" },
    "Done": { "Type": "Succeed" }
  }
}"#;

/// The Lambda Runtime API in a few lines: answers the greeting and the event, or fails where the event says so.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request as http
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with http.urlopen(api + "next") as request:
        id, event = request.headers["Lambda-Runtime-Aws-Request-Id"], json.load(request)
    print("looked at", json.dumps(event), flush=True)
    if event.get("fail"):
        path, answer = "/error", {"errorType": "Rejected", "errorMessage": "as asked"}
    else:
        path, answer = "/response", {"greeting": os.environ["GREETING"], "event": event, "ec2": os.environ.get("AWS_ENDPOINT_URL_EC2")}
    http.urlopen(http.Request(api + id + path, json.dumps(answer).encode(), {"Content-Type": "application/json"})).read()
"#;

async fn start(dir: &Path, port: u16) -> rehearsal::Result<Emulator> {
    let python = python::ensure(&|text| eprintln!("{text}"))?;
    let log = dir.join("emulator.log");
    let settings = Settings {
        ec2_url: Some("http://127.0.0.1:1"),
        ..Settings::alone(&python, port, dir, &log, 60.0)
    };
    Emulator::start(settings).await
}

#[tokio::test]
async fn a_stack_is_deployed_and_its_state_machine_runs() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("template.yaml"), TEMPLATE).unwrap();
    fs::write(dir.path().join("flow.asl.json"), FLOW).unwrap();
    fs::write(dir.path().join("echo.zip"), zip(BOOTSTRAP.as_bytes()).unwrap()).unwrap();
    let zips = Zips::from([("echo".to_owned(), dir.path().join("echo.zip"))]);
    let package = package(&dir.path().join("template.yaml"), &zips, "artefacts").unwrap();

    let emulator = start(dir.path(), free_port().unwrap()).await.unwrap();
    let aws = Aws::new(&emulator.url).unwrap();
    aws.create_bucket("artefacts").await.unwrap();
    let parameters = |greeting: &str| BTreeMap::from([("Greeting".to_owned(), greeting.to_owned())]);
    let outputs = deploy(&aws, "toy", "artefacts", &package, &parameters("hello"))
        .await
        .unwrap();
    let flow = &outputs["FlowArn"];
    assert!(
        flow.starts_with(&format!("arn:aws:states:{}:{}:", emulator::REGION, emulator::ACCOUNT)),
        "{flow}"
    );

    let run = async |input: serde_json::Value| {
        let running = Running::start(&aws, flow, &input).await.unwrap();
        running.finish(Duration::from_secs(30)).await.unwrap()
    };
    let good = run(json!({ "n": 1 })).await;
    let expected = json!({ "greeting": "hello", "event": { "n": 1 }, "ec2": "http://127.0.0.1:1" });
    assert_eq!(good.output().unwrap(), &expected);
    assert_eq!(good.states(), ["Look", "Pause", "Done"]);

    let bad = run(json!({ "fail": true })).await;
    let failure = bad.failure().unwrap();
    assert_eq!(
        (failure.error.as_str(), failure.message().as_str()),
        ("Rejected", "as asked")
    );

    deploy(&aws, "toy", "artefacts", &package, &parameters("good day"))
        .await
        .unwrap();
    assert_eq!(run(json!({})).await.output().unwrap()["greeting"], "good day");

    let logs = aws.logs().await.unwrap();
    assert!(
        logs.values().any(|text| text.contains(r#"looked at {"n": 1}"#)),
        "{logs:?}"
    );

    aws.put_secret("privatelink/aiven", "{}").await.unwrap();
    aws.put_secret("privatelink/aiven", r#"{"token":"x"}"#).await.unwrap();
    let id = json!({ "SecretId": "privatelink/aiven" });
    let secret = aws
        .expect_json("secretsmanager", "secretsmanager.GetSecretValue", &id)
        .await
        .unwrap();
    assert_eq!(secret["SecretString"], r#"{"token":"x"}"#);
}

#[tokio::test]
async fn a_stack_that_fails_says_which_resource_and_why() {
    let dir = TempDir::new().unwrap();
    let template = "Resources: {Odd: {Type: AWS::IAM::Policy, Properties: {PolicyName: p, Roles: [nobody], PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: 'sqs:*', Resource: '*'}]}}}}";
    fs::write(dir.path().join("template.yaml"), template).unwrap();
    let package = package(&dir.path().join("template.yaml"), &Zips::new(), "artefacts").unwrap();

    let emulator = start(dir.path(), free_port().unwrap()).await.unwrap();
    let aws = Aws::new(&emulator.url).unwrap();
    aws.create_bucket("artefacts").await.unwrap();
    let error = deploy(&aws, "toy", "artefacts", &package, &BTreeMap::new())
        .await
        .unwrap_err()
        .to_string();
    eprintln!("{error}");
    assert!(error.contains("Odd CREATE_FAILED: "), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_not_mistaken_for_ours() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let port = free_port().unwrap();
    let _first = start(dirs[0].path(), port).await.unwrap();
    let error = start(dirs[1].path(), port).await.unwrap_err().to_string();
    assert!(
        error.contains("already in use") && error.contains("emulator.log"),
        "{error}"
    );
}
