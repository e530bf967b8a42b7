//! The stack's parts around its state machine: what starts it, what it tells, and what the tests ask them.

use std::time::{Duration, Instant};

use rehearsal::execution::Event;
use rehearsal::{Execution, Failure, Outcome};
use reqwest::Method;
use serde_json::{Value, json};
use shared::events::{CLIENT_SOURCE, events_schema};

use crate::stage::Stage;

pub(crate) const ACCOUNT: &str = "111122223333";
const PROFILES: &str = "/privatelink-workflow/profiles";
/// Real time to wait for what an event sets off.
const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

impl Stage {
    async fn aws(&self, service: &str, target: &str, body: &Value) -> Value {
        self.environment.aws.expect_json(service, target, body).await.unwrap()
    }

    /// The physical name of a resource of the stack.
    async fn resource(&self, id: &str) -> String {
        self.environment.resource(id).await.unwrap()
    }

    pub(crate) async fn keep_profile(&self, name: &str, profile: &Value) {
        let name = format!("{PROFILES}/{name}");
        let body = json!({"Name": name, "Type": "String", "Overwrite": true, "Value": profile.to_string()});
        self.aws("ssm", "AmazonSSM.PutParameter", &body).await;
    }

    /// What `start` makes of an event.
    pub(crate) async fn deliver(&self, event: &Value) -> Value {
        self.invoke("RequestResponse", event).await
    }

    /// Hands an event to `start` as EventBridge does, which does not wait.
    pub(crate) async fn hand_over(&self, event: &Value) {
        self.invoke("Event", event).await;
    }

    async fn invoke(&self, kind: &str, event: &Value) -> Value {
        let function = self.resource("StartFunction").await;
        let request = self.lambda(Method::POST, &format!("{function}/invocations"));
        let request = request.header("x-amz-invocation-type", kind).body(event.to_string());
        answer(request).await
    }

