//! How far a webhook has come, on the disk.
//!
//! Invariant: the file is whole or as it was before.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use maya_mcp_session::Registry;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::Webhook;

#[derive(Debug, Clone)]
pub(super) struct Place {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Written {
    /// All events up to this one are dealt with.
    seq: u64,
}

impl Place {
    pub fn new(folder: &Path, webhook: &Webhook) -> Self {
        Self { path: folder.join(format!("{}.json", digits(webhook.url.as_str()))) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last event that is dealt with. Written down at once where it was not, so that nothing after it is lost.
    pub fn begin(&self, registry: &Registry) -> u64 {
        let next = registry.next_seq();
        match self.read() {
            Ok(Some(seq)) if seq < next => return seq,
            // The numbers have begun anew, with the event log: all that is there is news.
            Ok(Some(_)) => return registry.oldest_seq().saturating_sub(1),
            Ok(None) => {}
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%error, %path, "how far a webhook had come is lost: it begins with the next event");
            }
        }
        let seq = next.saturating_sub(1);
        if let Err(error) = self.write(seq) {
            tracing::warn!(%error, path = %self.path.display(), "how far a webhook has come could not be written");
        }
        seq
    }

    fn read(&self) -> io::Result<Option<u64>> {
        match fs::read(&self.path) {
            Ok(text) => Ok(Some(serde_json::from_slice::<Written>(&text)?.seq)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Blocks. Not forced onto the disk: after a power failure some events may come twice, which their ids tell.
    pub fn write(&self, seq: u64) -> io::Result<()> {
        let folder = self.path.parent().expect("it was joined to a folder");
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&Written { seq })?)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// A webhook that is set again later begins anew.
pub(super) fn forget_others(folder: &Path, known: &BTreeSet<&Path>) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for path in files.flatten().map(|file| file.path()).filter(|path| !known.contains(path.as_path())) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(%error, path = %path.display(), "left of a webhook that is not set any more");
        }
    }
}

/// An address may be a secret: its file does not tell it.
pub(super) fn digits(text: &str) -> String {
    Sha256::digest(text)[..8].iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a String takes everything");
        digits
    })
}
