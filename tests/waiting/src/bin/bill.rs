//! `cargo bill history.jsonl`: what a recorded run cost.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;

use clap::Parser;
use waiting::Result;
use waiting::bill::{Recorded, told};
use waiting::deployed::Deployed;
use waiting::prices::Prices;

/// What recorded runs cost on AWS, and what the same wait costs elsewhere.
#[derive(Debug, Parser)]
#[command(name = "cargo bill", bin_name = "cargo bill", arg_required_else_help = true)]
struct Arguments {
    /// Histories of executions, one event a line, as `cargo rehearse --keep-logs` writes them; `calls.jsonl` beside one is read too.
    #[arg(required = true)]
    histories: Vec<PathBuf>,
    /// The rehearsal's --speed; 1 for a history of AWS.
    #[arg(long, default_value_t = 40.0)]
    speed: f64,
    /// Print what was counted as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (deployed, prices) = (Deployed::load()?, Prices::load()?);
    for path in &arguments.histories {
        let history = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let calls = std::fs::read_to_string(path.with_file_name("calls.jsonl")).ok();
        let run = Recorded::read(&history, calls.as_deref(), arguments.speed)?;
        if arguments.json {
            println!("{}", serde_json::to_string(&run)?);
        } else {
            println!("{}\n\n{}", path.display(), told(&run, &deployed, &prices)?);
        }
    }
    Ok(())
}
