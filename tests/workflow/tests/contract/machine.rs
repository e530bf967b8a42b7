//! The state machine: retries, catches, and the look, choose, wait of each phase.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::ErrorName;
use shared::document::Preflight;
use shared::identity::ConnectionId;
use shared::plan::Plan;
use shared::request::{Action, Goal, Request, validate};
use shared::settings::{PhaseName, Settings};

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
/// Sends a message, and waits until somebody answers with its token.
const WATCHED: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
const PREFIXES_OF_AWS: [&str; 4] = ["Lambda.", "Runtime.", "Sandbox.", "States."];
/// A phase: its task, and where each answer of its step leads. Any other answer leads where the last row does.
pub(crate) struct PhaseStates {
    pub(crate) phase: PhaseName,
    pub(crate) task: &'static str,
    /// The state that waits for another look.
    pub(crate) wait: &'static str,
    /// The state that has the watch look meanwhile, which comes before that.
    pub(crate) watch: Option<&'static str>,
    /// Action of the request, or `*`; status; next state.
    answers: &'static [(&'static str, &'static str, &'static str)],
    /// Where an answer goes that no step gives.
    otherwise: &'static str,
    /// Where a failure goes, and under which key.
    failed: (&'static str, &'static str),
}

pub(crate) const PHASES: [PhaseStates; 8] = [
    PhaseStates {
        phase: PhaseName::Preflight,
        task: "Preflight",
        wait: "WaitForPreflight",
        watch: None,
        answers: &[
            ("plan", "ready", "Planned"),
            ("provision", "ready", "EnsureService"),
            ("deprovision", "ready", "Deprovision"),
            ("*", "pending", "WaitForPreflight"),
        ],
        otherwise: "WaitForPreflight",
        failed: ("Undo", "error"),
    },
    PhaseStates {
        phase: PhaseName::Service,
        task: "EnsureService",
        wait: "WaitForService",
        watch: Some("WatchService"),
        answers: &[("*", "ready", "EnsureEndpoint"), ("*", "pending", "WatchService")],
        otherwise: "WatchService",
        failed: ("Undo", "error"),
    },
    PhaseStates {
        phase: PhaseName::Endpoint,
        task: "EnsureEndpoint",
        wait: "WaitForEndpoint",
        watch: None,
        answers: &[("*", "ready", "EnsureAccepted"), ("*", "pending", "WaitForEndpoint")],
        otherwise: "WaitForEndpoint",
        failed: ("Undo", "error"),
    },
    PhaseStates {
        phase: PhaseName::Acceptance,
        task: "EnsureAccepted",
        wait: "WaitForAcceptance",
        watch: Some("WatchAcceptance"),
        answers: &[
            ("*", "ready", "EnsureAccess"),
            ("*", "again", "MakeAnother"),
            ("*", "pending", "WatchAcceptance"),
        ],
        otherwise: "WatchAcceptance",
        failed: ("Undo", "error"),
    },
    PhaseStates {
        phase: PhaseName::Access,
        task: "EnsureAccess",
        wait: "WaitForAccess",
        watch: Some("WatchAccess"),
        answers: &[("*", "ready", "Publish"), ("*", "pending", "WatchAccess")],
        otherwise: "WatchAccess",
        failed: ("Undo", "error"),
    },
    PhaseStates {
        phase: PhaseName::Retirement,
        task: "Retire",
        wait: "WaitForRetirement",
        watch: None,
        answers: &[
            ("*", "ready", "AnnounceConnected"),
            ("*", "pending", "WaitForRetirement"),
            ("*", "exhausted", "ExplainRetirement"),
        ],
        otherwise: "ExplainRetirement",
        failed: ("ExplainRetirement", "error"),
    },
    PhaseStates {
        phase: PhaseName::Removal,
        task: "Deprovision",
        wait: "WaitForDeprovision",
        watch: None,
        answers: &[
            ("*", "ready", "AnnounceDeprovisioned"),
            ("*", "pending", "WaitForDeprovision"),
            ("*", "exhausted", "ExplainDeprovision"),
        ],
        otherwise: "ExplainDeprovision",
        failed: ("ExplainDeprovision", "error"),
    },
    PhaseStates {
        phase: PhaseName::Undo,
        task: "Undo",
        wait: "WaitForUndo",
        watch: None,
        answers: &[
            ("*", "ready", "ExplainFailure"),
            ("*", "pending", "WaitForUndo"),
            ("*", "exhausted", "ExplainUndo"),
        ],
        otherwise: "ExplainUndo",
        // The first error stays: it is why the run failed.
        failed: ("ExplainUndo", "undo_error"),
    },
];

