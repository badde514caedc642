//! Files that only this user may read.
//!
//! Invariant: no file appears under its name before its content is complete and on the disk.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::secret::{hex, random};

/// What happens when the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Replace,
    /// The first writer wins; the error is `AlreadyExists`.
    Keep,
}

pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        builder.mode(0o700).create(dir)?;
        if fs::metadata(dir)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    builder.create(dir)
}

pub(crate) fn write(path: &Path, content: &[u8], on_conflict: OnConflict) -> io::Result<()> {
    let temporary = temporary_beside(path);
    let written = create(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    let placed = written.and_then(|()| match on_conflict {
        OnConflict::Replace => fs::rename(&temporary, path),
        OnConflict::Keep => match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
                // A file system without hard links: here the last of two racing writers wins.
                fs::rename(&temporary, path)
            }
            linked => linked,
        },
    });
    // After a rename it is gone already.
    let _ = fs::remove_file(&temporary);
    placed?;
    sync_dir(path);
    Ok(())
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", hex(&random::<8>())))
}

/// So that the name survives a power failure too. Not every system can do it, and nothing depends on it.
fn sync_dir(path: &Path) {
    #[cfg(unix)]
    if let Some(dir) = path.parent() {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}
