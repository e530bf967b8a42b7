//! Lives by number: made from a seed, played, and made smaller when they are wrong.

use std::sync::Arc;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rehearsal::{Error, Result};
use tokio::runtime::Handle;

use super::life::Life;
use super::play::play;
use super::strategy;
use crate::pool::Pool;
use crate::trial::{Trial, Trials, Verdict, next_random};

/// How often a wrong life is played again to make it smaller.
const REPLAYS: usize = 40;

/// So many lives of a seed.
pub fn trials(seed: u64, lives: usize) -> Trials {
    let trials = (0..lives).map(|n| {
        Trial::new(format!("random/{seed}/{n}"), move |pool| async move {
            // A tree of values stays on its thread.
            let runtime = Handle::current();
            let searching = tokio::task::spawn_blocking(move || runtime.block_on(search(&pool, seed, n as u64)));
            match searching.await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(error)) => Verdict::Wrong(error.to_string()),
                Err(error) => Verdict::Wrong(error.to_string()),
            }
        })
    });
    Trials {
        row: "random lives",
        source: format!("{lives} lives of the seed {seed}, each of 1 to 4 runs with 0 to 3 mishaps"),
        trials: trials.collect(),
    }
}

/// The life of this number, and how it can be made smaller.
fn tree(seed: u64, n: u64) -> Result<impl proptest::strategy::ValueTree<Value = Life>> {
    let mut state = seed ^ n.rotate_left(32);
    let bytes: Vec<u8> = (0..4).flat_map(|_| next_random(&mut state).to_le_bytes()).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = strategy::life().new_tree(&mut runner);
    tree.map_err(|reason| Error::new("making a random life", reason.message()))
}

async fn search(pool: &Arc<Pool>, seed: u64, n: u64) -> Result<Verdict> {
    let mut tree = tree(seed, n)?;
    let mut smallest = (tree.current(), findings(pool, &tree.current()).await);
    if smallest.1.is_empty() {
        return Ok(Verdict::Right);
    }
    eprintln!(
        "random/{seed}/{n} is wrong and is made smaller: {}",
        smallest.1.join("\n  ")
    );
    // Made smaller as long as it is wrong; where it is right, the last step is taken back.
    let mut replays = 0;
    let mut smaller = tree.simplify();
    while smaller && replays < REPLAYS {
        let life = tree.current();
        let wrong = if life == smallest.0 {
            smallest.1.clone()
        } else {
            replays += 1;
            findings(pool, &life).await
        };
        if wrong.is_empty() {
            smaller = tree.complicate();
        } else {
            smallest = (life, wrong);
            smaller = tree.simplify();
        }
    }
    let (life, findings) = smallest;
    let json = serde_json::to_string(&life).map_err(|error| Error::new("writing down a life", error))?;
    Ok(Verdict::Wrong(format!(
        "{}\nlife {n} of the seed {seed}, after {replays} replays:\n{json}",
        findings.join("\n")
    )))
}

async fn findings(pool: &Arc<Pool>, life: &Life) -> Vec<String> {
    match replay(pool, life).await {
        Ok(findings) => findings,
        Err(error) => vec![error.to_string()],
    }
}

/// Plays a life; what was not right.
///
/// # Errors
/// When the machinery fails.
pub async fn replay(pool: &Pool, life: &Life) -> Result<Vec<String>> {
    let stage = pool.take().await?;
    // An environment in which a run does not end is not used again.
    let findings = play(&stage, pool.world_number(), life).await?;
    pool.give_back(stage);
    Ok(findings)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_seed_makes_the_same_lives_and_another_seed_others() {
        let life = |seed, n| tree(seed, n).unwrap().current();
        assert_eq!(life(1, 7), life(1, 7));
        let differ = (0..20).filter(|n| life(1, *n) != life(2, *n)).count();
        assert_eq!(differ, 20);
    }

    #[test]
    fn a_life_that_is_written_down_is_the_same_life() {
        for n in 0..200 {
            let life = tree(1, n).unwrap().current();
            let json = serde_json::to_string(&life).unwrap();
            assert_eq!(serde_json::from_str::<Life>(&json).unwrap(), life);
        }
    }
}
