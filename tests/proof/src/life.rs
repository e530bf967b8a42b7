//! A full life: a connection is made, changed, and taken away. And what must be right whatever failed on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rehearsal::{Execution, Outcome, Result};
use serde_json::{Value, json};
use shared::error::ErrorName;

use crate::pool::{Stage, UNSEEN};
use crate::register;
use crate::situation::Situation;
use crate::trouble::{self, Calls, Strike};
use crate::world::{Things, World, differences};

/// The runs of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    Provision,
    Change,
    Deprovision,
}

impl Act {
    pub const ALL: [Self; 3] = [Self::Provision, Self::Change, Self::Deprovision];

    /// As in the names of trials.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Change => "change",
            Self::Deprovision => "deprovision",
        }
    }
}

/// What goes wrong in a life.
#[derive(Debug, Clone)]
pub struct Mishap {
    pub act: Act,
    pub strike: Strike,
}

/// A life in which nothing fails.
#[derive(Debug, Clone)]
pub struct Quiet {
    /// What each act calls, and how often.
    pub calls: BTreeMap<Act, Calls>,
    /// What is ours after each act.
    pub after: BTreeMap<Act, Things>,
    /// How often each task was entered, by act.
    pub tasks: BTreeMap<(Act, String), u32>,
}

/// What is to happen in a life.
#[derive(Debug, Clone, Copy, Default)]
pub struct Course<'a> {
    /// At most one for each act. With any, the acts that they do not need are left out.
    pub mishaps: &'a [Mishap],
    /// The state machine invokes tasks twice.
    pub repeats: bool,
    /// The same life without mishaps, to compare with.
    pub quiet: Option<&'a Quiet>,
}

/// A life that was played.
#[derive(Debug)]
pub struct Played {
    pub quiet: Quiet,
    /// The acts whose mishap has happened.
    pub hit: BTreeSet<Act>,
    /// What is not right.
    pub findings: Vec<String>,
    /// How each run ended, for a person.
    pub ends: Vec<String>,
}

impl Played {
    /// The findings, and how each run ended.
    pub fn told(self) -> Vec<String> {
        let mut told = self.findings;
        if !told.is_empty() {
            told.push(format!("runs: {}", self.ends.join("; ")));
        }
        told
    }
}

/// Plays a life.
///
/// # Errors
/// When the machinery fails: the emulator does not answer, or a run does not end.
pub async fn play(stage: &Stage, situation: Situation, number: u32, course: Course<'_>) -> Result<Played> {
    let world = World::new(&stage.environment, situation, number).await?;
    let others = world.others().await?;
    let denied = stage.environment.denied()?.len();
    let mut life = Life {
        stage,
        situation,
        world,
        others,
        course,
        played: Played {
            quiet: Quiet {
                calls: BTreeMap::new(),
                after: BTreeMap::new(),
                tasks: BTreeMap::new(),
            },
            hit: BTreeSet::new(),
            findings: Vec::new(),
            ends: Vec::new(),
        },
    };
    life.run().await?;
    let refused = stage.environment.denied()?;
    if refused.len() > denied {
        life.find(format!("rights that the template does not grant: {refused:?}"));
    }
    Ok(life.played)
}

struct Life<'a> {
    stage: &'a Stage,
    situation: Situation,
    world: World<'a>,
    /// Before anything was done.
    others: Things,
    course: Course<'a>,
    played: Played,
}

