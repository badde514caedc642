//! Clients of the older protocol that go without a word: what they leave in Maya, and when it ends.

use serde_json::{Value, json};

use crate::{
    fake_maya::{FakeMaya, execution},
    raw::{Raw, post, standing},
    support::{Legacy, Running, in_time},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Answer,
    /// Then the answer is a stream, and open while the script runs.
    Progress,
}

/// A script that runs now, over a connection of its own.
async fn script(legacy: &Legacy<'_>, maya: &mut FakeMaya, wish: Wish) -> (Raw, Value) {
    let mut params = json!({ "name": "execute_code", "arguments": { "code": "render()" } });
    if wish == Wish::Progress {
        params["_meta"] = json!({ "progressToken": 1 });
    }
    let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params });
    let headers = format!("{}Mcp-Session-Id: {}\r\n", standing(&legacy.token), legacy.session);
    let mut raw = Raw::connect(legacy.running).await;
    raw.send(post(legacy.running, &headers, &call.to_string())).await;
    let request = in_time("execute", maya.request()).await;
    assert_eq!(request["method"], "execute", "it runs");
    if wish == Wish::Progress {
        maya.tell("progress", json!({ "id": request["id"], "progress": 1 })).await;
        assert!(raw.head().await.expect("a head").contains("text/event-stream"), "a stream");
    }
    (raw, request)
}

/// Waits until something is cancelled, and gives its id.
async fn cancelled(maya: &mut FakeMaya) -> Value {
    let cancel = in_time("cancel", maya.request()).await;
    assert_eq!(cancel["method"], "cancel", "{cancel}");
    maya.answer(&cancel, json!({ "state": "running", "stoppable": true })).await;
    cancel["params"]["id"].clone()
}

/// How the scripts ended, as the audit log has it.
async fn ends(running: Running) -> Vec<String> {
    let (home, _) = running.end().await;
    let text = std::fs::read_to_string(home.path().join("logs/audit.jsonl")).expect("written");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let scripts = lines.filter(|line| line["tool"] == "execute_code");
    scripts.map(|line| line["ended"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn a_script_ends_when_its_client_has_died_and_does_not_come_back() {
    for wish in [Wish::Answer, Wish::Progress] {
        let running = Running::start_impatient().await;
        let mut maya = FakeMaya::connect(&running).await;
        let legacy = Legacy::connect(&running, "cursor").await;
        let (raw, request) = script(&legacy, &mut maya, wish).await;
        // As the system closes what a killed process had open.
        drop(raw);
        assert_eq!(cancelled(&mut maya).await, request["id"], "{wish:?}: it is cancelled in Maya");
        let listing = legacy.ask("tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
        assert_eq!(listing["result"]["isError"], false, "{wish:?}: its session lives on: {listing}");
        drop(legacy);
        assert_eq!(ends(running).await, ["abandoned"], "{wish:?}: and so it is written down");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    OpenBefore,
    OpenedAgain,
}

#[tokio::test]
async fn a_script_goes_on_while_its_client_has_a_stream_open() {
    for stream in [Stream::OpenBefore, Stream::OpenedAgain] {
        let running = Running::start_impatient().await;
        let mut maya = FakeMaya::connect(&running).await;
        let (there, gone) =
            (Legacy::connect(&running, "cursor").await, Legacy::connect(&running, "cursor").await);
        let mut open = None;
        if stream == Stream::OpenBefore {
            open = Some(there.open_stream().await);
        }
        let (raw, its_script) = script(&there, &mut maya, Wish::Answer).await;
        drop(raw);
        if stream == Stream::OpenedAgain {
            open = Some(there.open_stream().await);
        }
        // Whoever was to be cancelled before this one would have been.
        let (raw, other) = script(&gone, &mut maya, Wish::Answer).await;
        drop(raw);
        assert_eq!(cancelled(&mut maya).await, other["id"], "{stream:?}: that of the client that is gone");
        maya.answer(&its_script, execution(&json!({ "result": 1 }))).await;
        in_time("the end", until_nothing_runs(&there)).await;
        drop((open, there, gone));
        let mut ends = ends(running).await;
        ends.sort();
        assert_eq!(ends, ["abandoned", "ok"], "{stream:?}: the other one had its time");
    }
}

async fn until_nothing_runs(legacy: &Legacy<'_>) {
    loop {
        let info = legacy.ask("tools/call", json!({ "name": "get_session_info", "arguments": {} })).await;
        let running = &info["result"]["structuredContent"]["running"];
        if running.as_array().is_some_and(Vec::is_empty) {
            return;
        }
    }
}
