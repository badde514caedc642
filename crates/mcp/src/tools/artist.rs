//! What the artist can say in a shell about who may do what.
//!
//! Invariant: for our own program alone; to every other client there are no such tools (`table.rs`).

use maya_mcp_session::{Access, Answer, ClientName, QuestionId, Refused, Scope};
use rmcp::model::CallToolResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answered, Call, Unanswered, target};

#[derive(Debug, Deserialize)]
pub(super) struct RuleParams {
    /// Everybody where there is none.
    client: Option<ClientText>,
    /// Everywhere where there is none.
    session: Option<String>,
    /// None takes the rule back.
    access: Option<Access>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ClientText(ClientName);

impl TryFrom<String> for ClientText {
    type Error = maya_mcp_session::InvalidClientName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct AnswerParams {
    question: u64,
    answer: Answer,
}

#[derive(Debug, Serialize)]
struct RuleInfo {
    client: Option<String>,
    session: Option<String>,
    access: Access,
}

#[derive(Debug, Serialize)]
struct QuestionInfo {
    question: u64,
    client: String,
    session: String,
    what: String,
    code: String,
    /// RFC 3339, UTC.
    since: String,
}

pub(super) fn list(call: &Call<'_>) -> CallToolResult {
    let now = call.shared.registry.snapshot();
    let rules: Vec<_> = now.rules.iter().map(|(scope, access)| rule_info(scope, access)).collect();
    let questions: Vec<_> = now
        .open_questions()
        .map(|question| QuestionInfo {
            question: question.id.0,
            client: question.client.to_string(),
            session: question.session.to_string(),
            what: question.wanted.what.clone(),
            code: question.wanted.code.clone(),
            since: question.since.to_string(),
        })
        .collect();
    super::answer(&json!({"rules": rules, "questions": questions}))
}

fn rule_info(scope: &Scope, access: Access) -> RuleInfo {
    let (client, session) = match scope {
        Scope::Everywhere => (None, None),
        Scope::Client(client) => (Some(client.to_string()), None),
        Scope::Session(session) => (None, Some(session.to_string())),
        Scope::Pair(client, session) => (Some(client.to_string()), Some(session.to_string())),
    };
    RuleInfo { client, session, access }
}

pub(super) async fn set(call: &mut Call<'_>, params: RuleParams) -> Answered {
    let session = params.session.map(|name| target::session(call, Some(&name))).transpose()?;
    let session = session.map(|session| session.id());
    let scope = match (params.client, session) {
        (None, None) => Scope::Everywhere,
        (Some(ClientText(client)), None) => Scope::Client(client),
        (None, Some(session)) => Scope::Session(session),
        (Some(ClientText(client)), Some(session)) => Scope::Pair(client, session),
    };
    told(call.shared.commands.set_access(scope, params.access).await)
}

pub(super) async fn answer(call: &Call<'_>, params: AnswerParams) -> Answered {
    told(call.shared.commands.answer(QuestionId(params.question), params.answer).await)
}

fn told(outcome: Result<(), Refused>) -> Answered {
    outcome.map_err(|refused| Unanswered::problem(refused.to_string()))?;
    Ok(super::answer(&json!({})))
}
