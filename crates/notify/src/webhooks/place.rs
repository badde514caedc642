//! How far a webhook has come, on the disk.
//!
//! Invariant: the file is whole or as it was before.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use maya_mcp_session::Registry;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Webhook;
use crate::private_file::{self, OnConflict};

#[derive(Debug, Clone)]
pub(super) struct Place {
    path: PathBuf,
}

/// Where a webhook begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    /// All events up to this one are dealt with.
    pub seq: u64,
    /// What the file says: it never goes back.
    pub written: u64,
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

    /// The number of the last event that is dealt with, and what the file says. Written down at once where it was not, so that nothing
    /// after it is lost.
    pub fn begin(&self, registry: &Registry) -> Begin {
        let next = registry.next_seq();
        match self.read() {
            Ok(Some(seq)) if seq < next => return Begin { seq, written: seq },
            // The numbers have begun anew: all that is there is news. The file waits for them to come so far again.
            Ok(Some(written)) => return Begin { seq: registry.oldest_seq().saturating_sub(1), written },
            Ok(None) => {}
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%error, %path, "how far a webhook had come is lost: the events of the last day may come again");
                return Begin { seq: 0, written: 0 };
            }
        }
        let seq = next.saturating_sub(1);
        if let Err(error) = self.write(seq) {
            tracing::warn!(%error, path = %self.path.display(), "how far a webhook has come could not be written");
        }
        Begin { seq, written: seq }
    }

    fn read(&self) -> io::Result<Option<u64>> {
        read(&self.path)
    }

    /// Blocks.
    pub fn write(&self, seq: u64) -> io::Result<()> {
        let folder = self.path.parent().expect("it was joined to a folder");
        private_file::make_dir(folder)?;
        private_file::write(&self.path, &serde_json::to_vec(&Written { seq })?, OnConflict::Replace)
    }
}

fn read(path: &Path) -> io::Result<Option<u64>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(serde_json::from_slice::<Written>(&text)?.seq)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// How far the webhook has come that has come furthest: an event with that number there was.
pub fn furthest(folder: &Path) -> Option<u64> {
    let files = fs::read_dir(folder).ok()?;
    files.flatten().filter_map(|file| read(&file.path()).ok()?).max()
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
