//! What a POST asks, as far as the gate has to know it; and refusals in words that its asker can act on.
//!
//! Invariant: every refusal of a POST that could be a JSON-RPC message is itself one, with the request's own id where it has one.

use std::borrow::Cow;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, Collected, Limited};
use rmcp::model::{ErrorCode, ProtocolVersion};
use serde::{
    Deserialize,
    de::{Error as _, IgnoredAny},
};
use serde_json::{Value, json};

use crate::{
    arriving::{BODY_LIMIT, Failed},
    gate::refuse,
    shares::Kind,
};

/// Ours. (-32000 and -32001 mean a lost connection and a timeout to the usual clients.)
const TOO_MANY: ErrorCode = ErrorCode(-32010);
/// What rmcp says in plain text is a line.
const LONGEST_TEXT: usize = 4096;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Request {
        id: Value,
        kind: Kind,
    },
    /// A notification or an answer: nobody waits for anything.
    Note,
}

/// Of the request, what its refusal has to know.
#[derive(Debug)]
pub(crate) struct Asker {
    pub method: Method,
    pub version: Option<HeaderValue>,
    pub id: Value,
}

impl Asker {
    /// Sessions are of the older versions, and one without a version is of the oldest.
    pub(crate) fn ends_session(&self) -> bool {
        let is_legacy = |version| is_known(version) && version != ProtocolVersion::V_2026_07_28.as_str();
        self.method == Method::DELETE && self.version.as_ref().is_none_or(is_legacy)
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "id")]
    id: Option<Value>,
}

/// An id that is there and null is no missing one.
fn id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        id @ (Value::String(_) | Value::Number(_)) => Ok(Some(id)),
        _ => Err(D::Error::custom("an id is a number or a text")),
    }
}

impl Asked {
    pub(crate) fn of(body: &[u8]) -> Result<Self, Box<Response>> {
        let refusal = |code, message: &str| {
            Box::new(refuse_message(StatusCode::BAD_REQUEST, &Value::Null, code, message))
        };
        let no_json = |why: &dyn std::fmt::Display| {
            refusal(
                ErrorCode::PARSE_ERROR,
                &format!("The body is not JSON: {why}. Send one JSON-RPC message, in UTF-8."),
            )
        };
        let text = std::str::from_utf8(body).map_err(|error| no_json(&error))?;
        if !text.trim_ascii_start().starts_with('{') {
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| no_json(&error))?;
            let why = "The body is no JSON-RPC message. Send one message in each POST: there are no batches in this protocol any more.";
            return Err(refusal(ErrorCode::INVALID_REQUEST, why));
        }
        let envelope: Envelope = serde_json::from_str(text).map_err(|error| {
            if error.is_data() {
                refusal(ErrorCode::INVALID_REQUEST, &format!("The body is no JSON-RPC message: {error}."))
            } else {
                no_json(&error)
            }
        })?;
        Ok(match envelope {
            Envelope { method: Some(method), id: Some(id) } => {
                let kind = if method == "subscriptions/listen" { Kind::Stream } else { Kind::Call };
                Self::Request { id, kind }
            }
            _ => Self::Note,
        })
    }
}

/// Over its share. A request is answered with an error that reaches whoever asked: most clients take a status other than 200 for a
/// connection that is broken.
pub(crate) fn too_many(kind: Kind, id: Option<&Value>) -> Response {
    let limit = kind.limit();
    let message = match kind {
        Kind::Call => format!(
            "This client has {limit} requests running, and that is the limit. Wait for one to end or cancel one, then ask again."
        ),
        Kind::Stream => format!(
            "This client has {limit} streams open, and that is the limit. Close one, then open this one again."
        ),
        Kind::Arriving => {
            format!(
                "This client is sending {limit} requests at once, and that is the limit. Send this one again later."
            )
        }
    };
    let Some(id) = id else { return refuse_for_now(&message) };
    let error = json!({ "code": TOO_MANY.0, "message": message, "data": { "limit": limit } });
    message_response(StatusCode::OK, id, &error)
}

pub(crate) fn too_many_connections() -> Response {
    let message = "This client has its share of all connections open, and all of them are in use. Close one, or wait for an answer, then send this request again.";
    refuse_for_now(message)
}

