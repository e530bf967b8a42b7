//! Plays a life, and judges each act of it by the model.

use std::collections::BTreeSet;
use std::time::Duration;

use rehearsal::{Outcome, Result};
use serde_json::{Value, json};
use shared::error::ErrorName;

use super::life::{Act, Goal, Life, Wishes};
use super::mishaps;
use super::model;
use super::scene::Scene;
use super::seen::Seen;
use crate::pool::{Stage, UNSEEN};
use crate::register;
use crate::world::differences;

/// Of the state machine: something is left that no run could take away.
const NEEDS_ATTENTION: &str = "NeedsAttention";
/// Nobody rejects what EC2 itself does not show yet.
const SOON: Duration = Duration::from_secs(3);
/// Simulated time between two acts: what a run began at a vendor and did not wait for is over.
const BETWEEN_ACTS: Duration = Duration::from_secs(120);

/// Plays it, and tells what was not right.
///
/// # Errors
/// When the machinery fails: the emulator does not answer, or a run does not end.
pub async fn play(stage: &Stage, number: u32, life: &Life) -> Result<Vec<String>> {
    let scene = Scene::new(&stage.environment, life, number).await?;
    let mut played = Played {
        stage,
        scene,
        life,
        findings: Vec::new(),
        ends: Vec::new(),
    };
    for (n, act) in life.acts.iter().enumerate() {
        played.act(n + 1, act).await?;
        if !played.findings.is_empty() {
            break;
        }
    }
    if played.findings.is_empty() {
        played.last_deprovision().await?;
    }
    if !played.findings.is_empty() {
        let ends = played.ends.join("\n  ");
        played.findings.push(format!("the runs:\n  {ends}"));
    }
    Ok(played.findings)
}

struct Played<'a> {
    stage: &'a Stage,
    scene: Scene<'a>,
    life: &'a Life,
    findings: Vec<String>,
    ends: Vec<String>,
}

/// How an act ended.
struct Ended {
    before: Seen,
    after: Seen,
    outcome: Outcome,
    /// Calls that a mishap has hit.
    hits: u32,
    writes: Vec<String>,
}

impl Played<'_> {
    async fn act(&mut self, n: usize, act: &Act) -> Result<()> {
        for deed in &act.deeds {
            self.scene.deed(*deed);
        }
        let what = format!("act {n}, {:?}", act.goal).to_lowercase();
        let ended = self.run(&what, act).await?;
        let mut findings = Vec::new();
        match act.goal {
            Goal::Plan => judge_plan(self.life, act, &ended, &mut findings),
            Goal::Provision => judge_provision(self.life, act, &ended, &mut findings),
            Goal::Deprovision => judge_deprovision(self.life, act, &ended, &mut findings),
        }
        self.findings
            .extend(findings.into_iter().map(|finding| format!("{what}: {finding}")));
        Ok(())
    }

    /// Undisturbed, by a request that names all that was ever asked for: only what is others' stays.
    async fn last_deprovision(&mut self) -> Result<()> {
        let Some(last) = self.life.acts.last() else {
            return Ok(());
        };
        let mut wishes = last.wishes.clone();
        for act in &self.life.acts {
            wishes.and(&act.wishes);
        }
        wishes.delete_service = true;
        let act = Act {
            deeds: Vec::new(),
            goal: Goal::Deprovision,
            wishes,
            rejects: false,
            mishaps: Vec::new(),
        };
        self.act(self.life.acts.len() + 1, &act).await
    }

    async fn run(&mut self, what: &str, act: &Act) -> Result<Ended> {
        self.time_passes().await?;
        let environment = &self.stage.environment;
        let (before, others) = (self.scene.look().await?, self.scene.others().await?);
        environment.simulators.fabric.change_knobs(|knobs| {
            knobs.ec2.reject = act.rejects;
            knobs.ec2.visibility_lag = if act.rejects { SOON } else { UNSEEN };
        });
        let recorder = &environment.simulators.recorder;
        recorder.clear_calls();
        recorder.clear_faults();
        for mishap in &act.mishaps {
            mishaps::arm(recorder, mishap);
        }
        let request = self.scene.request(&act.wishes, act.goal);
        let execution = environment.run(&request).await?;
        let hits = recorder.hits();
        recorder.clear_faults();
        self.time_passes().await?;
        let after = self.scene.look().await?;
        for line in differences(&self.scene.others().await?, &others) {
            self.findings.push(format!("{what}: of what others have: {line}"));
        }
        let ended = match &execution.outcome {
            Outcome::Succeeded(_) => "succeeded".to_owned(),
            Outcome::Failed(failure) => format!("{}: {}", failure.error, failure.message()),
        };
        self.ends.push(format!("{what} ({hits} hits): {ended}"));
        Ok(Ended {
            before,
            after,
            outcome: execution.outcome,
            hits,
            writes: recorder.writes().into_iter().map(|call| call.operation).collect(),
        })
    }

    /// No run is there: leases are over, which the functions tell by the real clock, and what was begun is done.
    async fn time_passes(&self) -> Result<()> {
        let environment = &self.stage.environment;
        if environment.outputs.contains_key("RegisterTableName") {
            register::forget(environment, "lease/").await?;
        }
        let clock = environment.simulators.fabric.clock;
        let until = clock.now() + BETWEEN_ACTS;
        while clock.now() < until {
            tokio::time::sleep(clock.real(until.saturating_sub(clock.now()))).await;
        }
        Ok(())
    }
}

