//! Private Python environments, one with the emulator in it and one with the stricter engine, each made once for each version of its
//! requirements.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest, Sha256};

use crate::{Error, Result, paths};

/// What is installed into an environment of its own.
#[derive(Debug, Clone, Copy)]
struct Packages {
    what: &'static str,
    /// What the environment's directory begins with.
    directory: &'static str,
    requirements: &'static str,
    /// Shows that it works.
    import: &'static str,
}

const EMULATOR: Packages = Packages {
    what: "the emulator",
    directory: "venv",
    requirements: include_str!("../requirements.txt"),
    import: "import ministack",
};
/// Apart from the emulator's, which everybody needs: this is for tests.
const STRICT: Packages = Packages {
    what: "the stricter engine",
    directory: "strict-venv",
    requirements: include_str!("../requirements-strict.txt"),
    import: "import moto, jsonata, flask_cors, antlr4",
};
/// Oldest Python that the emulator runs on.
const OLDEST: (u32, u32) = (3, 11);
const CANDIDATES: [&str; 6] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python",
];
/// Prints the version; fails where a distribution packages `venv` apart and it is not installed.
const PROBE: &str = "import sys; print('%d.%d' % sys.version_info[:2]); import venv, ensurepip";
const SHOWN_LINES: usize = 15;

/// The interpreter of the emulator's environment; made if missing, which takes about half a minute and the network.
///
/// `say` tells a person what takes so long.
///
/// # Errors
/// When there is no Python that serves, or pip fails.
pub fn ensure(say: &dyn Fn(&str)) -> Result<PathBuf> {
    ensure_packages(EMULATOR, say)
}

/// The same for the environment of the stricter engine, which only tests need.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_strict(say: &dyn Fn(&str)) -> Result<PathBuf> {
    ensure_packages(STRICT, say)
}

fn ensure_packages(packages: Packages, say: &dyn Fn(&str)) -> Result<PathBuf> {
    let Packages { what, directory, .. } = packages;
    let dir = paths::rehearsal_dir()?;
    let environment = dir.join(format!("{directory}-{}", fingerprint(packages.requirements)));
    let interpreter = environment.join("bin/python");

    // Two test programs may come here at once: the second waits and finds the work done.
    let lock_path = dir.join(format!("{directory}.lock"));
    let locking = |error| Error::new(format!("locking {}", lock_path.display()), error);
    let lock = File::create(&lock_path).map_err(locking)?;
    lock.lock().map_err(locking)?;
    if works(&interpreter, packages.import) {
        return Ok(interpreter);
    }

    let python = find()?;
    say(&format!(
        "Installing {what} into {} (once, about half a minute).",
        environment.display()
    ));
    let unfinished = dir.join(format!("{directory}-unfinished"));
    remove(&unfinished)?;
    remove(&environment)?;
    install(&python, &unfinished, packages)?;
    fs::rename(&unfinished, &environment)
        .map_err(|error| Error::new(format!("renaming {}", unfinished.display()), error))?;
    Ok(interpreter)
}

fn fingerprint(requirements: &str) -> String {
    let digest = Sha256::digest(requirements.as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Also `false` when the Python it was made from has been removed or upgraded since.
fn works(interpreter: &Path, import: &str) -> bool {
    let import = Command::new(interpreter)
        .args(["-I", "-c", import])
        .stderr(Stdio::null())
        .status();
    import.is_ok_and(|status| status.success())
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(format!("removing {}", dir.display()), error))
        }
        _ => Ok(()),
    }
}

/// What a candidate turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Candidate {
    Missing,
    Broken,
    TooOld(String),
    WithoutVenv(String),
    Good,
}

fn find() -> Result<PathBuf> {
    let mut findings = Vec::new();
    for name in CANDIDATES {
        match classify(
            Command::new(name)
                .args(["-c", PROBE])
                .stdin(Stdio::null())
                .output()
                .ok(),
        ) {
            Candidate::Good => return Ok(name.into()),
            finding => findings.push((name, finding)),
        }
    }
    Err(nothing_found(&findings))
}

fn classify(output: Option<Output>) -> Candidate {
    let Some(output) = output else {
        return Candidate::Missing;
    };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
    let mut parts = version.split('.');
    let (Some(major), Some(minor)) = (number(parts.next()), number(parts.next())) else {
        return Candidate::Broken;
    };
    if (major, minor) < OLDEST {
        Candidate::TooOld(version)
    } else if output.status.success() {
        Candidate::Good
    } else {
        Candidate::WithoutVenv(version)
    }
}

