//! What changed: the events that each count, beside the snapshot in which the latest wins.

use std::{collections::BTreeSet, fmt, path::PathBuf, str::FromStr, sync::Arc, time::Instant};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BackendName, SceneReason, Session, Why};

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Appeared,
    Ready,
    AwaitingConnect,
    AwaitingPermission,
    Unreachable {
        why: Why,
    },
    SceneChanged {
        reason: SceneReason,
    },
    SelectionChanged {
        count: u64,
    },
    /// Another Maya answers at the same address.
    VersionChanged {
        before: String,
    },
    Busy,
    NotResponding,
    /// Its main thread runs again, after it was not responding.
    CameBack,
    Exited,
    Removed,
    Crashed {
        recovered_scene: Option<PathBuf>,
    },
    /// It is as it was; for whoever wants to hear that.
    Heartbeat,
}

/// What happened to another MCP server that is mounted beside Maya.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendEvent {
    Connected,
    /// Its tools, resources or prompts are others now.
    Changed,
    Lost,
}

/// An event's name in tools, resources, settings and the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Appeared,
    Ready,
    AwaitingConnect,
    AwaitingPermission,
    Unreachable,
    SceneChanged,
    SelectionChanged,
    VersionChanged,
    Busy,
    NotResponding,
    CameBack,
    Exited,
    Removed,
    Crashed,
    Heartbeat,
    BackendConnected,
    BackendChanged,
    BackendLost,
    /// A part of the event log itself was lost.
    LogTorn,
}

#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no kind of event: it is one of {all}", all = Kind::ALL.map(Kind::name).join(", "))]
pub struct InvalidKind(String);

impl Kind {
    pub const ALL: [Self; 19] = [
        Self::Appeared,
        Self::Ready,
        Self::AwaitingConnect,
        Self::AwaitingPermission,
        Self::Unreachable,
        Self::SceneChanged,
        Self::SelectionChanged,
        Self::VersionChanged,
        Self::Busy,
        Self::NotResponding,
        Self::CameBack,
        Self::Exited,
        Self::Removed,
        Self::Crashed,
        Self::Heartbeat,
        Self::BackendConnected,
        Self::BackendChanged,
        Self::BackendLost,
        Self::LogTorn,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Ready => "ready",
            Self::AwaitingConnect => "awaiting_connect",
            Self::AwaitingPermission => "awaiting_permission",
            Self::Unreachable => "unreachable",
            Self::SceneChanged => "scene_changed",
            Self::SelectionChanged => "selection_changed",
            Self::VersionChanged => "version_changed",
            Self::Busy => "busy",
            Self::NotResponding => "not_responding",
            Self::CameBack => "came_back",
            Self::Exited => "exited",
            Self::Removed => "removed",
            Self::Crashed => "crashed",
            Self::Heartbeat => "heartbeat",
            Self::BackendConnected => "backend_connected",
            Self::BackendChanged => "backend_changed",
            Self::BackendLost => "backend_lost",
            Self::LogTorn => "log_torn",
        }
    }

    /// Comes often and says little: told only to who names it.
    pub fn is_chatter(self) -> bool {
        matches!(self, Self::Heartbeat | Self::SelectionChanged)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = InvalidKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| InvalidKind(text.to_owned()))
    }
}

impl Event {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Appeared => Kind::Appeared,
            Self::Ready => Kind::Ready,
            Self::AwaitingConnect => Kind::AwaitingConnect,
            Self::AwaitingPermission => Kind::AwaitingPermission,
            Self::Unreachable { .. } => Kind::Unreachable,
            Self::SceneChanged { .. } => Kind::SceneChanged,
            Self::SelectionChanged { .. } => Kind::SelectionChanged,
            Self::VersionChanged { .. } => Kind::VersionChanged,
            Self::Busy => Kind::Busy,
            Self::NotResponding => Kind::NotResponding,
            Self::CameBack => Kind::CameBack,
            Self::Exited => Kind::Exited,
            Self::Removed => Kind::Removed,
            Self::Crashed { .. } => Kind::Crashed,
            Self::Heartbeat => Kind::Heartbeat,
        }
    }
}

impl BackendEvent {
    pub fn kind(self) -> Kind {
        match self {
            Self::Connected => Kind::BackendConnected,
            Self::Changed => Kind::BackendChanged,
            Self::Lost => Kind::BackendLost,
        }
    }
}

/// What an event is about, and what happened to it.
#[derive(Debug, Clone)]
pub enum What {
    /// `session` is its state right after the event (for an ended one, its last state).
    Session {
        session: Arc<Session>,
        event: Event,
    },
    Backend {
        backend: BackendName,
        event: BackendEvent,
    },
}

impl What {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Session { event, .. } => event.kind(),
            Self::Backend { event, .. } => event.kind(),
        }
    }

    /// The name of the session or backend.
    pub fn source(&self) -> String {
        match self {
            Self::Session { session, .. } => session.id().to_string(),
            Self::Backend { backend, .. } => backend.to_string(),
        }
    }
}

/// An event as it is delivered.
#[derive(Debug, Clone)]
pub struct Edge {
    /// One more than that of the event before. A start of the engine begins at a number of its own, beyond all before.
    pub seq: u64,
    /// Of the first snapshot that contains this change.
    pub revision: u64,
    pub at: Timestamp,
    /// When it became known, on the clock that nobody sets.
    pub known: Instant,
    pub what: What,
}

impl Edge {
    pub fn kind(&self) -> Kind {
        self.what.kind()
    }

    /// Of an event of a session.
    pub fn session(&self) -> Option<&Arc<Session>> {
        match &self.what {
            What::Session { session, .. } => Some(session),
            What::Backend { .. } => None,
        }
    }

    /// Of an event of a session.
    pub fn event(&self) -> Option<&Event> {
        match &self.what {
            What::Session { event, .. } => Some(event),
            What::Backend { .. } => None,
        }
    }
}

/// Which events somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// None: all that are no chatter.
    pub kinds: Option<BTreeSet<Kind>>,
    /// By name, sessions and backends. None: all.
    pub sources: Option<BTreeSet<String>>,
}

impl Filter {
    /// Chatter too.
    pub fn everything() -> Self {
        Self { kinds: Some(Kind::ALL.into()), sources: None }
    }

    pub fn admits(&self, kind: Kind, source: &str) -> bool {
        self.kinds.as_ref().map_or(!kind.is_chatter(), |kinds| kinds.contains(&kind))
            && self.sources.as_ref().is_none_or(|sources| sources.contains(source))
    }

    pub fn admits_edge(&self, edge: &Edge) -> bool {
        self.admits(edge.kind(), &edge.what.source())
    }
}
