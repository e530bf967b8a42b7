//! Lives in which a remote answers what no contract knows: it ends as `Unexpected` with the raw value, or is understood; new fields
//! are ignored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rehearsal::Result;
use simulators::recorder::{FaultKind, Rewrite};

use super::bad::settled;
use super::edits::{EDITS, Edit};
use super::rewriting::with_more_fields;
use crate::faults::Recorded;
use crate::life::{self, Act, Course, Mishap, Quiet};
use crate::pool::Pool;
use crate::situation::Situation;
use crate::trial::{Trial, Trials, Verdict};
use crate::trouble::{Callee, Strike, Trouble};

/// One trial for each edit at the first, the middle and the last call of its operation in each act, and one for new fields in
/// each situation.
pub fn trials(recorded: &Recorded) -> Trials {
    let mut trials = Vec::new();
    for (situation, quiet) in &recorded.lives {
        let name = format!("unknown/{}/more-fields", situation.name());
        let (more, of) = (Arc::clone(quiet), *situation);
        trials.push(Trial::new(name, move |pool| {
            let quiet = Arc::clone(&more);
            async move { settled(play_with_more(&pool, of, &quiet).await) }
        }));
        if situation.is_rejected() {
            continue;
        }
        for (act, calls) in &quiet.calls {
            for (callee, (api, times)) in calls {
                let Callee::Remote { operation, .. } = callee else {
                    continue;
                };
                let edits = EDITS
                    .iter()
                    .filter(|edit| Some(edit.api) == *api && edit.operation == operation);
                let moments = BTreeSet::from([1, times.div_ceil(2), *times]);
                for (edit, nth) in edits.flat_map(|edit| moments.iter().map(move |nth| (edit, *nth))) {
                    if nth > 0 {
                        let place = format!("{}/{}", act.name(), callee.name());
                        let name = format!("unknown/{}/{place}.{nth}/{}", situation.name(), edit.word);
                        trials.push(trial(name, *situation, *act, *edit, nth, Arc::clone(quiet)));
                    }
                }
            }
        }
    }
    Trials {
        row: "unknown answers",
        source: format!(
            "{} edits of answers at the first, middle and last call in each act of {} lives, and new fields everywhere",
            EDITS.len(),
            recorded.lives.len()
        ),
        trials,
    }
}

fn trial(name: String, situation: Situation, act: Act, edit: Edit, nth: u32, quiet: Arc<Quiet>) -> Trial {
    Trial::new(name, move |pool| {
        let quiet = Arc::clone(&quiet);
        async move {
            match play(&pool, situation, act, edit, nth, &quiet).await {
                Ok(verdict) => verdict,
                Err(error) => Verdict::Wrong(format!("{error}")),
            }
        }
    })
}

async fn play(pool: &Pool, situation: Situation, act: Act, edit: Edit, nth: u32, quiet: &Quiet) -> Result<Verdict> {
    let changed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&changed);
    let rewrite = Rewrite::by(move |body| {
        let made = edit.change.of(body);
        // Written anew, JSON may have another order.
        let same = |a: &str, b: &str| match (
            serde_json::from_str::<serde_json::Value>(a),
            serde_json::from_str::<serde_json::Value>(b),
        ) {
            (Ok(a), Ok(b)) => a == b,
            _ => a == b,
        };
        seen.fetch_or(!same(&made, body), Ordering::Relaxed);
        made
    });
    let trouble = Trouble::Remote {
        api: edit.api,
        operation: edit.operation.to_owned(),
        kind: FaultKind::Rewrite(rewrite),
    };
    let strike = Strike {
        nth: Some(nth),
        trouble,
    };
    let course = Course {
        mishaps: &[Mishap { act, strike }],
        quiet: Some(quiet),
        ..Course::default()
    };
    let stage = pool.take().await?;
    let played = life::play(&stage, situation, pool.world_number(), course).await?;
    pool.give_back(stage);
    if !changed.load(Ordering::Relaxed) {
        return Ok(Verdict::Empty);
    }
    let of_act = format!("{} ", act.name());
    let end = played.ends.iter().find(|end| end.starts_with(&of_act));
    let error = end.filter(|end| !end.ends_with(" succeeded")).map(String::as_str);
    let mut findings = edit.expected.findings(act, error);
    findings.extend(played.told());
    Ok(Verdict::of(&findings))
}

async fn play_with_more(pool: &Pool, situation: Situation, quiet: &Quiet) -> Result<Vec<String>> {
    let stage = pool.take().await?;
    let recorder = stage.environment.simulators.recorder.clone();
    recorder.rewrite_always(Some(Rewrite::by(with_more_fields)));
    let course = Course {
        quiet: Some(quiet),
        ..Course::default()
    };
    let played = life::play(&stage, situation, pool.world_number(), course).await;
    recorder.rewrite_always(None);
    let played = played?;
    pool.give_back(stage);
    Ok(played.told())
}
