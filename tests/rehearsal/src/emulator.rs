//! MiniStack, the emulator of AWS, as a child process that cannot outlive this one.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Error, Result, http, python};

/// The account in which the workflow is deployed.
pub const ACCOUNT: &str = "111122223333";
/// The region in which the workflow is deployed.
pub const REGION: &str = "eu-west-1";

/// Address space of the emulator and of each function, in KiB. A state machine that loops once took the emulator to 15 GB.
const MEMORY_KIB: u32 = 8 * 1024 * 1024;
/// Starts MiniStack with what it lacks of Step Functions.
const LAUNCHER: &str = include_str!("launcher.py");
const READY_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const SHOWN_LINES: usize = 20;

/// Runs a command under a memory limit, with a watchdog beside it: when the pipe at standard input closes, which the kernel
/// does however the parent ends, the watchdog kills the whole process group, functions included.
///
/// Not every system can limit the address space; there it runs without.
const GUARDED: &str = r#"
exec 3<&0 </dev/null
( trap '' INT TERM HUP; cat <&3; kill -s KILL -- "-$$" ) >/dev/null 2>&1 &
ulimit -v "$1" 2>/dev/null
shift
exec "$@" 3<&-
"#;

/// A running emulator. Dropping it kills it and every function that it runs.
#[derive(Debug)]
pub struct Emulator {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub url: String,
    /// The emulator's output.
    pub log: PathBuf,
    child: Child,
    lifeline: Option<ChildStdin>,
}

/// What an emulator is started with.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The interpreter that has MiniStack, see [`python::ensure`].
    pub python: &'a Path,
    /// From [`free_port`].
    pub port: u16,
    /// For temporary files, among them the functions' unpacked code.
    pub temp_dir: &'a Path,
    /// Where the emulator's output goes.
    pub log: &'a Path,
    /// How much faster than the wall's clock waits pass.
    pub speed: f64,
    /// Where the functions' calls to EC2 go instead of to the emulator.
    pub ec2_url: Option<&'a str>,
    /// Where the functions' calls to Route 53 go instead of to the emulator.
    pub route53_url: Option<&'a str>,
    /// Where the functions' calls to Secrets Manager and DynamoDB go instead of to the emulator.
    pub aws_json_url: Option<&'a str>,
    /// Where the functions' calls to STS go instead of to the emulator.
    pub sts_url: Option<&'a str>,
}

/// A port of 127.0.0.1 that nobody listens on at this moment.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener
        .map(|address| address.port())
        .map_err(|error| Error::new("looking for a free port of 127.0.0.1", error))
}

/// The address of the emulator that will listen on a port.
pub fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

impl Emulator {
    /// Starts the emulator and waits until it answers.
    ///
    /// # Errors
    /// When it does not start, ends (as when somebody else took the port meanwhile), or does not answer within a minute; with
    /// the end of its log.
    pub async fn start(settings: Settings<'_>) -> Result<Self> {
        const WHAT: &str = "starting the emulator";
        let Settings { python, port, log, .. } = settings;
        let identity = identity();
        let failed = |error: &dyn std::fmt::Display| Error::new(WHAT, error);
        let output = File::create(log).map_err(|error| failed(&error))?;
        let errors = output.try_clone().map_err(|error| failed(&error))?;
        let mut child = Command::new("sh")
            .args(["-c", GUARDED, "sh", &MEMORY_KIB.to_string()])
            .arg(python)
            .args(["-c", LAUNCHER])
            .env_clear()
            .envs(environment(&settings, &identity))
            .current_dir(settings.temp_dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| failed(&error))?;
        let lifeline = child.stdin.take();
        let mut emulator = Self {
            url: url(port),
            log: log.to_owned(),
            child,
            lifeline,
        };
        emulator.wait_until_ready(&identity).await?;
        Ok(emulator)
    }

    async fn wait_until_ready(&mut self, identity: &str) -> Result<()> {
        let client = http::client()?;
        let health = format!("{}/_ministack/health", self.url);
        let deadline = Instant::now() + READY_LIMIT;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failed(&format!("it ended with {status}")));
            }
            // On the same port could be somebody else's emulator.
            let answer = client.get(&health).timeout(Duration::from_secs(5)).send().await;
            if let Ok(answer) = answer
                && let Ok(body) = answer.json::<Value>().await
                && body["edition"] == identity
            {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(self.failed(&format!(
            "it did not answer at {health} within {} s",
            READY_LIMIT.as_secs()
        )))
    }

    fn failed(&self, why: &str) -> Error {
        Error::new(
            "starting the emulator",
            format!("{why}; the end of its log:\n{}", self.end_of_log()),
        )
        .advise(format!("The whole log: {}", self.log.display()))
    }

    /// The last lines of its output, indented.
    pub fn end_of_log(&self) -> String {
        python::last_lines(&fs::read_to_string(&self.log).unwrap_or_default(), SHOWN_LINES)
    }

    /// The emulator's process id, which is also its process group's.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A word that the emulator's health page repeats.
