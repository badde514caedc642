//! Talking to one Maya: its command port, bringing the helper in, and the link to the helper.
//!
//! Invariant: whatever is sent to a command port is one short line that does no harm when it runs late, twice or in a stranger.
//! This crate never decides which Maya to talk to, and keeps no session state.

mod announced;
mod bootstrap;
mod carried;
mod command_port;
#[cfg(test)]
mod fixtures;
mod frame;
mod helper_files;
mod link;
mod links;
mod proof;
mod protocol;
mod sources {
    include!(concat!(env!("OUT_DIR"), "/helper_sources.rs"));
}

pub use bootstrap::{BootstrapError, Doorway, asks_the_artist, bootstrap};
pub use command_port::{PortError, check_owner};
pub use helper_files::{HelperFiles, HelperFilesError};
pub use link::{Farewell, HelperAddress, Link, LinkEnd, LinkError, LinkEvent, LinkTask, Welcome};
pub use links::Links;
pub use protocol::{Execute, Execution, Language, ResultType, ScriptError};
