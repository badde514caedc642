//! What a client hears of a script while it runs, and how it ends.

use serde_json::{Value, json};

use crate::{
    fake_maya::{FakeMaya, execution},
    support::{Events, Legacy, Running, in_time, modern_meta},
};

const PROGRESS: &str = "notifications/progress";
const MESSAGE: &str = "notifications/message";

fn script(code: &str) -> Value {
    json!({ "name": "execute_code", "arguments": { "code": code } })
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("text")
}

/// A modern call that is told of its progress and its output.
async fn followed(running: &Running, token: &str) -> Events {
    let mut params = script("render()");
    params["_meta"] = modern_meta();
    params["_meta"]["progressToken"] = json!(token);
    params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("info");
    let request = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let post = running.post(&running.token("cursor"), &request);
    let post = post.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
    Events::of(post.header("mcp-name", "execute_code").send().await.expect("sent"))
}

#[tokio::test]
async fn a_modern_client_hears_of_its_script_on_the_calls_own_stream() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let (mut events, request) = tokio::join!(followed(&running, "token"), maya.request());
    maya.print(&request, "stdout", "frame 1\n").await;
    let message = events.notification(MESSAGE).await;
    assert_eq!(
        (&message["params"]["level"], &message["params"]["data"]),
        (&json!("info"), &json!("frame 1\n")),
        "{message}"
    );
    assert_eq!(message["params"]["logger"], "maya-77", "whose it is");
    maya.print(&request, "warning", "slow\n").await;
    assert_eq!(events.notification(MESSAGE).await["params"]["level"], "warning", "as heavy as it is");
    maya.tell("progress", json!({ "id": request["id"], "progress": 3, "total": 10, "message": "frame 3" }))
        .await;
    let mut told = events.notification(PROGRESS).await;
    while told["params"]["message"] != "frame 3" {
        // It may have been told that it still runs before.
        told = events.notification(PROGRESS).await;
    }
    assert_eq!(
        (&told["params"]["progressToken"], &told["params"]["total"]),
        (&json!("token"), &json!(10.0)),
        "{told}"
    );
    maya.answer(&request, execution(&json!({ "result": 1 }))).await;
    let answer = in_time("the answer", events.answer()).await;
    assert_eq!(
        answer["result"]["structuredContent"]["stdout"], "frame 1\n",
        "the answer has it all the same"
    );
}

#[tokio::test]
async fn a_call_without_wishes_is_one_answer() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.send_modern("cursor", "tools/call", script("1"));
    let answering = async {
        let request = maya.request().await;
        maya.print(&request, "stdout", "quiet\n").await;
        maya.tell("progress", json!({ "id": request["id"], "progress": 1 })).await;
        maya.answer(&request, execution(&json!({ "result": 1 }))).await;
    };
    let (response, ()) = tokio::join!(call, answering);
    assert_eq!(response.headers()["content-type"], "application/json", "a stream would be for nothing");
    let answer = in_time("the answer", Events::of(response).answer()).await;
    assert_eq!(answer["result"]["structuredContent"]["stdout"], "quiet\n", "{answer}");
}

#[tokio::test]
async fn a_legacy_client_hears_of_output_from_the_level_it_has_set() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut stream = Events::of(legacy.open_stream().await);
    let set = legacy.ask("logging/setLevel", json!({ "level": "warning" })).await;
    assert!(set.get("result").is_some(), "{set}");
    let mut params = script("render()");
    params["_meta"] = json!({ "progressToken": 5 });
    let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params });
    let mut answer = Events::of(legacy.send(&call).await);
    let request = maya.request().await;
    maya.print(&request, "stdout", "too light\n").await;
    maya.print(&request, "error", "heavy\n").await;
    maya.tell("progress", json!({ "id": request["id"], "progress": 1, "total": 2 })).await;
    assert_eq!(answer.notification(PROGRESS).await["params"]["progressToken"], 5, "on the call's own stream");
    maya.answer(&request, execution(&json!({ "result": 1 }))).await;
    let heard = stream.notification(MESSAGE).await;
    assert_eq!(
        (&heard["params"]["level"], &heard["params"]["data"]),
        (&json!("error"), &json!("heavy\n")),
        "{heard}"
    );
    let answer = in_time("the answer", answer.answer()).await;
    assert_eq!(answer["result"]["structuredContent"]["stdout"], "too light\n", "the answer has it all");
}

#[tokio::test]
async fn a_script_whose_maya_dies_ends_at_once_with_what_is_known() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "render()" }));
    let dying = async {
        let request = maya.request().await;
        maya.print(&request, "stdout", "frame 41 done\n").await;
        // Heard before it dies.
        let shown = async {
            while running.outputs.after(crate::support::process(77).id.into(), 0).stdout.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        in_time("the output", shown).await;
        drop(maya);
    };
    let (result, ()) = tokio::join!(call, dying);
    assert_eq!(result["isError"], true, "{result}");
    let words = text(&result);
    assert!(words.contains("ended while the script ran") && words.contains("frame 41 done"), "{words}");
}

