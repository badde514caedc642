//! What a Maya has printed, whoever made it print.

use maya_mcp_maya::Shown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answered, Call, answer, target};

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Params {
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default)]
    session: Option<String>,
    /// The `position` of an answer you have: gives what came after it. Without it: what came since you last asked. 0: all that is kept.
    #[serde(default)]
    after: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    session: String,
    /// What was printed.
    stdout: String,
    /// Warnings and errors.
    stderr: String,
    /// How many bytes came in between that are not kept any more.
    missed: u64,
    /// Where the next output begins; to be given as `after`.
    position: u64,
}

pub(super) fn get(call: &mut Call<'_>, params: Params) -> Answered {
    let session = target::session(call, params.session.as_deref())?;
    let id = session.id();
    let outputs = &call.shared.outputs;
    outputs.listen(id);
    let shown = match params.after {
        Some(after) => outputs.after(id, after),
        None => outputs.news_for(call.client.as_str(), id),
    };
    let Shown { stdout, stderr, missed, position } = shown;
    Ok(answer(&Output { session: id.to_string(), stdout, stderr, missed, position }))
}
