//! Everything together: the emulator, the simulators, and in them the real product, deployed and ready to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use simulators::rights::{Rights, Use};
use simulators::{Simulators, SimulatorsConfig, aiven, hcp};
use tokio::sync::{OnceCell, Semaphore};

use crate::aws::Aws;
use crate::deploy::{Outputs, deploy};
use crate::emulator::{self, Emulator};
use crate::execution::{Execution, Running};
use crate::functions::{self, Zips};
use crate::run_dir::RunDir;
use crate::strict::{self, Strict};
use crate::{Error, Result, package, paths, python, rights};

/// The stack's name.
pub const STACK: &str = "privatelink";
/// What [`Environment::start`] gives for the stack's parameter SecretNamePrefix.
pub const SECRET_NAME_PREFIX: &str = "privatelink/";
const BUCKET: &str = "privatelink-artefacts";
/// Real time that one run may take in [`Environment::run`].
const RUN_LIMIT: Duration = Duration::from_secs(300);
/// Ports that somebody else took between choosing and binding.
const PORT_ATTEMPTS: u32 = 3;
/// Executions of [`Environment::run`] at once; more wait. Each has a process of its own for each function: forty took 38 s on
/// four cores where one took 33 s, a hundred took 260 s.
const RUNS_AT_ONCE: usize = 40;

/// What runs the state machine. Everything else is the emulator's with both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// The emulator itself, MiniStack.
    #[default]
    Default,
    /// moto, which refuses what AWS refuses in more places, and knows fewer services.
    Strict,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// What runs the state machine.
    pub engine: Engine,
    /// The SAM template.
    pub template: PathBuf,
    /// Speed, knobs and worlds. `upstream` is filled in.
    pub simulators: SimulatorsConfig,
    /// Parameters of the stack besides those that [`Environment::start`] gives.
    pub parameters: BTreeMap<String, String>,
    /// The emulator's log stays after the end; after a start that failed it always does.
    pub keep_logs: bool,
    /// Tells a person what is being done.
    pub say: fn(&str),
}

impl Default for Options {
    /// The real template with its defaults, and simulated time 24 times as fast as the wall's: twelve minutes in thirty seconds.
    fn default() -> Self {
        Self {
            engine: Engine::Default,
            template: paths::workspace_root().join("samplesam.yaml"),
            simulators: SimulatorsConfig {
                speed: 24.0,
                ..SimulatorsConfig::default()
            },
            parameters: BTreeMap::new(),
            keep_logs: false,
            say: |text| eprintln!("{text}"),
        }
    }
}

/// A running environment. Dropping it stops everything that it started.
///
/// Several can run on a machine at once, and one can run many executions at once; its clock and its simulators are shared by
/// all of them.
#[derive(Debug)]
pub struct Environment {
    // Dropped in this order: the functions first, then what they call.
    pub emulator: Emulator,
    /// The second engine, if it runs the state machine.
    pub strict: Option<Strict>,
    pub simulators: Simulators,
    /// The emulator's APIs.
    pub aws: Aws,
    /// The state machine's ARN.
    pub workflow_arn: String,
    /// All outputs of the stack.
    pub outputs: Outputs,
    /// The simulators' certificate authority, PEM.
    pub ca_file: PathBuf,
    /// The interpreter of the emulator's environment; it has boto3.
    pub python: PathBuf,
    runs: Semaphore,
    run_dir: RunDir,
}

impl Environment {
    /// Installs, builds and starts what is needed, deploys the template and stores the vendors' secrets. What is built is built once in
    /// a process.
    ///
    /// # Errors
    /// When any of it fails; the text says what, why and what to do.
    pub async fn start(options: Options) -> Result<Self> {
        static BUILT: OnceCell<(PathBuf, Zips)> = OnceCell::const_new();
        let say = options.say;
        let build = move || {
            // Python first: whoever lacks it learns so before the long build.
            let python = python::ensure(&say)?;
            say("Building the functions; the first time takes some minutes.");
            Ok((python, functions::build()?))
        };
        let (python, zips) = BUILT.get_or_try_init(|| blocking(build)).await?;
        Self::start_with(options, python.clone(), zips).await
    }

