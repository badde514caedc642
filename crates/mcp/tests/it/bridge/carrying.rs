//! What travels through the bridge that our own endpoint says seldom or never, and what a new session begins with.

use serde_json::{Value, json};

use super::Bridged;
use crate::{
    stub::Stub,
    support::{initialize, modern_meta},
};

fn question(id: u64) -> Value {
    let params = json!({ "message": "May it?", "requestedSchema": { "type": "object", "properties": {} } });
    json!({ "jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": params })
}

fn note(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn call(id: u64, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

/// A client in a session with this endpoint, whose stream is open.
async fn in_session(home: &std::path::Path, stub: &mut Stub) -> Bridged {
    let mut client = Bridged::start(home);
    client.shake_hands().await;
    stub.hear("GET").await;
    client
}

#[tokio::test]
async fn what_the_endpoint_asks_and_says_reaches_the_client_on_either_stream_and_the_answer_goes_back() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = in_session(home.path(), &mut stub).await;
    client.say(&call(5, &json!({ "name": "execute_code", "arguments": {} }))).await;
    stub.hear("tools/call").await;
    let progress = note("notifications/progress", &json!({ "progressToken": 1, "progress": 0.5 }));
    let log = note("notifications/message", &json!({ "level": "info", "data": "said" }));
    for (id, stream) in [(0, "5"), (1, "one")] {
        for message in [&progress, &log, &question(id)] {
            stub.say(stream, message);
            assert_eq!(client.hear().await, *message, "as it is, and in order");
        }
        let answer = json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "accept", "content": {} } });
        client.say(&answer).await;
        let (session, heard) = stub.hear("").await;
        assert_eq!((session.as_deref(), heard), (Some("one"), answer), "back to the session that asked");
    }
    let withdrawn = note("notifications/cancelled", &json!({ "requestId": 2 }));
    for message in [question(2), withdrawn] {
        stub.say("one", &message);
        assert_eq!(client.hear().await, message, "a question, and that nobody waits for its answer");
    }
    let unknown = json!({ "jsonrpc": "2.0", "id": 2, "error": { "code": -1, "message": "cancelled" } });
    client.say(&unknown).await;
    assert_eq!(stub.hear("").await.1, unknown, "an error is an answer too");
    client.say(&note("notifications/roots/list_changed", &json!({}))).await;
    stub.hear("notifications/roots/list_changed").await;
    stub.answer(&json!(5), &json!({ "content": [] }));
    assert_eq!(client.answer_to(5).await["result"]["content"], json!([]), "the call's own answer");
    client.end().await;
}

#[tokio::test]
async fn a_modern_client_hears_what_is_said_on_its_requests_stream_in_order() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = Bridged::start(home.path());
    client.say(&call(5, &json!({ "name": "execute_code", "arguments": {}, "_meta": modern_meta() }))).await;
    let (session, _) = stub.hear("tools/call").await;
    assert_eq!(session, None, "there are no sessions");
    let log = note("notifications/message", &json!({ "level": "info", "data": "said" }));
    for progress in 0..3 {
        let progress = note("notifications/progress", &json!({ "progressToken": 1, "progress": progress }));
        for message in [&progress, &log] {
            stub.say("5", message);
            assert_eq!(client.hear().await, *message, "as it is");
        }
    }
    stub.answer(&json!(5), &json!({ "resultType": "input_required" }));
    let asked = client.answer_to(5).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "so it is asked in this era");
    client.end().await;
}

