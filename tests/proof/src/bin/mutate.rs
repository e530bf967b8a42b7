//! `cargo run --bin mutate [NAME]`: builds each deliberate bug of `tests/proof/mutations.json` in a copy of the tree, runs the test that must
//! fail by it, and demands that it does. The copy has a target directory of its own, since programs of a mutant must never
//! stand where the true ones are run from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::Instant;

use proof::mutants::{Mutant, mutants};
use rehearsal::{Error, Result, paths};

fn main() -> ExitCode {
    let only = std::env::args().nth(1).unwrap_or_default();
    match tried(&only) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(survivors) => {
            eprintln!("{survivors} survived, or could not be judged: a test is missing.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// How many survived.
fn tried(only: &str) -> Result<usize> {
    let mutants_dir = paths::target_dir()?.join("mutants");
    let (tree, target) = (mutants_dir.join("tree"), mutants_dir.join("target"));
    if !target.exists() {
        lend_dependencies(&paths::target_dir()?, &target)?;
    }
    copy_tree(&paths::workspace_root(), &tree)?;
    let mut survivors = 0;
    for mutant in mutants()?.iter().filter(|mutant| mutant.name.contains(only)) {
        let started = Instant::now();
        let verdict = judge(mutant, &tree, &target)?;
        survivors += usize::from(verdict != "caught");
        println!(
            "{:<40} {verdict:<10} {:>4} s  cargo {}",
            mutant.name,
            started.elapsed().as_secs(),
            mutant.caught_by.join(" ")
        );
    }
    Ok(survivors)
}

fn judge(mutant: &Mutant, tree: &Path, target: &Path) -> Result<&'static str> {
    let failed = |error: std::io::Error| Error::new(format!("trying the mutant {}", mutant.name), error);
    let file = tree.join(&mutant.file);
    let text = fs::read_to_string(&file).map_err(failed)?;
    fs::write(&file, mutant.of(&text)?).map_err(failed)?;
    let mut building = mutant.caught_by.clone();
    building.push("--no-run".to_owned());
    let built = cargo(&building, tree, target);
    let ran = built.and_then(|built| Ok((built, cargo(&mutant.caught_by, tree, target)?)));
    fs::write(&file, text).map_err(failed)?;
    let (built, ran) = ran?;
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    Ok(if !built.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&built.stderr));
        "unbuilt"
    } else if !ran.status.success() && told.contains("FAILED") {
        "caught"
    } else if told.contains("1 passed") || told.contains(" passed; 0 failed") {
        "SURVIVED"
    } else {
        eprintln!("{told}{}", String::from_utf8_lossy(&ran.stderr));
        "unjudged"
    })
}

fn cargo(arguments: &[String], tree: &Path, target: &Path) -> Result<Output> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST") || text.starts_with("CARGO_BIN") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target)
        .env("RUST_BACKTRACE", "0")
        .output()
        .map_err(|error| Error::new("running cargo", error))
}

/// Links what is built of other people's crates, and the emulator, into a target directory; cargo builds the workspace's own crates again,
/// since they are at another path, and writes nothing that it finds there.
fn lend_dependencies(from: &Path, to: &Path) -> Result<()> {
    // Not the runs and logs beside the emulator: a run that is going on changes them.
    const LENT: [&str; 5] = [
        "CACHEDIR.TAG",
        ".rustc_info.json",
        "debug/deps",
        "debug/build",
        "debug/.fingerprint",
    ];
    for lent in LENT {
        link_tree(&from.join(lent), &to.join(lent))
            .map_err(|error| Error::new(format!("linking {lent} of the target directory"), error))?;
    }
    let rehearsal = from.join("rehearsal");
    for entry in fs::read_dir(&rehearsal).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().contains("venv") {
            link_tree(&entry.path(), &to.join("rehearsal").join(name))
                .map_err(|error| Error::new("linking the emulator", error))?;
        }
    }
    Ok(())
}

/// Hard links keep the times by which cargo knows that nothing changed.
fn link_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    let Ok(kind) = fs::symlink_metadata(from).map(|found| found.file_type()) else {
        return Ok(());
    };
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            link_tree(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)
    } else {
        fs::hard_link(from, to)
    }
}

/// Copies what git knows or would, and only what differs, so that the second time builds less.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    const WHAT: &str = "copying the tree";
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "-z"])
        .current_dir(from)
        .output()
        .map_err(|error| Error::new(WHAT, error))?;
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let paths: Vec<PathBuf> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect();
    for path in paths {
        let (source, copy) = (from.join(&path), to.join(&path));
        // One that was deleted and not committed.
        let Ok(text) = fs::read(&source) else { continue };
        if fs::read(&copy).is_ok_and(|there| there == text) {
            continue;
        }
        let parent = copy.parent().unwrap_or(to);
        fs::create_dir_all(parent).map_err(|error| Error::new(WHAT, error))?;
        fs::copy(&source, &copy).map_err(|error| Error::new(WHAT, error))?;
    }
    Ok(())
}
