//! Trials of one mishap in a life. Up to three, each in another act, are played in one life: an act is judged by itself, and the
//! next begins where a life without mishaps would be. If anything is found there, each is played alone, and that counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use rehearsal::Result;

use crate::life::{self, Act, Course, Mishap, Quiet};
use crate::pool::Pool;
use crate::situation::Situation;
use crate::trial::Verdict;

/// A call that did not come up is tried again in a new world so often.
const ATTEMPTS: usize = 2;

/// A life with a mishap.
#[derive(Clone)]
pub(crate) struct LifeTrial {
    pub(crate) situation: Situation,
    pub(crate) mishap: Mishap,
    pub(crate) quiet: Arc<Quiet>,
}

impl LifeTrial {
    pub(crate) async fn alone(&self, pool: &Pool) -> Verdict {
        self.try_alone(pool)
            .await
            .unwrap_or_else(|error| Verdict::Wrong(format!("{error}")))
    }

    async fn try_alone(&self, pool: &Pool) -> Result<Verdict> {
        for _ in 0..ATTEMPTS {
            let played = play(pool, &[self]).await?;
            if !played.hit.is_empty() {
                return Ok(Verdict::of(&played.told()));
            }
        }
        Ok(Verdict::Empty)
    }
}

/// Verdicts in the order of the trials, which are of one situation and of different acts.
pub(crate) async fn verdicts(pool: &Pool, trials: &[&LifeTrial]) -> Vec<Verdict> {
    if trials.len() > 1
        && let Ok(played) = play(pool, trials).await
        && played.findings.is_empty()
        && played.hit.len() == trials.len()
    {
        return vec![Verdict::Right; trials.len()];
    }
    let mut verdicts = Vec::new();
    for trial in trials {
        verdicts.push(trial.alone(pool).await);
    }
    verdicts
}

async fn play(pool: &Pool, trials: &[&LifeTrial]) -> Result<life::Played> {
    let Some(first) = trials.first() else {
        return Err(rehearsal::Error::new("playing trials together", "there are none"));
    };
    let mishaps: Vec<Mishap> = trials.iter().map(|trial| trial.mishap.clone()).collect();
    let course = Course {
        mishaps: &mishaps,
        quiet: Some(&first.quiet),
        ..Course::default()
    };
    let stage = pool.take().await?;
    // An environment in which a run does not end is not used again.
    let played = life::play(&stage, first.situation, pool.world_number(), course).await?;
    pool.give_back(stage);
    Ok(played)
}

/// Indices that are played together: of one situation, one for each act, in the order in which they come.
pub(crate) fn grouped(trials: &[Option<(Situation, Act)>]) -> Vec<Vec<usize>> {
    let mut waiting: BTreeMap<Situation, BTreeMap<Act, Vec<usize>>> = BTreeMap::new();
    let mut groups = Vec::new();
    for (index, life) in trials.iter().enumerate() {
        match life {
            Some((situation, act)) => waiting
                .entry(*situation)
                .or_default()
                .entry(*act)
                .or_default()
                .push(index),
            None => groups.push(vec![index]),
        }
    }
    for acts in waiting.into_values() {
        let longest = acts.values().map(Vec::len).max().unwrap_or_default();
        for nth in 0..longest {
            let group: Vec<usize> = acts.values().filter_map(|indices| indices.get(nth).copied()).collect();
            groups.push(group);
        }
    }
    groups.sort();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_of_one_situation_and_different_acts_share_a_life() {
        let life = |act| Some((Situation::AivenNew, act));
        let other = Some((Situation::HcpNew, Act::Change));
        let trials = [
            life(Act::Provision),
            None,
            life(Act::Provision),
            life(Act::Change),
            other,
            life(Act::Deprovision),
        ];
        assert_eq!(grouped(&trials), [vec![0, 3, 5], vec![1], vec![2], vec![4]]);
    }
}
