//! What the tray and the window show. These types go no further than the shell; `ui/src/host/types.ts` says the same in TypeScript.

use maya_mcp_clients::{Client, Fingerprint};
use maya_mcp_session::{Chooser, Session, Snapshot};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    pub endpoint: Option<String>,
    pub version: &'static str,
    pub sessions: Vec<SessionView>,
    pub clients: Vec<ClientView>,
    pub start_at_login: bool,
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    pub session: String,
    pub title: String,
    pub phase: &'static str,
    pub phase_text: String,
    pub since: String,
    pub pid: u32,
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
    pub start_at_login: bool,
}

impl View {
    pub fn new(snapshot: &Snapshot, around: Surroundings) -> Self {
        let Surroundings { endpoint, problem, clients, start_at_login } = around;
        let sessions = snapshot.sessions.values().map(|session| session_view(session, snapshot)).collect();
        Self { endpoint, version: env!("CARGO_PKG_VERSION"), sessions, clients, start_at_login, problem }
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
        phase_text: session.phase.to_string(),
        since: session.since.to_string(),
        pid: session.id().pid,
        maya_version: session.maya_version().map(str::to_owned),
        python_version: facts.map(|facts| facts.python_version.clone()),
        scene_name: saved.map(|scene| scene.name.clone()),
        scene_path: saved.map(|scene| scene.path.clone()),
        batch: facts.map_or(session.process.batch, |facts| facts.batch),
        in_use: snapshot.choices.get(&Chooser::Artist) == Some(&session.id()),
        used_by: users.filter_map(|(chooser, _)| client_name(chooser)).collect(),
    }
}

fn client_name(chooser: &Chooser) -> Option<String> {
    let Chooser::Client(name) = chooser else { return None };
    let known = name.as_str().parse::<Client>().map(|client| client.name().to_owned());
    Some(known.unwrap_or_else(|_| name.to_string()))
}