    /// A call of Lambda's own API, which is neither of the two kinds that the other services speak.
    fn lambda(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/2015-03-31/functions/{path}", self.environment.emulator.url);
        let scope = format!("Credential={ACCOUNT}/20260101/eu-west-1/lambda/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.request(method, url).header("authorization", authorization)
    }

    /// Whether a deployed rule matches an event.
    pub(crate) async fn matches(&self, rule: &str, event: &Value) -> bool {
        let name = self.resource(rule).await;
        let rule = self
            .aws("events", "AWSEvents.DescribeRule", &json!({"Name": name}))
            .await;
        let body = json!({"EventPattern": rule["EventPattern"], "Event": event.to_string()});
        let answer = self.aws("events", "AWSEvents.TestEventPattern", &body).await;
        answer["Result"].as_bool().unwrap()
    }

    /// Puts an event of ours on the bus; its id.
    pub(crate) async fn put_event(&self, detail_type: &str, detail: &Value) -> String {
        let entry = json!({"Source": CLIENT_SOURCE, "DetailType": detail_type, "Detail": detail.to_string()});
        let answer = self
            .aws("events", "AWSEvents.PutEvents", &json!({"Entries": [entry]}))
            .await;
        answer["Entries"][0]["EventId"].as_str().unwrap().to_owned()
    }

    /// The names of all executions.
    pub(crate) async fn executions(&self) -> Vec<String> {
        let body = json!({"stateMachineArn": self.environment.workflow_arn});
        let answer = self.aws("states", "AWSStepFunctions.ListExecutions", &body).await;
        let mut names: Vec<String> = answer["executions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|execution| execution["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// Waits until there is an execution whose name begins so, and until it has ended.
    pub(crate) async fn ended(&self, name: &str) -> Execution {
        let deadline = Instant::now() + LIMIT;
        let name = loop {
            match self
                .executions()
                .await
                .into_iter()
                .find(|found| found.starts_with(name))
            {
                Some(name) => break name,
                None => assert!(Instant::now() < deadline, "no execution {name} was started"),
            }
            tokio::time::sleep(POLL).await;
        };
        let arn = self.environment.workflow_arn.replace(":stateMachine:", ":execution:");
        let body = json!({"executionArn": format!("{arn}:{name}"), "includeExecutionData": true});
        loop {
            let answer = self.aws("states", "AWSStepFunctions.DescribeExecution", &body).await;
            let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
            let outcome = match text("status").as_str() {
                "RUNNING" => {
                    assert!(Instant::now() < deadline, "the execution {name} does not end");
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                "SUCCEEDED" => Outcome::Succeeded(serde_json::from_str(&text("output")).unwrap()),
                status => Outcome::Failed(Failure {
                    status: status.to_owned(),
                    error: text("error"),
                    cause: text("cause"),
                }),
            };
            let history = self.aws("states", "AWSStepFunctions.GetExecutionHistory", &body).await;
            let events = history["events"].as_array().unwrap().iter().cloned();
            let execution = Execution {
                arn: text("executionArn"),
                outcome,
                history: events.map(Event::new).collect(),
            };
            self.keep(&execution);
            return execution;
        }
    }

    /// Subscribes a queue to the topic; its URL.
    pub(crate) async fn subscribe(&self) -> String {
        let queue = self
            .aws("sqs", "AmazonSQS.CreateQueue", &json!({"QueueName": "told"}))
            .await;
        let topic = &self.environment.outputs["NotificationsTopicArn"];
        let endpoint = format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:told");
        let parameters = [
            ("TopicArn", topic.as_str()),
            ("Protocol", "sqs"),
            ("Endpoint", &endpoint),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let subscribed = self
            .environment
            .aws
            .query("sns", "Subscribe", "2010-03-31", &parameters);
        subscribed.await.unwrap().unwrap();
        queue["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Waits for the next message of a queue, and takes it.
    pub(crate) async fn message(&self, queue: &str) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let answer = self
                .aws("sqs", "AmazonSQS.ReceiveMessage", &json!({"QueueUrl": queue}))
                .await;
            if let Some(message) = answer["Messages"].get(0) {
                let body = json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]});
                self.aws("sqs", "AmazonSQS.DeleteMessage", &body).await;
                return serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            }
            assert!(Instant::now() < deadline, "nothing came into {queue}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The next thing that was told, which fits its schema: its detail.
    pub(crate) async fn told(&self, queue: &str, kind: &str) -> Value {
        let event = self.message(queue).await;
        assert_eq!(
            (&event["source"], &event["detail-type"]),
            (&json!("privatelink-workflow"), &json!(kind)),
            "{event}"
        );
        let schema = jsonschema::validator_for(&events_schema()).unwrap();
        let errors: Vec<_> = schema.iter_errors(&event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?} in {event}");
        event["detail"].clone()
    }

    /// What a run came to is what was told of it.
    pub(crate) async fn told_of_failure(&self, queue: &str, kind: &str, execution: &Execution) -> Value {
        let detail = self.told(queue, kind).await;
        let Outcome::Failed(failure) = &execution.outcome else {
            panic!("{} was to fail", execution.arn);
        };
        assert_eq!(detail["error"], failure.error);
        assert_eq!(detail["cause"], failure.cause);
        assert_eq!(detail["execution"]["id"], execution.arn);
        detail
    }

    /// Runs a request to its end while no event can be put on the bus.
    pub(crate) async fn run_untold(&self, request: &Value) -> Execution {
        let announcing = [
            "AnnounceConnected",
            "AnnounceDeprovisioned",
            "AnnounceFailed",
            "AnnounceNeedsAttention",
        ];
        let refusal = ("EventBridge.FailedEntry", "InternalFailure");
        let running = self.environment.begin_refused(&announcing, refusal, request).await;
        let execution = running.unwrap().finish(LIMIT).await.unwrap();
        self.keep(&execution);
        execution
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "the emulator answered {}",
        answer.status()
    );
    serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
}
