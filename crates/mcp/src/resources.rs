//! What a client can read and watch without calling a tool.
//!
//! Invariant: only the scene asks a Maya; everything else is answered at once, even when every Maya is busy. No client hears less because another has read.

mod topic;

use std::time::Duration;

use maya_mcp_maya::{LinkError, SceneSummary};
use maya_mcp_notify::Recent;
use maya_mcp_session::{ClientName, EventInfo, Filter, Session, SessionId};
use rmcp::{
    ErrorData,
    model::{
        CacheScope, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate,
    },
};
use serde::Serialize;

use crate::{history::history, server::Shared, tools};

use topic::{EVENTS, SESSIONS};
pub(crate) use topic::{Part, Topic};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// Longer than Maya takes when it has time at all.
const SCENE_WITHIN: Duration = Duration::from_secs(5);
/// More are too much to read at once, for a model too.
const EVENTS_AT_ONCE: usize = 256;
/// Templates change only with the program itself.
const TEMPLATES_FRESH_MS: u64 = 60_000;

/// What a client reads as `maya://events`.
#[derive(Serialize)]
struct Events {
    /// Oldest first.
    events: Vec<EventInfo>,
    /// There were more before these; `maya-mcp events` shows what is kept of them.
    older: bool,
}

pub(crate) fn list(shared: &Shared) -> ListResourcesResult {
    let sessions = Resource::new(SESSIONS, "sessions")
        .with_title("Maya sessions")
        .with_description(
            "The running Mayas, as list_sessions gives them. Subscribe to hear of every change.",
        )
        .with_mime_type(JSON);
    let events = Resource::new(EVENTS, "events")
        .with_title("What happened in Maya")
        .with_description(
            "The latest changes of all Maya sessions, oldest first: started, closed, crashed, another scene, busy. Those before a \
            restart too, as long as they are kept. The same for everybody, however often it is read.",
        )
        .with_mime_type(JSON);
    let snapshot = shared.registry.snapshot();
    let parts = snapshot.sessions.keys().flat_map(|id| Part::ALL.map(|part| resource(*id, part)));
    let all = [sessions, events].into_iter().chain(parts).collect();
    ListResourcesResult::with_all_items(all).with_ttl_ms(0).with_cache_scope(CacheScope::Private)
}

fn resource(id: SessionId, part: Part) -> Resource {
    Resource::new(part.uri(id), format!("{id} {}", part.name()))
        .with_title(format!("{id}: {}", title(part)))
        .with_description(description(part))
        .with_mime_type(mime_type(part))
}

pub(crate) fn templates() -> ListResourceTemplatesResult {
    let template = |part: Part| {
        ResourceTemplate::new(part.template(), format!("session {}", part.name()))
            .with_title(format!("A Maya session: {}", title(part)))
            .with_description(description(part))
            .with_mime_type(mime_type(part))
    };
    let templates = ListResourceTemplatesResult::with_all_items(Part::ALL.map(template).to_vec());
    templates.with_ttl_ms(TEMPLATES_FRESH_MS).with_cache_scope(CacheScope::Private)
}

fn title(part: Part) -> &'static str {
    match part {
        Part::Info => "what is known of it",
        Part::Scene => "its scene",
        Part::Stdout => "its output",
        Part::Stderr => "its warnings and errors",
    }
}

fn description(part: Part) -> &'static str {
    match part {
        Part::Info => {
            "This Maya as list_sessions gives it: phase, versions, scene, user. Subscribe to hear of every change."
        }
        Part::Scene => {
            "The open scene in numbers: file, unsaved changes, units, frames, how many nodes of each type, cameras, references and which of \
            them are missing, unknown nodes, plug-ins, selection. Maya is asked at each reading. Subscribe to hear when a scene is opened, \
            saved or renamed; single edits are not told."
        }
        Part::Stdout => {
            "What this Maya shows in its Script Editor, warnings and errors left out. It is listened to from the first reading or subscription \
            on; before, only what your own scripts print is known. About the last million characters are kept."
        }
        Part::Stderr => {
            "The warnings and errors that this Maya shows in its Script Editor, listened to from the first reading or subscription on."
        }
    }
}

