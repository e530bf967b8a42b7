//! Where things are in the repository and under the target directory.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Cargo's target directory, of which the running program is a part, whatever set it.
///
/// # Errors
/// When the program does not run from a target directory.
pub fn target_dir() -> Result<PathBuf> {
    let what = "looking for cargo's target directory";
    let exe = std::env::current_exe().map_err(|error| Error::new(what, error))?;
    // Cargo's own files: the tag only in a directory that it made itself, the other one in any that it built in.
    let is_target = |dir: &Path| {
        ["CACHEDIR.TAG", ".rustc_info.json"]
            .iter()
            .any(|file| dir.join(file).is_file())
    };
    let target = exe.ancestors().find(|dir| is_target(dir));
    target.map(Path::to_owned).ok_or_else(|| {
        Error::new(what, format!("{} is in none", exe.display()))
            .advise("Run it by cargo: `cargo rehearse` or `cargo test`.")
    })
}

/// Everything of the local run that is kept under the target directory; made if missing.
///
/// # Errors
/// When it can't be made.
pub fn rehearsal_dir() -> Result<PathBuf> {
    let dir = target_dir()?.join("rehearsal");
    std::fs::create_dir_all(&dir).map_err(|error| Error::new(format!("making {}", dir.display()), error))?;
    Ok(dir)
}
