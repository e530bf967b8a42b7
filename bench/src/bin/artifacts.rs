//! `cargo artifacts`: the packages that are deployed, each a zip with the one file `bootstrap`.
//!
//! Not by `sam build`: it can build for glibc only, which cannot be linked statically without losing name resolution, and its zips
//! hold the time of the build. These are for musl, static and at a fixed address, and the same sources give the same bytes, so that
//! a deployment leaves a function alone that has not changed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use compare::Result;
use compare::artifacts::{deployable, target_dir};
use compare::gate;

/// Builds and zips the functions for arm64.
#[derive(Debug, Parser)]
struct Args {
    /// Where the zips go. Default: `target/artifacts`.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Trusts the CAs of the machine that it runs on, instead of Mozilla's as compiled in.
    #[arg(long)]
    native_roots: bool,
    /// Fails where a package has grown beyond bench/recorded.json.
    #[arg(long, conflicts_with = "native_roots")]
    gate: bool,
    /// Writes the sizes into bench/recorded.json.
    #[arg(long, conflicts_with_all = ["native_roots", "gate"])]
    record: bool,
}

fn main() -> ExitCode {
    match packaged(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo artifacts: {error}");
            ExitCode::FAILURE
        }
    }
}

fn packaged(args: Args) -> Result<()> {
    let dir = match args.to {
        Some(dir) => dir,
        None => target_dir()?.join("artifacts"),
    };
    std::fs::create_dir_all(&dir)?;
    let packages = deployable(args.native_roots)?;
    for package in &packages {
        let zip = dir.join(format!("{}.zip", package.name));
        std::fs::write(&zip, &package.zip)?;
        println!("{} {}", package.zip.len(), zip.display());
    }
    if args.record {
        gate::record_packages(&packages)?;
    }
    if args.gate {
        let grown = gate::check_packages(&packages)?;
        if !grown.is_empty() {
            return Err(grown.join("; ").into());
        }
    }
    Ok(())
}