#[tokio::test]
async fn a_question_is_put_once_and_its_answer_goes_to_nobody_else() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = in_session(home.path(), &mut stub).await;
    stub.say("one", &question(0));
    assert_eq!(client.hear().await["id"], 0, "the question");
    // A stream that ended is opened again, and repeats what was said.
    stub.end("one");
    stub.hear("GET").await;
    stub.say("one", &question(0));
    stub.say("one", &note("notifications/message", &json!({ "data": "after" })));
    assert_eq!(client.hear().await["params"]["data"], "after", "the question is not put again");

    stub.die();
    let mut stub = Stub::start(home.path(), "two");
    let cancelled = client.hear_of("notifications/cancelled").await;
    assert_eq!(cancelled["params"]["requestId"], 0, "nobody waits for its answer any more");
    stub.hear("GET").await;
    stub.say("two", &question(0));
    assert_eq!(client.hear_of("elicitation/create").await["id"], 0, "another question of that number");
    let no = json!({ "jsonrpc": "2.0", "id": 0, "result": { "action": "decline" } });
    for _ in 0..2 {
        client.say(&no).await;
    }
    stub.hear("").await;
    client.say(&json!({ "jsonrpc": "2.0", "id": 9, "method": "ping" })).await;
    stub.hear("ping").await;
    stub.answer(&json!(9), &json!({}));
    client.answer_to(9).await;
    let answers = stub.left_over().into_iter().filter(|message| message.get("method").is_none()).count();
    assert_eq!(answers, 0, "answered once");
    client.end().await;
}

#[tokio::test]
async fn a_stream_that_is_opened_again_goes_on_where_it_was_and_another_sessions_at_its_beginning() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = in_session(home.path(), &mut stub).await;
    let log = |data: &str| note("notifications/message", &json!({ "level": "info", "data": data }));
    for (event, said) in [("0", "first"), ("1", "second")] {
        stub.say_as(event, "one", &log(said));
        assert_eq!(client.hear().await, log(said), "as it is");
    }
    stub.end("one");
    assert_eq!(stub.hear("GET").await.1["last"], "1", "all before it has been heard");
    // rmcp goes on with the last one, not after it.
    stub.say_as("1", "one", &log("second"));
    stub.say_as("2", "one", &log("third"));
    assert_eq!(client.hear().await, log("third"), "nothing twice");
    stub.die();
    let mut stub = Stub::start(home.path(), "two");
    assert_eq!(stub.hear("GET").await.1["last"], Value::Null, "another session has said nothing yet");
    stub.say_as("2", "two", &log("of another"));
    assert_eq!(client.hear_of("notifications/message").await, log("of another"), "whatever its id");
    client.end().await;
}

#[tokio::test]
async fn the_next_session_begins_where_the_last_one_was_and_the_client_looks_again() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = in_session(home.path(), &mut stub).await;
    let wishes = [
        (1, "logging/setLevel", json!({ "level": "debug" })),
        (2, "resources/subscribe", json!({ "uri": "maya://sessions" })),
        (3, "resources/subscribe", json!({ "uri": "maya://sessions/1" })),
        (4, "resources/unsubscribe", json!({ "uri": "maya://sessions/1" })),
        (5, "resources/subscribe", json!({ "uri": "maya://nonsense" })),
    ];
    for (id, method, params) in &wishes {
        client.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        stub.hear(method).await;
        if *id == 5 {
            stub.say(
                "5",
                &json!({ "jsonrpc": "2.0", "id": 5, "error": { "code": -32002, "message": "none" } }),
            );
        } else {
            stub.answer(&json!(id), &json!({}));
        }
        client.answer_to(*id).await;
    }

    stub.die();
    let mut stub = Stub::start(home.path(), "two");
    let (_, hello) = stub.hear("initialize").await;
    assert_eq!(hello["params"], initialize()["params"], "the client's own words");
    stub.hear("notifications/initialized").await;
    for (_, method, params) in &wishes[..2] {
        let (session, wish) = stub.hear(method).await;
        assert_eq!((session.as_deref(), &wish["params"]), (Some("two"), params), "wished for again");
        stub.answer(&wish["id"], &json!({}));
    }
    stub.hear("GET").await;
    let mut told = Vec::new();
    while told.len() < 4 {
        told.push(client.hear().await);
    }
    let wanted = [
        json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/prompts/list_changed" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/resources/list_changed" }),
        note("notifications/resources/updated", &json!({ "uri": "maya://sessions" })),
    ];
    assert_eq!(told, wanted, "everything may have changed; what was refused or given up is not watched");
    client.end().await;
}

