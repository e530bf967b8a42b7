//! The Lambda functions: built by cargo and zipped as `bootstrap`, as `cargo artifacts` does for a deployment, but for this
//! machine and in the development profile.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{Error, Result, paths};

/// The package whose binaries are the functions.
const PACKAGE: &str = "functions";
/// What cargo sets for the programs that it runs. A cargo inside of a cargo must not see them: build scripts that ask for
/// them would run again, and with them half of the dependencies would be built again.
const SET_BY_CARGO: [&str; 9] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_MANIFEST_LINKS",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
];

/// Name of the binary to its zip file.
pub type Zips = BTreeMap<String, PathBuf>;

/// Builds all functions and zips them. Cargo's own progress goes to standard error.
///
/// All binaries of the workspace are selected, since features are unified over what is selected: so every crate is built
/// with the same features as by `cargo test` and `cargo rehearse`, and the AWS SDK is compiled once for all three.
///
/// # Errors
/// When cargo is missing, or the build fails.
pub fn build() -> Result<Zips> {
    let dir = paths::rehearsal_dir()?.join("zips");
    fs::create_dir_all(&dir).map_err(|error| Error::new(format!("making {}", dir.display()), error))?;
    // Two programs that zip at once would write the same files.
    let lock_path = dir.join("lock");
    let locking = |error| Error::new(format!("locking {}", lock_path.display()), error);
    let lock = File::create(&lock_path).map_err(locking)?;
    lock.lock().map_err(locking)?;

    let mut zips = Zips::new();
    for (name, executable) in compile()? {
        let zip = zip_if_changed(&dir, &name, &executable)?;
        zips.insert(name, zip);
    }
    Ok(zips)
}

fn compile() -> Result<BTreeMap<String, PathBuf>> {
    const WHAT: &str = "building the functions";
    let root = paths::workspace_root();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--workspace",
        "--bins",
        "--message-format=json-render-diagnostics",
        "--target-dir",
    ]);
    command
        .arg(paths::target_dir()?)
        .current_dir(&root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for name in SET_BY_CARGO {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") {
            command.env_remove(name);
        }
    }
    let mut child = command.spawn().map_err(|error| {
        Error::new(WHAT, format!("cargo does not start: {error}"))
            .advise("Install Rust from https://rustup.rs and start again.")
    })?;

    let manifest = root.join(PACKAGE).join("Cargo.toml");
    let mut executables = BTreeMap::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| Error::new(WHAT, error))?;
            if let Some((name, path)) = executable(&line, &manifest) {
                executables.insert(name, path);
            }
        }
    }
    let status = child.wait().map_err(|error| Error::new(WHAT, error))?;
    if status.success() {
        Ok(executables)
    } else {
        Err(Error::new(WHAT, format!("cargo ended with {status}")).advise("Its messages above say why."))
    }
}

/// Name and path of the binary that a line of cargo's JSON messages announces, if it is one of the package's.
fn executable(line: &str, manifest: &Path) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let is_ours = message["reason"] == "compiler-artifact"
        && message["manifest_path"].as_str().map(Path::new) == Some(manifest)
        && target["kind"] == serde_json::json!(["bin"]);
    let path = message["executable"].as_str().filter(|_| is_ours)?;
    Some((target["name"].as_str()?.to_owned(), path.into()))
}

/// The zip of an executable, named by its size and time of change so that the same one is zipped once.
fn zip_if_changed(dir: &Path, name: &str, executable: &Path) -> Result<PathBuf> {
    let reading = |error: &dyn std::fmt::Display| Error::new(format!("reading {}", executable.display()), error);
    let metadata = fs::metadata(executable).map_err(|error| reading(&error))?;
    let changed = metadata.modified().map_err(|error| reading(&error))?;
    let stamp = changed
        .duration_since(UNIX_EPOCH)
        .map_err(|error| reading(&error))?
        .as_nanos();
    let path = dir.join(format!("{name}.{stamp}-{}.zip", metadata.len()));
    if path.is_file() {
        return Ok(path);
    }
    for old in fs::read_dir(dir).into_iter().flatten().flatten() {
        if old.file_name().to_string_lossy().starts_with(&format!("{name}.")) {
            // What can't be removed only takes space.
            let _ = fs::remove_file(old.path());
        }
    }
    let stripped = dir.join(format!("{name}.stripped"));
    let smaller = if strip(executable, &stripped) {
        &stripped
    } else {
        executable
    };
    let content = fs::read(smaller).map_err(|error| reading(&error))?;
    let _ = fs::remove_file(&stripped);
    let zipped = zip(&content).map_err(|error| Error::new(format!("zipping {}", executable.display()), error))?;
    let unfinished = dir.join(format!("{name}.unfinished"));
    fs::write(&unfinished, zipped)
        .and_then(|()| fs::rename(&unfinished, &path))
        .map_err(|error| Error::new(format!("writing {}", path.display()), error))?;
    Ok(path)
}

/// Copies a program without its symbols, half as large: the emulator holds every function in memory several times. `false`
/// where this machine has no `strip`.
fn strip(executable: &Path, stripped: &Path) -> bool {
    let status = Command::new("strip")
        .args(["--strip-all", "-o"])
        .args([stripped, executable])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A Lambda package: one executable file `bootstrap`. The same content gives the same bytes.
///
/// # Errors
/// When the content is larger than the format allows, 4 GB.
pub fn zip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o755);
    writer.start_file("bootstrap", options)?;
    writer.write_all(content)?;
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_package_holds_one_executable_and_is_deterministic() {
        let bytes = zip(b"#!/bin/sh\n").unwrap();
        assert_eq!(bytes, zip(b"#!/bin/sh\n").unwrap());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 1);
        let file = archive.by_index(0).unwrap();
        assert_eq!((file.name(), file.unix_mode()), ("bootstrap", Some(0o100_755)));
    }

    #[test]
    fn only_the_binaries_of_the_functions_package_are_taken() {
        let manifest = Path::new("/w/functions/Cargo.toml");
        let line = |manifest: &str, kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"{manifest}","target":{{"kind":["{kind}"],"name":"validate"}},"executable":"/t/validate"}}"#
            )
        };
        let taken = executable(&line("/w/functions/Cargo.toml", "bin"), manifest);
        assert_eq!(taken, Some(("validate".into(), "/t/validate".into())));
        assert_eq!(executable(&line("/w/shared/Cargo.toml", "bin"), manifest), None);
        assert_eq!(executable(&line("/w/functions/Cargo.toml", "lib"), manifest), None);
        assert_eq!(executable("Compiling", manifest), None);
    }

    #[test]
    fn an_executable_is_zipped_again_only_after_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let executable = dir.path().join("validate");
        let zips = dir.path().join("zips");
        fs::create_dir(&zips).unwrap();
        fs::write(&executable, "one").unwrap();
        let first = zip_if_changed(&zips, "validate", &executable).unwrap();
        fs::write(&first, "touched").unwrap();
        assert_eq!(zip_if_changed(&zips, "validate", &executable).unwrap(), first);
        assert_eq!(fs::read(&first).unwrap(), b"touched");

        fs::write(&executable, "another").unwrap();
        let second = zip_if_changed(&zips, "validate", &executable).unwrap();
        assert!(second != first && !first.exists());
    }
}
