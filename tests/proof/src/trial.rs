//! Trials: played many at once, in an order that the seed decides.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::life::{Act, Mishap, Quiet};
use crate::pool::Pool;
use crate::report::{Row, Wrong};
use crate::situation::Situation;
use crate::together::{self, LifeTrial};

/// What a trial came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// What was seen, and what was expected.
    Wrong(String),
    /// There was nothing to try: what it waited for did not come up.
    Empty,
}

impl Verdict {
    /// Right when there is no finding.
    pub fn of(findings: &[String]) -> Self {
        if findings.is_empty() {
            Self::Right
        } else {
            Self::Wrong(findings.join("\n"))
        }
    }
}

type Playing = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One trial.
#[derive(Clone)]
pub struct Trial {
    /// Unique, with slashes: `faults/aiven-new/provision/Ec2.CreateVpcEndpoint.1/reset-after`.
    pub name: String,
    /// How many cases it tries.
    pub cases: usize,
    /// Of these one is played at a time, beside the others: it starts a hundred executions, and mostly waits.
    is_crowd: bool,
    how: How,
}

#[derive(Clone)]
enum How {
    Life(LifeTrial),
    Other(Arc<dyn Fn(Arc<Pool>) -> Playing + Send + Sync>),
}

impl Trial {
    /// A trial that takes what environments it needs from the pool.
    pub fn new<F>(name: impl Into<String>, play: impl Fn(Arc<Pool>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        Self {
            name: name.into(),
            cases: 1,
            is_crowd: false,
            how: How::Other(Arc::new(move |pool| Box::pin(play(pool)))),
        }
    }

    /// The same, which tries so many cases and ends at the first that is wrong.
    #[must_use]
    pub fn of_cases(self, cases: usize) -> Self {
        Self { cases, ..self }
    }

    /// The same, of which one is played at a time.
    #[must_use]
    pub fn of_a_crowd(self) -> Self {
        Self { is_crowd: true, ..self }
    }

    /// A life with a mishap, which is judged by the same life without one.
    pub fn of_life(name: impl Into<String>, situation: Situation, mishap: Mishap, quiet: &Arc<Quiet>) -> Self {
        Self {
            name: name.into(),
            cases: 1,
            is_crowd: false,
            how: How::Life(LifeTrial {
                situation,
                mishap,
                quiet: Arc::clone(quiet),
            }),
        }
    }

    fn place_in_life(&self) -> Option<(Situation, Act)> {
        match &self.how {
            How::Life(life) => Some((life.situation, life.mishap.act)),
            How::Other(_) => None,
        }
    }
}

/// Plays trials that share a life, or a single one of another kind.
async fn verdicts(pool: Arc<Pool>, trials: &[(usize, Trial)]) -> Vec<Verdict> {
    if let [
        (
            _,
            Trial {
                how: How::Other(play), ..
            },
        ),
    ] = trials
    {
        return vec![play(pool).await];
    }
    let lives = trials.iter().filter_map(|(_, trial)| match &trial.how {
        How::Life(life) => Some(life),
        How::Other(_) => None,
    });
    together::verdicts(&pool, &lives.collect::<Vec<_>>()).await
}

/// The trials of one row.
#[derive(Clone)]
pub struct Trials {
    pub row: &'static str,
    /// Where their number comes from.
    pub source: String,
    pub trials: Vec<Trial>,
}

/// Which trials are played, and how.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Only trials whose name has this.
    pub only: Option<String>,
    /// At most so many of each row, picked by the seed.
    pub sample: Option<usize>,
    pub threads: usize,
    pub seed: u64,
    /// How many random lives there are.
    pub random: usize,
    /// Races of more executions are left out.
    pub at_once: usize,
    /// Cases of each target that is fuzzed.
    pub fuzz: usize,
    /// Says on standard error how far it is.
    pub progress: bool,
}

impl Choice {
    fn of(&self, trials: Vec<Trial>) -> Vec<Trial> {
        let wanted = |trial: &Trial| self.only.as_deref().is_none_or(|only| trial.name.contains(only));
        let mut trials: Vec<Trial> = trials.into_iter().filter(wanted).collect();
        trials.sort_by_cached_key(|trial| place(&trial.name, self.seed));
        trials.truncate(self.sample.unwrap_or(usize::MAX));
        trials
    }
}

