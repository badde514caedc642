//! Running code in a Maya.
//!
//! Invariant: when nobody waits for the answer any more, the script is cancelled in Maya.

use std::time::Instant;

use maya_mcp_maya::{Execute, Execution, FrameError, Language, LinkError, ResultType, Unsaved};
use maya_mcp_session::Session;
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Call, problem};

/// A client of the older protocol can go away without our noticing, so no script runs without an end.
const DEFAULT_TIMEOUT_S: f64 = 600.0;
const LONGEST_TIMEOUT_S: f64 = 86_400.0;

pub(super) const DESCRIPTION: &str = "\
Runs Python (or MEL) code inside a running Autodesk Maya, on its main thread, in the scene that the artist has open. Use it for everything: \
reading the scene, making, changing, animating, rendering, importing, exporting. In Python, `import maya.cmds as cmds` gives Maya's commands, for \
example `cmds.ls(selection=True)`, `cmds.polyCube()`, `cmds.file(query=True, sceneName=True)`. Variables you define stay defined for your next \
call to the same session, and are yours alone. The value of the last expression comes back as `result`, printed text as `stdout`. The whole \
call is one step of Maya's undo. The artist is working in this scene: look before you change, never open, close or overwrite a \
scene without being asked, and avoid code that opens dialogs or runs for long, because Maya cannot be used meanwhile. If `error` is not null, your code \
raised it: read the traceback, correct the code and call again.";

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Params {
    /// The code. Several lines are fine; end with an expression to get its value back.
    code: String,
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default, alias = "session_key")]
    session: Option<String>,
    /// The language of the code: "python" (default) or "mel".
    #[serde(default)]
    #[schemars(with = "Option<LanguageName>")]
    language: Option<Language>,
    /// What becomes of the last expression's value. "AUTO" (default): its JSON value where it has one, else its `repr()`. "JSON": its JSON
    /// value, or an error. "RAW": its `str()`. "NONE": nothing.
    #[serde(default)]
    #[schemars(with = "Option<ResultTypeName>")]
    result_type: Option<ResultType>,
    /// Seconds after which the code is interrupted (default 600). One long call inside Maya itself cannot be interrupted.
    #[serde(default)]
    timeout_s: Option<f64>,
    /// What the artist reads in Maya's Edit menu after "Undo": a few words that say what the code does.
    #[serde(default)]
    undo_name: Option<String>,
    /// What becomes of code that would close a scene with unsaved changes. "refuse" (default): it ends there, its `error` is `UnsavedChanges`,
    /// and nothing is lost. "discard": the changes are lost; only for when the artist has said that they may be.
    #[serde(default)]
    #[schemars(with = "Option<UnsavedName>")]
    unsaved: Option<Unsaved>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only the schema of it is used")]
enum UnsavedName {
    Refuse,
    Discard,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only the schema of it is used")]
enum LanguageName {
    Python,
    Mel,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "only the schema of it is used")]