#[tokio::test]
async fn a_client_stops_its_own_script_and_the_call_has_its_own_answer() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let nothing = running.call("cursor", "cancel_execution", json!({})).await;
    assert_eq!(nothing["isError"], true, "nothing runs yet");
    let call = running.call("cursor", "execute_code", json!({ "code": "while True: pass" }));
    let stopping = async {
        let request = maya.request().await;
        let foreign = running.call("zed", "cancel_execution", json!({})).await;
        assert_eq!(foreign["isError"], true, "another client has nothing to stop");
        let stopped = running.call("cursor", "cancel_execution", json!({ "session": "maya-77" })).await;
        assert_eq!(stopped["structuredContent"]["cancelled"][0]["session"], "maya-77", "{stopped}");
        let cancel = in_time("cancel", maya.request()).await;
        assert_eq!(
            (&cancel["method"], &cancel["params"]["id"]),
            (&json!("cancel"), &request["id"]),
            "{cancel}"
        );
        maya.answer(&cancel, json!({ "state": "running", "stoppable": true })).await;
        let error = json!({ "type": "Cancelled", "message": "stopped", "traceback": "" });
        maya.answer(&request, execution(&json!({ "error": error }))).await;
    };
    let (result, ()) = tokio::join!(call, stopping);
    assert_eq!(result["structuredContent"]["error"]["type"], "Cancelled", "{result}");
}

#[tokio::test]
async fn a_script_that_does_not_stop_is_told_where_it_is() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "bake()" }));
    let stuck = async {
        let request = maya.request().await;
        maya.print(&request, "stdout", "baking\n").await;
        let params = json!({ "id": request["id"], "line": 1, "source": "bake()" });
        maya.tell("not_stopping", params).await;
        maya
    };
    let (result, _maya) = tokio::join!(call, stuck);
    assert_eq!(result["isError"], true, "{result}");
    let words = text(&result);
    assert!(words.contains("still runs in line 1, `bake()`") && words.contains("baking"), "{words}");
}

#[tokio::test]
async fn a_maya_that_says_nothing_holds_no_call_for_ever() {
    for cancelled in [true, false] {
        let running = Running::start().await;
        let mut maya = FakeMaya::connect(&running).await;
        let timeout_s = if cancelled { 600.0 } else { 0.1 };
        let call =
            running.call("cursor", "execute_code", json!({ "code": "hang()", "timeout_s": timeout_s }));
        let hanging = async {
            maya.request().await;
            if cancelled {
                running.call("cursor", "cancel_execution", json!({})).await;
            }
        };
        let (result, ()) = tokio::join!(call, hanging);
        let words = text(&result);
        let wanted = if cancelled {
            "was told to stop and still runs"
        } else {
            "nothing in that Maya answers any more"
        };
        assert!(words.contains(wanted), "{words}");
    }
}

/// Answers the next question of how long the main thread has been away.
async fn main_thread_is_away(maya: &mut FakeMaya, milliseconds: f64) {
    let ping = maya.ping().await;
    maya.answer_on_the_link(&ping, json!({ "main_waiting_ms": milliseconds })).await;
}

#[tokio::test]
async fn a_script_that_has_no_turn_in_its_time_is_taken_back() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "1", "timeout_s": 0.1 }));
    let busy = async {
        maya.request().await;
        main_thread_is_away(&mut maya, 60_000.0).await;
        in_time("cancel", maya.request()).await
    };
    let (result, cancel) = tokio::join!(call, busy);
    assert!(text(&result).contains("so it did not run"), "{}", text(&result));
    assert_eq!(cancel["method"], "cancel", "and does not run later");
}

#[tokio::test]
async fn a_script_that_runs_past_its_time_in_a_maya_that_answers_is_waited_for() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "1", "timeout_s": 0.1 }));
    let slow = async {
        let request = maya.request().await;
        main_thread_is_away(&mut maya, 0.0).await;
        maya.answer(&request, execution(&json!({ "result": "late" }))).await;
    };
    let (result, ()) = tokio::join!(call, slow);
    assert_eq!(result["structuredContent"]["result"], "late", "{result}");
}

#[tokio::test]
async fn a_client_that_may_only_look_any_more_is_stopped_in_mid_run() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "while True: pass" }));
    let forbidding = async {
        let request = maya.request().await;
        let scope = maya_mcp_session::Scope::Client(crate::support::name("cursor"));
        let access = Some(maya_mcp_session::Access::LookOnly);
        running.registry.observe(&maya_mcp_session::Observation::AccessSet { scope, access });
        let cancel = in_time("cancel", maya.request()).await;
        maya.answer(&cancel, json!({ "state": "running", "stoppable": true })).await;
        let error = json!({ "type": "Cancelled", "message": "stopped", "traceback": "" });
        maya.answer(&request, execution(&json!({ "error": error }))).await;
    };
    let (result, ()) = tokio::join!(call, forbidding);
    assert_eq!(result["structuredContent"]["error"]["type"], "Cancelled", "{result}");
}

