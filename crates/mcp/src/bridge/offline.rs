//! What the bridge answers by itself when there is no endpoint.
//!
//! Invariant: a client always gets through its handshake and sees the tools, so that a model can read in a tool's result what a person has to do.

use rmcp::model::{DiscoverResult, ProtocolVersion};
use serde_json::{Value, json};

use super::message::{Asked, Era};
use crate::{prompts, proven::FindError, resources, server, tools};

/// Why there is no answer from the endpoint.
#[derive(Debug)]
pub(super) enum Trouble {
    NotFound(FindError),
    Refused,
    /// It runs, as far as anybody can tell, and said nothing for too long.
    Silent,
    /// It went away while it worked on this very request.
    BrokenOff,
    Lost,
}

impl Trouble {
    /// Whoever began a session there still has it when the application wakes up.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Silent | Self::NotFound(FindError::Silent { .. }))
    }

    /// For people and models; the next step last.
    pub(super) fn advice(&self, client: &str) -> String {
        match self {
            Self::NotFound(FindError::Silent { pid }) => format!(
                "Maya MCP Tray runs (pid {pid}) but does not answer. Quit it and start it again, then try again."
            ),
            Self::Silent => {
                "Maya MCP Tray runs but does not answer. Quit it and start it again.".to_owned()
            }
            Self::NotFound(FindError::Failed { said }) => format!(
                "Maya MCP Tray could not be started: {said}. Mend that and start Maya MCP Tray, then try again."
            ),
            Self::NotFound(FindError::Nobody | FindError::Gone | FindError::File(_)) | Self::Lost => "Maya MCP Tray is not running, so no Maya can be reached. Start Maya MCP Tray (it appears in the system tray), then try again.".to_owned(),
            Self::NotFound(FindError::Impostor(address)) => format!(
                "Another program answers at {address}, where Maya MCP Tray should be, so nothing was sent there. Start Maya MCP Tray, or quit the other program first, then try again."
            ),
            Self::NotFound(FindError::NoToken { .. }) => format!(
                "The client \"{client}\" is not connected to Maya MCP Tray yet. Connect it in Maya MCP Tray's window, or run `maya-mcp token {client}` once, then try again."
            ),
            Self::NotFound(FindError::TokenUnreadable { source, .. }) => format!(
                "The token of the client \"{client}\" cannot be read ({source}). Connect it again in Maya MCP Tray's window, then try again."
            ),
            Self::Refused => format!(
                "Maya MCP Tray does not accept the client \"{client}\" any more. Connect it again in Maya MCP Tray's window, or run `maya-mcp token {client}`, then try again."
            ),
            Self::BrokenOff => "Maya MCP Tray went away while it worked on this, so nobody knows how far it got. Start it again if it does not come back by itself, and look at the scene before you repeat this.".to_owned(),
        }
    }
}

pub(super) fn answer(asked: &Asked, trouble: &Trouble, client: &str) -> String {
    let advice = trouble.advice(client);
    let id = &asked.id;
    let answer = match result(asked, &advice) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": complete(asked, result) }),
        Err((code, message)) => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
        }
    };
    answer.to_string()
}

fn result(asked: &Asked, advice: &str) -> Result<Value, (i64, String)> {
    match asked.method.as_str() {
        "initialize" => Ok(hello(asked)),
        "server/discover" => {
            let versions = ProtocolVersion::KNOWN_VERSIONS.to_vec();
            let found = DiscoverResult::from_server_info(versions, server::info(env!("CARGO_PKG_VERSION")));
            Ok(serde_json::to_value(found).expect("rmcp's own types always serialize"))
        }
        "ping" | "logging/setLevel" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools::list() })),
        "tools/call" => Ok(json!({ "content": [{ "type": "text", "text": advice }], "isError": true })),
        "resources/list" => Ok(json!({ "resources": [] })),
        "resources/templates/list" => {
            Ok(json!({ "resourceTemplates": resources::templates().resource_templates }))
        }
        "prompts/list" => Ok(json!({ "prompts": prompts::list().prompts })),
        "completion/complete" => Ok(json!({ "completion": { "values": [] } })),
        "resources/subscribe" | "resources/unsubscribe" | "resources/read" | "prompts/get" => {
            Err((-32603, advice.to_owned()))
        }
        method => Err((-32601, format!("{method} cannot be answered now. {advice}"))),
    }
}

fn hello(asked: &Asked) -> Value {
    let wanted = asked.param("protocolVersion").and_then(Value::as_str);
    let known = |version: &&ProtocolVersion| version.has_initialize() && Some(version.as_str()) == wanted;
    let version = ProtocolVersion::KNOWN_VERSIONS.iter().find(known).cloned();
    let mut info = server::info(env!("CARGO_PKG_VERSION"));
    info.protocol_version = version.unwrap_or(ProtocolVersion::LATEST_WITH_INITIALIZE);
    serde_json::to_value(info).expect("rmcp's own types always serialize")
}

/// Modern results say that they are complete, and how long they hold: not at all.
fn complete(asked: &Asked, mut result: Value) -> Value {
    if asked.era == Era::Legacy {
        return result;
    }
    result["resultType"] = json!("complete");
    if asked.method.ends_with("/list") || asked.method == "server/discover" {
        result["ttlMs"] = json!(0);
        result["cacheScope"] = json!("private");
    }
    result
}
