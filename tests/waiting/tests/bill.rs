//! The bill of a recorded run adds up from its history. The recorded run is `cargo rehearse examples/aiven-kafka.json --keep-logs`,
//! without the inputs and outputs that nothing here reads.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use serde_json::Value;
use waiting::assumed::REQUESTS_OF_A_MESSAGE;
use waiting::bill::Recorded;
use waiting::deployed::Deployed;
use waiting::prices::Prices;

const SPEED: f64 = 40.0;
const CALLS: &str = include_str!("recorded/calls.jsonl");

fn history() -> String {
    include_str!("recorded/history.jsonl").to_owned()
}

fn recorded() -> Recorded {
    Recorded::read(&history(), Some(CALLS), SPEED).unwrap()
}

fn events() -> Vec<Value> {
    history()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn count<T>(of: impl IntoIterator<Item = T>) -> u32 {
    u32::try_from(of.into_iter().count()).unwrap()
}

#[test]
fn a_bill_adds_up_from_the_history() {
    let (deployed, prices, run) = (Deployed::load().unwrap(), Prices::load().unwrap(), recorded());
    let usage = run.usage(&deployed);
    let of = |kind: &str| {
        let events = events();
        f64::from(count(
            events
                .iter()
                .filter(|event| event["type"].as_str().unwrap().ends_with(kind)),
        ))
    };
    // Nothing was retried in it: a transition for each state, and an event at its end.
    assert_eq!(usage.transitions, of("StateEntered"));
    assert_eq!(usage.events, 1.0);
    // Each task calls a function, sends a message or puts an event; and each message calls the watch.
    assert_eq!(
        usage.lambda_requests + usage.events - f64::from(run.messages_again),
        of("TaskScheduled")
    );
    assert_eq!(
        usage.sqs_requests,
        REQUESTS_OF_A_MESSAGE * f64::from(run.messages + run.messages_again)
    );
    // The functions take some seconds; none of them waits.
    let watch_gb = f64::from(run.messages + run.messages_again) * deployed.watch_mb() / 1_024.0;
    assert!(
        usage.lambda_gb_seconds > 0.3 * watch_gb && usage.lambda_gb_seconds < 10.0,
        "{usage:?}"
    );
    // And the whole is the sum of its parts, at the table's prices.
    let parts = prices.bill(&usage).unwrap();
    let sum: f64 = parts
        .iter()
        .map(|(name, amount, _)| amount * prices.of_one(name).unwrap())
        .sum();
    assert!((prices.dollars(&usage).unwrap() - sum).abs() < 1e-12);
    assert!(sum * 1_000.0 < 1.5 && sum * 1_000.0 > 0.5, "{sum}");
    assert!(
        parts
            .iter()
            .any(|(name, amount, _)| *name == "secrets_manager_call" && *amount > 0.0),
        "{parts:?}"
    );
}

/// The calls say how often the watch went on and woke; so do the looks that the steps counted, where no calls were recorded.
#[test]
fn messages_are_counted_alike_by_calls_and_by_looks() {
    let (by_calls, by_looks) = (recorded(), Recorded::read(&history(), None, SPEED).unwrap());
    let called = |operation: &str| count(CALLS.lines().filter(|line| line.contains(operation)));
    assert!(by_calls.messages_again > 10, "the watch hardly looked");
    assert_eq!(by_calls.messages_again, called("\"SendMessage\""));
    assert_eq!(by_looks.messages_again, by_calls.messages_again);
    // Each turn's message comes back as one token.
    assert_eq!(by_calls.messages, called("\"SendTaskSuccess\""));
    assert_eq!(by_looks.messages, by_calls.messages);
}

/// Every second that a phase waited was asked for by a step or by the watch.
#[test]
fn the_watch_waits_in_place_of_the_state_machine() {
    let run = recorded();
    let asked: f64 = events()
        .iter()
        .filter(|event| event["type"] == "TaskSucceeded")
        .filter_map(|event| {
            let output: Value = serde_json::from_str(event["taskSucceededEventDetails"]["output"].as_str()?).unwrap();
            output["Payload"]["wait_seconds"].as_f64()
        })
        .sum();
    let watched = run.waited_seconds - asked;
    assert!(asked > 100.0 && watched > 100.0, "{asked} {watched}");
    let looks = f64::from(run.messages_again);
    assert!((watched / looks - 15.0).abs() < 1.0, "{watched} s by {looks} looks");
    assert!(run.seconds > run.waited_seconds);
}

#[test]
fn the_simulation_counts_the_states_of_the_recorded_run() {
    let (deployed, run) = (Deployed::load().unwrap(), recorded());
    let mut again = BTreeMap::new();
    for invocation in &run.invocations {
        *again.entry(invocation.task.clone()).or_insert(0) += 1;
    }
    for looks in again.values_mut() {
        *looks -= 1;
    }
    let states = deployed.states_of("provision", &again).unwrap();
    let entered: Vec<String> = events()
        .iter()
        .filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(states, entered);
    let waits = |state: &&String| state.starts_with("Watch") || state.starts_with("WaitFor");
    assert_eq!(run.pending, count(states.iter().filter(waits)));
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
