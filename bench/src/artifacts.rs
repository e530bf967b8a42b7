//! Builds what is measured, and zips it as it would be deployed.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::Result;

/// Levels of the `zip` crate: zlib's best, with which the peers' users pack; and what is more are rounds of Zopfli, of which five make a
/// package 4 % smaller, and any inflater unpacks it.
pub(crate) const ZLIB: i64 = 9;
const ZOPFLI: i64 = 14;
/// The program of a package for a runtime of the user's own.
const BOOTSTRAP: &str = "bootstrap";

/// A program that is ready to run, and its package.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// As it is deployed.
    pub zip: Vec<u8>,
}

/// The functions in the release profile, linked statically, for this machine's processor.
///
/// # Errors
/// When the build fails.
pub fn functions() -> Result<Vec<Artifact>> {
    artifacts(built(&["build"], &format!("{ARCH}-unknown-linux-musl"), &[])?)
}

/// The functions as they are deployed, for arm64: cargo-lambda brings Zig as a compiler and linker for it.
///
/// # Errors
/// When cargo-lambda or Rust's target is missing, or the build fails.
pub fn deployable(native_roots: bool) -> Result<Vec<Artifact>> {
    const TARGET: &str = "aarch64-unknown-linux-musl";
    let features: &[&str] = if native_roots {
        &["--features", "native-roots"]
    } else {
        &[]
    };
    let programs = built(&["lambda", "build"], TARGET, features).map_err(|error| {
        format!("{error}. It needs `pip install cargo-lambda ziglang` and `rustup target add {TARGET}`.")
    })?;
    // Cargo tells where it put them, and cargo-lambda has moved them since.
    let lambda_dir = target_dir()?.join("lambda");
    let moved = programs.into_keys().map(|name| {
        let program = lambda_dir.join(&name).join(BOOTSTRAP);
        (name, program)
    });
    artifacts(moved.collect())
}

/// The flags are here and not in `.cargo/config.toml`, since they fit no other profile than the one for release.
fn built(subcommand: &[&str], target: &str, features: &[&str]) -> Result<Programs> {
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))?;
    let flags = Value::from(vec![
        // Nothing unwinds. What the standard library asks for nevertheless, functions/build.rs has the linker discard.
        "-Cforce-unwind-tables=no".to_owned(),
        // Panics name the file of a crate below cargo's home, which is another one on each machine.
        format!("--remap-path-prefix={home}=/cargo"),
    ]);
    let config = format!("target.{target}.rustflags={flags}");
    let selection = [
        "--package",
        "functions",
        "--bins",
        "--target",
        target,
        "--config",
        &config,
    ];
    rust(subcommand, &[&selection, features].concat())
}

/// The executables of a folder, as another build has made them.
///
/// # Errors
/// When it cannot be read, or has none.
pub fn in_folder(dir: &Path) -> Result<Vec<Artifact>> {
    // Programs are started from another folder.
    let mut paths = fs::read_dir(dir.canonicalize()?)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    // Cargo's libraries and notes have an extension, the executables have none.
    paths.retain(|path| path.is_file() && path.extension().is_none() && is_visible(path));
    artifacts(paths.into_iter().map(named).collect::<Result<_>>()?)
}

fn is_visible(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| !name.to_string_lossy().starts_with('.'))
}

/// Names and paths.
type Programs = BTreeMap<String, PathBuf>;

fn named(program: PathBuf) -> Result<(String, PathBuf)> {
    let name = program.file_name().ok_or("an executable without a name")?;
    Ok((name.to_string_lossy().into_owned(), program))
}

/// Packing takes some seconds each, so they are packed side by side.
fn artifacts(programs: Programs) -> Result<Vec<Artifact>> {
    std::thread::scope(|scope| {
        let packing: Vec<_> = programs
            .iter()
            .map(|(name, program)| scope.spawn(|| artifact(name, program)))
            .collect();
        packing
            .into_iter()
            .map(|packed| packed.join().unwrap_or_else(|_| Err("packing panicked".into())))
            .collect()
    })
}

