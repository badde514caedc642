//! Look, preview, turn on, turn off: reads, decides on the bytes, then writes.
//!
//! Folders that had to be made for the file stay: Maya makes the same ones when it first starts.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{
    Error, Start, Surroundings, Version, backup,
    block::{self, Before},
    file::Found,
    python,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub version: Version,
    /// The start-up file, which may not be there yet.
    pub path: PathBuf,
    #[serde(flatten)]
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    Off,
    On,
    /// Our block is there and starts something else, such as the loader in another home, or is there twice.
    Outdated,
    Unreadable {
        why: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    pub version: Version,
    pub path: PathBuf,
    /// What will stand in the file, at its end unless it is there already.
    pub block: String,
    pub creates_file: bool,
    /// False when the block is there already, as it should be.
    pub changes: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnedOn {
    pub version: Version,
    pub path: PathBuf,
    /// False when it was on already.
    pub changed: bool,
    /// The file as it was; `None` when there was none, or our block was in it already.
    pub backup: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnedOff {
    pub version: Version,
    pub path: PathBuf,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was no block of ours, so nothing was done.
    WasOff,
    /// Our block is out; every other byte is as it was.
    BlockRemoved,
    /// The file was ours alone and is gone.
    FileRemoved,
}

pub fn status(version: Version, around: &Surroundings, start: &Start) -> Status {
    let path = around.user_setup(version);
    let state = look(&path, start).unwrap_or_else(|error| State::Unreadable { why: error.to_string() });
    Status { version, path, state }
}

fn look(path: &Path, start: &Start) -> Result<State, Error> {
    let boot = in_text(start)?;
    let file = Found::read(path)?;
    let bytes = file.bytes.as_deref().unwrap_or_default();
    let blocks = block::find(bytes).map_err(|fault| file.not_editable(fault))?;
    Ok(match &*blocks {
        [] => State::Off,
        [block] if block.starts(&boot) => State::On,
        _ => State::Outdated,
    })
}

/// What [`turn_on`] would write, or why it would refuse to.
pub fn preview(version: Version, around: &Surroundings, start: &Start) -> Result<Preview, Error> {
    let (file, boot, edited) = plan(version, around, start)?;
    file.check_writable()?;
    let bytes = file.bytes.as_deref();
    let found = block::find(bytes.unwrap_or_default()).map_err(|fault| file.not_editable(fault))?;
    let before = found.first().map_or(Before::of(bytes), |block| block.before);
    Ok(Preview {
        version,
        block: block::compose(before, &boot, python::line_end(bytes.unwrap_or_default())),
        creates_file: bytes.is_none(),
        changes: bytes != Some(&edited),
        path: file.path,
    })
}

/// Puts our block in, or brings it up to date.
pub fn turn_on(version: Version, around: &Surroundings, start: &Start) -> Result<TurnedOn, Error> {
    let (file, _, edited) = plan(version, around, start)?;
    let path = file.path.clone();
    if file.bytes.as_ref() == Some(&edited) {
        return Ok(TurnedOn { version, path, changed: false, backup: None });
    }
    file.check_writable()?;
    let backup = match &file.bytes {
        Some(bytes) if block::find(bytes).is_ok_and(|blocks| blocks.is_empty()) => {
            Some(backup::keep(&path, bytes).map_err(file.failed("keeping a backup"))?)
        }
        _ => None,
    };
    if let Err(error) = file.replace(&edited) {
        // What was not changed needs no backup.
        if let (Some(bytes), false) = (&file.bytes, matches!(error, Error::NotVerified(_))) {
            backup::forget(&path, bytes);
        }
        return Err(error);
    }
    tracing::info!(%version, path = %path.display(), "Maya connects by itself from its next start on");
    Ok(TurnedOn { version, path, changed: true, backup })
}

fn plan(version: Version, around: &Surroundings, start: &Start) -> Result<(Found, String, Vec<u8>), Error> {
    if !version.is_supported() {
        return Err(Error::TooOld(version));
    }
    let boot = in_text(start)?;
    let file = Found::read(&around.user_setup(version))?;
    let edited = block::with_block(file.bytes.as_deref(), &boot).map_err(|fault| file.not_editable(fault))?;
    Ok((file, boot, edited))
}

/// Takes our block out again, and the file as well when it was ours alone.
pub fn turn_off(version: Version, around: &Surroundings) -> Result<TurnedOff, Error> {
    let file = Found::read(&around.user_setup(version))?;
    let path = file.path.clone();
    let bytes = file.bytes.as_deref().unwrap_or_default();
    let left = block::without_blocks(bytes).map_err(|fault| file.not_editable(fault))?;
    let outcome = match left {
        Some(left) if left == bytes => return Ok(TurnedOff { version, path, outcome: Outcome::WasOff }),
        None if !file.is_link() => {
            file.remove()?;
            Outcome::FileRemoved
        }
        left => {
            let left = left.unwrap_or_default();
            file.replace(&left)?;
            backup::forget(&path, &left);
            Outcome::BlockRemoved
        }
    };
    tracing::info!(%version, path = %path.display(), ?outcome, "Maya no longer connects by itself");
    Ok(TurnedOff { version, path, outcome })
}

/// Python takes `/` on Windows as well, and it reads better there than two backslashes.
fn in_text(start: &Start) -> Result<String, Error> {
    let boot = start.boot.to_str().ok_or_else(|| Error::UnusablePath(start.boot.clone()))?;
    Ok(if cfg!(windows) { boot.replace('\\', "/") } else { boot.to_owned() })
}
