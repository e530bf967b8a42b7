//! What starts the workflow and what it tells: rules, the queue of dead letters, the topic, and the states that announce.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rehearsal::functions::Zips;
use rehearsal::package::package;
use serde_json::{Value, json};
use shared::events::{
    ACCOUNT_VENDED, ANNOUNCEMENTS, CLIENT_SOURCE, CONNECTION_REQUESTED, WORKFLOW_SOURCE, events_schema,
};

use crate::machine::nexts;
use crate::stack::{Stack, attribute, items, root};

const RULE: &str = "AWS::Events::Rule";

/// The state, what it tells, and where it goes on, told or not.
const ANNOUNCING: [(&str, &str, &str); 4] = [
    ("AnnounceConnected", "Connection Ready", "Connected"),
    ("AnnounceDeprovisioned", "Connection Removed", "Deprovisioned"),
    ("AnnounceFailed", "Connection Failed", "Failed"),
    ("AnnounceNeedsAttention", "Connection Needs Attention", "NeedsAttention"),
];

fn announcements(stack: &Stack) -> BTreeMap<&str, &Value> {
    stack.tasks_of("arn:aws:states:::events:putEvents")
}

/// What an announcement tells.
fn detail(state: &Value) -> &str {
    state["Arguments"]["Entries"][0]["Detail"].as_str().unwrap()
}

#[test]
fn every_end_but_a_plans_is_announced_on_the_bus() {
    let stack = Stack::load();
    let states = announcements(&stack);
    assert_eq!(
        states.keys().copied().collect::<BTreeSet<_>>(),
        ANNOUNCING.map(|(state, ..)| state).into()
    );
    for (name, kind, next) in ANNOUNCING {
        let entries = &states[name]["Arguments"]["Entries"];
        assert_eq!(entries.as_array().unwrap().len(), 1, "{name}");
        assert_eq!(entries[0]["Source"], WORKFLOW_SOURCE, "{name}");
        assert_eq!(entries[0]["DetailType"], kind, "{name}");
        assert_eq!(entries[0]["EventBusName"], "${EventBusName}", "{name}");
        // The end comes from nowhere else.
        let before: BTreeSet<&str> = stack.machine["States"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, state)| nexts(state).contains(&next))
            .map(|(state, _)| state.as_str())
            .collect();
        assert_eq!(before, BTreeSet::from([name]), "{next}");
    }
    let known: BTreeSet<&str> = ANNOUNCEMENTS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(known, ANNOUNCING.map(|(_, kind, _)| kind).into());
}

/// Nobody who listens may decide how a run ends.
#[test]
fn a_run_ends_as_it_ends_whether_it_can_be_told_or_not() {
    let stack = Stack::load();
    let states = announcements(&stack);
    for (name, _, next) in ANNOUNCING {
        let state = states[name];
        let unchanged = "{% $states.input %}";
        assert_eq!(
            (&state["Next"], &state["Output"]),
            (&json!(next), &json!(unchanged)),
            "{name}"
        );
        assert_eq!(
            state["Catch"],
            json!([{"ErrorEquals": ["States.ALL"], "Output": unchanged, "Next": next}]),
            "{name}"
        );
        let retriers: Vec<&Value> = items(&state["Retry"]).collect();
        assert_eq!(retriers.len(), 1, "{name}");
        assert_eq!(retriers[0]["ErrorEquals"], json!(["States.ALL"]), "{name}");
        assert!(state["TimeoutSeconds"].as_u64().is_some(), "{name}");
    }
}

#[test]
fn announcements_tell_the_fields_of_their_schema_and_the_same_of_each_run() {
    let stack = Stack::load();
    let states = announcements(&stack);
    let of_failure = ", 'error': $states.input.failure.error, 'cause': $states.input.failure.cause";
    let common: BTreeSet<String> = states
        .values()
        .map(|state| detail(state).replace(of_failure, ""))
        .collect();
    assert_eq!(common.len(), 1, "{common:#?}");
    for name in ["AnnounceFailed", "AnnounceNeedsAttention"] {
        assert!(detail(states[name]).contains(of_failure), "{name}");
    }
    let told = detail(states["AnnounceFailed"]);
    let schema = events_schema();
    let events = schema["oneOf"].as_array().unwrap();
    let event = events
        .iter()
        .find(|event| event["properties"]["detail-type"]["const"] == "Connection Failed");
    let fields = &event.unwrap()["properties"]["detail"]["properties"];
    for field in fields.as_object().unwrap().keys() {
        assert!(told.contains(&format!("'{field}': ")), "{field}");
    }
}

