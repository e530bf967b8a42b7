//! The time and the usage of one phase of one run, look by look.

use shared::settings::PhaseName;

use crate::assumed::{
    INIT_MS, LOG_BYTES, LOOK_MS, MESSAGE_SECONDS, REQUESTS_OF_A_MESSAGE, SECRET_SECONDS, START_SECONDS, TELL_MS,
    TURN_SECONDS,
};
use crate::prices::Usage;

/// Seconds that a look takes.
pub const LOOK_SECONDS: f64 = LOOK_MS / 1_000.0;

/// What one phase of one run came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visit {
    /// Seconds from the cloud's change until a look that the state machine goes on from had seen it.
    pub late: f64,
    /// Seconds from the phase's first look to its end.
    pub took: f64,
    pub looks: u32,
    /// Of them those that saw the change: the watch's and the step's.
    pub ready: u32,
    /// Turns of the state machine after the phase's first invocation.
    pub turns: u32,
    /// What the phase used besides the states that each run enters once.
    pub usage: Usage,
}

/// The functions that look in a phase.
#[derive(Debug, Clone, Copy)]
pub struct Functions {
    pub step_mb: f64,
    pub watch_mb: f64,
    /// Each invocation of the watch is a trace.
    pub watch_is_traced: bool,
}

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looker {
    Step,
    Watch,
}

/// Whether an invocation finds a process of its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    New,
    Kept,
}

/// Counts the looks of one phase and what they use.
#[derive(Debug)]
pub struct Clock {
    functions: Functions,
    reads_secret: bool,
    now: f64,
    looks: u32,
    ready: u32,
    /// When the step's process and the watch's last read the secret.
    read: [Option<f64>; 2],
    watched: bool,
    pub turns: u32,
    pub usage: Usage,
}

impl Clock {
    /// At the phase's first look, by a step that was started for it.
    pub fn new(phase: PhaseName, functions: Functions) -> Self {
        let mut clock = Self {
            functions,
            // EC2 is asked without one.
            reads_secret: matches!(phase, PhaseName::Service | PhaseName::Access),
            now: 0.0,
            looks: 0,
            ready: 0,
            read: [None; 2],
            watched: false,
            turns: 0,
            usage: Usage::NOTHING,
        };
        clock.invokes(Looker::Step, Process::New);
        clock.now = 0.0;
        clock
    }

    fn invokes(&mut self, looker: Looker, process: Process) {
        self.usage.lambda_requests += 1.0;
        self.usage.log_gb += LOG_BYTES / 1e9;
        if process == Process::New {
            self.read[looker as usize] = None;
            self.bills(looker, INIT_MS / 1_000.0);
            self.now += START_SECONDS;
        }
    }

    fn bills(&mut self, looker: Looker, seconds: f64) {
        let mb = match looker {
            Looker::Step => self.functions.step_mb,
            Looker::Watch => self.functions.watch_mb,
        };
        self.usage.lambda_gb_seconds += seconds * mb / 1_024.0;
    }

    /// A look: whether it saw the change.
    pub fn looks(&mut self, looker: Looker, change: f64) -> bool {
        let begun = self.now;
        // Alone, the one process reads it again each five minutes; of many runs, each reads for all whose looks it has.
        let read = &mut self.read[looker as usize];
        if self.reads_secret && read.is_none_or(|read| begun - read >= SECRET_SECONDS) {
            *read = Some(begun);
            self.usage.secret_calls += 1.0;
        }
        self.now += LOOK_SECONDS;
        self.bills(looker, LOOK_SECONDS);
        self.looks += 1;
        self.ready += u32::from(begun >= change);
        begun >= change
    }

    /// The step's invocation waits itself.
    pub fn holds(&mut self, seconds: f64) {
        self.now += seconds;
        self.bills(Looker::Step, seconds);
    }

    /// Something else waits, and invokes the step anew, soon enough that its process is still there.
    pub fn waits(&mut self, seconds: f64) {
        self.now += seconds;
        self.invokes(Looker::Step, Process::Kept);
    }

    /// A turn of the state machine, of so many transitions.
    pub fn turns(&mut self, transitions: f64) {
        self.turns += 1;
        self.usage.transitions += transitions;
    }

    /// A message that goes to the watch after its delay.
    pub fn message(&mut self, delay_seconds: f64) {
        self.usage.sqs_requests += REQUESTS_OF_A_MESSAGE;
        self.usage.traces += f64::from(u8::from(self.functions.watch_is_traced));
        self.now += delay_seconds + MESSAGE_SECONDS;
        let process = if self.watched { Process::Kept } else { Process::New };
        self.watched = true;
        self.invokes(Looker::Watch, process);
    }

    /// The watch sends the next message, or wakes the state machine.
    pub fn tells(&mut self) {
        self.now += TELL_MS / 1_000.0;
        self.bills(Looker::Watch, TELL_MS / 1_000.0);
    }

    /// The state machine is woken, and invokes the step: minutes after it was invoked last, so that it may have to be started.
    pub fn wakes(&mut self) {
        self.tells();
        self.now += TURN_SECONDS;
        self.invokes(Looker::Step, Process::New);
    }

    pub const fn looked(&self) -> u32 {
        self.looks
    }

    pub const fn now(&self) -> f64 {
        self.now
    }

    /// The visit that has seen its change.
    pub fn visit(self, change: f64) -> Visit {
        Visit {
            late: self.now - change,
            took: self.now,
            looks: self.looks,
            ready: self.ready,
            turns: self.turns,
            usage: self.usage,
        }
    }
}