fn artifact(name: &str, program: &Path) -> Result<Artifact> {
    Ok(Artifact {
        name: name.to_owned(),
        program: program.to_owned(),
        arguments: Vec::new(),
        environment: Vec::new(),
        zip: zip(&[(program.to_owned(), BOOTSTRAP.to_owned())], ZOPFLI)?,
    })
}

/// The empty Lambda, with the same profile, linked as Rust does by default.
///
/// # Errors
/// When the build fails.
pub fn empty() -> Result<Vec<Artifact>> {
    artifacts(rust(&["build"], &["--package", "empty"])?)
}

fn rust(subcommand: &[&str], selection: &[&str]) -> Result<Programs> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // `ring` is the only C here, and asks of its compiler no more than headers without a library.
    let compiler = format!("CC_{ARCH}_unknown_linux_musl");
    if std::env::var_os(&compiler).is_none() {
        command.env(compiler, "cc");
    }
    command
        .args(subcommand)
        .args(["--release", "--message-format=json-render-diagnostics"])
        .env("CARGO_TARGET_DIR", target_dir()?)
        .args(selection)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    // What cargo tells the program that it runs, its own child must not see: build scripts would run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(&*name);
        }
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    let mut programs = Programs::new();
    for line in BufReader::new(child.stdout.take().ok_or("cargo has no output")?).lines() {
        let message: Value = serde_json::from_str(&line?).unwrap_or_default();
        if let Some(program) = message["executable"].as_str() {
            programs.extend([named(PathBuf::from(program))?]);
        }
    }
    if child.wait()?.success() {
        Ok(programs)
    } else {
        Err("cargo build failed; its messages above say why".into())
    }
}

/// A zip with these files under these names, the same for the same content: without any time of a file, which is then the format's
/// first day, 1 January 1980.
///
/// # Errors
/// When a file cannot be read.
pub fn zip(files: &[(PathBuf, String)], level: i64) -> Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level))
        .unix_permissions(0o755);
    for (path, name) in files {
        writer.start_file(name, options)?;
        writer.write_all(&fs::read(path)?)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The artifact, to be run from the file that its package unpacks to, as Lambda does. A file that the linker has written lies in the page cache in
/// small pieces, which costs a start up to an eighth more.
///
/// # Errors
/// When it cannot be unpacked.
pub fn unpacked(artifact: Artifact) -> Result<Artifact> {
    let mut archive = ZipArchive::new(Cursor::new(&artifact.zip))?;
    let Ok(mut packed) = archive.by_name(BOOTSTRAP) else {
        // A script, which an interpreter reads where it is.
        return Ok(artifact);
    };
    let dir = peers_dir()?.join("unpacked").join(&artifact.name);
    fs::create_dir_all(&dir)?;
    let program = dir.join(BOOTSTRAP);
    let mut bytes = Vec::new();
    packed.read_to_end(&mut bytes)?;
    // The one of another run may still be open.
    let _ = fs::remove_file(&program);
    fs::write(&program, bytes)?;
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    drop(packed);
    Ok(Artifact { program, ..artifact })
}

/// Runs a program to its end; what it prints goes to standard error.
///
/// # Errors
/// When it is not there or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    // This program's standard output is the table, or JSON.
    let stderr = File::options()
        .append(true)
        .open("/dev/stderr")
        .map_or_else(|_| Stdio::null(), Stdio::from);
    let status = command.stdin(Stdio::null()).stdout(stderr).status();
    let status = status.map_err(|error| format!("{name} does not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} ended with {status}").into())
    }
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where the peers are built: a folder of cargo's target directory.
///
/// # Errors
/// When it cannot be made.
pub fn peers_dir() -> Result<PathBuf> {
    let dir = target_dir()?.join("compare");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Cargo's target directory, two above this program.
///
/// # Errors
/// When this program is somewhere else.
pub fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let dir = program
        .ancestors()
        .nth(2)
        .ok_or("this program is in no target directory; start it by cargo")?;
    Ok(dir.to_owned())
}
