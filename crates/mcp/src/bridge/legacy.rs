//! The legacy session at the endpoint, which the client must not see end.
//!
//! Invariant: there is at most one; a lost one is begun anew with the client's own first words and wishes, and the client is told that
//! lists may differ. A question belongs to the session that put it.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::FutureExt as _;
use hyper::{
    Method, StatusCode,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, watch},
    time::timeout,
};

use super::{
    message::{Asked, Era, Kind, kind_of},
    offline::{self, Trouble},
    reach::{Pace, Patience},
    relay::{ANSWER, Headers, Outcome, Relay},
};
use crate::proven::{End, Proven};

#[derive(Debug, Default)]
pub(super) struct Legacy {
    state: Arc<Mutex<State>>,
    /// There is one keeper, however often a client says hello.
    kept: AtomicBool,
    /// The id of the session, for the keeper.
    current: watch::Sender<Option<HeaderValue>>,
}

/// A place in the queue for the state, taken when the client spoke and not when its words are worked on.
pub(super) type Turn = Pin<Box<dyn Future<Output = OwnedMutexGuard<State>> + Send>>;

#[derive(Debug, Default)]
pub(super) struct State {
    /// The client's own words, to begin again with.
    initialize: Option<Value>,
    initialized: bool,
    subscriptions: BTreeSet<String>,
    log_level: Option<Value>,
    session: Option<Session>,
    /// Where the last attempt to begin one came to nothing.
    silent: Option<Arc<Proven>>,
}

#[derive(Debug)]
struct Session {
    endpoint: Arc<Proven>,
    headers: Headers,
    /// What the endpoint has asked the client, until it is answered; then only that it has been asked.
    questions: HashMap<String, Option<Value>>,
}

impl State {
    /// Whom the client answers, if this answers anything.
    pub(super) fn asker_of(&mut self, id: &Value) -> Option<Headers> {
        let session = self.session.as_mut()?;
        session.questions.get_mut(&id.to_string())?.take()?;
        Some(session.headers.clone())
    }

    pub(super) fn headers(&self) -> Option<Headers> {
        self.session.as_ref().map(|session| session.headers.clone())
    }
}

impl Session {
    fn id(&self) -> &HeaderValue {
        &self.headers[0].1
    }
}

impl Legacy {
    pub(super) fn turn(&self) -> Turn {
        let mut turn: Turn = Box::pin(self.state.clone().lock_owned());
        // The lock is fair, and the first poll takes the place in its queue.
        match turn.as_mut().now_or_never() {
            Some(state) => Box::pin(std::future::ready(state)),
            None => turn,
        }
    }

    /// The client's own handshake.
    pub(super) async fn initialize(&self, relay: &Arc<Relay>, asked: &Asked, turn: Turn) {
        let mut state = turn.await;
        if let Some(session) = state.session.take() {
            relay.tasks.spawn(async move { session.end().await });
        }
        let words = Some(asked.params.clone()).filter(|params| !params.is_null());
        *state = State { initialize: words, ..State::default() };
        let mut trouble = Trouble::Lost;
        for _ in 0..2 {
            let endpoint = match relay.reach.endpoint(Patience::Start).await {
                Ok(endpoint) => endpoint,
                Err(error) => {
                    trouble = Trouble::NotFound(error);
                    break;
                }
            };
            match begin(relay, &endpoint, asked.line.clone()).await {
                Ok((session, answer)) => {
                    if session.is_none() {
                        // Refused: saying it again would not help.
                        state.initialize = None;
                    }
                    self.hold(relay, &mut state, session).await;
                    return relay.send(answer).await;
                }
                Err(error) => trouble = error,
            }
            if trouble.is_silence() {
                break;
            }
        }
        relay.send(offline::answer(asked, &trouble, relay.reach.client())).await;
    }

    pub(super) fn initialized(&self, relay: &Arc<Relay>, line: Bytes) {
        let (turn, relay) = (self.turn(), relay.clone());
        relay.tasks.clone().spawn(async move {
            let beginning = async {
                let mut state = turn.await;
                state.initialized = true;
                if let Some(headers) = state.headers() {
                    // Requests wait for the state, and so for this.
                    relay.tell(&headers, line).await;
                }
                drop(state);
                if !relay.legacy.kept.swap(true, Ordering::Relaxed) {
                    keep(&relay).await;
                }
            };
            relay.stop.run_until_cancelled(beginning).await;
        });
    }

    /// The headers of the session, if there is one.
    pub(super) async fn session(&self) -> Option<Headers> {
        self.state.lock().await.headers()
    }

    pub(super) async fn is_in_session(&self, asked: &Asked) -> bool {
        asked.era == Era::Legacy && self.state.lock().await.session.is_some()
    }

