//! Every function crashes around each of its calls: its process is killed before the remote acts, and after the remote has
//! acted and before the answer is read. Step Functions' own retry goes on.
//!
//! Killed after the answer was read and before the next call is the same as killed before the next call acts; and after the
//! last call, before the function's answer is heard, is what [`crate::repeats`] does.

use std::sync::Arc;

use simulators::recorder::FaultKind;

use crate::faults::{Recorded, calls_of, mishap, place, trial};
use crate::trial::Trials;

/// One trial for each call and moment. A read changes nothing at the remote: its two moments are one.
pub fn trials(recorded: &Recorded) -> Trials {
    let mut trials = Vec::new();
    let mut calls = 0;
    for (situation, quiet) in &recorded.lives {
        for (kind, api, nth) in calls_of(quiet) {
            calls += 1;
            let mut moments = vec![("killed-before", FaultKind::KillBefore)];
            if kind.write {
                moments.push(("killed-after", FaultKind::KillAfter));
            }
            for (word, fault) in moments {
                let name = format!("crashes/{}/{}.{nth}/{word}", situation.name(), place(&kind));
                let mishap = mishap(&kind, api, Some(nth), fault);
                trials.push(trial(name, *situation, mishap, Arc::clone(quiet)));
            }
        }
    }
    Trials {
        row: "crashes",
        source: format!("{calls} calls of {} lives; writes at two moments", recorded.lives.len()),
        trials,
    }
}
