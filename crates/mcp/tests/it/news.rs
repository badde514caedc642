//! What changed, told to each client once, however it asks.

use serde_json::{Value, json};

use crate::{
    raw::{Raw, post, standing},
    support::{Legacy, Running, in_time},
};

const LIST: &str = "list_sessions";
const WAIT: &str = "wait_for_session_change";

/// "source kind" of each change.
fn changes(answer: &Value) -> Vec<String> {
    let changes = answer["structuredContent"]["changes"].as_array().expect("a list").iter();
    let text = |change: &Value, field: &str| change[field].as_str().expect("text").to_owned();
    changes.map(|change| format!("{} {}", text(change, "source"), text(change, "kind"))).collect()
}

fn revision(answer: &Value) -> Value {
    answer["structuredContent"]["revision"].clone()
}

fn missed(answer: &Value) -> u64 {
    answer["structuredContent"]["missed"].as_u64().expect("a number")
}

#[tokio::test]
async fn who_says_up_to_where_it_knows_is_not_told_again_afterwards() {
    let running = Running::start().await;
    let first = running.call("cursor", LIST, json!({})).await;
    running.come(1);
    let wait = json!({ "after": revision(&first) });
    let waited = running.call("cursor", WAIT, wait.clone()).await;
    assert_eq!(changes(&waited), ["maya-1 appeared"], "what came later");
    let listed = running.call("cursor", LIST, json!({})).await;
    assert_eq!(changes(&listed), Vec::<String>::new(), "once");
    let again = running.call("cursor", WAIT, wait).await;
    assert_eq!(changes(&again), ["maya-1 appeared"], "but for who asks for just that");
    for pid in 2..1502 {
        running.come(pid);
    }
    let waited = running.call("cursor", WAIT, json!({ "after": revision(&waited) })).await;
    let told = changes(&waited).len() as u64;
    assert!(told <= 256 && told + missed(&waited) >= 1500, "{told} and {}: no silent gap", missed(&waited));
}

#[tokio::test]
async fn who_wants_only_some_changes_waits_for_those() {
    let running = Running::start().await;
    running.call("cursor", LIST, json!({})).await;
    running.come(1);
    let listed = running.call("cursor", LIST, json!({ "kinds": ["exited"] })).await;
    assert_eq!(changes(&listed), ["maya-1 appeared"], "what was before is told as it was wanted before");
    assert_eq!(listed["structuredContent"]["only"]["kinds"], json!(["exited"]), "the choice is told");
    running.come(2);
    let wait = json!({ "after": revision(&listed), "timeout_s": 0 });
    let nothing = running.call("cursor", WAIT, wait).await;
    assert_eq!(changes(&nothing), Vec::<String>::new(), "another Maya is not what it waits for");
    let wait = json!({ "after": revision(&listed) });
    let (waited, ()) = tokio::join!(running.call("cursor", WAIT, wait), async { running.go(1) });
    assert_eq!(changes(&waited), ["maya-1 exited"], "this is");
    let all = running.call("cursor", LIST, json!({ "kinds": [] })).await;
    assert_eq!(all["structuredContent"]["only"], Value::Null, "all again");
}

async fn until_it_wants(legacy: &Legacy<'_>, kinds: &Value) {
    loop {
        let listed = legacy.ask("tools/call", json!({ "name": LIST, "arguments": {} })).await;
        if listed["result"]["structuredContent"]["only"]["kinds"] == *kinds {
            return;
        }
    }
}

/// The audit log says so when it has ended.
async fn until_abandoned(running: &Running) {
    let audit = running.home.path().join("logs/audit.jsonl");
    let is_there = || {
        let text = std::fs::read_to_string(&audit).unwrap_or_default();
        text.lines().any(|line| line.contains(WAIT) && line.contains("\"abandoned\""))
    };
    while !is_there() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_wait_that_its_client_has_left_takes_no_news_away() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    // Its session is in use all the time, so that it does not count as gone.
    let _stream = legacy.open_stream().await;
    legacy.ask("tools/call", json!({ "name": LIST, "arguments": {} })).await;
    let arguments = json!({ "timeout_s": 600, "kinds": ["appeared"] });
    let params = json!({ "name": WAIT, "arguments": arguments });
    let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params });
    let headers = format!("{}Mcp-Session-Id: {}\r\n", standing(&legacy.token), legacy.session);
    let mut raw = Raw::connect(&running).await;
    raw.send(post(&running, &headers, &call.to_string())).await;
    in_time("the wait", until_it_wants(&legacy, &json!(["appeared"]))).await;
    drop(raw);
    in_time("its end", until_abandoned(&running)).await;
    running.come(1);
    let listed = legacy.ask("tools/call", json!({ "name": LIST, "arguments": {} })).await;
    assert_eq!(changes(&listed["result"]), ["maya-1 appeared"], "nobody had been told");
}
