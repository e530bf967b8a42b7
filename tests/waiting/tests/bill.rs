//! The bill of a recorded run adds up from its history. The recorded run is `cargo rehearse examples/aiven-kafka.json --keep-logs`,
//! without the inputs and outputs that nothing here reads.
#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use waiting::bill::Recorded;
use waiting::deployed::Deployed;
use waiting::prices::Prices;

const SPEED: f64 = 24.0;

fn history() -> String {
    include_str!("recorded/history.jsonl").to_owned()
}

fn recorded() -> Recorded {
    Recorded::read(&history(), Some(include_str!("recorded/calls.jsonl")), SPEED).unwrap()
}

fn events() -> Vec<Value> {
    history()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_bill_adds_up_from_the_history() {
    let (deployed, prices, run) = (Deployed::load().unwrap(), Prices::load().unwrap(), recorded());
    let usage = run.usage(&deployed);
    let of = |kind: &str| {
        f64::from(
            u32::try_from(
                events()
                    .iter()
                    .filter(|event| event["type"].as_str().unwrap().ends_with(kind))
                    .count(),
            )
            .unwrap(),
        )
    };
    // Nothing was retried in it: a transition for each state, and an event at its end.
    assert_eq!(usage.transitions, of("StateEntered"));
    assert_eq!(usage.lambda_requests + usage.events, of("TaskScheduled"));
    assert_eq!(usage.events, 1.0);
    // Every second that a phase waited was waited by an invocation or by a Wait of the definition.
    let held: f64 = run.invocations.iter().map(|invocation| invocation.held_seconds).sum();
    let by_machine: f64 = events()
        .iter()
        .filter(|event| event["type"] == "TaskSucceeded")
        .filter_map(|event| {
            let output: Value = serde_json::from_str(event["taskSucceededEventDetails"]["output"].as_str()?).unwrap();
            output["Payload"]["wait_seconds"].as_f64()
        })
        .sum();
    assert!(held > 100.0 && by_machine > 100.0, "{held} {by_machine}");
    assert_eq!(held + by_machine, run.waited_seconds);
    // The functions that waited are billed for it.
    let gb_seconds: f64 = run
        .invocations
        .iter()
        .map(|i| i.held_seconds * deployed.memory_mb(&i.task) / 1_024.0)
        .sum();
    assert!(
        usage.lambda_gb_seconds > gb_seconds && usage.lambda_gb_seconds < gb_seconds * 1.5,
        "{usage:?}"
    );
    // And the whole is the sum of its parts, at the table's prices.
    let parts = prices.bill(&usage).unwrap();
    let sum: f64 = parts
        .iter()
        .map(|(name, amount, _)| amount * prices.of_one(name).unwrap())
        .sum();
    assert!((prices.dollars(&usage).unwrap() - sum).abs() < 1e-12);
    assert!(sum * 1_000.0 < 2.0 && sum * 1_000.0 > 1.0, "{sum}");
    assert!(
        parts
            .iter()
            .any(|(name, amount, _)| *name == "secrets_manager_call" && *amount > 0.0),
        "{parts:?}"
    );
}

#[test]
fn the_simulation_counts_the_states_of_the_recorded_run() {
    let (deployed, run) = (Deployed::load().unwrap(), recorded());
    let turns = |task: &str| u32::try_from(run.invocations.iter().filter(|i| i.task == task).count()).unwrap() - 1;
    let states = deployed
        .states(
            "provision",
            &[turns("EnsureService"), turns("EnsureAccepted"), turns("EnsureAccess")],
        )
        .unwrap();
    let entered: Vec<String> = events()
        .iter()
        .filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(states, entered);
}

#[test]
fn a_retry_is_a_transition() {
    let mut lines: Vec<String> = history().lines().map(str::to_owned).collect();
    let scheduled = lines.iter().position(|line| line.contains("TaskScheduled")).unwrap();
    let failed = r#"{"type": "TaskFailed", "timestamp": 1.0, "taskFailedEventDetails": {"error": "Throttled"}}"#;
    let again = lines[scheduled].clone();
    lines.splice(scheduled + 1..=scheduled, [failed.to_owned(), again]);
    let retried = Recorded::read(&lines.join("\n"), None, SPEED).unwrap();
    let plain = Recorded::read(&history(), None, SPEED).unwrap();
    assert_eq!((retried.retries, retried.entered), (1, plain.entered));
    assert_eq!(retried.invocations.len(), plain.invocations.len() + 1);
}

/// The whole point: a build that waits costs tens of times as much.
#[test]
fn the_same_wait_elsewhere_has_its_price() {
    let (deployed, prices, run) = (Deployed::load().unwrap(), Prices::load().unwrap(), recorded());
    let own = prices.dollars(&run.usage(&deployed)).unwrap();
    let elsewhere = run.elsewhere();
    let dollars = |n: usize| prices.dollars(&elsewhere[n].1).unwrap();
    assert!(elsewhere[0].0.contains("CodeBuild") && dollars(0) > 20.0 * own);
    assert!(elsewhere[2].0.contains("fixed") && dollars(2) > 2.0 * own);
}
