//! One backup beside a start-up file, `userSetup.py.maya-mcp.bak`: the file as it was before our block was put in.
//!
//! It stands beside the path that Maya uses, not beside the target of a link: a folder of linked settings is often shared.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Keeps what was there. An older backup was made before an earlier block, and has served.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let backup = beside(path);
    match fs::remove_file(&backup) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(&backup)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(backup)
}

/// Once the file is as the backup is, the backup has served.
pub(crate) fn forget(path: &Path, bytes: &[u8]) {
    let backup = beside(path);
    if fs::read(&backup).is_ok_and(|kept| kept == bytes)
        && let Err(error) = fs::remove_file(&backup)
    {
        tracing::warn!(path = %backup.display(), %error, "an old backup stays");
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".maya-mcp.bak");
    path.with_file_name(name)
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}
