//! Numbers of events that may have been given out, on the disk: beside the log, so that none is given twice where lines of it are missing.
//!
//! Invariant: the mark is ahead of the numbers for as long as the disk takes it, and it never goes back.

use std::{fs, io, path::PathBuf};

use maya_mcp_session::Registry;
use tokio::task::spawn_blocking;

use super::{
    STARTS,
    files::{MOST, NEXT},
};
use crate::private_file::{self, OnConflict};

/// At least so many numbers are reserved beyond the next one, whenever there is time to look.
const AHEAD: u64 = STARTS;

/// To be kept, once, for as long as the engine runs.
#[derive(Debug)]
pub struct Mark {
    path: PathBuf,
    /// Smaller numbers may have been given out.
    reserved: u64,
    /// It was said already that it cannot be written.
    failed: bool,
}

impl Mark {
    /// Reads what an earlier start has reserved, and reserves for this one. Gives the number of its first event too: at least `begin_at`,
    /// and beyond what any webhook has come to.
    pub fn begin(folder: PathBuf, begin_at: u64, furthest: Option<u64>) -> (Self, u64) {
        let path = folder.join(NEXT);
        let before = read(&path).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "which numbers events have had is known from the log only");
            None
        });
        let beyond = before.max(furthest.filter(|seq| *seq <= MOST).map(|seq| seq + 1));
        let first = beyond.map_or(begin_at, |beyond| begin_at.max(beyond.next_multiple_of(STARTS)));
        let mut mark = Self { path, reserved: first, failed: false };
        mark.reserve(first);
        (mark, first)
    }

    /// Until the registry is gone.
    pub async fn keep(mut self, registry: Registry) {
        let mut next = registry.watch_next_seq();
        drop(registry);
        loop {
            let reserved = self.reserved;
            let Ok(due) = next.wait_for(|next| next + AHEAD > reserved).await.map(|next| *next) else {
                return;
            };
            let reserving = spawn_blocking(move || {
                self.reserve(due);
                self
            });
            let Ok(mark) = reserving.await else { return };
            self = mark;
        }
    }

    /// Whether or not the disk takes it, it is tried again only after so many numbers more.
    fn reserve(&mut self, next: u64) {
        self.reserved = next.next_multiple_of(STARTS) + 2 * AHEAD;
        let written =
            private_file::write(&self.path, format!("{}\n", self.reserved).as_bytes(), OnConflict::Replace);
        if let (Err(error), false) = (&written, self.failed) {
            tracing::warn!(%error, path = %self.path.display(), "which numbers events have had cannot be written down");
        }
        self.failed = written.is_err();
    }
}

fn read(path: &PathBuf) -> io::Result<Option<u64>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let mark = text.trim().parse().ok().filter(|mark| *mark <= MOST);
            mark.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it holds no number"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