enum ResultTypeName {
    Auto,
    None,
    Json,
    Raw,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The session that ran the code.
    session: String,
    /// The value of the last expression, in the way that `result_type` asked for.
    result: Value,
    /// What the code printed.
    stdout: String,
    /// Warnings and errors that were printed.
    stderr: String,
    /// What the code raised; null when it ran to its end.
    error: Option<Raised>,
    /// How long the code ran.
    duration_ms: f64,
    /// How long it waited for Maya to have time.
    waited_ms: f64,
    /// How many characters of output were thrown away because there were too many.
    dropped: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Raised {
    /// The exception's class. `TimedOut` and `Cancelled` mean that the code was interrupted, `UnsavedChanges` that it was kept from closing
    /// the artist's scene.
    r#type: String,
    message: String,
    traceback: String,
}

pub(super) async fn execute(call: &Call<'_>, params: Params) -> CallToolResult {
    let wanted = params.session.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let session = match call.shared.registry.snapshot().resolve(Some(call.client), wanted) {
        Ok(session) => session,
        Err(error) => return problem(error.to_string()),
    };
    let Some(link) = call.shared.links.get(session.id()) else { return problem(not_ready(&session)) };
    let timeout_s = params.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S);
    if timeout_s.is_nan() || timeout_s <= 0.0 {
        return problem("`timeout_s` must be a number of seconds above zero.");
    }
    let request = Execute {
        code: params.code,
        language: params.language.unwrap_or_default(),
        result_type: params.result_type.unwrap_or_default(),
        undo_name: params.undo_name,
        timeout_s: Some(timeout_s.min(LONGEST_TIMEOUT_S)),
        unsaved: params.unsaved.unwrap_or_default(),
    };
    let id = session.id();
    let maya = link.client(call.client.as_str());
    tracing::trace!(%id, client = %call.client, code = request.code, "script");
    let began = Instant::now();
    // Dropping the run cancels the script in Maya.
    let outcome = tokio::select! {
        outcome = maya.execute(&request) => outcome,
        () = call.abandoned.cancelled() => {
            tracing::info!(%id, client = %call.client, "script cancelled");
            return problem("The call was cancelled, and its script is stopped where it can be. Look at the scene before you go on: it may have run in part.");
        }
        () = call.ended.cancelled() => {
            tracing::info!(%id, client = %call.client, "script cancelled: its client has gone or lost its token");
            return problem("The session was ended, and the script is stopped where it can be.");
        }
        () = call.shared.stop.cancelled() => {
            return problem("Maya MCP Tray is being closed, and the script is stopped where it can be. Start it again, and look at the scene first: the script may have run in part.");
        }
    };
    let elapsed_ms = began.elapsed().as_millis();
    match outcome {
        Ok(execution) => {
            let failed = execution.error.is_some();
            tracing::info!(%id, client = %call.client, elapsed_ms, failed, "script ran");
            outcome_of(&session, execution)
        }
        Err(error) => {
            tracing::warn!(%id, client = %call.client, elapsed_ms, %error, "script lost");
            problem(lost(&session, &error))
        }
    }
}

fn outcome_of(session: &Session, execution: Execution) -> CallToolResult {
    let error =
        execution.error.map(|e| Raised { r#type: e.r#type, message: e.message, traceback: e.traceback });
    let failed = error.is_some();
    let told = Answer {
        session: session.id().to_string(),
        // It may be large: put in its place below, and not copied.
        result: Value::Null,
        stdout: execution.stdout,
        stderr: execution.stderr,
        error,
        duration_ms: execution.duration_ms,
        waited_ms: execution.waited_ms,
        dropped: execution.dropped,
    };
    let mut told = serde_json::to_value(told).expect("our own types always serialize");
    told["result"] = execution.result;
    if failed { CallToolResult::structured_error(told) } else { CallToolResult::structured(told) }
}

fn not_ready(session: &Session) -> String {
    let (id, title, phase) = (session.id(), session.title(), &session.phase);
    format!(
        "{id} ({title}) cannot run code now. {phase}. Call list_sessions to see when it is ready, or name another session."
    )
}

/// An error with what led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn lost(session: &Session, error: &LinkError) -> String {
    let (id, title) = (session.id(), session.title());
    match error {
        LinkError::Refused { message, .. } => {
            format!("{id} ({title}) did not take the script: {message}. Change the arguments and call again.")
        }
        LinkError::NoConnection(why) => {
            format!(
                "No connection to {id} ({title}) could be opened, so the script did not run: {}. Call list_sessions to see whether it is ready, and call again.",
                chain(why)
            )
        }
        LinkError::Frame(FrameError::TooLarge { .. }) => {
            format!(
                "The code is too large to be sent to {id} ({title}), so it did not run. Write it to a file, and run that."
            )
        }
        LinkError::Frame(_) => {
            format!(
                "The script ran in {id} ({title}), but its answer could not be read. Look at the scene before you run it again."
            )
        }
        _ => format!(
            "The connection to {id} ({title}) ended while the script ran, so nobody knows how far it got. Call list_sessions to see whether Maya is still running, and look at the scene before you run it again."
        ),
    }
}
