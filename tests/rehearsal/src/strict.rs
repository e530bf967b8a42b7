//! The stricter second engine: moto's interpreter of Step Functions, whose tasks call the emulator; for tests.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::deploy::Outputs;
use crate::emulator::{ACCOUNT, REGION};
use crate::guarded::{Guarded, Program};
use crate::{Error, Result, http};

const WHAT: &str = "starting the stricter engine";
/// Address space in KiB.
const MEMORY_KIB: u32 = 4 * 1024 * 1024;
const LAUNCHER: &str = include_str!("strict.py");
/// A machine with ten times as much to do as it can takes a minute.
const READY_LIMIT: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// State machines of the stack that this engine refuses, by the stack's output that names them, and why.
///
/// Each contradicts the "AWS Step Functions Developer Guide", where the definition is right; they run on the default engine.
pub const REFUSED: [(&str, &str); 2] = [
    (
        "FleetArn",
        "moto's grammar has no Arguments in a ResultWriter, which \"ResultWriter (Map)\" has for JSONata",
    ),
    (
        "SweepArn",
        "moto's grammar has no integer as ToleratedFailurePercentage, which \"Using Map state in Distributed mode\" has",
    ),
];

/// A running engine. Dropping it kills it.
#[derive(Debug)]
pub struct Strict {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub url: String,
    process: Guarded,
}

/// What the engine is started with.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The interpreter that has moto, see [`crate::python::ensure_strict`].
    pub python: &'a Path,
    /// Where tasks are sent: the emulator's, which need not run yet.
    pub emulator_url: &'a str,
    /// For temporary files.
    pub temp_dir: &'a Path,
    /// Where the engine's output goes.
    pub log: &'a Path,
    /// How much faster than the wall's clock waits pass.
    pub speed: f64,
}

impl Strict {
    /// Starts the engine on a free port. It is ready some seconds later: see [`Strict::ready`].
    ///
    /// # Errors
    /// When it does not start; with the end of its log.
    pub async fn start(settings: Settings<'_>) -> Result<Self> {
        let port_file = settings.temp_dir.join("strict.port");
        // Of an attempt before this one.
        let _ = fs::remove_file(&port_file);
        let mut process = Guarded::python(&Program {
            what: WHAT,
            python: settings.python,
            text: LAUNCHER,
            memory_kib: MEMORY_KIB,
            variables: environment(&settings, &port_file),
            directory: settings.temp_dir,
            log: settings.log,
        })?;
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let port = fs::read_to_string(&port_file).unwrap_or_default();
            if let Ok(port) = port.parse::<u16>() {
                let url = format!("http://127.0.0.1:{port}");
                return Ok(Self { url, process });
            }
            process.check()?;
            if Instant::now() > deadline {
                return Err(process.failed(&format!("it did not listen within {} s", READY_LIMIT.as_secs())));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it ends, or does not answer within five minutes; with the end of its log.
    pub async fn ready(&mut self) -> Result<()> {
        let client = http::client()?;
        let url = format!("{}/moto-api/config", self.url);
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            self.process.check()?;
            let answer = client.get(&url).timeout(LOOK).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self
                    .process
                    .failed(&format!("it did not answer within {} s", READY_LIMIT.as_secs())));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Takes over the state machines of a stack from the emulator, under their ARNs, but for [`REFUSED`].
    ///
    /// # Errors
    /// When one can't be read, or this engine refuses it.
    pub async fn take_over(&self, emulator: &Aws, outputs: &Outputs) -> Result<()> {
        let own = emulator.clone().with_states_at(&self.url);
        for (name, arn) in outputs.iter().filter(|(_, value)| value.contains(":stateMachine:")) {
            if REFUSED.iter().any(|(refused, _)| refused == name) {
                continue;
            }
            let described = describe(emulator, arn).await?;
            let made = create(&own, &described).await?;
            if made.as_deref() != Ok(arn) {
                return Err(Error::new(
                    format!("taking over the state machine {arn}"),
                    match made {
                        Ok(other) => format!("it became {other}"),
                        Err(why) => why,
                    },
                ));
            }
        }
        Ok(())
    }

    /// Makes states of executions that start from now on fail; `None`: no more.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn refuse(&self, states: Option<(&[&str], &str, &str)>) -> Result<()> {
        let what = "setting the stricter engine";
        let refused = states.map(|(states, error, cause)| json!({ "states": states, "error": error, "cause": cause }));
        let config = json!({ "stepfunctions": { "execute_state_machine": true, "refused": refused } });
        let url = format!("{}/moto-api/config", self.url);
        let answer = http::client()?.post(url).body(config.to_string()).send().await;
        let answer = answer.map_err(|error| Error::new(what, error))?;
        answer
            .error_for_status()
            .map_err(|error| Error::new(what, error))
            .map(drop)
    }

    /// The last lines of its output, indented.
    pub fn end_of_log(&self) -> String {
        self.process.end_of_log()
    }
}

/// A deployed state machine, as DescribeStateMachine tells it.
///
/// # Errors
/// When there is none.
pub async fn describe(aws: &Aws, arn: &str) -> Result<Value> {
    let body = json!({ "stateMachineArn": arn });
    aws.expect_json("states", "AWSStepFunctions.DescribeStateMachine", &body)
        .await
}

/// Makes a state machine like another one: its ARN, or why it was refused.
///
/// # Errors
/// When the engine does not answer.
pub async fn create(aws: &Aws, described: &Value) -> Result<std::result::Result<String, String>> {
    let body = json!({
        "name": described["name"], "definition": described["definition"], "roleArn": described["roleArn"], "type": described["type"]
    });
    let answer = aws.json("states", "AWSStepFunctions.CreateStateMachine", &body).await?;
    Ok(answer
        .map(|made| made["stateMachineArn"].as_str().unwrap_or_default().to_owned())
        .map_err(|error| error.to_string()))
}

/// The whole environment of the engine: nothing of the user's but the PATH.
fn environment(settings: &Settings<'_>, port_file: &Path) -> Vec<(&'static str, String)> {
    let temp_dir = settings.temp_dir.display().to_string();
    vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", temp_dir.clone()),
        ("TMPDIR", temp_dir),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("MALLOC_ARENA_MAX", "2".to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("MOTO_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("STRICT_EMULATOR_URL", settings.emulator_url.to_owned()),
        ("STRICT_PORT_FILE", port_file.display().to_string()),
        ("STRICT_SPEED", settings.speed.to_string()),
    ]
}