/// Tasks that look once, and where their failure goes.
const ONCE: [(&str, &str); 2] = [
    // Nothing was created yet.
    ("Validate", "ExplainFailure"),
    ("Publish", "Undo"),
];

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

/// Giving up in the middle of a removal needs a person, so that those tasks try for longer than a throttling or an outage lasts.
#[test]
fn removals_try_longest() {
    let stack = Stack::load();
    let attempts = |task: &str| -> Vec<u64> {
        items(&stack.machine["States"][task]["Retry"])
            .map(|retrier| retrier["MaxAttempts"].as_u64().unwrap())
            .collect()
    };
    for (name, task) in stack.tasks() {
        for retrier in items(&task["Retry"]) {
            assert_eq!(retrier["BackoffRate"], 2, "{name}: {retrier}");
        }
        let removes = ["Retire", "Deprovision", "Undo"].contains(&name);
        let at_least = if removes { [30, 20] } else { [8, 6] };
        assert_eq!(attempts(name), at_least, "{name}");
    }
}

#[test]
fn every_failure_is_caught_and_goes_where_it_belongs() {
    let stack = Stack::load();
    let expected: BTreeMap<&str, (&str, &str)> = PHASES
        .iter()
        .map(|phase| (phase.task, phase.failed))
        .chain(ONCE.map(|(task, next)| (task, (next, "error"))))
        .collect();
    assert_eq!(
        stack.tasks().into_keys().collect::<BTreeSet<_>>(),
        expected.keys().copied().collect()
    );
    for (name, task) in stack.tasks() {
        let catchers: Vec<_> = items(&task["Catch"]).collect();
        assert_eq!(catchers.len(), 1, "{name}");
        assert_eq!(error_equals(catchers[0]), BTreeSet::from(["States.ALL"]), "{name}");
        let (next, key) = expected[name];
        assert_eq!(catchers[0]["Next"], next, "{name}");
        let error = format!("{{'{key}': $states.errorOutput}}");
        let output = if name == "Validate" {
            format!("{{% {error} %}}")
        } else {
            format!("{{% $merge([$states.input, {error}]) %}}")
        };
        assert_eq!(catchers[0]["Output"], output, "{name}");
    }
}

/// Undo takes back what a run made, for which a connection that works, or one that is wanted gone, must never be taken.
#[test]
fn nothing_leads_to_undo_from_a_retirement_or_a_deprovision() {
    let stack = Stack::load();
    for (task, ends) in [
        ("Retire", ["Connected", NEEDS_ATTENTION]),
        ("Deprovision", ["Deprovisioned", NEEDS_ATTENTION]),
    ] {
        let reached = reachable(&stack, task);
        assert!(!reached.contains("Undo"), "{task}: {reached:?}");
        let last: Vec<&str> = reached
            .into_iter()
            .filter(|state| nexts(&stack.machine["States"][state]).is_empty())
            .collect();
        assert_eq!(last, ends, "{task}");
    }
    let of_plan = reachable(&stack, "Planned");
    assert_eq!(of_plan, BTreeSet::from(["Planned"]), "a plan ends the run");
}

