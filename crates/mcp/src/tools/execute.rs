//! Running code in a Maya, and stopping it.

use maya_mcp_maya::{Execute, Execution, Language, ResultType, Unsaved};
use maya_mcp_session::{Session, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Answered, Call, Unanswered, answer, arguments,
    result::{Outcome, structured},
    run,
    target::{self, Target},
    wanted,
};
use crate::approvals::permit;

/// A client of the older protocol can go away without our noticing, so no script runs without an end.
const DEFAULT_TIMEOUT_S: f64 = 600.0;
const LONGEST_TIMEOUT_S: f64 = 86_400.0;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Params {
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default)]
    session: Option<String>,
    #[serde(flatten)]
    code: Code,
}

/// What shall run, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "`code` is what the argument is called")]
pub(super) struct Code {
    /// The code. Several lines are fine; end with an expression to get its value back.
    code: String,
    /// The language of the code: "python" (default) or "mel".
    #[serde(default)]
    #[schemars(with = "Option<arguments::Language>")]
    language: Option<Language>,
    /// What becomes of the last expression's value. "AUTO" (default): its JSON value where it has one, else its `repr()`. "JSON": its JSON
    /// value, or an error. "RAW": its `str()`. "NONE": nothing.
    #[serde(default)]
    #[schemars(with = "Option<arguments::ResultType>")]
    result_type: Option<ResultType>,
    /// Seconds after which the code is interrupted (default 600, at most a day), counted from when it begins. One long call inside Maya itself
    /// cannot be interrupted.
    #[serde(default)]
    timeout_s: Option<f64>,
    /// What the artist reads in Maya's Edit menu after "Undo": a few words that say what the code does.
    #[serde(default)]
    undo_name: Option<String>,
    /// What becomes of code that would close a scene with unsaved changes. "refuse" (default): it ends there, its `error` is `UnsavedChanges`,
    /// and nothing is lost. "discard": the changes are lost; only for when the artist has said that they may be.
    #[serde(default)]
    #[schemars(with = "Option<arguments::Unsaved>")]
    unsaved: Option<Unsaved>,
}

/// What came of the code in one session.
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

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CancelParams {
    /// Only what runs in this session. Without it: whatever you run, everywhere.
    #[serde(default)]
    session: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cancelled {
    /// What was told to stop. Each call ends with an answer of its own, whose `error` is `Cancelled`; a long command of Maya's ends first.
    cancelled: Vec<Stopped>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Stopped {
    session: String,
    /// For how long it had been running.
    seconds: u64,
}

impl Code {
    /// As it is sent to Maya.
    pub fn script(self) -> Result<Execute, Unanswered> {
        let timeout_s = self.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S);
        if timeout_s.is_nan() || timeout_s <= 0.0 {
            return Err(Unanswered::problem("`timeout_s` must be a number of seconds above zero."));
        }
        Ok(Execute {
            code: self.code,
            language: self.language.unwrap_or_default(),
            result_type: self.result_type.unwrap_or_default(),
            undo_name: self.undo_name,
            timeout_s: Some(timeout_s.min(LONGEST_TIMEOUT_S)),
            unsaved: self.unsaved.unwrap_or_default(),
        })
    }
}

/// What the artist is asked about a script. Losing unsaved changes is another thing to allow than keeping them.
pub(super) fn asking_for(script: &Execute) -> Wanted {
    let language = match script.language {
        Language::Python => "Python",
        Language::Mel => "MEL",
    };
    let lines = lines_of(&script.code);
    let (loses, unsaved) = match script.unsaved {
        Unsaved::Refuse => ("", "refuse"),
        Unsaved::Discard => (", which may discard unsaved changes,", "discard"),
    };
    let what = format!("run {language} code ({lines}){loses}");
    wanted(what.trim_end_matches(',').to_owned(), &script.code, &["code", language, unsaved, &script.code])
}

pub(super) fn lines_of(code: &str) -> String {
    match code.trim().lines().count() {
        1 => "1 line".to_owned(),
        lines => format!("{lines} lines"),
    }
}

pub(super) async fn execute(call: &mut Call<'_>, params: Params) -> Answered {
    let script = params.code.script()?;
    let target = Target::find(call, params.session.as_deref())?;
    permit(call, &[&target.session], &asking_for(&script)).await?;
    let target = target.again(call)?;
    let execution = run::run(call, &target, &script).await?;
    let failed = execution.error.is_some();
    let told = told(&target.session, execution);
    Ok(structured(told, if failed { Outcome::Raised } else { Outcome::Done }))
}

/// An answer as JSON, whose result may be large and is not copied.
pub(super) fn told(session: &Session, execution: Execution) -> Value {
    let Execution { result, stdout, stderr, error, duration_ms, waited_ms, dropped } = execution;
    let error = error.map(|e| Raised { r#type: e.r#type, message: e.message, traceback: e.traceback });
    let session = session.id().to_string();
    let answer =
        Answer { session, result: Value::Null, stdout, stderr, error, duration_ms, waited_ms, dropped };
    let mut told = serde_json::to_value(answer).expect("our own types always serialize");
    told["result"] = result;
    told
}

pub(super) fn cancel(call: &mut Call<'_>, params: CancelParams) -> Answered {
    let wanted = params.session.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let session =
        wanted.map(|name| target::session(call, Some(name))).transpose()?.map(|session| session.id());
    let cancelled = call.shared.executions.cancel(call.client, session);
    if cancelled.is_empty() {
        return Err(Unanswered::problem("Nothing of yours is running, so there is nothing to stop."));
    }
    let stopped = |one: &crate::executions::Underway| Stopped {
        session: one.session.to_string(),
        seconds: one.seconds,
    };
    Ok(answer(&Cancelled { cancelled: cancelled.iter().map(stopped).collect() }))
}
