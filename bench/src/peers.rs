//! The same step in other languages, built as its users build it: pinned, and checked by the lock file's hashes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::artifacts::{Artifact, ZLIB, peers_dir, run, workspace, zip};

/// The peers whose language is installed, and why the others are missing.
///
/// # Errors
/// When there is no place to build them.
pub fn build() -> Result<(Vec<Artifact>, Vec<String>)> {
    let dir = peers_dir()?;
    let (mut built, mut missing) = (Vec::new(), Vec::new());
    for (name, build) in [
        ("go", go as fn(&Path, &Path) -> Result<Artifact>),
        ("python", python),
        ("node", node),
    ] {
        let target = dir.join(name);
        fs::create_dir_all(&target)?;
        match build(&workspace().join("bench/peers").join(name), &target) {
            Ok(artifact) => built.push(artifact),
            Err(error) => missing.push(format!("{name}: {error}")),
        }
    }
    Ok((built, missing))
}

fn go(source: &Path, target: &Path) -> Result<Artifact> {
    let program = target.join("bootstrap");
    let mut build = Command::new("go");
    build
        .args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-tags=lambda.norpc",
            "-ldflags=-s -w",
            "-o",
        ])
        .arg(&program)
        .arg(".")
        .env("CGO_ENABLED", "0")
        .current_dir(source);
    run(&mut build)?;
    let zip = zip(&[(program.clone(), "bootstrap".to_owned())], ZLIB)?;
    Ok(artifact("go", program, Vec::new(), Vec::new(), zip))
}

fn python(source: &Path, target: &Path) -> Result<Artifact> {
    // Not the name on the PATH, which may be a script that looks for the real one.
    let asked = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()?;
    let python = PathBuf::from(String::from_utf8(asked.stdout)?.trim());
    let (pins, done) = (source.join("requirements.txt"), target.join("requirements.txt"));
    let package = target.join("package");
    if fs::read(&pins)? != fs::read(&done).unwrap_or_default() {
        if package.exists() {
            fs::remove_dir_all(&package)?;
        }
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
        ])
        .args(["--require-hashes", "--only-binary", ":all:", "--target"])
        .arg(&package)
        .arg("--requirement")
        .arg(&pins);
        run(&mut pip)?;
        fs::copy(&pins, &done)?;
    }
    for file in ["handler.py", "bootstrap.py"] {
        fs::copy(source.join(file), package.join(file))?;
    }
    let mut files = Vec::new();
    list(&package, &package, &mut files)?;
    let script = package.join("bootstrap.py").display().to_string();
    // Without the packages of the interpreter's own installation.
    let arguments = vec!["-s".to_owned(), "-S".to_owned(), script];
    Ok(artifact("python", python, arguments, Vec::new(), zip(&files, ZLIB)?))
}

fn node(source: &Path, target: &Path) -> Result<Artifact> {
    for file in ["package.json", "package-lock.json", "handler.mjs", "bootstrap.mjs"] {
        fs::copy(source.join(file), target.join(file))?;
    }
    let bundle = target.join("out/index.js");
    let npm = |arguments: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args(arguments).current_dir(target);
        npm
    };
    run(&mut npm(&[
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]))?;
    run(&mut npm(&[
        "run",
        "--silent",
        "build",
        "--",
        "--log-level=warning",
        "--outfile=out/index.js",
    ]))?;
    let asked = Command::new("node").args(["-p", "process.execPath"]).output()?;
    let node = PathBuf::from(String::from_utf8(asked.stdout)?.trim());
    let zip = zip(&[(bundle.clone(), "index.js".to_owned())], ZLIB)?;
    Ok(artifact(
        "node",
        node,
        vec![bundle.display().to_string()],
        Vec::new(),
        zip,
    ))
}

fn artifact(
    name: &str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    zip: Vec<u8>,
) -> Artifact {
    Artifact {
        name: name.to_owned(),
        program,
        arguments,
        environment,
        zip,
    }
}

/// The files below a folder, in the order of their names, without what Python compiles by itself.
fn list(root: &Path, dir: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    let mut paths = fs::read_dir(dir)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.ends_with("__pycache__") {
            continue;
        }
        if path.is_dir() {
            list(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root)?.display().to_string();
            files.push((path, name));
        }
    }
    Ok(())
}
