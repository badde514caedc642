//! One message from the client at a time: where it goes, and what comes back.
//!
//! Invariant: a request is sent again only if nothing of it can have happened, or if happening twice does no harm.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::{
    Method, StatusCode,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    BridgeOptions,
    legacy::{Legacy, Turn},
    lines::Line,
    listen,
    message::{Asked, Era, Kind, error, id_of, understand},
    offline::{self, Trouble},
    reach::{Patience, Reach},
};
use crate::{
    arriving::BODY_LIMIT,
    modern,
    proven::{End, Proven, Reply, SendError},
};

/// For the request that is being cancelled to arrive first.
const ARRIVAL: Duration = Duration::from_secs(1);
/// For a notification, which is only taken note of.
const NOTE: Duration = Duration::from_secs(5);
/// For what the endpoint answers at once, unless it is frozen: a process that is stopped still takes connections.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// For a last answer to be written.
const LAST_LINE: Duration = Duration::from_millis(50);
/// Finding, finding anew, and once more for good luck.
const ATTEMPTS: usize = 3;

#[derive(Debug)]
pub(super) struct Relay {
    pub(super) reach: Reach,
    pub(super) legacy: Legacy,
    out: mpsc::Sender<String>,
    in_flight: Mutex<HashMap<String, Flight>>,
    /// Requests that will be answered.
    pub(super) requests: TaskTracker,
    /// Everything else, which ends with `stop`.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// A request on its way.
#[derive(Debug, Clone)]
struct Flight {
    id: Value,
    era: Era,
    cancel: CancellationToken,
    /// Cancelled, in the sense of "it is so", when the endpoint has taken it.
    arrived: CancellationToken,
}

pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// What came of sending a request.
#[derive(Debug)]
pub(super) enum Outcome {
    Answered,
    NotSent,
    /// The endpoint does not know the session.
    SessionGone,
    /// The endpoint does not accept the token.
    Refused,
    /// Sent, and not answered in time.
    Silent,
    /// Sent, and never answered.
    BrokenOff,
}

impl Relay {
    pub(super) fn new(options: BridgeOptions, out: mpsc::Sender<String>) -> Arc<Self> {
        Arc::new(Self {
            reach: Reach::new(options),
            legacy: Legacy::default(),
            out,
            in_flight: Mutex::default(),
            requests: TaskTracker::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    pub(super) async fn take_in(self: &Arc<Self>, line: Line) {
        let Line { text, length } = line;
        if length > BODY_LIMIT {
            let most = BODY_LIMIT >> 20;
            let message = format!("This message has {} MiB, and the endpoint takes {most} MiB", length >> 20);
            return self.error(&id_of(&text), -32600, &message).await;
        }
        if text.trim_ascii().is_empty() {
            return;
        }
        let Ok(mut message) = serde_json::from_slice::<Value>(&text) else {
            return self.error(&id_of(&text), -32700, "This line is not JSON in UTF-8").await;
        };
        let line = Bytes::from(text);
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        match (method, message.get("id").cloned()) {
            (Some(method), Some(id)) => self.take_request(id, method, &mut message, line),
            (Some(method), None) => self.take_notification(&method, &message, line),
            (None, Some(id)) => self.take_answer(id, line),
            (None, None) => self.error(&Value::Null, -32600, "This is not a JSON-RPC message").await,
        }
    }

    fn take_request(self: &Arc<Self>, id: Value, method: String, message: &mut Value, line: Bytes) {
        let headers = modern::headers(message);
        let era = if headers.is_some() { Era::Modern } else { Era::Legacy };
        let flight = Flight {
            id: id.clone(),
            era,
            cancel: CancellationToken::new(),
            arrived: CancellationToken::new(),
        };
        let key = id.to_string();
        self.in_flight().insert(key.clone(), flight.clone());
        let asked = Asked::new(id, method, message, line, era);
        // What the client says after its first words has to find them said.
        let turn = (asked.method == "initialize").then(|| self.legacy.turn());
        let tracker = if listen::is_listen(&asked) { &self.tasks } else { &self.requests };
        let relay = self.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = relay.answer(&asked, headers, turn, &flight.arrived) => {}
                () = flight.cancel.cancelled() => {}
                () = relay.stop.cancelled() => relay.break_off(&asked).await,
            }
            relay.in_flight().remove(&key);
        });
    }

    async fn break_off(&self, asked: &Asked) {
        let line = if listen::is_listen(asked) {
            listen::end_of(asked)
        } else {
            offline::answer(asked, &Trouble::BrokenOff, self.reach.client())
        };
        // A client that does not read gets no answer.
        let _ = timeout(LAST_LINE, self.send(line)).await;
    }