impl Life<'_> {
    async fn run(&mut self) -> Result<()> {
        let mishaps = self.course.mishaps;
        let strikes = |act: Act| mishaps.iter().find(|mishap| mishap.act == act);
        let request = self.world.request();
        let mut connected = self.act(Act::Provision, &request, strikes(Act::Provision)).await?;
        // The README: starting the same request again goes on from there.
        if !connected && mishaps.len() > 1 && !self.situation.is_rejected() {
            connected = self.act(Act::Provision, &request, None).await?;
        }
        let mut last = request;
        if connected && (mishaps.is_empty() || strikes(Act::Change).is_some()) {
            last = self.world.changed_request();
            let changed = self.act(Act::Change, &last, strikes(Act::Change)).await?;
            if !changed && strikes(Act::Change).is_some() {
                self.act(Act::Change, &last, None).await?;
            }
        }
        let removed = self.act(Act::Deprovision, &last, strikes(Act::Deprovision)).await?;
        if !removed && strikes(Act::Deprovision).is_some() {
            self.act(Act::Deprovision, &last, None).await?;
        } else if !removed {
            self.find("the connection cannot be taken away".to_owned());
        }
        self.nothing_is_left().await
    }

    /// Runs an act, and judges how it ended; whether it succeeded.
    async fn act(&mut self, act: Act, request: &Value, mishap: Option<&Mishap>) -> Result<bool> {
        let mut request = request.clone();
        if act == Act::Deprovision {
            request["action"] = json!("deprovision");
        }
        // Between two acts time passes: a lease that a run could not give back is over. The functions tell by the real clock,
        // which is not waited for.
        register::forget(&self.stage.environment, "lease/").await?;
        let before = self.world.own().await?;
        let made_before = self.world.endpoints().len();
        let rejects = self.situation.is_rejected() && act == Act::Provision;
        let fabric = &self.stage.environment.simulators.fabric;
        fabric.change_knobs(|knobs| {
            knobs.ec2.reject = rejects;
            // Nobody rejects what EC2 itself does not show yet.
            knobs.ec2.visibility_lag = if rejects { SOON } else { UNSEEN };
        });
        let strike = mishap.map(|mishap| &mishap.strike);
        trouble::arm(&self.stage.environment, strike).await?;
        let execution = self.run_to_its_end(&request, strike).await?;
        let (calls, hit) = trouble::disarm(&self.stage.environment, strike).await?;
        if hit {
            self.played.hit.insert(act);
        }
        self.played.quiet.calls.insert(act, calls);
        for event in execution
            .history
            .iter()
            .filter(|event| event.kind == "TaskStateEntered")
        {
            let name = event.state().unwrap_or_default().to_owned();
            *self.played.quiet.tasks.entry((act, name)).or_default() += 1;
        }

        let own = self.world.own().await?;
        self.played.quiet.after.insert(act, own.clone());
        let made = self.world.endpoints().len() - made_before;
        // One that was lost and is rejected before it is seen comes besides.
        let most = if rejects {
            ATTEMPTS + usize::from(mishap.is_some() || self.course.repeats)
        } else {
            1
        };
        if made > most {
            self.find(format!("the {} made {made} endpoints", act.name()));
        }
        self.nobody_elses_is_lost(act).await?;
        match &execution.outcome {
            Outcome::Succeeded(output) => {
                self.played.ends.push(format!("{} succeeded", act.name()));
                if rejects {
                    self.find("the provision succeeded though every endpoint is rejected".to_owned());
                } else if act != Act::Deprovision {
                    self.is_connected(act, &own, output);
                }
                Ok(true)
            }
            Outcome::Failed(failure) => {
                self.played.ends.push(format!(
                    "{} {} {}: {}",
                    act.name(),
                    failure.status,
                    failure.error,
                    failure.message()
                ));
                if mishap.is_none() && !rejects {
                    self.find(format!("the {} failed though nothing was wrong any more", act.name()));
                }
                self.has_a_name(act, &failure.error);
                if act == Act::Provision && failure.error != NEEDS_ATTENTION {
                    let mut own = own;
                    own.retain(|name, _| before.contains_key(name) || !self.is_told_to_stay(name, &failure.message()));
                    for line in differences(&own, &before) {
                        self.find(format!("after the failed {} there is {line}", act.name()));
                    }
                }
                Ok(false)
            }
        }
    }

    /// An execution that was stopped is redriven.
    async fn run_to_its_end(&self, request: &Value, strike: Option<&Strike>) -> Result<Execution> {
        let running = self.stage.environment.begin(request).await?;
        let execution = running.clone().finish(LIMIT).await?;
        let was_stopped = matches!(&execution.outcome, Outcome::Failed(failure) if failure.status == "ABORTED");
        if !was_stopped || !strike.is_some_and(|strike| strike.trouble.stops()) {
            return Ok(execution);
        }
        running.redrive().await?;
        running.finish(LIMIT).await
    }

    fn find(&mut self, what: String) {
        self.played.findings.push(what);
    }

    /// What even a deprovision leaves for the sake of others, if the run's end says that it is left.
    fn is_told_to_stay(&self, name: &str, message: &str) -> bool {
        let stays = self.course.quiet.and_then(|quiet| quiet.after.get(&Act::Deprovision));
        let told = message.split_once("Left in place: ").map_or("", |(_, left)| left);
        let entry = name.split(' ').next_back().unwrap_or(name);
        stays.is_some_and(|stays| stays.contains_key(name)) && told.contains(entry)
    }

    fn is_connected(&mut self, act: Act, own: &Things, output: &Value) {
        let live = self.world.endpoints();
        let told = output.to_string();
        if !live.iter().any(|endpoint| told.contains(&endpoint.id)) {
            self.find(format!(
                "the {}'s output names no endpoint that there is: {told}",
                act.name()
            ));
        }
        let expected = self.course.quiet.and_then(|quiet| quiet.after.get(&act));
        for line in expected.map(|expected| differences(own, expected)).unwrap_or_default() {
            self.find(format!("after the {}: {line}", act.name()));
        }
    }

    fn has_a_name(&mut self, act: Act, error: &str) {
        let known = error == NEEDS_ATTENTION || ErrorName::ALL.iter().any(|name| name.as_str() == error);
        if !known {
            self.find(format!(
                "the {} ended with {error}, which the README does not name",
                act.name()
            ));
        }
    }

    async fn nobody_elses_is_lost(&mut self, act: Act) -> Result<()> {
        let others = self.world.others().await?;
        for line in differences(&others, &self.others.clone()) {
            self.find(format!("what others have, after the {}: {line}", act.name()));
        }
        Ok(())
    }

    async fn nothing_is_left(&mut self) -> Result<()> {
        let own = self.world.own().await?;
        let nothing = Things::new();
        // What a life without mishaps leaves on purpose, such as components that others may use, may also be gone.
        let allowed = self.course.quiet.and_then(|quiet| quiet.after.get(&Act::Deprovision));
        let left = own
            .into_iter()
            .filter(|(name, _)| !allowed.unwrap_or(&nothing).contains_key(name));
        let left: Vec<String> = left.map(|(name, what)| format!("{name} {what}")).collect();
        if !left.is_empty() && self.course.quiet.is_some() {
            self.find(format!("left after the last deprovision: {}", left.join("; ")));
        }
        Ok(())
    }
}

/// Real time that a run may take.
const LIMIT: Duration = Duration::from_secs(300);
/// Endpoints that a run makes one after the other: the stack's EndpointReplacementsMax, and the first.
const ATTEMPTS: usize = 3;
const SOON: Duration = Duration::from_secs(3);
/// The state machine's own name for a removal that a person must end.
const NEEDS_ATTENTION: &str = "NeedsAttention";
