//! What tools and resources answer.

use serde_json::{Value, json};

use crate::{
    fake_maya::FakeMaya,
    support::{Events, Legacy, Running, in_time},
};

fn kinds(listing: &Value) -> Vec<&str> {
    let changes = listing["structuredContent"]["changes"].as_array().expect("changes");
    changes.iter().map(|change| change["kind"].as_str().expect("a kind")).collect()
}

fn maya_tools() -> [&'static str; 15] {
    [
        "list_sessions",
        "use_session",
        "unuse_session",
        "get_session_info",
        "add_session",
        "wait_for_session_change",
        "execute_code",
        "run_on_sessions",
        "cancel_execution",
        "write_module",
        "get_output",
        "get_scene",
        "capture_viewport",
        "undo",
        "redo",
    ]
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("text")
}

#[tokio::test]
async fn the_same_tools_are_listed_in_both_eras() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await.ask("tools/list", json!({})).await;
    let modern = running.modern("cursor", "tools/list", json!({})).await;
    assert_eq!(legacy["result"]["tools"], modern["result"]["tools"], "one list");
    let names: Vec<_> =
        modern["result"]["tools"].as_array().expect("tools").iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, maya_tools(), "in this order");
    assert_eq!(modern["result"]["cacheScope"], "private", "the modern one may be kept for a while");
    assert!(!modern.to_string().contains("\"uint"), "no strange formats");
}

#[tokio::test]
async fn each_client_hears_of_each_change_once() {
    let running = Running::start().await;
    let none = running.call("cursor", "list_sessions", json!({})).await;
    assert_eq!(
        none["structuredContent"],
        json!({ "sessions": [], "changes": [], "missed": 0, "only": null, "revision": 0 }),
        "nothing yet"
    );
    running.come(1);
    let listing = running.call("cursor", "list_sessions", json!({})).await;
    assert_eq!(kinds(&listing), ["appeared"], "at once");
    assert_eq!(listing["structuredContent"]["sessions"][0]["session"], "maya-1", "and there");
    assert_eq!(listing["structuredContent"]["sessions"][0]["in_use"], true, "the only one is in use");
    let as_text: Value = serde_json::from_str(text(&listing)).expect("the text is the same as JSON");
    assert_eq!(as_text, listing["structuredContent"], "for clients without structured content");
    running.go(1);
    assert_eq!(
        kinds(&running.call("zed", "list_sessions", json!({})).await),
        ["appeared", "exited"],
        "another client"
    );
    assert_eq!(
        kinds(&running.call("cursor", "list_sessions", json!({})).await),
        ["exited"],
        "only what is new"
    );
    assert!(kinds(&running.call("cursor", "list_sessions", json!({})).await).is_empty(), "never twice");
}

#[tokio::test]
async fn a_client_chooses_for_itself_alone() {
    let running = Running::start().await;
    running.come(1);
    running.come(2);
    let ambiguous = running.call("cursor", "execute_code", json!({ "code": "1" })).await;
    assert_eq!(ambiguous["isError"], true, "nobody knows which");
    assert!(
        text(&ambiguous).contains("maya-1") && text(&ambiguous).contains("use_session"),
        "it says what to do"
    );
    let chosen = running.call("cursor", "use_session", json!({ "session_key": "maya-2" })).await;
    assert_eq!(chosen["structuredContent"]["session"]["in_use"], true, "by its older name too");
    let in_use = |listing: Value| listing["structuredContent"]["sessions"][1]["in_use"].clone();
    assert_eq!(
        in_use(running.call("cursor", "list_sessions", json!({})).await),
        true,
        "for the one who chose"
    );
    assert_eq!(in_use(running.call("zed", "list_sessions", json!({})).await), false, "for nobody else");
    let unknown = running.call("cursor", "use_session", json!({ "session": "maya-3" })).await;
    assert_eq!(unknown["isError"], true, "there is none");
    assert!(text(&unknown).contains("maya-1 (Maya 2025)"), "it says which there are");
}

#[tokio::test]
async fn a_client_whose_session_has_ended_chooses_again_before_anything_runs_elsewhere() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    running.come(2);
    running.call("cursor", "use_session", json!({ "session": "maya-2" })).await;
    running.go(2);
    for tool in ["execute_code", "get_scene"] {
        let arguments = if tool == "execute_code" { json!({ "code": "wipe()" }) } else { json!({}) };
        let ended = running.call("cursor", tool, arguments).await;
        assert!(text(&ended).contains("maya-2, which you chose, has ended"), "{tool}: {}", text(&ended));
    }
    assert!(!maya.is_asked().await, "nothing went to another one");
    running.call("cursor", "unuse_session", json!({})).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "1" }));
    let (result, _) = tokio::join!(call, maya.answer_with(json!({})));
    assert_eq!(result["isError"], false, "now it is meant: {result}");
}

