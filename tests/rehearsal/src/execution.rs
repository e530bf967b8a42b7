//! One run of the state machine: started, followed, and what it came to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::{Error, Result};

const SERVICE: &str = "states";
/// Between two looks at a running execution.
pub const POLL: Duration = Duration::from_millis(200);
/// Events on a page of the history while it is followed; the engine allows 1,000.
const PAGE: u32 = 200;

/// A run that was started.
#[derive(Debug, Clone)]
pub struct Running {
    aws: Aws,
    /// The execution's ARN.
    pub arn: String,
    events: Vec<Event>,
}

/// One event of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// From 1, without gaps.
    pub id: u64,
    /// `TaskStateEntered`, `LambdaFunctionFailed`, …
    pub kind: String,
    /// The whole event, as the API tells it.
    pub raw: Value,
}

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct Execution {
    pub arn: String,
    pub outcome: Outcome,
    /// Oldest first, with data.
    pub history: Vec<Event>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With the output.
    Succeeded(Value),
    /// `FAILED`, `TIMED_OUT` or `ABORTED`.
    Failed(Failure),
}

/// Why a run did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The API's `status`: `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// The error's name; empty where the engine tells none.
    pub error: String,
    /// The cause, in full.
    pub cause: String,
}

impl Failure {
    /// The cause as a sentence: a Lambda function's is JSON with the sentence in it.
    pub fn message(&self) -> String {
        let cause: Option<Value> = serde_json::from_str(&self.cause).ok();
        let message = cause.as_ref().and_then(|cause| cause["errorMessage"].as_str());
        message.unwrap_or(&self.cause).to_owned()
    }
}

impl Execution {
    /// The output of a run that succeeded.
    ///
    /// # Errors
    /// When it failed, with its error and cause.
    pub fn output(&self) -> Result<&Value> {
        match &self.outcome {
            Outcome::Succeeded(output) => Ok(output),
            Outcome::Failed(failure) => Err(Error::new(
                format!("the execution {}", failure.status),
                format!("{}: {}", failure.error, failure.message()),
            )),
        }
    }

    /// The failure of a run that failed.
    ///
    /// # Errors
    /// When it succeeded, with its output.
    pub fn failure(&self) -> Result<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) => Ok(failure),
            Outcome::Succeeded(output) => Err(Error::new(
                "the execution was to fail",
                format!("it succeeded with {output}"),
            )),
        }
    }

    /// The names of the states that were entered, in order.
    pub fn states(&self) -> Vec<&str> {
        self.history
            .iter()
            .filter(|event| event.kind.ends_with("StateEntered"))
            .filter_map(Event::state)
            .collect()
    }

    /// The whole history as JSON text, one event a line.
    pub fn history_text(&self) -> String {
        self.history.iter().map(|event| format!("{}\n", event.raw)).collect()
    }
}

impl Event {
    /// Of what the API tells.
    pub fn new(raw: Value) -> Self {
        Self {
            id: raw["id"].as_u64().unwrap_or_default(),
            kind: raw["type"].as_str().unwrap_or_default().to_owned(),
            raw,
        }
    }

    /// The state's name, of an event that enters or leaves one.
    pub fn state(&self) -> Option<&str> {
        self.details()["name"].as_str()
    }

    /// The output, of an event that has one.
    pub fn output(&self) -> Option<Value> {
        serde_json::from_str(self.details()["output"].as_str()?).ok()
    }

    /// The event's own part: `stateEnteredEventDetails`, `taskFailedEventDetails`, …; null if it has none.
    pub fn details(&self) -> &Value {
        let entries = self.raw.as_object();
        let details = entries.and_then(|entries| entries.iter().find(|(name, _)| name.ends_with("EventDetails")));
        details.map_or(&Value::Null, |(_, details)| details)
    }
}

impl Running {
    /// Starts a run under a name of its own.
    ///
    /// # Errors
    /// When the emulator does not answer or refuses.
    pub async fn start(aws: &Aws, state_machine_arn: &str, input: &Value) -> Result<Self> {
        Self::start_as(aws, state_machine_arn, None, input).await
    }

