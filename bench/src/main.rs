//! `cargo compare`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use compare::remotes::Remotes;
use compare::report::Measured;
use compare::subjects::{Kind, Subject};
use compare::{Result, artifacts, callgrind, gate, measure, peers, report, subjects};

/// Measures the functions: processor time, memory, bytes and instructions of a cold start.
#[derive(Debug, Parser)]
struct Args {
    /// Prints rows as JSON, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
    /// Starts of each subject.
    #[arg(long, default_value_t = 25)]
    rounds: usize,
    /// Measures the functions that are in this folder already, instead of building them: for trying other flags.
    #[arg(long, value_name = "FOLDER")]
    functions: Option<PathBuf>,
    /// Keeps callgrind's profile of each first event in this folder, for callgrind_annotate.
    #[arg(long, value_name = "FOLDER")]
    profiles: Option<PathBuf>,
    /// Without the peers in Python, Node and Go.
    #[arg(long)]
    no_peers: bool,
    /// The steps also write into the register, as deployed: one connection more for each.
    #[arg(long, conflicts_with_all = ["gate", "record"])]
    register: bool,
    /// Compares what repeats with bench/recorded.json, and fails where it is worse. Without peers.
    #[arg(long, conflicts_with = "json")]
    gate: bool,
    /// Writes bench/recorded.json anew. Without peers.
    #[arg(long, conflicts_with_all = ["json", "gate"])]
    record: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measured(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo compare: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measured(args: Args) -> Result<bool> {
    let dir = tempfile::tempdir()?;
    let with_peers = !(args.no_peers || args.gate || args.record);
    let subjects = subjects(&args, with_peers)?;
    let remotes = Remotes::start(dir.path()).await?;
    let subjects = with_events(subjects, &remotes, dir.path()).await?;
    let subjects = without_broken_peers(subjects, &remotes, dir.path()).await;

    let mut all: Vec<Measured> = subjects.iter().map(Measured::new).collect();
    eprintln!("Measuring {} programs in {} rounds.", subjects.len(), args.rounds);
    for round in 0..args.rounds {
        for at in 0..subjects.len() {
            // Each round begins with another one, so that none is always behind the same neighbour.
            let at = (at + round) % subjects.len();
            remotes.take_connections();
            all[at]
                .samples
                .push(measure::sample(&subjects[at], &remotes, dir.path()).await?);
            all[at].connections = remotes.take_connections();
        }
    }
    count_instructions(&subjects, &mut all, &remotes, dir.path()).await;
    if let Some(folder) = &args.profiles {
        keep_profiles(&subjects, dir.path(), folder)?;
    }

    if args.record {
        gate::record(&all)?;
    }
    if args.gate {
        let verdict = gate::check(&all)?;
        verdict.worse.iter().for_each(|line| eprintln!("{line}"));
        verdict.skipped.iter().for_each(|line| println!("SKIPPED: {line}"));
        println!(
            "{} programs compared with the record, {} numbers worse",
            all.len(),
            verdict.worse.len()
        );
        return Ok(verdict.worse.is_empty());
    }
    if args.json {
        println!("{}", serde_json::to_string(&report::Rows::of(&all))?);
    } else {
        println!(
            "{}\n{}\n{}\n{}",
            report::table(&all),
            report::provenance(args.rounds),
            report::ahead(&all),
            report::targets(&all)
        );
    }
    Ok(true)
}

fn keep_profiles(subjects: &[Subject], dir: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for subject in subjects {
        let profile = callgrind::profile(dir, subject);
        if profile.exists() {
            std::fs::copy(&profile, folder.join(format!("{}.callgrind", subject.name)))?;
        }
    }
    Ok(())
}

fn subjects(args: &Args, with_peers: bool) -> Result<Vec<Subject>> {
    eprintln!(
        "Building the empty Lambda and the functions in the release profile; the first time takes a quarter of an hour."
    );
    let mut built = vec![(Kind::Limit, artifacts::empty()?)];
    let functions = args
        .functions
        .as_deref()
        .map_or_else(artifacts::functions, artifacts::in_folder)?;
    built.push((Kind::Function, functions));
    if with_peers {
        eprintln!("Building the peers.");
        let (peers, missing) = peers::build()?;
        missing.iter().for_each(|why| eprintln!("Left out: {why}"));
        built.push((Kind::Peer, peers));
    }
    let mut subjects = Vec::new();
    for (kind, artifacts) in built {
        let with_register = kind == Kind::Function && args.register;
        for artifact in artifacts {
            subjects.push(Subject::new(kind, &artifacts::unpacked(artifact)?, with_register));
        }
    }
    Ok(subjects)
}

async fn with_events(mut subjects: Vec<Subject>, remotes: &Remotes, dir: &Path) -> Result<Vec<Subject>> {
    let events = subjects::events(&subjects, remotes, dir).await?;
    for subject in &mut subjects {
        let of = match subject.kind {
            Kind::Function => subject.name.as_str(),
            Kind::Limit | Kind::Peer => subjects::SAME_STEP,
        };
        let event = events
            .get(of)
            .ok_or_else(|| format!("the function {of} has no event in bench/src/subjects.rs"))?;
        subject.event = event.clone();
    }
    Ok(subjects)
}

/// An interpreter that is too old for its peer does not keep the others from being measured.
async fn without_broken_peers(subjects: Vec<Subject>, remotes: &Remotes, dir: &Path) -> Vec<Subject> {
    let mut working = Vec::new();
    for subject in subjects {
        if subject.kind == Kind::Peer
            && let Err(error) = measure::sample(&subject, remotes, dir).await
        {
            eprintln!("Left out: {error}");
        } else {
            working.push(subject);
        }
    }
    working
}

async fn count_instructions(subjects: &[Subject], all: &mut [Measured], remotes: &Remotes, dir: &Path) {
    if !callgrind::is_there() {
        eprintln!("Without instruction counts: valgrind is not installed.");
        return;
    }
    eprintln!("Counting instructions.");
    for (subject, measured) in subjects.iter().zip(all) {
        // Node's compiler makes code all the time, and callgrind ends at the signals by which Go's threads stop each other.
        if ["node", "go"].contains(&subject.name.as_str()) {
            continue;
        }
        for (event, count) in [
            (false, &mut measured.init_instructions),
            (true, &mut measured.first_instructions),
        ] {
            match callgrind::instructions(subject, remotes, dir, event).await {
                Ok(instructions) => *count = Some(instructions),
                Err(error) => eprintln!("Without instructions of {}: {error}", subject.name),
            }
            if subject.kind == Kind::Peer {
                break;
            }
        }
    }
}