/// Plays the rows, all of their trials mixed. An interrupt (Ctrl-C) ends it with what was played until then.
pub async fn play(rows: Vec<Trials>, pool: &Arc<Pool>, choice: &Choice) -> Vec<Row> {
    let turns = Arc::new(Semaphore::new(choice.threads));
    let crowds = Arc::new(Semaphore::new(1));
    let mut table = Vec::new();
    let mut chosen = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        let trials = choice.of(row.trials);
        let unplayed = trials.len();
        chosen.extend(trials.into_iter().map(|trial| (at, trial)));
        table.push(Row {
            name: row.row,
            source: row.source,
            tried: 0,
            unplayed,
            empty: Vec::new(),
            wrong: Vec::new(),
        });
    }
    chosen.sort_by_cached_key(|(_, trial)| place(&trial.name, choice.seed));
    let total = chosen.len();
    let places: Vec<_> = chosen.iter().map(|(_, trial)| trial.place_in_life()).collect();
    let mut playing = JoinSet::new();
    for group in together::grouped(&places) {
        let trials: Vec<(usize, Trial)> = group.into_iter().map(|index| chosen[index].clone()).collect();
        let is_crowd = trials.iter().any(|(_, trial)| trial.is_crowd);
        let turns = Arc::clone(if is_crowd { &crowds } else { &turns });
        let pool = Arc::clone(pool);
        playing.spawn(async move {
            let _turn = turns.acquire().await;
            let played = AssertUnwindSafe(verdicts(pool, &trials)).catch_unwind().await;
            let panicked = |_| vec![Verdict::Wrong("the trial panicked".to_owned()); trials.len()];
            let verdicts = played.unwrap_or_else(panicked);
            let played = trials.into_iter().zip(verdicts);
            played
                .map(|((at, trial), verdict)| (at, trial, verdict))
                .collect::<Vec<_>>()
        });
    }
    let (started, mut told, mut done) = (Instant::now(), Instant::now(), 0);
    loop {
        let played = tokio::select! {
            played = playing.join_next() => played,
            _ = tokio::signal::ctrl_c() => break,
        };
        let Some(played) = played else { break };
        // What has no verdict stays counted as not played.
        for (at, Trial { name, cases, .. }, verdict) in played.unwrap_or_default() {
            done += 1;
            let row = &mut table[at];
            row.unplayed -= 1;
            row.tried += if verdict == Verdict::Empty { 0 } else { cases };
            match verdict {
                Verdict::Right => {}
                Verdict::Empty => row.empty.push(name),
                Verdict::Wrong(what) => {
                    if choice.progress {
                        eprintln!("WRONG {name}\n  {}", what.replace('\n', "\n  "));
                    }
                    row.wrong.push(Wrong { name, what });
                }
            }
        }
        if choice.progress && told.elapsed() > Duration::from_secs(15) {
            told = Instant::now();
            let wrong: usize = table.iter().map(|row| row.wrong.len()).sum();
            eprintln!(
                "{done} of {total}, {wrong} wrong, after {} s",
                started.elapsed().as_secs()
            );
        }
    }
    for row in &mut table {
        row.empty.sort();
        row.wrong.sort_by(|a, b| a.name.cmp(&b.name));
    }
    table
}

/// Names that are there more than once.
pub fn repeated(rows: &[Trials]) -> Vec<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for trial in rows.iter().flat_map(|row| &row.trials) {
        *count.entry(&trial.name).or_default() += 1;
    }
    let repeated = count.into_iter().filter(|(_, n)| *n > 1);
    repeated.map(|(name, _)| name.to_owned()).collect()
}

/// The next number after a state, by SplitMix64 (Steele, Lea and Flood 2014): the same on every machine.
pub fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Where a trial comes in the order of a seed, whatever other trials there are.
fn place(name: &str, seed: u64) -> u64 {
    let mut state = name.bytes().fold(seed, |state, byte| {
        let mut state = state ^ u64::from(byte);
        next_random(&mut state)
    });
    next_random(&mut state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_an_order_that_does_not_depend_on_what_else_there_is() {
        let before = |seed| place("faults/a", seed) < place("faults/b", seed);
        assert_eq!(before(1), before(1));
        assert!((0..64).any(before) && !(0..64).all(before));
    }

    #[test]
    fn a_choice_is_by_name_and_no_larger_than_the_sample() {
        let trial = |name: &str| Trial::new(name, |_| async { Verdict::Right });
        let choice = Choice {
            only: Some("aiven".to_owned()),
            sample: Some(1),
            threads: 1,
            seed: 1,
            random: 0,
            at_once: 0,
            fuzz: 0,
            progress: false,
        };
        let chosen = choice.of(vec![
            trial("faults/aiven/1"),
            trial("faults/hcp/1"),
            trial("faults/aiven/2"),
        ]);
        assert_eq!(chosen.len(), 1);
        assert!(chosen[0].name.contains("aiven"));
    }
}
