//! What can go wrong, in words for people: what was attempted, then the next step.

use std::{io, path::PathBuf};

use crate::{Fault, Version};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the home folder of this account could not be found. Set HOME (USERPROFILE on Windows) and try again"
    )]
    NoHome,
    #[error("Maya {0} is too old to connect. Choose Maya {first} or later", first = Version::FIRST)]
    TooOld(Version),
    #[error("\"{}\" cannot stand in a start-up file. Set MAYA_MCP_HOME to a folder with a plain name, then try again", .0.display())]
    UnusablePath(PathBuf),
    #[error("\"{}\" could not be read. Check who may read it, then try again", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("\"{}\" is not a file. Move what is there aside, then try again", .0.display())]
    NotAFile(PathBuf),
    #[error("\"{}\" is far too large for a start-up file. Look at what is in it, then try again", .0.display())]
    TooLarge(PathBuf),
    #[error("\"{}\" is a link to something that is not there. Restore its target or remove the link, then try again", .0.display())]
    DanglingLink(PathBuf),
    #[error("\"{}\" was left as it is: {fault}", .path.display())]
    NotEditable {
        path: PathBuf,
        #[source]
        fault: Fault,
    },
    #[error("\"{}\" is read-only. Make it writable, then try again", .0.display())]
    ReadOnly(PathBuf),
    /// Somebody else wrote it while we did.
    #[error("\"{}\" changed in the meantime and was left as it is. Try again", .0.display())]
    Changed(PathBuf),
    #[error("\"{}\" could not be written ({doing}). Check the free space and who may write there, then try again", .path.display())]
    Write { path: PathBuf, doing: &'static str, source: io::Error },
    #[error("\"{}\" was written but reads back differently. Close the programs that use it, look at it, then try again", .0.display())]
    NotVerified(PathBuf),
}
