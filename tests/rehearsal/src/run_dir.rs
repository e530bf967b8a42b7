//! The directories of one run under the target directory: one for what goes when it ends, one for its logs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Error, Result, paths};

/// Logs of this many runs are kept.
const KEPT_LOGS: usize = 10;

/// Both directories of a run.
#[derive(Debug)]
pub(crate) struct RunDir {
    /// For the functions' code and the like; removed when this is dropped.
    pub(crate) temp: PathBuf,
    /// Stays, until newer ones take its place; or goes when this is dropped, see [`RunDir::keep_logs`].
    pub(crate) logs: PathBuf,
    keep_logs: bool,
    /// Held by the kernel as long as this process lives: says to others that the directories are in use.
    _lock: File,
}

impl RunDir {
    /// Makes the directories, and removes those of runs that were killed.
    pub(crate) fn new() -> Result<Self> {
        Self::new_in(&paths::rehearsal_dir()?)
    }

    fn new_in(base: &Path) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let failed = |error| Error::new(format!("making a directory for this run in {}", base.display()), error);
        let (runs, all_logs) = (base.join("runs"), base.join("logs"));
        fs::create_dir_all(&runs).map_err(failed)?;
        fs::create_dir_all(&all_logs).map_err(failed)?;
        // One at a time, so that nobody takes a directory that is just being made for a dead one.
        let turn = File::create(base.join("runs.lock")).map_err(failed)?;
        turn.lock().map_err(failed)?;
        remove_dead(&runs);
        keep_newest(&all_logs, &runs);

        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let name = format!(
            "{seconds}-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let (temp, logs) = (runs.join(&name), all_logs.join(&name));
        fs::create_dir(&temp).map_err(failed)?;
        fs::create_dir(&logs).map_err(failed)?;
        let lock = File::create(temp.join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Self {
            temp,
            logs,
            keep_logs: true,
            _lock: lock,
        })
    }

    /// Whether the logs stay after the end; they do, until somebody says that all went well.
    pub(crate) fn keep_logs(&mut self, keep: bool) {
        self.keep_logs = keep;
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        // What can't be removed goes at the next start.
        let _ = fs::remove_dir_all(&self.temp);
        if !self.keep_logs {
            let _ = fs::remove_dir_all(&self.logs);
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn remove_dead(runs: &Path) {
    for dir in entries(runs) {
        let is_dead = File::open(dir.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_dead {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// By name, which begins with the time, of the runs that do not go on any more.
fn keep_newest(logs: &Path, runs: &Path) {
    let mut dirs = entries(logs);
    dirs.retain(|dir| dir.file_name().is_none_or(|name| !runs.join(name).exists()));
    let surplus = dirs.len().saturating_sub(KEPT_LOGS);
    for dir in dirs.iter().take(surplus) {
        let _ = fs::remove_dir_all(dir);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn directories_go_with_the_run_and_logs_stay_unless_told() {
        let base = tempfile::tempdir().unwrap();
        let (mut first, second) = (
            RunDir::new_in(base.path()).unwrap(),
            RunDir::new_in(base.path()).unwrap(),
        );
        assert!(first.temp.is_dir() && second.temp.is_dir() && first.temp != second.temp);
        first.keep_logs(false);
        let [gone, also_gone, kept] = [first.logs.clone(), second.temp.clone(), second.logs.clone()];
        drop((first, second));
        assert!(!gone.exists() && !also_gone.exists() && kept.is_dir());
    }

    #[test]
    fn what_a_killed_run_left_goes_at_the_next_start() {
        let base = tempfile::tempdir().unwrap();
        let dead = base.path().join("runs/1-1-0");
        fs::create_dir_all(&dead).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        let alive = RunDir::new_in(base.path()).unwrap();
        let _another = RunDir::new_in(base.path()).unwrap();
        assert!(!dead.exists() && alive.temp.is_dir());
    }

    #[test]
    fn only_the_newest_logs_are_kept() {
        let base = tempfile::tempdir().unwrap();
        for n in 0..KEPT_LOGS + 3 {
            fs::create_dir_all(base.path().join(format!("logs/1-{n:03}-0"))).unwrap();
        }
        let run = RunDir::new_in(base.path()).unwrap();
        assert_eq!(entries(&base.path().join("logs")).len(), KEPT_LOGS + 1);
        assert!(!base.path().join("logs/1-002-0").exists() && run.logs.is_dir());
    }

    #[test]
    fn the_logs_of_runs_that_go_on_are_kept_however_many_they_are() {
        let base = tempfile::tempdir().unwrap();
        let runs: Vec<RunDir> = (0..KEPT_LOGS + 5)
            .map(|_| RunDir::new_in(base.path()).unwrap())
            .collect();
        assert!(runs.iter().all(|run| run.logs.is_dir()));
    }
}
