//! What is more than one connection: a fleet, the register's commands, a sweep. Each fails at each of its calls, too.
//!
//! A run in a fleet or a sweep is the run that [`crate::life`] lets fail in every way: here each of its calls fails in one way, that a
//! caller can know least of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::execution::Running;
use rehearsal::{Error, Outcome, Result};
use serde_json::{Value, json};
use shared::error::ErrorName;

use crate::pool::{Pool, Stage};
use crate::register;
use crate::situation::Situation;
use crate::trial::{Trial, Verdict};
use crate::trouble::{self, Callee, Calls, Strike, Trouble};
use crate::world::{Things, World, differences, is_live};

/// Real time that a fleet or a sweep may take.
const LIMIT: Duration = Duration::from_secs(300);
/// A call that did not come up is tried again in new worlds so often.
const ATTEMPTS: usize = 2;
/// The ends of a fleet that are not the workflow's.
const FLEET_ERRORS: [&str; 2] = ["TooManyFailed", "TooManyAttempts"];

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// Two accounts' connections, one at each vendor, are made by a fleet and taken away.
    Fleet,
    /// The row of a connection is lost, made again from the tags, listed and read.
    Register,
    /// A connection has drifted in AWS and at the vendor; a sweep mends it.
    Sweep,
}

impl Scene {
    pub const ALL: [Self; 3] = [Self::Fleet, Self::Register, Self::Sweep];

    /// As in the names of trials.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Register => "register",
            Self::Sweep => "sweep",
        }
    }

    fn troubles_of(self, callee: &Callee, api: Option<simulators::recorder::Api>) -> Vec<(&'static str, Trouble)> {
        let mut troubles = trouble::troubles_of(callee, api);
        let is_write = matches!(callee, Callee::Remote { write: true, .. });
        match (self, callee) {
            (Self::Register, _) | (_, Callee::Task(_)) => {}
            _ => troubles.retain(|(word, _)| *word == if is_write { "reset-after" } else { "503" }),
        }
        troubles
    }

    async fn play(self, stage: &Stage, number: impl Fn() -> u32, course: Course<'_>) -> Result<Shown> {
        let mut play = Play {
            stage,
            course,
            shown: Shown::default(),
        };
        match self {
            Self::Fleet => play.fleet([number(), number()]).await?,
            Self::Register => play.register(number()).await?,
            Self::Sweep => play.sweep(number()).await?,
        }
        Ok(play.shown)
    }
}

/// What is to happen in a scene.
#[derive(Clone, Copy, Default)]
struct Course<'a> {
    strike: Option<&'a Strike>,
    /// The same scene without trouble.
    quiet: Option<&'a Shown>,
}

/// A scene that was played.
#[derive(Debug, Default)]
pub struct Shown {
    calls: Calls,
    /// What is ours when all is connected, and when all is taken away, by world.
    own: BTreeMap<(usize, &'static str), Things>,
    hit: bool,
    findings: Vec<String>,
    ends: Vec<String>,
}

/// The scenes without trouble.
pub struct Recorded(BTreeMap<Scene, Arc<Shown>>);

/// Plays each scene twice without trouble: what is called both times can be counted on.
///
/// # Errors
/// When such a scene is not right, or the machinery fails.
pub async fn record(pool: &Arc<Pool>, scenes: &[Scene]) -> Result<Recorded> {
    let mut playing = tokio::task::JoinSet::new();
    for scene in scenes.iter().copied() {
        let pool = Arc::clone(pool);
        playing.spawn(async move {
            let (first, second) = tokio::try_join!(quiet(&pool, scene), quiet(&pool, scene))?;
            Ok::<_, Error>((scene, in_both(first, &second)))
        });
    }
    let mut recorded = BTreeMap::new();
    while let Some(played) = playing.join_next().await {
        let (scene, shown) = played.map_err(|error| Error::new("recording a scene", error))??;
        recorded.insert(scene, Arc::new(shown));
    }
    Ok(Recorded(recorded))
}

async fn quiet(pool: &Pool, scene: Scene) -> Result<Shown> {
    let stage = pool.take().await?;
    let shown = scene.play(&stage, || pool.world_number(), Course::default()).await?;
    pool.give_back(stage);
    if shown.findings.is_empty() {
        return Ok(shown);
    }
    let what = format!("playing the scene {} without trouble", scene.name());
    Err(Error::new(what, shown.findings.join("\n")))
}

fn in_both(mut first: Shown, second: &Shown) -> Shown {
    for (callee, (_, times)) in &mut first.calls {
        *times = (*times).min(second.calls.get(callee).map_or(0, |(_, times)| *times));
    }
    first
}

impl Recorded {
    /// A trial for each call and each of its faults; and the number of the calls.
    pub fn faults(&self) -> (Vec<Trial>, u32) {
        self.of_each_call("faults", Scene::troubles_of)
    }

