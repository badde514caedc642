//! What the protocol of 2026-07-28 wants said in HTTP headers, so that nobody on the way has to read the body.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;

pub(crate) const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// The headers of a request that carries its own version; `None` for one of a legacy session.
pub(crate) fn headers(message: &Value) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let version = message.pointer("/params/_meta").and_then(|meta| meta.get(VERSION_KEY))?.as_str()?;
    let method = message.get("method")?.as_str()?;
    if method == "initialize" {
        return None;
    }
    let name = name_of(method, message.get("params"));
    let wanted = [("mcp-protocol-version", Some(version)), ("mcp-method", Some(method)), ("mcp-name", name)];
    let headers = wanted.into_iter().filter_map(|(header, value)| {
        let value = HeaderValue::from_str(&encode(value?)).ok()?;
        Some((HeaderName::from_static(header), value))
    });
    Some(headers.collect())
}

fn name_of<'a>(method: &str, params: Option<&'a Value>) -> Option<&'a str> {
    let key = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => "uri",
        "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
        _ => return None,
    };
    params?.get(key)?.as_str()
}

/// Text that a header cannot carry travels as `=?base64?…?=`.
fn encode(value: &str) -> String {
    let padded = value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']);
    let plain = value.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    let looks_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
    if plain && !padded && !looks_encoded {
        return value.to_owned();
    }
    format!("=?base64?{}?=", BASE64_STANDARD.encode(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_header_cannot_carry_is_encoded() {
        for (value, encoded) in [
            ("execute_code", "execute_code"),
            ("maya://sessions", "maya://sessions"),
            (" a", "=?base64?IGE=?="),
            ("ü", "=?base64?w7w=?="),
            ("übe", "=?base64?w7xiZQ==?="),
            ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
        ] {
            assert_eq!(encode(value), encoded, "{value:?}");
        }
    }

    #[test]
    fn only_a_request_with_its_own_version_is_modern() {
        let meta = json!({ VERSION_KEY: "2026-07-28" });
        let call = json!({"method": "tools/call", "params": {"name": "execute_code", "_meta": meta}});
        let headers = headers(&call).expect("a modern request");
        let text: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("plain"))).collect();
        let wanted = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "execute_code"),
        ];
        assert_eq!(text, wanted, "version, method and name");
        for legacy in
            [json!({"method": "tools/list"}), json!({"method": "initialize", "params": {"_meta": meta}})]
        {
            assert!(super::headers(&legacy).is_none(), "{legacy} belongs to a legacy session");
        }
    }
}
