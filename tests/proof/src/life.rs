//! A full life: a connection is made, changed, and taken away. And what must be right whatever failed on the way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rehearsal::{Outcome, Result};
use serde_json::{Value, json};
use shared::error::ErrorName;
use shared::register::LEASE_SECONDS;
use simulators::recorder::{Api, FaultKind};

use crate::pool::{Stage, UNSEEN};
use crate::world::{Situation, Things, World, differences};

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

/// A kind of call within an act.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    pub act: Act,
    /// `Ec2`, `Hcp`, …
    pub api: String,
    pub operation: String,
    pub write: bool,
}

/// What goes wrong in a life: the n-th call of a kind, or each of them.
#[derive(Debug, Clone)]
pub struct Mishap {
    pub act: Act,
    pub api: Api,
    pub operation: String,
    /// From 1; `None` is every call for the whole act.
    pub nth: Option<u32>,
    pub kind: FaultKind,
}

/// A life in which nothing fails.
#[derive(Debug, Clone)]
pub struct Quiet {
    /// How many calls of each kind there are.
    pub calls: BTreeMap<Kind, (Api, u32)>,
    /// What is ours after each act.
    pub after: BTreeMap<Act, Things>,
    /// How often each task was entered, by act.
    pub tasks: BTreeMap<(Act, String), u32>,
}

/// A life that was played.
#[derive(Debug)]
pub struct Played {
    pub quiet: Quiet,
    /// The mishap has happened.
    pub hit: bool,
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

/// Plays a life; with a mishap the acts that it does not need are left out. `quiet`: the same life without a mishap, to compare
/// with.
///
/// # Errors
/// When the machinery fails: the emulator does not answer, or a run does not end.
pub async fn play(
    stage: &Stage,
    situation: Situation,
    number: u32,
    mishap: Option<&Mishap>,
    quiet: Option<&Quiet>,
) -> Result<Played> {
    let world = World::new(&stage.environment, situation, number).await?;
    let others = world.others().await?;
    let mut life = Life {
        stage,
        situation,
        world,
        others,
        expected: quiet,
        played: Played {
            quiet: Quiet {
                calls: BTreeMap::new(),
                after: BTreeMap::new(),
                tasks: BTreeMap::new(),
            },
            hit: false,
            findings: Vec::new(),
            ends: Vec::new(),
        },
    };
    life.run(mishap).await?;
    Ok(life.played)
}

struct Life<'a> {
    stage: &'a Stage,
    situation: Situation,
    world: World<'a>,
    /// Before anything was done.
    others: Things,
    expected: Option<&'a Quiet>,
    played: Played,
}

impl Life<'_> {
    async fn run(&mut self, mishap: Option<&Mishap>) -> Result<()> {
        let strikes = |act: Act| mishap.filter(|mishap| mishap.act == act);
        let request = self.world.request();
        let connected = self.act(Act::Provision, &request, strikes(Act::Provision)).await?;
        let mut last = request;
        let changes = mishap.is_none_or(|mishap| mishap.act == Act::Change);
        if connected && changes {
            last = self.world.changed_request();
            let changed = self.act(Act::Change, &last, strikes(Act::Change)).await?;
            if !changed && strikes(Act::Change).is_some() {
                // The README: starting the same request again goes on from there.
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
        self.leases_run_out().await?;
        let before = self.world.own().await?;
        let made_before = self.world.endpoints().len();
        let rejects = self.situation.is_rejected() && act == Act::Provision;
        let fabric = &self.stage.environment.simulators.fabric;
        fabric.change_knobs(|knobs| {
            knobs.ec2.reject = rejects;
            // Nobody rejects what EC2 itself does not show yet.
            knobs.ec2.visibility_lag = if rejects { SOON } else { UNSEEN };
        });
        let recorder = &self.stage.environment.simulators.recorder;
        recorder.clear_calls();
        recorder.clear_faults();
        if let Some(mishap) = mishap {
            let (api, operation) = (mishap.api, mishap.operation.clone());
            let which = move |asked: &simulators::recorder::Asked<'_>| asked.api == api && asked.operation == operation;
            recorder.inject_where(which, mishap.nth, mishap.kind.clone());
        }
        let execution = self.stage.environment.run(&request).await?;
        self.played.hit |= recorder.hits() > 0;
        recorder.clear_faults();
        for call in recorder.calls() {
            let kind = Kind {
                act,
                api: format!("{:?}", call.api),
                operation: call.operation,
                write: call.write,
            };
            self.played.quiet.calls.entry(kind).or_insert((call.api, 0)).1 += 1;
        }
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
            ATTEMPTS + usize::from(mishap.is_some())
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

    /// Between two acts time passes: a lease that a run could not give back is over, which the functions tell by the real clock.
    async fn leases_run_out(&self) -> Result<()> {
        let environment = &self.stage.environment;
        let Some(table) = environment.outputs.get("RegisterTableName") else {
            return Ok(());
        };
        let deadline = Instant::now() + Duration::from_secs(LEASE_SECONDS + 5);
        let scan = json!({
            "TableName": table,
            "FilterExpression": "begins_with(#id, :lease) AND expires_at > :now",
            "ExpressionAttributeNames": {"#id": "id"},
        });
        while Instant::now() < deadline {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs();
            let mut scan = scan.clone();
            scan["ExpressionAttributeValues"] = json!({":lease": {"S": "lease/"}, ":now": {"N": now.to_string()}});
            let found = environment
                .aws
                .expect_json("dynamodb", "DynamoDB_20120810.Scan", &scan)
                .await?;
            if found["Count"] == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    fn find(&mut self, what: String) {
        self.played.findings.push(what);
    }

    /// What even a deprovision leaves for the sake of others, if the run's end says that it is left.
    fn is_told_to_stay(&self, name: &str, message: &str) -> bool {
        let stays = self.expected.and_then(|quiet| quiet.after.get(&Act::Deprovision));
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
        let expected = self.expected.and_then(|quiet| quiet.after.get(&act));
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
        let allowed = self.expected.and_then(|quiet| quiet.after.get(&Act::Deprovision));
        let left = own
            .into_iter()
            .filter(|(name, _)| !allowed.unwrap_or(&nothing).contains_key(name));
        let left: Vec<String> = left.map(|(name, what)| format!("{name} {what}")).collect();
        if !left.is_empty() && self.expected.is_some() {
            self.find(format!("left after the last deprovision: {}", left.join("; ")));
        }
        Ok(())
    }
}

/// Endpoints that a run makes one after the other: the stack's EndpointReplacementsMax, and the first.
const ATTEMPTS: usize = 3;
const SOON: Duration = Duration::from_secs(3);
/// The state machine's own name for a removal that a person must end.
const NEEDS_ATTENTION: &str = "NeedsAttention";
