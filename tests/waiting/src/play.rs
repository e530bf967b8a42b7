//! One phase of one run: when the change of the cloud was seen, and what was used until then.

use shared::progress::{Look, Pending, Phase};
use shared::settings::PhaseName;

use crate::Result;
use crate::assumed::{INIT_MS, LOG_BYTES, LOOK_MS, SECRET_SECONDS, TURN_SECONDS};
use crate::clouds::{self, Random, Temper};
use crate::deployed::Deployed;
use crate::prices::Usage;

/// Seconds that a look takes.
pub const LOOK_SECONDS: f64 = LOOK_MS / 1_000.0;

/// What one phase of one run came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visit {
    /// Seconds from the cloud's change until a look had seen it.
    pub late: f64,
    /// Seconds from the phase's first look to its end.
    pub took: f64,
    pub looks: u32,
    /// Turns of the state machine after the phase's first invocation.
    pub turns: u32,
    /// What the phase used besides the states that each run enters once.
    pub usage: Usage,
}

/// Counts the looks of one phase and what they use.
#[derive(Debug)]
pub struct Clock {
    now: f64,
    looks: u32,
    invocations: f64,
    held: f64,
    pub turns: u32,
    pub usage: Usage,
}

impl Clock {
    pub const fn new() -> Self {
        Self {
            now: 0.0,
            looks: 0,
            invocations: 1.0,
            held: 0.0,
            turns: 0,
            usage: NOTHING,
        }
    }

    /// A look: whether it saw the change.
    pub fn looks(&mut self, change: f64) -> bool {
        let begun = self.now;
        self.now += LOOK_SECONDS;
        self.looks += 1;
        begun >= change
    }

    /// The invocation waits itself.
    pub fn holds(&mut self, seconds: f64) {
        self.now += seconds;
        self.held += seconds;
    }

    /// Something else waits, and invokes anew.
    pub fn waits(&mut self, seconds: f64) {
        self.now += seconds;
        self.invocations += 1.0;
    }

    pub const fn looked(&self) -> u32 {
        self.looks
    }

    pub const fn now(&self) -> f64 {
        self.now
    }

    /// The visit that has seen its change. The phase's function was started anew once, and has `memory_mb`.
    pub fn visit(mut self, phase: PhaseName, change: f64, memory_mb: f64) -> Visit {
        let seconds = f64::from(self.looks) * LOOK_SECONDS + self.held + INIT_MS / 1_000.0;
        self.usage.lambda_gb_seconds += seconds * memory_mb / 1_024.0;
        self.usage.lambda_requests += self.invocations;
        self.usage.log_gb += self.invocations * LOG_BYTES / 1e9;
        if matches!(phase, PhaseName::Service | PhaseName::Access) {
            self.usage.secret_calls += 1.0 + (self.now / SECRET_SECONDS).floor();
        }
        Visit {
            late: self.now - change,
            took: self.now,
            looks: self.looks,
            turns: self.turns,
            usage: self.usage,
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

const NOTHING: Usage = Usage {
    transitions: 0.0,
    express_requests: 0.0,
    express_gb_seconds: 0.0,
    lambda_requests: 0.0,
    lambda_gb_seconds: 0.0,
    dynamodb_writes: 0.0,
    dynamodb_reads: 0.0,
    secret_calls: 0.0,
    log_gb: 0.0,
    events: 0.0,
    traces: 0.0,
    sqs_requests: 0.0,
    sns_deliveries: 0.0,
    codebuild_minutes: 0.0,
};

impl Deployed {
    /// A phase as the product plays it: by its own schedule, and its own rule of who waits.
    ///
    /// # Errors
    /// When the phase's budget is used up before the change.
    pub fn visit(&self, phase: PhaseName, change: f64, turn: f64, memory_mb: f64) -> Result<Visit> {
        let schedule = self.schedule(phase);
        let mut clock = Clock::new();
        let mut previous: Option<Phase<()>> = None;
        let mut held = 0;
        while !clock.looks(change) {
            let mut pending = Pending::new("pending", "not yet.");
            pending.wait_seconds = Self::first_wait(phase).filter(|_| previous.is_none());
            let next = Phase::after(previous.as_ref(), Look::Pending(pending), &schedule, phase.key())?;
            if schedule.holds(held, next.wait_seconds) {
                held += next.wait_seconds;
                clock.holds(next.wait_seconds.into());
            } else {
                held = 0;
                clock.waits(f64::from(next.wait_seconds) + TURN_SECONDS);
                clock.turns += 1;
                clock.usage.transitions += turn;
            }
            previous = Some(next);
        }
        Ok(clock.visit(phase, change, memory_mb))
    }
}

/// What a run uses whose phases are all ready at the first look, besides what the looks of the phases of [`clouds::PHASES`] use.
///
/// # Errors
/// When the definition is not understood.
pub fn once(deployed: &Deployed, action: &str) -> Result<Usage> {
    let states = deployed.states(action, &[])?;
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
