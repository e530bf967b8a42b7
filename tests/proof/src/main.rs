//! `cargo proof`: plays everything that can go wrong, and prints the table of what was tried, right and wrong.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use proof::lives::{life::Life, search};
use proof::pool::Pool;
use proof::rows::{self, Scope};
use proof::trial::Choice;
use rehearsal::{Error, Result};

/// Proves that nothing is lost, whatever fails.
#[derive(Debug, Parser)]
#[command(name = "cargo proof")]
struct Arguments {
    /// The table as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Only trials whose name has this, such as `crashes/` or a name that the table printed.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// At most so many trials of each row, picked by the seed.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Trials at once, each with an emulator of its own. Default: three for each core.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Decides the order, the sample and whatever is random.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Random lives.
    #[arg(long, value_name = "N", default_value_t = 300)]
    random: usize,
    /// Races of at most so many executions at once.
    #[arg(long, value_name = "N", default_value_t = 100)]
    at_once: usize,
    /// As many random lives as a night has time for.
    #[arg(long, conflicts_with = "random")]
    nightly: bool,
    /// Plays the life that this file has as JSON, as the table prints one, and nothing else.
    #[arg(long, value_name = "FILE")]
    life: Option<PathBuf>,
    /// Cases of each target that is fuzzed; a long run is 100000.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    fuzz: usize,
    /// Only the names of the trials.
    #[arg(long)]
    list: bool,
}

/// Random lives of a nightly run.
const A_NIGHT: usize = 5000;

#[tokio::main]
async fn main() -> ExitCode {
    match prove(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn prove(arguments: Arguments) -> Result<bool> {
    if let Some(file) = &arguments.life {
        return replay(file).await;
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let choice = Choice {
        only: arguments.only,
        sample: arguments.sample,
        threads: arguments.threads.unwrap_or(3 * cores).max(1),
        seed: arguments.seed,
        random: if arguments.nightly { A_NIGHT } else { arguments.random },
        at_once: arguments.at_once,
        fuzz: arguments.fuzz,
        progress: true,
    };
    let scope = Scope::of(&choice);
    if arguments.list {
        let pool = Arc::new(Pool::new().await?);
        for trial in rows::collect(&pool, &choice, &scope)
            .await?
            .iter()
            .flat_map(|row| &row.trials)
        {
            println!("{}", trial.name);
        }
        return Ok(true);
    }
    let report = rows::prove(&choice, &scope).await?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    Ok(report.is_proven())
}

/// Plays one life; whether it was right.
async fn replay(file: &Path) -> Result<bool> {
    let failed = |error: String| Error::new(format!("reading the life {}", file.display()), error);
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let life: Life = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let pool = Pool::new().await?;
    let findings = search::replay(&pool, &life).await?;
    for finding in &findings {
        println!("{finding}");
    }
    Ok(findings.is_empty())
}