    /// Starts a run under a name, which no other execution of the state machine has.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub async fn start_as(aws: &Aws, state_machine_arn: &str, name: Option<&str>, input: &Value) -> Result<Self> {
        let mut body = json!({ "stateMachineArn": state_machine_arn, "input": input.to_string() });
        if let Some(name) = name {
            body["name"] = name.into();
        }
        let answer = aws
            .expect_json(SERVICE, "AWSStepFunctions.StartExecution", &body)
            .await?;
        let arn = answer["executionArn"].as_str();
        let arn = arn.ok_or_else(|| Error::new("starting an execution", format!("no ARN in {answer}")))?;
        Ok(Self::known(aws, arn))
    }

    /// A run that somebody else has started.
    pub fn known(aws: &Aws, arn: &str) -> Self {
        Self {
            aws: aws.clone(),
            arn: arn.to_owned(),
            events: Vec::new(),
        }
    }

    /// What it came to, if it has ended.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn outcome(&self) -> Result<Option<Outcome>> {
        let body = json!({ "executionArn": self.arn });
        let answer = self
            .aws
            .expect_json(SERVICE, "AWSStepFunctions.DescribeExecution", &body)
            .await?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok(match text("status").as_str() {
            "RUNNING" => None,
            "SUCCEEDED" => {
                let output = serde_json::from_str(&text("output"));
                let output = output.map_err(|error| Error::new("reading the execution's output", error))?;
                Some(Outcome::Succeeded(output))
            }
            status => Some(Outcome::Failed(Failure {
                status: status.to_owned(),
                error: text("error"),
                cause: text("cause"),
            })),
        })
    }

    /// The events since the last call, oldest first.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn news(&mut self) -> Result<&[Event]> {
        let known = self.events.len();
        let last = self.events.last().map_or(0, |event| event.id);
        // Newest first, until one that is known: a long history is not read again and again.
        let mut body =
            json!({ "executionArn": self.arn, "reverseOrder": true, "maxResults": PAGE, "includeExecutionData": true });
        let mut news = Vec::new();
        'pages: loop {
            let mut page = self
                .aws
                .expect_json(SERVICE, "AWSStepFunctions.GetExecutionHistory", &body)
                .await?;
            let Value::Array(events) = page["events"].take() else {
                break;
            };
            for event in events.into_iter().map(Event::new) {
                if event.id <= last {
                    break 'pages;
                }
                news.push(event);
            }
            match page["nextToken"].take() {
                Value::String(token) => body["nextToken"] = token.into(),
                _ => break,
            }
        }
        self.events.extend(news.into_iter().rev());
        Ok(&self.events[known..])
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it runs longer than `limit` of real time, with the states that it entered last; it is stopped then. When the
    /// emulator does not answer.
    pub async fn finish(mut self, limit: Duration) -> Result<Execution> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(outcome) = self.outcome().await? {
                return self.ended(outcome).await;
            }
            if Instant::now() > deadline {
                self.stop().await?;
                self.news().await?;
                let states: Vec<&str> = self.events.iter().rev().filter_map(Event::state).take(6).collect();
                return Err(Error::new(
                    format!("waiting for the execution {}", self.arn),
                    format!(
                        "it still ran after {} s; its last states, newest first: {}",
                        limit.as_secs(),
                        states.join(", ")
                    ),
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The run with its whole history, once [`Running::outcome`] has told what it came to.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn ended(mut self, outcome: Outcome) -> Result<Execution> {
        self.news().await?;
        Ok(Execution {
            arn: self.arn,
            outcome,
            history: self.events,
        })
    }

    /// Lets it go on where it failed or was stopped.
    ///
    /// # Errors
    /// When the emulator does not answer, or it cannot be redriven.
    pub async fn redrive(&self) -> Result<()> {
        let body = json!({ "executionArn": self.arn });
        self.aws
            .expect_json(SERVICE, "AWSStepFunctions.RedriveExecution", &body)
            .await
            .map(drop)
    }

    /// Stops it.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn stop(&self) -> Result<()> {
        let body = json!({ "executionArn": self.arn });
        self.aws
            .expect_json(SERVICE, "AWSStepFunctions.StopExecution", &body)
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_its_state_and_output() {
        let event = Event::new(json!({
            "id": 4, "type": "TaskStateExited", "timestamp": 1.5,
            "stateExitedEventDetails": { "name": "EnsureService", "output": "{\"a\":1}" }
        }));
        assert_eq!(
            (event.id, event.state(), event.output()),
            (4, Some("EnsureService"), Some(json!({ "a": 1 })))
        );
        let bare = Event::new(json!({ "id": 1, "type": "ExecutionStarted" }));
        assert_eq!((bare.state(), bare.output()), (None, None));
    }

    #[test]
    fn a_failure_shows_the_sentence_of_a_functions_error() {
        let failure = |cause: &str| {
            Failure {
                status: "FAILED".into(),
                error: "Denied".into(),
                cause: cause.into(),
            }
            .message()
        };
        assert_eq!(
            failure(r#"{"errorType":"Denied","errorMessage":"no right"}"#),
            "no right"
        );
        assert_eq!(failure("plain"), "plain");
    }
}