fn nothing_found(findings: &[(&str, Candidate)]) -> Error {
    let found: Vec<String> = findings
        .iter()
        .filter_map(|(name, finding)| match finding {
            Candidate::Missing | Candidate::Good => None,
            Candidate::Broken => Some(format!("`{name}` does not run")),
            Candidate::TooOld(version) => Some(format!("`{name}` is {version}, too old")),
            Candidate::WithoutVenv(version) => Some(format!(
                "`{name}` is {version}, but without the module venv or ensurepip"
            )),
        })
        .collect();
    let (major, minor) = OLDEST;
    let why = if found.is_empty() {
        "none is on the PATH".to_owned()
    } else {
        found.join("; ")
    };
    let lacks_venv = findings
        .iter()
        .any(|(_, finding)| matches!(finding, Candidate::WithoutVenv(_)));
    let advice = if lacks_venv {
        "Install the package of your system that holds it (Debian and Ubuntu: `apt install python3-venv`), and start again.".to_owned()
    } else {
        format!("Install Python {major}.{minor} or newer so that `python3` starts it, and start again.")
    };
    Error::new(
        format!("looking for Python {major}.{minor} or newer, which the emulator needs"),
        why,
    )
    .advise(advice)
}

fn install(python: &Path, environment: &Path, packages: Packages) -> Result<()> {
    let what = packages.what;
    run(
        Command::new(python).args(["-m", "venv"]).arg(environment),
        &format!("making the Python environment of {what}"),
    )?;
    let requirements = environment.join("requirements.txt");
    fs::write(&requirements, packages.requirements)
        .map_err(|error| Error::new(format!("writing {}", requirements.display()), error))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
    ];
    // Wheels only: a source package would run its own code to build.
    let checked = ["--require-hashes", "--only-binary", ":all:", "--requirement"];
    run(
        Command::new(environment.join("bin/python"))
            .args(pip)
            .args(checked)
            .arg(&requirements),
        &format!("installing {what} with pip"),
    )
}

fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::new(what, error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    Err(Error::new(what, format!("{}; its last lines:\n{}", output.status, last_lines(&text, SHOWN_LINES))).advise(
        "If the network or the package index was out of reach, start again; pip's own settings (PIP_INDEX_URL, PIP_CERT, HTTPS_PROXY) are honoured.",
    ))
}

pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..]
        .iter()
        .map(|line| format!("  {line}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn probe(script: &str) -> Candidate {
        classify(Some(Command::new("sh").args(["-c", script]).output().unwrap()))
    }

    #[test]
    fn a_python_is_classified_by_version_and_modules() {
        assert_eq!(classify(None), Candidate::Missing);
        assert_eq!(probe("echo 3.11"), Candidate::Good);
        assert_eq!(probe("echo 4.0"), Candidate::Good);
        assert_eq!(probe("echo 3.9"), Candidate::TooOld("3.9".into()));
        assert_eq!(probe("echo 3.12; exit 1"), Candidate::WithoutVenv("3.12".into()));
        assert_eq!(probe("echo not installed; exit 127"), Candidate::Broken);
    }

    #[test]
    fn without_python_the_message_says_what_was_found_and_what_to_do() {
        let old = nothing_found(&[
            ("python3", Candidate::TooOld("3.9".into())),
            ("python3.12", Candidate::Missing),
        ])
        .to_string();
        assert!(
            old.contains("`python3` is 3.9, too old") && old.contains("Install Python 3.11"),
            "{old}"
        );
        let bare = nothing_found(&[("python3", Candidate::WithoutVenv("3.12".into()))]).to_string();
        assert!(bare.contains("apt install python3-venv"), "{bare}");
        let none = nothing_found(&[("python3", Candidate::Missing)]).to_string();
        assert!(none.contains("none is on the PATH"), "{none}");
    }

    #[test]
    fn every_requirement_is_pinned_and_hashed() {
        for packages in [EMULATOR, STRICT] {
            let entries: Vec<&str> = packages
                .requirements
                .lines()
                .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
                .collect();
            assert!(entries.len() > 10);
            for entry in entries {
                assert!(entry.contains("==") && entry.ends_with('\\'), "{entry}");
            }
        }
        assert!(EMULATOR.requirements.contains("ministack==1.5.33"));
        assert!(STRICT.requirements.contains("moto==5.2.5"));
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "  b\n  c");
        assert_eq!(last_lines("", 2), "");
    }
}
