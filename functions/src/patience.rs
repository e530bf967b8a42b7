//! Waits that spread: many runs that were turned away at once must not come back at once.

use std::hash::{DefaultHasher, Hash, Hasher};

use shared::progress::{Look, Pending};
use shared::{ErrorName, Result};

/// A throttled look waits at most so many times the interval between looks.
const AT_MOST_INTERVALS: u32 = 4;

/// Seconds from `from` to `to`, the same for the same run and attempt.
pub(crate) fn jittered(from: u32, to: u32, execution: &str, attempt: u32) -> u32 {
    let mut hasher = DefaultHasher::new();
    (execution, attempt).hash(&mut hasher);
    let span = u64::from(to.saturating_sub(from)) + 1;
    from + u32::try_from(hasher.finish() % span).unwrap_or(0)
}

/// Seconds until a look that was throttled without being told when to come again.
pub(crate) fn spread(interval_seconds: u32, execution: &str, attempt: u32) -> u32 {
    let at_most = interval_seconds.saturating_mul(AT_MOST_INTERVALS);
    jittered(interval_seconds, at_most, execution, attempt)
}

/// A look that was throttled, or told when to come again, is a wait of the state machine: a `Retry` cannot be told how long, and
/// ends a run of many long before the phase's budget does.
///
/// # Errors
/// Every other error as it is.
pub(crate) fn patient<T>(
    answer: Result<Look<T>>,
    interval_seconds: u32,
    execution: &str,
    attempt: u32,
) -> Result<Look<T>> {
    let error = match answer {
        Err(error) if error.name.is_retried() => error,
        other => return other,
    };
    let wait = match (&error.retry_after, error.name) {
        (Some(wait), _) => u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1),
        (None, ErrorName::Throttled) => spread(interval_seconds, execution, attempt),
        (None, _) => return Err(error),
    };
    Ok(Look::Pending(Pending::new("throttled", error.message).wait(wait)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::collections::BTreeSet;
    use std::time::Duration;

    use shared::Error;

    use super::*;

    fn wait(error: Error, execution: &str, attempt: u32) -> Result<u32> {
        match patient::<()>(Err(error), 15, execution, attempt)? {
            Look::Pending(pending) => {
                assert_eq!(pending.state, "throttled");
                Ok(pending.wait_seconds.unwrap())
            }
            Look::Ready(()) => panic!("ready"),
        }
    }

    fn throttled() -> Error {
        Error::new(ErrorName::Throttled, "RequestLimitExceeded")
    }

    #[test]
    fn throttled_runs_come_back_at_different_times_within_four_intervals() {
        let waits: BTreeSet<u32> = (0..100)
            .map(|n| wait(throttled(), &format!("run-{n}"), 1).unwrap())
            .collect();
        assert!(waits.len() > 20, "{waits:?}");
        assert!(waits.iter().all(|wait| (15..=60).contains(wait)), "{waits:?}");
    }

    #[test]
    fn a_look_repeated_waits_the_same_and_the_next_one_otherwise() {
        assert_eq!(wait(throttled(), "run-1", 1), wait(throttled(), "run-1", 1));
        let waits: BTreeSet<u32> = (1..10).map(|n| wait(throttled(), "run-1", n).unwrap()).collect();
        assert!(waits.len() > 3, "{waits:?}");
    }

    #[test]
    fn the_remotes_own_wait_wins() {
        let error = throttled().after(Some(Duration::from_secs(28)));
        assert_eq!(wait(error, "run-1", 1), Ok(28));
        let unavailable = Error::new(ErrorName::Unavailable, "503").after(Some(Duration::from_secs(3)));
        assert_eq!(wait(unavailable, "run-1", 1), Ok(3));
    }

    #[test]
    fn other_errors_stay() {
        for name in [ErrorName::Unavailable, ErrorName::Denied] {
            assert!(wait(Error::new(name, "no"), "run-1", 1).is_err());
        }
    }
}
