//! Maya's start-up file: our block in `userSetup.py`, which lets Maya connect by itself when it starts; previewed, written, undone.
//!
//! Invariant: a `userSetup.py` is either left exactly as it was, or differs from it only by our own block, and [`turn_off`] gives
//! back the first bytes. The file is never decoded: it may be in any encoding.
//!
//! This crate knows nothing of the engine: what Maya shall start comes in as a [`Start`], where to look as [`Surroundings`].

mod backup;
mod block;
mod error;
mod file;
mod python;
mod switch;
mod version;

pub use block::Fault;
pub use error::Error;
pub use switch::{Outcome, Preview, State, Status, TurnedOff, TurnedOn, preview, status, turn_off, turn_on};
pub use version::{NotAVersion, Platform, Surroundings, Version, versions};

use std::path::PathBuf;

/// What Maya shall start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The loader in the application's home.
    pub boot: PathBuf,
}

#[cfg(test)]
mod tests;
