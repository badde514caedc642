//! What changed: the edges that each count, beside the snapshot in which the latest wins.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;

use crate::{SceneReason, Session, Why};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Appeared,
    Ready,
    AwaitingConnect,
    AwaitingPermission,
    Unreachable { why: Why },
    SceneChanged { reason: SceneReason },
    Renamed,
    Busy,
    NotResponding,
    Exited,
    Removed,
    Crashed { recovered_scene: Option<PathBuf> },
}

impl Event {
    /// The event's name in tools, resources and the event log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Ready => "ready",
            Self::AwaitingConnect => "awaiting_connect",
            Self::AwaitingPermission => "awaiting_permission",
            Self::Unreachable { .. } => "unreachable",
            Self::SceneChanged { .. } => "scene_changed",
            Self::Renamed => "renamed",
            Self::Busy => "busy",
            Self::NotResponding => "not_responding",
            Self::Exited => "exited",
            Self::Removed => "removed",
            Self::Crashed { .. } => "crashed",
        }
    }

    /// True when a session came or went, so that lists of sessions differ.
    pub fn changes_the_list(&self) -> bool {
        matches!(self, Self::Appeared | Self::Exited | Self::Removed | Self::Crashed { .. })
    }
}

/// An event as it is delivered: `session` is the session's state right after it (for an ended one, its last state).
#[derive(Debug, Clone)]
pub struct Edge {
    /// The revision of the first snapshot that contains this change.
    pub revision: u64,
    pub at: Timestamp,
    pub session: Arc<Session>,
    pub event: Event,
}
