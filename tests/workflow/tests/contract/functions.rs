//! Tasks, functions and binaries are the same things, and each function has its own role and log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::progress::LOOK_SECONDS;
use shared::register::LEASE_SECONDS;

use crate::stack::{FUNCTION, MACHINE, Stack, attribute, binaries, items};

/// Functions that the workflow does not call, each with who does.
const NO_TASKS: [(&str, &str); 4] = [
    ("RegisterFunction", "people"),
    ("StartFunction", "events"),
    ("SweepFunction", "the state machine of the sweep"),
    ("WatchFunction", "its queue"),
];

const TEMPLATE: &str = include_str!("../../../../samplesam.yaml");

fn tasks_functions(stack: &Stack) -> BTreeSet<&str> {
    let mut functions: BTreeSet<&str> = stack.resources(FUNCTION).into_keys().collect();
    for (function, _) in NO_TASKS {
        assert!(functions.remove(function), "{function} is gone");
    }
    functions
}

#[test]
fn every_task_has_a_function_and_every_function_a_task() {
    let stack = Stack::load();
    let mut called = BTreeSet::new();
    for task in stack.tasks().into_keys() {
        let function = stack.function_of(task);
        assert_eq!(
            function,
            format!("{task}Function"),
            "a task calls the function of its name"
        );
        called.insert(function);
    }
    assert_eq!(called, tasks_functions(&stack));
}

#[test]
fn every_function_has_a_binary_and_every_binary_a_function() {
    let stack = Stack::load();
    let mut named = BTreeSet::new();
    for (id, function) in stack.resources(FUNCTION) {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
        // Where `cargo artifacts` puts it; `stack` has its own place there.
        let zip = format!("Binary: {binary}\n    Properties:\n      CodeUri: target/artifacts/{binary}.zip\n");
        assert!(TEMPLATE.contains(&zip), "{id}");
        assert!(named.insert(binary.to_owned()), "two functions are {binary}");
        assert_eq!(id, format!("{}Function", pascal(binary)), "the function of {binary}");
    }
    assert_eq!(named, binaries());
}

#[test]
fn every_substitution_is_used_and_every_use_is_defined() {
    let stack = Stack::load();
    for (id, machine) in stack.resources(MACHINE) {
        let defined: BTreeSet<String> = substitutions(machine).into_iter().collect();
        let text = stack.definition(id).to_string();
        let used: BTreeSet<String> = text
            .split("${")
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap().to_owned())
            .collect();
        assert_eq!(used, defined, "{id}");
    }
}

fn substitutions(machine: &Value) -> Vec<String> {
    let defined = machine["Properties"]["DefinitionSubstitutions"].as_object().unwrap();
    defined.keys().cloned().collect()
}

#[test]
fn the_state_machine_may_invoke_just_its_functions() {
    let stack = Stack::load();
    let statements = stack.statements();
    let invoking: Vec<_> = statements
        .iter()
        .filter(|statement| statement.name.starts_with("WorkflowRole."))
        .filter(|statement| statement.actions.iter().any(|action| action.starts_with("lambda:")))
        .collect();
    assert_eq!(invoking.len(), 1);
    assert_eq!(invoking[0].name, "WorkflowRole.RunSteps");
    assert_eq!(invoking[0].actions, ["lambda:InvokeFunction"]);
    let allowed: BTreeSet<&str> = invoking[0]
        .resources
        .iter()
        .map(|resource| attribute(resource, "Arn").expect("a function by its ARN"))
        .collect();
    assert_eq!(allowed, tasks_functions(&stack));
}

#[test]
fn a_task_waits_longer_than_its_function_may_run() {
    let stack = Stack::load();
    let default = &stack.template["Globals"]["Function"]["Timeout"];
    for (name, task) in stack.tasks() {
        let function = stack.resource(stack.function_of(name));
        let timeout = function["Properties"]
            .get("Timeout")
            .unwrap_or(default)
            .as_u64()
            .unwrap();
        let patience = task["TimeoutSeconds"]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} has no TimeoutSeconds"));
        assert!(
            patience > timeout,
            "{name} waits {patience} s for a function that may run {timeout} s"
        );
    }
}

/// Who has the lease of a vendor's service is alive, or never writes again: its function is ended before the lease runs out. And a
/// look that takes too long ends with a named error before its function is ended.
#[test]
fn no_function_runs_longer_than_a_lease_and_none_shorter_than_a_look() {
    let stack = Stack::load();
    let default = &stack.template["Globals"]["Function"]["Timeout"];
    for (id, function) in stack.resources(FUNCTION) {
        let timeout = function["Properties"].get("Timeout").unwrap_or(default);
        let timeout = timeout.as_u64().unwrap();
        assert!(LOOK_SECONDS < timeout && timeout < LEASE_SECONDS, "{id}");
    }
}

/// Lambda refuses a queue whose messages come again while they may still be worked at, and advises six times as long.
#[test]
fn the_watch_takes_one_message_at_a_time_and_forgets_those_that_nobody_waits_for() {
    let stack = Stack::load();
    let event = &stack.resource("WatchFunction")["Properties"]["Events"]["Message"];
    assert_eq!(event["Type"], "SQS");
    let queue = attribute(&event["Properties"]["Queue"], "Arn").unwrap();
    assert_eq!(event["Properties"]["BatchSize"], 1);
    let queue = &stack.resource(queue)["Properties"];
    let timeout = stack.template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    assert_eq!(queue["VisibilityTimeout"], 6 * timeout);
    for (name, state) in stack.tasks_of("arn:aws:states:::sqs:sendMessage.waitForTaskToken") {
        assert_eq!(queue["MessageRetentionPeriod"], state["TimeoutSeconds"], "{name}");
    }
}

#[test]
fn every_function_has_its_own_role_and_a_log_that_is_kept_for_a_time() {
    let stack = Stack::load();
    let mut roles = BTreeMap::new();
    let mut logs = BTreeMap::new();
    for (id, function) in stack.resources(FUNCTION) {
        let role = attribute(&function["Properties"]["Role"], "Arn").expect("a role of this template");
        assert_eq!(stack.resource(role)["Type"], "AWS::IAM::Role");
        assert_eq!(roles.insert(role, id), None, "{role} is shared");
        let trust = &stack.resource(role)["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        for statement in items(trust) {
            assert_eq!(
                statement["Principal"],
                json!({"Service": "lambda.amazonaws.com"}),
                "{role}"
            );
        }

        let log = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
            .as_str()
            .unwrap();
        assert_eq!(logs.insert(log, id), None, "{log} is shared");
        let retention = &stack.resource(log)["Properties"]["RetentionInDays"];
        assert_eq!(retention, &json!({"Ref": "LogRetentionDays"}), "{log}");

        let statements = stack.statements();
        let writing: Vec<_> = statements
            .iter()
            .filter(|statement| statement.name.starts_with(&format!("{role}.")))
            .filter(|statement| statement.actions.iter().any(|action| action.starts_with("logs:")))
            .flat_map(|statement| statement.resources.iter().map(|resource| attribute(resource, "Arn")))
            .collect();
        assert_eq!(writing, [Some(log)], "{role} writes to its own log alone");
    }
}

/// `ensure-service` is `EnsureService`.
fn pascal(binary: &str) -> String {
    binary
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}