#[tokio::test]
async fn a_session_has_an_older_name_and_several_spellings() {
    let running = Running::start().await;
    running.come(1);
    running.come(2);
    for (arguments, found) in [
        (json!({ "session": "maya-2" }), "maya-2"),
        (json!({ "session_key": "MAYA-2" }), "maya-2"),
        (json!({ "session": "2" }), "maya-2"),
        (json!({ "session": "maya-1", "session_key": "maya-2" }), "maya-1"),
        (json!({ "session": null, "session_key": "maya-2" }), "maya-2"),
    ] {
        let info = running.call("cursor", "get_session_info", arguments.clone()).await;
        assert_eq!(info["structuredContent"]["session"], found, "{arguments}: {info}");
    }
    let tools = running.modern("cursor", "tools/list", json!({})).await;
    for tool in tools["result"]["tools"].as_array().expect("tools") {
        let arguments = tool["inputSchema"]["properties"].as_object().expect("arguments");
        let both = arguments.contains_key("session") == arguments.contains_key("session_key");
        assert!(both, "{}: whoever reads the schema knows of it", tool["name"]);
    }
    assert!(tools.to_string().len() < 36_000, "a model reads all of it: {}", tools.to_string().len());
}

#[tokio::test]
async fn what_cannot_run_is_said_in_the_result_and_only_protocol_faults_are_errors() {
    let running = Running::start().await;
    running.come(1);
    let not_ready = running.call("cursor", "execute_code", json!({ "code": "1" })).await;
    assert_eq!(not_ready["isError"], true, "the helper is not in yet");
    assert!(text(&not_ready).contains("looking for its command port"), "{}", text(&not_ready));
    let bad = running.call("cursor", "execute_code", json!({ "code": 1 })).await;
    assert_eq!(bad["isError"], true, "the model can read what does not fit");
    let unknown =
        running.modern("cursor", "tools/call", json!({ "name": "nonsense", "arguments": {} })).await;
    assert_eq!(unknown["error"]["code"], -32602, "no such tool");
}

#[tokio::test]
async fn code_runs_in_the_clients_own_namespace_and_its_errors_are_results() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call(
        "cursor",
        "execute_code",
        json!({ "code": "1 + 1", "timeout_s": 5, "unsaved": "discard" }),
    );
    let (result, request) = tokio::join!(call, maya.answer_with(json!({ "result": 2, "error": null })));
    assert_eq!(maya.client_name(), Some("cursor"), "its own, by its own connection");
    assert_eq!(request["params"]["timeout_s"], 5.0, "as asked");
    assert_eq!(request["params"]["unsaved"], "discard", "as asked");
    assert_eq!(
        (&result["structuredContent"]["result"], &result["isError"]),
        (&json!(2), &json!(false)),
        "{result}"
    );
    let raised = json!({ "type": "NameError", "message": "x", "traceback": "line 1" });
    let call = running.call("cursor", "execute_code", json!({ "code": "x" }));
    let (result, _) = tokio::join!(call, maya.answer_with(json!({ "result": null, "error": raised })));
    assert_eq!(result["isError"], true, "the model sees that it failed");
    assert_eq!(result["structuredContent"]["error"], raised, "and how");
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_in_maya_in_both_eras() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let params = json!({ "name": "execute_code", "arguments": { "code": "while True: pass" } });
    {
        let hanging = running.send_modern("cursor", "tools/call", params.clone());
        tokio::pin!(hanging);
        let request = tokio::select! {
            request = maya.request() => request,
            _ = &mut hanging => panic!("nothing is answered yet"),
        };
        assert_eq!(request["method"], "execute", "it has arrived");
    }
    assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "the modern client hung up");

    let legacy = Legacy::connect(&running, "cursor").await;
    let request = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let _running = Events::of(legacy.send(&request).await);
    assert_eq!(in_time("execute", maya.request()).await["method"], "execute", "it has arrived");
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    assert_eq!(legacy.send(&cancel).await.status(), 202, "taken note of");
    assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "the legacy client said so");
}

