//! The emulator alone, for definitions that need no function of the product; and a queue behind an event bus.

use std::path::PathBuf;
use std::time::Duration;

use rehearsal::aws::Aws;
use rehearsal::emulator::{ACCOUNT, Emulator, REGION, Settings, free_port};
use rehearsal::execution::{Execution, Running};
use rehearsal::{paths, python};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How much faster than the wall's clock simulated time passes.
const SPEED: f64 = 200.0;
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// A running emulator without a stack.
pub(crate) struct Cloud {
    pub(crate) aws: Aws,
    pub(crate) emulator: Emulator,
    /// The interpreter, whose environment has the AWS CLI.
    pub(crate) python: PathBuf,
    pub(crate) dir: TempDir,
}

/// A file of the repository.
pub(crate) fn file(path: &str) -> PathBuf {
    paths::workspace_root().join(path)
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let python = tokio::task::spawn_blocking(|| python::ensure(&|text| eprintln!("{text}")).unwrap());
        let python = python.await.unwrap();
        let dir = TempDir::new().unwrap();
        let log = dir.path().join("emulator.log");
        let settings = Settings::alone(&python, free_port().unwrap(), dir.path(), &log, SPEED);
        let emulator = Emulator::start(settings).await.unwrap();
        Self {
            aws: Aws::new(&emulator.url).unwrap(),
            emulator,
            python,
            dir,
        }
    }

    /// Creates a state machine; its ARN.
    pub(crate) async fn machine(&self, name: &str, definition: &str) -> String {
        let body = json!({
            "name": name, "definition": definition, "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{name}")
        });
        let made = self
            .aws
            .expect_json("states", "AWSStepFunctions.CreateStateMachine", &body);
        made.await.unwrap()["stateMachineArn"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn run(&self, machine: &str, input: &Value) -> Execution {
        let running = Running::start(&self.aws, machine, input).await.unwrap();
        running.finish(RUN_LIMIT).await.unwrap()
    }
}

/// A queue that gets what a rule on an event bus matches.
pub(crate) struct Caught {
    aws: Aws,
    url: String,
}

impl Caught {
    /// On the bus of this name, which must be there.
    pub(crate) async fn on(aws: &Aws, bus: &str, pattern: &Value) -> Self {
        let name = format!("caught-{bus}");
        let queue = json!({"QueueName": name});
        let queue = aws.expect_json("sqs", "AmazonSQS.CreateQueue", &queue).await.unwrap();
        let url = queue["QueueUrl"].as_str().unwrap().to_owned();
        let rule = json!({"Name": name, "EventBusName": bus, "EventPattern": pattern.to_string()});
        aws.expect_json("events", "AWSEvents.PutRule", &rule).await.unwrap();
        let target = json!({"Id": "queue", "Arn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")});
        let targets = json!({"Rule": name, "EventBusName": bus, "Targets": [target]});
        aws.expect_json("events", "AWSEvents.PutTargets", &targets)
            .await
            .unwrap();
        Self { aws: aws.clone(), url }
    }

    /// Takes everything out of the queue, in no order.
    pub(crate) async fn take(&self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let body = json!({"QueueUrl": self.url, "MaxNumberOfMessages": 10});
            let answer = self.aws.expect_json("sqs", "AmazonSQS.ReceiveMessage", &body);
            let answer = answer.await.unwrap();
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                return events;
            }
            for message in messages {
                events.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
                let body = json!({"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]});
                self.aws
                    .expect_json("sqs", "AmazonSQS.DeleteMessage", &body)
                    .await
                    .unwrap();
            }
        }
    }
}
