//! What the artist can say in a shell about who may do what.
//!
//! Invariant: for our own program alone; to every other client there are no such tools.

use maya_mcp_session::{Access, Answer, ClientName, QuestionId, Refused, Scope, Snapshot};
use rmcp::model::{CallToolResult, JsonObject};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Call, OUR_CLIENT, answer, parse, problem};

#[derive(Debug, Deserialize)]
struct RuleParams {
    /// Everybody where there is none.
    client: Option<ClientText>,
    /// Everywhere where there is none.
    session: Option<String>,
    /// None takes the rule back.
    access: Option<Access>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct ClientText(ClientName);

impl TryFrom<String> for ClientText {
    type Error = maya_mcp_session::InvalidClientName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[derive(Debug, Deserialize)]
struct AnswerParams {
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

/// None for a tool that this client does not have.
pub(super) async fn call(call: &Call<'_>, name: &str, arguments: JsonObject) -> Option<CallToolResult> {
    if call.client.as_str() != OUR_CLIENT {
        return None;
    }
    Some(match name {
        "list_access" => list(&call.shared.registry.snapshot()),
        "set_access" => match parse(arguments) {
            Ok(params) => set(call, params).await,
            Err(result) => *result,
        },
        "answer_question" => match parse::<AnswerParams>(arguments) {
            Ok(params) => told(call.shared.commands.answer(QuestionId(params.question), params.answer).await),
            Err(result) => *result,
        },
        _ => return None,
    })
}

fn list(now: &Snapshot) -> CallToolResult {
    let rules: Vec<_> = now.rules.iter().map(|(scope, access)| rule_info(scope, access)).collect();
    let open = now.questions.values().filter(|question| question.answer.is_none());
    let questions: Vec<_> = open
        .map(|question| QuestionInfo {
            question: question.id.0,
            client: question.client.to_string(),
            session: question.session.to_string(),
            what: question.wanted.what.clone(),
            code: question.wanted.code.clone(),
            since: question.since.to_string(),
        })
        .collect();
    answer(&json!({"rules": rules, "questions": questions}))
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

async fn set(call: &Call<'_>, params: RuleParams) -> CallToolResult {
    let session = match params.session {
        None => None,
        Some(name) => match call.shared.registry.snapshot().resolve(None, Some(&name)) {
            Ok(session) => Some(session.id()),
            Err(error) => return problem(error.to_string()),
        },
    };
    let scope = match (params.client, session) {
        (None, None) => Scope::Everywhere,
        (Some(ClientText(client)), None) => Scope::Client(client),
        (None, Some(session)) => Scope::Session(session),
        (Some(ClientText(client)), Some(session)) => Scope::Pair(client, session),
    };
    told(call.shared.commands.set_access(scope, params.access).await)
}

fn told(outcome: Result<(), Refused>) -> CallToolResult {
    match outcome {
        Ok(()) => answer(&json!({})),
        Err(error) => problem(error.to_string()),
    }
}
