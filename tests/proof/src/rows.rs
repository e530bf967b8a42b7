//! The rows of the table, and playing them.

use std::sync::Arc;
use std::time::Instant;

use rehearsal::{Error, Result};

use crate::pool::Pool;
use crate::report::Report;
use crate::trial::{self, Choice, Trials};
use crate::world::Situation;
use crate::{crashes, faults, repeats};

/// All trials of these situations, after recording their lives. A new row is a line here.
///
/// # Errors
/// When a life without mishaps is not right, or the machinery fails.
pub async fn collect(pool: &Arc<Pool>, situations: &[Situation]) -> Result<Vec<Trials>> {
    let recorded = faults::record(pool, situations).await?;
    let rows = vec![
        faults::trials(&recorded),
        faults::outages(&recorded),
        crashes::trials(&recorded),
        repeats::trials(&recorded),
    ];
    let repeated = trial::repeated(&rows);
    if repeated.is_empty() {
        Ok(rows)
    } else {
        let why = format!("names are not unique: {repeated:?}");
        Err(Error::new("collecting the trials", why))
    }
}

/// The situations that a choice by name can mean.
pub fn situations_of(choice: &Choice) -> Vec<Situation> {
    let only = choice.only.as_deref().unwrap_or_default();
    let named: Vec<Situation> = Situation::ALL
        .into_iter()
        .filter(|situation| only.contains(situation.name()))
        .collect();
    if named.is_empty() {
        Situation::ALL.to_vec()
    } else {
        named
    }
}

/// Plays what is chosen.
///
/// # Errors
/// As [`collect`].
pub async fn prove(choice: &Choice, situations: &[Situation]) -> Result<Report> {
    let started = Instant::now();
    let pool = Arc::new(Pool::new().await?);
    let mut rows = collect(&pool, situations).await?;
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
