//! What a recorded run cost, from the history of its execution, and what the same wait costs elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::Result;
use crate::assumed::{
    INIT_MS, LOG_BYTES, LOOK_MS, REGISTER_READ_UNITS, REGISTER_ROW_UNITS, REGISTER_WRITE_UNITS, REQUESTS_OF_A_MESSAGE,
    SMALLEST_MB, TELL_MS,
};
use crate::clock::LOOK_SECONDS;
use crate::deployed::Deployed;
use crate::machine::LAMBDA;
use crate::prices::{Prices, Usage};

const EVENTS: &str = "arn:aws:states:::events:putEvents";
const WATCH: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
/// A build on `CodeBuild` starts, fetches Terraform's providers and makes its plan; its minutes are billed whole.
const BUILD_SECONDS: f64 = 60.0;
/// Of the fixed polling that the bill is compared with.
const FIXED_POLL_SECONDS: f64 = 15.0;
/// A function runs no longer, and is started anew.
const LAMBDA_SECONDS_AT_MOST: f64 = 900.0;
const SMALLEST_GB: f64 = SMALLEST_MB / 1_024.0;

/// A recorded run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Recorded {
    /// States that were entered.
    pub entered: u32,
    /// Tasks that were tried again: a transition each.
    pub retries: u32,
    pub events: u32,
    /// Of the functions that the state machine calls.
    pub invocations: Vec<Invocation>,
    /// Messages to the watch by the state machine, one for each turn, and by the watch, one for each of its looks that saw no change.
    pub messages: u32,
    pub messages_again: u32,
    /// Seconds that the run took, and that its phases waited, as the clouds had them.
    pub seconds: f64,
    pub waited_seconds: f64,
    /// Answers after which a phase waited: a transition for the wait, and two for the next look.
    pub pending: u32,
    /// By service and operation, where they were recorded.
    pub calls: Option<BTreeMap<String, u32>>,
}

/// One invocation of a function.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invocation {
    pub task: String,
    /// Of its processor and its remotes, on the machine that recorded it.
    pub measured_seconds: f64,
    /// The first of its function, which is started.
    pub first: bool,
}

impl Recorded {
    /// Reads a history, one event a line, of a run whose waits were `speed` times as fast as they said; and its calls, one a line.
    ///
    /// # Errors
    /// When a line is no event, or the history has no end.
    pub fn read(history: &str, calls: Option<&str>, speed: f64) -> Result<Self> {
        let events: Vec<Value> = history
            .lines()
            .map(serde_json::from_str)
            .collect::<std::result::Result<_, _>>()?;
        let mut run = Self::default();
        let mut task = String::new();
        let mut resource = String::new();
        let mut tries = 0;
        let mut begun = 0.0;
        let mut known = BTreeSet::new();
        let mut waited = Waited::default();
        for event in &events {
            let kind = event["type"].as_str().ok_or("an event without a type")?;
            let at = event["timestamp"].as_f64().unwrap_or_default();
            match kind {
                _ if kind.ends_with("StateEntered") => {
                    run.entered += 1;
                    event["stateEnteredEventDetails"]["name"]
                        .as_str()
                        .unwrap_or_default()
                        .clone_into(&mut task);
                    tries = 0;
                }
                "TaskScheduled" => {
                    event["taskScheduledEventDetails"]["resource"]
                        .as_str()
                        .unwrap_or_default()
                        .clone_into(&mut resource);
                    run.retries += u32::from(tries > 0);
                    tries += 1;
                    begun = at;
                    run.events += u32::from(resource == EVENTS);
                    run.messages += u32::from(resource == WATCH);
                }
                "TaskSucceeded" | "TaskFailed" | "TaskTimedOut" if resource == LAMBDA => {
                    let output = event["taskSucceededEventDetails"]["output"].as_str();
                    let answer: Value = output.map(serde_json::from_str).transpose()?.unwrap_or_default();
                    waited.sees(&task, &answer["Payload"]);
                    run.invocations.push(Invocation {
                        first: known.insert(task.clone()),
                        task: task.clone(),
                        measured_seconds: (at - begun).max(0.0),
                    });
                }
                _ => {}
            }
        }
        let at = |event: Option<&Value>| event.and_then(|event| event["timestamp"].as_f64());
        let (Some(from), Some(to)) = (at(events.first()), at(events.last())) else {
            return Err("the history is empty".into());
        };
        run.seconds = (to - from) * speed;
        run.waited_seconds = waited.phases.values().map(|(seconds, _)| seconds).sum();
        run.pending = waited.pending;
        run.calls = calls.map(counted).transpose()?;
        run.messages_again = match &run.calls {
            Some(calls) => calls.get("SendMessage").copied().unwrap_or_default(),
            None => waited.watched,
        };
        Ok(run)
    }