    async fn hold(&self, relay: &Relay, state: &mut State, session: Option<Session>) {
        self.current.send_replace(session.as_ref().map(|session| session.id().clone()));
        let last = std::mem::replace(&mut state.session, session);
        for id in last.into_iter().flat_map(|last| last.questions.into_values()).flatten() {
            let params = json!({ "requestId": id, "reason": "whoever asked is gone" });
            relay.announce("notifications/cancelled", params).await;
        }
    }

    /// False when the client has heard this question, or must not hear it any more.
    pub(super) async fn asks(&self, headers: &Headers, id: Value) -> bool {
        let mut state = self.state.lock().await;
        let session = state.session.as_mut().filter(|session| session.headers == *headers);
        // A stream that is opened anew repeats what the last one said.
        session.is_some_and(|session| match session.questions.entry(id.to_string()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => place.insert(Some(id)).is_some(),
        })
    }

    /// The headers of the session at this endpoint; begins one if need be.
    pub(super) async fn session_on(&self, relay: &Relay, endpoint: &Arc<Proven>) -> Result<Headers, Trouble> {
        let mut state = self.state.lock().await;
        if let Some(session) =
            state.session.as_ref().filter(|session| session.endpoint.is_same_engine(endpoint))
        {
            return Ok(session.headers.clone());
        }
        // A client that has not introduced itself hears from the endpoint what is wrong.
        let Some(params) = &state.initialize else { return Ok(Headers::new()) };
        if state.silent.as_ref().is_some_and(|silent| Arc::ptr_eq(silent, endpoint)) {
            // Whoever held the state before us has waited for it; everybody in turn would take minutes.
            return Err(Trouble::Silent);
        }
        let hello = json!({ "jsonrpc": "2.0", "id": "bridge", "method": "initialize", "params": params });
        let session = match anew(relay, endpoint, Bytes::from(hello.to_string()), &mut state).await {
            Ok(session) => session,
            Err(trouble) => {
                state.silent = trouble.is_silence().then(|| endpoint.clone());
                return Err(trouble);
            }
        };
        let headers = session.headers.clone();
        self.hold(relay, &mut state, Some(session)).await;
        Ok(headers)
    }

    /// The endpoint has ended the session with these headers. By now there may be another, which stays.
    pub(super) async fn forget(&self, relay: &Relay, headers: &Headers) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|session| session.headers == *headers) {
            self.hold(relay, &mut state, None).await;
        }
    }

    /// Remembers what the client wishes to hear, to wish for it again in the next session.
    pub(super) async fn remember(&self, asked: &Asked) {
        let uri = || asked.param("uri").and_then(Value::as_str).map(str::to_owned);
        match asked.method.as_str() {
            _ if asked.era == Era::Modern => {}
            "resources/subscribe" => self.state.lock().await.subscriptions.extend(uri()),
            "resources/unsubscribe" => {
                if let Some(uri) = uri() {
                    self.state.lock().await.subscriptions.remove(&uri);
                }
            }
            "logging/setLevel" => self.state.lock().await.log_level = asked.param("level").cloned(),
            _ => {}
        }
    }

    /// The client has hung up.
    pub(super) async fn end(&self) {
        let Some(session) = self.state.lock().await.session.take() else { return };
        session.end().await;
    }
}

impl Session {
    async fn end(&self) {
        if let Err(error) = self.endpoint.send(Method::DELETE, &self.headers, Bytes::new()).await {
            tracing::debug!(%error, "the session could not be ended");
        }
    }
}

/// A session in which the client finds everything as it was.
async fn anew(
    relay: &Relay,
    endpoint: &Arc<Proven>,
    hello: Bytes,
    state: &mut State,
) -> Result<Session, Trouble> {
    let (session, _) = begin(relay, endpoint, hello).await?;
    let session = session.ok_or(Trouble::Lost)?;
    if state.initialized {
        introduce(relay, &session, state).await?;
        tracing::info!("connected to the endpoint again");
    }
    Ok(session)
}

/// Sends an `initialize` and gives the session, if it came to one, and the answer.
async fn begin(
    relay: &Relay,
    endpoint: &Arc<Proven>,
    line: Bytes,
) -> Result<(Option<Session>, String), Trouble> {
    let (id, answer) = say(relay, endpoint, &Headers::new(), line).await?;
    let answer = answer.ok_or(Trouble::Lost)?;
    let message: Value = serde_json::from_str(&answer).map_err(|_| Trouble::Lost)?;
    let version = message.pointer("/result/protocolVersion").and_then(Value::as_str);
    let session =
        id.zip(version.and_then(|version| HeaderValue::from_str(version).ok())).map(|(id, version)| {
            let headers = vec![
                (HeaderName::from_static("mcp-session-id"), id),
                (HeaderName::from_static("mcp-protocol-version"), version),
            ];
            Session { endpoint: endpoint.clone(), headers, questions: HashMap::new() }
        });
    Ok((session, answer))
}

