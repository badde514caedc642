//! Detect, preview, connect, disconnect: reads, decides on the text, then writes.
//!
//! Claude Code has a command of its own for this (`claude mcp add`), which a later version may prefer where it is found. Editing the
//! file works without the `claude` program in the PATH; what a running session may overwrite is said in the preview's notes.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::{
    Client, Connection, Entry, Error, Fingerprint, Surroundings,
    backup::{self, Before},
    edit::{self, Key, Section},
    entry::{NAME, Owner, owner},
    file::{Found, Readers},
    mask::mask,
};

#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub client: Client,
    pub name: &'static str,
    /// The settings file, which may not be there yet.
    pub path: Option<PathBuf>,
    #[serde(flatten)]
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The client is not on this machine.
    NotFound,
    NotConnected,
    Connected,
    /// Our entry is there and leads elsewhere: to another folder, endpoint or token.
    Outdated,
    /// A server "maya" is there that is not ours; connecting replaces it.
    NameTaken,
    Unreadable {
        why: String,
    },
}

#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    pub client: Client,
    pub path: PathBuf,
    /// Secrets are masked in both texts.
    pub before: String,
    pub after: String,
    pub creates_file: bool,
    /// False when the entry is there already, as it should be.
    pub changes: bool,
    /// What a person should know first, a sentence or two each.
    pub notes: Vec<String>,
    pub fingerprint: Fingerprint,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connected {
    pub path: PathBuf,
    /// What was there before; `None` when there was no file, or nothing to change.
    pub backup: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disconnected {
    pub path: PathBuf,
    pub backup: Option<PathBuf>,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was no entry of ours, so nothing was done.
    WasNotConnected,
    /// The file is, byte for byte, what it was before we connected.
    Restored,
    /// The file was ours alone and is gone.
    FileRemoved,
    /// The file changed since we connected: only our entry was taken out.
    EntryRemoved,
}

pub fn status(client: Client, around: &Surroundings, connection: &Connection) -> Status {
    let path = client.locate(around);
    let state = match look(client, around, connection) {
        Err(Error::NotFound(_)) => State::NotFound,
        Err(error) => State::Unreadable { why: error.to_string() },
        Ok(seen) => match &seen.found {
            None => State::NotConnected,
            Some(found) if owner(found, connection) == Owner::SomebodyElse => State::NameTaken,
            Some(found) if seen.wanted.agrees_with(found) => State::Connected,
            Some(_) => State::Outdated,
        },
    };
    Status { client, name: client.name(), path, state }
}

pub fn preview(client: Client, around: &Surroundings, connection: &Connection) -> Result<Preview, Error> {
    let seen = look(client, around, connection)?;
    seen.file.check_writable()?;
    let before = seen.file.text()?;
    let after = seen.after()?;
    let changes = before != after;
    Ok(Preview {
        client,
        path: seen.file.path.clone(),
        before: mask(before, connection.token),
        after: mask(&after, connection.token),
        creates_file: seen.file.bytes.is_none(),
        changes,
        notes: if changes { notes(&seen, connection) } else { Vec::new() },
        fingerprint: seen.file.fingerprint(),
    })
}

fn notes(seen: &Seen, connection: &Connection) -> Vec<String> {
    let found = seen.found.as_ref().map(|found| owner(found, connection));
    let replaced = match found {
        Some(Owner::SomebodyElse) => Some(
            "Another server named \"maya\" is there already and will be replaced. A backup beside the file keeps it.",
        ),
        Some(Owner::Us) => Some("Our entry is there already and will be brought up to date."),
        None => None,
    };
    replaced.into_iter().chain([seen.client.facts().note]).map(str::to_owned).collect()
}

/// Writes what was previewed; [`Error::Changed`] when the file is no longer the previewed one.
pub fn connect(
    client: Client,
    around: &Surroundings,
    connection: &Connection,
    previewed: &Fingerprint,
) -> Result<Connected, Error> {
    let seen = look_at_previewed(client, around, connection, previewed)?;
    let after = seen.after()?;
    let path = seen.file.path.clone();
    if seen.file.text()? == after {
        return Ok(Connected { path, backup: None });
    }
    let readers = if seen.wanted.holds_token() { Readers::OwnerOnly } else { Readers::AsBefore };
    let is_origin = |before: &Before| is_origin(before, key(client), connection);
    let backup = seen.file.replace(after.as_bytes(), readers, is_origin)?;
    tracing::info!(%client, path = %path.display(), "connected a client");
    Ok(Connected { path, backup })
}

fn look_at_previewed(
    client: Client,
    around: &Surroundings,
    connection: &Connection,
    previewed: &Fingerprint,
) -> Result<Seen, Error> {
    let path = client.locate(around).ok_or(Error::NotFound(client))?;
    let file = Found::read(&path)?;
    if file.fingerprint() != *previewed {
        return Err(Error::Changed(path));
    }
    examine(client, file, connection)
}

/// Takes our entry out again: byte for byte while nothing else changed, else the entry alone. `connection` tells ours from others.
pub fn disconnect(
    client: Client,
    around: &Surroundings,
    connection: &Connection,
) -> Result<Disconnected, Error> {
    let path = client.locate(around).ok_or(Error::NotFound(client))?;
    let file = Found::read(&path)?;
    let text = file.text()?;
    let key = key(client);
    let Some(found) = edit::entry(text, key).map_err(|fault| file.not_editable(fault))? else {
        return Ok(Disconnected { path, backup: None, outcome: Outcome::WasNotConnected });
    };
    if owner(&found, connection) == Owner::SomebodyElse {
        return Err(Error::NotOurs { client, path });
    }
    let origins = origins(&file, key, connection);
    let undone = undo(text, key, &found, &origins).map_err(|fault| file.not_editable(fault))?;
    let is_origin = |before: &Before| is_origin(before, key, connection);
    let backup = if let Some(text) = &undone.text {
        file.replace(text.as_bytes(), Readers::AsBefore, is_origin)?
    } else {
        file.remove()?;
        forget_absence(&file);
        None
    };
    tracing::info!(%client, path = %path.display(), outcome = ?undone.outcome, "disconnected a client");
    Ok(Disconnected { path, backup, outcome: undone.outcome })
}

struct Undone {
    /// `None`: no file.
    text: Option<String>,
    outcome: Outcome,
}

/// Decides on the text alone. A backup is what this text was made from when putting the entry into it gives this very text.
fn undo(text: &str, key: Key, entry: &Value, origins: &[Before]) -> Result<Undone, edit::Fault> {
    let made_from = |origin: &&Before| {
        let before = if let Before::Text(before) = origin { before } else { "" };
        edit::with_entry(before, key, entry).is_ok_and(|made| made == text)
    };
    match origins.iter().find(made_from) {
        Some(Before::NoFile) => return Ok(Undone { text: None, outcome: Outcome::FileRemoved }),
        Some(Before::Text(before)) => {
            return Ok(Undone { text: Some(before.clone()), outcome: Outcome::Restored });
        }
        None => {}
    }
    // The section goes as well when it was not there before us. Without a witness it stays, empty.
    let section = match origins.first() {
        Some(Before::Text(before)) if !edit::has_section(before, key).unwrap_or(true) => Section::Drop,
        Some(Before::NoFile) => Section::Drop,
        _ => Section::Keep,
    };
    let left = edit::without_entry(text, key, section)?;
    if origins.first() == Some(&Before::NoFile) && edit::says_nothing(&left) {
        return Ok(Undone { text: None, outcome: Outcome::FileRemoved });
    }
    Ok(Undone { text: Some(left), outcome: Outcome::EntryRemoved })
}

/// The states without our entry that the backups know, the newest first.
fn origins(file: &Found, key: Key, connection: &Connection) -> Vec<Before> {
    let befores = backup::list(&file.path).into_iter().filter_map(|backup| backup.before());
    befores.filter(|before| is_origin(before, key, connection)).collect()
}

fn is_origin(before: &Before, key: Key, connection: &Connection) -> bool {
    let Before::Text(text) = before else { return true };
    edit::entry(text, key)
        .is_ok_and(|found| found.is_none_or(|found| owner(&found, connection) == Owner::SomebodyElse))
}

/// The note that there was no file has served.
fn forget_absence(file: &Found) {
    for backup in backup::list(&file.path) {
        if backup.before() == Some(Before::NoFile)
            && let Err(error) = std::fs::remove_file(&backup.path)
        {
            tracing::warn!(path = %backup.path.display(), %error, "an old backup stays");
        }
    }
}

/// A client's settings file, understood.
struct Seen {
    client: Client,
    file: Found,
    /// What stands under our name.
    found: Option<Value>,
    wanted: Entry,
}

impl Seen {
    fn after(&self) -> Result<String, Error> {
        let text = self.file.text()?;
        if self.found.as_ref().is_some_and(|found| self.wanted.agrees_with(found)) {
            return Ok(text.to_owned());
        }
        let edited = edit::with_entry(text, key(self.client), &self.wanted.to_json());
        edited.map_err(|fault| self.file.not_editable(fault))
    }
}

fn look(client: Client, around: &Surroundings, connection: &Connection) -> Result<Seen, Error> {
    let path = client.locate(around).ok_or(Error::NotFound(client))?;
    examine(client, Found::read(&path)?, connection)
}

fn examine(client: Client, file: Found, connection: &Connection) -> Result<Seen, Error> {
    let found = edit::entry(file.text()?, key(client)).map_err(|fault| file.not_editable(fault))?;
    let wanted = Entry::new(client, connection)?;
    Ok(Seen { client, file, found, wanted })
}

fn key(client: Client) -> Key {
    Key { section: client.facts().section, name: NAME }
}
