//! The tools, as a client sees them: what there is, and who does what is asked.
//!
//! Invariant: always in the same order; whatever the artist, the model or Maya got wrong is a tool result that can be read, and only a
//! fault in the protocol is a protocol error.

mod artist;
mod execute;
mod sessions;

pub(crate) use sessions::infos;

use std::sync::LazyLock;

use rmcp::{
    ErrorData,
    model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{schema, server::Shared};
use maya_mcp_session::ClientName;

pub(crate) const LIST_SESSIONS: &str = "list_sessions";
pub(crate) const USE_SESSION: &str = "use_session";
pub(crate) const ADD_SESSION: &str = "add_session";
pub(crate) const WAIT_FOR_SESSION_CHANGE: &str = "wait_for_session_change";
pub(crate) const EXECUTE_CODE: &str = "execute_code";

/// Our own program in a shell, where the artist speaks and not a model.
pub const OUR_CLIENT: &str = "maya-mcp-cli";
/// For that program alone.
const CONNECT_SESSION: &str = "connect_session";
const REMOVE_SESSION: &str = "remove_session";

/// One call: who asks, and when to stop.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub shared: &'a Shared,
    pub client: &'a ClientName,
    /// Cancelled when nobody waits for the answer any more.
    pub abandoned: CancellationToken,
    /// Cancelled when the client's token or session has ended.
    pub ended: &'a CancellationToken,
}

/// The same for everybody, and made only once.
pub(crate) fn list() -> &'static [Tool] {
    static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(make);
    &TOOLS
}

fn make() -> Vec<Tool> {
    vec![
        Tool::new(LIST_SESSIONS, sessions::LIST_DESCRIPTION, schema::of_input::<sessions::NoParams>())
            .with_title("List Maya sessions")
            .with_raw_output_schema(schema::of_output::<sessions::Listing>())
            .with_annotations(
                // Not idempotent: it tells what changed since it was last asked.
                ToolAnnotations::with_title("List Maya sessions").read_only(true).open_world(false),
            ),
        Tool::new(USE_SESSION, sessions::USE_DESCRIPTION, schema::of_input::<sessions::UseParams>())
            .with_title("Choose the Maya session to work in")
            .with_raw_output_schema(schema::of_output::<sessions::Chosen>())
            .with_annotations(
                ToolAnnotations::with_title("Choose the Maya session to work in")
                    .read_only(false)
                    .destructive(false)
                    .idempotent(true)
                    .open_world(false),
            ),
        Tool::new(ADD_SESSION, sessions::ADD_DESCRIPTION, schema::of_input::<sessions::AddParams>())
            .with_title("Add a Maya by its address")
            .with_raw_output_schema(schema::of_output::<sessions::AddedSession>())
            .with_annotations(
                ToolAnnotations::with_title("Add a Maya by its address")
                    .read_only(false)
                    .destructive(false)
                    .idempotent(true)
                    .open_world(true),
            ),
        Tool::new(
            WAIT_FOR_SESSION_CHANGE,
            sessions::WAIT_DESCRIPTION,
            schema::of_input::<sessions::WaitParams>(),
        )
        .with_title("Wait for a change in the Maya sessions")
        .with_raw_output_schema(schema::of_output::<sessions::Listing>())
        .with_annotations(
            ToolAnnotations::with_title("Wait for a change in the Maya sessions")
                .read_only(true)
                .open_world(false),
        ),
        Tool::new(EXECUTE_CODE, execute::DESCRIPTION, schema::of_input::<execute::Params>())
            .with_title("Run Python or MEL in Maya")
            .with_raw_output_schema(schema::of_output::<execute::Answer>())
            .with_annotations(
                ToolAnnotations::with_title("Run Python or MEL in Maya")
                    .read_only(false)
                    .destructive(true)
                    .idempotent(false)
                    .open_world(true),
            ),
    ]
}

pub(crate) async fn call(
    call: Call<'_>,
    name: &str,
    arguments: JsonObject,
) -> Result<CallToolResult, ErrorData> {
    match name {
        LIST_SESSIONS => Ok(sessions::list(&call)),
        USE_SESSION => Ok(match parse(arguments) {
            Ok(params) => sessions::choose(&call, params),
            Err(result) => *result,
        }),
        ADD_SESSION => Ok(match parse(arguments) {
            Ok(params) => sessions::add(&call, params).await,
            Err(result) => *result,
        }),
        WAIT_FOR_SESSION_CHANGE => Ok(match parse(arguments) {
            Ok(params) => sessions::wait(&call, params).await,
            Err(result) => *result,
        }),
        CONNECT_SESSION if call.client.as_str() == OUR_CLIENT => Ok(match parse(arguments) {
            Ok(params) => sessions::connect(&call, params).await,
            Err(result) => *result,
        }),
        REMOVE_SESSION if call.client.as_str() == OUR_CLIENT => Ok(match parse(arguments) {
            Ok(params) => sessions::remove(&call, params).await,
            Err(result) => *result,
        }),
        EXECUTE_CODE => Ok(match parse(arguments) {
            Ok(params) => execute::execute(&call, params).await,
            Err(result) => *result,
        }),
        other => match artist::call(&call, other, arguments).await {
            Some(result) => Ok(result),
            None => Err(ErrorData::invalid_params(format!("Unknown tool: {other}"), None)),
        },
    }
}

/// What does not fit is told to the model, so that it can do better.
fn parse<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Box<CallToolResult>> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| Box::new(problem(format!("The arguments do not fit this tool: {error}."))))
}

/// A plain sentence with the next step, for whoever reads results.
fn problem(sentence: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(sentence)])
}

/// As structured content, and as text for the clients that do not know structured content.
fn answer(content: &impl Serialize) -> CallToolResult {
    let value = serde_json::to_value(content).expect("our own types always serialize");
    CallToolResult::structured(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_can_be_shown_by_every_client() {
        let tools = list();
        let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(
            names,
            ["list_sessions", "use_session", "add_session", "wait_for_session_change", "execute_code"],
            "always in this order"
        );
        for tool in tools {
            let name = &tool.name;
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}: no dots and no capitals"
            );
            assert_eq!(tool.input_schema["type"], "object", "{name}: takes an object");
            assert!(
                tool.output_schema.as_ref().is_some_and(|schema| schema["type"] == "object"),
                "{name}: gives an object"
            );
            let annotations = tool.annotations.as_ref().expect("a hint for those who ask people first");
            assert!(annotations.read_only_hint.is_some() && annotations.title.is_some(), "{name}: hints");
        }
    }
}
