//! The same code in several Mayas at once.
//!
//! Invariant: each runs for itself; what one does, or fails to do, changes nothing for another.

use std::time::Duration;

use futures_util::future::join_all;
use maya_mcp_session::{Access, Phase, Session};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, interval_at};

use super::{
    Answered, Call, Unanswered,
    execute::{self, Code},
    result::{Outcome, structured},
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
        None => all_ready(call)?,
    };
    let asking_for = execute::asking_for(&script);
    let sessions: Vec<&Session> = targets.iter().map(|target| &*target.session).collect();
    permit(call, &sessions, &asking_for).await?;
    let targets: Vec<Target> =
        targets.into_iter().map(|target| target.again(call)).collect::<Result<_, _>>()?;
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
            Err(Unanswered::Problem { sentence, ended }) => {
                failed = true;
                call.note.ended(ended);
                json!({ "session": session, "answer": null, "problem": sentence })
            }
            Err(asks @ Unanswered::Asks(_)) => return Err(asks),
        });
    }
    let told = serde_json::to_value(Results { results }).expect("our own types always serialize");
    Ok(structured(told, if failed { Outcome::Raised } else { Outcome::Done }))
}

/// Each once. One that cannot be used refuses them all: nothing has run yet.
fn named(call: &Call<'_>, names: &[String]) -> Result<Vec<Target>, Unanswered> {
    if names.is_empty() {
        return Err(Unanswered::problem(
            "`sessions` is empty. Name at least one, or leave it out for all that are ready.",
        ));
    }
    let mut targets: Vec<Target> = Vec::new();
    for name in names {
        let target = Target::find(call, Some(name))?;
        if targets.iter().all(|other| other.id() != target.id()) {
            targets.push(target);
        }
    }
    not_too_many(targets)
}

/// A busy one would keep the answers of all the others waiting.
fn all_ready(call: &Call<'_>) -> Result<Vec<Target>, Unanswered> {
    let snapshot = call.shared.registry.snapshot();
    let may_run = |session: &Session| snapshot.rules.access(call.client, session.id()) != Access::LookOnly;
    let ready =
        snapshot.sessions.values().filter(|session| session.phase == Phase::Ready && may_run(session));
    // One that has gone in this very moment is not ready.
    let targets: Vec<_> = ready.filter_map(|session| Target::of(call, session.clone()).ok()).collect();
    if targets.is_empty() {
        return Err(Unanswered::problem(
            "No Maya is ready in which you may run code. Call list_sessions to see what is running and what to do about it.",
        ));
    }
    for target in &targets {
        call.note.about(target.id());
    }
    not_too_many(targets)
}

fn not_too_many(targets: Vec<Target>) -> Result<Vec<Target>, Unanswered> {
    let count = targets.len();
    let why =
        format!("These are {count} sessions, and at most {MOST} run at once. Name fewer with `sessions`.");
    if count > MOST { Err(Unanswered::problem(why)) } else { Ok(targets) }
}
