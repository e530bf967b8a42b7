//! Every function crashes around each of its calls: its process is killed before the remote acts, and after the remote has
//! acted and before the answer is read; Step Functions' own retry goes on. And every execution is stopped around each of its tasks; a
//! redrive goes on.
//!
//! Killed after the answer was read and before the next call is the same as killed before the next call acts; and after the
//! last call, before the function's answer is heard, is what [`crate::repeats`] does.

use crate::faults::{Recorded, of_each_call};
use crate::scenes;
use crate::trial::Trials;
use crate::trouble;

/// One trial for each call and moment.
pub fn trials(recorded: &Recorded, scenes: &scenes::Recorded) -> Trials {
    let (mut trials, calls) = of_each_call("crashes", recorded, trouble::deaths_of);
    let (more, more_calls) = scenes.crashes();
    trials.extend(more);
    Trials {
        row: "crashes",
        source: format!(
            "{calls} calls of {} lives, {more_calls} of a fleet, a sweep, the register and vending; writes and tasks at two moments",
            recorded.lives.len()
        ),
        trials,
    }
}
