//! What the tray and the window show. These types go no further than the shell; `ui/src/host/types.ts` says the same in TypeScript.

use maya_mcp_clients::{Client, Fingerprint};
use maya_mcp_hub::Connect;
use maya_mcp_session::{Chooser, Origin, Phase, Session, Snapshot};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    pub endpoint: Option<String>,
    pub version: &'static str,
    pub sessions: Vec<SessionView>,
    pub clients: Vec<ClientView>,
    pub connect: Connect,
    pub start_up: Vec<StartUpView>,
    pub start_at_login: bool,
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the window draws each of them by itself")]
pub struct SessionView {
    pub session: String,
    pub title: String,
    pub phase: &'static str,
    /// Without the line that it may end in: that one is `line`.
    pub phase_text: String,
    pub since: String,
    /// Of the machine it runs on; `None` while unknown.
    pub pid: Option<u32>,
    pub maya_version: Option<String>,
    pub python_version: Option<String>,
    /// `None` while unknown, and for a scene that was never saved.
    pub scene_name: Option<String>,
    pub scene_path: Option<String>,
    pub batch: bool,
    /// The artist chose it.
    pub in_use: bool,
    /// The clients that chose it, by name.
    pub used_by: Vec<String>,
    /// Connecting it is for the artist to choose.
    pub can_connect: bool,
    /// For the Script Editor of a Maya without a port of its own.
    pub line: Option<String>,
    /// It was added by hand.
    pub removable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientView {
    pub client: String,
    pub name: String,
    pub state: &'static str,
    pub path: Option<String>,
    pub running: bool,
    pub note: Option<String>,
}

/// Whether a version of Maya connects by itself when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StartUpView {
    /// "2025"
    pub version: String,
    pub state: &'static str,
    pub path: String,
    pub note: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Preview {
    pub client: String,
    pub name: String,
    pub path: String,
    pub fingerprint: Fingerprint,
    pub before: String,
    pub after: String,
    pub creates_file: bool,
    pub note: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Outcome {
    pub message: String,
    pub backup: Option<String>,
}

/// What is shown beside the sessions.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub endpoint: Option<String>,
    pub problem: Option<String>,
    pub clients: Vec<ClientView>,
    pub connect: Connect,
    pub start_up: Vec<StartUpView>,
    pub start_at_login: bool,
}

impl View {
    pub fn new(snapshot: &Snapshot, around: Surroundings) -> Self {
        let Surroundings { endpoint, problem, clients, connect, start_up, start_at_login } = around;
        let sessions = snapshot.sessions.values().map(|session| session_view(session, snapshot)).collect();
        let version = env!("CARGO_PKG_VERSION");
        Self { endpoint, version, sessions, clients, connect, start_up, start_at_login, problem }
    }
}

fn session_view(session: &Session, snapshot: &Snapshot) -> SessionView {
    let facts = session.facts.as_ref();
    let saved = session.scene.as_ref().filter(|scene| !scene.name.is_empty());
    let users = snapshot.choices.iter().filter(|(_, id)| **id == session.id());
    SessionView {
        session: session.id().to_string(),
        title: session.title(),
        phase: session.phase.name(),
        phase_text: words(&session.phase),
        since: session.since.to_string(),
        pid: facts.map(|facts| facts.pid).or_else(|| session.id().pid()),
        maya_version: session.maya_version().map(str::to_owned),
        python_version: facts.map(|facts| facts.python_version.clone()),
        scene_name: saved.map(|scene| scene.name.clone()),
        scene_path: saved.map(|scene| scene.path.clone()),
        batch: session.is_batch(),
        in_use: snapshot.choices.get(&Chooser::Artist) == Some(&session.id()),
        used_by: users.filter_map(|(chooser, _)| client_name(chooser)).collect(),
        can_connect: session.phase.can_connect(),
        line: session.phase.line().map(str::to_owned),
        removable: matches!(session.origin, Origin::ByHand(_)),
    }
}

/// A line to paste, and the sentence that leads to it, are drawn as a box of their own.
fn words(phase: &Phase) -> String {
    let text = phase.to_string();
    let before =
        phase.line().and_then(|line| text.strip_suffix(line)).and_then(|text| text.rsplit_once(". "));
    before.map(|(reason, _)| reason.to_owned()).unwrap_or(text)
}

fn client_name(chooser: &Chooser) -> Option<String> {
    let Chooser::Client(name) = chooser else { return None };
    let known = name.as_str().parse::<Client>().map(|client| client.name().to_owned());
    Some(known.unwrap_or_else(|_| name.to_string()))
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{Process, ProcessId, Why, clock::Timestamp};

    use super::*;

    fn view_of(phase: Phase) -> SessionView {
        let process = Process::new(ProcessId { pid: 8453, started_at: 1 });
        let session = Session {
            origin: Origin::Process(process),
            phase,
            since: Timestamp::UNIX_EPOCH,
            address: None,
            facts: None,
            scene: None,
            scenes_seen: 0,
        };
        session_view(&session, &Snapshot::default())
    }

    #[test]
    fn a_line_to_paste_stands_apart_from_the_words() {
        let line = "commandPort -name \"127.0.0.1:7443\";".to_owned();
        for (why, words) in [
            (
                Why::NoCommandPort { line: line.clone() },
                "Running, not reachable: it has no command port open",
            ),
            (
                Why::TakenOver { line: line.clone() },
                "Running, not reachable: another Maya has taken over its command port",
            ),
        ] {
            let view = view_of(Phase::Unreachable { why });
            assert_eq!(view.phase_text, words, "neither the line nor what leads to it");
            assert_eq!(view.line.as_ref(), Some(&line), "it is there by itself");
        }
        let denied = Phase::Unreachable { why: Why::PermissionDenied };
        let view = view_of(denied.clone());
        assert_eq!(
            (view.phase_text, view.line),
            (denied.to_string(), None),
            "without a line every word stays"
        );
    }

    #[test]
    fn connect_is_offered_where_it_makes_a_difference() {
        for (phase, can_connect) in [
            (Phase::AwaitingConnect, true),
            (Phase::Unreachable { why: Why::PermissionDenied }, true),
            (Phase::Unreachable { why: Why::AnotherUser }, false),
            (Phase::AwaitingPermission, false),
            (Phase::Ready, false),
        ] {
            assert_eq!(view_of(phase.clone()).can_connect, can_connect, "{phase}");
        }
    }
}