    /// As [`Environment::start`], with what was built before.
    ///
    /// # Errors
    /// When any of it fails.
    pub async fn start_with(options: Options, python: PathBuf, zips: &Zips) -> Result<Self> {
        (options.say)("Starting the emulator and the simulators.");
        let run_dir = RunDir::new()?;
        let strict_python = match options.engine {
            Engine::Default => None,
            Engine::Strict => Some(strict_python(options.say).await?),
        };
        let servers = start_servers(&options.simulators, &python, strict_python.as_deref(), &run_dir).await?;
        let Servers {
            emulator,
            mut strict,
            simulators,
        } = servers;
        let ca_file = run_dir.temp.join("ca.pem");
        fs::write(&ca_file, &simulators.ca_pem)
            .map_err(|error| Error::new(format!("writing {}", ca_file.display()), error))?;

        (options.say)(&format!("Deploying {}.", options.template.display()));
        let mut aws = Aws::new(&emulator.url)?;
        let parameters = parameters(&simulators, &ca_file, &options.parameters);
        let outputs = deploy_template(&aws, &options.template, zips, &parameters).await?;
        let workflow_arn = outputs.get("WorkflowArn").cloned().ok_or_else(|| {
            Error::new(
                "reading the stack's outputs",
                format!("{} has no output WorkflowArn", options.template.display()),
            )
        })?;
        if let Some(strict) = &mut strict {
            strict.ready().await?;
            strict.take_over(&aws, &outputs).await?;
            aws = aws.with_states_at(&strict.url);
        }
        let mut environment = Self {
            emulator,
            strict,
            simulators,
            aws,
            workflow_arn,
            outputs,
            ca_file,
            python,
            runs: Semaphore::new(RUNS_AT_ONCE),
            run_dir,
        };
        environment.store_secrets().await?;
        environment.run_dir.keep_logs(options.keep_logs);
        Ok(environment)
    }

    /// Stores what the vendors' simulators accept, as a user of the product does.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn store_secrets(&self) -> Result<()> {
        let aiven = json!({ "token": aiven::TOKEN });
        let hcp = json!({ "client_id": hcp::CLIENT_ID, "client_secret": hcp::CLIENT_SECRET });
        self.aws
            .put_secret(&format!("{SECRET_NAME_PREFIX}aiven"), &aiven.to_string())
            .await?;
        self.aws
            .put_secret(&format!("{SECRET_NAME_PREFIX}hcp"), &hcp.to_string())
            .await
    }

    /// Starts the workflow with a request.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn begin(&self, request: &Value) -> Result<Running> {
        Running::start(&self.aws, &self.workflow_arn, request).await
    }

    /// The same under a name, which no other execution of this environment has.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn begin_as(&self, name: &str, request: &Value) -> Result<Running> {
        Running::start_as(&self.aws, &self.workflow_arn, Some(name), request).await
    }

    /// Runs the workflow with a request until it ends, whatever it ends with. At most forty run at once, others wait.
    ///
    /// # Errors
    /// When it takes more than five minutes of real time, or the emulator does not answer.
    pub async fn run(&self, request: &Value) -> Result<Execution> {
        let _permit = self
            .runs
            .acquire()
            .await
            .map_err(|error| Error::new("waiting for a turn", error))?;
        self.begin(request).await?.finish(RUN_LIMIT).await
    }

    /// What a resource of the stack is called, by its name in the template.
    ///
    /// # Errors
    /// When the emulator does not answer, or has no such resource.
    pub async fn resource(&self, id: &str) -> Result<String> {
        let parameters = [("StackName", STACK), ("LogicalResourceId", id)];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let answer = self
            .aws
            .query("cloudformation", "DescribeStackResource", "2010-05-15", &parameters)
            .await?;
        let xml = answer.map_err(|error| Error::new(format!("looking for the stack's {id}"), error))?;
        let name = xml.split_once("<PhysicalResourceId>").map(|(_, rest)| rest);
        let name = name.and_then(|rest| rest.split_once("</PhysicalResourceId>"));
        name.map(|(name, _)| name.to_owned())
            .ok_or_else(|| Error::new(format!("looking for the stack's {id}"), xml.clone()))
    }

    /// What all functions have logged so far, by log group.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn logs(&self) -> Result<BTreeMap<String, String>> {
        self.aws.logs().await
    }

    /// The rights that functions and state machines used so far.
    ///
    /// # Errors
    /// When what the emulator wrote down cannot be read.
    pub fn rights_used(&self) -> Result<BTreeSet<Use>> {
        let of_functions = self.simulators.rights.as_ref().map(Rights::used).unwrap_or_default();
        let of_machines = rights::of_machines(&emulator::rights_log(&self.run_dir.temp))?;
        Ok(of_functions.into_keys().chain(of_machines.used).collect())
    }

    /// What functions and state machines did without having the right to, and what therefore was refused.
    ///
    /// # Errors
    /// When what the emulator wrote down cannot be read.
    pub fn denied(&self) -> Result<Vec<String>> {
        let mut denied = self.simulators.rights.as_ref().map(Rights::denied).unwrap_or_default();
        denied.extend(rights::of_machines(&emulator::rights_log(&self.run_dir.temp))?.denied);
        Ok(denied)
    }

    /// Where this run's logs are; they stay after [`Environment::keep_logs`].
    pub fn logs_dir(&self) -> &Path {
        &self.run_dir.logs
    }

    /// Writes the functions' logs beside the emulator's, and keeps all of them after the end.
    ///
    /// # Errors
    /// When the emulator does not answer, or a file can't be written.
    pub async fn keep_logs(&mut self) -> Result<()> {
        self.run_dir.keep_logs(true);
        for (group, text) in self.logs().await? {
            let name = group.trim_start_matches('/').replace('/', ".");
            let path = self.run_dir.logs.join(format!("{name}.log"));
            fs::write(&path, text).map_err(|error| Error::new(format!("writing {}", path.display()), error))?;
        }
        Ok(())
    }
}

