//! The state machine: retries, catches, and the look, choose, wait of each phase.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::ErrorName;
use shared::settings::PhaseName;

use crate::stack::{Stack, items};

/// What Lambda or Step Functions may fail with although nothing is wrong: the service errors of "Best practices for Step
/// Functions", a function that died or ran out of time, and a task that did.
const PASSING_ERRORS: [&str; 9] = [
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
];
/// Ends a run that could not be taken back; no step answers it.
const NEEDS_ATTENTION: &str = "NeedsAttention";
const PREFIXES_OF_AWS: [&str; 4] = ["Lambda.", "Runtime.", "Sandbox.", "States."];
/// TaskStateEntered to TaskStateExited, and entering and leaving Choice and Wait.
const EVENTS_PER_LOOK: u64 = 9;
/// A Standard execution ends at 25,000; the rest is for retries and for the states that are passed once.
const EVENTS_FOR_LOOKS: u64 = 22_000;

#[test]
fn every_task_retries_what_may_pass_and_nothing_else() {
    let stack = Stack::load();
    let ours: BTreeSet<&str> = ErrorName::ALL
        .into_iter()
        .filter(|name| name.is_retried())
        .map(ErrorName::as_str)
        .collect();
    for (name, task) in stack.tasks() {
        let retriers: Vec<BTreeSet<&str>> = items(&task["Retry"]).map(error_equals).collect();
        assert_eq!(retriers, [ours.clone(), BTreeSet::from(PASSING_ERRORS)], "{name}");
        for retrier in items(&task["Retry"]) {
            assert!(retrier["MaxAttempts"].as_u64().unwrap() > 0, "{name}: {retrier}");
            assert_eq!(retrier["JitterStrategy"], "FULL", "{name}: {retrier}");
        }
    }
}

#[test]
fn every_failure_is_caught_and_taken_back() {
    let stack = Stack::load();
    for (name, task) in stack.tasks() {
        let catchers: Vec<_> = items(&task["Catch"]).collect();
        assert_eq!(catchers.len(), 1, "{name}");
        assert_eq!(error_equals(catchers[0]), BTreeSet::from(["States.ALL"]), "{name}");
        let expected = match name {
            // Nothing was created yet.
            "Validate" => "Failed",
            "Undo" => NEEDS_ATTENTION,
            _ => "Undo",
        };
        assert_eq!(catchers[0]["Next"], expected, "{name}");
    }
}

#[test]
fn the_names_of_errors_are_those_of_the_code() {
    let stack = Stack::load();
    let known: BTreeSet<&str> = ErrorName::ALL
        .into_iter()
        .map(ErrorName::as_str)
        .chain([NEEDS_ATTENTION])
        .collect();
    let mut names = BTreeSet::new();
    collect_error_names(&stack.machine, &mut names);
    assert!(names.len() > 2, "{names:?}");
    for name in names {
        let of_aws = PREFIXES_OF_AWS.iter().any(|prefix| name.starts_with(prefix));
        assert!(of_aws || known.contains(name), "{name} is no error of this workflow");
    }
}

/// What the definition matches, and what it ends with, unless that is passed on from elsewhere.
fn collect_error_names<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match (key.as_str(), field) {
                    ("ErrorEquals", list) => names.extend(items(list).map(|name| name.as_str().unwrap())),
                    ("Error", Value::String(name)) if !name.starts_with("{%") => {
                        names.insert(name);
                    }
                    (_, field) => collect_error_names(field, names),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|item| collect_error_names(item, names)),
        _ => {}
    }
}

