//! Every call fails once: each call of a life, times each fault that its protocol can give.

use std::collections::BTreeMap;
use std::sync::Arc;

use rehearsal::{Error, Result};
use simulators::recorder::Api;

use crate::life::{self, Course, Mishap, Quiet};
use crate::pool::Pool;
use crate::scenes;
use crate::situation::Situation;
use crate::trial::{Trial, Trials};
use crate::trouble::{self, Callee, Strike, Trouble};
use crate::world::differences;

/// The lives without mishaps, and the calls that they have every time.
pub struct Recorded {
    pub lives: BTreeMap<Situation, Arc<Quiet>>,
}

/// Plays each life twice without mishaps: what is in both can be counted on.
///
/// # Errors
/// When such a life is not right, or the machinery fails.
pub async fn record(pool: &Arc<Pool>, situations: &[Situation]) -> Result<Recorded> {
    let mut playing = tokio::task::JoinSet::new();
    for situation in situations.iter().copied() {
        let pool = Arc::clone(pool);
        playing.spawn(async move { record_one(&pool, situation).await.map(|quiet| (situation, quiet)) });
    }
    let mut lives = BTreeMap::new();
    while let Some(played) = playing.join_next().await {
        let played = played.map_err(|error| Error::new("recording a life", error))?;
        let (situation, quiet) = played?;
        lives.insert(situation, Arc::new(quiet));
    }
    Ok(Recorded { lives })
}

async fn record_one(pool: &Pool, situation: Situation) -> Result<Quiet> {
    let (first, second) = tokio::join!(quiet(pool, situation), quiet(pool, situation));
    let (first, second) = (first?, second?);
    for (act, own) in &first.after {
        let other = second.after.get(act).cloned().unwrap_or_default();
        let different = differences(&other, own);
        if !different.is_empty() {
            let what = format!("playing the life {} twice", situation.name());
            return Err(Error::new(what, different.join("\n")));
        }
    }
    Ok(in_both(first, &second))
}

async fn quiet(pool: &Pool, situation: Situation) -> Result<Quiet> {
    let stage = pool.take().await?;
    let played = life::play(&stage, situation, pool.world_number(), Course::default()).await?;
    pool.give_back(stage);
    if played.findings.is_empty() {
        return Ok(played.quiet);
    }
    let what = format!("playing the life {} without mishaps", situation.name());
    Err(Error::new(what, played.told().join("\n")))
}

fn in_both(mut first: Quiet, second: &Quiet) -> Quiet {
    for (act, calls) in &mut first.calls {
        for (callee, (_, times)) in calls {
            let others = second.calls.get(act).and_then(|calls| calls.get(callee));
            *times = (*times).min(others.map_or(0, |(_, times)| *times));
        }
    }
    first
}

/// One trial for each call and fault.
pub fn trials(recorded: &Recorded, scenes: &scenes::Recorded) -> Trials {
    let (mut trials, calls) = of_each_call("faults", recorded, trouble::troubles_of);
    let (more, more_calls) = scenes.faults();
    trials.extend(more);
    Trials {
        row: "calls × faults",
        source: format!(
            "{calls} calls of {} lives, by the faults of each call's protocol; {more_calls} of a fleet, a sweep, the register and vending",
            recorded.lives.len()
        ),
        trials,
    }
}

/// One trial for each kind of call in each act, which fails as long as the act lasts: every retry, and what takes back.
pub fn outages(recorded: &Recorded) -> Trials {
    let mut trials = Vec::new();
    for (situation, quiet) in &recorded.lives {
        for (act, calls) in &quiet.calls {
            for (callee, (api, _)) in calls.iter().filter(|(_, (_, times))| *times > 0) {
                for (word, trouble) in trouble::outages_of(callee, *api) {
                    let name = format!("outages/{}/{}/{}/{word}", situation.name(), act.name(), callee.name());
                    let strike = Strike { nth: None, trouble };
                    let mishap = Mishap { act: *act, strike };
                    trials.push(Trial::of_life(name, *situation, mishap, quiet));
                }
            }
        }
    }
    Trials {
        row: "outages",
        source: format!(
            "each kind of call of {} lives, out of order, refused or deadly for a whole run",
            recorded.lives.len()
        ),
        trials,
    }
}

type Troubles = fn(&Callee, Option<Api>) -> Vec<(&'static str, Trouble)>;

/// A trial for each call of the lives and each of its troubles; and the number of the calls that have any.
pub(crate) fn of_each_call(row: &str, recorded: &Recorded, troubles: Troubles) -> (Vec<Trial>, u32) {
    let (mut trials, mut count) = (Vec::new(), 0);
    for (situation, quiet) in &recorded.lives {
        for (act, calls) in &quiet.calls {
            for (callee, (api, times)) in calls {
                let troubles = troubles(callee, *api);
                count += if troubles.is_empty() { 0 } else { *times };
                for nth in 1..=*times {
                    for (word, trouble) in troubles.clone() {
                        let (situation_name, act_name) = (situation.name(), act.name());
                        let name = format!("{row}/{situation_name}/{act_name}/{}.{nth}/{word}", callee.name());
                        let strike = Strike {
                            nth: Some(nth),
                            trouble,
                        };
                        let mishap = Mishap { act: *act, strike };
                        trials.push(Trial::of_life(name, *situation, mishap, quiet));
                    }
                }
            }
        }
    }
    (trials, count)
}
