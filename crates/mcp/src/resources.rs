//! What a client can read and watch without calling a tool.

use maya_mcp_session::ClientName;
use rmcp::{
    ErrorData,
    model::{
        CacheScope, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
        ResourceContents,
    },
};

use crate::{server::Shared, tools};

pub(crate) const SESSIONS: &str = "maya://sessions";
const JSON: &str = "application/json";

pub(crate) fn exists(uri: &str) -> bool {
    uri == SESSIONS
}

pub(crate) fn list() -> ListResourcesResult {
    let sessions = Resource::new(SESSIONS, "sessions")
        .with_title("Maya sessions")
        .with_description(
            "The running Mayas, as list_sessions gives them. Subscribe to hear of every change.",
        )
        .with_mime_type(JSON);
    fresh(ListResourcesResult::with_all_items(vec![sessions]))
}

pub(crate) fn templates() -> ListResourceTemplatesResult {
    ListResourceTemplatesResult::default().with_ttl_ms(0).with_cache_scope(CacheScope::Private)
}

pub(crate) fn read(shared: &Shared, client: &ClientName, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    if !exists(uri) {
        return Err(not_found(uri));
    }
    let sessions = tools::infos(&shared.registry.snapshot(), client);
    let text = serde_json::to_string(&sessions).expect("our own types always serialize");
    let contents = ResourceContents::text(text, uri).with_mime_type(JSON);
    // Private, because `in_use` is this client's own.
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(0).with_cache_scope(CacheScope::Private))
}

pub(crate) fn not_found(uri: &str) -> ErrorData {
    let data = serde_json::json!({ "uri": uri });
    ErrorData::resource_not_found(format!("There is no resource {uri}"), Some(data))
}

fn fresh(list: ListResourcesResult) -> ListResourcesResult {
    list.with_ttl_ms(0).with_cache_scope(CacheScope::Private)
}