#[tokio::test]
async fn a_script_that_was_given_up_is_told_of_until_it_ends() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "dialog()" }));
    let stuck = async {
        let request = maya.request().await;
        maya.tell("not_stopping", json!({ "id": request["id"], "line": 1, "source": "dialog()" })).await;
        request
    };
    let (result, request) = tokio::join!(call, stuck);
    assert!(text(&result).contains("a window that the script has opened"), "{}", text(&result));
    let runs = async || {
        let info = running.call("cursor", "get_session_info", json!({})).await;
        info["structuredContent"]["running"].as_array().expect("a list").len()
    };
    assert_eq!(runs().await, 1, "it still runs");
    maya.answer(&request, execution(&json!({}))).await;
    in_time("its end", async { while runs().await > 0 {} }).await;
}

#[tokio::test]
async fn an_argument_that_does_not_exist_runs_nothing() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let arguments = json!({ "code": "wipe()", "session_id": "maya-3", "timeout_s": null });
    let refused = running.call("cursor", "execute_code", arguments).await;
    assert!(text(&refused).contains("There is no argument \"session_id\""), "{refused}");
    assert!(text(&refused).contains("code, language"), "it says which there are: {refused}");
    assert!(!maya.is_asked().await, "nothing reached Maya");
    let call = running.call(
        "cursor",
        "execute_code",
        json!({ "code": "1", "session_key": "maya-77", "undo_name": null }),
    );
    let (result, _) = tokio::join!(call, maya.answer_with(json!({})));
    assert_eq!(result["isError"], false, "an older name is one: {result}");
}

#[tokio::test]
async fn a_flood_for_a_client_that_does_not_read_wedges_nothing() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let _never_read = legacy.open_stream().await;
    legacy.ask("logging/setLevel", json!({ "level": "debug" })).await;
    let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": script("flood()") });
    let call = async { Events::of(legacy.send(&call).await).answer().await };
    let flooding = async {
        let request = maya.request().await;
        for _ in 0..300 {
            maya.print(&request, "stdout", &"x".repeat(20_000)).await;
        }
        let listing = legacy.ask("tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
        assert_eq!(listing["result"]["isError"], false, "its other calls go on");
        maya.answer(&request, execution(&json!({ "result": 1 }))).await;
    };
    let (answer, ()) = in_time("the answers", async { tokio::join!(call, flooding) }).await;
    assert_eq!(answer["result"]["isError"], false, "and so does this one");
}

#[tokio::test]
async fn output_of_a_script_is_kept_whole_beside_its_answer() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let call = running.call("cursor", "execute_code", json!({ "code": "print()" }));
    let printing = async {
        let request = maya.request().await;
        for number in 0..1000 {
            maya.print(&request, ["stdout", "stderr"][number % 2], &format!("{number}\n")).await;
        }
        maya.answer(&request, execution(&json!({}))).await;
    };
    tokio::join!(call, printing);
    let kept = running.call("zed", "get_output", json!({})).await["structuredContent"].clone();
    let lines = |side: &str| kept[side].as_str().expect("text").lines().count();
    assert_eq!((lines("stdout"), lines("stderr"), &kept["missed"]), (500, 500, &json!(0)), "all of it");
}

#[tokio::test]
async fn every_call_is_in_the_audit_log_with_who_what_and_how_it_ended() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    running.call("zed", "list_sessions", json!({})).await;
    let raised = json!({ "type": "NameError", "message": "x", "traceback": "" });
    let failing = running.call("cursor", "execute_code", json!({ "code": "secret_project()" }));
    tokio::join!(failing, maya.answer_with(json!({ "error": raised })));
    running.call("cursor", "execute_code", json!({ "code": "1", "session": "maya-3" })).await;
    let dying = running.call("cursor", "execute_code", json!({ "code": "crash()" }));
    tokio::join!(dying, async {
        maya.request().await;
        drop(maya);
    });
    running.modern("cursor", "tools/call", json!({ "name": "nonsense", "arguments": {} })).await;
    let (home, _) = running.end().await;
    let text = std::fs::read_to_string(home.path().join("logs/audit.jsonl")).expect("written");
    assert!(!text.contains("secret_project"), "no script is in it by default");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let row = |line: &Value| {
        let word = |key: &str| line[key].as_str().expect("text").to_owned();
        let sessions = line["sessions"].as_array().expect("sessions").len();
        assert_eq!(word("digest").len(), 64, "what was asked can be recognised");
        assert!(line["duration_ms"].as_f64().expect("a number") >= 0.0, "how long it took");
        (word("client"), word("tool"), sessions, word("ended"))
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    let wanted = [
        ("zed", "list_sessions", 0, "ok"),
        ("cursor", "execute_code", 1, "error"),
        ("cursor", "execute_code", 0, "error"),
        ("cursor", "execute_code", 1, "lost"),
        ("cursor", "nonsense", 0, "refused"),
    ];
    let wanted = wanted.map(|(client, tool, sessions, ended)| {
        (client.to_owned(), tool.to_owned(), sessions, ended.to_owned())
    });
    assert_eq!(rows, wanted, "{text}");
}
