//! What happened, on disk: one line of JSON for each event, in files named by the number of their first one.
//!
//! Invariant: whoever tells waits for no disk; lines are written whole and in order, so that after a crash only the last one can be torn,
//! and that is said in the log itself.

mod files;
mod mark;
mod reading;
mod recent;
mod writing;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use maya_mcp_session::{
    EventInfo, Kind,
    clock::{self, Timestamp},
};

use tokio::sync::watch;

use crate::private_file;
use writing::{Line, Writer};

pub use mark::Mark;
pub use reading::{Follow, Page, Query};
pub use recent::{Recent, recent};
pub use writing::write_log;

/// What such an event is about, where it is about none of the sessions.
const ENGINE: &str = "engine";
/// A start of the engine begins at a multiple of this.
const STARTS: u64 = 1000;

/// Cheap to clone: the folder, to read from and to be written by [`write_log`].
#[derive(Debug, Clone)]
pub struct EventLog {
    folder: Arc<Path>,
    limits: Limits,
    /// All events with a smaller number are written, or given up.
    settled: watch::Sender<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one file; the next one begins there, and at each day (UTC).
    pub file_bytes: u64,
    /// The room that so many full files take is kept for all.
    pub files: u64,
    /// What was written longer ago goes.
    pub days: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 4 << 20, files: 8, days: 30 }
    }
}

/// What an earlier engine has left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// None: nothing was ever written.
    pub last_seq: Option<u64>,
    pub torn: Option<Torn>,
}

/// The last line was not whole, and was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    pub bytes: u64,
}

impl Found {
    /// The number of the first event of this start: beyond all that were written, and what an engine that was killed may have told and not
    /// written any more.
    pub fn begin_at(&self) -> u64 {
        self.last_seq.map_or(1, |last| (last / STARTS + 2) * STARTS)
    }
}

impl EventLog {
    /// To write to it: makes the folder, mends the last line and takes away what is too old. One engine at a time.
    pub fn open(folder: PathBuf, limits: Limits) -> io::Result<(Self, Found)> {
        Self::open_at(folder, limits, clock::now())
    }

    /// To read it only.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: folder.into(), limits: Limits::default(), settled: watch::Sender::new(u64::MAX) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn settled(&self) -> watch::Receiver<u64> {
        self.settled.subscribe()
    }

    fn open_at(folder: PathBuf, limits: Limits, now: Timestamp) -> io::Result<(Self, Found)> {
        private_file::make_secret_dir(&folder)?;
        let log = Self { folder: folder.into(), limits, settled: watch::Sender::new(0) };
        let mut found = Found::default();
        if let Some((first, newest)) = files::list(&log.folder)?.pop() {
            found.torn = files::mend(&newest)?;
            found.last_seq = files::last_seq(first, &newest)?;
        }
        if let Some(torn) = found.torn {
            tracing::warn!(bytes = torn.bytes, "the last line of the event log was torn and is lost");
            let seq = found.last_seq.map_or(1, |last| last + 1);
            match log.tell_torn(torn, seq, now) {
                Ok(()) => found.last_seq = Some(seq),
                Err(error) => tracing::warn!(%error, "nor can that be written into it"),
            }
        }
        log.tidy(now);
        Ok((log, found))
    }

    fn tidy(&self, now: Timestamp) {
        if let Err(error) = files::tidy(self, now) {
            tracing::warn!(%error, "old events could not be taken away");
        }
    }

    fn tell_torn(&self, torn: Torn, seq: u64, now: Timestamp) -> io::Result<()> {
        let detail = format!(
            "The last line of the event log was torn, as happens when the power fails or the program is killed: {} bytes, one event, are lost",
            torn.bytes
        );
        let mut writer = Writer::new(self.clone());
        writer.append(&[log_torn(seq, now, detail)]).outcome?;
        writer.sync()
    }
}

fn log_torn(seq: u64, at: Timestamp, detail: String) -> Line {
    let event = EventInfo {
        seq,
        time: at.to_string(),
        source: ENGINE.to_owned(),
        kind: Kind::LogTorn,
        session: None,
        detail,
        recovered_scene: None,
    };
    Line::of(&event, at)
}

#[cfg(all(test, target_os = "linux"))]
mod killed_tests;
#[cfg(test)]
mod tests;