fn identity() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!(
        "rehearsal-{}-{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    )
}

/// The whole environment of the emulator, which its functions inherit: nothing of the user's but the PATH, so that no
/// credential, profile or proxy of theirs gets in.
fn environment(settings: &Settings<'_>, identity: &str) -> Vec<(&'static str, String)> {
    let temp_dir = settings.temp_dir.display().to_string();
    let mut variables = vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", temp_dir.clone()),
        ("TMPDIR", temp_dir.clone()),
        ("STATE_DIR", format!("{temp_dir}/state")),
        ("S3_DATA_DIR", format!("{temp_dir}/s3")),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        // glibc reserves 64 MB of address space for each of its arenas, 8 of them a core.
        ("MALLOC_ARENA_MAX", "2".to_owned()),
        // Its default is every interface.
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("MINISTACK_HOST", "127.0.0.1".to_owned()),
        ("GATEWAY_PORT", settings.port.to_string()),
        ("MINISTACK_EDITION", identity.to_owned()),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("MINISTACK_REGION", REGION.to_owned()),
        ("SFN_WAIT_SCALE", (1.0 / settings.speed).to_string()),
        ("LAMBDA_EXECUTOR", "local".to_owned()),
        // What the functions inherit.
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCOUNT.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "rehearsal".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_ENDPOINT_URL", url(settings.port)),
    ];
    if let Some(ec2_url) = settings.ec2_url {
        variables.push(("AWS_ENDPOINT_URL_EC2", ec2_url.to_owned()));
    }
    if let Some(route53_url) = settings.route53_url {
        variables.push(("AWS_ENDPOINT_URL_ROUTE_53", route53_url.to_owned()));
    }
    if let Some(aws_json_url) = settings.aws_json_url {
        for name in ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_DYNAMODB"] {
            variables.push((name, aws_json_url.to_owned()));
        }
    }
    if let Some(sts_url) = settings.sts_url {
        variables.push(("AWS_ENDPOINT_URL_STS", sts_url.to_owned()));
    }
    variables
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{BufRead, BufReader, Read};

    use super::*;

    #[test]
    fn the_emulator_binds_to_loopback_and_inherits_no_credentials() {
        let settings = Settings {
            python: Path::new("python3"),
            port: 4566,
            temp_dir: Path::new("/tmp/x"),
            log: Path::new("/tmp/x/log"),
            speed: 20.0,
            ec2_url: Some("http://127.0.0.1:1"),
            route53_url: Some("http://127.0.0.1:2"),
            aws_json_url: None,
            sts_url: Some("http://127.0.0.1:3"),
        };
        let variables = environment(&settings, "me");
        let get = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(get("BIND_HOST"), Some("127.0.0.1"));
        assert_eq!(get("SFN_WAIT_SCALE"), Some("0.05"));
        assert_eq!(get("HOME"), Some("/tmp/x"));
        assert_eq!(get("AWS_ENDPOINT_URL"), Some("http://127.0.0.1:4566"));
        assert_eq!(get("AWS_ENDPOINT_URL_EC2"), Some("http://127.0.0.1:1"));
        assert_eq!(get("AWS_ENDPOINT_URL_ROUTE_53"), Some("http://127.0.0.1:2"));
        assert_eq!(get("AWS_ENDPOINT_URL_STS"), Some("http://127.0.0.1:3"));
        assert_eq!(
            (get("AWS_PROFILE"), get("AWS_SESSION_TOKEN"), get("HTTPS_PROXY")),
            (None, None, None)
        );
    }

    #[test]
    fn a_guarded_command_and_its_children_die_when_the_pipe_closes() {
        // The grandchild holds the output open, so that its end is the end of both.
        let mut child = Command::new("sh")
            .args(["-c", GUARDED, "sh", "1000000", "sh", "-c", "sleep 600 & echo up; wait"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        drop(child.stdin.take());
        line.clear();
        assert_eq!(output.read_line(&mut line).unwrap(), 0, "both have ended");
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_guarded_command_runs_under_the_limit_and_without_input() {
        let mut child = Command::new("sh")
            .args(["-c", GUARDED, "sh", "500000", "sh", "-c", "ulimit -v; cat; echo done"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = String::new();
        child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        assert_eq!(output, "500000\ndone\n");
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}
