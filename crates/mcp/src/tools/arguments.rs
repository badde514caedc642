//! Arguments that several tools share.

use schemars::JsonSchema;
use serde::Deserialize;

/// The words of the helper's own types, for their schemas.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema of it is used")]
#[schemars(rename_all = "lowercase")]
pub(super) enum Language {
    Python,
    Mel,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema of it is used")]
#[schemars(rename_all = "UPPERCASE")]
pub(super) enum ResultType {
    Auto,
    None,
    Json,
    Raw,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema of it is used")]
#[schemars(rename_all = "lowercase")]
pub(super) enum Unsaved {
    Refuse,
    Discard,
}

/// Where a call without more to say goes.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Where {
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default)]
    pub session: Option<String>,
}
