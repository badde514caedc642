//! Sessions and events in the words that tools, resources, `--json` and the window share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Access, Address, Edge, Event, Origin, Session};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionInfo {
    /// The session's name, to be given as `session` to other tools: "maya-8453".
    pub session: String,
    /// Of the machine it runs on; null while unknown (a session that was added by hand).
    pub pid: Option<u32>,
    /// `ready`, `busy`, `not_responding`, `discovered`, `awaiting_connect`, `bootstrapping`, `awaiting_permission` or `unreachable`.
    pub phase: String,
    /// The phase in a sentence for people, with the next step where there is one.
    pub phase_text: String,
    /// When the phase began (RFC 3339, UTC).
    pub since: String,
    pub maya_version: Option<String>,
    pub python_version: Option<String>,
    /// The file name alone, with its ending; empty for a scene that was never saved; null while unknown.
    pub scene_name: Option<String>,
    pub scene_path: Option<String>,
    pub user: Option<String>,
    /// Where the command port is.
    pub host: String,
    /// The command port, where that is a TCP port.
    pub port: Option<u16>,
    /// The command port, where that is a Unix socket.
    pub socket: Option<String>,
    /// True for mayapy and `maya -batch`.
    pub batch: bool,
    /// True when a call without `session` goes here.
    pub in_use: bool,
    /// What you may do there, as the artist has set it. `full`: everything. `ask`: the artist is asked before anything runs.
    /// `look_only`: nothing runs; sessions, scene, viewport and output can be looked at.
    pub access: Access,
}

/// As one client sees it.
pub fn session_info(session: &Session, in_use: bool, access: Access) -> SessionInfo {
    let facts = session.facts.as_ref();
    let scene = session.scene.as_ref();
    let (host, port, socket) = match (&session.origin, &session.address) {
        (Origin::ByHand(by_hand), _) => (by_hand.host.clone(), Some(by_hand.address.port()), None),
        (_, Some(Address::Tcp(address))) => (address.ip().to_string(), Some(address.port()), None),
        (_, Some(Address::Unix(path))) => ("127.0.0.1".to_owned(), None, Some(path.display().to_string())),
        (_, None) => ("127.0.0.1".to_owned(), None, None),
    };
    SessionInfo {
        session: session.id().to_string(),
        pid: facts.map(|facts| facts.pid).or_else(|| session.id().pid()),
        phase: session.phase.name().to_owned(),
        phase_text: session.phase.to_string(),
        since: session.since.to_string(),
        maya_version: session.maya_version().map(str::to_owned),
        python_version: facts.map(|f| f.python_version.clone()),
        scene_name: scene.map(|s| s.name.clone()),
        scene_path: scene.map(|s| s.path.clone()),
        user: session.user().map(str::to_owned),
        host,
        port,
        socket,
        batch: session.is_batch(),
        in_use,
        access,
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventInfo {
    /// Grows with every change; gaps are normal.
    pub seq: u64,
    /// RFC 3339, UTC.
    pub time: String,
    /// What it is about: the session's name.
    pub source: String,
    /// `appeared`, `ready`, `awaiting_connect`, `awaiting_permission`, `unreachable`, `scene_changed`, `renamed`, `busy`, `not_responding`,
    /// `exited`, `removed` or `crashed`.
    pub kind: String,
    pub session: String,
    /// The event in a sentence for people.
    pub detail: String,
}

pub fn event_info(edge: &Edge) -> EventInfo {
    let session = edge.session.id().to_string();
    EventInfo {
        seq: edge.revision,
        time: edge.at.to_string(),
        source: session.clone(),
        kind: edge.event.kind().to_owned(),
        session,
        detail: detail(&edge.session, &edge.event),
    }
}

fn detail(session: &Session, event: &Event) -> String {
    let title = session.title();
    let scene = session.scene.as_ref().map_or("", |scene| scene.name.as_str());
    let scene = if scene.is_empty() { "an untitled scene" } else { scene };
    match event {
        Event::Appeared => format!("{title} is running"),
        Event::Ready => format!("{title} is ready, with {scene}"),
        Event::AwaitingConnect => {
            format!("{title} was found: the artist has to choose Connect in Maya MCP Tray")
        }
        Event::AwaitingPermission => format!("{title} is asking for permission: choose Allow All in Maya"),
        Event::Unreachable { why } => format!("{title} cannot be reached: {why}"),
        Event::SceneChanged { reason } => format!("{title}: scene {} ({scene})", reason.name()),
        Event::Renamed => format!("{title} has another name now"),
        Event::Busy => format!("{title} is busy"),
        Event::NotResponding => format!("{title}: {}", session.phase),
        Event::Exited => format!("{title} was closed"),
        Event::Removed => format!("{title} was taken off the list"),
        Event::Crashed { recovered_scene: Some(path) } => {
            format!("{title} closed unexpectedly. A recovered scene is at {}", path.display())
        }
        Event::Crashed { recovered_scene: None } => format!("{title} closed unexpectedly"),
    }
}
