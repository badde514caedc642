//! What was seen: the only way in for anything that is to change.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    Access, Address, Answer, BackendEvent, BackendName, ByHand, Chooser, ClientName, Facts, Process,
    QuestionId, Scene, Scope, Selected, SessionId, Silent, Wanted, Why,
};

#[derive(Debug, Clone)]
pub enum Observation {
    ProcessFound(Process),
    /// Somebody named a command port.
    AddedByHand(ByHand),
    /// What was added by hand was taken off the list.
    Removed {
        id: SessionId,
    },
    /// Connecting is the artist's to choose.
    ConnectOffered {
        id: SessionId,
        offer: Offer,
    },
    /// `ending` is told after the link has been read to its end, so a good-bye cannot come too late.
    ProcessEnded {
        id: SessionId,
        ending: Ending,
    },
    /// Connecting begins on a port that runs what it is sent.
    Connecting {
        id: SessionId,
        address: Address,
    },
    /// Connecting begins on a port that shows Maya's security dialog first.
    PermissionAsked {
        id: SessionId,
        address: Address,
    },
    ConnectFailed {
        id: SessionId,
        why: Why,
    },
    /// `address`: the command port that led to it; none when the helper was started with Maya.
    LinkOpened {
        id: SessionId,
        address: Option<Address>,
        facts: Facts,
        scene: Scene,
    },
    /// The link ended while the process lives.
    LinkClosed {
        id: SessionId,
    },
    /// The main thread has not run since then.
    MainThreadBusy {
        id: SessionId,
        since: Timestamp,
    },
    /// The main thread has not run since then, and that is long enough for a person to look.
    MainThreadStuck {
        id: SessionId,
        since: Timestamp,
        silent: Silent,
        /// Written since then: Maya has crashed, and shows it in a window of its own.
        recovered_scene: Option<PathBuf>,
    },
    MainThreadFree {
        id: SessionId,
    },
    SceneSeen {
        id: SessionId,
        reason: SceneReason,
        scene: Scene,
    },
    SelectionSeen {
        id: SessionId,
        selection: Selected,
    },
    /// Time has passed, for whoever wants to hear of what is only as it was.
    Beat,
    /// The artist has seen what was left of a crash, or does not want to.
    CrashClosed {
        id: SessionId,
    },
    /// Of another MCP server beside Maya.
    Backend {
        backend: BackendName,
        event: BackendEvent,
    },
    Chosen {
        by: Chooser,
        session: Option<SessionId>,
    },
    /// The artist has made a rule; none takes it back.
    AccessSet {
        scope: Scope,
        access: Option<Access>,
    },
    /// A client wants something that the artist has to allow.
    QuestionAsked {
        client: ClientName,
        session: SessionId,
        wanted: Wanted,
    },
    QuestionAnswered {
        id: QuestionId,
        answer: Answer,
    },
    /// Whoever asked has taken the answer, or does not wait for one any more.
    QuestionClosed {
        id: QuestionId,
    },
}

/// How an artist is told that a Maya can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// With a notice on the desktop.
    Asking,
    /// In the tray and the window only.
    Quiet,
}

/// How a process ended, as far as anyone can know from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The helper said good-bye first.
    Goodbye,
    /// The link broke off without a good-bye.
    WithoutGoodbye { recovered_scene: Option<PathBuf> },
    /// There was no link, so nobody could have said good-bye.
    Unwitnessed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SceneReason {
    New,
    Opened,
    Saved,
    Renamed,
}

impl SceneReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Opened => "opened",
            Self::Saved => "saved",
            Self::Renamed => "renamed",
        }
    }
}
