//! What is measured, and the event that each gets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use shared::events::{CLIENT_SOURCE, CONNECTION_REQUESTED};

use crate::Result;
use crate::artifacts::Artifact;
use crate::measure::Run;
use crate::remotes::Remotes;

/// The step that the peers do, too: the secret from Secrets Manager, then one call of the vendor.
pub const SAME_STEP: &str = "ensure-service";

/// In which of the table's three parts it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Limit,
    Function,
    Peer,
}

/// A program, and what it is asked.
#[derive(Debug, Clone)]
pub struct Subject {
    pub name: String,
    pub kind: Kind,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub zip_bytes: u64,
    pub event: Value,
}

/// Functions that are about the register. The steps only write a row of what they do into it: their figures are of the step alone,
/// and with the register (`--register`) each has one connection more, to DynamoDB.
const OF_THE_REGISTER: [&str; 2] = ["register", "sweep"];

impl Subject {
    /// A built program without an event so far.
    pub fn new(kind: Kind, artifact: &Artifact, with_register: bool) -> Self {
        let mut environment = artifact.environment.clone();
        if kind == Kind::Function && (with_register || OF_THE_REGISTER.contains(&artifact.name.as_str())) {
            environment.push(("REGISTER_TABLE".to_owned(), "register".to_owned()));
        }
        Self {
            name: artifact.name.clone(),
            kind,
            program: artifact.program.clone(),
            arguments: artifact.arguments.clone(),
            environment,
            zip_bytes: artifact.zip.len() as u64,
            event: Value::Null,
        }
    }
}

/// The key under which the state machine keeps a step's answer, in the workflow's order.
const STEPS: [(&str, &str); 6] = [
    ("preflight", "preflight"),
    ("ensure-service", "service"),
    ("ensure-endpoint", "endpoint"),
    ("ensure-accepted", "acceptance"),
    ("ensure-access", "access"),
    ("publish", "connection"),
];
/// The simulated vendor needs some hundred milliseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const MOST_LOOKS: u32 = 500;

/// The event of each function: the document that the state machine would hand it, once the connection is there.
///
/// The functions themselves make it: the workflow is walked twice, and of the second walk, in which every step finds what it
/// wants and changes nothing, each step's input is kept. So a function can be asked again and again, and does the same each time.
///
/// # Errors
/// When a step fails.
pub async fn events(functions: &[Subject], remotes: &Remotes, dir: &Path) -> Result<BTreeMap<String, Value>> {
    let walk = Walk {
        functions,
        remotes,
        dir,
    };
    let request = example(include_str!("../../examples/aiven-kafka.json"))?;
    let of_bus = json!({
        "id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "source": CLIENT_SOURCE,
        "detail-type": CONNECTION_REQUESTED,
        "detail": request,
    });
    let mut events = BTreeMap::from([
        ("validate".to_owned(), json!({ "request": request })),
        ("start".to_owned(), of_bus),
        ("register".to_owned(), json!({ "action": "list" })),
        ("sweep".to_owned(), json!({})),
    ]);
    walk.through("first", &request, &mut BTreeMap::new()).await?;
    let whole = walk.through("second", &request, &mut events).await?;
    events.insert("watch".to_owned(), message(&events)?);

    let mut failed = whole.clone();
    failed["error"] =
        json!({ "Error": "Unavailable", "Cause": "{\"errorType\":\"Unavailable\",\"errorMessage\":\"no answer\"}" });
    events.insert("undo".to_owned(), failed);
    events.insert("retire".to_owned(), whole);

    // Of a service that has no connection, so that there is nothing to take away.
    let mut request = example(include_str!("../../examples/aiven-pg.json"))?;
    request["action"] = "deprovision".into();
    let mut document = walk.validated("third", &request).await?;
    document["preflight"] = walk.answer("preflight", &document).await?;
    events.insert("deprovision".to_owned(), document);
    Ok(events)
}

/// The message of a watch that finds the service ready and wakes the state machine.
fn message(events: &BTreeMap<String, Value>) -> Result<Value> {
    let mut document = events
        .get(SAME_STEP)
        .cloned()
        .ok_or("the walk did not come to the service")?;
    document["service"] = json!({ "status": "pending", "attempt": 1, "waited_seconds": 0, "wait_seconds": 50 });
    let body = json!({ "task_token": "AQCEAAAAKgAAAAM", "phase": "service", "document": document });
    Ok(json!({ "Records": [{ "messageId": "1", "body": body.to_string(), "eventSource": "aws:sqs" }] }))
}

fn example(text: &str) -> Result<Value> {
    Ok(serde_json::from_str(text)?)
}

struct Walk<'a> {
    functions: &'a [Subject],
    remotes: &'a Remotes,
    dir: &'a Path,
}

impl Walk<'_> {
    /// All steps of a provision, each until it is ready; notes every step's first input.
    async fn through(&self, execution: &str, request: &Value, inputs: &mut BTreeMap<String, Value>) -> Result<Value> {
        let mut document = self.validated(execution, request).await?;
        for (function, key) in STEPS {
            inputs.insert(function.to_owned(), document.clone());
            for look in 1.. {
                let answer = self.answer(function, &document).await?;
                let pending = answer["status"] == "pending";
                document[key] = answer;
                if !pending {
                    break;
                }
                if look == MOST_LOOKS {
                    return Err(format!("{function} is never ready: {}", document[key]).into());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(document)
    }

    async fn validated(&self, execution: &str, request: &Value) -> Result<Value> {
        let mut document = self.answer("validate", &json!({ "request": request })).await?;
        document["execution"] = json!({
            "id": format!("arn:aws:states:eu-west-1:111122223333:execution:privatelink:{execution}"),
            "name": execution,
            "started_at": "2026-01-01T00:00:00Z",
        });
        Ok(document)
    }

    async fn answer(&self, function: &str, event: &Value) -> Result<Value> {
        let subject = self.functions.iter().find(|subject| subject.name == function);
        let subject = subject.ok_or_else(|| format!("there is no function {function}"))?;
        let mut run = Run::start(subject, self.remotes, self.dir, &[]).await?;
        run.ready().await?;
        run.answer(event).await
    }
}
