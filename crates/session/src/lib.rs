//! What exists: the Maya sessions of this workstation, their phases, and what changed.
//!
//! Invariant: the [`Registry`] is the only writer of session state, and [`reduce`] is the only place where that state changes.
//! This crate never opens a file, a socket or a process.

mod access;
pub mod clock;
mod command;
mod event;
mod id;
mod observation;
mod phase;
mod reduce;
mod registry;
mod ring;
mod snapshot;
mod wire;

pub use access::{Access, Answer, InvalidAccess, Question, QuestionId, Rules, Scope, Wanted};
pub use command::{AddError, Added, Asker, Command, Commands, NO_AUTHENTICATION, Refused};
pub use event::{BackendEvent, Edge, Event, Filter, InvalidKind, Kind, What};
pub use id::{BackendName, ClientName, InvalidClientName, ProcessId, SessionId};
pub use observation::{Ending, Observation, Offer, SceneReason};
pub use phase::{Phase, Silent, Why, line_to_paste};
pub use reduce::reduce;
pub use registry::{Registry, Subscription, Update};
pub use ring::{Next, RING, Since};
pub use snapshot::{
    Address, ByHand, ChoiceError, Chooser, Crash, Facts, Origin, Process, Scene, Selected, Session, Snapshot,
};
pub use wire::{EventInfo, SessionInfo, event_info, session_info};
