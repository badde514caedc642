//! Which Mayas there are, what changed, and which of them a client works in.
//!
//! Invariant: asks the registry only, never a Maya, so it answers at once even when every Maya is busy.

use maya_mcp_session::{Chooser, EventInfo, Observation, SessionInfo, Snapshot, session_info};
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Call, answer, problem};
use maya_mcp_session::ClientName;

pub(super) const LIST_DESCRIPTION: &str = "\
Lists the Autodesk Maya programs running on this workstation (each is a \"session\"), and what changed since you last asked: started, \
closed, crashed, another scene, busy. Maya is 3D animation software; an artist works in it at the same time as you. Start with this tool. \
Only a session whose phase is \"ready\" runs code at once; `phase_text` says what to do about the others. `in_use` marks the session that the \
other tools use when you name none.";

pub(super) const USE_DESCRIPTION: &str = "\
Chooses the Maya session that your later calls go to when they name none. Needed only when several Mayas are running. The choice is yours \
alone: it changes nothing in Maya and nothing for anybody else.";

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NoParams {}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// The Mayas that are running now.
    sessions: Vec<SessionInfo>,
    /// What happened since you last asked, oldest first.
    changes: Vec<EventInfo>,
    /// How many older changes are not in `changes`, because you have not asked for long.
    missed: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UseParams {
    /// The session's name as `list_sessions` gives it, for example "maya-8453".
    #[serde(alias = "session_key")]
    session: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Chosen {
    /// The session that is now in use.
    session: SessionInfo,
}

pub(super) fn list(call: &Call<'_>) -> CallToolResult {
    // The changes first: what happens in between is in the sessions already, and is told as a change next time.
    let news = call.shared.changes.news_for(call.client);
    let sessions = infos(&call.shared.registry.snapshot(), call.client);
    answer(&Listing { sessions, changes: news.changes, missed: news.missed })
}

pub(super) fn choose(call: &Call<'_>, params: UseParams) -> CallToolResult {
    let snapshot = call.shared.registry.snapshot();
    let session = match snapshot.resolve(Some(call.client), Some(&params.session)) {
        Ok(session) => session,
        Err(error) => return problem(error.to_string()),
    };
    let by = Chooser::Client(call.client.clone());
    call.shared.registry.observe(&Observation::Chosen { by, session: Some(session.id()) });
    answer(&Chosen { session: session_info(&session, true) })
}

pub(crate) fn infos(snapshot: &Snapshot, client: &ClientName) -> Vec<SessionInfo> {
    let in_use = snapshot.resolve(Some(client), None).ok().map(|session| session.id());
    snapshot.sessions.values().map(|session| session_info(session, Some(session.id()) == in_use)).collect()
}
