//! What a recorded run cost, from the history of its execution, and what the same wait costs elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::Result;
use crate::assumed::{INIT_MS, LOG_BYTES, REGISTER_READ_UNITS, REGISTER_ROW_UNITS, REGISTER_WRITE_UNITS};
use crate::deployed::Deployed;
use crate::play::LOOK_SECONDS;
use crate::prices::{Prices, Usage};

const LAMBDA: &str = "arn:aws:states:::lambda:invoke";
const EVENTS: &str = "arn:aws:states:::events:putEvents";
/// A build on `CodeBuild` starts, fetches Terraform's providers and makes its plan; its minutes are billed whole.
const BUILD_SECONDS: f64 = 60.0;
/// Of the fixed polling that the bill is compared with.
const FIXED_POLL_SECONDS: f64 = 15.0;
/// A function runs no longer, and is started anew.
const LAMBDA_SECONDS_AT_MOST: f64 = 900.0;
const SMALLEST_GB: f64 = 0.125;

/// A recorded run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Recorded {
    /// States that were entered.
    pub entered: u32,
    /// Tasks that were tried again: a transition each.
    pub retries: u32,
    pub events: u32,
    pub invocations: Vec<Invocation>,
    /// Seconds that the run took, and that its phases waited, as the clouds had them.
    pub seconds: f64,
    pub waited_seconds: f64,
    /// Phases that waited.
    pub waiting_phases: u32,
    /// By service and operation, where they were recorded.
    pub calls: Option<BTreeMap<String, u32>>,
}

/// One invocation of a function.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invocation {
    pub task: String,
    /// Of its processor and its remotes, on the machine that recorded it.
    pub measured_seconds: f64,
    /// That it waited between its looks.
    pub held_seconds: f64,
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
        // What each phase had waited, with the wait that it asked for.
        let mut waited: BTreeMap<String, f64> = BTreeMap::new();
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
                }
                "TaskSucceeded" | "TaskFailed" | "TaskTimedOut" if resource == LAMBDA => {
                    let output = event["taskSucceededEventDetails"]["output"].as_str();
                    let answer: Value = output.map(serde_json::from_str).transpose()?.unwrap_or_default();
                    let held_seconds = held(&mut waited, &task, &answer["Payload"]);
                    run.invocations.push(Invocation {
                        first: known.insert(task.clone()),
                        task: task.clone(),
                        measured_seconds: (at - begun - held_seconds / speed).max(0.0),
                        held_seconds,
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
        run.waited_seconds = waited.values().sum();
        run.waiting_phases = u32::try_from(waited.values().filter(|seconds| **seconds > 0.0).count())?;
        run.calls = calls.map(counted).transpose()?;
        Ok(run)
    }

    /// What AWS counts.
    pub fn usage(&self, deployed: &Deployed) -> Usage {
        let invocations = u32::try_from(self.invocations.len()).unwrap_or(u32::MAX);
        let gb_seconds = self.invocations.iter().map(|invocation| {
            let init = if invocation.first { INIT_MS / 1_000.0 } else { 0.0 };
            let seconds = invocation.measured_seconds + invocation.held_seconds + init;
            // By the millisecond.
            (seconds * 1_000.0).ceil() / 1_000.0 * deployed.memory_mb(&invocation.task) / 1_024.0
        });
        let mut usage = Usage {
            transitions: f64::from(self.entered + self.retries),
            lambda_requests: invocations.into(),
            lambda_gb_seconds: gb_seconds.sum(),
            log_gb: f64::from(invocations) * LOG_BYTES / 1e9,
            events: self.events.into(),
            traces: 1.0,
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
        let looking = f64::from(self.entered) - 3.0 * f64::from(self.waiting_phases);
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

/// Seconds that the invocation waited itself: what the phase has waited since, but for the wait that it had asked for before.
fn held(waited: &mut BTreeMap<String, f64>, task: &str, answer: &Value) -> f64 {
    let Some(now) = answer["waited_seconds"].as_f64() else {
        return 0.0;
    };
    let asked = answer["wait_seconds"].as_f64().unwrap_or_default();
    let before = waited.insert(task.to_owned(), now + asked).unwrap_or_default();
    (now - before).max(0.0)
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
    let held: f64 = run.invocations.iter().map(|invocation| invocation.held_seconds).sum();
    let _ = writeln!(
        text,
        "{} states and {} retries; {} invocations, of which {held:.0} s waited within; {:.0} s in all. {}\n",
        run.entered,
        run.retries,
        run.invocations.len(),
        run.seconds,
        if run.calls.is_some() {
            "Calls of DynamoDB and Secrets Manager as recorded."
        } else {
            "Calls of DynamoDB and Secrets Manager as assumed."
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
         of the register with {REGISTER_ROW_UNITS:.0} units; every run is traced. Looks took as long as on the machine that recorded them.",
        prices.as_of, prices.region
    );
    Ok(text)
}
