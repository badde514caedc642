//! The endpoint: the one MCP server of this workstation, and the programs that reach it from elsewhere on it.
//!
//! Invariant: listens on loopback only, answers nobody without a token, and commands never change state: they cause observations.

mod arriving;
mod bridge;
mod call;
mod changes;
mod endpoint;
mod endpoint_file;
#[cfg(feature = "conformance-fixtures")]
mod fixtures;
mod gate;
mod legacy_sessions;
mod modern;
mod newcomers;
mod private_file;
mod proven;
mod push;
mod resources;
mod schema;
mod secret;
mod server;
mod tokens;
mod tools;

pub use bridge::{BridgeError, BridgeOptions, StartCommand, bridge};
pub use call::{CallError, call_tool};
pub use endpoint::{Engine, serve};
pub use endpoint_file::{EndpointFile, EndpointFileError};
pub use private_file::{OnConflict, write as write_private};
pub use secret::EndpointSecret;
pub use tokens::Tokens;
pub use tools::OUR_CLIENT;
