//! The files of the event log: their names, their ends, and which of them may go.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::SignedDuration;
use maya_mcp_session::{EventInfo, clock::Timestamp};

use super::{EventLog, Torn};
use crate::private_file;

const ENDING: &str = ".jsonl";

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
        if let Some(Ok(first)) = name.strip_suffix(ENDING).map(str::parse) {
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
    let last = content.rsplit(|byte| *byte == b'\n').find_map(event);
    Ok(last.map(|event| event.seq).or(first.checked_sub(1).filter(|before| *before > 0)))
}

pub fn event(line: &[u8]) -> Option<EventInfo> {
    serde_json::from_slice(line).ok()
}

/// Takes away what is too old or too much. The newest file keeps its number, so that none is given twice.
pub fn tidy(log: &EventLog, now: Timestamp) -> io::Result<()> {
    let files = list(&log.folder)?;
    let days = SignedDuration::from_hours(24 * i64::from(log.limits.days));
    let mut room = log.limits.file_bytes.saturating_mul(log.limits.files.saturating_sub(1));
    for (place, (first, path)) in files.iter().enumerate().rev() {
        let about = fs::metadata(path)?;
        let written = Timestamp::try_from(about.modified()?).unwrap_or(now);
        let too_old = now.duration_since(written) > days;
        let newest = place + 1 == files.len();
        if newest && too_old && about.len() > 0 {
            let last = last_seq(*first, path)?.map_or(*first, |last| last.max(*first));
            private_file::append(&self::path(&log.folder, last + 1))?;
            fs::remove_file(path)?;
        }
        if newest {
            continue;
        }
        let rest = room.checked_sub(about.len());
        room = rest.unwrap_or(0);
        if too_old || rest.is_none() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
