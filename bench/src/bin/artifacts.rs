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

/// Builds and zips the functions for arm64.
#[derive(Debug, Parser)]
struct Args {
    /// Where the zips go. Default: `target/artifacts`.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Trusts the CAs of the machine that it runs on, instead of Mozilla's as compiled in.
    #[arg(long)]
    native_roots: bool,
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
    for artifact in deployable(args.native_roots)? {
        let zip = dir.join(format!("{}.zip", artifact.name));
        std::fs::write(&zip, &artifact.zip)?;
        println!("{} {}", artifact.zip.len(), zip.display());
    }
    Ok(())
}
