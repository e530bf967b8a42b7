//! One process from its start to the answer of its first event.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::remotes::Remotes;
use crate::runtime_api::{Heard, RuntimeApi};
use crate::subjects::Subject;

/// Python under valgrind takes two minutes; everything else seconds.
const LIMIT: Duration = Duration::from_secs(240);
/// A process that used no processor time for so long has gone to sleep.
const QUIET: Duration = Duration::from_millis(2);
/// What a runtime does in the background after that (a collector, a compiler) is not counted.
const QUIET_LIMIT: Duration = Duration::from_millis(30);

/// What a process has used since it was started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User and system time of all its threads, ms.
    pub cpu_ms: f64,
    /// Wall time, ms.
    pub wall_ms: f64,
    /// Page faults that needed no disk.
    pub minor_faults: f64,
    /// Peak resident memory, MB of 10^6 bytes.
    pub rss_mb: f64,
}

/// One start of a subject.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Until it asks for its first event.
    pub init: Usage,
    /// Until it asks for its second one, so with the first one answered; what `init` counts included.
    pub first: Usage,
}

/// A running subject. Dropping it kills it.
pub struct Run {
    api: RuntimeApi,
    child: Child,
    started: Instant,
    errors: PathBuf,
    name: String,
}

impl Run {
    /// Starts a subject; `under` is a program and its arguments that runs it, or nothing.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(subject: &Subject, remotes: &Remotes, dir: &Path, under: &[String]) -> Result<Self> {
        let api = RuntimeApi::start().await?;
        let mut words = under.to_vec();
        words.push(subject.program.display().to_string());
        words.extend(subject.arguments.iter().cloned());
        let errors = dir.join(format!("{}.stderr", subject.name));
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .envs(LAMBDA)
            .env("HOME", dir)
            .envs(remotes.environment())
            .envs(subject.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors)?);
        let started = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("starting {}: {error}", words[0]))?;
        Ok(Self {
            api,
            child,
            started,
            errors,
            name: subject.name.clone(),
        })
    }

    /// Waits until it asks for an event.
    ///
    /// # Errors
    /// When it fails, ends, or does not come so far.
    pub async fn ready(&mut self) -> Result<()> {
        match self.hear().await? {
            Heard::Next => Ok(()),
            Heard::Failure(error) | Heard::Answer(error) => Err(self.failed(&error.to_string())),
        }
    }

    /// Its answer to an event.
    ///
    /// # Errors
    /// As [`Run::ready`], and when it answers with an error.
    pub async fn answer(&mut self, event: &Value) -> Result<Value> {
        self.api.send(event);
        match self.hear().await? {
            Heard::Answer(answer) => Ok(answer),
            Heard::Failure(error) => Err(self.failed(&error.to_string())),
            Heard::Next => Err(self.failed("asks for another event without an answer")),
        }
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn terminate(&self) -> Result<()> {
        let kill = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        if kill.success() {
            Ok(())
        } else {
            Err(self.failed("cannot be ended"))
        }
    }

    /// Waits for its end, so that what a tool around it writes is whole.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }

    async fn hear(&mut self) -> Result<Heard> {
        const TURN: Duration = Duration::from_millis(250);
        let until = Instant::now() + LIMIT;
        while Instant::now() < until {
            if let Some(heard) = self.api.hear(TURN).await {
                return Ok(heard);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(&format!("ended with {status}")));
            }
        }
        Err(self.failed("does nothing"))
    }

    fn failed(&self, what: &str) -> crate::Error {
        let errors = fs::read_to_string(&self.errors).unwrap_or_default();
        format!("{}: {what}\n{}", self.name, errors.trim_end()).into()
    }

    /// What it has used, once it sleeps.
    async fn usage(&self) -> Result<Usage> {
        let wall = self.started.elapsed();
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        let began = Instant::now();
        let mut used = cpu(&proc)?;
        while began.elapsed() < QUIET_LIMIT {
            tokio::time::sleep(QUIET).await;
            let now = cpu(&proc)?;
            if now == used {
                break;
            }
            used = now;
        }
        let status = fs::read_to_string(proc.join("status"))?;
        let stat = fs::read_to_string(proc.join("stat"))?;
        let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak_kib = peak_kib.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
        // The name of the program, in parentheses, is the second field and may hold anything.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let minor_faults = fields.split_whitespace().nth(7).and_then(|text| text.parse().ok());
        Ok(Usage {
            cpu_ms: used.as_secs_f64() * 1e3,
            wall_ms: wall.as_secs_f64() * 1e3,
            minor_faults: minor_faults.ok_or("/proc has no page faults")?,
            rss_mb: peak_kib.ok_or("/proc has no VmHWM")? * 1024.0 / 1e6,
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Lambda sets, as far as anything here reads it.
const LAMBDA: [(&str, &str); 13] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/measured"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_DEFAULT_REGION", "eu-west-1"),
    // The simulators' own consumer: the access key is the account.
    ("AWS_ACCESS_KEY_ID", "111122223333"),
    ("AWS_SECRET_ACCESS_KEY", "simulated"),
    ("AWS_SESSION_TOKEN", "simulated"),
    ("LANG", "C.UTF-8"),
    // Of the template; only `start` reads it.
    (
        "WORKFLOW_ARN",
        "arn:aws:states:eu-west-1:111122223333:stateMachine:privatelink",
    ),
];

/// User and system time of all threads, to the nanosecond (`/proc/<pid>/stat` and `rusage` of a running process count in ticks
/// of 10 ms). Threads that have ended are not in it; none of the subjects has any.
fn cpu(proc: &Path) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(proc.join("task"))? {
        // It may end just now.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let on_processor = text.split_whitespace().next().and_then(|text| text.parse::<u64>().ok());
        nanoseconds += on_processor.ok_or("/proc has no schedstat")?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Starts a subject and gives it its event.
///
/// # Errors
/// When it fails.
pub async fn sample(subject: &Subject, remotes: &Remotes, dir: &Path) -> Result<Sample> {
    let mut run = Run::start(subject, remotes, dir, &[]).await?;
    run.ready().await?;
    let init = run.usage().await?;
    run.answer(&subject.event).await?;
    run.ready().await?;
    let first = run.usage().await?;
    Ok(Sample { init, first })
}
