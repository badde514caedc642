//! What the MCP conformance suite wants of a server: tools, resources and prompts with names and answers that it knows.
//!
//! Invariant: only with the cargo feature `conformance-fixtures`, which nothing that is shipped has; nothing here knows Maya.

#![expect(
    deprecated,
    reason = "the suite asks for logging and sampling too, which clients of today still have"
)]

#[cfg(not(debug_assertions))]
compile_error!("the conformance fixtures are for tests: what is shipped is built without them");

mod content;
mod rounds;
mod schemas;
mod tools;

pub(crate) use tools::{call, tool, with_tools};

use std::sync::LazyLock;

use rmcp::{
    ErrorData,
    model::{
        CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock, GetPromptRequestParams,
        GetPromptResponse, GetPromptResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, Prompt, PromptArgument, PromptMessage, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate, Role, ServerCapabilities,
    },
    service::SubscriptionSink,
};
use serde_json::json;
use tokio::sync::watch;

/// What is declared because of what is here.
pub(crate) fn capabilities(mut capabilities: ServerCapabilities) -> ServerCapabilities {
    capabilities.prompts.get_or_insert_default().list_changed = Some(true);
    capabilities.logging.get_or_insert_default();
    capabilities.completions.get_or_insert_default();
    capabilities
}

const STATIC_TEXT: &str = "test://static-text";
const STATIC_BINARY: &str = "test://static-binary";
const WATCHED: &str = "test://watched-resource";

pub(crate) fn with_resources(mut list: ListResourcesResult) -> ListResourcesResult {
    let row = |uri: &str, name: &str, mime_type: &str| {
        Resource::new(uri, name).with_description(format!("{name}, for the suite")).with_mime_type(mime_type)
    };
    list.resources.extend([
        row(STATIC_TEXT, "Static text", "text/plain"),
        row(STATIC_BINARY, "Static picture", "image/png"),
        row(WATCHED, "Watched text", "text/plain"),
    ]);
    list
}

pub(crate) fn with_templates(mut list: ListResourceTemplatesResult) -> ListResourceTemplatesResult {
    let template = ResourceTemplate::new("test://template/{id}/data", "Template")
        .with_description("Template, for the suite")
        .with_mime_type("application/json");
    list.resource_templates.push(template);
    list
}

/// `None` where the resource is not one of these.
pub(crate) fn read(uri: &str) -> Option<ReadResourceResult> {
    let contents = match uri {
        STATIC_TEXT => ResourceContents::text("This is the content of the static text resource.", uri)
            .with_mime_type("text/plain"),
        STATIC_BINARY => ResourceContents::blob(content::PICTURE, uri).with_mime_type("image/png"),
        WATCHED => ResourceContents::text("Watched.", uri).with_mime_type("text/plain"),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            ResourceContents::text(data.to_string(), uri).with_mime_type("application/json")
        }
    };
    Some(ReadResourceResult::new(vec![contents]))
}

const SIMPLE: &str = "test_simple_prompt";
const WITH_ARGUMENTS: &str = "test_prompt_with_arguments";
const WITH_RESOURCE: &str = "test_prompt_with_embedded_resource";
const WITH_IMAGE: &str = "test_prompt_with_image";
const WITH_ROUNDS: &str = "test_input_required_result_prompt";

pub(crate) fn with_prompts(mut list: ListPromptsResult) -> ListPromptsResult {
    let row = |name: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|name| PromptArgument::new(*name).with_required(true)).collect();
        Prompt::new(name, Some(format!("{name}, for the suite")), Some(arguments))
    };
    list.prompts.extend([
        row(SIMPLE, &[]),
        row(WITH_ARGUMENTS, &["arg1", "arg2"]),
        row(WITH_RESOURCE, &["resourceUri"]),
        row(WITH_IMAGE, &[]),
        row(WITH_ROUNDS, &[]),
    ]);
    list
}

/// `None` where the prompt is not one of these.
pub(crate) fn prompt(request: &GetPromptRequestParams) -> Option<Result<GetPromptResponse, ErrorData>> {
    let argument = |name: &str| {
        request.arguments.as_ref().and_then(|arguments| arguments.get(name)?.as_str()).unwrap_or_default()
    };
    let says = |text: String| PromptMessage::new(Role::User, ContentBlock::text(text));
    let messages = match request.name.as_str() {
        SIMPLE => vec![says("This is a simple prompt for testing.".to_owned())],
        WITH_ARGUMENTS => vec![says(format!(
            "Prompt with arguments: arg1='{}', arg2='{}'",
            argument("arg1"),
            argument("arg2")
        ))],
        WITH_RESOURCE => {
            let embedded = content::embedded(
                argument("resourceUri"),
                "text/plain",
                "Embedded resource content for testing.",
            );
            let then = says("Please process the embedded resource above.".to_owned());
            vec![PromptMessage::new(Role::User, embedded), then]
        }
        WITH_IMAGE => vec![
            PromptMessage::new(Role::User, content::picture()),
            says("Please analyze the image above.".to_owned()),
        ],
        WITH_ROUNDS => {
            let context = rounds::filled_in(request.input_responses.as_ref(), "user_context", "context");
            let Some(context) = context else {
                let question = rounds::question("What context should the prompt use?", "context", "string");
                return Some(Ok(rounds::ask(json!({ "user_context": question }), None).into()));
            };
            vec![says(format!("Prompt with the context {context}"))]
        }
        _ => return None,
    };
    Some(Ok(GetPromptResult::new(messages).into()))
}

/// `None` where the prompt is not the one with arguments.
pub(crate) fn complete(request: &CompleteRequestParams) -> Option<CompleteResult> {
    if request.r#ref.as_prompt_name() != Some(WITH_ARGUMENTS) {
        return None;
    }
    let known = ["paris", "park", "party", "test"].into_iter();
    let begun = known.filter(|word| word.starts_with(&request.argument.value)).map(str::to_owned);
    let info = CompletionInfo::with_all_values(begun.collect()).expect("far below the limit");
    Some(CompleteResult::new(info))
}

/// How often each list was said to have changed.
#[derive(Debug, Clone, Copy, Default)]
struct Changes {
    tools: u64,
    prompts: u64,
}

static CHANGES: LazyLock<watch::Sender<Changes>> = LazyLock::new(watch::Sender::default);

/// Tells a modern listener of lists that were said to have changed, until it hangs up.
pub(crate) async fn pass_on_changes(sink: SubscriptionSink) {
    let mut changes = CHANGES.subscribe();
    let mut before = *changes.borrow_and_update();
    while changes.changed().await.is_ok() {
        let now = *changes.borrow_and_update();
        let accepted = sink.accepted();
        let tools = accepted.tools_list_changed == Some(true) && now.tools != before.tools;
        let prompts = accepted.prompts_list_changed == Some(true) && now.prompts != before.prompts;
        before = now;
        if tools && sink.notify_tool_list_changed().await.is_err() {
            return;
        }
        if prompts && sink.notify_prompt_list_changed().await.is_err() {
            return;
        }
    }
}
