//! Files that only this user may read.
//!
//! Invariant: no file appears under its name before its content is complete and on the disk.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// What happens when the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    Replace,
    /// The first writer wins; the error is `AlreadyExists`.
    Keep,
}

/// A folder that is there already stays as it is: it may be anybody's, `/tmp` for one.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// A folder that holds nothing but secrets, closed to others even if it was open before.
pub fn make_secret_dir(dir: &Path) -> io::Result<()> {
    make_dir(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(dir)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

pub fn write(path: &Path, content: &[u8], on_conflict: OnConflict) -> io::Result<()> {
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

pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// To write at its end; made, with its folder, when it is not there.
pub fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    match (options.open(path), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            make_dir(folder)?;
            options.open(path)
        }
        (opened, _) => opened,
    }
}

fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let random = getrandom::u64().expect("the operating system gives random numbers");
    path.with_file_name(format!(".{name}.{random:016x}"))
}

/// So that the name survives a power failure too. Not every system can do it, and nothing depends on it.
pub(crate) fn sync_dir(path: &Path) {
    #[cfg(unix)]
    if let Some(dir) = path.parent() {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_of_somebody_else_keeps_its_mode() {
        let home = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        make_dir(home.path()).expect("there");
        assert_eq!(mode(home.path()), 0o755, "as it was");
        make_dir(&home.path().join("a/b")).expect("made");
        assert_eq!(mode(&home.path().join("a/b")), 0o700, "made by us");
        make_secret_dir(home.path()).expect("there");
        assert_eq!(mode(home.path()), 0o700, "closed");
    }
}