fn reachable<'a>(stack: &'a Stack, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(state) = open.pop() {
        for next in nexts(&stack.machine["States"][state]) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
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

/// A function that crashed at every try ended the run with `Runtime.ExitError`, for which nobody knows who acts.
#[test]
fn regression_an_end_that_is_no_error_of_this_workflow_becomes_unexpected() {
    let stack = Stack::load();
    let output = stack.machine["States"]["ExplainFailure"]["Output"].as_str().unwrap();
    let names: Vec<String> = ErrorName::ALL
        .iter()
        .map(|name| format!("'{}'", name.as_str()))
        .collect();
    let known = format!("$states.input.error.Error in [{}]", names.join(", "));
    let expected = format!("'error': {known} ? $states.input.error.Error : 'Unexpected'");
    assert!(output.contains(&expected), "{output}");
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
    for PhaseStates { phase, task, wait, .. } in PHASES {
        let key = phase.key();
        let output = format!("{{% $merge([$states.input, {{'{key}': $states.result.Payload}}]) %}}");
        assert_eq!(states[task]["Output"], output, "{task}");
        assert_eq!(states[task]["Arguments"]["Payload"], "{% $states.input %}", "{task}");
        let choice = states[task]["Next"].as_str().unwrap();
        assert_eq!(states[choice]["Type"], "Choice", "{choice}");
        assert_eq!(states[wait]["Type"], "Wait", "{wait}");
        assert_eq!(
            states[wait]["Seconds"],
            format!("{{% $states.input.{key}.wait_seconds %}}"),
            "{wait}"
        );
        assert_eq!(states[wait]["Next"], task, "{wait}");
    }
}

/// Without the watch the step looks all the same: soon when the queue does not take the message, late when it is lost.
#[test]
fn what_is_watched_is_looked_at_again_whatever_becomes_of_the_message() {
    let stack = Stack::load();
    let settings = Settings::from_lookup(|_| None).unwrap();
    let states = &stack.machine["States"];
    let mut watching = BTreeSet::new();
    for PhaseStates {
        phase,
        task,
        wait,
        watch,
        ..
    } in PHASES
    {
        let watched_seconds = settings.schedule(phase, &request()).watch_seconds;
        assert_eq!(watch.is_some(), watched_seconds > 0, "{task}");
        let Some(watch) = watch else { continue };
        watching.insert(watch);
        let (state, key) = (&states[watch], phase.key());
        let mine = |expression: &str| format!("{{% $merge([$states.input, {{'{key}': {expression}}}]) %}}");
        let waits = |seconds: &str| mine(&format!("$merge([$states.input.{key}, {{'wait_seconds': {seconds}}}])"));
        assert_eq!(state["Resource"], WATCHED, "{watch}");
        assert_eq!(
            state["Arguments"],
            json!({
                "QueueUrl": "${WatchQueueUrl}",
                "DelaySeconds": format!("{{% $min([$states.input.{key}.wait_seconds, 300]) %}}"),
                "MessageBody": {
                    "task_token": "{% $states.context.Task.Token %}", "phase": key, "document": "{% $states.input %}"
                },
            }),
            "{watch}"
        );
        assert_eq!(state["Output"], mine("$states.result"), "{watch}");
        assert_eq!(state["Next"], task, "{watch}");
        // What was waited in vain counts.
        let patience = state["TimeoutSeconds"].as_u64().unwrap();
        assert!(patience > u64::from(watched_seconds) + 300, "{watch}");
        let catches: Vec<_> = items(&state["Catch"])
            .map(|catch| {
                (
                    error_equals(catch),
                    catch["Output"].as_str().unwrap(),
                    catch["Next"].as_str().unwrap(),
                )
            })
            .collect();
        let late = waits(&patience.to_string());
        let refused = waits(&format!("$max([$states.input.{key}.wait_seconds, 60])"));
        assert_eq!(
            catches,
            [
                (BTreeSet::from(["States.Timeout"]), late.as_str(), task),
                (BTreeSet::from(["States.ALL"]), refused.as_str(), wait),
            ],
            "{watch}"
        );
    }
    let all: BTreeSet<&str> = stack.tasks_of(WATCHED).into_keys().collect();
    assert_eq!(all, watching);
}

#[test]
fn every_answer_leads_somewhere() {
    let stack = Stack::load();
    for phase in PHASES {
        let choice = stack.machine["States"][phase.task]["Next"].as_str().unwrap();
        let next = |action: &str, status: &str| {
            let input = json!({"request": {"action": action}, phase.phase.key(): {"status": status}});
            chosen(&stack.machine["States"][choice], &input).to_owned()
        };
        for action in [Action::Plan, Action::Provision, Action::Deprovision] {
            let action = json!(action).as_str().unwrap().to_owned();
            for (of, status, expected) in phase.answers {
                if *of == "*" || *of == action {
                    assert_eq!(next(&action, status), *expected, "{choice}: {action}, {status}");
                }
            }
            assert_eq!(next(&action, "unheard-of"), phase.otherwise, "{choice}");
        }
        let mut targets: BTreeSet<&str> = phase.answers.iter().map(|(_, _, next)| *next).collect();
        targets.insert(phase.otherwise);
        let rules: BTreeSet<&str> = nexts(&stack.machine["States"][choice]).into_iter().collect();
        assert_eq!(rules, targets, "{choice} has no other way on");
    }
}

#[test]
fn what_was_replaced_is_retired_when_the_connection_is_published() {
    let stack = Stack::load();
    let choice = &stack.machine["States"]["IsPublished"];
    for (retires, expected) in [(true, "Retire"), (false, "AnnounceConnected")] {
        // As preflight leaves it: a condition on what is absent would end the run.
        let goal = Goal::Provision;
        let request = request();
        let connection_id = ConnectionId::of(&request, "vpc-0a1b2c3d");
        let facts = Preflight {
            connection_id: connection_id.clone(),
            vpc_id: None,
            vpc_cidrs: Vec::new(),
            plan: Plan::new(goal, connection_id, Vec::new(), Vec::new(), Vec::new()),
            vendor: None,
            endpoint_id: None,
            zone_id: None,
            retires,
        };
        let input = json!({"preflight": {"status": "ready", "result": facts}});
        assert_eq!(chosen(choice, &input), expected);
    }
    let states = &stack.machine["States"];
    assert_eq!(states["Publish"]["Next"], "IsPublished");
    assert_eq!(
        states["Publish"]["Output"],
        "{% $merge([$states.input, {'connection': $states.result.Payload}]) %}"
    );
}

fn request() -> Request {
    let request = json!({
        "provider": {"type": "aiven", "project": "p", "service_name": "s", "components": ["kafka"], "secret_id": "privatelink/s"},
        "consumer": {"account_id": "111122223333", "region": "eu-west-1", "vpc_id": "vpc-0a1b2c3d"}
    });
    validate(&request, "privatelink/").unwrap()
}

/// A text that read another phase's answer would be empty just when a person needs it.
#[test]
fn the_last_words_are_about_what_happened() {
    let stack = Stack::load();
    for (state, read) in [
        ("ExplainFailure", &["error", "undo"][..]),
        ("ExplainUndo", &["error", "preflight", "undo", "undo_error"]),
        ("ExplainRetirement", &["error", "preflight", "retirement"]),
        ("ExplainDeprovision", &["error", "preflight", "removal"]),
    ] {
        let state_of = &stack.machine["States"][state];
        let cause = state_of["Output"].as_str().unwrap();
        let keys: BTreeSet<&str> = cause
            .split("$states.input.")
            .skip(1)
            .map(|rest| {
                rest.split(|c: char| !c.is_ascii_lowercase() && c != '_')
                    .next()
                    .unwrap()
            })
            .collect();
        assert_eq!(keys, read.iter().copied().collect(), "{state}");
    }
}

/// Where a Choice leads. Conditions are comparisons with a word, or a field that is true or false, joined by "and".
fn chosen<'a>(choice: &'a Value, input: &Value) -> &'a str {
    let rule = items(&choice["Choices"]).find(|rule| {
        let condition = rule["Condition"].as_str().unwrap();
        let condition = condition
            .strip_prefix("{% ")
            .and_then(|c| c.strip_suffix(" %}"))
            .unwrap();
        condition.split(" and ").all(|term| {
            let (path, word) = match term.split_once(" = ") {
                Some((path, word)) => (path, Some(word.trim_matches('\''))),
                None => (term, None),
            };
            let path = path.strip_prefix("$states.input").expect("a condition reads the input");
            let value = input.pointer(&path.replace('.', "/"));
            match word {
                Some(word) => value.is_some_and(|value| value == word),
                None => value
                    .and_then(Value::as_bool)
                    .unwrap_or_else(|| panic!("{term} is neither true nor false")),
            }
        })
    });
    rule.map_or(&choice["Default"], |rule| &rule["Next"]).as_str().unwrap()
}