/// The id of the session that came of it, and the answer. Whoever says this holds the state, so it does not take for ever.
async fn say(
    relay: &Relay,
    endpoint: &Arc<Proven>,
    headers: &Headers,
    line: Bytes,
) -> Result<(Option<HeaderValue>, Option<String>), Trouble> {
    let saying = async {
        let reply = relay.post(endpoint, headers, line).await.map_err(|outcome| match outcome {
            Outcome::Refused => Trouble::Refused,
            _ => Trouble::Lost,
        })?;
        if reply.status() == StatusCode::NOT_FOUND {
            // Already gone again: that is no word on what was asked.
            return Err(Trouble::Lost);
        }
        let id = reply.header("mcp-session-id").cloned();
        let mut answer = None;
        reply
            .messages(|text| {
                if kind_of(&text) != Some(Kind::Notification) {
                    answer = Some(text.clone());
                }
                follow_up(relay, text)
            })
            .await;
        Ok((id, answer))
    };
    timeout(ANSWER, saying).await.unwrap_or_else(|_| {
        relay.reach.lost(endpoint);
        Err(Trouble::Silent)
    })
}

/// Brings a session that was begun anew to where the last one was, and tells the client to look again.
async fn introduce(relay: &Relay, session: &Session, state: &mut State) -> Result<(), Trouble> {
    let request =
        |method, params| json!({ "jsonrpc": "2.0", "id": "bridge", "method": method, "params": params });
    let tell = |word: Value| say(relay, &session.endpoint, &session.headers, Bytes::from(word.to_string()));
    tell(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
    if let Some(level) = &state.log_level {
        tell(request("logging/setLevel", json!({ "level": level }))).await?;
    }
    for uri in state.subscriptions.clone() {
        let (_, answer) = tell(request("resources/subscribe", json!({ "uri": uri }))).await?;
        if answer.is_some_and(|answer| kind_of(&answer) == Some(Kind::Error)) {
            // A session that has ended, say. Right after its start the engine takes whatever may yet be found.
            state.subscriptions.remove(&uri);
        }
    }
    for list in ["tools", "prompts", "resources"] {
        relay.announce(&format!("notifications/{list}/list_changed"), Value::Null).await;
    }
    for uri in &state.subscriptions {
        relay.announce("notifications/resources/updated", json!({ "uri": uri })).await;
    }
    Ok(())
}

/// The client has asked nothing, so it hears nothing but what the endpoint says of its own accord.
async fn follow_up(relay: &Relay, text: String) {
    if kind_of(&text) == Some(Kind::Notification) {
        relay.send(text).await;
    }
}

/// Keeps the stream of the endpoint's own messages open, and the session alive, as long as the client is there.
async fn keep(relay: &Relay) {
    let mut pace = Pace::new();
    let mut current = relay.legacy.current.subscribe();
    let mut heard = Heard::default();
    loop {
        if let Ok(endpoint) = relay.reach.endpoint(Patience::Again).await
            && let Ok(headers) = relay.legacy.session_on(relay, &endpoint).await
        {
            let id = headers.first().map(|(_, id)| id);
            if heard.session.as_ref() != id {
                heard = Heard { session: id.cloned(), last: None };
            }
            tokio::select! {
                () = follow(relay, &endpoint, &headers, &mut heard.last, &mut pace) => {}
                // There is another session now, whose stream is the one to follow.
                _ = current.wait_for(|now| now.as_ref() != id) => {}
            }
        }
        pace.wait(&relay.reach).await;
    }
}

/// How far a session's stream has been heard.
#[derive(Debug, Default)]
struct Heard {
    session: Option<HeaderValue>,
    last: Option<HeaderValue>,
}

/// A stream that is opened again goes on after `last`: without it the endpoint would repeat all that it remembers.
async fn follow(
    relay: &Relay,
    endpoint: &Arc<Proven>,
    headers: &Headers,
    last: &mut Option<HeaderValue>,
    pace: &mut Pace,
) {
    let mut wanted = headers.clone();
    wanted.extend(last.clone().map(|last| (HeaderName::from_static("last-event-id"), last)));
    match endpoint.send(Method::GET, &wanted, Bytes::new()).await {
        Ok(reply) if reply.status() == StatusCode::OK => {
            pace.found();
            let end = reply
                .messages_after(last, |text| async move {
                    let Some(kind) = kind_of(&text) else {
                        return tracing::debug!("the endpoint said what is no message");
                    };
                    relay.hand_on(headers, text, kind).await;
                })
                .await;
            if end == End::BrokenOff {
                relay.reach.lost(endpoint);
            }
        }
        Ok(reply) if reply.status() == StatusCode::NOT_FOUND => relay.legacy.forget(relay, headers).await,
        Ok(reply) => {
            tracing::debug!(status = %reply.status(), "the endpoint gave no stream");
            if reply.status() == StatusCode::UNAUTHORIZED {
                relay.reach.lost(endpoint);
            }
        }
        Err(error) => {
            tracing::debug!(%error, "the endpoint is gone");
            relay.reach.lost(endpoint);
        }
    }
}
