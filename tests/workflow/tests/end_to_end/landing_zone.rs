//! From an account that a landing zone makes to a connection in it: the documented samples of Control Tower and AFT, whole.

use rehearsal::emulator::REGION;
use rehearsal::execution::Running;
use serde_json::{Value, json};
use simulators::recorder::{Api, Call};
use std::fs;
use std::time::Duration;

use crate::bus::ACCOUNT;
use crate::stage::{Stage, stage};
use crate::vending::{control_tower_for, orders};

/// The account that is made.
const NEW: &str = "123456789012";
const AFT: &str = "infra/aft/aft-account-provisioning-customizations.asl.json";

/// The landing zone gives the account its role and its network when a run is waiting for them already.
async fn arrives(stage: &Stage) {
    let refused = |call: &Call| call.api == Api::Sts && call.status == 403;
    stage.until_calls("refused AssumeRole", 1, refused).await;
    let cidr = "10.20.0.0/16".parse().unwrap();
    let ec2 = &stage.environment.simulators.ec2;
    ec2.with_world(|world| world.vend_account(NEW, REGION, cidr));
}

async fn assert_connected(stage: &Stage, output: &Value) {
    assert_eq!(output["endpoint"]["account_id"], NEW);
    assert!(!output["components"].as_array().unwrap().is_empty());
    let endpoints = stage.endpoints();
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0].owner_account, NEW);
    assert_eq!(output["endpoint"]["endpoint_id"], endpoints[0].id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn control_tower_makes_an_account_and_it_is_connected() {
    let stage = stage(|_| {}).await;
    stage.keep_profile("orders", &orders()).await;
    let id = "999cccaa-eaaa-0000-1111-123456789012";
    let event = control_tower_for(NEW, id, "CreateManagedAccount", "SUCCEEDED");
    assert!(stage.matches("ControlTowerRule", &event).await);
    stage.hand_over(&event).await;
    arrives(&stage).await;
    let execution = stage.ended(&format!("vend-orders-{NEW}-")).await;
    let output = stage.output(&execution).await;
    assert_connected(&stage, &output).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aft_makes_an_account_and_it_is_connected() {
    let stage = stage(|_| {}).await;
    stage.keep_profile("orders", &orders()).await;
    let bus = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default");
    let definition = fs::read_to_string(rehearsal::paths::workspace_root().join(AFT)).unwrap();
    let body = json!({
        "name": "aft-account-provisioning-customizations", "definition": definition.replace("${event_bus_arn}", &bus),
        "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/aft")
    });
    let aws = &stage.environment.aws;
    let made = aws.expect_json("states", "AWSStepFunctions.CreateStateMachine", &body);
    let machine = made.await.unwrap()["stateMachineArn"].as_str().unwrap().to_owned();
    let mut payload: Value = serde_json::from_str(include_str!("../samples/aft-payload.json")).unwrap();
    payload["account_request"]["custom_fields"] = json!(json!({"privatelink": "orders"}).to_string());
    let running = Running::start(aws, &machine, &payload).await.unwrap();
    // AFT's own run has ended when the workflow's has only begun to wait.
    running.finish(Duration::from_secs(60)).await.unwrap().output().unwrap();
    assert!(stage.endpoints().is_empty());
    arrives(&stage).await;
    let execution = stage.ended(&format!("vend-orders-{NEW}-")).await;
    let output = stage.output(&execution).await;
    assert_connected(&stage, &output).await;
    stage.close().await;
}
