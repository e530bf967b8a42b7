//! The sweep: off by default, its definition calls what there is, no item stops it, and its role may do just what it does.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::events::WORKFLOW_SOURCE;
use shared::request::Action;
use shared::sweep::{CONNECTION_DRIFTED, SWEEP_FAILED};

use crate::machine::nexts;
use crate::stack::{Stack, attribute, items};

const SWEEP: &str = "Sweep";

fn children(definition: &Value) -> &serde_json::Map<String, Value> {
    definition["States"]["LookAtEach"]["ItemProcessor"]["States"]
        .as_object()
        .unwrap()
}

#[test]
fn it_runs_by_itself_only_where_that_is_switched_on() {
    let stack = Stack::load();
    assert_eq!(stack.parameter("SweepEnabled")["Default"], "false");
    assert_eq!(stack.parameter("SweepSchedule")["Default"], "rate(1 day)");
    assert_eq!(stack.parameter("OrganizationsAccess")["Default"], "false");
    let rule = &stack.resource("SweepRule")["Properties"];
    assert_eq!(
        rule["State"],
        json!({"Fn::If": ["IsSweepEnabled", "ENABLED", "DISABLED"]})
    );
    assert_eq!(
        stack.template["Conditions"]["IsSweepEnabled"],
        json!({"Fn::Equals": [{"Ref": "SweepEnabled"}, "true"]})
    );
    assert_eq!(rule["ScheduleExpression"], json!({"Ref": "SweepSchedule"}));
    let target = &rule["Targets"][0];
    assert_eq!(target["Arn"], json!({"Ref": SWEEP}));
    assert_eq!(target["Input"], "{}", "the profiles say what is mended");
    assert_eq!(attribute(&target["RoleArn"], "Arn"), Some("SweepRuleRole"));
    // What did not come to its end is told.
    let broken_off = &stack.resource("SweepBrokenOffRule")["Properties"];
    assert_eq!(
        broken_off["EventPattern"]["detail"],
        json!({"status": ["ABORTED", "FAILED", "TIMED_OUT"], "stateMachineArn": [{"Ref": SWEEP}]})
    );
}

#[test]
fn each_item_is_planned_and_repaired_by_the_workflow() {
    let stack = Stack::load();
    let definition = stack.definition(SWEEP);
    let children = children(&definition);
    for (name, action) in [("Plan", Action::Plan), ("Repair", Action::Provision)] {
        let state = &children[name];
        assert_eq!(
            state["Resource"], "arn:aws:states:::states:startExecution.sync:2",
            "{name}"
        );
        assert_eq!(state["Arguments"]["StateMachineArn"], "${WorkflowArn}", "{name}");
        let action = json!(action).as_str().unwrap().to_owned();
        let input = format!("{{% $merge([$states.input.reference, {{'action': '{action}'}}]) %}}");
        assert_eq!(state["Arguments"]["Input"], input, "{name}");
    }
    let substituted = &stack.resource(SWEEP)["Properties"]["DefinitionSubstitutions"];
    assert_eq!(substituted["WorkflowArn"], json!({"Ref": "Workflow"}));
    assert_eq!(
        attribute(&substituted["SweepFunctionArn"], "Arn"),
        Some("SweepFunction")
    );
}

/// What one item fails with is counted, and ends neither its child execution nor the sweep.
#[test]
fn no_item_stops_the_sweep() {
    let definition = Stack::load().definition(SWEEP);
    assert_eq!(definition["States"]["LookAtEach"]["ToleratedFailurePercentage"], 100);
    let mut told = BTreeSet::new();
    for (name, state) in children(&definition) {
        assert_ne!(state["Type"], "Fail", "{name}");
        if state["Type"] != "Task" {
            continue;
        }
        let catchers: Vec<_> = items(&state["Catch"]).collect();
        assert_eq!(catchers.len(), 1, "{name}");
        assert_eq!(catchers[0]["ErrorEquals"], json!(["States.ALL"]), "{name}");
        if let Some(entry) = state["Arguments"].pointer("/Entries/0") {
            assert_eq!(entry["Source"], WORKFLOW_SOURCE, "{name}");
            assert_eq!(entry["EventBusName"], "${EventBusName}", "{name}");
            told.insert(entry["DetailType"].as_str().unwrap().to_owned());
            assert_eq!(
                nexts(state).into_iter().collect::<BTreeSet<_>>().len(),
                1,
                "told or not, it goes on"
            );
        } else {
            assert_eq!(catchers[0]["Next"], "TellOfFailure", "{name}");
        }
    }
    assert_eq!(told, [CONNECTION_DRIFTED, SWEEP_FAILED].map(str::to_owned).into());
    let outcomes: BTreeSet<&str> = children(&definition)
        .values()
        .filter(|state| state["End"] == true)
        .map(|state| state["Output"]["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, BTreeSet::from(["drifted", "failed", "kept", "repaired"]));
}

#[test]
fn its_role_may_do_just_what_it_does() {
    let stack = Stack::load();
    let statements = stack.statements();
    let allowed: BTreeSet<&str> = statements
        .iter()
        .filter(|statement| statement.name.starts_with("SweepRole."))
        .flat_map(|statement| statement.actions.iter().copied())
        .filter(|action| !action.starts_with("logs:") && !action.starts_with("xray:"))
        .collect();
    let needed = [
        "cloudwatch:PutMetricData",
        "events:PutEvents",
        "lambda:InvokeFunction",
        "states:StartExecution",
        // Of what Step Functions does for a nested execution and for a Distributed Map.
        "events:DescribeRule",
        "events:PutRule",
        "events:PutTargets",
        "states:DescribeExecution",
        "states:RedriveExecution",
        "states:StopExecution",
    ];
    assert_eq!(allowed, BTreeSet::from(needed));
    let only = |name: &str| {
        let found = statements.iter().find(|statement| statement.name == name).unwrap();
        found.condition.unwrap().clone()
    };
    assert_eq!(
        only("SweepRole.Measure"),
        json!({"StringEquals": {"cloudwatch:namespace": "PrivateLinkWorkflow"}})
    );
    assert_eq!(
        only("SweepRole.Announce"),
        json!({"StringEquals": {"events:source": WORKFLOW_SOURCE}})
    );
}