    /// A trial for each call and each moment at which its function can be killed; and the number of the calls.
    pub fn crashes(&self) -> (Vec<Trial>, u32) {
        let deaths_of = |_, callee: &Callee, api| match callee {
            Callee::Remote { .. } => trouble::deaths_of(callee, api),
            // A fleet that is stopped is among the tests of fleets.
            Callee::Task(_) => Vec::new(),
        };
        self.of_each_call("crashes", deaths_of)
    }

    fn of_each_call(
        &self,
        row: &str,
        troubles: impl Fn(Scene, &Callee, Option<simulators::recorder::Api>) -> Vec<(&'static str, Trouble)>,
    ) -> (Vec<Trial>, u32) {
        let (mut trials, mut count) = (Vec::new(), 0);
        for (scene, shown) in &self.0 {
            for (callee, (api, times)) in &shown.calls {
                let troubles = troubles(*scene, callee, *api);
                count += if troubles.is_empty() { 0 } else { *times };
                for nth in 1..=*times {
                    for (word, trouble) in troubles.clone() {
                        let name = format!("{row}/{}/{}.{nth}/{word}", scene.name(), callee.name());
                        let strike = Strike {
                            nth: Some(nth),
                            trouble,
                        };
                        trials.push(trial(name, *scene, strike, Arc::clone(shown)));
                    }
                }
            }
        }
        (trials, count)
    }
}

fn trial(name: String, scene: Scene, strike: Strike, quiet: Arc<Shown>) -> Trial {
    Trial::new(name, move |pool| {
        let (strike, quiet) = (strike.clone(), Arc::clone(&quiet));
        async move {
            let played = struck(&pool, scene, &strike, &quiet).await;
            played.unwrap_or_else(|error| Verdict::Wrong(format!("{error}")))
        }
    })
}

async fn struck(pool: &Pool, scene: Scene, strike: &Strike, quiet: &Shown) -> Result<Verdict> {
    for _ in 0..ATTEMPTS {
        let stage = pool.take().await?;
        let course = Course {
            strike: Some(strike),
            quiet: Some(quiet),
        };
        let mut shown = scene.play(&stage, || pool.world_number(), course).await?;
        pool.give_back(stage);
        if shown.hit {
            if !shown.findings.is_empty() {
                shown.findings.push(format!("ends: {}", shown.ends.join("; ")));
            }
            return Ok(Verdict::of(&shown.findings));
        }
    }
    Ok(Verdict::Empty)
}

struct Play<'a> {
    stage: &'a Stage,
    course: Course<'a>,
    shown: Shown,
}

impl Play<'_> {
    async fn fleet(&mut self, numbers: [u32; 2]) -> Result<()> {
        let environment = &self.stage.environment;
        let worlds = [
            World::new(environment, Situation::AivenNew, numbers[0]).await?,
            World::new(environment, Situation::HcpShared, numbers[1]).await?,
        ];
        let items: Vec<Value> = worlds.iter().map(World::request).collect();
        let input = json!({"name": format!("wave-{}", numbers[0]), "items": items, "tolerated_failure_percentage": 0});
        let [first, second] = [worlds[0].others().await?, worlds[1].others().await?];
        trouble::arm(environment, self.course.strike).await?;
        let run = environment.begin_fleet(&input).await?.finish(LIMIT).await?;
        self.disarm().await?;
        let connected = self.ended("fleet", &run.outcome, &FLEET_ERRORS);
        if !connected {
            // The README: starting it again with the same name and list repeats nothing that succeeded.
            let again = environment.begin_fleet(&input).await?.finish(LIMIT).await?;
            self.must_succeed("fleet, started again,", &again.outcome);
        }
        for (n, world) in worlds.iter().enumerate() {
            self.compare(n, "connected", world).await?;
            self.one_endpoint(world);
        }
        self.take_away(&worlds).await?;
        for (before, world, other) in [(&first, &worlds[0], &worlds[1]), (&second, &worlds[1], &worlds[0])] {
            let mut others = world.others().await?;
            let mut before = before.clone();
            for things in [&mut others, &mut before] {
                things.retain(|name, _| !name.contains(other.name()));
            }
            self.nobody_elses_is_lost(&others, &before);
        }
        Ok(())
    }

