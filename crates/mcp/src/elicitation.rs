//! Asking the artist through their client, where it can: in both protocol eras.
//!
//! Invariant: only a clear answer is one; whatever else comes back leaves the question open.

use std::collections::BTreeMap;

use maya_mcp_session::Answer;
use rmcp::{
    RoleServer,
    model::{
        CallToolRequestParams, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationSchema, EnumSchema, InputRequest, InputRequiredResult, InputResponses,
    },
    service::{Peer, RequestContext},
};
use serde_json::Value;

const FIELD: &str = "decision";
const CHOICES: [(&str, &str, Answer); 3] = [
    ("allow_once", "Allow once", Answer::Once),
    ("allow_always", "Always allow this client", Answer::Always),
    ("deny", "Deny", Answer::No),
];

/// How this client can ask its artist.
#[derive(Debug, Clone)]
pub(crate) enum Offer {
    None,
    /// By a request of ours: the older protocol.
    Ask(Peer<RoleServer>),
    /// By sending the call again with the answer: the newer one.
    Resend,
}

pub(crate) fn offer(context: &RequestContext<RoleServer>) -> Offer {
    let elicitation = context.client_capabilities().and_then(|capabilities| capabilities.elicitation);
    // Without a mode it is forms.
    let has_forms = elicitation.is_some_and(|modes| modes.form.is_some() || modes.url.is_none());
    match context.meta.protocol_version() {
        _ if !has_forms => Offer::None,
        Some(_) => Offer::Resend,
        None => Offer::Ask(context.peer.clone()),
    }
}

/// What a client sent with its call again.
#[derive(Debug, Default)]
pub(crate) struct Answers(InputResponses);

impl Answers {
    pub fn of(request: &mut CallToolRequestParams) -> Self {
        Self(request.input_responses.take().unwrap_or_default())
    }

    /// Once.
    pub fn take(&mut self, key: &str) -> Option<Answer> {
        let answer = serde_json::from_value::<ElicitResult>(self.0.remove(key)?).ok()?;
        read(&answer)
    }
}

pub(crate) fn form(question: &str) -> ElicitRequestParams {
    let (values, titles) =
        CHOICES.map(|(value, title, _)| (value.to_owned(), title.to_owned())).into_iter().unzip();
    let choices = EnumSchema::builder(values).enum_titles(titles).expect("as many titles as values").build();
    let schema = ElicitationSchema::builder().required_enum_schema(FIELD, choices).build_unchecked();
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: question.to_owned(),
        requested_schema: schema,
    }
}

/// Wants the call again, with the answers.
pub(crate) fn resend(forms: BTreeMap<String, ElicitRequestParams>) -> InputRequiredResult {
    let requests =
        forms.into_iter().map(|(key, form)| (key, InputRequest::Elicitation(ElicitRequest::new(form))));
    InputRequiredResult::from_input_requests(requests.collect())
}

/// Asks at once. None where there is no clear answer.
pub(crate) async fn ask(peer: Peer<RoleServer>, question: String) -> Option<Answer> {
    match peer.create_elicitation(form(&question)).await {
        Ok(answer) => read(&answer),
        Err(error) => {
            tracing::debug!(%error, "the client did not ask its artist");
            None
        }
    }
}

fn read(answer: &ElicitResult) -> Option<Answer> {
    match answer.action {
        ElicitationAction::Accept => {
            let chosen = answer.content.as_ref()?.get(FIELD).and_then(Value::as_str)?;
            CHOICES.iter().find(|(value, ..)| *value == chosen).map(|(.., answer)| *answer)
        }
        ElicitationAction::Decline => Some(Answer::No),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_clear_answer_is_one() {
        for (answer, read) in [
            (json!({"action": "accept", "content": {"decision": "allow_once"}}), Some(Answer::Once)),
            (json!({"action": "accept", "content": {"decision": "allow_always"}}), Some(Answer::Always)),
            (json!({"action": "accept", "content": {"decision": "deny"}}), Some(Answer::No)),
            (json!({"action": "decline"}), Some(Answer::No)),
            (json!({"action": "cancel"}), None),
            (json!({"action": "accept"}), None),
            (json!({"action": "accept", "content": {"decision": "yes"}}), None),
            (json!({"action": "accept", "content": {"other": "allow_once"}}), None),
            (json!("allow_once"), None),
        ] {
            let mut answers = Answers([("digest".to_owned(), answer.clone())].into());
            assert_eq!(answers.take("another"), None, "{answer}: it is to another question");
            assert_eq!(answers.take("digest"), read, "{answer}");
            assert_eq!(answers.take("digest"), None, "{answer}: once");
        }
    }

    #[test]
    fn the_form_offers_what_can_be_answered() {
        let asked = serde_json::to_value(resend([("digest".to_owned(), form("May I?"))].into()))
            .expect("it serializes");
        let request = &asked["inputRequests"]["digest"];
        assert_eq!(request["method"], "elicitation/create", "{asked}");
        assert_eq!(request["params"]["message"], "May I?", "{asked}");
        let field = &request["params"]["requestedSchema"]["properties"][FIELD];
        let offered: Vec<_> =
            field["oneOf"].as_array().expect("choices").iter().map(|one| &one["const"]).collect();
        assert_eq!(offered, ["allow_once", "allow_always", "deny"], "{asked}");
    }
}
