//! MCP client programs on this machine: which are there, and our entry in their settings: previewed, written, undone.
//!
//! Invariant: a settings file is either left exactly as it was, or differs from it only by our own entry. What cannot be read as
//! settings is never written; what is written was previewed; and [`disconnect`] gives back the first bytes.
//!
//! This crate knows nothing of the engine: what shall be written comes in as a [`Connection`], where to look as [`Surroundings`].

mod backup;
mod connect;
mod dialect;
mod edit;
mod entry;
mod error;
mod file;
mod mask;
mod splice;
mod table;

pub use connect::{
    Connected, Disconnected, Outcome, Preview, State, Status, connect, disconnect, preview, status,
};
pub use edit::Fault;
pub use entry::{AnyClient, Connection, Entry, config_for_any_client};
pub use error::Error;
pub use file::Fingerprint;
pub use table::{Client, Platform, Surroundings, UnknownClient};

#[cfg(test)]
mod tests;
