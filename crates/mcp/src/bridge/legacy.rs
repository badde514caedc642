//! The legacy session at the endpoint, which the client must not see end.
//!
//! Invariant: there is at most one; a lost one is begun anew with the client's own first words, and the client is told that lists may differ.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
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
    time::{Instant, sleep},
};

use super::{
    offline::{self, Trouble},
    reach::Patience,
    relay::{Asked, Headers, Outcome, Relay},
};
use crate::proven::Proven;

/// Between looks for an endpoint that is gone, growing.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

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
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    endpoint: Arc<Proven>,
    headers: Headers,
}

impl State {
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
        *state = State { initialize: asked.message.get("params").cloned(), ..State::default() };
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
                    self.hold(&mut state, session);
                    return relay.send(answer).await;
                }
                Err(error) => trouble = error,
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

    fn hold(&self, state: &mut State, session: Option<Session>) {
        self.current.send_replace(session.as_ref().map(|session| session.id().clone()));
        state.session = session;
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
        let hello = json!({ "jsonrpc": "2.0", "id": "bridge", "method": "initialize", "params": params });
        let (session, _) = begin(relay, endpoint, Bytes::from(hello.to_string())).await?;
        let session = session.ok_or(Trouble::Lost)?;
        let headers = session.headers.clone();
        self.hold(&mut state, Some(session));
        if state.initialized {
            introduce(relay, endpoint, &headers, &state.subscriptions).await?;
            tracing::info!("connected to the endpoint again");
        }
        Ok(headers)
    }

    /// The endpoint has ended the session with these headers. By now there may be another, which stays.
    pub(super) async fn forget(&self, headers: &Headers) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|session| session.headers == *headers) {
            self.hold(&mut state, None);
        }
    }

    /// Remembers what the client watches, to watch it again in the next session.
    pub(super) async fn note_subscription(&self, asked: &Asked) {
        let uri = || asked.message.pointer("/params/uri").and_then(Value::as_str).map(str::to_owned);
        match asked.method.as_str() {
            "resources/subscribe" => self.state.lock().await.subscriptions.extend(uri()),
            "resources/unsubscribe" => {
                if let Some(uri) = uri() {
                    self.state.lock().await.subscriptions.remove(&uri);
                }
            }
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

/// Sends an `initialize` and gives the session, if it came to one, and the answer.
async fn begin(
    relay: &Relay,
    endpoint: &Arc<Proven>,
    line: Bytes,
) -> Result<(Option<Session>, String), Trouble> {
    let reply = relay.post(endpoint, &Headers::new(), line).await.map_err(|outcome| match outcome {
        Outcome::Refused => Trouble::Refused,
        _ => Trouble::Lost,
    })?;
    let id = reply.header("mcp-session-id").cloned();
    let mut answer = None;
    reply
        .messages(|text| {
            answer = Some(text);
            std::future::ready(())
        })
        .await;
    let answer = answer.ok_or(Trouble::Lost)?;
    let message: Value = serde_json::from_str(&answer).map_err(|_| Trouble::Lost)?;
    let version = message.pointer("/result/protocolVersion").and_then(Value::as_str);
    let session =
        id.zip(version.and_then(|version| HeaderValue::from_str(version).ok())).map(|(id, version)| {
            let headers = vec![
                (HeaderName::from_static("mcp-session-id"), id),
                (HeaderName::from_static("mcp-protocol-version"), version),
            ];
            Session { endpoint: endpoint.clone(), headers }
        });
    Ok((session, answer))
}

/// Brings a session that was begun anew to where the last one was, and tells the client to look again.
async fn introduce(
    relay: &Relay,
    endpoint: &Arc<Proven>,
    headers: &Headers,
    subscriptions: &BTreeSet<String>,
) -> Result<(), Trouble> {
    let mut words = vec![json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })];
    let subscribe = |uri| json!({ "jsonrpc": "2.0", "id": "bridge", "method": "resources/subscribe", "params": { "uri": uri } });
    words.extend(subscriptions.iter().map(subscribe));
    for word in words {
        let reply =
            relay.post(endpoint, headers, Bytes::from(word.to_string())).await.map_err(|_| Trouble::Lost)?;
        reply.messages(|_| std::future::ready(())).await;
    }
    relay.announce("notifications/tools/list_changed", Value::Null).await;
    relay.announce("notifications/resources/list_changed", Value::Null).await;
    for uri in subscriptions {
        relay.announce("notifications/resources/updated", json!({ "uri": uri })).await;
    }
    Ok(())
}

/// Keeps the stream of the endpoint's own messages open, and the session alive, as long as the client is there.
async fn keep(relay: &Relay) {
    let mut pause = FIRST_PAUSE;
    let mut current = relay.legacy.current.subscribe();
    loop {
        let began = Instant::now();
        if let Ok(endpoint) = relay.reach.endpoint(Patience::AtOnce).await
            && let Ok(headers) = relay.legacy.session_on(relay, &endpoint).await
        {
            let id = headers.first().map(|(_, id)| id);
            tokio::select! {
                () = follow(relay, &endpoint, &headers) => {}
                // There is another session now, whose stream is the one to follow.
                _ = current.wait_for(|now| now.as_ref() != id) => {}
            }
        }
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
            continue;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn follow(relay: &Relay, endpoint: &Arc<Proven>, headers: &Headers) {
    match endpoint.send(Method::GET, headers, Bytes::new()).await {
        Ok(reply) if reply.status() == StatusCode::OK => {
            reply.messages(|text| relay.send(text)).await;
        }
        Ok(reply) if reply.status() == StatusCode::NOT_FOUND => relay.legacy.forget(headers).await,
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
