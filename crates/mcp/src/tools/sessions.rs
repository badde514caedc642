//! Which Mayas there are, what changed, and which of them a client works in.
//!
//! Invariant: asks the registry only, never a Maya, so it answers at once even when every Maya is busy.

use std::{sync::Arc, time::Duration};

use maya_mcp_session::{
    Access, Asker, ChoiceError, Chooser, ClientName, EventInfo, NO_AUTHENTICATION, Observation, Refused,
    Session, SessionInfo, Snapshot, session_info,
};
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Call, OUR_CLIENT, answer, problem};
use crate::changes::{Changes, News};

pub(super) const LIST_DESCRIPTION: &str = "\
Lists the Autodesk Maya programs running on this workstation (each is a \"session\"), and what changed since you last asked: started, \
closed, crashed, another scene, busy. Maya is 3D animation software; an artist works in it at the same time as you. Start with this tool. \
Only a session whose phase is \"ready\" runs code at once; `phase_text` says what to do about the others. `in_use` marks the session that the \
other tools use when you name none.";

pub(super) const USE_DESCRIPTION: &str = "\
Chooses the Maya session that your later calls go to when they name none. Needed only when several Mayas are running. The choice is yours \
alone: it changes nothing in Maya and nothing for anybody else.";

pub(super) const WAIT_DESCRIPTION: &str = "\
Waits until something changes in the Maya sessions (one appears, becomes ready, opens another scene, is busy, closes, crashes), and answers as \
list_sessions does. Answers at once when something has changed since you last asked. Use it after telling the artist to do something, for example \
to start Maya or to choose Connect.";

pub(super) const ADD_DESCRIPTION: &str = "\
Adds a Maya by the address of its command port, for a Maya that is not found by itself, as on another machine. Mayas on this workstation are \
found without it. Use it only when the artist gives you the address. The artist has to choose Connect in Maya MCP Tray before it is used, and \
other machines have to be allowed in the settings.";

/// What an artist is unlikely to wait longer for.
const WAIT_S: f64 = 60.0;
const LONGEST_WAIT_S: f64 = 600.0;

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
    /// Grows with every change of anything here; to be given to `wait_for_session_change` as `after`.
    seq: u64,
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

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WaitParams {
    /// Seconds to wait at most (default 60, at most 600). When nothing has changed by then, `changes` is empty.
    #[serde(default)]
    timeout_s: Option<f64>,
    /// The `seq` of an answer you have: waits for anything later than that, whatever you were told since.
    #[serde(default)]
    after: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AddParams {
    /// The machine's name or address (default "127.0.0.1").
    #[serde(default)]
    host: Option<String>,
    /// The number in Maya's commandPort line.
    port: u16,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AddedSession {
    /// The new session's name. It waits for the artist's Connect. Call `list_sessions` or `wait_for_session_change` to see when it is ready.
    session: String,
    /// What the artist should know about a Maya on another machine; tell it to them.
    warning: Option<String>,
}

pub(super) fn list(call: &Call<'_>) -> CallToolResult {
    answer(&listing(call, |changes| changes.news_for(call.client)))
}

/// What is, and what changed up to that very moment.
fn listing(call: &Call<'_>, news: impl FnOnce(&Changes) -> News) -> Listing {
    call.shared.registry.steady(|snapshot| {
        let News { changes, missed } = news(&call.shared.changes);
        Listing { sessions: infos(snapshot, call.client), changes, missed, seq: snapshot.revision }
    })
}

pub(super) fn choose(call: &Call<'_>, params: UseParams) -> CallToolResult {
    let session = match named(call, &params) {
        Ok(session) => session,
        Err(error) => return problem(error.to_string()),
    };
    let by = Chooser::Client(call.client.clone());
    call.shared.registry.observe(&Observation::Chosen { by, session: Some(session.id()) });
    answer(&Chosen { session: info_for(call.client, &session, true, &call.shared.registry.snapshot()) })
}

pub(super) async fn wait(call: &Call<'_>, params: WaitParams) -> CallToolResult {
    let seconds = params.timeout_s.unwrap_or(WAIT_S).min(LONGEST_WAIT_S);
    let Ok(longest) = Duration::try_from_secs_f64(seconds) else {
        return problem("`timeout_s` must be a number of seconds, zero or more.");
    };
    let changed = async {
        let mut level = call.shared.registry.watch();
        loop {
            level.mark_unchanged();
            let listing = listing(call, |changes| match params.after {
                Some(after) => News { changes: changes.after(after), missed: 0 },
                None => changes.news_for(call.client),
            });
            let news = match params.after {
                // Less than that belongs to an engine that ran before.
                Some(after) => listing.seq != after,
                None => !listing.changes.is_empty() || listing.missed > 0,
            };
            if news {
                return answer(&listing);
            }
            // The registry lives as long as the endpoint.
            let _ = level.changed().await;
        }
    };
    tokio::select! {
        outcome = timeout(longest, changed) => outcome.unwrap_or_else(|_| answer(&listing(call, |_| News::default()))),
        () = call.abandoned.cancelled() => problem("The call was cancelled."),
        () = call.ended.cancelled() => problem("The session was ended."),
        () = call.shared.stop.cancelled() => problem("Maya MCP Tray is being closed."),
    }
}

pub(super) async fn add(call: &Call<'_>, params: AddParams) -> CallToolResult {
    let host = params.host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
    tracing::info!(client = %call.client, host, port = params.port, "a Maya is added by hand");
    let by = if call.client.as_str() == OUR_CLIENT { Asker::Artist } else { Asker::Client };
    match call.shared.commands.add(host, params.port, by).await {
        Ok(added) => answer(&AddedSession {
            session: added.id.to_string(),
            warning: added.remote.then(|| NO_AUTHENTICATION.to_owned()),
        }),
        Err(error) => problem(error.to_string()),
    }
}

/// The artist's own word, given in a shell: *Connect*.
pub(super) async fn connect(call: &Call<'_>, params: UseParams) -> CallToolResult {
    match named(call, &params) {
        Ok(session) => told(&session, call.shared.commands.connect(session.id()).await),
        Err(error) => problem(error.to_string()),
    }
}

/// Takes off the list what was added by hand.
pub(super) async fn remove(call: &Call<'_>, params: UseParams) -> CallToolResult {
    match named(call, &params) {
        Ok(session) => told(&session, call.shared.commands.remove(session.id()).await),
        Err(error) => problem(error.to_string()),
    }
}

fn named(call: &Call<'_>, params: &UseParams) -> Result<Arc<Session>, ChoiceError> {
    call.shared.registry.snapshot().resolve(Some(call.client), Some(&params.session))
}

fn told(session: &Session, outcome: Result<(), Refused>) -> CallToolResult {
    match outcome {
        Ok(()) => answer(&Chosen { session: session_info(session, false, Access::Full) }),
        Err(error) => problem(error.to_string()),
    }
}

pub(crate) fn infos(snapshot: &Snapshot, client: &ClientName) -> Vec<SessionInfo> {
    let in_use = snapshot.resolve(Some(client), None).ok().map(|session| session.id());
    let info = |session: &Arc<Session>| info_for(client, session, Some(session.id()) == in_use, snapshot);
    snapshot.sessions.values().map(info).collect()
}

fn info_for(client: &ClientName, session: &Session, in_use: bool, snapshot: &Snapshot) -> SessionInfo {
    session_info(session, in_use, snapshot.rules.access(client, session.id()))
}