#[test]
fn a_failed_end_says_what_was_announced() {
    let stack = Stack::load();
    let states = &stack.machine["States"];
    for (end, error) in [
        ("Failed", "{% $states.input.failure.error %}"),
        ("NeedsAttention", "NeedsAttention"),
    ] {
        assert_eq!(states[end]["Error"], error, "{end}");
        assert_eq!(states[end]["Cause"], "{% $states.input.failure.cause %}", "{end}");
    }
    for (name, state) in states.as_object().unwrap() {
        if name.starts_with("Explain") {
            let output = state["Output"].as_str().unwrap();
            let begin = "{% $merge([$states.input, {'failure': {'error': ";
            assert!(output.starts_with(begin) && output.contains(", 'cause': "), "{name}");
        }
    }
}

#[test]
fn the_workflow_may_put_its_own_events_alone() {
    let stack = Stack::load();
    let statements = stack.statements();
    let putting: Vec<_> = statements
        .iter()
        .filter(|statement| statement.name.starts_with("WorkflowRole."))
        .filter(|statement| statement.actions.iter().any(|action| action.starts_with("events:")))
        .collect();
    assert_eq!(putting.len(), 1);
    assert_eq!(putting[0].name, "WorkflowRole.Announce");
    assert_eq!(putting[0].actions, ["events:PutEvents"]);
    assert_eq!(
        putting[0].condition,
        Some(&json!({"StringEquals": {"events:source": WORKFLOW_SOURCE}}))
    );
    let substituted = &stack.resource("Workflow")["Properties"]["DefinitionSubstitutions"]["EventBusName"];
    assert_eq!(substituted, &json!({"Ref": "EventBusName"}));
}

#[test]
fn the_rules_match_the_events_that_are_documented() {
    let stack = Stack::load();
    let patterns: BTreeMap<&str, &Value> = stack
        .resources(RULE)
        .into_iter()
        .map(|(id, rule)| (id, &rule["Properties"]["EventPattern"]))
        .collect();
    let control_tower = json!({
        "source": ["aws.controltower"],
        "detail-type": ["AWS Service Event via CloudTrail"],
        "detail": {"eventName": ["CreateManagedAccount", "UpdateManagedAccount"]}
    });
    let broken_off = json!({
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["ABORTED", "TIMED_OUT"], "stateMachineArn": [{"Ref": "Workflow"}]}
    });
    let requests = json!({"source": [CLIENT_SOURCE], "detail-type": [CONNECTION_REQUESTED, ACCOUNT_VENDED]});
    assert_eq!(patterns["RequestRule"], &requests);
    assert_eq!(patterns["ControlTowerRule"], &control_tower);
    assert_eq!(patterns["AnnouncementRule"], &json!({"source": [WORKFLOW_SOURCE]}));
    assert_eq!(patterns["BrokenOffRule"], &broken_off);

    let relay = package(&root().join("infra/control-tower-rule.yaml"), &Zips::new(), "bucket").unwrap();
    let pattern = &relay.template["Resources"]["VendedAccounts"]["Properties"]["EventPattern"];
    assert_eq!(pattern, &control_tower, "what is relayed is what is waited for");
}

