//! An application that takes every message and answers none, as one does that is stopped or hangs.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time;

use super::Bridged;
use crate::stub::Stub;

const SENTENCE: &str = "Maya MCP Tray runs but does not answer. Quit it and start it again.";

/// Longer than any patience but that for a call; no time passes while nobody has anything to do.
const LONG: Duration = Duration::from_mins(1);

async fn say(client: &mut Bridged, id: u64, method: &str, params: &Value) {
    client.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
}

async fn hear_late(client: &mut Bridged) -> Value {
    time::pause();
    let line = time::timeout(LONG, client.output.next_line()).await.expect("a line");
    time::resume();
    serde_json::from_str(&line.expect("readable").expect("it still speaks")).expect("one whole message")
}

#[tokio::test]
async fn what_is_answered_at_once_or_never_is_told_of_and_a_call_waits() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = Bridged::start(home.path());
    client.shake_hands().await;
    stub.hear("GET").await;
    say(&mut client, 1, "tools/call", &json!({ "name": "execute_code", "arguments": {} })).await;
    stub.hear("tools/call").await;
    for (id, method) in [(2, "ping"), (3, "tools/list"), (4, "resources/list")] {
        say(&mut client, id, method, &json!({})).await;
        stub.hear(method).await;
        let answer = hear_late(&mut client).await;
        assert_eq!((&answer["id"], &answer["error"]["message"]), (&json!(id), &json!(SENTENCE)), "{answer}");
    }
    time::pause();
    time::advance(LONG).await;
    time::resume();
    stub.answer(&json!(1), &json!({ "content": [] }));
    assert_eq!(client.answer_to(1).await["result"]["content"], json!([]), "a call has limits of its own");
    say(&mut client, 5, "ping", &json!({})).await;
    let (session, _) = stub.hear("ping").await;
    assert_eq!(session.as_deref(), Some("one"), "whoever wakes up finds the session as it was");
    stub.answer(&json!(5), &json!({}));
    assert_eq!(client.answer_to(5).await["result"], json!({}), "and is heard");
    client.end().await;
}

#[tokio::test]
async fn nobody_waits_without_an_end_for_a_session_that_cannot_be_begun_anew() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = Bridged::start(home.path());
    client.shake_hands().await;
    stub.hear("GET").await;
    say(&mut client, 1, "resources/subscribe", &json!({ "uri": "maya://sessions" })).await;
    stub.hear("resources/subscribe").await;
    stub.answer(&json!(1), &json!({}));
    client.answer_to(1).await;
    stub.die();
    let mut stub = Stub::start(home.path(), "two");
    stub.hear("resources/subscribe").await;
    let call = json!({ "name": "list_sessions", "arguments": {} });
    say(&mut client, 2, "tools/call", &call).await;
    let answer = hear_late(&mut client).await;
    let text = answer["result"]["content"][0]["text"].as_str().expect("text");
    assert!(text.contains("does not answer. Quit it and start it again"), "{answer}");
    client.end().await;
}
