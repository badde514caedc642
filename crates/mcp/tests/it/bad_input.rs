//! Messages that are wrong, each answered with what is wrong and what to do.

use serde_json::{Value, json};

use crate::{
    raw::{Answer, Raw, post, standing},
    support::{Legacy, Running, initialize, modern_meta},
};

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;

async fn ask(running: &Running, headers: &str, body: &str) -> Answer {
    ask_as("POST", running, headers, body).await
}

async fn ask_as(method: &str, running: &Running, headers: &str, body: &str) -> Answer {
    let mut raw = Raw::connect(running).await;
    raw.send(post(running, headers, body).replacen("POST", method, 1)).await;
    raw.answer().await
}

fn modern_headers(token: &str, method: &str) -> String {
    format!("{}MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n", standing(token))
}

/// A JSON-RPC error with this code, whose sentence has these words.
fn check(answer: &Answer, status: u16, id: &Value, code: i64, words: &str, what: &str) {
    let message = answer.json();
    assert_eq!(answer.status, status, "{what}: {message}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}: programs can read it");
    assert_eq!((&message["jsonrpc"], &message["id"]), (&json!("2.0"), id), "{what}: {message}");
    assert_eq!(message["error"]["code"], code, "{what}: {message}");
    let sentence = message["error"]["message"].as_str().expect("a sentence");
    assert!(sentence.contains(words), "{what}: {sentence:?} says what to do");
}

