//! The files of the event log: their names, their ends, and which of them may go.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use jiff::SignedDuration;
use maya_mcp_session::{EventInfo, clock::Timestamp};
use serde::Deserialize;

use super::{EventLog, Torn};

const ENDING: &str = ".jsonl";
/// Of the file beside them that says which numbers may have been given out.
pub const NEXT: &str = "next";
/// A larger number is damage: not every reader of JSON tells such numbers apart.
pub const MOST: u64 = 1 << 53;
/// Longer than any line.
const TAIL: u64 = 256 << 10;

/// What counts of a line that a newer program may have written.
#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// So that their order is that of their names.
pub fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}{ENDING}"))
}

/// The oldest first, each with the number in its name: none of its events has a smaller one. A folder that is not there has none.
pub fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(Ok(first)) = name.strip_suffix(ENDING).map(str::parse)
            && first <= MOST
        {
            files.push((first, path));
        }
    }
    files.sort();
    Ok(files)
}

/// Takes the last line away if it is not whole.
pub fn mend(path: &Path) -> io::Result<Option<Torn>> {
    let content = fs::read(path)?;
    let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole == content.len() {
        return Ok(None);
    }
    let file = File::options().write(true).open(path)?;
    file.set_len(whole as u64)?;
    file.sync_data()?;
    Ok(Some(Torn { bytes: (content.len() - whole) as u64 }))
}

/// Of the newest file; one without an event still says by its name what came before it.
pub fn last_seq(first: u64, path: &Path) -> io::Result<Option<u64>> {
    let content = fs::read(path)?;
    let seq = |line| serde_json::from_slice::<Numbered>(line).ok().map(|line| line.seq);
    let last = content.rsplit(|byte| *byte == b'\n').filter_map(seq).find(|seq| *seq <= MOST);
    Ok(last.or(first.checked_sub(1).filter(|before| *before > 0)))
}

pub fn event(line: &[u8]) -> Option<EventInfo> {
    serde_json::from_slice(line).ok()
}

/// Takes away what is too old or too much, but never the newest file: it keeps the numbers, and the writer is at it. Age is what lies
/// between a file and the newest event: a clock that is ahead for a while makes nothing old.
pub fn tidy(log: &EventLog, now: Timestamp) -> io::Result<()> {
    let mut files = list(&log.folder)?;
    let newest = files.iter().rev().find_map(|(_, path)| last_time(path));
    let now = newest.map_or(now, |newest| newest.min(now));
    let days = SignedDuration::from_hours(24 * i64::from(log.limits.days));
    let mut room = log.limits.file_bytes.saturating_mul(log.limits.files.saturating_sub(1));
    files.pop();
    for (_, path) in files.iter().rev() {
        let about = fs::metadata(path)?;
        let written = Timestamp::try_from(about.modified()?).unwrap_or(now);
        let rest = room.checked_sub(about.len());
        room = rest.unwrap_or(0);
        if now.duration_since(written) > days || rest.is_none() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Of the last event in it. None: it has none, or cannot be read.
fn last_time(path: &Path) -> Option<Timestamp> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut content = Vec::new();
    file.take(length.min(TAIL)).read_to_end(&mut content).ok()?;
    content.rsplit(|byte| *byte == b'\n').find_map(event)?.time.parse().ok()
}
