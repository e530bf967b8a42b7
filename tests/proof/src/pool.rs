//! Running environments. A trial has one for itself, so that every call in it is the trial's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rehearsal::functions::{self, Zips};
use rehearsal::{Environment, Error, Options, Result, paths, python};
use tempfile::TempDir;

/// How much faster than the wall's clock simulated time passes: a wait of 15 s takes an eighth of a second.
pub const SPEED: f64 = 120.0;
/// Lives in one environment before another takes its place: histories and logs add up.
const LIVES: u32 = 60;
/// What the vendors and EC2 take for anything: shorter than the time between two looks, so that the second look finds it done
/// and the calls of a life are the same every time.
const DELAY: Duration = Duration::from_secs(10);
/// How long reads do not see a new endpoint: longer than a retry waits, so that it can only lean on what it sends.
pub(crate) const UNSEEN: Duration = Duration::from_secs(90);

/// Environments that wait for a trial.
pub struct Pool {
    python: PathBuf,
    zips: Zips,
    idle: Mutex<Vec<Stage>>,
    worlds: AtomicU32,
    _zips_dir: TempDir,
}

/// A running environment that one trial has for itself.
pub struct Stage {
    pub environment: Environment,
    lives: u32,
    /// The template is the real one: another trial can use it.
    is_plain: bool,
}

impl Pool {
    /// Installs the emulator and builds the functions.
    ///
    /// # Errors
    /// When either fails.
    pub async fn new() -> Result<Self> {
        let built = tokio::task::spawn_blocking(|| {
            let python = python::ensure(&|text| eprintln!("{text}"))?;
            Ok((python, functions::build()?))
        });
        let (python, zips) = built
            .await
            .map_err(|error| Error::new("building the functions", error))??;
        // A build beside a long run takes the zips away.
        let failed = |error| Error::new("keeping the functions for this run", error);
        let zips_dir = TempDir::new_in(paths::rehearsal_dir()?).map_err(failed)?;
        let mut kept = Zips::new();
        for (name, zip) in zips {
            let path = zips_dir.path().join(format!("{name}.zip"));
            fs::hard_link(&zip, &path).map_err(failed)?;
            kept.insert(name, path);
        }
        Ok(Self {
            python,
            zips: kept,
            _zips_dir: zips_dir,
            idle: Mutex::default(),
            worlds: AtomicU32::default(),
        })
    }

    /// An environment of the real template.
    ///
    /// # Errors
    /// When one has to be started and does not.
    pub async fn take(&self) -> Result<Stage> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(stage) => Ok(stage),
            None => self.start(None).await,
        }
    }

    /// An environment of another template, which only one trial uses.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_with(&self, template: &Path) -> Result<Stage> {
        self.start(Some(template)).await
    }

    async fn start(&self, template: Option<&Path>) -> Result<Stage> {
        let mut options = Options {
            say: |_| {},
            ..Options::default()
        };
        if let Some(template) = template {
            options.template = template.to_owned();
        }
        let simulators = &mut options.simulators;
        simulators.speed = SPEED;
        let ec2 = &mut simulators.knobs.ec2;
        ec2.acceptance = Some(DELAY);
        ec2.provisioning = DELAY;
        ec2.deletion = DELAY;
        ec2.visibility_lag = UNSEEN;
        ec2.modify_lag = DELAY;
        // Remembered until the trial has counted them.
        ec2.deleted_lingers = Duration::from_secs(30 * 24 * 3600);
        let hcp = &mut simulators.knobs.hcp;
        (hcp.creation, hcp.update, hcp.deletion) = (DELAY, DELAY, DELAY);
        (hcp.state_lag, hcp.update_starts_after) = (Duration::from_secs(3), Duration::from_secs(3));
        let aiven = &mut simulators.knobs.aiven;
        (aiven.creation, aiven.deletion, aiven.component_lag) = (DELAY, DELAY, DELAY);
        aiven.listing_lag = Some(Duration::from_secs(5));
        aiven.visibility_lag = DELAY;
        let environment = Environment::start_with(options, self.python.clone(), &self.zips).await?;
        Ok(Stage {
            environment,
            lives: 0,
            is_plain: template.is_none(),
        })
    }

    /// An environment with options of its own, which only one trial uses.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_other(&self, options: Options) -> Result<Environment> {
        Environment::start_with(options, self.python.clone(), &self.zips).await
    }

    /// Gives an environment back after a trial.
    pub fn give_back(&self, mut stage: Stage) {
        stage.environment.simulators.recorder.clear_faults();
        stage.environment.simulators.recorder.clear_calls();
        stage.lives += 1;
        if stage.is_plain && stage.lives < LIVES {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
        }
    }

    /// A number that no other world has.
    pub fn world_number(&self) -> u32 {
        self.worlds.fetch_add(1, Ordering::Relaxed)
    }
}
