//! A step's answer, the schedule of waits and the budgets of the phases.
//!
//! Waiting is a pure function of how often a phase has looked and how long it has waited, so that a replayed step answers
//! the same, and so that a compressed clock (the local run) changes nothing.

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorName, Result};

/// What a step saw when it looked, before schedule and budget are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// Not there yet.
    Pending(Pending),
    /// Done, with what later steps need.
    Ready(T),
}

/// Why a step is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The remote's own word for the state, as last seen.
    pub state: String,
    /// What is being waited for, as a sentence for a person.
    pub reason: String,
    /// A wait in seconds that wins over the schedule: the remote's own, or a short one after a write.
    pub wait_seconds: Option<u32>,
    /// See [`Phase::vendor_connection_id`].
    pub vendor_connection_id: Option<String>,
}

impl Pending {
    /// Waits by the schedule.
    pub fn new(state: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            state: state.into(),
            reason: reason.into(),
            wait_seconds: None,
            vendor_connection_id: None,
        }
    }

    /// Waits this many seconds instead.
    #[must_use]
    pub fn wait(mut self, seconds: u32) -> Self {
        self.wait_seconds = Some(seconds);
        self
    }

    /// Waits for something of this connection.
    #[must_use]
    pub fn of_connection(mut self, vendor_connection_id: impl Into<String>) -> Self {
        self.vendor_connection_id = Some(vendor_connection_id.into());
        self
    }
}

impl<T> From<Pending> for Look<T> {
    fn from(pending: Pending) -> Self {
        Self::Pending(pending)
    }
}

/// What the state machine's Choice reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Wait `wait_seconds`, then look again.
    Pending,
    /// Go on.
    Ready,
    /// Only of acceptance: this endpoint came to nothing; make another.
    Again,
    /// Only of removals: it cannot go on, and something is left.
    Exhausted,
}

/// What a step leaves under its key of the state document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase<T> {
    pub status: Status,
    /// How often the step has looked, from 1.
    pub attempt: u32,
    /// Seconds that this phase has waited before this look.
    pub waited_seconds: u32,
    /// Seconds to wait now; 0 when ready.
    pub wait_seconds: u32,
    /// The state last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only of access that is pending: the vendor's id of the endpoint's connection, which is up. The next look need not ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_connection_id: Option<String>,
    /// What later steps need, when ready; what is left, when undo is exhausted.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub result: Option<T>,
}

// `#[serde(default)]` alone would demand `T: Default`.
fn none<T>() -> Option<T> {
    None
}

/// How a phase waits: seconds before the second look, then a constant interval, until the budget is used up.
///
/// Half the documented minimum first and a constant interval after it is never worse than its interval; exponential
/// back-off is for errors, not for waiting. `cargo waiting` plays it against others, and says what each costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    pub first_wait_seconds: u32,
    pub interval_seconds: u32,
    pub budget_seconds: u32,
    /// Seconds for which the watch looks again by itself between two looks of the step; 0: every look is the step's.
    pub watch_seconds: u32,
}

/// Until the look after a write that starts what takes the vendors one to five minutes.
pub const AFTER_START_SECONDS: u32 = 50;

/// A look that takes longer has failed. Above the HTTP client's own time-outs, and below the lease of a vendor's service, which a
/// look may hold.
pub const LOOK_SECONDS: u64 = 80;

/// Looks of a phase that may follow each other sooner than the interval. A remote that asks for a second again and again would
/// otherwise fill the execution's history, which Step Functions ends at 25,000 events.
const SHORT_LOOKS: u32 = 20;

impl Schedule {
    /// Seconds to wait after look number `attempt` (from 1).
    pub fn wait_after(&self, attempt: u32) -> u32 {
        if attempt <= 1 {
            self.first_wait_seconds
        } else {
            self.interval_seconds
        }
    }

    /// Whether a watch that has waited `watched_seconds` already waits `wait_seconds` more, instead of waking the state machine.
    pub fn watches(&self, watched_seconds: u32, wait_seconds: u32) -> bool {
        watched_seconds.saturating_add(wait_seconds) <= self.watch_seconds
    }
}

