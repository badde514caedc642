//! What a Maya has printed, whoever made it print.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use maya_mcp_maya::Shown;
use maya_mcp_session::{ClientName, SessionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answered, Call, answer, target};

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Params {
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default, alias = "session_key")]
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
    let after = params.after.unwrap_or_else(|| call.shared.positions.of(call.client, id));
    let Shown { stdout, stderr, missed, position } = outputs.after(id, after);
    call.shared.positions.move_to(call.client, id, position);
    Ok(answer(&Output { session: id.to_string(), stdout, stderr, missed, position }))
}

/// Up to where each client has read the output of each session.
#[derive(Debug, Default)]
pub(crate) struct Positions(Mutex<HashMap<(ClientName, SessionId), u64>>);

impl Positions {
    /// More than are ever used at once; beyond it everybody reads from the beginning again.
    const MOST: usize = 1024;

    fn of(&self, client: &ClientName, session: SessionId) -> u64 {
        let positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.get(&(client.clone(), session)).copied().unwrap_or_default()
    }

    fn move_to(&self, client: &ClientName, session: SessionId, position: u64) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if positions.len() >= Self::MOST {
            positions.clear();
        }
        positions.insert((client.clone(), session), position);
    }
}
