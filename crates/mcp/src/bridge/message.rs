//! What must be known of a message to pass it on; the rest travels as it is.
//!
//! Invariant: whatever the endpoint answers with, the client gets one JSON-RPC message that answers its request.

use hyper::{StatusCode, body::Bytes};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    Legacy,
    Modern,
}

/// A request as the client wrote it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: Value,
    pub(super) method: String,
    /// Without what may be large and is the endpoint's business alone.
    pub(super) params: Value,
    pub(super) line: Bytes,
    pub(super) era: Era,
}

impl Asked {
    pub(super) fn new(id: Value, method: String, message: &mut Value, line: Bytes, era: Era) -> Self {
        let mut params = message.get_mut("params").map(Value::take).unwrap_or_default();
        if let Some(params) = params.as_object_mut() {
            params.remove("arguments");
        }
        Self { id, method, params, line, era }
    }

    /// The endpoint answers it by itself, without a Maya and without a person.
    pub(super) fn is_quick(&self) -> bool {
        let method = self.method.as_str();
        let others = ["initialize", "ping", "server/discover", "logging/setLevel"];
        method.ends_with("/list") || method.ends_with("subscribe") || others.contains(&method)
    }

    pub(super) fn param(&self, name: &str) -> Option<&Value> {
        self.params.get(name)
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    id: Option<Value>,
    method: Option<IgnoredAny>,
    error: Option<Value>,
    message: Option<Value>,
}

/// What a message from the endpoint is to the one who asked.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Result,
    Error,
    /// The endpoint wants something of the client.
    Question {
        id: Value,
    },
    Notification,
}

/// The line for the client.
pub(super) fn understand(asked: &Asked, status: StatusCode, text: String) -> (String, Kind) {
    let Ok(envelope) = serde_json::from_str::<Envelope>(&text) else {
        let message = format!("The endpoint answered {status}: {text}");
        return (error(&asked.id, -32603, &message), Kind::Error);
    };
    match kind(&envelope) {
        kind @ (Kind::Question { .. } | Kind::Notification) => (text, kind),
        kind if envelope.id.as_ref() == Some(&asked.id) => (text, kind),
        kind if envelope.id.as_ref().is_some_and(|id| is_same_number(id, &asked.id)) => {
            (with_id(&asked.id, text), kind)
        }
        _ => (refusal(asked, &envelope), Kind::Error),
    }
}

/// A client may write 1 as `1.0`, and the endpoint answers with 1. Two that were both written as integers differ, however large.
fn is_same_number(theirs: &Value, asked: &Value) -> bool {
    asked.is_f64() && theirs.as_f64() == asked.as_f64()
}

fn with_id(id: &Value, text: String) -> String {
    let Ok(mut message) = serde_json::from_str::<Value>(&text) else { return text };
    message["id"] = id.clone();
    message.to_string()
}

/// The kind of a message that nobody has asked for.
pub(super) fn kind_of(text: &str) -> Option<Kind> {
    serde_json::from_str(text).ok().map(|envelope| kind(&envelope))
}

/// The id of what came as a line too long, or in another encoding: somebody waits for an answer to it.
pub(super) fn id_of(line: &[u8]) -> Value {
    let text = String::from_utf8_lossy(line);
    let envelope = serde_json::from_str::<Envelope>(&text).ok();
    envelope.and_then(|envelope| envelope.id).unwrap_or_default()
}

fn kind(envelope: &Envelope) -> Kind {
    match (&envelope.method, &envelope.id) {
        (Some(_), Some(id)) => Kind::Question { id: id.clone() },
        (Some(_), None) => Kind::Notification,
        (None, _) if envelope.error.is_some() => Kind::Error,
        (None, _) => Kind::Result,
    }
}

/// An error that could not say what it answers, or a refusal that is no JSON-RPC.
fn refusal(asked: &Asked, envelope: &Envelope) -> String {
    let message =
        envelope.error.as_ref().and_then(|error| error.get("message")).or(envelope.message.as_ref());
    let message = message.and_then(Value::as_str).unwrap_or("the endpoint refused the request");
    let code = envelope.error.as_ref().and_then(|error| error.get("code")).and_then(Value::as_i64);
    error(&asked.id, code.unwrap_or(-32603), message)
}

pub(super) fn error(id: &Value, code: i64, message: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string()
}
