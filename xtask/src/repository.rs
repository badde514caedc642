//! Where things lie.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;

/// The clone in which this program was built.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the repository")
}

/// A program that was built from this workspace: they all lie beside this one, wherever the target folder is.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let own = env::current_exe().context("finding out where this program lies")?;
    Ok(own.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// The same, built for release.
pub fn released(name: &str) -> anyhow::Result<PathBuf> {
    let profile = built(name)?.parent().map(Path::to_owned).context("it lies in a folder")?;
    Ok(profile.with_file_name("release").join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// When the newest file at or below these paths was written; `None` when there is none.
pub fn newest(paths: &[PathBuf]) -> Option<SystemTime> {
    paths.iter().filter_map(|path| written(path)).max()
}

fn written(path: &Path) -> Option<SystemTime> {
    let about = fs::metadata(path).ok()?;
    if !about.is_dir() {
        return about.modified().ok();
    }
    let entries = fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    // The folder itself counts: a file that was removed is a change as well.
    entries.filter_map(|path| written(&path)).chain(about.modified().ok()).max()
}
