//! The endpoint: the one MCP server of this workstation, and the programs that reach it from elsewhere on it.
//!
//! Invariant: listens on loopback only, answers nobody without a token, and commands never change state: they cause observations.

mod approvals;
mod arriving;
mod asked;
mod audit;
mod bridge;
mod call;
mod changes;
#[cfg(test)]
mod chatty;
mod completion;
mod connections;
mod elicitation;
mod endpoint;
mod endpoint_file;
mod events;
mod executions;
#[cfg(feature = "conformance-fixtures")]
mod fixtures;
mod gate;
mod history;
mod legacy_sessions;
mod logging;
mod modern;
mod prompts;
mod proven;
mod push;
mod reporter;
mod resources;
mod schema;
mod secret;
mod server;
mod shares;
mod slow_readers;
mod standard_error;
mod status;
mod tokens;
mod tools;

pub use audit::{AuditLog, AuditText};
pub use bridge::{BridgeError, BridgeOptions, StartCommand, bridge};
pub use call::{CallError, call_tool, get};
pub use endpoint::{Engine, serve};
pub use endpoint_file::{EndpointFile, EndpointFileError};
pub use maya_mcp_notify::private_file::{OnConflict, write as write_private};
pub use secret::EndpointSecret;
pub use server::Patience;
pub use standard_error::{StandardError, keep_log};
pub use status::FurtherStatus;
pub use tokens::Tokens;
pub use tools::OUR_CLIENT;
