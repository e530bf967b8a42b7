//! MiniStack, the emulator of AWS, as a child process that cannot outlive this one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::guarded::{Guarded, Program};
use crate::{Error, Result, http};

/// The account in which the workflow is deployed.
pub const ACCOUNT: &str = "111122223333";
/// The region in which the workflow is deployed.
pub const REGION: &str = "eu-west-1";

/// Address space of the emulator and of each function, in KiB. A state machine that loops once took the emulator to 15 GB.
const MEMORY_KIB: u32 = 8 * 1024 * 1024;
/// Starts MiniStack with what it lacks of Step Functions, of SQS's time, and of the rights of its roles.
const LAUNCHER: &str = concat!(
    include_str!("launcher.py"),
    "\n",
    include_str!("callbacks.py"),
    "\n",
    include_str!("machine_rights.py")
);
/// Where the emulator writes which rights the state machines' roles used, beside its temporary files.
const RIGHTS_LOG: &str = "rights.jsonl";
const WHAT: &str = "starting the emulator";
const READY_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Services that the functions call and that speak JSON.
const SPEAKING_JSON: [&str; 6] = [
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_ENDPOINT_URL_ORGANIZATIONS",
    "AWS_ENDPOINT_URL_SFN",
    "AWS_ENDPOINT_URL_SQS",
];

/// A running emulator. Dropping it kills it and every function that it runs.
#[derive(Debug)]
pub struct Emulator {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub url: String,
    /// The emulator's output.
    pub log: PathBuf,
    process: Guarded,
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
    /// Where the functions' calls to the services that speak JSON go instead of to the emulator.
    pub aws_json_url: Option<&'a str>,
    /// Where the functions' calls to STS go instead of to the emulator.
    pub sts_url: Option<&'a str>,
    /// Where the functions' calls to Step Functions go instead of to the emulator: the stricter engine's.
    pub states_url: Option<&'a str>,
}

impl<'a> Settings<'a> {
    /// All calls of the functions go to the emulator.
    pub fn alone(python: &'a Path, port: u16, temp_dir: &'a Path, log: &'a Path, speed: f64) -> Self {
        Self {
            python,
            port,
            temp_dir,
            log,
            speed,
            ec2_url: None,
            route53_url: None,
            aws_json_url: None,
            sts_url: None,
            states_url: None,
        }
    }
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
        let identity = identity();
        let process = Guarded::python(&Program {
            what: WHAT,
            python: settings.python,
            text: LAUNCHER,
            memory_kib: MEMORY_KIB,
            variables: environment(&settings, &identity),
            directory: settings.temp_dir,
            log: settings.log,
        })?;
        let mut emulator = Self {
            url: url(settings.port),
            log: settings.log.to_owned(),
            process,
        };
        emulator.wait_until_ready(&identity).await?;
        Ok(emulator)
    }

    async fn wait_until_ready(&mut self, identity: &str) -> Result<()> {
        let client = http::client()?;
        let health = format!("{}/_ministack/health", self.url);
        let deadline = Instant::now() + READY_LIMIT;
        while Instant::now() < deadline {
            self.process.check()?;
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
        Err(self.process.failed(&format!(
            "it did not answer at {health} within {} s",
            READY_LIMIT.as_secs()
        )))
    }

    /// The last lines of its output, indented.
    pub fn end_of_log(&self) -> String {
        self.process.end_of_log()
    }

    /// The emulator's process id, which is also its process group's.
    pub fn process_id(&self) -> u32 {
        self.process.id()
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

/// The file that tells which rights of state machines' roles were used, a JSON object a line; absent until there is one.
pub(crate) fn rights_log(temp_dir: &Path) -> PathBuf {
    temp_dir.join(RIGHTS_LOG)
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
        ("RIGHTS_LOG", rights_log(settings.temp_dir).display().to_string()),
        ("SFN_WAIT_SCALE", (1.0 / settings.speed).to_string()),
        ("LAMBDA_EXECUTOR", "local".to_owned()),
        // What the functions inherit.
        ("WAIT_SCALE", (1.0 / settings.speed).to_string()),
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
        for name in SPEAKING_JSON {
            variables.push((name, aws_json_url.to_owned()));
        }
    }
    if let Some(sts_url) = settings.sts_url {
        variables.push(("AWS_ENDPOINT_URL_STS", sts_url.to_owned()));
    }
    if let Some(states_url) = settings.states_url {
        variables.push(("AWS_ENDPOINT_URL_SFN", states_url.to_owned()));
    }
    variables
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
            states_url: Some("http://127.0.0.1:4"),
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
        assert_eq!(get("AWS_ENDPOINT_URL_SFN"), Some("http://127.0.0.1:4"));
        assert_eq!(
            (get("AWS_PROFILE"), get("AWS_SESSION_TOKEN"), get("HTTPS_PROXY")),
            (None, None, None)
        );
    }
}
