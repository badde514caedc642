//! What a client should not send, and the bridge survives.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::Bridged;
use crate::support::{Running, in_time, modern_meta};

const TOO_MUCH: usize = 40 << 20;

#[tokio::test]
async fn what_cannot_be_passed_on_is_answered_in_order_and_what_follows_is_served() {
    for meta in [None, Some(modern_meta())] {
        let running = Running::start().await;
        running.token("claude-desktop");
        let mut client = Bridged::start(running.home.path());
        if meta.is_none() {
            client.shake_hands().await;
        }
        client.input.write_all(b"{\"jsonrpc\": nonsense\n \r\n[]\n").await.expect("it reads");
        client
            .input
            .write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"params\":{\"x\":\"\xe4\"},\"id\":11}\n")
            .await
            .expect("it reads");
        // As the TypeScript client writes it: the id comes last.
        let meta_text = meta.clone().unwrap_or(json!({})).to_string();
        let start = r#"{"method":"tools/call","params":{"name":"execute_code","arguments":{"code":""#;
        let long = [start, &"x".repeat(TOO_MUCH), r#""},"_meta":"#, &meta_text, r#"},"id":12}"#, "\n"];
        client.input.write_all(long.concat().as_bytes()).await.expect("it reads");
        for (id, code, why) in [
            (Value::Null, -32700, "no JSON"),
            (Value::Null, -32600, "no message"),
            (json!(11), -32700, "not in UTF-8, and who asked hears it"),
            (json!(12), -32600, "more than the endpoint takes"),
        ] {
            let answer = client.hear().await;
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(code)), "{why}: {answer}");
        }
        let mut params = json!({});
        if let Some(meta) = meta {
            params["_meta"] = meta;
        }
        let tools = client.ask(13, "tools/list", params).await;
        assert!(tools["result"]["tools"].is_array(), "and it goes on: {tools}");
        client.end().await;
    }
}

#[tokio::test]
async fn the_last_line_needs_no_end_and_half_a_one_is_told() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for (line, wanted) in [(ping, "result"), (&ping[..20], "error")] {
        let running = Running::start().await;
        running.token("claude-desktop");
        let mut client = Bridged::start(running.home.path());
        client.shake_hands().await;
        client.input.write_all(line.as_bytes()).await.expect("it reads");
        client.input.shutdown().await.expect("hung up");
        let answer = client.hear().await;
        assert!(answer.get(wanted).is_some(), "{line}: {answer}");
        in_time("the end", client.task).await.expect("no panic").expect("a clean end");
    }
}

#[tokio::test]
async fn an_integer_written_as_a_fraction_is_answered_with_the_clients_own_id() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut client = Bridged::start(running.home.path());
    client.shake_hands().await;
    for meta in [json!({}), modern_meta()] {
        for id in ["1.0", "1e2", "-3.0"] {
            let line =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list","params":{{"_meta":{meta}}}}}"#);
            client.input.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
            let answer = client.hear().await;
            let own: Value = serde_json::from_str(id).expect("a number");
            assert_eq!(answer["id"], own, "as the client wrote it: {answer}");
            assert!(answer["result"]["tools"].is_array(), "{id}: a success stays one: {answer}");
        }
    }
    client
        .input
        .write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}\n")
        .await
        .expect("it reads");
    let answer = client.hear().await;
    assert_eq!(answer["id"], json!(1.5), "no integer at all: {answer}");
    assert!(answer.get("error").is_some(), "the endpoint takes none such: {answer}");
    client.end().await;
}
