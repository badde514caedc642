//! What exists: the Maya sessions of this workstation, their phases, and what changed.
//!
//! Invariant: the [`Registry`] is the only writer of session state, and [`reduce`] is the only place where that state changes.
//! This crate never opens a file, a socket or a process.

pub mod clock;
mod event;
mod id;
mod observation;
mod phase;
mod reduce;
mod registry;
mod snapshot;
mod wire;

pub use event::{Edge, Event};
pub use id::{ClientName, InvalidClientName, SessionId};
pub use observation::{Ending, Observation, SceneReason};
pub use phase::{Phase, Why};
pub use reduce::reduce;
pub use registry::{Registry, Subscription, Update};
pub use snapshot::{Address, ChoiceError, Chooser, Facts, Process, Scene, Session, Snapshot};
pub use wire::{EventInfo, SessionInfo, event_info, session_info};
