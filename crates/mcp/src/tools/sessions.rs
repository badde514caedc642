//! Which Mayas there are, what changed, and which of them a client works in.
//!
//! Invariant: asks the registry only, never a Maya, so it answers at once even when every Maya is busy.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use maya_mcp_session::{
    Asker, Chooser, ClientName, EventInfo, Filter, Kind, NO_AUTHENTICATION, Observation, Refused, Session,
    SessionInfo, Snapshot, session_info,
};
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, interval_at, sleep};

use super::{Answered, Call, OUR_CLIENT, Unanswered, answer, arguments::Where, target};
use crate::changes::Told;

/// Clients give up after a minute, or wait on while they hear of progress.
const WAIT_S: f64 = 45.0;
const ALIVE_EVERY: Duration = Duration::from_secs(5);
const LONGEST_WAIT_S: f64 = 600.0;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NoParams {}

/// Which changes this client wants to be told of.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct News {
    /// From now on you are told only of changes of these kinds; `[]` is all again. Without it: as before.
    #[serde(default)]
    kinds: Option<BTreeSet<Kind>>,
    /// From now on you are told only of changes of these sessions, by name; `[]` is all again. Without it: as before.
    #[serde(default)]
    sessions: Option<BTreeSet<String>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Only {
    kinds: Option<BTreeSet<Kind>>,
    sessions: Option<BTreeSet<String>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// The Mayas that are running now.
    sessions: Vec<SessionInfo>,
    /// What happened since you last asked, oldest first.
    changes: Vec<EventInfo>,
    /// How many older changes are not in `changes`, because you have not asked for long; of all kinds, so at most so many that you want.
    missed: u64,
    /// The changes that you are told of, as you have chosen; null: all.
    only: Option<Only>,
    /// Grows with every change of anything here; to be given to `wait_for_session_change` as `after`.
    revision: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UseParams {
    /// The session's name as `list_sessions` gives it, for example "maya-8453".
    session: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Chosen {
    /// The session that is now in use.
    session: SessionInfo,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InUse {
    /// Where your calls go now when they name no session; null when you have to name one.
    session: Option<SessionInfo>,
}

/// All that is known of a session without asking its Maya.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Details {
    #[serde(flatten)]
    session: SessionInfo,
    /// As of when the scene was last opened, saved or made; null while unknown. `get_scene` asks Maya itself.
    unsaved_changes: Option<bool>,
    /// True when the artist or a client named its address.
    added_by_hand: bool,
    helper_version: Option<String>,
    /// The code that runs in it now, by any client.
    running: Vec<Run>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    /// True when you sent it: `cancel_execution` stops it.
    yours: bool,
    /// For how long it has been running.
    seconds: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WaitParams {
    /// Seconds to wait at most (default 45, at most 600: more than a minute only where your program does not give up earlier). When nothing has changed by then, `changes` is empty.
    #[serde(default)]
    timeout_s: Option<f64>,
    /// The `revision` of an answer you have: gives what came later than that, whatever you were told since, or waits for it.
    #[serde(default)]
    after: Option<u64>,
    #[serde(flatten)]
    wanted: News,
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

pub(super) fn list(call: &mut Call<'_>, wanted: News) -> CallToolResult {
    want(call, wanted);
    answer(&listing(call, None))
}

fn want(call: &Call<'_>, wanted: News) {
    let News { kinds, sessions } = wanted;
    call.shared.changes.only(call.client, |filter| {
        if let Some(kinds) = kinds {
            filter.kinds = Some(kinds).filter(|kinds| !kinds.is_empty());
        }
        if let Some(sessions) = sessions {
            filter.sources = Some(sessions).filter(|sessions| !sessions.is_empty());
        }
    });
}

fn only(call: &Call<'_>) -> Option<Only> {
    let Filter { kinds, sources } = call.shared.changes.wanted(call.client);
    (kinds.is_some() || sources.is_some()).then_some(Only { kinds, sessions: sources })
}

/// What is, and what changed up to that very moment.
fn listing(call: &Call<'_>, after: Option<u64>) -> Listing {
    call.shared.registry.steady(|snapshot| {
        let Told { changes, missed } = call.shared.changes.news_for(call.client, after);
        let (sessions, revision) = (infos(snapshot, call.client), snapshot.revision);
        Listing { sessions, changes, missed, revision, only: only(call) }
    })
}

pub(super) fn choose(call: &mut Call<'_>, params: UseParams) -> Answered {
    let session = target::session(call, Some(&params.session))?;
    let by = Chooser::Client(call.client.clone());
    call.shared.registry.observe(&Observation::Chosen { by, session: Some(session.id()) });
    let snapshot = call.shared.registry.snapshot();
    Ok(answer(&Chosen { session: info_for(call.client, &session, true, &snapshot) }))
}

pub(super) fn unuse(call: &mut Call<'_>) -> CallToolResult {
    let by = Chooser::Client(call.client.clone());
    call.shared.registry.observe(&Observation::Chosen { by, session: None });
    let snapshot = call.shared.registry.snapshot();
    let in_use = snapshot.resolve(Some(call.client), None).ok();
    answer(&InUse { session: in_use.map(|session| info_for(call.client, &session, true, &snapshot)) })
}

pub(super) fn info(call: &mut Call<'_>, params: Where) -> Answered {
    let session = target::session(call, params.session.as_deref())?;
    let snapshot = call.shared.registry.snapshot();
    let in_use = snapshot.resolve(Some(call.client), None).is_ok_and(|used| used.id() == session.id());
    let running = call.shared.executions.in_session(session.id()).into_iter();
    let running =
        running.map(|one| Run { yours: one.client == *call.client, seconds: one.seconds }).collect();
    Ok(answer(&Details {
        session: info_for(call.client, &session, in_use, &snapshot),
        unsaved_changes: session.scene.as_ref().map(|scene| scene.modified),
        added_by_hand: session.by_hand().is_some(),
        helper_version: session.facts.as_ref().map(|facts| facts.helper_version.clone()),
        running,
    }))
}

pub(super) async fn wait(call: &mut Call<'_>, params: WaitParams) -> Answered {
    let WaitParams { timeout_s, after, wanted } = params;
    let seconds = timeout_s.unwrap_or(WAIT_S).min(LONGEST_WAIT_S);
    let Ok(longest) = Duration::try_from_secs_f64(seconds) else {
        return Err(Unanswered::problem("`timeout_s` must be a number of seconds, zero or more."));
    };
    let mut level = call.shared.registry.watch();
    let mut longest = std::pin::pin!(sleep(longest));
    let mut alive = interval_at(Instant::now() + ALIVE_EVERY, ALIVE_EVERY);
    want(call, wanted);
    loop {
        level.mark_unchanged();
        // What nobody would read stays untold.
        if let Some(over) = call.unheard().now_or_never() {
            return Err(over);
        }
        let listing = listing(call, after);
        // Not every change is an event; what is not wanted is none to wait for. A larger one than ours belongs to an engine that ran before.
        let otherwise = after.is_some_and(|after| {
            listing.revision < after || listing.only.is_none() && listing.revision != after
        });
        if otherwise || !listing.changes.is_empty() || listing.missed > 0 {
            return Ok(answer(&listing));
        }
        tokio::select! {
            biased;
            over = call.unheard() => return Err(over),
            // The registry lives as long as the endpoint.
            _ = level.changed() => {}
            _ = alive.tick() => call.alive("Waiting for a change"),
            () = &mut longest => return Ok(answer(&listing)),
        }
    }
}

pub(super) async fn add(call: &mut Call<'_>, params: AddParams) -> Answered {
    let host = params.host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
    tracing::info!(client = %call.client, host, port = params.port, "a Maya is added by hand");
    let by = if call.client.as_str() == OUR_CLIENT { Asker::Artist } else { Asker::Client };
    match call.shared.commands.add(host, params.port, by).await {
        Ok(added) => {
            call.note.about(added.id);
            let warning = added.remote.then(|| NO_AUTHENTICATION.to_owned());
            Ok(answer(&AddedSession { session: added.id.to_string(), warning }))
        }
        Err(error) => Err(Unanswered::problem(error.to_string())),
    }
}

/// The artist's own word, given in a shell: *Connect*.
pub(super) async fn connect(call: &mut Call<'_>, params: UseParams) -> Answered {
    let session = target::session(call, Some(&params.session))?;
    told(call, &session, call.shared.commands.connect(session.id()).await)
}

/// Takes off the list what was added by hand.
pub(super) async fn remove(call: &mut Call<'_>, params: UseParams) -> Answered {
    let session = target::session(call, Some(&params.session))?;
    told(call, &session, call.shared.commands.remove(session.id()).await)
}

fn told(call: &Call<'_>, session: &Session, outcome: Result<(), Refused>) -> Answered {
    outcome.map_err(|refused| Unanswered::problem(refused.to_string()))?;
    let snapshot = call.shared.registry.snapshot();
    Ok(answer(&Chosen { session: info_for(call.client, session, false, &snapshot) }))
}

pub(crate) fn infos(snapshot: &Snapshot, client: &ClientName) -> Vec<SessionInfo> {
    let in_use = snapshot.resolve(Some(client), None).ok().map(|session| session.id());
    let info = |session: &Arc<Session>| info_for(client, session, Some(session.id()) == in_use, snapshot);
    snapshot.sessions.values().map(info).collect()
}

fn info_for(client: &ClientName, session: &Session, in_use: bool, snapshot: &Snapshot) -> SessionInfo {
    session_info(session, in_use, snapshot.rules.access(client, session.id()))
}
