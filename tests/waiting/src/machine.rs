//! The states that a run enters, by the deployed definition.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Result;

/// The resource of a task that calls a function.
pub const LAMBDA: &str = "arn:aws:states:::lambda:invoke";

/// More would be a loop.
const STATES_AT_MOST: usize = 10_000;

/// The states in order, of a run with this action of which each of these tasks has to look again so often. AWS charges one
/// transition for each.
///
/// # Errors
/// When the definition has a condition or a way that this does not understand.
pub fn states(definition: &Value, action: &str, again: &BTreeMap<String, u32>) -> Result<Vec<String>> {
    let mut left = again.clone();
    let mut entered = Vec::new();
    let mut pending = BTreeMap::new();
    let mut at = text(&definition["StartAt"])?;
    loop {
        let state = &definition["States"][&at];
        entered.push(at.clone());
        if entered.len() > STATES_AT_MOST {
            return Err(format!("the run does not end: {at}").into());
        }
        let next = match state["Type"].as_str() {
            // What is sent to the watch, and what is announced, looks at nothing: the function after it does.
            Some("Task") if state["Resource"] != LAMBDA => &state["Next"],
            Some("Task") => {
                let waits = left.get_mut(&at).filter(|left| **left > 0);
                let is_pending = waits.map(|left| *left -= 1).is_some();
                for key in keys_of(state) {
                    pending.insert(key, is_pending);
                }
                &state["Next"]
            }
            Some("Choice") => {
                let rules = state["Choices"].as_array().into_iter().flatten();
                let mut chosen = &state["Default"];
                for rule in rules {
                    if holds(&text(&rule["Condition"])?, action, &pending)? {
                        chosen = &rule["Next"];
                        break;
                    }
                }
                chosen
            }
            Some("Wait" | "Pass" | "Succeed" | "Fail") => &state["Next"],
            other => return Err(format!("{at} is a {other:?}").into()),
        };
        match next.as_str() {
            Some(next) => next.clone_into(&mut at),
            None => return Ok(entered),
        }
    }
}

fn text(value: &Value) -> Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("{value} is no text").into())
}

/// `service` of a task whose output is `$merge([…, {'service': …}])`.
fn keys_of(task: &Value) -> Vec<String> {
    let output = task["Output"].as_str().unwrap_or_default();
    let after = output.split("{'").skip(1).filter_map(|rest| rest.split('\'').next());
    after.map(str::to_owned).collect()
}

/// Conditions of the definition are `a.status = 'word'`, joined by `and`, or whether something retires, which nothing here does.
fn holds(condition: &str, action: &str, pending: &BTreeMap<String, bool>) -> Result<bool> {
    let inner = condition.trim_start_matches("{%").trim_end_matches("%}").trim();
    if inner.ends_with(".retires") {
        return Ok(false);
    }
    for part in inner.split(" and ") {
        let not_known = || format!("the condition {part} is not understood");
        let (left, right) = part.split_once(" = ").ok_or_else(not_known)?;
        let path = left.trim().strip_prefix("$states.input.").ok_or_else(not_known)?;
        let is = if path == "request.action" {
            action
        } else {
            let key = path.strip_suffix(".status").ok_or_else(not_known)?;
            match pending.get(key) {
                Some(true) => "pending",
                _ => "ready",
            }
        };
        if right.trim().trim_matches('\'') != is {
            return Ok(false);
        }
    }
    Ok(true)
}