fn mime_type(part: Part) -> &'static str {
    if part.is_output() { TEXT } else { JSON }
}

pub(crate) async fn read(
    shared: &Shared,
    client: &ClientName,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let snapshot = shared.registry.snapshot();
    let topic = Topic::find(uri, &snapshot).ok_or_else(|| not_found(uri))?;
    let (text, mime_type) = match topic {
        Topic::Sessions => (json(&tools::infos(&snapshot, client)), JSON),
        Topic::Events => {
            let Recent { events, older } = history(shared, Filter::default(), EVENTS_AT_ONCE).await;
            (json(&Events { events, older }), JSON)
        }
        Topic::Of(id, Part::Info) => {
            let name = id.to_string();
            let info = tools::infos(&snapshot, client).into_iter().find(|info| info.session == name);
            (json(&info.ok_or_else(|| not_found(uri))?), JSON)
        }
        Topic::Of(id, Part::Scene) => {
            let session = snapshot.sessions.get(&id).ok_or_else(|| not_found(uri))?;
            let scene = scene(shared, client, session).await;
            (json(&scene.map_err(|sentence| failed(sentence, uri))?), JSON)
        }
        Topic::Of(id, part) => {
            listen(shared, id);
            let shown = shared.outputs.after(id, 0);
            (if part == Part::Stdout { shown.stdout } else { shown.stderr }, TEXT)
        }
    };
    let contents = ResourceContents::text(text, uri).with_mime_type(mime_type);
    // Private, because `in_use` and `access` are this client's own.
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(0).with_cache_scope(CacheScope::Private))
}

/// The open scene, or why there is none, in a sentence.
pub(crate) async fn scene(
    shared: &Shared,
    client: &ClientName,
    session: &Session,
) -> Result<SceneSummary, String> {
    let (id, title, phase) = (session.id(), session.title(), &session.phase);
    let Some(link) = shared.links.get(id) else {
        return Err(format!(
            "The scene of {id} ({title}) cannot be looked at now. {phase}. Call list_sessions to see when it is ready."
        ));
    };
    let asked = link.client(client.as_str());
    match tokio::time::timeout(SCENE_WITHIN, asked.scene()).await {
        Ok(Ok(scene)) => Ok(scene),
        Ok(Err(LinkError::Refused { message, .. })) => Err(format!(
            "{id} ({title}) could not tell about its scene: {}. Try again.",
            message.trim_end_matches('.')
        )),
        Ok(Err(error)) => {
            tracing::warn!(%id, %client, error = &error as &dyn std::error::Error, "the scene was not told");
            Err(format!(
                "The connection to {id} ({title}) ended before it told about its scene. Call list_sessions to see whether Maya is still \
                running, and try again."
            ))
        }
        Err(_) => Err(format!(
            "{id} ({title}) has no time now to tell about its scene: it is working or shows a dialog. Call list_sessions to see when it is \
            ready, and try again."
        )),
    }
}

/// From now on what this Maya shows is kept.
pub(crate) fn listen(shared: &Shared, id: SessionId) {
    shared.outputs.listen(id);
    // Who ends a session forgets its output; if that was just before, nobody else does.
    if !shared.registry.snapshot().sessions.contains_key(&id) {
        shared.outputs.forget(id);
    }
}

pub(crate) fn not_found(uri: &str) -> ErrorData {
    let data = serde_json::json!({ "uri": uri });
    ErrorData::resource_not_found(format!("There is no resource {uri}"), Some(data))
}

fn failed(sentence: String, uri: &str) -> ErrorData {
    ErrorData::internal_error(sentence, Some(serde_json::json!({ "uri": uri })))
}

fn json(content: &impl Serialize) -> String {
    serde_json::to_string(content).expect("our own types always serialize")
}
