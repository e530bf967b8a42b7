//! The end of a run: the connection, the plan, what is left, or the error and what to do about it.

use std::fmt::Write as _;
use std::time::Duration;

use rehearsal::Failure;
use serde_json::{Value, json};
use shared::ErrorName;
use shared::document::{ComponentAddress, Connection, Removed};
use shared::plan::Plan;
use shared::request::Goal;

use crate::action::Action;
use crate::live::clock;

/// What the first character of a plan's line means.
const SIGNS: [(char, &str); 6] = [
    ('+', "create"),
    ('~', "change"),
    ('-', "delete"),
    ('=', "keep"),
    ('!', "a check that failed"),
    ('i', "a note"),
];

/// How long a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) simulated: Duration,
    pub(crate) real: Duration,
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of simulated time, {} s of yours",
            clock(self.simulated),
            self.real.as_secs()
        )
    }
}

/// Before one of several runs.
pub(crate) fn heading(number: usize, of: usize, action: &str) -> String {
    let title = format!("{number} of {of}: {action}");
    format!("\n{title}\n{}\n", "-".repeat(title.chars().count()))
}

/// The output of a run that succeeded.
pub(crate) fn succeeded(action: Action, output: &Value, took: Took) -> String {
    let (text, done) = match action {
        Action::Provision => (connected(output), "Connected"),
        Action::Plan | Action::PlanDeprovision => {
            let read = serde_json::from_value(output.clone()).map(|plan| planned(&plan));
            (in_words(output, read), "Planned")
        }
        Action::Deprovision => {
            let read = serde_json::from_value(output.clone()).map(|gone| removed(&gone));
            (in_words(output, read), "Taken away")
        }
    };
    format!("\n{text}\n{done} after {took}.")
}

/// The output in words, or as it is where it is not of the documented form: a defect of the workflow, and still its output.
fn in_words(output: &Value, read: serde_json::Result<String>) -> String {
    read.unwrap_or_else(|error| format!("{output:#}\n\nIt is not of the documented form ({error}).\n"))
}

/// The whole output of a provision, and the same in short.
fn connected(output: &Value) -> String {
    let in_short = match serde_json::from_value::<Connection>(output.clone()) {
        Ok(connection) => summary(&connection),
        Err(error) => format!("\nIt is not of the documented form ({error}).\n"),
    };
    format!("The connection information, which is the execution's output:\n\n{output:#}\n{in_short}")
}

