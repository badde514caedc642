//! The same code in several Mayas at once.
//!
//! Invariant: each runs for itself; what one does, or fails to do, changes nothing for another.

use std::time::Duration;

use futures_util::future::join_all;
use maya_mcp_session::{Session, SessionId};
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, interval_at};

use super::{
    Answered, Call, Unanswered,
    execute::{self, Code},
    run,
    target::Target,
};
use crate::approvals::permit;

const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// More than run on any desk.
const MOST: usize = 16;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Params {
    /// The sessions' names as `list_sessions` gives them. Without it: all that are ready.
    #[serde(default)]
    sessions: Option<Vec<String>>,
    #[serde(flatten)]
    code: Code,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Results {
    /// One for each session, in the order asked for.
    #[schemars(with = "Vec<Side>")]
    results: Vec<Value>,
}

/// Only its schema is used: `answer` is what `execute_code` answers.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema of it is used")]
struct Side {
    session: String,
    /// What `execute_code` would have answered; null where there is none.
    answer: Option<execute::Answer>,
    /// Why there is no answer, and what to do.
    problem: Option<String>,
}

pub(super) async fn run(call: &mut Call<'_>, params: Params) -> Answered {
    let script = params.code.script()?;
    let targets = match params.sessions {
        Some(names) => named(call, &names)?,
        None => all_ready(call),
    };
    if targets.is_empty() {
        return Err(Unanswered::problem(
            "No Maya is ready. Call list_sessions to see what is running and what to do about it.",
        ));
    }
    let asking_for = execute::asking_for(&script);
    let sessions: Vec<&Session> = targets.iter().map(|target| &*target.session).collect();
    permit(call, &sessions, &asking_for).await?;
    let mut running = std::pin::pin!(join_all(targets.iter().map(|target| {
        let mut one = call.beside();
        let script = &script;
        async move {
            let outcome = run::run(&mut one, target, script).await;
            one.reporter.finish().await;
            (target, outcome)
        }
    })));
    let mut alive = interval_at(Instant::now() + ALIVE_EVERY, ALIVE_EVERY);
    let sides = loop {
        tokio::select! {
            sides = &mut running => break sides,
            _ = alive.tick() => call.alive("Running in several sessions"),
        }
    };
    let mut failed = false;
    let mut results = Vec::with_capacity(sides.len());
    for (target, outcome) in sides {
        let session = target.id().to_string();
        results.push(match outcome {
            Ok(execution) => {
                failed |= execution.error.is_some();
                json!({ "session": session, "answer": execute::told(&target.session, execution), "problem": null })
            }
            Err(Unanswered::Problem { sentence, .. }) => {
                failed = true;
                json!({ "session": session, "answer": null, "problem": sentence })
            }
            Err(asks @ Unanswered::Asks(_)) => return Err(asks),
        });
    }
    let told = serde_json::to_value(Results { results }).expect("our own types always serialize");
    Ok(if failed { CallToolResult::structured_error(told) } else { CallToolResult::structured(told) })
}

/// Each once. One that cannot be used refuses them all: nothing has run yet.
fn named(call: &mut Call<'_>, names: &[String]) -> Result<Vec<Target>, Unanswered> {
    if names.len() > MOST {
        return Err(Unanswered::problem(format!("At most {MOST} sessions at once.")));
    }
    let mut targets: Vec<Target> = Vec::new();
    for name in names {
        let target = Target::find(call, Some(name))?;
        if targets.iter().all(|other| other.id() != target.id()) {
            targets.push(target);
        }
    }
    Ok(targets)
}

fn all_ready(call: &mut Call<'_>) -> Vec<Target> {
    let snapshot = call.shared.registry.snapshot();
    let ids: Vec<SessionId> = snapshot.sessions.keys().copied().take(MOST).collect();
    ids.iter().filter_map(|id| Target::find(call, Some(&id.to_string())).ok()).collect()
}
