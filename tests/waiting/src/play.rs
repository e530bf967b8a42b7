//! Runs: each phase by the deployed schedule, and what a run uses besides.

use std::collections::BTreeMap;

use shared::progress::{Look, Pending, Phase, Schedule};
use shared::settings::PhaseName;

use crate::Result;
use crate::assumed::{INIT_MS, LOG_BYTES, LOOK_MS, TURN_SECONDS};
use crate::clock::{Clock, Functions, Looker, Visit};
use crate::clouds::{self, Random, Temper};
use crate::deployed::Deployed;
use crate::prices::Usage;

impl Deployed {
    /// A phase as the product plays it: by its own schedule, and its own rule of how long the watch goes on.
    ///
    /// # Errors
    /// When the phase's budget is used up before the change.
    pub fn visit(&self, phase: PhaseName, change: f64, turn: f64, functions: Functions) -> Result<Visit> {
        let schedule = self.schedule(phase);
        let mut clock = Clock::new(phase, functions);
        let mut left: Option<Phase<()>> = None;
        while !clock.looks(Looker::Step, change) {
            let first = Self::first_wait(phase).filter(|_| left.is_none());
            let pending = after(left.as_ref(), first, &schedule, phase)?;
            clock.turns(turn);
            left = Some(if schedule.watch_seconds == 0 {
                clock.waits(f64::from(pending.wait_seconds) + TURN_SECONDS);
                pending
            } else {
                watch(&mut clock, pending, &schedule, phase, change)?
            });
        }
        Ok(clock.visit(change))
    }
}

/// The watch, from the state's message to its token: what it hands back is the phase before the look that wakes, which the step repeats.
fn watch(
    clock: &mut Clock,
    mut last: Phase<()>,
    schedule: &Schedule,
    phase: PhaseName,
    change: f64,
) -> Result<Phase<()>> {
    let mut watched = 0_u32;
    loop {
        clock.message(last.wait_seconds.into());
        watched = watched.saturating_add(last.wait_seconds);
        // Where no other look would follow it, the look is the step's at once.
        if !schedule.watches(watched, schedule.interval_seconds) || clock.looks(Looker::Watch, change) {
            clock.wakes();
            return Ok(last);
        }
        last = after(Some(&last), None, schedule, phase)?;
        clock.tells();
    }
}

/// The phase after a look that is pending.
fn after(left: Option<&Phase<()>>, wait: Option<u32>, schedule: &Schedule, phase: PhaseName) -> Result<Phase<()>> {
    let mut pending = Pending::new("pending", "not yet.");
    pending.wait_seconds = wait;
    Ok(Phase::after(left, Look::Pending(pending), schedule, phase.key())?)
}

/// What a run uses whose phases of [`clouds::PHASES`] are all ready at the first look, besides what their looks use.
///
/// # Errors
/// When the definition is not understood.
pub fn once(deployed: &Deployed, action: &str) -> Result<Usage> {
    // EC2 is not told of a service at once: the endpoint takes a second look.
    let again = BTreeMap::from([(deployed.task(PhaseName::Endpoint)?, 1)]);
    let states = deployed.states_of(action, &again)?;
    let waited: Vec<String> = clouds::PHASES
        .iter()
        .map(|phase| deployed.task(*phase))
        .collect::<Result<_>>()?;
    let mut usage = Usage {
        transitions: f64::from(u32::try_from(states.len())?),
        // Step Functions' tracing is on; the functions' segments are parts of the same trace.
        traces: 1.0,
        // Of the preflight.
        secret_calls: 1.0,
        events: f64::from(u32::try_from(
            states.iter().filter(|s| s.starts_with("Announce")).count(),
        )?),
        dynamodb_writes: crate::assumed::REGISTER_WRITE_UNITS,
        dynamodb_reads: crate::assumed::REGISTER_READ_UNITS,
        ..Usage::default()
    };
    for task in states.iter().filter(|state| !waited.contains(*state)) {
        let memory_mb = deployed.memory_mb(task);
        if memory_mb > 0.0 {
            usage.lambda_requests += 1.0;
            usage.lambda_gb_seconds += (LOOK_MS + INIT_MS) / 1_000.0 * memory_mb / 1_024.0;
            usage.log_gb += LOG_BYTES / 1e9;
        }
    }
    Ok(usage)
}

/// How long the clouds take for the phases of so many runs; the same for every shape.
pub fn changes(temper: Temper, runs: usize, seed: u64) -> Vec<[f64; 4]> {
    let mut random = Random::new(seed);
    (0..runs)
        .map(|_| std::array::from_fn(|phase| temper.draw(phase, &mut random)))
        .collect()
}
