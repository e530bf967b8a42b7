//! What can go wrong once: a call of a function to AWS or a vendor, or a task of a state machine.

use std::collections::BTreeMap;
use std::time::Duration;

use rehearsal::tasks::{STOPPED, TaskFailure};
use rehearsal::{Environment, Result};
use simulators::recorder::{Api, Asked, FaultKind};

/// Real time, longer than a function waits for an answer.
pub(crate) const TOO_SLOW: Duration = Duration::from_secs(23);

/// Something that is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Callee {
    /// By a function.
    Remote {
        /// `Ec2`, `Hcp`, …
        api: String,
        operation: String,
        write: bool,
    },
    /// By a state machine: `events:putEvents`, or `lambda:invoke/` and the function's name.
    Task(String),
}

impl Callee {
    /// As in the names of trials.
    pub fn name(&self) -> String {
        match self {
            Self::Remote { api, operation, .. } => format!("{api}.{operation}"),
            Self::Task(task) => task.replace(['/', ':'], "."),
        }
    }
}

/// How often each was called. The API is what a fault needs.
pub type Calls = BTreeMap<Callee, (Option<Api>, u32)>;

/// What goes wrong with a call.
#[derive(Debug, Clone)]
pub enum Trouble {
    Remote {
        api: Api,
        operation: String,
        kind: FaultKind,
    },
    Task {
        task: String,
        error: &'static str,
        /// The service has acted, and its answer is lost.
        after: bool,
    },
}

impl Trouble {
    /// The execution is stopped, and has to be redriven.
    pub fn stops(&self) -> bool {
        matches!(self, Self::Task { error: STOPPED, .. })
    }

    /// The calling function is killed.
    pub fn is_deadly(&self) -> bool {
        matches!(
            self,
            Self::Remote {
                kind: FaultKind::KillBefore | FaultKind::KillAfter,
                ..
            }
        )
    }
}

/// A trouble with the n-th call.
#[derive(Debug, Clone)]
pub struct Strike {
    /// From 1; `None` is every call. Of tasks always one.
    pub nth: Option<u32>,
    pub trouble: Trouble,
}

/// Forgets what was called, and asks for the trouble.
///
/// # Errors
/// When the emulator does not answer.
pub async fn arm(environment: &Environment, strike: Option<&Strike>) -> Result<()> {
    let recorder = &environment.simulators.recorder;
    recorder.clear_calls();
    recorder.clear_faults();
    let mut failure = None;
    match strike.map(|strike| (strike.nth, strike.trouble.clone())) {
        Some((nth, Trouble::Remote { api, operation, kind })) => {
            let which = move |asked: &Asked<'_>| asked.api == api && asked.operation == operation;
            recorder.inject_where(which, nth, kind);
        }
        Some((nth, Trouble::Task { task, error, after })) => {
            failure = Some(TaskFailure {
                task,
                nth: nth.unwrap_or(1),
                error: error.to_owned(),
                after,
            });
        }
        None => {}
    }
    environment.expect_tasks(failure.as_ref()).await.map(drop)
}

/// What was called since then, and whether the trouble came.
///
/// # Errors
/// When the emulator does not answer.
pub async fn disarm(environment: &Environment, strike: Option<&Strike>) -> Result<(Calls, bool)> {
    let recorder = &environment.simulators.recorder;
    let mut calls = Calls::new();
    for call in recorder.calls() {
        let callee = Callee::Remote {
            api: format!("{:?}", call.api),
            operation: call.operation,
            write: call.write,
        };
        calls.entry(callee).or_insert((Some(call.api), 0)).1 += 1;
    }
    for task in environment.expect_tasks(None).await? {
        calls.entry(Callee::Task(task)).or_insert((None, 0)).1 += 1;
    }
    let hit = match strike {
        Some(Strike {
            nth,
            trouble: Trouble::Task { task, .. },
        }) => {
            let times = calls.get(&Callee::Task(task.clone())).map_or(0, |(_, times)| *times);
            times >= nth.unwrap_or(1)
        }
        _ => recorder.hits() > 0,
    };
    recorder.clear_calls();
    recorder.clear_faults();
    Ok((calls, hit))
}