/// Runs blocking work beside the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new("preparing the local run", error))?
}

/// The interpreter of the stricter engine, looked for once in a process.
async fn strict_python(say: fn(&str)) -> Result<PathBuf> {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    let install = || blocking(move || python::ensure_strict(&say));
    INSTALLED.get_or_try_init(install).await.cloned()
}

struct Servers {
    emulator: Emulator,
    strict: Option<Strict>,
    simulators: Simulators,
}

/// The simulators and the stricter engine need the emulator's address, and the emulator theirs: so its port is chosen first.
async fn start_servers(
    config: &SimulatorsConfig,
    python: &Path,
    strict_python: Option<&Path>,
    run_dir: &RunDir,
) -> Result<Servers> {
    let log = run_dir.logs.join("emulator.log");
    let speed = config.speed;
    let mut attempt = 1;
    loop {
        let port = emulator::free_port()?;
        let emulator_url = emulator::url(port);
        let simulators = Simulators::start(SimulatorsConfig {
            upstream: Some(emulator_url.clone()),
            consumer_policy: Some(consumer_policy()?),
            ..config.clone()
        })
        .await
        .map_err(|error| Error::new("starting the simulators", error))?;
        let strict = match strict_python {
            None => None,
            Some(python) => {
                let settings = strict::Settings {
                    python,
                    emulator_url: &emulator_url,
                    temp_dir: &run_dir.temp,
                    log: &run_dir.logs.join("strict.log"),
                    speed,
                };
                Some(Strict::start(settings).await?)
            }
        };
        let settings = emulator::Settings {
            python,
            port,
            temp_dir: &run_dir.temp,
            log: &log,
            speed,
            ec2_url: Some(&simulators.ec2_url),
            route53_url: simulators.route53_url.as_deref(),
            aws_json_url: simulators.aws_json_url.as_deref(),
            sts_url: simulators.sts_url.as_deref(),
            states_url: strict.as_ref().map(|strict| strict.url.as_str()),
        };
        match Emulator::start(settings).await {
            Ok(emulator) => {
                return Ok(Servers {
                    emulator,
                    strict,
                    simulators,
                });
            }
            Err(error) if attempt < PORT_ATTEMPTS && error.to_string().contains("already in use") => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// What `infra/consumer-role.yaml` allows in the accounts where it is deployed.
fn consumer_policy() -> Result<Value> {
    let template = paths::workspace_root().join("infra/consumer-role.yaml");
    let template = package::package(&template, &Zips::new(), BUCKET)?.template;
    let policies = &template["Resources"]["ConsumerRole"]["Properties"]["Policies"];
    Ok(policies[0]["PolicyDocument"].clone())
}

fn parameters(simulators: &Simulators, ca_file: &Path, more: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from(
        [
            ("HcpApiUrl", simulators.hcp_url.clone()),
            ("HcpAuthUrl", simulators.hcp_auth_url.clone()),
            ("AivenApiUrl", simulators.aiven_url.clone()),
            ("SecretNamePrefix", SECRET_NAME_PREFIX.to_owned()),
            ("ExtraCaFile", ca_file.display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    parameters.extend(more.clone());
    parameters
}

async fn deploy_template(
    aws: &Aws,
    template: &Path,
    zips: &Zips,
    parameters: &BTreeMap<String, String>,
) -> Result<Outputs> {
    let package = package::package(template, zips, BUCKET)?;
    // The emulator ignores what the template does not know, and the functions would call the real vendors.
    let known = &package.template["Parameters"];
    if let Some(unknown) = parameters.keys().find(|name| known.get(name.as_str()).is_none()) {
        return Err(Error::new(
            format!("deploying {}", template.display()),
            format!("it has no parameter {unknown}"),
        ));
    }
    aws.create_bucket(BUCKET).await?;
    deploy(aws, STACK, BUCKET, &package, parameters).await
}