fn refuse_for_now(message: &str) -> Response {
    let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "too_many", message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

pub(crate) fn failed_to_arrive(failed: Failed) -> Response {
    let (status, message) = match failed {
        Failed::TooLarge => {
            let limit = BODY_LIMIT >> 20;
            let message = format!(
                "The request is larger than {limit} MiB, and that is the limit. Write large data to a file and send its path."
            );
            (StatusCode::PAYLOAD_TOO_LARGE, message)
        }
        Failed::TooSlow => {
            (StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time. Send it again.".to_owned())
        }
        Failed::NoRoom => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Other large requests are arriving, and there is no room for one more. Send it again later."
                .to_owned(),
        ),
        Failed::BrokenOff => {
            (StatusCode::BAD_REQUEST, "The request ended before it was complete. Send it again.".to_owned())
        }
    };
    let code = if failed == Failed::NoRoom { TOO_MANY } else { ErrorCode::INVALID_REQUEST };
    refuse_message(status, &Value::Null, code, &message)
}

/// What rmcp says in plain text, said so that programs can read it and people know what to do.
pub(crate) async fn explain(response: Response, asker: Asker) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || is_json(&response) {
        return response;
    }
    let unknown = asker.version.as_ref().filter(|version| !is_known(version));
    if let (StatusCode::BAD_REQUEST, Some(version)) = (status, unknown) {
        return unknown_version(version, &asker);
    }
    let (mut parts, body) = response.into_parts();
    let text = Limited::new(body, LONGEST_TEXT).collect().await.map(Collected::to_bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let is_no_message = status == StatusCode::UNSUPPORTED_MEDIA_TYPE && !text.starts_with("Unsupported");
    if is_no_message {
        parts.status = StatusCode::BAD_REQUEST;
    }
    let message = match status {
        _ if is_no_message => "The body is no message of this protocol.",
        StatusCode::NOT_ACCEPTABLE if asker.method == Method::GET => {
            "Send the header \"Accept: text/event-stream\"."
        }
        StatusCode::NOT_ACCEPTABLE => "Send the header \"Accept: application/json, text/event-stream\".",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the header \"Content-Type: application/json\".",
        StatusCode::METHOD_NOT_ALLOWED => {
            "Send messages with POST. GET and DELETE are for the sessions of versions before 2026-07-28."
        }
        StatusCode::BAD_REQUEST if text.contains("Session ID is required") => {
            "There is no header Mcp-Session-Id. Initialize first; or, with version 2026-07-28, name the version in the request's _meta and in the header MCP-Protocol-Version."
        }
        _ => text.trim(),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let said = if asker.method == Method::POST {
        let code =
            if status.is_server_error() { ErrorCode::INTERNAL_ERROR } else { ErrorCode::INVALID_REQUEST };
        error_message(&asker.id, &json!({ "code": code.0, "message": message }))
    } else {
        json!({ "error": "refused", "message": message }).to_string()
    };
    Response::from_parts(parts, Body::from(said))
}

fn unknown_version(version: &HeaderValue, asker: &Asker) -> Response {
    let version = String::from_utf8_lossy(version.as_bytes());
    let known: Vec<_> = ProtocolVersion::KNOWN_VERSIONS.iter().map(ProtocolVersion::as_str).collect();
    let message =
        format!("MCP-Protocol-Version {version:?} is unknown here. Known are {}.", known.join(", "));
    if asker.method != Method::POST {
        return refuse(StatusCode::BAD_REQUEST, "unknown_version", &message);
    }
    let data = json!({ "requested": version, "supported": known });
    let error =
        json!({ "code": ErrorCode::UNSUPPORTED_PROTOCOL_VERSION.0, "message": message, "data": data });
    message_response(StatusCode::BAD_REQUEST, &asker.id, &error)
}

fn is_known(version: &HeaderValue) -> bool {
    ProtocolVersion::KNOWN_VERSIONS.iter().any(|known| version == known.as_str())
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn refuse_message(status: StatusCode, id: &Value, code: ErrorCode, message: &str) -> Response {
    message_response(status, id, &json!({ "code": code.0, "message": message }))
}

fn message_response(status: StatusCode, id: &Value, error: &Value) -> Response {
    let body = Bytes::from(error_message(id, error));
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn error_message(id: &Value, error: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string()
}