#[tokio::test]
async fn what_is_no_message_is_answered_with_an_error_that_says_so() {
    let running = Running::start().await;
    let token = running.token("cursor");
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\",\"params\":{}",
        "[".repeat(100_000)
    );
    for (body, code, words) in [
        ("", -32700, "is not JSON"),
        ("{", -32700, "is not JSON"),
        ("nonsense", -32700, "is not JSON"),
        (r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}}"#, -32700, "is not JSON"),
        (r#"{"jsonrpc":"2.0","id":7,"method":"tools/list",}"#, -32700, "is not JSON"),
        ("[{]", -32700, "is not JSON"),
        (&deep, -32700, "is not JSON"),
        ("\u{feff}{}", -32700, "is not JSON"),
        ("[]", -32600, "no batches"),
        (&format!("[{LIST},{LIST}]"), -32600, "no batches"),
        ("null", -32600, "one message"),
        ("7", -32600, "one message"),
        (r#""tools/list""#, -32600, "one message"),
        ("{}", -32600, "no message of this protocol"),
        (r#"{"jsonrpc":"1.0","method":"tools/list"}"#, -32600, "no message of this protocol"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#, -32600, "an id is a number or a text"),
        (r#"{"jsonrpc":"2.0","id":{},"method":"tools/list"}"#, -32600, "an id is a number or a text"),
        (r#"{"jsonrpc":"2.0","id":7,"method":7}"#, -32600, "no JSON-RPC message"),
        (r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#, -32600, "duplicate field"),
    ] {
        let what = &body[..body.len().min(60)];
        check(&ask(&running, &standing(&token), body).await, 400, &Value::Null, code, words, what);
    }
    let without_version = ask(&running, &standing(&token), r#"{"id":7,"method":"tools/list"}"#).await;
    check(&without_version, 400, &json!(7), -32600, "no message of this protocol", "no JSON-RPC 2.0");
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\",\"params\":{}1{}}}",
        "[".repeat(1000),
        "]".repeat(1000)
    );
    let deep = ask(&running, &standing(&token), &deep).await;
    check(&deep, 400, &json!(7), -32600, "no message of this protocol", "too deep");
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_refused() {
    let running = Running::start().await;
    let headers = standing(&running.token("cursor"));
    for bad in [
        &b"\xff\xfe{\0}\0"[..],
        br#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":"#,
        b"{\"x\":\"\xc3\x28\"}",
    ] {
        let mut request = post(&running, &headers, "")
            .replace("Content-Length: 0", &format!("Content-Length: {}", bad.len()))
            .into_bytes();
        request.extend_from_slice(bad);
        let mut raw = Raw::connect(&running).await;
        raw.send(&request).await;
        check(&raw.answer().await, 400, &Value::Null, -32700, "UTF-8", "not text");
    }
}

#[tokio::test]
async fn an_unknown_version_is_answered_with_the_known_ones() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    for version in ["1999-01-01", "2026-07-29", "2025-11-25x", "1", ""] {
        let headers = format!(
            "{}MCP-Protocol-Version: {version}\r\nMcp-Session-Id: {}\r\n",
            standing(&legacy.token),
            legacy.session
        );
        let answer = ask(&running, &headers, LIST).await;
        check(&answer, 400, &json!(7), -32022, "2025-06-18, 2025-11-25, 2026-07-28", version);
        let supported = answer.json()["error"]["data"]["supported"].clone();
        assert!(supported.as_array().expect("a list").contains(&json!("2025-11-25")), "for programs as well");
        for method in ["GET", "DELETE"] {
            let headers = format!("{headers}X: 1\r\n").replace("application/json, ", "");
            let answer = ask_as(method, &running, &headers, "").await;
            assert_eq!(answer.status, 400, "{method} with {version:?}");
            let said = answer.json()["message"].as_str().expect("a sentence").to_owned();
            assert!(said.contains("2025-11-25, 2026-07-28"), "{method}: {said}");
        }
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        assert_eq!(legacy.send(&list).await.status(), 200, "what was refused has ended nothing");
        let modern = json!({ "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" }, "io.modelcontextprotocol/clientCapabilities": {} });
        let body =
            json!({ "jsonrpc": "2.0", "id": 8, "method": "tools/list", "params": { "_meta": modern } });
        let headers = format!(
            "{}MCP-Protocol-Version: {version}\r\nMcp-Method: tools/list\r\n",
            standing(&legacy.token)
        );
        let answer = ask(&running, &headers, &body.to_string()).await;
        assert_eq!(answer.status, 400, "{version:?} in a modern request: {}", answer.text());
    }
}

#[tokio::test]
async fn a_modern_request_has_to_say_the_same_in_headers_and_body() {
    let running = Running::start().await;
    let token = running.token("cursor");
    let request = |method: &str, name: Option<&str>| {
        json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": { "name": name, "arguments": {}, "_meta": modern_meta() } })
            .to_string()
    };
    let list = request("tools/list", None);
    let call = request("tools/call", Some("list_sessions"));
    let base = format!("{}MCP-Protocol-Version: 2026-07-28\r\n", standing(&token));
    for (headers, body, what) in [
        ("Mcp-Method: tools/call\r\n", &list, "another method"),
        ("", &list, "no method"),
        ("Mcp-Method: tools/call\r\nMcp-Name: execute_code\r\n", &call, "another tool"),
        ("Mcp-Method: tools/call\r\n", &call, "no tool"),
    ] {
        let answer = ask(&running, &format!("{base}{headers}"), body).await;
        check(&answer, 400, &json!(7), -32020, "", what);
    }
    let older = format!("{}MCP-Protocol-Version: 2025-11-25\r\nMcp-Method: tools/list\r\n", standing(&token));
    check(&ask(&running, &older, &list).await, 400, &json!(7), -32020, "2025-11-25", "another version");
    let headers = modern_headers(&token, "tools/list");
    check(&ask(&running, &headers, LIST).await, 400, &json!(7), -32602, "_meta", "no _meta");
    let half = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    let half = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": { "_meta": half } });
    let answer = ask(&running, &headers, &half.to_string()).await;
    check(&answer, 400, &json!(7), -32602, "clientCapabilities", "half of _meta");
    let good = format!("{base}Mcp-Method: tools/call\r\nMcp-Name: list_sessions\r\n");
    assert_eq!(ask(&running, &good, &call).await.status, 200, "and the same is fine");
}

#[tokio::test]
async fn wrong_accept_and_content_type_are_answered_with_the_right_ones() {
    let running = Running::start().await;
    let bearer = format!("Authorization: Bearer {}\r\n", running.token("cursor"));
    let both = "application/json, text/event-stream";
    for (headers, status, words) in [
        (String::from("Content-Type: application/json\r\n"), 406, "text/event-stream"),
        ("Content-Type: application/json\r\nAccept: application/json\r\n".into(), 406, "text/event-stream"),
        ("Content-Type: application/json\r\nAccept: text/html\r\n".into(), 406, "text/event-stream"),
        (format!("Accept: {both}\r\n"), 415, "Content-Type: application/json"),
        (format!("Accept: {both}\r\nContent-Type: text/plain\r\n"), 415, "Content-Type: application/json"),
        (
            format!("Accept: {both}\r\nContent-Type: application/x-www-form-urlencoded\r\n"),
            415,
            "application/json",
        ),
    ] {
        let answer = ask(&running, &format!("{bearer}{headers}"), LIST).await;
        check(&answer, status, &json!(7), -32600, words, &headers);
    }
    let get = ask_as("GET", &running, &format!("{bearer}Accept: application/json\r\n"), "").await;
    assert_eq!(get.status, 406, "{}", get.text());
    assert!(
        get.json()["message"].as_str().expect("a sentence").contains("text/event-stream"),
        "what to send"
    );
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_get_and_nothing_to_end() {
    let running = Running::start().await;
    let token = running.token("cursor");
    let headers = standing(&token);
    check(&ask(&running, &headers, LIST).await, 400, &json!(7), -32600, "Initialize first", "no session");
    for method in ["GET", "DELETE"] {
        let answer = ask_as(method, &running, &headers, "").await;
        assert_eq!(answer.status, 400, "{method}");
        let said = answer.json()["message"].as_str().expect("a sentence").to_owned();
        assert!(said.contains("Mcp-Session-Id"), "{method}: {said}");
        let unknown = format!("{headers}Mcp-Session-Id: 0\r\n");
        let answer = ask_as(method, &running, &unknown, "").await;
        assert_eq!(answer.status, 404, "{method} of a session that is not there");
        assert!(
            answer.json()["message"].as_str().expect("a sentence").contains("Initialize again"),
            "{method}"
        );
        let modern = format!("{headers}MCP-Protocol-Version: 2026-07-28\r\n");
        assert_eq!(ask_as(method, &running, &modern, "").await.status, 405, "{method} in the new version");
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_no_page_is_ever_let_in() {
    let running = Running::start().await;
    let token = running.token("cursor");
    let page = "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n";
    for method in ["PUT", "OPTIONS", "PATCH", "HEAD", "TRACE", "BREW"] {
        for (headers, status) in [
            (format!("{}{page}", standing(&token)), 405),
            (page.to_owned(), 401),
            ("Origin: http://evil.com\r\n".to_owned(), 403),
        ] {
            let mut raw = Raw::connect(&running).await;
            raw.send(post(&running, &headers, "").replacen("POST", method, 1)).await;
            let head = raw.head().await.expect("an answer").to_ascii_lowercase();
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{method}: {head}");
            assert!(!head.contains("access-control-"), "{method}: no CORS: {head}");
            assert!(
                status != 405 || head.contains("allow: get, post, delete"),
                "{method}: what there is: {head}"
            );
        }
    }
    let headers = format!("{}Origin: http://localhost:3000\r\n", standing(&token));
    let answer = ask(&running, &headers, &initialize().to_string()).await;
    assert_eq!(answer.status, 200, "a page of this machine that has a token may ask");
    assert!(
        !answer.head.to_ascii_lowercase().contains("access-control-"),
        "but its browser shows it nothing"
    );
}

#[tokio::test]
async fn a_token_counts_only_once_and_only_in_its_header() {
    let running = Running::start().await;
    let token = running.token("cursor");
    let other = running.token("zed");
    let (plain, body) = (
        "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n",
        initialize().to_string(),
    );
    for (header, what) in [
        (String::new(), "none"),
        ("Authorization: Bearer\r\n".into(), "an empty one"),
        ("Authorization: Bearer \r\n".into(), "an empty one"),
        (format!("Authorization: {token}\r\n"), "without its scheme"),
        (format!("Authorization: Basic {token}\r\n"), "another scheme"),
        (format!("Authorization: Bearer {token} {token}\r\n"), "two in one"),
        (format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"), "the same twice"),
        (format!("Authorization: Bearer {other}\r\nAuthorization: Bearer {token}\r\n"), "two clients"),
        (format!("Authorization: Bearer {}\r\n", token.to_uppercase()), "in capitals"),
        (format!("X-Api-Key: {token}\r\n"), "another header"),
        (format!("Cookie: token={token}\r\n"), "a cookie"),
        ("Authorization: Bearer \u{fc}\r\n".into(), "not even ASCII"),
    ] {
        let answer = ask(&running, &format!("{plain}{header}"), &body).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert!(!answer.text().contains(&token), "{what}: a token is never said back");
    }
    for query in ["token", "access_token", "authorization"] {
        let request = post(&running, plain, &body).replacen("/mcp", &format!("/mcp?{query}={token}"), 1);
        let mut raw = Raw::connect(&running).await;
        raw.send(request).await;
        assert_eq!(raw.answer().await.status, 401, "{query}: addresses are written into logs");
    }
    for good in
        [format!("authorization: bearer {token}\r\n"), format!("Authorization:   Bearer   {token}  \r\n")]
    {
        assert_eq!(ask(&running, &format!("{plain}{good}"), &body).await.status, 200, "{good:?}");
    }
}