#[test]
fn nothing_that_starts_or_tells_is_lost_in_silence() {
    let stack = Stack::load();
    let queue = |value: &Value| assert_eq!(attribute(value, "Arn"), Some("StartDeadLetters"));
    let mut starting = BTreeSet::new();
    for (id, rule) in stack.resources(RULE) {
        for target in items(&rule["Properties"]["Targets"]) {
            if attribute(&target["Arn"], "Arn") == Some("StartFunction") {
                queue(&target["DeadLetterConfig"]["Arn"]);
                starting.insert(id);
            } else if id != "SweepRule" {
                assert_eq!(target["Arn"], json!({"Ref": "NotificationsTopic"}), "{id}");
            }
        }
    }
    assert_eq!(starting, BTreeSet::from(["ControlTowerRule", "RequestRule"]));
    let failed = &stack.resource("StartFunction")["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
    assert_eq!(failed["Type"], "SQS");
    queue(&failed["Destination"]);

    // Whoever puts something somewhere may do so.
    let sources = |policy: &str, n: usize| -> BTreeSet<String> {
        let statement = &stack.resource(policy)["Properties"]["PolicyDocument"]["Statement"][n];
        items(&statement["Condition"]["ArnEquals"]["aws:SourceArn"])
            .map(|arn| attribute(arn, "Arn").unwrap().to_owned())
            .collect()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        sources("StartDeadLettersPolicy", 0),
        names(&["ControlTowerRule", "RequestRule"])
    );
    assert_eq!(
        sources("NotificationsTopicPolicy", 0),
        names(&["AnnouncementRule", "BrokenOffRule", "SweepBrokenOffRule"])
    );
    let alarms: Vec<&str> = stack.resources("AWS::CloudWatch::Alarm").into_keys().collect();
    assert_eq!(sources("NotificationsTopicPolicy", 1), names(&alarms));
    for rule in ["RequestRule", "ControlTowerRule"] {
        let permission = &stack.resource(&format!("{rule}Permission"))["Properties"];
        assert_eq!(permission["FunctionName"], json!({"Ref": "StartFunction"}));
        assert_eq!(attribute(&permission["SourceArn"], "Arn"), Some(rule));
    }

    let alarm = &stack.resource("StartDeadLettersAlarm")["Properties"];
    assert_eq!(
        attribute(&alarm["Dimensions"][0]["Value"], "QueueName"),
        Some("StartDeadLetters")
    );
    let watching = &stack.resource("WatchAlarm")["Properties"]["Dimensions"][0];
    assert_eq!(
        watching,
        &json!({"Name": "FunctionName", "Value": {"Ref": "WatchFunction"}})
    );
    for alarm in alarms {
        let actions = &stack.resource(alarm)["Properties"]["AlarmActions"];
        assert_eq!(actions, &json!([{"Ref": "NotificationsTopic"}]), "{alarm}");
    }
}

#[test]
fn only_accounts_of_the_organization_may_ask_and_only_for_that() {
    let stack = Stack::load();
    let policy = stack.resource("EventBusPolicy");
    assert_eq!(policy["Condition"], "HasOrganization");
    let statement = &policy["Properties"]["Statement"];
    assert_eq!(statement["Action"], "events:PutEvents");
    let condition = json!({"StringEquals": {
        "aws:PrincipalOrgID": {"Ref": "OrganizationId"},
        "events:source": [CLIENT_SOURCE, "aws.controltower"]
    }});
    assert_eq!(statement["Condition"], condition);
}

#[test]
fn start_knows_the_state_machine_and_may_start_it_alone() {
    let stack = Stack::load();
    let own = &stack.resource("StartFunction")["Properties"]["Environment"]["Variables"];
    assert_eq!(own, &json!({"WORKFLOW_ARN": {"Ref": "Workflow"}}));
    let statements = stack.statements();
    let starting: Vec<_> = statements
        .iter()
        .filter(|statement| statement.name.starts_with("StartRole."))
        .filter(|statement| statement.actions.contains(&"states:StartExecution"))
        .collect();
    assert_eq!(starting.len(), 1);
    assert_eq!(starting[0].resources, [&json!({"Ref": "Workflow"})]);
}

#[test]
fn the_schemas_in_infra_are_those_of_the_types() {
    for (file, argument, text) in [
        ("profile", "profile", shared::profile::schema_text()),
        ("events", "events", shared::events::schema_text()),
    ] {
        let kept = fs::read_to_string(root().join(format!("infra/{file}.schema.json"))).unwrap();
        assert_eq!(
            kept,
            text.unwrap(),
            "run `cargo run --example schema -- {argument} > infra/{file}.schema.json`"
        );
    }
}
