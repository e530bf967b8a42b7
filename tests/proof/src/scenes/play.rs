//! How each scene goes, and what must be right in it.

use std::time::Duration;

use rehearsal::execution::Running;
use rehearsal::{Outcome, Result};
use serde_json::{Value, json};
use shared::error::ErrorName;

use super::{Course, Shown};
use crate::pool::Stage;
use crate::register;
use crate::situation::Situation;
use crate::trouble;
use crate::vended::Vended;
use crate::world::{Things, World, differences, is_live};

/// Real time that a fleet or a sweep may take.
const LIMIT: Duration = Duration::from_secs(300);
/// The ends of a fleet that are not the workflow's.
const FLEET_ERRORS: [&str; 2] = ["TooManyFailed", "TooManyAttempts"];

pub(super) struct Play<'a> {
    pub(super) stage: &'a Stage,
    pub(super) course: Course<'a>,
    pub(super) shown: Shown,
}

impl Play<'_> {
    pub(super) async fn fleet(&mut self, numbers: [u32; 2]) -> Result<()> {
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

    pub(super) async fn register(&mut self, number: u32) -> Result<()> {
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

    pub(super) async fn sweep(&mut self, number: u32) -> Result<()> {
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

    pub(super) async fn vending(&mut self, number: u32) -> Result<()> {
        let environment = &self.stage.environment;
        let world = World::new(environment, Situation::HcpShared, number).await?;
        let others = world.others().await?;
        let vended = Vended::new(environment, &world, number).await?;
        trouble::arm(environment, self.course.strike).await?;
        let answer = vended.tell().await?;
        self.disarm().await?;
        let killed = self.course.strike.is_some_and(|strike| strike.trouble.is_deadly());
        if !answer.is_named(killed) {
            self.find(format!("the event was answered: {answer:?}"));
        }
        if answer.is_error() {
            // What EventBridge does with an event whose function has failed.
            let again = vended.tell().await?;
            if again.is_error() {
                self.find(format!("the event, told again, was answered: {again:?}"));
            }
        }
        for outcome in vended.runs(LIMIT).await? {
            self.must_succeed("vended run", &outcome);
        }
        self.compare(0, "connected", &world).await?;
        self.one_endpoint(&world);
        self.take_away(std::slice::from_ref(&world)).await?;
        self.nobody_elses_is_lost(&world.others().await?, &others);
        vended.forget().await
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

    pub(super) fn find(&mut self, what: String) {
        self.shown.findings.push(what);
    }
}
