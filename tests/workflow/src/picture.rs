//! The README's picture of the workflow, drawn from the state machine's definition.
//!
//! A task, the choice after it, its watch and its wait are one step for a person, so they are drawn as one. A state that only prepares
//! the next one's input is left out.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The definition as a Mermaid state diagram. Anything that is not understood is left out, so a test compares the names.
pub fn mermaid(definition: &Value) -> String {
    let mut picture = String::from("stateDiagram-v2\n");
    let empty = Map::new();
    let states = definition["States"].as_object().unwrap_or(&empty);
    let start = definition["StartAt"].as_str().unwrap_or_default();
    let _ = writeln!(picture, "    [*] --> {start}");
    for name in in_order(states, start) {
        let state = &states[name];
        match state["Type"].as_str() {
            Some("Task") if !waits(state) => {
                let ways = ways_on(states, state);
                for (target, label) in &ways {
                    let _ = writeln!(picture, "    {name} --> {target}{label}");
                }
                for catch in state["Catch"].as_array().into_iter().flatten() {
                    let target = through_pass(states, catch["Next"].as_str().unwrap_or_default());
                    // Where an error changes nothing, there is nothing to draw.
                    if !ways.iter().any(|(way, label)| way == target && label.is_empty()) {
                        let _ = writeln!(picture, "    {name} --> {target}: any error");
                    }
                }
            }
            Some("Pass" | "Fail" | "Succeed") if state["Next"].is_null() => {
                let _ = writeln!(picture, "    {name} --> [*]");
            }
            _ => {}
        }
    }
    picture
}

/// The states that can be reached, in the order in which a run comes to them.
fn in_order<'a>(states: &'a Map<String, Value>, start: &'a str) -> Vec<&'a str> {
    let mut order = vec![start];
    let mut at = 0;
    while let Some(state) = order.get(at).and_then(|name| states.get(*name)) {
        let rules = ["Choices", "Catch"]
            .iter()
            .filter_map(|key| state[*key].as_array())
            .flatten();
        let nexts = state["Next"]
            .as_str()
            .into_iter()
            .chain(rules.filter_map(|rule| rule["Next"].as_str()));
        for next in nexts.chain(state["Default"].as_str()) {
            if !order.contains(&next) {
                order.push(next);
            }
        }
        at += 1;
    }
    order
}

/// Where a task goes on: its next state, or what the choice behind it chooses.
fn ways_on(states: &Map<String, Value>, task: &Value) -> Vec<(String, String)> {
    let Some(next) = task["Next"].as_str() else {
        return vec![("[*]".to_owned(), String::new())];
    };
    let choice = &states[next];
    if choice["Type"] != "Choice" {
        return vec![(through_pass(states, next).to_owned(), String::new())];
    }
    let rules = choice["Choices"].as_array().into_iter().flatten();
    let mut ways: Vec<_> = rules
        .map(|rule| {
            let condition = rule["Condition"].as_str().unwrap_or_default();
            (rule["Next"].as_str().unwrap_or_default(), label_of(condition))
        })
        .collect();
    ways.push((choice["Default"].as_str().unwrap_or_default(), "otherwise"));
    ways.into_iter()
        .map(|(target, label)| through_wait(states, target, label))
        .collect()
}

/// The last word that a condition compares with, as the first is `ready` for each of several; or the last name of what it looks at.
fn label_of(condition: &str) -> &str {
    let quoted = condition.split('\'').skip(1).step_by(2).last();
    quoted.unwrap_or_else(|| {
        let expression = condition.trim_start_matches("{%").trim_end_matches("%}").trim();
        expression.rsplit('.').next().unwrap_or_default()
    })
}

/// Whether a state does nothing but wait.
fn waits(state: &Value) -> bool {
    let is_answered_elsewhere = |resource: &str| resource.ends_with(".waitForTaskToken");
    state["Type"] == "Wait" || state["Resource"].as_str().is_some_and(is_answered_elsewhere)
}

/// A wait is drawn as the way back to the state that looks again.
fn through_wait(states: &Map<String, Value>, target: &str, label: &str) -> (String, String) {
    let state = &states[target];
    if waits(state) {
        (
            state["Next"].as_str().unwrap_or_default().to_owned(),
            ": pending, wait".to_owned(),
        )
    } else {
        (through_pass(states, target).to_owned(), format!(": {label}"))
    }
}

/// The state that a person sees come next.
fn through_pass<'a>(states: &'a Map<String, Value>, target: &'a str) -> &'a str {
    let state = &states[target];
    match state["Next"].as_str() {
        Some(next) if state["Type"] == "Pass" => next,
        _ => target,
    }
}
