//! What only one of the engines checks, shown on both where that takes no waiting; `engines.md` lists it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::Duration;

use rehearsal::aws::Aws;
use rehearsal::emulator::{self, Emulator, free_port};
use rehearsal::execution::{Execution, Running};
use rehearsal::strict::{self, REFUSED, Strict};
use rehearsal::{Outcome, paths, python};
use serde_json::{Value, json};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);
const SPEED: f64 = 60.0;
const ROLE: &str = "arn:aws:iam::111122223333:role/machine";

/// Both engines, without a stack.
struct Engines {
    default: Aws,
    strict: Aws,
    _running: (Emulator, Strict, TempDir),
}

impl Engines {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let say = |text: &str| eprintln!("{text}");
        let (python, strict_python) = (python::ensure(&say).unwrap(), python::ensure_strict(&say).unwrap());
        let port = free_port().unwrap();
        let url = emulator::url(port);
        let strict = strict::Settings {
            python: &strict_python,
            emulator_url: &url,
            temp_dir: dir.path(),
            log: &dir.path().join("strict.log"),
            speed: SPEED,
        };
        let log = dir.path().join("emulator.log");
        let emulator = emulator::Settings::alone(&python, port, dir.path(), &log, SPEED);
        let (strict, emulator) = tokio::join!(Strict::start(strict), Emulator::start(emulator));
        let (mut strict, emulator) = (strict.unwrap(), emulator.unwrap());
        strict.ready().await.unwrap();
        let default = Aws::new(&emulator.url).unwrap();
        Self {
            strict: default.clone().with_states_at(&strict.url),
            default,
            _running: (emulator, strict, dir),
        }
    }
}

/// A machine that begins with `A`: its ARN, or why the engine refuses it.
async fn make(aws: &Aws, name: &str, definition: &Value) -> Result<String, String> {
    let described = json!({
        "name": name, "definition": definition.to_string(), "roleArn": ROLE, "type": "STANDARD"
    });
    strict::create(aws, &described).await.unwrap()
}

fn machine(states: &Value) -> Value {
    json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": states })
}

async fn run(aws: &Aws, name: &str, definition: &Value) -> Execution {
    let arn = make(aws, name, definition).await.unwrap();
    let running = Running::start(aws, &arn, &json!({ "n": 1 })).await.unwrap();
    running.finish(LIMIT).await.unwrap()
}

#[tokio::test]
async fn an_unknown_field_is_refused() {
    let engines = Engines::start().await;
    let misspelt = machine(&json!({ "A": { "Type": "Pass", "Outptu": 1, "End": true } }));
    let refused = make(&engines.strict, "misspelt", &misspelt).await.unwrap_err();
    assert!(refused.contains("Outptu"), "{refused}");
    make(&engines.default, "misspelt", &misspelt).await.unwrap();

    let retry = json!([{ "ErrorEquals": ["States.ALL"], "JitterStrategy": "SOME" }]);
    let task = json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {}, "Retry": retry, "End": true });
    let unknown = machine(&json!({ "A": task }));
    let refused = make(&engines.strict, "unknown", &unknown).await.unwrap_err();
    assert!(refused.contains("SOME"), "{refused}");
    make(&engines.default, "unknown", &unknown).await.unwrap();
}

#[tokio::test]
async fn the_time_limit_of_a_machine_ends_a_run() {
    let engines = Engines::start().await;
    let mut definition = machine(&json!({ "A": { "Type": "Wait", "Seconds": 120, "End": true } }));
    definition["TimeoutSeconds"] = json!(60);
    let ended = run(&engines.strict, "limited", &definition).await;
    assert_eq!(ended.failure().unwrap().status, "TIMED_OUT");
    let went_on = run(&engines.default, "limited", &definition).await;
    assert!(
        matches!(went_on.outcome, Outcome::Succeeded(_)),
        "{:?}",
        went_on.outcome
    );
}

#[tokio::test]
async fn the_longest_pause_of_a_retry_is_kept() {
    // The default engine would wait for months.
    let engines = Engines::start().await;
    let retry = json!([{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 1000, "MaxDelaySeconds": 2, "MaxAttempts": 4 }]);
    let task = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": { "FunctionName": "nothing" }, "Retry": retry,
        "End": true
    });
    let failed = run(&engines.strict, "retries", &machine(&json!({ "A": task }))).await;
    let failure = failed.failure().unwrap();
    assert_eq!(failure.error, "Lambda.ResourceNotFoundException", "{failure:?}");
    let attempts = failed.history.iter().filter(|event| event.kind == "TaskFailed");
    assert_eq!(attempts.count(), 5);
}

#[tokio::test]
async fn only_the_listed_state_machines_are_refused_though_they_are_right() {
    let engines = Engines::start().await;
    let infra = paths::workspace_root().join("infra");
    for (file, output) in [
        ("workflow.asl.json", "WorkflowArn"),
        ("fleet.asl.json", "FleetArn"),
        ("sweep.asl.json", "SweepArn"),
        ("aft/aft-account-provisioning-customizations.asl.json", "-"),
    ] {
        let text = fs::read_to_string(infra.join(file)).unwrap();
        let definition: Value = serde_json::from_str(&text).unwrap();
        let made = make(&engines.strict, &output.replace('-', "aft"), &definition).await;
        // The day that moto accepts one, it is to run on both engines.
        let is_listed = REFUSED.iter().any(|(refused, _)| *refused == output);
        assert_eq!(made.is_err(), is_listed, "{file}: {made:?}");
        make(&engines.default, &output.replace('-', "aft"), &definition)
            .await
            .unwrap();
    }
}

#[test]
fn the_page_lists_what_is_shown_here() {
    let page = include_str!("../engines.md");
    for (output, reason) in REFUSED {
        let row = format!("| `{output}` | {reason} |");
        assert!(page.contains(&row), "engines.md has no row {row}");
    }
    let shown = include_str!("differences.rs")
        .split("#[tokio::test]\nasync fn ")
        .skip(1);
    let shown: Vec<&str> = shown.filter_map(|test| Some(test.split_once('(')?.0)).collect();
    let listed = page.lines().filter_map(|line| line.strip_prefix("| `differences::"));
    let listed: Vec<&str> = listed.filter_map(|row| Some(row.split_once('`')?.0)).collect();
    assert_eq!(shown, listed);
}