/// The budgets go on, the looks begin again, and what ended is remembered.
#[test]
fn another_endpoint_is_made_within_the_same_budgets() {
    let stack = Stack::load();
    let state = &stack.machine["States"]["MakeAnother"];
    assert_eq!(state["Next"], "EnsureEndpoint");
    let fresh = |key: &str| {
        format!(
            "'{key}': {{'status': 'pending', 'attempt': 0, 'waited_seconds': $states.input.{key}.waited_seconds, 'wait_seconds': 0}}"
        )
    };
    let ended = "'ended': $append($states.input.ended, {'endpoint_id': $states.input.endpoint.result.endpoint_id, \
                 'state': $states.input.acceptance.state, 'reason': $states.input.acceptance.reason})";
    let fields = [fresh("endpoint"), fresh("acceptance"), ended.to_owned()].join(", ");
    assert_eq!(
        state["Output"],
        format!("{{% $merge([$states.input, {{{fields}}}]) %}}")
    );
}

#[test]
fn a_run_starts_with_the_request_and_ends_with_what_its_action_makes() {
    let stack = Stack::load();
    let states = &stack.machine["States"];
    assert_eq!(stack.machine["StartAt"], "Validate");
    assert_eq!(states["Validate"]["Next"], "Preflight");
    assert_eq!(
        states["Validate"]["Arguments"]["Payload"],
        json!({"request": "{% $states.input %}"})
    );
    let mut ends = BTreeMap::new();
    for (name, state) in states.as_object().unwrap() {
        if state["End"] == true {
            ends.insert(name.as_str(), state["Output"].as_str().unwrap());
        }
    }
    let expected = BTreeMap::from([
        ("Planned", "{% $states.input.preflight.result.plan %}"),
        ("Connected", "{% $states.input.connection %}"),
        ("Deprovisioned", "{% $states.input.removal.result %}"),
    ]);
    assert_eq!(ends, expected);
}

#[test]
fn no_state_is_left_over() {
    let stack = Stack::load();
    let states = stack.machine["States"].as_object().unwrap();
    let all: BTreeSet<&str> = states.keys().map(String::as_str).collect();
    assert_eq!(reachable(&stack, stack.machine["StartAt"].as_str().unwrap()), all);
}

/// Every state that may come next, failures included.
pub(crate) fn nexts(state: &Value) -> Vec<&str> {
    let rules = ["Choices", "Catch"]
        .into_iter()
        .filter_map(|key| state.get(key))
        .flat_map(items)
        .map(|rule| &rule["Next"]);
    let own = ["Next", "Default"].into_iter().filter_map(|key| state.get(key));
    rules.chain(own).map(|next| next.as_str().unwrap()).collect()
}

#[test]
fn the_definition_says_what_it_is_written_in() {
    // Fields of the other language would be ignored by one engine and refused by another.
    assert_eq!(Stack::load().machine["QueryLanguage"], json!("JSONata"));
}

fn error_equals(rule: &Value) -> BTreeSet<&str> {
    items(&rule["ErrorEquals"]).map(|name| name.as_str().unwrap()).collect()
}
