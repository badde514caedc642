//! Where a session is in its life.

use std::{fmt, path::PathBuf};

use jiff::Timestamp;

use crate::SessionId;

/// Everything a phase needs to be told lies inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The process is there; its command port is still being looked for, or connecting will be tried again.
    Discovered,
    /// It can be connected as soon as the artist chooses so.
    AwaitingConnect,
    /// Maya shows its security dialog: the artist has to choose.
    AwaitingPermission,
    /// The helper is being brought in.
    Bootstrapping,
    /// The link is open and Maya's main thread answers.
    Ready,
    /// The link is open; the main thread has been working since then. Never a reason to think Maya dead.
    Busy { since: Timestamp },
    /// Busy for so long that a person should look.
    NotResponding { since: Timestamp, silent: Silent, recovered_scene: Option<PathBuf> },
    /// Maya runs, and we cannot reach it.
    Unreachable { why: Why },
}

/// How much of a Maya does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silent {
    /// The helper's own thread still does: Maya works, or shows a dialog.
    MainThread,
    /// Nothing in the process does.
    Everything,
}

/// The line for the Script Editor (a MEL tab) of a Maya without a port of its own. Each gets a number of its own, away from 7001, which
/// other programs take.
pub fn line_to_paste(pid: u32) -> String {
    format!("commandPort -name \"127.0.0.1:{}\";", 7010 + pid % 900)
}

/// Why a running Maya cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It has no command port open; `line` opens one.
    NoCommandPort { line: String },
    /// Another Maya has taken over the file of its command port's socket; `line` opens a port of its own.
    TakenOver { line: String },
    /// Added by hand, and a Maya that was found by itself.
    Listed { id: SessionId },
    /// It runs as another user, whose files and sockets are not ours to touch.
    AnotherUser,
    /// Another engine has put its own helper into it.
    Replaced,
    /// Its helper was taken out, and connecting again would ask the artist again.
    HelperRemoved,
    /// The artist chose *Deny* in Maya's security dialog.
    PermissionDenied,
    /// Its dialog was opened before we were started, and nobody knows what came of it.
    AskedBefore,
    /// Nobody listens at the address that was added by hand.
    NobodyThere { tried: String },
    /// It listens, and has not answered yet.
    NoAnswer { tried: String },
    /// The command port answered, and the helper did not start.
    HelperFailed { message: String },
}

impl Phase {
    /// All of them, by name.
    pub const NAMES: [&str; 8] = [
        "discovered",
        "awaiting_connect",
        "awaiting_permission",
        "bootstrapping",
        "ready",
        "busy",
        "not_responding",
        "unreachable",
    ];

    /// The phase's name in tools, resources and `--json`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::AwaitingConnect => "awaiting_connect",
            Self::AwaitingPermission => "awaiting_permission",
            Self::Bootstrapping => "bootstrapping",
            Self::Ready => "ready",
            Self::Busy { .. } => "busy",
            Self::NotResponding { .. } => "not_responding",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// The line to paste into Maya, where that is what helps.
    pub fn line(&self) -> Option<&str> {
        match self {
            Self::Unreachable { why: Why::NoCommandPort { line } | Why::TakenOver { line } } => Some(line),
            _ => None,
        }
    }

    /// True where the artist's *Connect* makes a difference.
    pub fn can_connect(&self) -> bool {
        match self {
            Self::AwaitingConnect => true,
            Self::Unreachable { why } => matches!(
                why,
                Why::Replaced
                    | Why::HelperRemoved
                    | Why::PermissionDenied
                    | Why::AskedBefore
                    | Why::HelperFailed { .. }
            ),
            _ => false,
        }
    }

    /// True while the link to the helper is open, whether or not Maya's main thread has time.
    pub fn is_linked(&self) -> bool {
        matches!(self, Self::Ready | Self::Busy { .. } | Self::NotResponding { .. })
    }
}

/// The next step for a Maya without a port of its own.
const PASTE: &str = "Run this line in Maya's Script Editor, on a MEL tab";

impl fmt::Display for Phase {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discovered => f.write_str("Found, looking for its command port"),
            Self::AwaitingConnect => f.write_str("Found: choose Connect in Maya MCP Tray to use it"),
            Self::AwaitingPermission => f.write_str("Maya is asking for permission: choose Allow All there"),
            Self::Bootstrapping => f.write_str("Connecting"),
            Self::Ready => f.write_str("Ready"),
            Self::Busy { .. } => f.write_str("Busy: Maya is working or shows a dialog"),
            Self::NotResponding { recovered_scene: Some(path), .. } => write!(
                f,
                "It seems to have crashed: close its error window. A recovered scene is at {}",
                path.display()
            ),
            Self::NotResponding { silent: Silent::MainThread, .. } => {
                f.write_str("Not responding, but alive: it works on something long or shows a dialog. Please look at Maya")
            }
            Self::NotResponding { silent: Silent::Everything, .. } => {
                f.write_str("Not responding, and nothing in it answers. Please look at Maya")
            }
            Self::Unreachable { why } => write!(f, "Running, not reachable: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommandPort { line } => write!(f, "it has no command port open. {PASTE}: {line}"),
            Self::TakenOver { line } => {
                write!(f, "another Maya has taken over its command port. {PASTE}: {line}")
            }
            Self::Listed { id } => write!(f, "it is listed as {id}: use that one"),
            Self::AnotherUser => f.write_str("it runs as another user, who can start Maya MCP Tray too"),
            Self::Replaced => {
                f.write_str("another Maya MCP Tray has taken it over. End that one, then choose Connect here")
            }
            Self::HelperRemoved => f.write_str(
                "our helper was taken out of it. Choose Connect in Maya MCP Tray to be asked again",
            ),
            Self::PermissionDenied => f.write_str(
                "permission was denied in Maya. Choose Connect in Maya MCP Tray to be asked again",
            ),
            Self::AskedBefore => {
                f.write_str("Maya was asked before. Answer its dialog if it is open, then choose Connect in Maya MCP Tray")
            }
            Self::NobodyThere { tried } => {
                write!(f, "no Maya listens at {tried}. It connects by itself when one does")
            }
            Self::NoAnswer { tried } => write!(
                f,
                "no answer yet at {tried}. If Maya is busy or shows a dialog, it connects by itself afterwards"
            ),
            Self::HelperFailed { message } => write!(f, "the helper could not start in it: {message}"),
        }
    }
}
