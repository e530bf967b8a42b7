//! Python programs that cannot outlive this one.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Error, Result, python};

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

/// A running program. Dropping it kills it and everything that it started.
#[derive(Debug)]
pub(crate) struct Guarded {
    what: &'static str,
    log: PathBuf,
    child: Child,
    lifeline: Option<ChildStdin>,
}

/// What a program is started with.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    /// What is being done with it, for errors.
    pub(crate) what: &'static str,
    /// The interpreter.
    pub(crate) python: &'a Path,
    /// The program's text.
    pub(crate) text: &'a str,
    /// Limit of the address space.
    pub(crate) memory_kib: u32,
    /// The whole environment.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The working directory.
    pub(crate) directory: &'a Path,
    /// Where its output goes.
    pub(crate) log: &'a Path,
}

impl Guarded {
    /// Starts a program.
    ///
    /// # Errors
    /// When its log can't be written, or there is no shell.
    pub(crate) fn python(program: &Program<'_>) -> Result<Self> {
        let failed = |error| Error::new(program.what, error);
        let output = File::create(program.log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut child = Command::new("sh")
            .args(["-c", GUARDED, "sh", &program.memory_kib.to_string()])
            .arg(program.python)
            .args(["-c", program.text])
            .env_clear()
            .envs(program.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(program.directory)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(failed)?;
        let lifeline = child.stdin.take();
        Ok(Self {
            what: program.what,
            log: program.log.to_owned(),
            child,
            lifeline,
        })
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When it does not, with the end of its log.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(self.failed(&format!("it ended with {status}"))),
            _ => Ok(()),
        }
    }

    /// An error with the end of its log.
    pub(crate) fn failed(&self, why: &str) -> Error {
        let log = self.end_of_log();
        Error::new(self.what, format!("{why}; the end of its log:\n{log}"))
            .advise(format!("The whole log: {}", self.log.display()))
    }

    /// The last lines of its output, indented.
    pub(crate) fn end_of_log(&self) -> String {
        python::last_lines(&fs::read_to_string(&self.log).unwrap_or_default(), SHOWN_LINES)
    }

    /// Its process id, which is also its process group's.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Guarded {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{BufRead, BufReader, Read};

    use super::*;

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