    async fn register(&mut self, number: u32) -> Result<()> {
        let environment = &self.stage.environment;
        let world = World::new(environment, Situation::AivenNew, number).await?;
        let others = world.others().await?;
        let run = environment.run(&world.request()).await?;
        let id = run.output()?["connection_id"].as_str().unwrap_or_default().to_owned();
        let asked = register::questions(&world, &id);
        register::forget(environment, &id).await?;

        trouble::arm(environment, self.course.strike).await?;
        let mut answers = Vec::new();
        for question in &asked {
            answers.push(register::ask(environment, question).await?);
        }
        self.disarm().await?;
        let killed = self.course.strike.is_some_and(|strike| strike.trouble.is_deadly());
        for (question, answer) in asked.iter().zip(&answers) {
            if !answer.is_named(killed) {
                self.find(format!("{question} was answered: {answer:?}"));
            }
        }
        if !answers.iter().all(|answer| answer.tells_of(&id)) {
            for question in &asked {
                let answer = register::ask(environment, question).await?;
                if !answer.tells_of(&id) {
                    self.find(format!("{question}, asked again, was answered: {answer:?}"));
                }
            }
        }
        self.compare(0, "connected", &world).await?;
        self.take_away(std::slice::from_ref(&world)).await?;
        self.nobody_elses_is_lost(&world.others().await?, &others);
        Ok(())
    }

    async fn sweep(&mut self, number: u32) -> Result<()> {
        let environment = &self.stage.environment;
        // Others' rows would be swept, too.
        register::forget(environment, "").await?;
        let world = World::new(environment, Situation::AivenShared, number).await?;
        let others = world.others().await?;
        let run = environment.run(&world.request()).await?;
        self.must_succeed("provision", &run.outcome);
        self.compare(0, "connected", &world).await?;
        world.drift();

        trouble::arm(environment, self.course.strike).await?;
        let first = self.swept().await?;
        self.disarm().await?;
        if !self.ended("sweep", &first, &[]) || world.has_drifted() {
            let second = self.swept().await?;
            self.must_succeed("sweep, started again,", &second);
        }
        self.compare(0, "connected", &world).await?;
        self.one_endpoint(&world);
        self.take_away(std::slice::from_ref(&world)).await?;
        self.nobody_elses_is_lost(&world.others().await?, &others);
        Ok(())
    }

    async fn swept(&self) -> Result<Outcome> {
        let environment = &self.stage.environment;
        let machine = environment.outputs.get("SweepArn").map_or("", String::as_str);
        let running = Running::start(&environment.aws, machine, &json!({"repair": true})).await?;
        Ok(running.finish(LIMIT).await?.outcome)
    }

    async fn disarm(&mut self) -> Result<()> {
        let (calls, hit) = trouble::disarm(&self.stage.environment, self.course.strike).await?;
        self.shown.calls = calls;
        self.shown.hit = hit;
        register::forget(&self.stage.environment, "lease/").await
    }

    /// Whether it succeeded; a failure must have a name, and be the trouble's.
    fn ended(&mut self, what: &str, outcome: &Outcome, more: &[&str]) -> bool {
        let Outcome::Failed(failure) = outcome else {
            self.shown.ends.push(format!("{what} succeeded"));
            return true;
        };
        let text = format!("{what} {}: {}", failure.error, failure.message());
        let named =
            more.contains(&failure.error.as_str()) || ErrorName::ALL.iter().any(|name| name.as_str() == failure.error);
        if !named {
            self.find(format!("an end that the README does not name: {text}"));
        }
        if self.course.strike.is_none() {
            self.find(format!("it failed though nothing was wrong: {text}"));
        }
        self.shown.ends.push(text);
        false
    }

    fn must_succeed(&mut self, what: &str, outcome: &Outcome) {
        if let Outcome::Failed(failure) = outcome {
            self.find(format!("the {what} failed: {}: {}", failure.error, failure.message()));
        }
    }

    /// With the scene without trouble, or keeps it for that.
    async fn compare(&mut self, world: usize, when: &'static str, of: &World<'_>) -> Result<()> {
        let own = of.own().await?;
        let expected = self.course.quiet.and_then(|quiet| quiet.own.get(&(world, when)));
        for line in expected.map(|expected| differences(&own, expected)).unwrap_or_default() {
            self.find(format!("{when}, world {world}: {line}"));
        }
        self.shown.own.insert((world, when), own);
        Ok(())
    }

    fn one_endpoint(&mut self, world: &World<'_>) {
        let live = world.endpoints().iter().filter(|endpoint| is_live(endpoint)).count();
        if live != 1 {
            self.find(format!("{live} endpoints live in one VPC"));
        }
    }

    async fn take_away(&mut self, worlds: &[World<'_>]) -> Result<()> {
        for (n, world) in worlds.iter().enumerate() {
            let mut request = world.request();
            request["action"] = json!("deprovision");
            let run = self.stage.environment.run(&request).await?;
            self.must_succeed("deprovision", &run.outcome);
            self.compare(n, "taken away", world).await?;
        }
        Ok(())
    }

    fn nobody_elses_is_lost(&mut self, now: &Things, before: &Things) {
        for line in differences(now, before) {
            self.find(format!("what others have: {line}"));
        }
    }

    fn find(&mut self, what: String) {
        self.shown.findings.push(what);
    }
}
