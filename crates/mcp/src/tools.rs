//! The tools: who does what is asked, and what is told and written down of each call.
//!
//! Invariant: whatever the artist, the model or Maya got wrong is a tool result that can be read, and only a fault in the protocol is a
//! protocol error. Every call is one line of the audit log.

mod arguments;
mod artist;
mod execute;
mod history;
mod module;
mod output;
mod result;
mod run;
mod scene;
mod sessions;
mod several;
mod table;
mod target;

pub(crate) use sessions::infos;
pub(crate) use table::list;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::FutureExt as _;
use maya_mcp_maya::Link;
use maya_mcp_session::{ChoiceError, ClientName, Session, SessionId, Wanted};
use rmcp::{
    ErrorData,
    model::{CallToolResponse, CallToolResult, ContentBlock, InputRequiredResult, JsonObject},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{Audit, Line},
    elicitation::{Answers, Offer},
    reporter::Reporter,
    secret::hex,
    server::Shared,
};
use result::answer;
use table::Tool;

/// Our own program in a shell, where the artist speaks and not a model.
pub const OUR_CLIENT: &str = "maya-mcp-cli";

/// Of what a client calls something.
const LONGEST_NAME: usize = 100;

/// One call: who asks, and when to stop.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub shared: &'a Arc<Shared>,
    pub client: &'a ClientName,
    /// Cancelled when nobody waits for the answer any more.
    pub abandoned: CancellationToken,
    /// Cancelled when the client's token or session has ended, or the client has gone.
    pub ended: CancellationToken,
    /// Cancelled when the connection has ended on which the answer was to go. With clients of the older protocol that alone is no cancel.
    pub hung_up: CancellationToken,
    pub reporter: Reporter,
    /// How the client can ask its artist,
    pub offer: Offer,
    /// and what it has been told.
    pub answers: Answers,
    pub note: Note,
}

/// What the audit log has to know of a call beside its result.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note(Arc<Mutex<(Vec<SessionId>, Option<Ended>)>>);

impl Note {
    /// Which session it is about.
    pub fn about(&self, session: SessionId) {
        let sessions = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).0;
        if !sessions.contains(&session) {
            sessions.push(session);
        }
    }

    /// How a part of it ended, where that says more than the whole does.
    pub fn ended(&self, ended: Ended) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(ended);
    }
}

/// A result, or why there is none.
pub(crate) type Answered = Result<CallToolResult, Unanswered>;

#[derive(Debug)]
pub(crate) enum Unanswered {
    /// A plain sentence with the next step, for whoever reads results.
    Problem { sentence: String, ended: Ended },
    /// The client has to ask its artist, and to call again.
    Asks(Box<InputRequiredResult>),
}

/// How a call ended, in the audit log's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Ok,
    Error,
    Refused,
    Asked,
    Cancelled,
    Abandoned,
    Lost,
}

impl Ended {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Asked => "asked",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
            Self::Lost => "lost",
        }
    }
}

impl Unanswered {
    pub fn problem(sentence: impl Into<String>) -> Self {
        Self::Problem { sentence: sentence.into(), ended: Ended::Error }
    }

    /// The artist does not want it.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::Problem { sentence: sentence.into(), ended: Ended::Refused }
    }

    /// The artist has not answered yet.
    pub fn asked(sentence: impl Into<String>) -> Self {
        Self::Problem { sentence: sentence.into(), ended: Ended::Asked }
    }

    /// Nobody knows what came of it.
    pub fn lost(sentence: impl Into<String>) -> Self {
        Self::Problem { sentence: sentence.into(), ended: Ended::Lost }
    }

    pub fn ended(&self) -> Ended {
        match self {
            Self::Problem { ended, .. } => *ended,
            Self::Asks(_) => Ended::Asked,
        }
    }
}

impl From<ChoiceError> for Unanswered {
    fn from(error: ChoiceError) -> Self {
        Self::problem(error.to_string())
    }
}