fn judge_plan(life: &Life, act: &Act, ended: &Ended, findings: &mut Vec<String>) {
    nothing_is_changed(ended, findings);
    match &ended.outcome {
        Outcome::Succeeded(plan) => {
            let feasible = model::provisioned(&ended.before, &act.wishes, life.vendor).is_ok();
            if plan["feasible"] != json!(feasible) {
                findings.push(format!("the plan is feasible: {}, not {feasible}", plan["feasible"]));
            }
        }
        Outcome::Failed(failure) => failed_for_a_reason(&failure.error, ended.hits > 0, findings),
    }
}

fn nothing_is_changed(ended: &Ended, findings: &mut Vec<String>) {
    findings.extend(differences(&ended.after.things(), &ended.before.things()));
    if !ended.writes.is_empty() {
        findings.push(format!("it wrote {:?}", ended.writes));
    }
}

/// `excused`: something went wrong on the way.
fn failed_for_a_reason(error: &str, excused: bool, findings: &mut Vec<String>) {
    if error != NEEDS_ATTENTION && !ErrorName::ALL.iter().any(|name| name.as_str() == error) {
        findings.push(format!("it ended with {error}, which the README does not name"));
    }
    if !excused {
        findings.push(format!("it failed with {error} though nothing was wrong"));
    }
}

fn judge_provision(life: &Life, act: &Act, ended: &Ended, findings: &mut Vec<String>) {
    let before = &ended.before;
    let expected = model::provisioned(before, &act.wishes, life.vendor);
    if ended.after.live().count() > before.live().count().max(1) + usize::from(is_left(ended)) {
        findings.push(format!("there are {} live endpoints", ended.after.live().count()));
    }
    match (&ended.outcome, &expected) {
        (Outcome::Succeeded(_), Err(refusals)) => {
            findings.push(format!("it succeeded though it cannot: {refusals:?}"));
        }
        (Outcome::Succeeded(output), Ok(expected)) => is_connected(act, expected, ended, output, findings),
        (Outcome::Failed(failure), Err(refusals)) => {
            failed_for_a_reason(&failure.error, true, findings);
            if ended.hits == 0 && !refusals.contains(failure.error.as_str()) {
                findings.push(format!("it ended with {} and not one of {refusals:?}", failure.error));
            }
            nothing_is_changed(ended, findings);
        }
        (Outcome::Failed(failure), Ok(expected)) => {
            let makes_one = expected.endpoints.iter().any(|endpoint| endpoint.id.is_empty());
            let is_rejected = act.rejects && makes_one;
            failed_for_a_reason(&failure.error, ended.hits > 0 || is_rejected, findings);
            if is_rejected && ended.hits == 0 && failure.error != ErrorName::Rejected.as_str() {
                findings.push(format!("it ended with {} and not Rejected", failure.error));
            }
            is_taken_back(act, expected, ended, &failure.message(), findings);
        }
    }
}

fn is_left(ended: &Ended) -> bool {
    matches!(&ended.outcome, Outcome::Failed(failure) if failure.error == NEEDS_ATTENTION)
}

