//! Reads and replaces one settings file.
//!
//! Invariant: at every moment the file is the old one or the new one, whole. The new one is written beside it, brought to the disk,
//! moved over the resolved target of a link, and read back.

use std::{
    fs::{self, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
    str,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Fault, backup};

/// A settings file as it was read.
#[derive(Debug)]
pub(crate) struct Found {
    /// The path to show, which may be a link.
    pub path: PathBuf,
    target: PathBuf,
    /// `None`: there is no file yet.
    pub bytes: Option<Vec<u8>>,
    metadata: Option<Metadata>,
}

/// Which file in which state was previewed: nothing is written when it is no longer that one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// Whether others may read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    AsBefore,
    /// The file holds a token from now on.
    OwnerOnly,
}

impl Found {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.into(), source };
        let absent = || Self { path: path.into(), target: path.into(), bytes: None, metadata: None };
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(absent()),
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
        let bytes = fs::read(&target).map_err(failed)?;
        Ok(Self { path: path.into(), target, bytes: Some(bytes), metadata: Some(metadata) })
    }

    /// An absent file reads as an empty one.
    pub fn text(&self) -> Result<&str, Error> {
        let bytes = self.bytes.as_deref().unwrap_or_default();
        str::from_utf8(bytes).map_err(|error| self.not_editable(error.into()))
    }

    pub fn not_editable(&self, fault: Fault) -> Error {
        Error::NotEditable { path: self.path.clone(), fault }
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.target.as_os_str().as_encoded_bytes());
        hash.update([0, u8::from(self.bytes.is_some())]);
        hash.update(self.bytes.as_deref().unwrap_or_default());
        let hex =
            |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)]));
        Fingerprint(hash.finalize().iter().flat_map(hex).collect())
    }

    pub fn check_writable(&self) -> Result<(), Error> {
        match &self.metadata {
            Some(metadata) if metadata.permissions().readonly() => Err(Error::ReadOnly(self.path.clone())),
            _ => Ok(()),
        }
    }

    /// Keeps a backup and puts `bytes` in the file's place. Returns the backup, if there was something to keep.
    pub fn replace(
        &self,
        bytes: &[u8],
        readers: Readers,
        is_origin: impl Fn(&backup::Before) -> bool,
    ) -> Result<Option<PathBuf>, Error> {
        self.check_writable()?;
        let folder = self.target.parent().unwrap_or(Path::new("."));
        let new = self.write_beside(folder, bytes, readers).map_err(self.failed("writing beside it"))?;
        let backup = backup::keep(&self.path, self.bytes.as_deref(), is_origin)
            .map_err(self.failed("keeping a backup"))?;
        self.check_unchanged()?;
        if self.bytes.is_some() {
            new.persist(&self.target).map_err(|error| self.failed("moving it into place")(error.error))?;
        } else {
            new.persist_noclobber(&self.target).map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => Error::Changed(self.path.clone()),
                _ => self.failed("moving it into place")(error.error),
            })?;
        }
        sync_folder(folder);
        match fs::read(&self.target) {
            Ok(found) if found == bytes => Ok(backup),
            _ => Err(Error::NotVerified { path: self.path.clone(), backup }),
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

    fn check_unchanged(&self) -> Result<(), Error> {
        let now = Self::read(&self.path)?;
        let same = now.target == self.target && now.bytes == self.bytes;
        if same { Ok(()) } else { Err(Error::Changed(self.path.clone())) }
    }

    /// The name is a fixed one, so that the next write clears away what a killed one left.
    fn write_beside(
        &self,
        folder: &Path,
        bytes: &[u8],
        readers: Readers,
    ) -> io::Result<tempfile::NamedTempFile> {
        let mut name = self.target.file_name().unwrap_or_default().to_owned();
        name.push(".maya-mcp.tmp");
        match fs::remove_file(folder.join(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempfile_in(folder)?;
        file.write_all(bytes)?;
        self.set_mode(file.as_file(), readers)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// A new file keeps the 0600 that the temporary one is made with.
    #[cfg(unix)]
    fn set_mode(&self, file: &fs::File, readers: Readers) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;

        let Some(metadata) = &self.metadata else { return Ok(()) };
        let mode = metadata.permissions().mode() & 0o7777;
        let mode = if readers == Readers::OwnerOnly { mode & 0o7700 } else { mode };
        file.set_permissions(fs::Permissions::from_mode(mode))
    }

    /// On Windows the folder decides who may read.
    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same signature on every platform")]
    fn set_mode(&self, _file: &fs::File, _readers: Readers) -> io::Result<()> {
        Ok(())
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> Error {
        let path = self.path.clone();
        move |source| Error::Write { path: path.clone(), doing, source }
    }
}

/// A move is on the disk when its folder is. Some network file systems cannot say so, and that undoes nothing.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) {
    if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(folder = %folder.display(), %error, "a folder could not be brought to the disk");
    }
}

/// Windows offers no such thing for folders.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) {}
