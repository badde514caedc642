//! Ready-made requests that an artist picks in a client.
//!
//! Invariant: each is one text that a model understands without knowing Maya, and tells it to change nothing that the artist has not allowed.

mod crash;
mod look;
mod pick;

use maya_mcp_session::{ChoiceError, ClientName};
use rmcp::{
    ErrorData,
    model::{
        CacheScope, GetPromptResult, JsonObject, ListPromptsResult, Prompt, PromptArgument, PromptMessage,
        Role,
    },
};
use serde_json::Value;

use crate::server::Shared;

pub(crate) use crash::crashed;

const PICK_SESSION: &str = "pick_session";
const LOOK_OVER_SCENE: &str = "look_over_scene";
pub(crate) const RECOVER_AFTER_CRASH: &str = "recover_after_crash";

/// Prompts change only with the program itself.
const FRESH_MS: u64 = 60_000;

pub(crate) fn list() -> ListPromptsResult {
    let session =
        |what: &str| vec![PromptArgument::new("session").with_title("Maya session").with_description(what)];
    let prompts = vec![
        Prompt::new(
            PICK_SESSION,
            Some("See which Mayas are running, with their scenes, and choose the one to work in."),
            None,
        )
        .with_title("Pick a Maya session"),
        Prompt::new(
            LOOK_OVER_SCENE,
            Some(
                "Look the open scene over for problems: missing references, unknown nodes, unsaved changes, heavy content. Nothing is changed.",
            ),
            Some(session("Which Maya, for example \"maya-8453\". Leave it empty for the one in use.")),
        )
        .with_title("Look over this scene"),
        Prompt::new(
            RECOVER_AFTER_CRASH,
            Some("After Maya has crashed: find the recovered scene, and get back to work without losing anything."),
            Some(session("Which Maya has crashed, for example \"maya-8453\". Leave it empty for the last one.")),
        )
        .with_title("Recover after a crash"),
    ];
    ListPromptsResult::with_all_items(prompts).with_ttl_ms(FRESH_MS).with_cache_scope(CacheScope::Private)
}

pub(crate) fn takes_session(prompt: &str) -> bool {
    [LOOK_OVER_SCENE, RECOVER_AFTER_CRASH].contains(&prompt)
}

pub(crate) async fn get(
    shared: &Shared,
    client: &ClientName,
    name: &str,
    arguments: Option<JsonObject>,
) -> Result<GetPromptResult, ErrorData> {
    let prompts = list().prompts;
    let Some(prompt) = prompts.iter().find(|prompt| prompt.name == name) else {
        let names: Vec<_> = prompts.iter().map(|prompt| prompt.name.as_str()).collect();
        return Err(unfit(format!("There is no prompt \"{name}\". There are: {}.", names.join(", "))));
    };
    let session = session(name, arguments.unwrap_or_default())?;
    let text = match name {
        PICK_SESSION => pick::text(shared, client),
        LOOK_OVER_SCENE => look::text(shared, client, session.as_deref()).await?,
        _ => crash::text(shared, session.as_deref()).await?,
    };
    let result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
    Ok(result.with_description(prompt.description.clone().unwrap_or_default()))
}

/// The only argument there is. An empty field of a form is none.
fn session(prompt: &str, arguments: JsonObject) -> Result<Option<String>, ErrorData> {
    let mut session = None;
    for (argument, value) in arguments {
        match value {
            _ if argument != "session" || !takes_session(prompt) => {
                return Err(unfit(format!(
                    "The prompt {prompt} has no argument \"{argument}\". Leave it out."
                )));
            }
            Value::Null => {}
            Value::String(name) => session = Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
            _ => {
                return Err(unfit(
                    "`session` must be a session's name, for example \"maya-8453\".".to_owned(),
                ));
            }
        }
    }
    Ok(session)
}

fn unfit(sentence: String) -> ErrorData {
    ErrorData::invalid_params(sentence, None)
}

fn no_such_session(error: &ChoiceError) -> ErrorData {
    unfit(error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_sessions_name_is_taken() {
        for (prompt, arguments, expected) in [
            (LOOK_OVER_SCENE, json!({}), Ok(None)),
            (LOOK_OVER_SCENE, json!({ "session": " maya-1 " }), Ok(Some("maya-1"))),
            (RECOVER_AFTER_CRASH, json!({ "session": "" }), Ok(None)),
            (RECOVER_AFTER_CRASH, json!({ "session": null }), Ok(None)),
            (LOOK_OVER_SCENE, json!({ "session": 1 }), Err("a session's name")),
            (LOOK_OVER_SCENE, json!({ "scene": "a" }), Err("no argument \"scene\"")),
            (PICK_SESSION, json!({ "session": "maya-1" }), Err("no argument \"session\"")),
        ] {
            let object = arguments.as_object().expect("an object").clone();
            let found = session(prompt, object);
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(found.as_deref(), expected, "{prompt} {arguments}");
                }
                (Err(error), Err(part)) => {
                    assert!(error.message.contains(part), "{prompt} {arguments}: {}", error.message);
                }
                (found, expected) => panic!("{prompt} {arguments}: {found:?} and not {expected:?}"),
            }
        }
    }
}
