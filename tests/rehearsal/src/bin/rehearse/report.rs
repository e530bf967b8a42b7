//! The end of a rehearsal: the connection, or the error and what to do about it.

use std::fmt::Write as _;
use std::time::Duration;

use rehearsal::Failure;
use serde_json::{Value, json};
use shared::ErrorName;
use shared::document::{ComponentAddress, Connection};

use crate::live::clock;

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

/// The output of a run that succeeded, whole and in short.
pub(crate) fn connected(output: &Value, took: Took) -> String {
    let mut text = format!("\nThe connection information, which is the execution's output:\n\n{output:#}\n");
    match serde_json::from_value::<Connection>(output.clone()) {
        Ok(connection) => text.push_str(&summary(&connection)),
        // A defect of the workflow, and still its output.
        Err(error) => {
            let _ = write!(text, "\nIt is not of the documented form ({error}).\n");
        }
    }
    let _ = write!(text, "\nConnected after {took}.");
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
