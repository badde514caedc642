//! What can go wrong, in words for people: what was attempted, then the next step.

use std::{io, path::PathBuf};

use crate::{Client, Fault};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the home folder of this account could not be found. Set HOME (USERPROFILE on Windows) and try again"
    )]
    NoHome,
    #[error("{} was not found on this machine. Start it once, then try again", .0.name())]
    NotFound(Client),
    #[error("\"{}\" cannot stand in a settings file. Install Maya MCP under an absolute path of plain text", .0.display())]
    UnusablePath(PathBuf),
    #[error("\"{}\" could not be read. Check who may read it, then try again", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("\"{}\" is not a file. Move what is there aside, then try again", .0.display())]
    NotAFile(PathBuf),
    #[error("\"{}\" is a link to something that is not there. Restore its target or remove the link, then try again", .0.display())]
    DanglingLink(PathBuf),
    #[error("\"{}\" was left as it is: {fault}. Correct it in a text editor, then try again", .path.display())]
    NotEditable {
        path: PathBuf,
        #[source]
        fault: Fault,
    },
    #[error("\"{}\" is read-only. Make it writable, then try again", .0.display())]
    ReadOnly(PathBuf),
    /// The file is no longer the one that was looked at.
    #[error("\"{}\" changed in the meantime and was left as it is. Look at it again, then repeat", .0.display())]
    Changed(PathBuf),
    /// The entry under our name leads to somebody else's server.
    #[error("the server \"maya\" in \"{}\" is not ours and stays. Remove it in {} itself if it is not needed", .path.display(), .client.name())]
    NotOurs { client: Client, path: PathBuf },
    #[error("\"{}\" could not be written ({doing}). Check the free space and who may write there, then try again", .path.display())]
    Write { path: PathBuf, doing: &'static str, source: io::Error },
    #[error("\"{}\" was written but reads back differently{}. Quit the programs that use it, look at it, then try again",
        .path.display(), .backup.as_ref().map(|b| format!(" (what was there is in \"{}\")", b.display())).unwrap_or_default())]
    NotVerified { path: PathBuf, backup: Option<PathBuf> },
}
