//! Talking to one Maya: its command port, bringing the helper in, and the link to the helper with its clients' connections.
//!
//! Invariant: whatever is sent to a command port that was not opened for us is one short line that does no harm when it runs late, twice or in a
//! stranger. This crate never decides which Maya to talk to, and keeps no session state.

mod announced;
mod bootstrap;
mod calls;
mod carried;
mod clients;
mod command_port;
mod connection;
#[cfg(test)]
mod fixtures;
mod frame;
mod framed;
mod helper_files;
mod lines;
mod link;
mod links;
mod methods;
mod output;
mod outputs;
mod port;
mod proof;
mod protocol;
mod replace;
mod request;
mod sources {
    include!(concat!(env!("OUT_DIR"), "/helper_sources.rs"));
}
#[cfg(test)]
mod tests;
mod waiting;

pub use bootstrap::{BootstrapError, Doorway, asks_the_artist, bootstrap};
pub use calls::Running;
pub use clients::Client;
pub use command_port::{PortError, check_owner};
pub use frame::FrameError;
pub use helper_files::{HelperFiles, HelperFilesError};
pub use link::{Access, Farewell, HelperAddress, Link, LinkEnd, LinkError, LinkEvent, LinkTask, Welcome};
pub use links::Links;
pub use methods::{
    CancelState, Cancellation, Frames, Listed, Picture, PictureFormat, Reference, References, SceneSummary,
    SelectMode, Selection, Step, Subject, Units, Viewport, WriteModule, WrittenModule,
};
pub use output::{Progress, Stream};
pub use outputs::{Outputs, Shown, Sizes};
pub use protocol::{Execute, Execution, Language, LinkKind, Refusal, ResultType, ScriptError, Unsaved};
pub use replace::{Build, replace};
