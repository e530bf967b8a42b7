//! Taking away: what undo, deprovision and the retirement of a replaced endpoint share.
//!
//! Every look takes away what it can and says what is left; absence is done; an own failure is noted and tried again.

pub mod connection;
pub mod vendor;

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_route53::Client as Route53;
use shared::identity::ConnectionId;
use shared::progress::{Look, Pending, Phase, Schedule, Status};
use shared::settings::PhaseName;
use shared::{Error, ErrorName, Result};

use crate::dns::{self, Zone};
use crate::ec2::endpoints::{self, Endpoint, State};
use crate::ec2::groups::managed::{self, Deleted, Group};
use crate::patience::spread;

/// What one look came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is still there, each as a sentence.
    pub left: Vec<String>,
    /// Why to look again.
    pub waiting_for: Option<Pending>,
    /// An error that another look will not mend: somebody has to act.
    pub stuck: Option<Error>,
    /// Something could not be looked at, and no further look will change that.
    pub unseen: bool,
}

impl Outcome {
    /// Something is on its way out.
    pub fn wait(&mut self, what: String, pending: Pending) {
        self.left.push(what);
        self.waiting_for.get_or_insert(pending);
    }

    /// A removal failed.
    pub fn failed(&mut self, what: &str, error: &Error) {
        let left = format!("{what}: {}", error.message);
        match error.name {
            ErrorName::Denied | ErrorName::InvalidRequest | ErrorName::LimitExceeded => {
                self.left.push(left);
                self.stuck.get_or_insert(error.clone());
            }
            _ => self.wait(left, pending(error)),
        }
    }

    /// The same as a wait, for undo: somebody may be giving back a right just now.
    pub fn be_patient(mut self) -> Self {
        if let Some(error) = self.stuck.take() {
            self.waiting_for.get_or_insert(pending(&error));
        }
        self
    }

    /// The answer of a step that removes. `execution`: of which run, by which the waits of throttled runs differ.
    ///
    /// # Errors
    /// None in practice: what cannot go on is [`Status::Exhausted`].
    pub fn conclude<T: Clone>(
        self,
        previous: Option<&Phase<T>>,
        schedule: &Schedule,
        phase: PhaseName,
        execution: &str,
        result: T,
    ) -> Result<Phase<T>> {
        let attempt = previous.map_or(1, Phase::next_attempt);
        let waited_seconds = previous.map_or(0, |p| p.waited_seconds.saturating_add(p.wait_seconds));
        let exhausted = |reason: String| Phase {
            status: Status::Exhausted,
            attempt,
            waited_seconds,
            wait_seconds: 0,
            state: None,
            reason: Some(reason),
            vendor_connection_id: None,
            result: Some(result.clone()),
        };
        let look = match (self.waiting_for, self.stuck) {
            (Some(mut pending), _) => {
                if pending.state == ErrorName::Throttled.as_str() {
                    let wait = spread(schedule.interval_seconds, execution, attempt);
                    pending.wait_seconds.get_or_insert(wait);
                }
                Look::Pending(pending)
            }
            (None, Some(error)) => return Ok(exhausted(error.to_string())),
            (None, None) => Look::Ready(result.clone()),
        };
        match Phase::after(previous, look, schedule, phase.key()) {
            Err(error) if error.name == ErrorName::TimedOut => Ok(exhausted(error.message)),
            other => other,
        }
    }
}

fn pending(error: &Error) -> Pending {
    let mut pending = Pending::new(error.name.as_str(), error.message.clone());
    pending.wait_seconds = error.retry_after.and_then(|wait| u32::try_from(wait.as_secs()).ok());
    pending
}

/// Deletes these endpoints; true when none of them is left.
pub async fn endpoints<'a>(
    ec2: &Ec2,
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
    outcome: &mut Outcome,
) -> bool {
    let mut gone = true;
    for endpoint in endpoints.into_iter().filter(|e| e.state != State::Deleted) {
        gone = false;
        let what = format!("the endpoint {} ({})", endpoint.id, endpoint.raw_state);
        let removal = match endpoint.state {
            State::Deleting => Ok(()),
            _ => endpoints::delete(ec2, &endpoint.id).await,
        };
        match removal {
            Ok(()) => {
                let reason = format!("waiting until the endpoint {} is gone.", endpoint.id);
                outcome.wait(what, Pending::new(&endpoint.raw_state, reason));
            }
            Err(error) => outcome.failed(&what, &error),
        }
    }
    gone
}

/// Deletes these security groups, which is possible once no interface uses them.
pub async fn groups<'a>(ec2: &Ec2, groups: impl IntoIterator<Item = &'a Group>, outcome: &mut Outcome) {
    for group in groups {
        let what = format!("the security group {}", group.id);
        match managed::delete(ec2, &group.id).await {
            Ok(Deleted::Gone) => {}
            Ok(Deleted::InUse) => {
                let reason = format!("waiting until nothing uses the security group {} any more.", group.id);
                outcome.wait(what, Pending::new("in use", reason));
            }
            Err(error) => outcome.failed(&what, &error),
        }
    }
}

/// Takes these zones away, as far as they are the connection's alone.
pub async fn zones(route53: &Route53, ec2: &Ec2, zones: &[Zone], connection: &ConnectionId, outcome: &mut Outcome) {
    for zone in zones {
        let removal = async {
            let fate = dns::fate(route53, ec2, zone, connection).await?;
            dns::carry_out(route53, zone, fate).await
        };
        match removal.await {
            Ok(kept) => outcome.left.extend(kept),
            Err(error) => outcome.failed(&format!("the private hosted zone {} ({})", zone.id, zone.name), &error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn removals_that_were_throttled_together_do_not_come_back_together() {
        let schedule = Schedule {
            first_wait_seconds: 15,
            interval_seconds: 15,
            budget_seconds: 3600,
            watch_seconds: 0,
        };
        let wait = |error: Error, n: u32| {
            let mut outcome = Outcome::default();
            outcome.failed("the endpoint", &error);
            let execution = format!("run-{n}");
            let phase = outcome.conclude(None::<&Phase<()>>, &schedule, PhaseName::Removal, &execution, ());
            phase.unwrap().wait_seconds
        };
        let throttled = Error::new(ErrorName::Throttled, "RequestLimitExceeded");
        let waits: BTreeSet<u32> = (0..50).map(|n| wait(throttled.clone(), n)).collect();
        assert!(
            waits.len() > 10 && waits.iter().all(|w| (15..=60).contains(w)),
            "{waits:?}"
        );
        let told = throttled.after(Some(std::time::Duration::from_secs(28)));
        assert_eq!(wait(told, 1), 28);
        assert_eq!(wait(Error::new(ErrorName::Unavailable, "no answer"), 1), 15);
    }
}
