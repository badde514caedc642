//! Reads and replaces one start-up file.
//!
//! Invariant: at every moment the file is the old one or the new one, whole. The new one is written beside it, brought to the disk,
//! moved over the resolved target of a link, and read back.

use std::{
    fs::{self, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{Error, Fault};

/// Start-up files have some kilobytes; this is not one.
const LIMIT: u64 = 16 << 20;

/// A start-up file as it was read.
#[derive(Debug)]
pub(crate) struct Found {
    /// The path that Maya uses, which may be a link.
    pub path: PathBuf,
    target: PathBuf,
    /// `None`: there is no file yet.
    pub bytes: Option<Vec<u8>>,
    metadata: Option<Metadata>,
}

impl Found {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.into(), source };
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.into(), target: path.into(), bytes: None, metadata: None });
            }
            Err(error) => return Err(failed(error)),
            Ok(_) => {}
        }
        let target = path.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::DanglingLink(path.into()),
            _ => failed(error),
        })?;
        let metadata = target.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::NotAFile(path.into()));
        }
        if metadata.len() > LIMIT {
            return Err(Error::TooLarge(path.into()));
        }
        let bytes = fs::read(&target).map_err(failed)?;
        Ok(Self { path: path.into(), target, bytes: Some(bytes), metadata: Some(metadata) })
    }

    pub fn not_editable(&self, fault: Fault) -> Error {
        Error::NotEditable { path: self.path.clone(), fault }
    }

    pub fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> Error {
        let path = self.path.clone();
        move |source| Error::Write { path: path.clone(), doing, source }
    }

    pub fn check_writable(&self) -> Result<(), Error> {
        match &self.metadata {
            Some(metadata) if metadata.permissions().readonly() => Err(Error::ReadOnly(self.path.clone())),
            _ => Ok(()),
        }
    }

    /// Puts `bytes` in the file's place; a file that is not there yet gets its folders.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), Error> {
        self.check_writable()?;
        let folder = self.target.parent().unwrap_or(Path::new("."));
        if self.bytes.is_none() {
            fs::create_dir_all(folder).map_err(self.failed("making its folder"))?;
        }
        let new = self.write_beside(folder, bytes).map_err(self.failed("writing beside it"))?;
        self.check_unchanged()?;
        let moving = self.failed("moving it into place");
        if self.bytes.is_some() {
            new.persist(&self.target).map_err(|error| moving(error.error))?;
        } else {
            new.persist_noclobber(&self.target).map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => Error::Changed(self.path.clone()),
                _ => moving(error.error),
            })?;
        }
        sync_folder(folder);
        match fs::read(&self.target) {
            Ok(found) if found == bytes => Ok(()),
            _ => Err(Error::NotVerified(self.path.clone())),
        }
    }

    /// Takes away the file that holds nothing but ours.
    pub fn remove(&self) -> Result<(), Error> {
        self.check_writable()?;
        self.check_unchanged()?;
        fs::remove_file(&self.target).map_err(self.failed("removing it"))?;
        sync_folder(self.target.parent().unwrap_or(Path::new(".")));
        Ok(())
    }

    /// True when the path leads elsewhere: somebody arranged that after us.
    pub fn is_link(&self) -> bool {
        self.path.is_symlink()
    }

    fn check_unchanged(&self) -> Result<(), Error> {
        let now = Self::read(&self.path)?;
        let same = now.target == self.target && now.bytes == self.bytes;
        if same { Ok(()) } else { Err(Error::Changed(self.path.clone())) }
    }

    /// The name is a fixed one, so that the next write clears away what a killed one left.
    fn write_beside(&self, folder: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let mut name = self.target.file_name().unwrap_or_default().to_owned();
        name.push(".maya-mcp.tmp");
        match fs::remove_file(folder.join(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempfile_in(folder)?;
        file.write_all(bytes)?;
        if let Some(metadata) = &self.metadata {
            set_mode(file.as_file(), metadata)?;
        }
        file.as_file().sync_all()?;
        Ok(file)
    }
}

/// A new file keeps the 0600 that the temporary one is made with.
#[cfg(unix)]
fn set_mode(file: &fs::File, like: &Metadata) -> io::Result<()> {
    file.set_permissions(like.permissions())
}

/// On Windows the folder decides who may read.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every platform")]
fn set_mode(_file: &fs::File, _like: &Metadata) -> io::Result<()> {
    Ok(())
}

/// A move is on the disk when its folder is. Some network file systems cannot say so, and that undoes nothing.
#[cfg(unix)]
fn sync_folder(folder: &Path) {
    if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(folder = %folder.display(), %error, "a folder could not be brought to the disk");
    }
}

/// Windows offers no such thing for folders.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) {}
