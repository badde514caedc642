//! Taking back steps of Maya's undo queue, and doing them again.

use maya_mcp_maya::Step;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Answered, Call, answer, quoted,
    target::{Doing, Target},
    wanted,
};
use crate::approvals::permit;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Params {
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default)]
    session: Option<String>,
    /// The name that the step has to have: another one is left alone, so that the artist's own work is not undone by mistake.
    #[serde(default)]
    expected: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Stepped {
    session: String,
    /// The name of the step that was taken.
    step: String,
    /// What undo would take back next; null when there is nothing.
    next_undo: Option<String>,
    /// What redo would do again next; null when there is nothing.
    next_redo: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Undo,
    Redo,
}

pub(super) async fn step(call: &mut Call<'_>, params: Params, direction: Direction) -> Answered {
    let target = Target::find(call, params.session.as_deref())?;
    let expected = params.expected.as_deref();
    let (doing, word) = match direction {
        Direction::Undo => (Doing::Changing("undo a step"), "undo"),
        Direction::Redo => (Doing::Changing("redo a step"), "redo"),
    };
    let (what, parts) = match expected {
        Some(name) => (format!("{word} {}", quoted(name)), vec![word, name]),
        None => (format!("{word} the last step"), vec![word]),
    };
    permit(call, &[&target.session], &wanted(what, "", &parts)).await?;
    let target = target.again(call)?;
    let step = match direction {
        Direction::Undo => target.ask(call, doing, target.maya.undo(expected)).await?,
        Direction::Redo => target.ask(call, doing, target.maya.redo(expected)).await?,
    };
    let Step { name, next_undo, next_redo } = step;
    Ok(answer(&Stepped { session: target.id().to_string(), step: name, next_undo, next_redo }))
}