impl<T> Phase<T> {
    /// Turns a look into the answer: counts, schedules, and ends with [`ErrorName::TimedOut`] when the budget is used up.
    ///
    /// `previous` is what this step left last time, if it was pending. `phase` names the phase for the error.
    pub fn after(previous: Option<&Self>, look: Look<T>, schedule: &Schedule, phase: &str) -> Result<Self> {
        let attempt = previous.map_or(1, Self::next_attempt);
        let waited = previous.map_or(0, |p| p.waited_seconds.saturating_add(p.wait_seconds));
        match look {
            Look::Ready(result) => Ok(Self {
                status: Status::Ready,
                attempt,
                waited_seconds: waited,
                wait_seconds: 0,
                state: None,
                reason: None,
                vendor_connection_id: None,
                result: Some(result),
            }),
            Look::Pending(pending) if waited >= schedule.budget_seconds => Err(Error::new(
                ErrorName::TimedOut,
                format!(
                    "{phase} waited {waited} s of its budget of {} s and looked {attempt} times; last state seen: {}. It was waiting: {} \
                     Look at that resource at its vendor, then start the same request again (it goes on from what exists), or raise the \
                     stack's budget for this phase.",
                    schedule.budget_seconds, pending.state, pending.reason
                ),
            )),
            Look::Pending(pending) => {
                let wanted = pending.wait_seconds.unwrap_or_else(|| schedule.wait_after(attempt));
                let shortest = if attempt > SHORT_LOOKS {
                    schedule.interval_seconds
                } else {
                    1
                };
                Ok(Self {
                    status: Status::Pending,
                    attempt,
                    waited_seconds: waited,
                    // At least one second: a wait of zero would let a stuck remote spin without using up its budget.
                    wait_seconds: wanted.max(shortest).clamp(1, (schedule.budget_seconds - waited).max(1)),
                    state: Some(pending.state),
                    reason: Some(pending.reason),
                    vendor_connection_id: pending.vendor_connection_id,
                    result: None,
                })
            }
        }
    }

    /// The number of the look after this one.
    pub const fn next_attempt(&self) -> u32 {
        self.attempt.saturating_add(1)
    }

    /// The result of a phase that is ready.
    pub fn ready(&self) -> Option<&T> {
        match self.status {
            Status::Ready => self.result.as_ref(),
            Status::Pending | Status::Again | Status::Exhausted => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        first_wait_seconds: 150,
        interval_seconds: 15,
        budget_seconds: 200,
        watch_seconds: 40,
    };

    fn look_again(previous: Option<&Phase<()>>, pending: Pending) -> Result<Phase<()>> {
        Phase::after(previous, Look::Pending(pending), &SCHEDULE, "acceptance")
    }

    fn waiting() -> Pending {
        Pending::new("pendingAcceptance", "the vendor has not accepted it.")
    }

    /// The waits until the budget is used up, and the error that ends them.
    fn play(pending: impl Fn(u32) -> Pending) -> (Vec<u32>, Error) {
        let (mut waits, mut previous) = (Vec::new(), None);
        loop {
            match look_again(previous.as_ref(), pending(waits.len() as u32 + 1)) {
                Ok(phase) => {
                    waits.push(phase.wait_seconds);
                    previous = Some(phase);
                }
                Err(error) => return (waits, error),
            }
        }
    }

    #[test]
    fn a_phase_waits_by_its_schedule_until_the_budget_is_used_up_to_the_second() {
        let (waits, error) = play(|_| waiting());
        assert_eq!(waits, [150, 15, 15, 15, 5]);
        assert_eq!(error.name, ErrorName::TimedOut);
        for words in ["acceptance", "200 s", "6 times", "pendingAcceptance", "not accepted"] {
            assert!(error.message.contains(words), "{}", error.message);
        }
    }

    #[test]
    fn the_remotes_own_wait_wins_over_the_schedule() {
        let (waits, _) = play(|attempt| if attempt == 1 { waiting().wait(28) } else { waiting() });
        assert_eq!(waits[..3], [28, 15, 15]);
    }

    #[test]
    fn short_waits_do_not_go_on_for_ever() {
        let (waits, _) = play(|_| waiting().wait(1));
        assert_eq!(waits[..20], [1; 20]);
        assert!(waits[20..waits.len() - 1].iter().all(|wait| *wait == 15), "{waits:?}");
    }

    #[test]
    fn a_wait_is_never_zero_and_never_beyond_the_budget() {
        let none = look_again(None, waiting().wait(0)).unwrap();
        assert_eq!(none.wait_seconds, 1);
        let long = look_again(None, waiting().wait(u32::MAX)).unwrap();
        assert_eq!(long.wait_seconds, 200);
    }

    #[test]
    fn a_look_repeated_with_the_same_document_answers_the_same() {
        let first = look_again(None, waiting()).unwrap();
        assert_eq!(look_again(Some(&first), waiting()), look_again(Some(&first), waiting()));
    }

    #[test]
    fn a_phase_that_is_ready_says_how_long_it_took() {
        let first = look_again(None, waiting()).unwrap();
        let ready = Phase::after(Some(&first), Look::Ready(()), &SCHEDULE, "acceptance").unwrap();
        assert_eq!((ready.attempt, ready.waited_seconds, ready.wait_seconds), (2, 150, 0));
        assert_eq!(ready.ready(), Some(&()));
        assert_eq!(first.ready(), None);
    }

    #[test]
    fn a_watch_goes_on_until_its_time_is_used_up() {
        assert!(SCHEDULE.watches(0, 15) && SCHEDULE.watches(25, 15));
        assert!(!SCHEDULE.watches(26, 15) && !SCHEDULE.watches(u32::MAX, 15));
        let none = Schedule {
            watch_seconds: 0,
            ..SCHEDULE
        };
        assert!(!none.watches(0, 1));
    }

    #[test]
    fn a_phase_survives_the_state_document() {
        let first = look_again(None, waiting()).unwrap();
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(serde_json::from_str::<Phase<()>>(&text).unwrap(), first);
    }
}