#[tokio::test]
async fn what_an_engine_refuses_to_watch_again_is_not_asked_for_any_more() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = in_session(home.path(), &mut stub).await;
    let uris = ["maya://sessions", "maya://sessions/maya-1/selection"];
    for (id, uri) in (1..).zip(uris) {
        let params = json!({ "uri": uri });
        client
            .say(&json!({ "jsonrpc": "2.0", "id": id, "method": "resources/subscribe", "params": params }))
            .await;
        stub.hear("resources/subscribe").await;
        stub.answer(&json!(id), &json!({}));
        client.answer_to(id).await;
    }
    for (name, wanted) in [("two", &uris[..]), ("three", &uris[..1])] {
        stub.die();
        stub = Stub::start(home.path(), name);
        for uri in wanted {
            let (_, wish) = stub.hear("resources/subscribe").await;
            assert_eq!(wish["params"]["uri"], *uri, "engine {name} is asked to watch it");
            if uri.contains("maya-1") {
                let error = json!({ "code": -32002, "message": "That session has ended." });
                stub.say("\"bridge\"", &json!({ "jsonrpc": "2.0", "id": "bridge", "error": error }));
                stub.end("\"bridge\"");
            } else {
                stub.answer(&wish["id"], &json!({}));
            }
        }
        stub.hear("GET").await;
        let told = client.hear_of("notifications/resources/updated").await;
        assert_eq!(told["params"]["uri"], uris[0], "it is watched in {name}");
        stub.say(name, &note("notifications/message", &json!({ "data": name })));
        let next = client.hear().await;
        assert_eq!(next["params"]["data"], name, "nothing is said of what nobody watches: {next}");
    }
    client.end().await;
}

#[tokio::test]
async fn a_log_level_that_was_set_without_an_endpoint_is_kept_for_it() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Bridged::start(home.path());
    client.shake_hands().await;
    let level = json!({ "level": "warning" });
    assert_eq!(client.ask(1, "logging/setLevel", level.clone()).await["result"], json!({}), "taken note of");
    let mut stub = Stub::start(home.path(), "one");
    let (_, wish) = stub.hear("logging/setLevel").await;
    assert_eq!(wish["params"], level, "the client's own words");
    client.end().await;
}

#[tokio::test]
async fn who_listens_is_told_of_all_it_listens_for_when_the_endpoint_is_another() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = Bridged::start(home.path());
    let filter = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true, "resourceSubscriptions": ["maya://sessions"] });
    let params = json!({ "notifications": filter, "_meta": modern_meta() });
    client
        .say(&json!({ "jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen", "params": params }))
        .await;
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": 2 });
    let acknowledged =
        note("notifications/subscriptions/acknowledged", &json!({ "_meta": meta, "notifications": filter }));
    stub.hear("subscriptions/listen").await;
    stub.say("2", &acknowledged);
    assert_eq!(client.hear().await, acknowledged, "it listens");

    stub.die();
    let mut stub = Stub::start(home.path(), "two");
    stub.hear("subscriptions/listen").await;
    stub.say("2", &acknowledged);
    for list in ["tools", "prompts", "resources"] {
        let changed = note(&format!("notifications/{list}/list_changed"), &json!({ "_meta": meta }));
        assert_eq!(client.hear().await, changed, "tagged, and not acknowledged twice");
    }
    let updated = json!({ "uri": "maya://sessions", "_meta": meta });
    assert_eq!(client.hear().await, note("notifications/resources/updated", &updated), "what it watches");
    client.end().await;
}

#[tokio::test]
async fn ten_megabytes_pass_whole_in_both_eras() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = in_session(home.path(), &mut stub).await;
    let text = "x".repeat(10 << 20);
    for (id, meta) in [(1, json!(null)), (2, modern_meta())] {
        client.say(&call(id, &json!({ "name": "execute_code", "_meta": meta }))).await;
        stub.hear("tools/call").await;
        stub.answer(&json!(id), &json!({ "structuredContent": { "result": text } }));
        let answer = client.answer_to(id).await;
        assert!(answer["result"]["structuredContent"]["result"] == text.as_str(), "the result: call {id}");
    }
    client.end().await;
}

#[tokio::test]
async fn a_script_of_ten_megabytes_passes_whole() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "one");
    let mut client = in_session(home.path(), &mut stub).await;
    let params = json!({ "name": "execute_code", "arguments": { "code": "x".repeat(10 << 20) } });
    client.say(&call(1, &params)).await;
    assert!(stub.hear("tools/call").await.1["params"] == params, "as it was sent");
    client.end().await;
}