impl Call<'_> {
    /// Tells that it is still under way.
    pub fn alive(&mut self, words: &str) {
        self.reporter.alive(&self.shared.tracker, words);
    }

    /// A part of it that runs beside others: each tells what it prints, and the whole how far it is.
    pub fn beside(&self) -> Self {
        Self {
            shared: self.shared,
            client: self.client,
            abandoned: self.abandoned.clone(),
            ended: self.ended.clone(),
            hung_up: self.hung_up.clone(),
            reporter: self.reporter.beside(),
            offer: self.offer.clone(),
            answers: Answers::default(),
            note: self.note.clone(),
        }
    }

    /// The way to this session's Maya, if there is one now.
    pub fn link(&self, session: &Session) -> Result<Link, Unanswered> {
        self.shared.links.get(session.id()).ok_or_else(|| target::not_ready(session))
    }

    /// Returns when nobody reads the answer any more, for what does no harm when it is asked again.
    pub async fn unheard(&self) -> Unanswered {
        tokio::select! {
            over = self.over() => over,
            () = self.hung_up.cancelled() => {
                let sentence = "The connection on which this was asked has ended.".to_owned();
                Unanswered::Problem { sentence, ended: Ended::Abandoned }
            }
        }
    }

    /// Returns when nobody waits for it any more.
    pub async fn over(&self) -> Unanswered {
        let (sentence, ended) = tokio::select! {
            () = self.abandoned.cancelled() => ("The call was cancelled.", Ended::Cancelled),
            () = self.ended.cancelled() => ("Nobody waited for the call any more.", Ended::Abandoned),
            () = self.shared.stop.cancelled() => ("Maya MCP Tray is being closed.", Ended::Abandoned),
        };
        Unanswered::Problem { sentence: sentence.to_owned(), ended }
    }
}

pub(crate) async fn call(
    mut call: Call<'_>,
    name: &str,
    arguments: JsonObject,
) -> Result<CallToolResponse, ErrorData> {
    let text = serde_json::to_string(&arguments).expect("JSON is JSON");
    let mut record = Recording {
        audit: &call.shared.audit,
        note: call.note.clone(),
        line: Some(line(&call, name, &text)),
        began: Instant::now(),
        ended: Ended::Abandoned,
    };
    drop(text);
    let Some(tool) = table::find(name, call.client) else {
        record.ended = Ended::Refused;
        return Err(ErrorData::invalid_params(format!("Unknown tool: {name}"), None));
    };
    let answering = AssertUnwindSafe(carry_out(&mut call, tool, arguments)).catch_unwind();
    let Ok(outcome) = answering.await else {
        record.ended = Ended::Lost;
        tracing::error!(tool = name, "a tool panicked");
        let why = "A fault of Maya MCP Tray's own; its log says where. Look at the scene before you go on.";
        return Err(ErrorData::internal_error(why, None));
    };
    call.reporter.finish().await;
    record.ended = match &outcome {
        Ok(result) if result.is_error == Some(true) => Ended::Error,
        Ok(_) => Ended::Ok,
        Err(unanswered) => unanswered.ended(),
    };
    Ok(match outcome {
        Ok(result) => result.into(),
        Err(Unanswered::Problem { sentence, .. }) => problem(sentence).into(),
        Err(Unanswered::Asks(request)) => (*request).into(),
    })
}

