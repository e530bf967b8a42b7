//! Instructions by valgrind's callgrind: the same to a few in a thousand, however busy the machine is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::measure::Run;
use crate::remotes::Remotes;
use crate::subjects::Subject;

/// valgrind is installed.
pub fn is_there() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Where the profile of the last count is.
pub fn profile(dir: &Path, subject: &Subject) -> PathBuf {
    dir.join(format!("{}.callgrind", subject.name))
}

/// Instructions from the start to the first request for an event or, with `event`, to the second one.
///
/// # Errors
/// When the subject fails, or does not run under valgrind.
pub async fn instructions(subject: &Subject, remotes: &Remotes, dir: &Path, event: bool) -> Result<u64> {
    let file = profile(dir, subject);
    let valgrind = ["valgrind", "--tool=callgrind", "--quiet"].map(str::to_owned);
    let mut under = valgrind.to_vec();
    under.push(format!("--callgrind-out-file={}", file.display()));
    let mut run = Run::start(subject, remotes, dir, &under).await?;
    run.ready().await?;
    if event {
        run.answer(&subject.event).await?;
        run.ready().await?;
    }
    // On this signal it writes what it has counted.
    run.terminate()?;
    run.wait()?;
    let text = fs::read_to_string(&file)?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    let total = total.and_then(|text| text.split_whitespace().next()?.parse().ok());
    total.ok_or_else(|| format!("{} has no total", file.display()).into())
}