#[test]
fn each_phase_looks_chooses_and_waits_under_its_own_key() {
    let stack = Stack::load();
    let states = &stack.machine["States"];
    for (phase, task, next) in [
        (PhaseName::Preflight, "Preflight", "EnsureService"),
        (PhaseName::Service, "EnsureService", "EnsureEndpoint"),
        (PhaseName::Endpoint, "EnsureEndpoint", "EnsureAccepted"),
        (PhaseName::Acceptance, "EnsureAccepted", "EnsureAccess"),
        (PhaseName::Access, "EnsureAccess", "Publish"),
        (PhaseName::Undo, "Undo", "Failed"),
    ] {
        let key = phase.key();
        let output = format!("{{% $merge([$states.input, {{'{key}': $states.result.Payload}}]) %}}");
        assert_eq!(states[task]["Output"], output, "{task}");

        let choice_name = states[task]["Next"].as_str().unwrap();
        let choice = &states[choice_name];
        assert_eq!(choice["Type"], "Choice", "{choice_name}");
        let status = |status: &str| format!("{{% $states.input.{key}.status = '{status}' %}}");
        let chosen: BTreeMap<&str, &str> = items(&choice["Choices"])
            .map(|rule| (rule["Condition"].as_str().unwrap(), rule["Next"].as_str().unwrap()))
            .collect();
        assert_eq!(chosen.get(status("ready").as_str()), Some(&next), "{choice_name}");
        let (wait_name, count) = if phase == PhaseName::Undo {
            // A third answer, or none that is known, is for a person.
            assert_eq!(choice["Default"], NEEDS_ATTENTION);
            (*chosen.get(status("pending").as_str()).unwrap(), 2)
        } else {
            (choice["Default"].as_str().unwrap(), 1)
        };
        assert_eq!(chosen.len(), count, "{choice_name}");

        let wait = &states[wait_name];
        assert_eq!(wait["Type"], "Wait", "{wait_name}");
        assert_eq!(
            wait["Seconds"],
            format!("{{% $states.input.{key}.wait_seconds %}}"),
            "{wait_name}"
        );
        assert_eq!(wait["Next"], task, "{wait_name}");
    }
}

#[test]
fn a_run_starts_with_the_request_and_ends_with_the_connection() {
    let stack = Stack::load();
    assert_eq!(stack.machine["StartAt"], "Validate");
    assert_eq!(stack.machine["States"]["Validate"]["Next"], "Preflight");
    let publish = &stack.machine["States"]["Publish"];
    assert_eq!(publish["End"], true);
    assert_eq!(publish["Output"], "{% $states.result.Payload %}");
}

#[test]
fn no_state_is_left_over() {
    let stack = Stack::load();
    let all: BTreeSet<&str> = stack.machine["States"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut named = BTreeSet::from([stack.machine["StartAt"].as_str().unwrap()]);
    collect_next(&stack.machine["States"], &mut named);
    assert_eq!(named, all);
}

fn collect_next<'a>(value: &'a Value, named: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            let targets = ["Next", "Default"]
                .into_iter()
                .filter_map(|key| fields.get(key)?.as_str());
            named.extend(targets);
            fields.values().for_each(|field| collect_next(field, named));
        }
        Value::Array(all) => all.iter().for_each(|item| collect_next(item, named)),
        _ => {}
    }
}

/// Either limit of Step Functions would end the execution on the spot, and nothing would be taken back.
#[test]
fn the_largest_budgets_fit_into_an_execution() {
    let stack = Stack::load();
    let budgets: u64 = stack
        .parameters()
        .filter(|(name, _)| name.ends_with("BudgetSeconds"))
        .map(|(_, parameter)| parameter["MaxValue"].as_u64().unwrap())
        .sum();
    assert!(budgets > 0);
    let limit = stack.machine["TimeoutSeconds"].as_u64().unwrap();
    assert!(
        2 * budgets <= limit,
        "phases may wait {budgets} s, and looking takes time too; the run ends at {limit} s"
    );
    let poll = stack.parameter("PollSeconds")["MinValue"].as_u64().unwrap();
    let events = budgets / poll * EVENTS_PER_LOOK;
    assert!(events <= EVENTS_FOR_LOOKS, "waiting may make {events} history events");
}

#[test]
fn the_definition_says_what_it_is_written_in() {
    // Fields of the other language would be ignored by one engine and refused by another.
    assert_eq!(Stack::load().machine["QueryLanguage"], json!("JSONata"));
}

fn error_equals(rule: &Value) -> BTreeSet<&str> {
    items(&rule["ErrorEquals"]).map(|name| name.as_str().unwrap()).collect()
}
