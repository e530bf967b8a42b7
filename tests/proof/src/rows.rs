//! The rows of the table, and playing them.

use std::sync::Arc;
use std::time::Instant;

use rehearsal::{Error, Result};

use crate::pool::Pool;
use crate::report::Report;
use crate::scenes::{self, Scene};
use crate::situation::Situation;
use crate::trial::{self, Choice, Trials};
use crate::{crashes, faults, inputs, lives, races, repeats};

/// Rows whose trials need nothing recorded.
const UNRECORDED: [&str; 4] = ["random/", "races/", "inputs/", "fuzz/"];

/// What is recorded to be let fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub situations: Vec<Situation>,
    pub scenes: Vec<Scene>,
}

impl Scope {
    /// Only what the trials that a choice by name can mean need.
    pub fn of(choice: &Choice) -> Self {
        let only = choice.only.as_deref().unwrap_or_default();
        if UNRECORDED.iter().any(|row| only.starts_with(row)) {
            return Self {
                situations: Vec::new(),
                scenes: Vec::new(),
            };
        }
        let is_named = |name: &str| only.contains(&format!("{name}/")) || only.ends_with(name);
        let situations: Vec<Situation> = Situation::ALL.into_iter().filter(|s| is_named(s.name())).collect();
        let scenes: Vec<Scene> = Scene::ALL.into_iter().filter(|s| is_named(s.name())).collect();
        if only.is_empty() || situations.is_empty() && scenes.is_empty() {
            return Self {
                situations: Situation::ALL.to_vec(),
                scenes: Scene::ALL.to_vec(),
            };
        }
        Self { situations, scenes }
    }
}

/// All trials of a scope, after recording it. A new row is a line here.
///
/// # Errors
/// When what is recorded is not right without mishaps, or the machinery fails.
pub async fn collect(pool: &Arc<Pool>, choice: &Choice, scope: &Scope) -> Result<Vec<Trials>> {
    let (recorded, scenes) = tokio::try_join!(
        faults::record(pool, &scope.situations),
        scenes::record(pool, &scope.scenes)
    )?;
    let mut rows = vec![
        faults::trials(&recorded, &scenes),
        faults::outages(&recorded),
        crashes::trials(&recorded, &scenes),
        repeats::trials(&recorded),
        lives::search::trials(choice.seed, choice.random),
        races::trials(choice.seed, choice.at_once),
        inputs::bad::trials()?,
        inputs::unknown::trials(&recorded),
        inputs::fuzz::trials(choice.seed, choice.fuzz),
    ];
    rows.retain(|row| !row.trials.is_empty());
    let repeated = trial::repeated(&rows);
    if repeated.is_empty() {
        Ok(rows)
    } else {
        let why = format!("names are not unique: {repeated:?}");
        Err(Error::new("collecting the trials", why))
    }
}

/// Plays what is chosen.
///
/// # Errors
/// As [`collect`].
pub async fn prove(choice: &Choice, scope: &Scope) -> Result<Report> {
    let started = Instant::now();
    let pool = Arc::new(Pool::new().await?);
    let mut rows = collect(&pool, choice, scope).await?;
    if choice.progress {
        eprintln!("recorded after {} s", started.elapsed().as_secs());
    }
    if let Some(only) = &choice.only {
        rows.retain(|row| row.trials.iter().any(|trial| trial.name.contains(only.as_str())));
    }
    Ok(Report {
        rows: trial::play(rows, &pool, choice).await,
        seed: choice.seed,
        took: started.elapsed(),
    })
}
