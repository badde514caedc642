//! Who waits for what on one connection, and what the helper's messages mean to them.
//!
//! Invariant: a message that is not of the agreed form, or for somebody who does not wait, is dropped: it can harm nobody.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::{
    frame::Frame,
    link::{Farewell, LinkError, LinkEvent},
    output::{Output, Progress, Stream},
    protocol::{Refusal, WireScene, short},
    request::{Answer, Reply, Request},
};

/// Shared by the half that writes and the half that reads.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<HashMap<u64, Waiter>>);

#[derive(Debug)]
struct Waiter {
    reply: oneshot::Sender<Answer>,
    output: Output,
    /// The helper has all of the request; only where it goes in pieces this is not so from the beginning.
    begun: bool,
}

/// What is not for one who waits.
#[derive(Debug)]
pub(crate) enum Incoming {
    Event(LinkEvent),
    Goodbye(Farewell),
}

#[derive(Deserialize)]
struct WireOutput {
    id: Option<u64>,
    stream: Stream,
}

#[derive(Deserialize)]
struct WireNotStopping {
    id: u64,
    line: Option<u64>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct WireProgress {
    id: u64,
    progress: f64,
    total: Option<f64>,
    message: Option<String>,
}

impl Waiting {
    /// The message to send; none where nobody waits any more.
    pub fn add(&self, request: Request) -> Option<String> {
        let Request { id, json, output, reply, .. } = request;
        if reply.is_closed() {
            return None;
        }
        self.with(|waiters| waiters.insert(id, Waiter { reply, output, begun: false }));
        Some(json)
    }

    /// The last piece of this request is about to be sent. False when nobody waits for it any more.
    pub fn begin(&self, id: u64) -> bool {
        self.with(|waiters| waiters.get_mut(&id).map(|waiter| waiter.begun = true)).is_some()
    }

    /// Takes back a request of which the helper has a part at most; answers whether it was one.
    pub fn withdraw(&self, id: u64, answer: Answer) -> bool {
        let waiter = self.with(|waiters| {
            let waits = waiters.get(&id).is_some_and(|waiter| !waiter.begun);
            if waits { waiters.remove(&id) } else { None }
        });
        let Some(waiter) = waiter else { return false };
        let _ = waiter.reply.send(answer);
        true
    }

    /// Whether somebody waited.
    pub fn forget(&self, id: u64) -> bool {
        self.with(|waiters| waiters.remove(&id)).is_some()
    }

    pub fn has(&self, id: u64) -> bool {
        self.with(|waiters| waiters.contains_key(&id))
    }

    /// Whether somebody waits for an answer.
    pub fn is_some(&self) -> bool {
        self.with(|waiters| !waiters.is_empty())
    }

    pub fn take_in(&self, frame: Frame) -> Option<Incoming> {
        let Frame { json: mut message, binary } = frame;
        let waiter = match message.get("id") {
            None => None,
            // The helper could not even read who asks; that is clear where only one does.
            Some(Value::Null) => Some(self.with(the_only_one)),
            // An answer that nobody asked for, or asked for no longer, is dropped.
            Some(id) => Some(id.as_u64().and_then(|id| self.with(|waiters| waiters.remove(&id)))),
        };
        if let Some(waiter) = waiter {
            let Waiter { reply, mut output, .. } = waiter?;
            output.tell_untold();
            let _ = reply.send(answer_in(message).map(|result| Reply { result, binary, output }));
            return None;
        }
        let params = message.remove("params").unwrap_or_default();
        let text = |field: &str| short(text_in(&params, field));
        match message.get("event").and_then(Value::as_str)? {
            "output" => {
                let WireOutput { id, stream } = serde_json::from_value(params).ok()?;
                let text = String::from_utf8(binary)
                    .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned());
                let Some(id) = id else { return Some(Incoming::Event(LinkEvent::Output { stream, text })) };
                self.with(|waiters| waiters.get_mut(&id).map(|waiter| waiter.output.take(stream, text)));
                None
            }
            "not_stopping" => {
                let WireNotStopping { id, line, source } = serde_json::from_value(params).ok()?;
                let progress = Progress::NotStopping { line, source: source.map(short) };
                self.with(|waiters| waiters.get_mut(&id).map(|waiter| waiter.output.tell(progress)));
                None
            }
            "progress" => {
                let WireProgress { id, progress, total, message } = serde_json::from_value(params).ok()?;
                let progress = Progress::Reported { progress, total, message: message.map(short) };
                self.with(|waiters| waiters.get_mut(&id).map(|waiter| waiter.output.tell(progress)));
                None
            }
            "goodbye" => Some(Incoming::Goodbye(match text("reason").as_str() {
                "replaced" => Farewell::Replaced,
                "left" => Farewell::Left,
                _ => Farewell::MayaExiting,
            })),
            "main_free" => Some(Incoming::Event(LinkEvent::MainThreadFree)),
            "stranger" => {
                let (address, why) = (text("address"), text("why"));
                Some(Incoming::Event(LinkEvent::Stranger { address, why }))
            }
            "scene" => {
                let (reason, scene) = serde_json::from_value::<WireScene>(params).ok()?.split();
                Some(Incoming::Event(LinkEvent::Scene { reason, scene }))
            }
            "selection" => Some(Incoming::Event(LinkEvent::Selection(serde_json::from_value(params).ok()?))),
            unknown => {
                tracing::debug!(
                    event = unknown.chars().take(40).collect::<String>(),
                    "the helper sent an event that this engine does not know"
                );
                None
            }
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<u64, Waiter>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn the_only_one(waiters: &mut HashMap<u64, Waiter>) -> Option<Waiter> {
    if waiters.len() > 1 {
        return None;
    }
    waiters.drain().next().map(|(_, waiter)| waiter)
}

fn answer_in(mut message: Map<String, Value>) -> Result<Value, LinkError> {
    match message.get("error") {
        Some(error) if !error.is_null() => {
            let kind = Refusal::from(text_in(error, "type"));
            Err(LinkError::Refused { kind, message: text_in(error, "message") })
        }
        _ => Ok(message.remove("result").unwrap_or_default()),
    }
}

fn text_in(object: &Value, field: &str) -> String {
    object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
