//! `cargo rehearse examples/aiven-kafka.json`: the real workflow on this machine, without AWS.

mod action;
mod fleet;
mod least;
mod live;
mod report;
mod scenario;
mod serve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use rehearsal::execution::POLL;
use rehearsal::{Environment, Error, Execution, Options, Outcome, Result};
use serde_json::Value;
use simulators::SimulatorsConfig;

use crate::action::Action;
use crate::fleet::Fleet;
use crate::live::Live;
use crate::report::Took;
use crate::scenario::Scenario;

/// The file of the simulators' calls, beside the logs.
const CALLS: &str = "calls.jsonl";
/// The workflow ended with an error.
const FAILED: u8 = 1;
/// The workflow could not be run.
const NOT_RUN: u8 = 2;
/// As shells tell it of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs the real workflow on this machine: the state machine and the functions of samplesam.yaml on an emulator of AWS, with
/// simulators of EC2 PrivateLink, HCP and Aiven. Nothing leaves this machine, and no account is needed.
#[derive(Debug, Parser)]
#[command(name = "cargo rehearse", bin_name = "cargo rehearse", arg_required_else_help = true)]
struct Arguments {
    /// The request, like examples/aiven-kafka.json.
    #[arg(required_unless_present_any = ["serve", "fleet"])]
    request: Option<PathBuf>,
    /// What to run, one after the other in the same world: like plan,provision,plan,deprovision. The first failure ends it. Without
    /// this: the request's own action.
    #[arg(long, value_enum, value_delimiter = ',', num_args = 1, requires = "request")]
    actions: Vec<Action>,
    /// Instead of a request: so many accounts at once, from 1 to 2000, from 20 on one in 20 of them broken, against EC2's throttles. The
    /// lower the speed, the less of the time that it tells is this machine's.
    #[arg(long, value_name = "ACCOUNTS", value_parser = fleet::count, conflicts_with_all = ["request", "scenario"])]
    fleet: Option<usize>,
    /// Of a fleet: runs at once.
    #[arg(long, value_name = "RUNS", default_value_t = 40, requires = "fleet", value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrency: u32,
    /// What the run meets.
    #[arg(long, value_enum, default_value_t = Scenario::Happy)]
    scenario: Scenario,
    /// How many times as fast as real time simulated time passes: at 40, twelve minutes take eighteen seconds.
    #[arg(long, default_value_t = 40.0, value_parser = speed)]
    speed: f64,
    /// Another SAM template than samplesam.yaml.
    #[arg(long)]
    template: Option<PathBuf>,
    /// Keep everything running afterwards, and print where it is and with what credentials.
    #[arg(long)]
    serve: bool,
    /// Keep the logs of the emulator and the functions, and the execution's history.
    #[arg(long)]
    keep_logs: bool,
    /// Print nothing but the result, as JSON, to standard output; progress goes to standard error. Of several actions each result is
    /// one line.
    #[arg(long)]
    json: bool,
}

fn speed(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("it is a number from 0.1 to 1000".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("starting the program: {error}");
            return NOT_RUN.into();
        }
    };
    let code = runtime.block_on(async {
        // Whichever ends first; the other is dropped, and with it everything that was started.
        tokio::select! {
            result = rehearse(&arguments) => result.unwrap_or_else(|error| {
                eprintln!("\nThe rehearsal did not come off. {error}");
                NOT_RUN
            }),
            () = interrupted() => {
                eprintln!("\nStopped.");
                INTERRUPTED
            }
        }
    });
    // A cargo or pip that still runs got the same Ctrl-C.
    runtime.shutdown_background();
    code.into()
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

async fn rehearse(arguments: &Arguments) -> Result<u8> {
    // Before the long part: a misspelt path is told at once.
    let request = arguments.request.as_deref().map(read).transpose()?;
    let say: fn(&str) = if arguments.json {
        |text| eprintln!("{text}")
    } else {
        |text| println!("{text}")
    };
    let mut simulators = SimulatorsConfig {
        speed: arguments.speed,
        knobs: arguments.scenario.knobs(),
        ..SimulatorsConfig::default()
    };
    let fleet = arguments
        .fleet
        .map(|count| Fleet::prepare(&mut simulators, count, arguments.concurrency));
    let mut options = Options {
        simulators,
        keep_logs: arguments.keep_logs,
        say,
        ..Options::default()
    };
    if let Some(template) = &arguments.template {
        options.template.clone_from(template);
    }
    let mut environment = Environment::start(options).await?;
    arguments.scenario.inject(&environment);

    let mut code = 0;
    if let Some(request) = &request {
        let runs;
        (code, runs) = run_all(&environment, request, arguments, say).await?;
        if arguments.keep_logs || code != 0 {
            keep_logs(&mut environment, &runs, say).await?;
        }
    }
    if let Some(fleet) = &fleet {
        let (as_expected, summary) = fleet.run(&environment, say).await?;
        code = if as_expected { 0 } else { FAILED };
        if arguments.json {
            println!("{summary:#}");
        }
        if arguments.keep_logs || code != 0 {
            keep_logs(&mut environment, &[], say).await?;
        }
    }
    if arguments.serve {
        say(&serve::description(&environment));
        std::future::pending::<()>().await;
    }
    Ok(code)
}