async fn carry_out(call: &mut Call<'_>, tool: Tool, arguments: JsonObject) -> Answered {
    table::check_names(tool, &arguments)?;
    let arguments = with_newer_name(arguments);
    match tool {
        Tool::ListSessions => Ok(sessions::list(call, parse(arguments)?)),
        Tool::UseSession => sessions::choose(call, parse(arguments)?),
        Tool::UnuseSession => Ok(sessions::unuse(call)),
        Tool::GetSessionInfo => sessions::info(call, parse(arguments)?),
        Tool::AddSession => sessions::add(call, parse(arguments)?).await,
        Tool::WaitForSessionChange => sessions::wait(call, parse(arguments)?).await,
        Tool::ConnectSession => sessions::connect(call, parse(arguments)?).await,
        Tool::RemoveSession => sessions::remove(call, parse(arguments)?).await,
        Tool::ListAccess => Ok(artist::list(call)),
        Tool::SetAccess => artist::set(call, parse(arguments)?).await,
        Tool::AnswerQuestion => artist::answer(call, parse(arguments)?).await,
        Tool::ExecuteCode => execute::execute(call, parse(arguments)?).await,
        Tool::RunOnSessions => several::run(call, parse(arguments)?).await,
        Tool::CancelExecution => execute::cancel(call, parse(arguments)?),
        Tool::WriteModule => module::write(call, parse(arguments)?).await,
        Tool::GetOutput => output::get(call, parse(arguments)?),
        Tool::GetScene => scene::get(call, parse(arguments)?).await,
        Tool::CaptureViewport => scene::capture(call, parse(arguments)?).await,
        Tool::Undo => history::step(call, parse(arguments)?, history::Direction::Undo).await,
        Tool::Redo => history::step(call, parse(arguments)?, history::Direction::Redo).await,
    }
}

/// A call's line, which is written however the call ends.
struct Recording<'a> {
    audit: &'a Audit,
    note: Note,
    line: Option<Line>,
    began: Instant,
    ended: Ended,
}

fn line(call: &Call<'_>, tool: &str, arguments: &str) -> Line {
    Line {
        time: String::new(),
        client: call.client.clone(),
        tool: tool.chars().take(LONGEST_NAME).collect(),
        sessions: Vec::new(),
        digest: digest(&[arguments]),
        arguments: call.shared.audit.text_of(arguments),
        duration_ms: 0.0,
        ended: "",
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        if let Some(mut line) = self.line.take() {
            let (sessions, ended) = &*self.note.0.lock().unwrap_or_else(PoisonError::into_inner);
            line.time = Audit::now();
            line.sessions = sessions.iter().map(ToString::to_string).collect();
            line.ended = ended.unwrap_or(self.ended).word();
            line.duration_ms = self.began.elapsed().as_secs_f64() * 1000.0;
            self.audit.record(line);
        }
    }
}

/// What an artist is asked to allow, named by all of its parts.
fn wanted(what: String, code: &str, parts: &[&str]) -> Wanted {
    /// Some two screens of it.
    const READABLE: usize = 4000;
    let end = code.floor_char_boundary(READABLE);
    let shown = match code[end..].lines().count() {
        0 => code.to_owned(),
        1 => format!("{}\n… and the rest of this line, {} bytes", &code[..end], code.len() - end),
        more => format!("{}\n… and {more} more lines", &code[..end]),
    };
    Wanted { digest: digest(parts), what, code: shown.chars().map(plain).collect() }
}

/// Letters that nobody sees, or that turn others around, must not make code look like other code.
fn plain(letter: char) -> char {
    let turns = matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let unseen = turns || (letter.is_control() && letter != '\n' && letter != '\t');
    if unseen { char::REPLACEMENT_CHARACTER } else { letter }
}

/// A name that a client gives, as it stands in a question or a line: on one line, and short.
fn quoted(name: &str) -> String {
    let on_one_line = name.chars().map(|letter| if letter.is_whitespace() { ' ' } else { plain(letter) });
    format!("\"{}\"", on_one_line.take(LONGEST_NAME).collect::<String>())
}

/// Each part with its length, so that no two lists are alike.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// `session_key` is an older name for `session`; where both are given, the newer counts.
fn with_newer_name(mut arguments: JsonObject) -> JsonObject {
    if let Some(older) = arguments.remove("session_key")
        && arguments.get("session").is_none_or(Value::is_null)
    {
        arguments.insert("session".to_owned(), older);
    }
    arguments
}

/// What does not fit is told to the model, so that it can do better.
fn parse<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Unanswered> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| Unanswered::problem(format!("The arguments do not fit this tool: {error}.")))
}

fn problem(sentence: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(sentence)])
}
