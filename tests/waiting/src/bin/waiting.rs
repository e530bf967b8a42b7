//! `cargo waiting`: the deployed schedule of looks beside others.
#![allow(clippy::print_stdout)]

use clap::Parser;
use waiting::deployed::Deployed;
use waiting::front::{self, RUNS};
use waiting::prices::Prices;
use waiting::{Result, picture, table};

/// Plays the deployed schedule of looks, and others, against clouds of several tempers: how late a change is seen, and what it costs.
#[derive(Debug, Parser)]
#[command(name = "cargo waiting", bin_name = "cargo waiting")]
struct Arguments {
    /// Runs of each way to wait under each temper of the clouds.
    #[arg(long, default_value_t = RUNS)]
    runs: usize,
    /// Print the figures as JSON.
    #[arg(long, conflicts_with = "picture")]
    json: bool,
    /// Print the picture as SVG: docs/waiting.svg.
    #[arg(long)]
    picture: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let prices = Prices::load()?;
    let rows = front::play(&Deployed::load()?, &prices, arguments.runs)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else if arguments.picture {
        print!("{}", picture::svg(&rows));
    } else {
        print!("{}", table::of(&rows, &prices)?);
    }
    Ok(())
}
