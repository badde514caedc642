//! Backups beside a settings file: `<file>.maya-mcp-<n>.bak`, the higher the number the newer.
//!
//! At most five are kept, and among them always the newest origin: a state without our entry, to which undo goes back. They stand
//! beside the path that the client uses, not beside the target of a link: a folder of linked settings is often shared or published.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::file::sync_folder;

const KEPT: usize = 5;

/// The content of a backup that says there was no file. No settings file reads like this.
const NO_FILE: &[u8] = b"There was no file here before Maya MCP made one.\n";

/// What a backup says was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Before {
    NoFile,
    Text(String),
}

#[derive(Debug)]
pub(crate) struct Backup {
    number: u64,
    pub path: PathBuf,
}

impl Backup {
    /// `None` for one that cannot be read: it is no help.
    pub fn before(&self) -> Option<Before> {
        let bytes = fs::read(&self.path).ok()?;
        if bytes == NO_FILE {
            return Some(Before::NoFile);
        }
        String::from_utf8(bytes).ok().map(Before::Text)
    }
}

/// The newest first.
pub(crate) fn list(path: &Path) -> Vec<Backup> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let backups = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let file_name = entry.file_name();
        let rest = file_name.to_str()?.strip_prefix(name)?;
        let number = rest.strip_prefix(".maya-mcp-")?.strip_suffix(".bak")?.parse().ok()?;
        Some(Backup { number, path: entry.path() })
    });
    let mut backups = backups.collect::<Vec<_>>();
    backups.sort_by_key(|backup| std::cmp::Reverse(backup.number));
    backups
}

/// Keeps what is there now; returns where, unless there is nothing.
pub(crate) fn keep(
    path: &Path,
    bytes: Option<&[u8]>,
    is_origin: impl Fn(&Before) -> bool,
) -> io::Result<Option<PathBuf>> {
    let number = list(path).first().map_or(1, |newest| newest.number.saturating_add(1));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".maya-mcp-{number}.bak"));
    let backup = path.with_file_name(name);
    let mut file = create_private(&backup)?;
    file.write_all(bytes.unwrap_or(NO_FILE))?;
    file.sync_all()?;
    sync_folder(path.parent().unwrap_or(Path::new(".")));
    prune(path, is_origin);
    Ok(bytes.map(|_| backup))
}

/// One that cannot be removed now is removed next time.
fn prune(path: &Path, is_origin: impl Fn(&Before) -> bool) {
    let mut backups = list(path);
    let origin = backups.iter().position(|backup| backup.before().is_some_and(|before| is_origin(&before)));
    if let Some(origin) = origin.filter(|origin| *origin >= KEPT) {
        backups.swap(origin, KEPT - 1);
    }
    for backup in backups.iter().skip(KEPT) {
        if let Err(error) = fs::remove_file(&backup.path) {
            tracing::warn!(path = %backup.path.display(), %error, "an old backup stays");
        }
    }
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