fn read(path: &Path) -> Result<Value> {
    let what = format!("reading the request {}", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::new(&what, error).advise("The directory examples/ holds requests to start from."))?;
    serde_json::from_str(&text).map_err(|error| Error::new(what, format!("it is not JSON: {error}")))
}

/// Runs one action after the other until one fails. Answers with the exit code, and the executions by their names.
async fn run_all(
    environment: &Environment,
    request: &Value,
    arguments: &Arguments,
    say: fn(&str),
) -> Result<(u8, Vec<(String, Execution)>)> {
    say(&format!("Simulated time passes {} times as fast.", arguments.speed));
    // A request alone is run as it is, even if it is wrong.
    let planned: Vec<(Action, Value)> = if arguments.actions.is_empty() {
        vec![(Action::of(request), request.clone())]
    } else {
        let with = |action: &Action| (*action, action.put_into(request));
        arguments.actions.iter().map(with).collect()
    };
    let several = planned.len() > 1;
    let mut runs = Vec::new();
    for (n, (action, request)) in planned.iter().enumerate() {
        let name = format!("{}-{}", n + 1, action.name());
        if several {
            say(&report::heading(n + 1, planned.len(), action.name()));
        } else {
            say("Running the workflow.\n");
        }
        let (execution, took) = follow(environment, &name, request, arguments.speed, say).await?;
        let code = result(*action, &execution, took, arguments.json, several);
        runs.push((name, execution));
        if code != 0 {
            let rest = planned.len() - n - 1;
            if rest > 0 {
                say(&format!("\nNot run, as this failed: {rest} more."));
            }
            return Ok((code, runs));
        }
    }
    Ok((0, runs))
}

/// Runs the workflow once and shows what happens.
async fn follow(
    environment: &Environment,
    name: &str,
    request: &Value,
    speed: f64,
    say: fn(&str),
) -> Result<(Execution, Took)> {
    let recorder = &environment.simulators.recorder;
    let clock = environment.simulators.fabric.clock;
    let mut seen = recorder.calls().len();
    let (begun, begun_simulated) = (Instant::now(), clock.now());
    let mut live = Live::new(begun_simulated, speed);
    let mut running = environment.begin_as(name, request).await?;
    loop {
        // Asked first, so that the last news are shown before the end is.
        let outcome = running.outcome().await?;
        let calls = recorder.calls().split_off(seen);
        seen += calls.len();
        for line in live.lines(running.news().await?, &calls) {
            say(&line);
        }
        if let Some(outcome) = outcome {
            let took = Took {
                simulated: clock.now().saturating_sub(begun_simulated),
                real: begun.elapsed(),
            };
            return Ok((running.ended(outcome).await?, took));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn result(action: Action, execution: &Execution, took: Took, json: bool, several: bool) -> u8 {
    let print = |value: &Value| {
        if several {
            println!("{value}");
        } else {
            println!("{value:#}");
        }
    };
    match &execution.outcome {
        Outcome::Succeeded(output) => {
            if json {
                print(output);
            } else {
                println!("{}", report::succeeded(action, output, took));
            }
            0
        }
        Outcome::Failed(failure) => {
            if json {
                print(&report::failed_json(failure));
            } else {
                println!("{}", report::failed(failure, took));
            }
            FAILED
        }
    }
}

/// The histories beside the logs: `history.jsonl` of one execution, `history-2-provision.jsonl` of several.
async fn keep_logs(environment: &mut Environment, runs: &[(String, Execution)], say: fn(&str)) -> Result<()> {
    environment.keep_logs().await?;
    let dir = environment.logs_dir();
    for (name, execution) in runs {
        let file = match runs {
            [_] => "history.jsonl".to_owned(),
            _ => format!("history-{name}.jsonl"),
        };
        let history = dir.join(file);
        std::fs::write(&history, execution.history_text())
            .map_err(|error| Error::new(format!("writing {}", history.display()), error))?;
    }
    let calls = dir.join(CALLS);
    // A fleet's are there already.
    if !runs.is_empty() {
        let lines = rehearsal::growth::lines(&environment.simulators.recorder.calls());
        std::fs::write(&calls, lines).map_err(|error| Error::new(format!("writing {}", calls.display()), error))?;
    }
    say(&format!("Logs, calls and history: {}", dir.display()));
    Ok(())
}