    /// What AWS counts.
    pub fn usage(&self, deployed: &Deployed) -> Usage {
        let gb_seconds = self.invocations.iter().map(|invocation| {
            let init = if invocation.first { INIT_MS / 1_000.0 } else { 0.0 };
            // By the millisecond.
            let seconds = ((invocation.measured_seconds + init) * 1_000.0).ceil() / 1_000.0;
            seconds * deployed.memory_mb(&invocation.task) / 1_024.0
        });
        // The history has no invocation of the watch; each message is one.
        let watch = f64::from(self.messages + self.messages_again);
        let watch_seconds = (watch * (LOOK_MS + TELL_MS) + f64::from(self.messages) * INIT_MS) / 1_000.0;
        let invocations = f64::from(u32::try_from(self.invocations.len()).unwrap_or(u32::MAX)) + watch;
        let mut usage = Usage {
            transitions: f64::from(self.entered + self.retries),
            lambda_requests: invocations,
            lambda_gb_seconds: gb_seconds.sum::<f64>() + watch_seconds * deployed.watch_mb() / 1_024.0,
            log_gb: invocations * LOG_BYTES / 1e9,
            events: self.events.into(),
            traces: if deployed.watch_is_traced() { 1.0 + watch } else { 1.0 },
            sqs_requests: watch * REQUESTS_OF_A_MESSAGE,
            dynamodb_writes: REGISTER_WRITE_UNITS,
            dynamodb_reads: REGISTER_READ_UNITS,
            secret_calls: 3.0,
            ..Usage::default()
        };
        if let Some(calls) = &self.calls {
            let count = |operation: &str| f64::from(calls.get(operation).copied().unwrap_or_default());
            usage.dynamodb_writes = count("PutItem") * REGISTER_ROW_UNITS + count("DeleteItem");
            usage.dynamodb_reads = count("GetItem");
            usage.secret_calls = count("GetSecretValue");
        }
        usage
    }

    /// The same wait by other means: name, what it uses, and what is assumed.
    pub fn elsewhere(&self) -> Vec<(&'static str, Usage, &'static str)> {
        let minutes = ((self.seconds + BUILD_SECONDS) / 60.0).ceil();
        let polls = (self.waited_seconds / FIXED_POLL_SECONDS).ceil();
        let looking = f64::from(self.entered) - 3.0 * f64::from(self.pending);
        vec![
            (
                "Terraform on the smallest CodeBuild",
                Usage {
                    codebuild_minutes: minutes,
                    ..Usage::default()
                },
                "apply waits in the build; one minute for its start and providers; whole minutes of general1.small",
            ),
            (
                "one Lambda that sleeps through it",
                Usage {
                    lambda_requests: (self.seconds / LAMBDA_SECONDS_AT_MOST).ceil(),
                    lambda_gb_seconds: self.seconds * SMALLEST_GB,
                    log_gb: LOG_BYTES / 1e9,
                    ..Usage::default()
                },
                "128 MB, started anew after 15 minutes; no state, no retries and no undo",
            ),
            (
                "fixed polling every 15 s by wait, task, choice",
                Usage {
                    transitions: looking + 3.0 * polls,
                    lambda_requests: polls,
                    lambda_gb_seconds: polls * LOOK_SECONDS * SMALLEST_GB * 2.0,
                    log_gb: polls * LOG_BYTES / 1e9,
                    ..Usage::default()
                },
                "the same states around it, and 256 MB; register, secrets and traces not counted",
            ),
        ]
    }
}

