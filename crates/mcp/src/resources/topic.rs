//! What can be read and watched, and how it is named.
//!
//! Invariant: a name is that of one session for as long as this runs, and of no later one with the same number.

use maya_mcp_session::{Session, SessionId, Snapshot};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub(crate) const SESSIONS: &str = "maya://sessions";
pub(crate) const EVENTS: &str = "maya://events";
const OF_A_SESSION: &str = "maya://sessions/";

/// As a client fills in a template: "maya-10.0.0.5:7001" becomes "maya-10.0.0.5%3A7001".
const FILLED_IN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Topic {
    /// All sessions.
    Sessions,
    /// What happened lately.
    Events,
    /// A part of one session.
    Of(SessionId, Part),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    Info,
    Scene,
    Stdout,
    Stderr,
}

impl Part {
    pub(crate) const ALL: [Self; 4] = [Self::Info, Self::Scene, Self::Stdout, Self::Stderr];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Scene => "scene",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    pub(crate) fn uri(self, session: SessionId) -> String {
        let session = session.to_string();
        format!("{OF_A_SESSION}{}/{}", utf8_percent_encode(&session, FILLED_IN), self.name())
    }

    pub(crate) fn template(self) -> String {
        format!("{OF_A_SESSION}{{session}}/{}", self.name())
    }

    /// What a Maya shows in its Script Editor.
    pub(crate) fn is_output(self) -> bool {
        matches!(self, Self::Stdout | Self::Stderr)
    }
}

impl Topic {
    /// What this denotes, in whatever way a session's name is escaped in it; none when there is no such thing now.
    pub(crate) fn find(uri: &str, snapshot: &Snapshot) -> Option<Self> {
        match uri {
            SESSIONS => Some(Self::Sessions),
            EVENTS => Some(Self::Events),
            _ => {
                let (name, part) = split(uri)?;
                // The newest: of a process whose number is used again the end may not be known yet.
                let is_named = |session: &&std::sync::Arc<Session>| session.id().to_string() == name;
                let session = snapshot.sessions.values().rev().find(is_named)?;
                Some(Self::Of(session.id(), part))
            }
        }
    }

    /// Whether this could denote anything, for who does not know which sessions there are.
    pub(crate) fn is_possible(uri: &str) -> bool {
        uri == SESSIONS || uri == EVENTS || split(uri).is_some()
    }
}

fn split(uri: &str) -> Option<(String, Part)> {
    let (name, part) = uri.strip_prefix(OF_A_SESSION)?.split_once('/')?;
    let part = Part::ALL.into_iter().find(|known| known.name() == part)?;
    let name = percent_decode_str(name).decode_utf8().ok().filter(|name| !name.is_empty())?;
    Some((name.into_owned(), part))
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{Asker, ByHand, Observation, Process, ProcessId, Registry};

    use super::*;

    fn with(addresses: &[&str], pids: &[(u32, u64)]) -> Registry {
        let registry = Registry::default();
        for address in addresses {
            let address = address.parse().expect("an address");
            let by_hand = ByHand { host: "render1".to_owned(), by: Asker::Artist, address };
            registry.observe(&Observation::AddedByHand(by_hand));
        }
        for &(pid, started_at) in pids {
            registry.observe(&Observation::ProcessFound(Process::new(ProcessId { pid, started_at })));
        }
        registry
    }

    #[test]
    fn a_session_is_found_however_its_name_is_escaped() {
        let registry = with(&["10.0.0.5:7001", "[::1]:7002"], &[(84, 1)]);
        let snapshot = registry.snapshot();
        for (uri, canonical) in [
            ("maya://sessions/maya-84/info", "maya://sessions/maya-84/info"),
            ("maya://sessions/%6Daya-84/scene", "maya://sessions/maya-84/scene"),
            ("maya://sessions/maya-10.0.0.5:7001/stdout", "maya://sessions/maya-10.0.0.5%3A7001/stdout"),
            ("maya://sessions/maya-10.0.0.5%3a7001/stderr", "maya://sessions/maya-10.0.0.5%3A7001/stderr"),
            ("maya://sessions/maya-[::1]:7002/info", "maya://sessions/maya-%5B%3A%3A1%5D%3A7002/info"),
        ] {
            let Some(Topic::Of(id, part)) = Topic::find(uri, &snapshot) else { panic!("{uri} is known") };
            assert_eq!(part.uri(id), canonical, "{uri}");
            assert_eq!(Topic::find(canonical, &snapshot), Some(Topic::Of(id, part)), "{uri}: the same");
            assert!(Topic::is_possible(uri), "{uri}");
        }
        assert_eq!(Topic::find(SESSIONS, &snapshot), Some(Topic::Sessions), "all");
        assert_eq!(Topic::find(EVENTS, &snapshot), Some(Topic::Events), "what happened");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let registry = with(&["10.0.0.5:7001"], &[(84, 1)]);
        for (uri, could_be) in [
            ("maya://sessions/maya-85/info", true),
            ("maya://sessions/10.0.0.5:7001/info", true),
            ("maya://sessions/maya-84/Info", false),
            ("maya://sessions/maya-84/info/", false),
            ("maya://sessions/maya-84", false),
            ("maya://sessions/", false),
            ("maya://sessions//info", false),
            ("maya://sessions/maya-84%2Finfo", false),
            ("maya://sessions/%FF/info", false),
            ("maya://nothing", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            assert_eq!(Topic::find(uri, &registry.snapshot()), None, "{uri}");
            assert_eq!(Topic::is_possible(uri), could_be, "{uri}");
        }
    }

    #[test]
    fn of_two_with_one_number_the_newer_is_meant() {
        let registry = with(&[], &[(84, 1), (84, 2)]);
        let newer = ProcessId { pid: 84, started_at: 2 }.into();
        let found = Topic::find("maya://sessions/maya-84/info", &registry.snapshot());
        assert_eq!(found, Some(Topic::Of(newer, Part::Info)), "the number is the newer one's");
    }
}
