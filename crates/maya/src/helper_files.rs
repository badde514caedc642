//! Lays the helper's files where Maya can read them, and writes the invitations.
//!
//! Invariant: what a running Maya may still read is never changed in place; folders are 0700 and files 0600.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    bootstrap::python_literal,
    proof::{Secret, hex, random},
    protocol::LinkKind,
    sources,
};

#[derive(Debug, thiserror::Error)]
pub enum HelperFilesError {
    #[error("writing {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("the home folder {0} has a name that is not Unicode; set MAYA_MCP_HOME to another folder")]
    NotUnicode(PathBuf),
}

/// The helper's files, in place below one home.
#[derive(Debug, Clone)]
pub struct HelperFiles {
    home: PathBuf,
    boot: String,
    hash: String,
}

impl HelperFiles {
    pub fn install(home: &Path) -> Result<Self, HelperFilesError> {
        let hash = content_hash();
        let package = home.join("helper").join(&hash).join("maya_mcp_helper");
        let run = home.join("run");
        for folder in [
            home,
            &run,
            &run.join("announced"),
            &home.join("helper"),
            &home.join("helper").join(&hash),
            &package,
        ] {
            private_folder(folder)?;
        }
        for (name, text) in sources::PACKAGE {
            put(&package.join(name), text)?;
        }
        let boot = home.join("boot.py");
        put(&boot, sources::BOOT)?;
        // Last, so that a Maya that starts meanwhile finds a whole package there.
        put(&home.join("helper").join("current"), &hash)?;
        forget_old_invitations(&run);
        let boot = boot.to_str().ok_or_else(|| HelperFilesError::NotUnicode(home.to_owned()))?.to_owned();
        Ok(Self { home: home.to_owned(), boot, hash })
    }

    /// Writes a new invitation; it is taken back when the value is dropped, read or not.
    pub(crate) fn invite(&self, kind: LinkKind) -> Result<Invitation, HelperFilesError> {
        let nonce = hex(&random::<16>());
        let secret = Secret::random();
        let path = self.home.join("run").join(format!("{nonce}.json"));
        let mut text = json!({"secret": secret.to_hex(), "helper": self.hash});
        if kind == LinkKind::CommandPort {
            text["link"] = json!(kind);
        }
        put(&path, &text.to_string())?;
        Ok(Invitation { nonce, secret, path })
    }

    /// What a Maya shall start that connects by itself.
    pub fn boot(&self) -> &Path {
        Path::new(&self.boot)
    }

    /// The same, as Python shall read it.
    pub(crate) fn boot_path(&self) -> &str {
        &self.boot
    }

    /// Where helpers that were started so leave word of themselves.
    pub(crate) fn announcements(&self) -> PathBuf {
        self.home.join("run").join("announced")
    }

    pub(crate) fn announcement(&self, pid: u32) -> PathBuf {
        self.announcements().join(format!("{pid}.json"))
    }

    /// Which build of the helper lies here.
    pub fn build(&self) -> &str {
        &self.hash
    }

    /// The Python expression that brings the helper in: one line of ASCII that never raises.
    pub(crate) fn expression(&self, nonce: &str) -> String {
        format!("__import__('runpy').run_path({})['connect']('{nonce}')", python_path(&self.boot))
    }
}

/// An expression that gives this path, in ASCII. On Unix a path is bytes: as text, a Maya in another locale would look for others.
fn python_path(path: &str) -> String {
    if cfg!(windows) || path.is_ascii() {
        // Slashes work on Windows as well, and need no escapes in either language.
        let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
        return format!("'{}'", python_literal(&path));
    }
    format!("__import__('os').fsdecode(b'{}')", path.as_bytes().escape_ascii())
}

/// Leave for one helper to start, for one nonce.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub nonce: String,
    pub secret: Secret,
    path: PathBuf,
}

impl Drop for Invitation {
    fn drop(&mut self) {
        // The helper has usually removed it already.
        let _ = fs::remove_file(&self.path);
    }
}

/// Which build of the helper this is.
fn content_hash() -> String {
    let mut hash = Sha256::new();
    for (name, text) in sources::PACKAGE {
        hash.update(name);
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    hex(&hash.finalize()[..6])
}

/// A killed engine leaves its invitations behind; nobody may come with them any more.
fn forget_old_invitations(run: &Path) {
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "json") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn private_folder(path: &Path) -> Result<(), HelperFilesError> {
    let made = if path.is_dir() { Ok(()) } else { create_private_folder(path) };
    made.map_err(|source| HelperFilesError::Write { path: path.to_owned(), source })
}

#[cfg(unix)]
fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private_folder(path: &Path) -> io::Result<()> {
    // Below the user's profile, where others have no access.
    fs::create_dir_all(path)
}

/// Leaves a file alone that is already right; else a new one takes its place at once.
fn put(path: &Path, text: &str) -> Result<(), HelperFilesError> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let new = path.with_extension(format!("{}.new", hex(&random::<4>())));
    let written = write_private(&new, text).and_then(|()| fs::rename(&new, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&new);
        HelperFilesError::Write { path: path.to_owned(), source }
    })
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_laid_once_and_are_private() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let home = home.path().join("a new home");
        let files = HelperFiles::install(&home).expect("the folder is writable");
        let boot = home.join("boot.py");
        let before = fs::metadata(&boot).and_then(|m| m.modified()).expect("it is there");
        HelperFiles::install(&home).expect("again");
        let after = fs::metadata(&boot).and_then(|m| m.modified()).expect("it is still there");
        assert_eq!(before, after, "what is right already is not written again");
        let current = fs::read_to_string(home.join("helper/current")).expect("it is there");
        assert_eq!(current, files.build(), "a Maya that starts later finds this build");

        let invitation = files.invite(LinkKind::Socket).expect("the folder is writable");
        let path = invitation.path.clone();
        #[cfg(unix)]
        for (path, mode) in [
            (&home, 0o700),
            (&home.join("run"), 0o700),
            (&files.announcements(), 0o700),
            (&path, 0o600),
            (&boot, 0o600),
        ] {
            use std::os::unix::fs::PermissionsExt;
            let found = fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(found, mode, "{} is for this user only", path.display());
        }
        drop(invitation);
        assert!(!path.exists(), "an invitation nobody waits for is taken back");
    }
}
