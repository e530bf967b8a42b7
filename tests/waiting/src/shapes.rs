//! Other ways to wait, with the deployed one's states around them.

use shared::progress::LONGEST_HELD_WAIT_SECONDS;
use shared::settings::PhaseName;

use crate::assumed::{FALLBACK_SECONDS, NOTIFICATION_SECONDS, TURN_SECONDS};
use crate::clouds::PHASES;
use crate::play::{Clock, Visit};

/// A synchronous Express workflow ends after five minutes; one is begun anew a little before.
const EXPRESS_SECONDS: f64 = 280.0;
/// Memory of an Express workflow is billed in chunks of so many GB.
const EXPRESS_GB: f64 = 0.0625;
/// A task that starts an Express workflow, and the choice after it.
const EXPRESS_TRANSITIONS: f64 = 2.0;
/// Send, receive, delete.
const REQUESTS_OF_A_MESSAGE: f64 = 3.0;
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
#[derive(Debug, Clone, Copy)]
pub enum Carrier {
    /// Wait, task, choice.
    Turns,
    /// The task fails, and its `Retry` waits: one transition.
    Retries,
    /// The invocation, up to so many seconds, then a turn.
    Held(f64),
    /// An Express workflow that the state machine starts.
    Express,
    /// A message with a delay, in a queue that invokes the function; the task waits for its token.
    Queue,
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
    pub memory_mb: f64,
}

/// Made for: from, and to.
const SHARES_OF: [(f64, f64); 4] = [(60.0, 300.0), (300.0, 600.0), (60.0, 180.0), (60.0, 180.0)];

impl Shape {
    /// A retry makes an error of what is none and cannot be told how long to wait; a queue or a notification ends a wait from
    /// elsewhere than the state machine; an Express workflow is a second machine.
    pub const fn is_in_design(&self) -> bool {
        matches!(self.carrier, Carrier::Turns | Carrier::Held(_)) && !self.notified
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
        let mut clock = Clock::new();
        if self.notified && name == PhaseName::Acceptance {
            return self.notified_visit(clock, name, change, turn);
        }
        let (mut held, mut child) = (0.0, 0.0);
        while !clock.looks(change) {
            let wait = self.wait(phase, clock.looked(), clock.now());
            let takes_turn = match self.carrier {
                Carrier::Held(most) => wait > f64::from(LONGEST_HELD_WAIT_SECONDS) || held + wait > most,
                Carrier::Turns => true,
                Carrier::Retries | Carrier::Express | Carrier::Queue | Carrier::Oracle => false,
            };
            if takes_turn {
                held = 0.0;
                clock.waits(wait + TURN_SECONDS);
                clock.turns += 1;
                clock.usage.transitions += turn;
                continue;
            }
            match self.carrier {
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
                Carrier::Queue => {
                    clock.waits(wait + TURN_SECONDS);
                    clock.usage.sqs_requests += REQUESTS_OF_A_MESSAGE;
                }
                Carrier::Oracle => {
                    clock.waits(change);
                    clock.turns += 1;
                    clock.usage.transitions += turn;
                }
                Carrier::Held(_) | Carrier::Turns => {
                    held += wait;
                    clock.holds(wait);
                }
            }
        }
        clock.visit(name, change, self.memory_mb)
    }

    /// One look that begins to wait for the notification, one when it comes, and the fallback's between them.
    fn notified_visit(&self, mut clock: Clock, name: PhaseName, change: f64, turn: f64) -> Visit {
        while !clock.looks(change) {
            let left = change - clock.now() + NOTIFICATION_SECONDS;
            clock.waits(left.min(FALLBACK_SECONDS));
            clock.usage.transitions += turn;
        }
        clock.usage.sns_deliveries += 1.0;
        clock.visit(name, change, self.memory_mb)
    }
}

/// The ways that are compared.
pub fn all() -> Vec<Shape> {
    const NONE: [f64; 4] = [0.0; 4];
    const HALF: [f64; 4] = [50.0, 175.0, 50.0, 15.0];
    let shape = |name: String, first, gaps, carrier| Shape {
        name,
        first,
        gaps,
        carrier,
        notified: false,
        memory_mb: if matches!(carrier, Carrier::Turns) {
            256.0
        } else {
            128.0
        },
    };
    let mut all = Vec::new();
    for gap in [15.0, 20.0, 30.0, 60.0] {
        all.push(shape(
            format!("turns of {gap} s"),
            NONE,
            Gaps::Constant(gap),
            Carrier::Turns,
        ));
    }
    for gap in [15.0, 20.0, 30.0] {
        let name = format!("half the minimum, then turns of {gap} s");
        all.push(shape(name, HALF, Gaps::Constant(gap), Carrier::Turns));
    }
    let exponential = Gaps::Exponential(5.0, 1.5, 60.0);
    all.push(shape(
        "exponential, 5 s x 1.5 up to 60 s".to_owned(),
        NONE,
        exponential,
        Carrier::Turns,
    ));
    all.push(shape(
        "16 looks made for the distribution".to_owned(),
        NONE,
        Gaps::Shares,
        Carrier::Turns,
    ));
    for gap in [15.0, 20.0] {
        let name = format!("half the minimum, then retries of {gap} s");
        all.push(shape(name, HALF, Gaps::Constant(gap), Carrier::Retries));
    }
    for gap in [2.0, 5.0, 10.0, 15.0, 18.0, 20.0, 30.0] {
        let name = format!("half the minimum, then held, a look each {gap} s");
        all.push(shape(name, HALF, Gaps::Constant(gap), Carrier::Held(600.0)));
    }
    for most in [60.0, 300.0, 840.0] {
        let name = format!("the same, a look each 15 s, held at most {most} s");
        all.push(shape(name, HALF, Gaps::Constant(15.0), Carrier::Held(most)));
    }
    all.push(shape(
        "held from the start, a look each 15 s".to_owned(),
        NONE,
        Gaps::Constant(15.0),
        Carrier::Held(840.0),
    ));
    for gap in [2.0, 15.0] {
        let name = format!("an Express workflow, a look each {gap} s");
        all.push(shape(name, NONE, Gaps::Constant(gap), Carrier::Express));
    }
    for gap in [2.0, 5.0, 15.0, 20.0] {
        let name = format!("a queue's delay, a look each {gap} s");
        all.push(shape(name, NONE, Gaps::Constant(gap), Carrier::Queue));
    }
    for (name, carrier) in [
        ("turns of 15 s", Carrier::Turns),
        ("held, a look each 15 s", Carrier::Held(600.0)),
    ] {
        all.push(Shape {
            notified: true,
            ..shape(
                format!("EC2's notification, else {name}"),
                HALF,
                Gaps::Constant(15.0),
                carrier,
            )
        });
    }
    all.push(shape(
        "who knows when".to_owned(),
        NONE,
        Gaps::Constant(0.0),
        Carrier::Oracle,
    ));
    all
}
