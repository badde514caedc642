//! Where a session is in its life.

use std::fmt;

use jiff::Timestamp;

/// Everything a phase needs to be told lies inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The process is there; its command port is still being looked for, or connecting will be tried again.
    Discovered,
    /// Maya shows its security dialog: the artist has to choose.
    AwaitingPermission,
    /// The helper is being brought in.
    Bootstrapping,
    /// The link is open and Maya's main thread answers.
    Ready,
    /// The link is open; the main thread has been working since then. Never a reason to think Maya dead.
    Busy { since: Timestamp },
    /// Busy for so long that a person should look.
    NotResponding { since: Timestamp },
    /// Maya runs, and we cannot reach it.
    Unreachable { why: Why },
}

/// The next step for a Maya without a port of its own.
const OPEN_A_PORT: &str =
    "Run this line in Maya's Script Editor, on a MEL tab: commandPort -name \"127.0.0.1:7001\"";

/// Why a running Maya cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It has no command port open.
    NoCommandPort,
    /// Another Maya has taken over the file of its command port's socket.
    TakenOver,
    /// Another engine has put its own helper into it.
    Replaced,
    /// Its helper was taken out, and connecting again would ask the artist again.
    HelperRemoved,
    /// The artist chose *Deny* in Maya's security dialog.
    PermissionDenied,
    /// It listens, and has not answered yet.
    NoAnswer { tried: String },
    /// The command port answered, and the helper did not start.
    HelperFailed { message: String },
}

impl Phase {
    /// The phase's name in tools, resources and `--json`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::AwaitingPermission => "awaiting_permission",
            Self::Bootstrapping => "bootstrapping",
            Self::Ready => "ready",
            Self::Busy { .. } => "busy",
            Self::NotResponding { .. } => "not_responding",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// True while the link to the helper is open, whether or not Maya's main thread has time.
    pub fn is_linked(&self) -> bool {
        matches!(self, Self::Ready | Self::Busy { .. } | Self::NotResponding { .. })
    }
}

impl fmt::Display for Phase {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discovered => f.write_str("Found, looking for its command port"),
            Self::AwaitingPermission => f.write_str("Maya is asking for permission: choose Allow All there"),
            Self::Bootstrapping => f.write_str("Connecting"),
            Self::Ready => f.write_str("Ready"),
            Self::Busy { .. } => f.write_str("Busy: Maya is working or shows a dialog"),
            Self::NotResponding { .. } => f.write_str("Not responding: please look at Maya"),
            Self::Unreachable { why } => write!(f, "Running, not reachable: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommandPort => write!(f, "it has no command port open. {OPEN_A_PORT}"),
            Self::TakenOver => write!(f, "another Maya has taken over its command port. {OPEN_A_PORT}"),
            Self::Replaced => f.write_str(
                "another Maya MCP Tray has taken it over. End that one, then start this one again",
            ),
            Self::HelperRemoved => {
                f.write_str("our helper was taken out of it. Start Maya MCP Tray again to be asked for permission again")
            }
            Self::PermissionDenied => {
                f.write_str("permission was denied in Maya. Restart Maya, or open a command port by hand, to be asked again")
            }
            Self::NoAnswer { tried } => write!(
                f,
                "no answer yet at {tried}. If Maya is busy or shows a dialog, it connects by itself afterwards"
            ),
            Self::HelperFailed { message } => write!(f, "the helper could not start in it: {message}"),
        }
    }
}