    /// Tells the endpoint that nobody waits any more for what it is working on.
    pub(super) async fn cancel_all(&self) {
        let Some(headers) = self.legacy.session().await else { return };
        let Ok(endpoint) = self.reach.endpoint(Patience::AtOnce).await else { return };
        let in_flight: Vec<_> = self.in_flight().values().cloned().collect();
        let cancels = in_flight.into_iter().filter(|flight| flight.era == Era::Legacy).map(|flight| {
            let params = json!({ "requestId": flight.id, "reason": "the client has gone" });
            let message = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
            self.post(&endpoint, &headers, Bytes::from(message.to_string()))
        });
        futures_util::future::join_all(cancels).await;
    }

    async fn answer(
        self: &Arc<Self>,
        asked: &Asked,
        headers: Option<Headers>,
        turn: Option<Turn>,
        arrived: &CancellationToken,
    ) {
        if let Some(turn) = turn {
            return self.legacy.initialize(self, asked, turn).await;
        }
        if let (true, Some(headers)) = (listen::is_listen(asked), &headers) {
            return listen::listen(self, asked, headers, arrived).await;
        }
        let mut trouble = Trouble::Lost;
        for _ in 0..ATTEMPTS {
            let endpoint = match self.reach.endpoint(patience(&asked.method)).await {
                Ok(endpoint) => endpoint,
                Err(error) => return self.answer_offline(asked, &Trouble::NotFound(error)).await,
            };
            let headers = match &headers {
                Some(headers) => headers.clone(),
                None => match self.legacy.session_on(self, &endpoint).await {
                    Ok(headers) => headers,
                    Err(error) => {
                        trouble = error;
                        if trouble.is_silence() {
                            break;
                        }
                        continue;
                    }
                },
            };
            match self.exchange(&endpoint, asked, &headers, arrived).await {
                Outcome::Answered => return,
                Outcome::SessionGone => self.legacy.forget(self, &headers).await,
                Outcome::NotSent => {}
                Outcome::Refused => trouble = Trouble::Refused,
                Outcome::Silent => {
                    trouble = Trouble::Silent;
                    break;
                }
                Outcome::BrokenOff if asked.method == "tools/call" => {
                    trouble = Trouble::BrokenOff;
                    break;
                }
                Outcome::BrokenOff => trouble = Trouble::Lost,
            }
        }
        self.answer_offline(asked, &trouble).await;
    }

    async fn answer_offline(&self, asked: &Asked, trouble: &Trouble) {
        if trouble.is_silence() && asked.is_quick() && self.legacy.is_in_session(asked).await {
            // Its session may go on, and then nobody would tell the client that an answer of ours holds no more.
            return self.error(&asked.id, -32603, &trouble.advice(self.reach.client())).await;
        }
        if asked.method == "logging/setLevel" {
            // Nothing is there to be logged; the next session begins with it.
            self.legacy.remember(asked).await;
        }
        self.send(offline::answer(asked, trouble, self.reach.client())).await;
    }

