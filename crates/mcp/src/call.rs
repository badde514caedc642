//! One question, for programs that ask and go: `maya-mcp sessions`, `maya-mcp exec`, `maya-mcp status`.

use std::path::Path;

use hyper::{
    Method, StatusCode, Uri,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use maya_mcp_session::ClientName;
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::{
    endpoint_file::EndpointFileError,
    modern,
    proven::{FindError, Proven, Reply, SendError},
};

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("Maya MCP Tray is not running. Start it, or run `maya-mcp serve`.")]
    NotRunning,
    #[error("Maya MCP Tray runs (pid {pid}) but does not answer. Quit it and start it again.")]
    Silent { pid: u32 },
    #[error("{0}. Start Maya MCP Tray again: it writes the file anew.")]
    Damaged(String),
    #[error("{0}. Quit that program or choose another port, then start Maya MCP Tray again.")]
    Impostor(String),
    #[error("The client \"{client}\" has no token yet. Run `maya-mcp token {client}` once.")]
    NoToken { client: ClientName },
    #[error(
        "The endpoint refused the token of \"{client}\". Run `maya-mcp token {client}` to have a new one."
    )]
    Refused { client: ClientName },
    /// The endpoint does not know the tool, or not these arguments.
    #[error("{message} ({code})")]
    Protocol { code: i64, message: String },
    #[error("The endpoint could not be used")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Calls a tool once and gives the whole result: `structuredContent`, `content`, `isError`.
/// What the tool itself reports as failed is a result too, with `isError` true.
pub async fn call_tool(
    home: &Path,
    client: &ClientName,
    name: &str,
    arguments: Value,
) -> Result<Value, CallError> {
    let tracker = TaskTracker::new();
    let endpoint = Proven::find(home, client, nobody_knows, &tracker).await.map_err(not_found)?;
    let version = ProtocolVersion::LATEST.to_string();
    let request = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": name,
            "arguments": arguments,
            "_meta": {
                modern::VERSION_KEY: version,
                "io.modelcontextprotocol/clientInfo": { "name": client.as_str(), "version": env!("CARGO_PKG_VERSION") },
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let headers: Vec<(HeaderName, HeaderValue)> = modern::headers(&request).unwrap_or_default();
    let body = Bytes::from(request.to_string());
    let reply = accepted(endpoint.send(Method::POST, &headers, body).await, client)?;
    let status = reply.status();
    let mut answer = None;
    reply
        .messages(|text| {
            if let Ok(message) = serde_json::from_str::<Value>(&text)
                && message.get("method").is_none()
            {
                answer = Some(message);
            }
            std::future::ready(())
        })
        .await;
    match answer {
        Some(answer) => outcome(answer),
        None => Err(CallError::Broken(format!("the endpoint gave no answer (status {status})").into())),
    }
}

/// Whoever asks once can wait until the system says that there is nobody.
fn nobody_knows(_pid: u32) -> bool {
    true
}

/// Reads `/status` or `/metrics`, whole.
pub async fn get(home: &Path, client: &ClientName, path: &'static str) -> Result<String, CallError> {
    let tracker = TaskTracker::new();
    let endpoint = Proven::find(home, client, nobody_knows, &tracker).await.map_err(not_found)?;
    let reply = accepted(endpoint.get(Uri::from_static(path)).await, client)?;
    let status = reply.status();
    let mut text = String::new();
    reply
        .messages(|whole| {
            text = whole;
            std::future::ready(())
        })
        .await;
    if status != StatusCode::OK || text.is_empty() {
        let why = format!(
            "the engine that runs does not answer {path} (status {status}); it may be of another version: quit it and start it again"
        );
        return Err(CallError::Broken(why.into()));
    }
    Ok(text)
}

fn accepted(sent: Result<Reply, SendError>, client: &ClientName) -> Result<Reply, CallError> {
    let reply = sent.map_err(|error| match error {
        SendError::NotSent(_) => CallError::NotRunning,
        SendError::BrokenOff(source) => CallError::Broken(source.into()),
    })?;
    if reply.status() == StatusCode::UNAUTHORIZED {
        return Err(CallError::Refused { client: client.clone() });
    }
    Ok(reply)
}

fn outcome(mut answer: Value) -> Result<Value, CallError> {
    if let Some(result) = answer.get_mut("result") {
        return Ok(result.take());
    }
    let error = answer.get("error").cloned().unwrap_or_default();
    let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    let message =
        error.get("message").and_then(Value::as_str).unwrap_or("The endpoint gave no reason").to_owned();
    Err(CallError::Protocol { code, message })
}

fn not_found(error: FindError) -> CallError {
    match error {
        FindError::Nobody | FindError::Gone => CallError::NotRunning,
        FindError::Silent { pid } => CallError::Silent { pid },
        FindError::File(EndpointFileError::Malformed { .. }) => CallError::Damaged(capitalized(&error)),
        FindError::Impostor(_) => CallError::Impostor(capitalized(&error)),
        FindError::NoToken { client } => CallError::NoToken { client },
        FindError::TokenUnreadable { .. } | FindError::File(_) | FindError::Failed { .. } => {
            CallError::Broken(error.into())
        }
    }
}

fn capitalized(error: &FindError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