fn planned(plan: &Plan) -> String {
    let (goal, verb) = match plan.goal {
        Goal::Provision => ("provision", "make or change"),
        Goal::Deprovision => ("deprovision", "take away"),
    };
    let mut text = format!("What a {goal} would {verb} ({}):\n\n", plan.connection_id);
    for line in &plan.summary {
        let _ = writeln!(text, "  {line}");
    }
    if plan.summary.is_empty() {
        text.push_str("  nothing: there is nothing of it.\n");
    }
    let used = SIGNS
        .iter()
        .filter(|(sign, _)| plan.summary.iter().any(|line| line.starts_with(*sign)));
    let legend: Vec<String> = used.map(|(sign, meaning)| format!("{sign} {meaning}")).collect();
    if !legend.is_empty() {
        let _ = writeln!(text, "\n  ({})", legend.join(", "));
    }
    let failed = plan.checks.iter().filter(|check| !check.passed).count();
    let verdict = match (plan.feasible, plan.is_empty()) {
        (false, _) => format!(
            "It cannot be done: {failed} of {} checks failed. A run would write nothing and end with what failed.",
            plan.checks.len()
        ),
        (true, true) => "Nothing would be written.".to_owned(),
        (true, false) if plan.checks.is_empty() => "It can be done.".to_owned(),
        (true, false) => format!("It can be done: all {} checks passed.", plan.checks.len()),
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn removed(removed: &Removed) -> String {
    if removed.left.is_empty() {
        return format!("Nothing of the connection {} is left.\n", removed.connection_id);
    }
    let mut text = format!(
        "The connection {} is taken away. Left, each with the reason:\n\n",
        removed.connection_id
    );
    for left in &removed.left {
        let _ = writeln!(text, "  - {left}");
    }
    text
}

fn summary(connection: &Connection) -> String {
    let endpoint = &connection.endpoint;
    let mut rows = vec![
        (
            "endpoint".to_owned(),
            format!(
                "{} in {} ({}, account {})",
                endpoint.endpoint_id, endpoint.vpc_id, endpoint.region, endpoint.account_id
            ),
        ),
        ("service".to_owned(), endpoint.service_name.clone()),
    ];
    rows.extend(
        connection
            .components
            .iter()
            .map(|component| (component.component.clone(), address(component))),
    );
    if let Some(dns) = &connection.private_dns {
        rows.push((
            "private DNS".to_owned(),
            format!("{} in zone {}", dns.name, dns.hosted_zone_id),
        ));
    }
    if let Some(ca) = &connection.ca_certificate {
        rows.push(("CA".to_owned(), ca.clone()));
    }
    rows.push(("credentials".to_owned(), connection.credentials.clone()));
    for timing in &connection.timings {
        let looks = if timing.looks == 1 { "look" } else { "looks" };
        rows.push((
            timing.phase.clone(),
            format!("{} {looks}, waited {} s", timing.looks, timing.waited_seconds),
        ));
    }
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or_default();
    rows.iter().fold("\n".to_owned(), |text, (name, value)| {
        text + &format!("  {name:<width$}  {value}\n")
    })
}

fn address(component: &ComponentAddress) -> String {
    let place = component
        .url
        .clone()
        .unwrap_or_else(|| format!("{}:{}", component.host, component.port));
    let more = [&component.authentication_method, &component.usage, &component.ca];
    let more: Vec<&str> = more.into_iter().flatten().map(String::as_str).collect();
    if more.is_empty() {
        place
    } else {
        format!("{place} ({})", more.join(", "))
    }
}

/// The error of a run that failed, and who acts.
pub(crate) fn failed(failure: &Failure, took: Took) -> String {
    let mut text = format!("\n{}\n\n{}\n", name(failure), failure.message());
    if let Some(advice) = advice(failure) {
        let _ = write!(text, "\nWho acts: {advice}\n");
    }
    let _ = write!(text, "\nFailed after {took}.");
    text
}

/// The same for programs.
pub(crate) fn failed_json(failure: &Failure) -> Value {
    json!({ "error": name(failure), "message": failure.message(), "who_acts": advice(failure) })
}

fn name(failure: &Failure) -> &str {
    if failure.error.is_empty() {
        &failure.status
    } else {
        &failure.error
    }
}

fn advice(failure: &Failure) -> Option<&'static str> {
    ErrorName::ALL
        .into_iter()
        .find(|known| known.as_str() == failure.error)
        .map(ErrorName::who_acts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took() -> Took {
        Took {
            simulated: Duration::from_secs(30),
            real: Duration::from_secs(1),
        }
    }

    fn plan(goal: &str, feasible: bool, summary: &[&str]) -> Value {
        let effect = if summary.iter().any(|line| line.starts_with('+')) {
            "create"
        } else {
            "keep"
        };
        json!({
            "goal": goal, "connection_id": "plw-1", "feasible": feasible, "summary": summary,
            "changes": [{ "effect": effect, "remote": "ec2", "resource": "vpc_endpoint" }],
            "checks": [{ "passed": feasible, "message": "m" }],
        })
    }

    #[test]
    fn a_plan_is_read_line_by_line_and_says_whether_it_can_be_done() {
        let text = |plan: &Value| succeeded(Action::Plan, plan, took());
        let good = text(&plan("provision", true, &["+ ec2 vpc_endpoint"]));
        for words in [
            "  + ec2 vpc_endpoint\n",
            "(+ create)",
            "It can be done: all 1 checks",
            "Planned",
        ] {
            assert!(good.contains(words), "{good}");
        }
        let bad = text(&plan("provision", false, &["! /consumer/vpc_id: none"]));
        assert!(bad.contains("It cannot be done: 1 of 1 checks failed"), "{bad}");
        let kept = text(&plan("deprovision", true, &["= aiven privatelink orders"]));
        assert!(kept.contains("What a deprovision would take away"), "{kept}");
        assert!(kept.contains("Nothing would be written."), "{kept}");
    }

    #[test]
    fn a_removal_says_what_is_left_or_that_nothing_is() {
        let text = |left: Value| {
            let output = json!({ "connection_id": "plw-1", "complete": left == json!([]), "left": left });
            succeeded(Action::Deprovision, &output, took())
        };
        assert!(text(json!([])).contains("Nothing of the connection plw-1 is left."));
        assert!(text(json!(["the last principal"])).contains("  - the last principal\n"));
    }

    #[test]
    fn an_output_of_another_form_is_shown_as_it_is() {
        let text = succeeded(Action::Deprovision, &json!({ "strange": 1 }), took());
        assert!(text.contains("\"strange\": 1") && text.contains("not of the documented form"));
    }
}