    /// Sends one request and passes on everything that comes back on its own stream.
    async fn exchange(
        &self,
        endpoint: &Arc<Proven>,
        asked: &Asked,
        headers: &Headers,
        arrived: &CancellationToken,
    ) -> Outcome {
        let answered = CancellationToken::new();
        let silence = async {
            sleep(ANSWER).await;
            if !asked.is_quick() || answered.is_cancelled() {
                // What may take its time, or a client that reads slowly.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            outcome = self.exchange_at_leisure(endpoint, asked, headers, arrived, &answered) => outcome,
            () = silence => {
                self.reach.lost(endpoint);
                Outcome::Silent
            }
        }
    }

    /// `answered` is cancelled, in the sense of "it is so", when the answer is there.
    async fn exchange_at_leisure(
        &self,
        endpoint: &Arc<Proven>,
        asked: &Asked,
        headers: &Headers,
        arrived: &CancellationToken,
        answered: &CancellationToken,
    ) -> Outcome {
        let reply = match self.post(endpoint, headers, asked.line.clone()).await {
            Ok(reply) => reply,
            Err(outcome) => return outcome,
        };
        arrived.cancel();
        if asked.era == Era::Legacy && reply.status() == StatusCode::NOT_FOUND {
            return Outcome::SessionGone;
        }
        let status = reply.status();
        let end = reply
            .messages(|text| {
                let (line, kind) = understand(asked, status, text);
                if matches!(kind, Kind::Result | Kind::Error) {
                    answered.cancel();
                }
                self.pass_on(asked, headers, line, kind)
            })
            .await;
        match (answered.is_cancelled(), end) {
            (true, _) => Outcome::Answered,
            (false, End::BrokenOff) => {
                self.reach.lost(endpoint);
                Outcome::BrokenOff
            }
            (false, End::Complete) => Outcome::BrokenOff,
        }
    }

    async fn pass_on(&self, asked: &Asked, headers: &Headers, line: String, kind: Kind) {
        if kind == Kind::Result {
            // Before the client hears of it: what it says next finds it remembered.
            self.legacy.remember(asked).await;
        }
        self.hand_on(headers, line, kind).await;
    }

    /// What the endpoint says within this session. A question is put to the client once.
    pub(super) async fn hand_on(&self, headers: &Headers, line: String, kind: Kind) {
        if let Kind::Question { id } = kind
            && !self.legacy.asks(headers, id).await
        {
            return;
        }
        self.send(line).await;
    }

    pub(super) async fn post(
        &self,
        endpoint: &Arc<Proven>,
        headers: &Headers,
        body: Bytes,
    ) -> Result<Reply, Outcome> {
        match endpoint.send(Method::POST, headers, body).await {
            Ok(reply) if reply.status() == StatusCode::UNAUTHORIZED => {
                // The token may have been made anew: the next search reads it again.
                self.reach.lost(endpoint);
                Err(Outcome::Refused)
            }
            Ok(reply) => Ok(reply),
            Err(error) => {
                tracing::debug!(%error, "the endpoint did not answer");
                self.reach.lost(endpoint);
                Err(match error {
                    SendError::NotSent(_) => Outcome::NotSent,
                    SendError::BrokenOff(_) => Outcome::BrokenOff,
                })
            }
        }
    }

    fn take_notification(self: &Arc<Self>, method: &str, message: &Value, line: Bytes) {
        match method {
            "notifications/initialized" => self.legacy.initialized(self, line),
            "notifications/cancelled" => self.cancel(message, line),
            _ => self.note(line),
        }
    }

    /// A modern request is cancelled by hanging up, a legacy one by saying so.
    fn cancel(self: &Arc<Self>, message: &Value, line: Bytes) {
        let Some(id) = message.pointer("/params/requestId") else { return };
        let Some(flight) = self.in_flight().get(&id.to_string()).cloned() else { return };
        if flight.era == Era::Modern {
            return flight.cancel.cancel();
        }
        let relay = self.clone();
        self.tasks.spawn(async move {
            let _ = timeout(ARRIVAL, flight.arrived.cancelled()).await;
            if let Some(headers) = relay.legacy.session().await {
                relay.tell(&headers, line).await;
            }
            flight.cancel.cancel();
        });
    }

    /// Only whoever asked gets the answer: a session that was begun since numbers its own questions the same.
    fn take_answer(self: &Arc<Self>, id: Value, line: Bytes) {
        let (relay, turn) = (self.clone(), self.legacy.turn());
        self.tasks.spawn(async move {
            let asker = turn.await.asker_of(&id);
            if let Some(headers) = asker {
                relay.stop.run_until_cancelled(relay.tell(&headers, line)).await;
            }
        });
    }

    /// For what gets no answer.
    fn note(self: &Arc<Self>, line: Bytes) {
        let (relay, turn) = (self.clone(), self.legacy.turn());
        self.tasks.spawn(async move {
            let headers = turn.await.headers();
            if let Some(headers) = headers {
                relay.stop.run_until_cancelled(relay.tell(&headers, line)).await;
            }
        });
    }

    pub(super) async fn tell(&self, headers: &Headers, line: Bytes) {
        let telling = async {
            let Ok(endpoint) = self.reach.endpoint(Patience::AtOnce).await else { return };
            let _ = self.post(&endpoint, headers, line).await;
        };
        if timeout(NOTE, telling).await.is_err() {
            tracing::warn!("the endpoint takes no notifications");
        }
    }

    pub(super) async fn send(&self, line: String) {
        // A line is a line: the endpoint's own texts never hold a line break, but a stranger's might.
        let is_one = [b'\n', b'\r'].iter().all(|end| !line.as_bytes().contains(end));
        let line = if is_one { line } else { line.replace(['\n', '\r'], " ") };
        // An error only says that the client has hung up.
        let _ = self.out.send(line).await;
    }

    pub(super) async fn announce(&self, method: &str, params: Value) {
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(message.to_string()).await;
    }

    async fn error(&self, id: &Value, code: i64, message: &str) {
        self.send(error(id, code, message)).await;
    }

    fn in_flight(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever wants to work is worth starting the application for.
fn patience(method: &str) -> Patience {
    match method {
        "tools/call" | "initialize" | "server/discover" => Patience::Start,
        _ => Patience::Again,
    }
}
