//! Other ways to wait, with the deployed one's states around them.

use shared::settings::PhaseName;

use crate::assumed::{FALLBACK_SECONDS, LONGEST_HELD_WAIT_SECONDS, NOTIFICATION_SECONDS, TURN_SECONDS};
use crate::clock::{Clock, Functions, Looker, Visit};
use crate::clouds::PHASES;

/// A synchronous Express workflow ends after five minutes; one is begun anew a little before.
const EXPRESS_SECONDS: f64 = 280.0;
/// Memory of an Express workflow is billed in chunks of so many GB.
const EXPRESS_GB: f64 = 0.0625;
/// A task that starts an Express workflow, and the choice after it.
const EXPRESS_TRANSITIONS: f64 = 2.0;
/// Looks at which a schedule made of the distribution looks.
const QUANTILES: u32 = 16;

/// Between looks.
#[derive(Debug, Clone, Copy)]
pub enum Gaps {
    Constant(f64),
    /// From so many seconds, by this factor, up to a cap.
    Exponential(f64, f64, f64),
    /// At equal shares of the distribution that it was made for, then each 15 s.
    Shares,
}

/// Who waits between looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Carrier {
    /// Wait, task, choice.
    Turns,
    /// The task fails, and its `Retry` waits: one transition.
    Retries,
    /// The invocation, up to so many seconds, then a turn.
    Held(f64),
    /// An Express workflow that the state machine starts.
    Express,
    /// A message with a delay, in a queue that invokes the watch; the task waits for its token, which comes when the watch has seen the
    /// change or has watched for so many seconds.
    Queue(f64),
    /// Nobody: who knows when looks once.
    Oracle,
}

/// A way to wait.
#[derive(Debug, Clone)]
pub struct Shape {
    pub name: String,
    /// Seconds before the second look, of each of [`PHASES`].
    pub first: [f64; 4],
    pub gaps: Gaps,
    pub carrier: Carrier,
    /// EC2's connection notification ends the acceptance; polling is the fallback.
    pub notified: bool,
    pub functions: Functions,
}

/// Made for: from, and to.
const SHARES_OF: [(f64, f64); 4] = [(60.0, 300.0), (300.0, 600.0), (60.0, 180.0), (60.0, 180.0)];

impl Shape {
    /// Whether one stack can do it: a notification needs a topic in each account and region of a VPC, and nobody knows when.
    pub const fn is_of_the_stack(&self) -> bool {
        !self.notified && !matches!(self.carrier, Carrier::Oracle)
    }

    fn wait(&self, phase: usize, look: u32, now: f64) -> f64 {
        let first = self.first.get(phase).copied().unwrap_or_default();
        match self.gaps {
            Gaps::Constant(_) | Gaps::Exponential(..) if look <= 1 && first > 0.0 => first,
            Gaps::Constant(gap) => gap,
            Gaps::Exponential(from, factor, cap) => (from * factor.powf(f64::from(look) - 1.0)).min(cap),
            Gaps::Shares => {
                let (from, to) = SHARES_OF.get(phase).copied().unwrap_or_default();
                let step = (to - from) / f64::from(QUANTILES);
                let next = (1..=QUANTILES).map(|n| from + step * f64::from(n));
                next.into_iter().find(|at| *at > now).map_or(15.0, |at| at - now)
            }
        }
    }

    /// A phase, by its place in [`PHASES`], of a run.
    pub fn visit(&self, phase: usize, change: f64, turn: f64) -> Visit {
        let name = PHASES.get(phase).copied().unwrap_or(PhaseName::Removal);
        let mut clock = Clock::new(name, self.functions);
        if self.notified && name == PhaseName::Acceptance {
            return notified(clock, change, turn);
        }
        let (mut held, mut child) = (0.0, 0.0);
        while !clock.looks(Looker::Step, change) {
            let wait = self.wait(phase, clock.looked(), clock.now());
            match self.carrier {
                Carrier::Held(most) if wait <= LONGEST_HELD_WAIT_SECONDS && held + wait <= most => {
                    held += wait;
                    clock.holds(wait);
                }
                Carrier::Turns | Carrier::Held(_) => {
                    held = 0.0;
                    clock.waits(wait + TURN_SECONDS);
                    clock.turns(turn);
                }
                Carrier::Retries => {
                    clock.waits(wait + TURN_SECONDS);
                    clock.usage.transitions += 1.0;
                }
                Carrier::Express => {
                    if child == 0.0 || child + wait > EXPRESS_SECONDS {
                        child = 0.0;
                        clock.usage.transitions += EXPRESS_TRANSITIONS;
                        clock.usage.express_requests += 1.0;
                    }
                    child += wait;
                    clock.waits(wait);
                    clock.usage.express_gb_seconds += wait * EXPRESS_GB;
                }
                Carrier::Queue(most) => {
                    clock.turns(turn);
                    self.watch(&mut clock, phase, change, most);
                }
                Carrier::Oracle => {
                    clock.waits(change);
                    clock.turns(turn);
                }
            }
        }
        clock.visit(change)
    }

    /// From a message to the token.
    fn watch(&self, clock: &mut Clock, phase: usize, change: f64, most: f64) {
        let mut watched = 0.0;
        loop {
            let wait = self.wait(phase, clock.looked(), clock.now());
            clock.message(wait);
            watched += wait;
            let next = self.wait(phase, clock.looked() + 1, clock.now());
            if watched + next > most || clock.looks(Looker::Watch, change) {
                clock.wakes();
                return;
            }
            clock.tells();
        }
    }
}

/// One look that begins to wait for the notification, one when it comes, and the fallback's between them.
fn notified(mut clock: Clock, change: f64, turn: f64) -> Visit {
    while !clock.looks(Looker::Step, change) {
        let left = change - clock.now() + NOTIFICATION_SECONDS;
        clock.waits(left.min(FALLBACK_SECONDS));
        clock.usage.transitions += turn;
    }
    clock.usage.sns_deliveries += 1.0;
    clock.visit(change)
}