/// What can go wrong with a call, by the protocol. A read that was answered and then lost is, to its caller, one that was never
/// answered: it is tried once.
pub fn troubles_of(callee: &Callee, api: Option<Api>) -> Vec<(&'static str, Trouble)> {
    match (callee, api) {
        (Callee::Remote { operation, write, .. }, Some(api)) => {
            let troubles = faults_of(api, *write).into_iter();
            troubles
                .map(|(word, kind)| (word, remote(api, operation, kind)))
                .collect()
        }
        (Callee::Task(task), _) => errors_of(task),
        (Callee::Remote { .. }, None) => Vec::new(),
    }
}

/// When a function's process can be killed around a call, and an execution be stopped around a task. A read changes nothing at
/// the remote: its two moments are one.
pub fn deaths_of(callee: &Callee, api: Option<Api>) -> Vec<(&'static str, Trouble)> {
    let (operation, write, api) = match (callee, api) {
        (Callee::Remote { operation, write, .. }, Some(api)) => (operation, write, api),
        (Callee::Task(task), _) => {
            let stopped = |after| Trouble::Task {
                task: task.clone(),
                error: STOPPED,
                after,
            };
            return vec![("stopped-before", stopped(false)), ("stopped-after", stopped(true))];
        }
        (Callee::Remote { .. }, None) => return Vec::new(),
    };
    let mut deaths = vec![("killed-before", remote(api, operation, FaultKind::KillBefore))];
    if *write {
        deaths.push(("killed-after", remote(api, operation, FaultKind::KillAfter)));
    }
    deaths
}

/// What can last for a whole run.
pub fn outages_of(callee: &Callee, api: Option<Api>) -> Vec<(&'static str, Trouble)> {
    let (Callee::Remote { operation, .. }, Some(api)) = (callee, api) else {
        return Vec::new();
    };
    let status = |status| FaultKind::Status {
        status,
        retry_after: None,
    };
    [
        ("503", status(503)),
        ("403", status(403)),
        ("killed", FaultKind::KillBefore),
    ]
    .map(|(word, kind)| (word, remote(api, operation, kind)))
    .into()
}

fn remote(api: Api, operation: &str, kind: FaultKind) -> Trouble {
    Trouble::Remote {
        api,
        operation: operation.to_owned(),
        kind,
    }
}

fn faults_of(api: Api, write: bool) -> Vec<(&'static str, FaultKind)> {
    let status = |status, retry_after| FaultKind::Status { status, retry_after };
    let mut faults = vec![
        ("500", status(500, None)),
        ("502-html", FaultKind::Html { status: 502 }),
        ("503", status(503, None)),
        ("reset-before", FaultKind::ResetBefore),
        ("truncated", FaultKind::Truncate),
        ("slow", FaultKind::Slow(TOO_SLOW)),
        ("403", status(403, None)),
    ];
    match api {
        Api::Ec2 => {
            faults.push(("throttled", status(503, Some(1))));
            faults.push(("401", status(401, None)));
        }
        Api::Route53 | Api::Sts | Api::AwsJson => faults.push(("throttled", status(400, Some(1)))),
        Api::Hcp | Api::Aiven => {
            faults.push(("429-wait", status(429, Some(7))));
            faults.push(("429-bare", FaultKind::Bare { status: 429 }));
            faults.push(("401", status(401, None)));
            if write {
                faults.push(("409", status(409, None)));
            }
        }
    }
    if write {
        faults.push(("reset-after", FaultKind::ResetAfter));
    }
    faults
}

/// Documented errors of service integrations: before the service acted, and with its answer lost.
fn errors_of(task: &str) -> Vec<(&'static str, Trouble)> {
    let service = task
        .trim_start_matches("aws-sdk:")
        .split(':')
        .next()
        .unwrap_or_default();
    let (before, after) = match service {
        "lambda" => ("Lambda.TooManyRequestsException", "Lambda.Unknown"),
        "states" => ("StepFunctions.ThrottlingException", "StepFunctions.SdkClientException"),
        "sfn" => ("Sfn.ThrottlingException", "Sfn.SdkClientException"),
        "s3" => ("S3.SlowDownException", "S3.SdkClientException"),
        "events" => ("EventBridge.InternalException", "EventBridge.SdkClientException"),
        "sqs" => ("SQS.AmazonSQSException", "SQS.SdkClientException"),
        "cloudwatch" => ("CloudWatch.InternalServiceFault", "CloudWatch.SdkClientException"),
        _ => return Vec::new(),
    };
    [("refused", before, false), ("unheard", after, true)]
        .map(|(word, error, after)| {
            let task = task.to_owned();
            (word, Trouble::Task { task, error, after })
        })
        .into()
}
