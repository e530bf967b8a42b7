//! Tasks, functions and binaries are the same things, and each function has its own role and log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::progress::LOOK_SECONDS;
use shared::register::LEASE_SECONDS;
use shared::request::validate;
use shared::settings::Settings;

use crate::machine::{PHASES, PhaseStates};
use crate::stack::{FUNCTION, MACHINE, Stack, attribute, binaries, items};

/// Functions that the workflow does not call, each with who does.
const NO_TASKS: [(&str, &str); 3] = [
    ("RegisterFunction", "people"),
    ("StartFunction", "events"),
    ("SweepFunction", "the state machine of the sweep"),
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

/// Who has the lease of a vendor's service is alive, or never writes again: its function is ended before the lease runs out, or,
/// where a function waits between looks, the look is.
#[test]
fn no_function_runs_longer_than_a_lease_but_those_whose_looks_do_not() {
    let stack = Stack::load();
    let settings = Settings::from_lookup(|_| None).unwrap();
    let request = json!({
        "provider": {"type": "aiven", "project": "p", "service_name": "s", "components": ["kafka"], "secret_id": "privatelink/s"},
        "consumer": {"account_id": "111122223333", "region": "eu-west-1", "vpc_id": "vpc-0a1b2c3d"}
    });
    let request = validate(&request, "privatelink/").unwrap();
    let holds = |phase: &PhaseStates| u64::from(settings.schedule(phase.phase, &request).hold_seconds);
    let holding: BTreeMap<&str, u64> = PHASES
        .iter()
        .map(|phase| (stack.function_of(phase.task), holds(phase)))
        .filter(|(_, seconds)| *seconds > 0)
        .collect();
    assert_eq!(holding.len(), 3, "{holding:?}");
    const { assert!(LOOK_SECONDS < LEASE_SECONDS) };
    let default = &stack.template["Globals"]["Function"]["Timeout"];
    for (id, function) in stack.resources(FUNCTION) {
        let timeout = function["Properties"]
            .get("Timeout")
            .unwrap_or(default)
            .as_u64()
            .unwrap();
        match holding.get(id) {
            // It waits all it may, and looks a last time.
            Some(hold) => assert!(timeout > hold + LOOK_SECONDS, "{id}"),
            None => assert!(timeout < LEASE_SECONDS, "{id}"),
        }
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