#[tokio::test]
async fn one_call_without_a_session_for_the_command_line() {
    let running = Running::start().await;
    let cli = crate::support::name("cli");
    let call = || maya_mcp_endpoint::call_tool(running.home.path(), &cli, "list_sessions", json!({}));
    let error = call().await.expect_err("it has no token");
    assert!(matches!(error, maya_mcp_endpoint::CallError::NoToken { .. }), "{error}");
    running.token("cli");
    running.come(1);
    let result = call().await.expect("it is there");
    assert_eq!(result["structuredContent"]["sessions"][0]["session"], "maya-1", "the whole result");
    let (home, _) = running.end().await;
    let gone = maya_mcp_endpoint::call_tool(home.path(), &cli, "list_sessions", json!({})).await;
    assert!(matches!(gone, Err(maya_mcp_endpoint::CallError::NotRunning)), "{gone:?}");
    std::fs::write(home.path().join("endpoint.json"), "{").expect("written");
    let damaged = maya_mcp_endpoint::call_tool(home.path(), &cli, "list_sessions", json!({})).await;
    let sentence = damaged.expect_err("it cannot be read").to_string();
    assert!(
        sentence.ends_with("is damaged. Start Maya MCP Tray again: it writes the file anew."),
        "{sentence}"
    );
}

/// What a listing told: "source kind" of each, and how many were missed.
fn told(result: &Value) -> (Vec<String>, u64) {
    let listing = &result["structuredContent"];
    let changes = listing["changes"].as_array().unwrap_or_else(|| panic!("changes in {result}"));
    let text = |change: &Value, field: &str| change[field].as_str().expect("a text").to_owned();
    let told = changes.iter().map(|change| format!("{} {}", text(change, "source"), text(change, "kind")));
    (told.collect(), listing["missed"].as_u64().expect("a number"))
}

#[tokio::test]
async fn each_client_chooses_what_it_is_told_of_in_both_eras() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut pushed = Events::of(legacy.open_stream().await);
    let ask = async |tool: &str, arguments: Value| {
        let answer = legacy.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        told(&answer["result"])
    };
    let none = (Vec::new(), 0);
    assert_eq!(ask("list_sessions", json!({ "kinds": ["exited"] })).await, none, "nothing yet");
    let modern = running.call("zed", "list_sessions", json!({ "sessions": ["maya-2"] })).await;
    assert_eq!(told(&modern), none, "nothing yet");
    for pid in [1, 2] {
        running.come(pid);
        pushed.notification("notifications/resources/list_changed").await;
        running.go(pid);
    }
    let exited = ["maya-1 exited", "maya-2 exited"].map(str::to_owned).to_vec();
    assert_eq!(
        ask("wait_for_session_change", json!({})).await,
        (exited, 0),
        "the kinds that it wants, once, though a signal was pushed as well"
    );
    assert_eq!(ask("list_sessions", json!({})).await, none, "never twice, by whichever tool");
    let second = ["maya-2 appeared", "maya-2 exited"].map(str::to_owned).to_vec();
    let modern = running.call("zed", "wait_for_session_change", json!({})).await;
    assert_eq!(told(&modern), (second, 0), "another client has wishes of its own");
    assert_eq!(told(&running.call("zed", "list_sessions", json!({})).await), none, "and a place of its own");
    let counted = running.numbers.report().outlets.into_iter();
    let counted: Vec<_> =
        counted.filter(|row| row.kind.name() == "exited").map(|row| row.forwarded).collect();
    assert!(counted[0] >= 3, "two for the one and one for the other, beside what was pushed: {counted:?}");
    running.come(3);
    let all = ["maya-3 appeared".to_owned()].to_vec();
    assert_eq!(ask("list_sessions", json!({ "kinds": [] })).await, (all, 0), "all kinds again");
    assert_eq!(told(&running.call("zed", "list_sessions", json!({})).await), none, "the other's stay");
}

#[tokio::test]
async fn a_kind_that_there_is_not_is_refused_with_those_that_there_are() {
    let running = Running::start().await;
    for tool in ["list_sessions", "wait_for_session_change"] {
        let refused = running.call("cursor", tool, json!({ "kinds": ["boom"] })).await;
        assert_eq!(refused["isError"], true, "{tool}");
        for words in ["boom", "appeared", "crashed"] {
            assert!(text(&refused).contains(words), "{tool}: {words} in {}", text(&refused));
        }
    }
    running.come(1);
    assert_eq!(
        kinds(&running.call("cursor", "list_sessions", json!({})).await),
        ["appeared"],
        "nothing is set"
    );
}

#[tokio::test]
async fn who_has_not_asked_for_long_is_told_how_many_it_missed() {
    let running = Running::start().await;
    running.call("cursor", "list_sessions", json!({})).await;
    for pid in 0..700 {
        running.come(pid);
        running.go(pid);
    }
    let (changes, missed) = told(&running.call("cursor", "list_sessions", json!({})).await);
    assert_eq!(changes.len() as u64 + missed, 1400, "every one is told or counted");
    assert_eq!(changes.last().map(String::as_str), Some("maya-699 exited"), "the last ones are told");
    assert_eq!(told(&running.call("cursor", "list_sessions", json!({})).await), (Vec::new(), 0), "once");
}
