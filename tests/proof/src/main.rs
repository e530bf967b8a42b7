//! `cargo proof`: plays everything that can go wrong, and prints the table of what was tried, right and wrong.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use proof::pool::Pool;
use proof::rows;
use proof::trial::Choice;
use rehearsal::Result;

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
    /// Only the names of the trials.
    #[arg(long)]
    list: bool,
}

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
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let choice = Choice {
        only: arguments.only,
        sample: arguments.sample,
        threads: arguments.threads.unwrap_or(3 * cores).max(1),
        seed: arguments.seed,
        progress: true,
    };
    let situations = rows::situations_of(&choice);
    if arguments.list {
        let pool = Arc::new(Pool::new().await?);
        for trial in rows::collect(&pool, &situations)
            .await?
            .iter()
            .flat_map(|row| &row.trials)
        {
            println!("{}", trial.name);
        }
        return Ok(true);
    }
    let report = rows::prove(&choice, &situations).await?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    Ok(report.is_proven())
}