fn is_connected(act: &Act, expected: &Seen, ended: &Ended, output: &Value, findings: &mut Vec<String>) {
    findings.extend(differences(&ended.after.things(), &expected.things()));
    let wanted = expected
        .endpoints
        .first()
        .map(|endpoint| endpoint.id.as_str())
        .unwrap_or_default();
    let Some(live) = ended.after.live().next() else { return };
    let is_new = !ended.before.live().any(|endpoint| endpoint.id == live.id);
    if act.rejects && is_new {
        findings.push("it succeeded though every endpoint is rejected".to_owned());
    }
    if !wanted.is_empty() && live.id != wanted {
        findings.push(format!("the endpoint is {}, and was {wanted}", live.id));
    }
    if output["endpoint"]["endpoint_id"] != json!(live.id) {
        findings.push(format!(
            "the output's endpoint is not {}: {}",
            live.id, output["endpoint"]
        ));
    }
}

/// After a failure: what existed exists, changed or not; what the run has made is gone, or is said to be left.
fn is_taken_back(act: &Act, expected: &Seen, ended: &Ended, message: &str, findings: &mut Vec<String>) {
    let (before, after) = (&ended.before, &ended.after);
    let stays = act.wishes.keep || is_left(ended);
    for endpoint in before.live() {
        let replaced = is_left(ended) && after.live().any(|other| other.id != endpoint.id);
        if !after.live().any(|other| other.id == endpoint.id) && !replaced {
            findings.push(format!("the endpoint {} is gone", endpoint.id));
        }
    }
    let adopted = |id: &String| before.by_hand.as_ref().is_some_and(|by_hand| by_hand.id == *id);
    for endpoint in after.endpoints.iter().filter(|endpoint| !adopted(&endpoint.id)) {
        let was_there = before.endpoints.iter().any(|other| other.id == endpoint.id);
        if !was_there && !stays {
            findings.push(format!("the {} endpoint {} is left", endpoint.state, endpoint.id));
        }
    }
    let was_connected = before.live().next().is_some();
    for (what, before, after) in [
        ("security group", before.groups.len(), after.groups.len()),
        ("hosted zone", before.zones.0, after.zones.0),
    ] {
        if after > before.max(usize::from(stays)) {
            findings.push(format!("a {what} is left"));
        }
        if after < before && was_connected {
            findings.push(format!("a {what} is gone"));
        }
    }
    let (had, has, wanted) = (before.entries(), after.entries(), expected.entries());
    for entry in had.difference(&has).filter(|entry| wanted.contains(*entry)) {
        findings.push(format!("it lost {entry}"));
    }
    for entry in has.difference(&had) {
        let told = message.contains("is kept, as") || message.contains(name_of(entry));
        if !wanted.contains(entry) || !(stays || told) {
            findings.push(format!("{entry} is left, and not told"));
        }
    }
    if before.link.is_none() && after.link.is_some() && !stays && !message.contains("Left in place") {
        findings.push("the vendor's service is left, and not told".to_owned());
    }
}

fn name_of(entry: &str) -> &str {
    entry.split_once(' ').map_or(entry, |(_, name)| name)
}

fn judge_deprovision(life: &Life, act: &Act, ended: &Ended, findings: &mut Vec<String>) {
    let before = &ended.before;
    let expected = model::removed(before, &act.wishes, life.vendor);
    match &ended.outcome {
        Outcome::Succeeded(output) => {
            if output["complete"] != json!(true) && ended.hits == 0 {
                findings.push(format!("it is not complete: {output}"));
            }
            findings.extend(differences(&ended.after.things(), &expected.things()));
            findings.extend(not_told(&act.wishes, &expected, output));
        }
        Outcome::Failed(failure) => {
            failed_for_a_reason(&failure.error, ended.hits > 0, findings);
            let (had, has, wanted) = (before.entries(), ended.after.entries(), expected.entries());
            let lost = wanted.difference(&has).map(|entry| format!("it lost {entry}"));
            let added = has.difference(&had).map(|entry| format!("it added {entry}"));
            findings.extend(lost.chain(added));
            if ended.after.endpoints.len() > before.endpoints.len() || ended.after.groups.len() > before.groups.len() {
                findings.push("there is more than before".to_owned());
            }
        }
    }
}

/// Of what the request names, all that stays is told.
fn not_told(wishes: &Wishes, expected: &Seen, output: &Value) -> Vec<String> {
    let left = output["left"].to_string();
    let named: BTreeSet<String> = model::named(wishes);
    let stays = expected.entries().into_iter().filter(|entry| named.contains(entry));
    stays
        .filter(|entry| !left.contains(name_of(entry)))
        .map(|entry| format!("{entry} stays, and is not told: {left}"))
        .collect()
}
