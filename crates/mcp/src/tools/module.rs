//! Putting a Python module into a Maya's memory.

use maya_mcp_maya::{WriteModule, WrittenModule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Answered, Call, Ended, Unanswered, answer,
    execute::lines_of,
    quoted,
    target::{Doing, Target},
    wanted,
};
use crate::approvals::permit;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Params {
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default)]
    session: Option<String>,
    /// The module's name, dotted where it belongs to a package: "shots.naming". Packages that are missing are made.
    name: String,
    /// All of its source code.
    code: String,
    /// Whether a module of this name that was written before is replaced (default true). Python's and Maya's own never are.
    #[serde(default)]
    overwrite: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Written {
    /// The session that has the module now.
    session: String,
    name: String,
    /// The modules that are new, packages included.
    created: Vec<String>,
    /// True when there was one of this name.
    replaced: bool,
    /// What the module printed when it ran.
    stdout: String,
    stderr: String,
}

pub(super) async fn write(call: &mut Call<'_>, params: Params) -> Answered {
    let Params { session, name, code, overwrite } = params;
    let target = Target::find(call, session.as_deref())?;
    let overwrite = overwrite.unwrap_or(true);
    let (replacing, mode) = if overwrite { ("write or replace", "overwrite") } else { ("write", "keep") };
    let what = format!("{replacing} the Python module {} in its memory ({})", quoted(&name), lines_of(&code));
    let asking_for = wanted(what, &code, &["module", &name, mode, &code]);
    permit(call, &[&target.session], &asking_for).await?;
    let target = target.again(call)?;
    let module = WriteModule { name, code, overwrite };
    let execution = call.shared.executions.begin(call.client, target.id());
    let writing = target.maya.write_module(&module);
    let written = tokio::select! {
        written = target.ask(call, Doing::Changing("write the module"), writing) => written?,
        () = execution.cancel.cancelled() => return Err(Unanswered::Problem {
            sentence: "The module is stopped where it can be. What it had done until then stays done.".to_owned(),
            ended: Ended::Cancelled,
        }),
    };
    let WrittenModule { name, created, replaced, stdout, stderr } = written;
    Ok(answer(&Written { session: target.id().to_string(), name, created, replaced, stdout, stderr }))
}
