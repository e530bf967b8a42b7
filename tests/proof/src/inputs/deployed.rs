//! What a user calls: the deployed state machines, with any text, and the deployed functions.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rehearsal::execution::Event;
use rehearsal::{Environment, Error, Execution, Failure, Outcome, Result, emulator, environment};
use reqwest::Client;
use serde_json::{Value, json};

/// Real time for a run that is to end at once, on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(60);
/// One for all calls: each reads the machine's certificates when it is made.
static CLIENT: OnceLock<Client> = OnceLock::new();

/// Runs a state machine with a text as its input, whatever it is.
pub(super) async fn run(environment: &Environment, machine: &str, input: &str) -> Result<Execution> {
    let aws = &environment.aws;
    let body = json!({"stateMachineArn": machine, "input": input});
    let started = aws
        .expect_json("states", "AWSStepFunctions.StartExecution", &body)
        .await?;
    let arn = started["executionArn"].as_str().unwrap_or_default();
    let of_run = json!({"executionArn": arn, "includeExecutionData": true});
    let deadline = Instant::now() + LIMIT;
    let outcome = loop {
        let told = aws
            .expect_json("states", "AWSStepFunctions.DescribeExecution", &of_run)
            .await?;
        let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
        match text("status").as_str() {
            "RUNNING" if Instant::now() > deadline => {
                return Err(Error::new(format!("running {input:.200}"), "it does not end"));
            }
            "RUNNING" => tokio::time::sleep(POLL).await,
            "SUCCEEDED" => break Outcome::Succeeded(serde_json::from_str(&text("output")).unwrap_or_default()),
            status => {
                break Outcome::Failed(Failure {
                    status: status.to_owned(),
                    error: text("error"),
                    cause: text("cause"),
                });
            }
        }
    };
    let history = aws
        .expect_json("states", "AWSStepFunctions.GetExecutionHistory", &of_run)
        .await?;
    let events = history["events"].as_array().cloned().unwrap_or_default();
    Ok(Execution {
        arn: arn.to_owned(),
        outcome,
        history: events.into_iter().map(Event::new).collect(),
    })
}

/// The physical name of a resource of the stack.
pub(super) async fn resource(environment: &Environment, id: &str) -> Result<String> {
    let parameters =
        [("StackName", environment::STACK), ("LogicalResourceId", id)].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let answer = environment
        .aws
        .query("cloudformation", "DescribeStackResource", "2010-05-15", &parameters)
        .await?;
    let xml = answer.map_err(|error| Error::new(format!("looking for the stack's {id}"), error))?;
    let name = xml
        .split_once("<PhysicalResourceId>")
        .and_then(|(_, rest)| rest.split_once('<'));
    Ok(name.map_or_else(String::new, |(name, _)| name.to_owned()))
}

/// What a function answers to a text: an error has `errorType` and `errorMessage`.
pub(super) async fn invoke(environment: &Environment, function: &str, input: &str) -> Result<Value> {
    let failed = |error: reqwest::Error| Error::new(format!("invoking {function}"), error);
    let client = match CLIENT.get() {
        Some(client) => client,
        None => {
            let client = Client::builder().no_proxy().build().map_err(failed)?;
            CLIENT.get_or_init(|| client)
        }
    };
    let url = format!(
        "{}/2015-03-31/functions/{function}/invocations",
        environment.emulator.url
    );
    let scope = format!(
        "Credential={}/20260101/eu-west-1/lambda/aws4_request",
        emulator::ACCOUNT
    );
    let answer = client
        .post(url)
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
        )
        .body(input.to_owned())
        .send()
        .await
        .map_err(failed)?;
    let text = answer.text().await.map_err(failed)?;
    serde_json::from_str(&text).map_err(|error| Error::new(format!("invoking {function}"), format!("{error}: {text}")))
}
