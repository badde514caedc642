//! Sessions and events in the words that tools, resources, `--json` and the window share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Access, Address, BackendEvent, BackendName, Edge, Event, Kind, Origin, Session, What};

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

/// Read from outside too: what a newer program added is not lost on the way, only not known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventInfo {
    /// One more than that of the event before; a start of the application leaves a gap.
    pub seq: u64,
    /// RFC 3339, UTC.
    pub time: String,
    /// What it is about: the name of the session (or of the other MCP server).
    pub source: String,
    pub kind: Kind,
    /// The session's name; null where it is about none.
    pub session: Option<String>,
    /// The event in a sentence for people.
    pub detail: String,
    /// What Maya left of the artist's work when it crashed; a path on its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_scene: Option<String>,
}

pub fn event_info(edge: &Edge) -> EventInfo {
    let (detail, recovered_scene) = match &edge.what {
        What::Session { session, event } => {
            let recovered = match event {
                Event::Crashed { recovered_scene } => recovered_scene.as_ref(),
                _ => None,
            };
            (detail(session, event), recovered.map(|path| path.display().to_string()))
        }
        What::Backend { backend, event } => (backend_detail(backend, *event), None),
    };
    EventInfo {
        seq: edge.seq,
        time: edge.at.to_string(),
        source: edge.what.source(),
        kind: edge.kind(),
        session: edge.session().map(|session| session.id().to_string()),
        detail,
        recovered_scene,
    }
}

fn backend_detail(backend: &BackendName, event: BackendEvent) -> String {
    match event {
        BackendEvent::Connected => format!("{backend} is connected"),
        BackendEvent::Changed => format!("{backend} offers other tools, resources or prompts now"),
        BackendEvent::Lost => format!("{backend} does not answer any more"),
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
            format!("{title} was found: choose Connect in Maya MCP Tray to use it")
        }
        Event::AwaitingPermission => format!("{title} is asking for permission: choose Allow All in Maya"),
        Event::Unreachable { why } => format!("{title} cannot be reached: {why}"),
        Event::SceneChanged { reason } => format!("{title}: scene {} ({scene})", reason.name()),
        Event::SelectionChanged { count: 0 } => format!("{title}: nothing is selected"),
        Event::SelectionChanged { count: 1 } => format!("{title}: 1 node is selected"),
        Event::SelectionChanged { count } => format!("{title}: {count} nodes are selected"),
        Event::VersionChanged { before } => format!("{title} is there, where Maya {before} was before"),
        Event::CameBack => format!("{title} responds again, with {scene}"),
        Event::Busy => format!("{title} is busy"),
        Event::NotResponding | Event::Heartbeat => format!("{title}: {}", session.phase),
        Event::Exited => format!("{title} was closed"),
        Event::Removed => format!("{title} was taken off the list"),
        Event::Crashed { recovered_scene: Some(path) } => {
            format!("{title} closed unexpectedly. A recovered scene is at {}", path.display())
        }
        Event::Crashed { recovered_scene: None } => format!("{title} closed unexpectedly"),
    }
}