/// What the phases have waited, by the answers of their steps.
#[derive(Debug, Default)]
struct Waited {
    /// By the task: seconds, with the wait that it asked for, and its newest look.
    phases: BTreeMap<String, (f64, u64)>,
    pending: u32,
    /// Looks of the watch that saw no change: the step counts them, and not the one that it repeats.
    watched: u32,
}

impl Waited {
    fn sees(&mut self, task: &str, answer: &Value) {
        let (Some(seconds), Some(look)) = (answer["waited_seconds"].as_f64(), answer["attempt"].as_u64()) else {
            return;
        };
        let asked = answer["wait_seconds"].as_f64().unwrap_or_default();
        self.pending += u32::from(answer["status"] == "pending");
        let (_, before) = self
            .phases
            .insert(task.to_owned(), (seconds + asked, look))
            .unwrap_or_default();
        self.watched += u32::try_from(look.saturating_sub(before + 1)).unwrap_or_default();
    }
}

fn counted(calls: &str) -> Result<BTreeMap<String, u32>> {
    let mut counts = BTreeMap::new();
    for line in calls.lines() {
        let call: Value = serde_json::from_str(line)?;
        let operation = call["operation"].as_str().ok_or("a call without an operation")?;
        *counts.entry(operation.to_owned()).or_insert(0) += 1;
    }
    Ok(counts)
}

/// The bill for a person.
///
/// # Errors
/// When the price table lacks a row.
pub fn told(run: &Recorded, deployed: &Deployed, prices: &Prices) -> Result<String> {
    use std::fmt::Write as _;

    let usage = run.usage(deployed);
    let all = prices.dollars(&usage)?;
    let mut text = format!("{:<28}{:>14}{:>16}{:>14}\n", "", "used", "$ / connection", "$ / 1,000");
    for (name, amount, dollars) in prices.bill(&usage)? {
        let _ = writeln!(
            text,
            "{name:<28}{amount:>14.6}{dollars:>16.7}{:>14.3}",
            dollars * 1_000.0
        );
    }
    let _ = writeln!(text, "{:<28}{:>14}{all:>16.7}{:>14.2}\n", "in all", "", all * 1_000.0);
    let _ = writeln!(
        text,
        "{} states and {} retries; {} invocations by the state machine, {} of the watch; {:.0} s in all, of which the phases waited {:.0}. {}\n",
        run.entered,
        run.retries,
        run.invocations.len(),
        run.messages + run.messages_again,
        run.seconds,
        run.waited_seconds,
        if run.calls.is_some() {
            "Calls of DynamoDB, Secrets Manager and SQS as recorded."
        } else {
            "Calls of DynamoDB and Secrets Manager as assumed, messages by the looks that the steps counted."
        }
    );
    let _ = writeln!(text, "The same wait elsewhere:");
    for (name, usage, assumed) in run.elsewhere() {
        let dollars = prices.dollars(&usage)?;
        let _ = writeln!(
            text,
            "  {:>9} / 1,000 ({:>4.1} x)  {name}: {assumed}",
            format!("${:.2}", dollars * 1_000.0),
            dollars / all
        );
    }
    let _ = writeln!(
        text,
        "\nPrices of {}, {}, without free tiers. First starts are billed with {INIT_MS:.0} ms, logs with {LOG_BYTES:.0} bytes an invocation, a row\n\
         of the register with {REGISTER_ROW_UNITS:.0} units; every run is traced, and each look of an actively traced watch. The steps took as long as\n\
         on the machine that recorded them, the watch {:.0} ms each time and {INIT_MS:.0} more for the first of a turn.",
        prices.as_of,
        prices.region,
        LOOK_MS + TELL_MS
    );
    Ok(text)
}
