//! Ready-made requests, and names that complete themselves, in both protocol eras.

use maya_mcp_session::{Ending, Observation, Silent, clock};
use serde_json::{Value, json};

use crate::{
    fake_maya::FakeMaya,
    support::{Legacy, Running, process},
};

async fn prompt(running: &Running, name: &str, arguments: Value) -> Value {
    running.modern("cursor", "prompts/get", json!({ "name": name, "arguments": arguments })).await
}

fn text(answer: &Value) -> &str {
    let message = &answer["result"]["messages"][0];
    assert_eq!(message["role"], "user", "the artist speaks");
    message["content"]["text"].as_str().unwrap_or_else(|| panic!("no text in {answer}"))
}

fn crash(running: &Running, pid: u32, recovered: Option<&str>) {
    let ending = Ending::WithoutGoodbye { recovered_scene: recovered.map(Into::into) };
    running.registry.observe(&Observation::ProcessEnded { id: process(pid).id.into(), ending });
}

#[tokio::test]
async fn the_same_prompts_are_listed_in_both_eras() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let old = legacy.ask("prompts/list", json!({})).await;
    let new = running.modern("cursor", "prompts/list", json!({})).await;
    assert_eq!(old["result"]["prompts"], new["result"]["prompts"], "one list");
    let prompts = new["result"]["prompts"].as_array().expect("a list");
    let names: Vec<_> = prompts.iter().map(|prompt| &prompt["name"]).collect();
    assert_eq!(names, ["pick_session", "look_over_scene", "recover_after_crash"], "in this order");
    assert_eq!(new["result"]["cacheScope"], "private", "it may be kept for a while");
    for prompt in prompts {
        let params = json!({ "name": prompt["name"] });
        let old = legacy.ask("prompts/get", params.clone()).await;
        let new = running.modern("cursor", "prompts/get", params).await;
        assert_eq!(text(&old), text(&new), "one text");
        assert_eq!(new["result"]["description"], prompt["description"], "described as listed");
    }
}

#[tokio::test]
async fn picking_a_session_shows_what_runs() {
    let running = Running::start().await;
    let nobody = prompt(&running, "pick_session", json!({})).await;
    assert!(text(&nobody).contains("No Maya is running now"), "{nobody}");
    running.come(1);
    running.come(2);
    let some = prompt(&running, "pick_session", json!({})).await;
    for part in ["- maya-1 (Maya 2025)", "- maya-2 (Maya 2025)", "discovered", "use_session"] {
        assert!(text(&some).contains(part), "{part} in {}", text(&some));
    }
}

#[tokio::test]
async fn looking_over_a_scene_brings_the_scene_along() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let scene = json!({ "file": "/srv/shot.ma", "unknown_nodes": { "count": 1, "names": ["ghost"] } });
    let asked = prompt(&running, "look_over_scene", json!({ "session": "" }));
    let (answer, request) = tokio::join!(asked, maya.answer_with(scene));
    assert_eq!(request["method"], "scene", "it looks");
    for part in ["Change nothing", "\"/srv/shot.ma\"", "\"ghost\"", "maya://sessions/maya-77/scene"] {
        assert!(text(&answer).contains(part), "{part} in {}", text(&answer));
    }
    running.come(1);
    let not_ready = prompt(&running, "look_over_scene", json!({ "session": "maya-1" })).await;
    assert!(text(&not_ready).contains("looking for its command port"), "why not: {not_ready}");
    let unknown = prompt(&running, "look_over_scene", json!({ "session": "maya-5" })).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let sentence = unknown["error"]["message"].as_str().expect("a sentence");
    assert!(sentence.contains("maya-1 (Maya 2025)"), "which there are: {sentence}");
    running.come(2);
    running.go(77);
    let which = prompt(&running, "look_over_scene", json!({})).await;
    assert!(text(&which).contains("Several Mayas are running"), "first to be cleared up: {which}");
}

#[tokio::test]
async fn after_a_crash_the_recovered_scene_is_named() {
    let running = Running::start().await;
    let none = prompt(&running, "recover_after_crash", json!({})).await;
    assert!(text(&none).contains("No crash has been seen"), "{none}");
    for pid in 1..5 {
        running.come(pid);
    }
    crash(&running, 1, Some("/tmp/ana.20261121.1.ma"));
    crash(&running, 2, None);
    running.go(3);
    let last = prompt(&running, "recover_after_crash", json!({})).await;
    assert!(text(&last).contains("of session maya-2: Maya 2025 closed unexpectedly"), "the last: {last}");
    let first = prompt(&running, "recover_after_crash", json!({ "session": "maya-1" })).await;
    for part in ["/tmp/ana.20261121.1.ma", "Never save over the original", "Ask me before"] {
        assert!(text(&first).contains(part), "{part} in {}", text(&first));
    }
    for session in ["maya-3", "maya-4", "maya-9"] {
        let error = prompt(&running, "recover_after_crash", json!({ "session": session })).await;
        assert_eq!(error["error"]["code"], -32602, "{session} has not crashed: {error}");
        let sentence = error["error"]["message"].as_str().expect("a sentence");
        assert!(sentence.contains("maya-2, maya-1"), "{session}: which have: {sentence}");
    }
}

#[tokio::test]
async fn a_crash_before_a_restart_is_known() {
    let running = Running::start().await;
    running.remembers(&[(7, "crashed"), (8, "crashed"), (8, "exited")]);
    let last = prompt(&running, "recover_after_crash", json!({})).await;
    assert!(text(&last).contains("of session maya-8: maya-8 crashed long ago"), "the last: {last}");
    running.come(1);
    crash(&running, 1, None);
    let last = prompt(&running, "recover_after_crash", json!({})).await;
    assert!(text(&last).contains("of session maya-1: "), "a newer one: {last}");
    let old = prompt(&running, "recover_after_crash", json!({ "session": "maya-7" })).await;
    assert!(text(&old).contains("maya-7 crashed long ago (2026-11-20T08:00:00Z)"), "by its name: {old}");
}

#[tokio::test]
async fn a_maya_that_still_shows_its_error_window_has_crashed_already() {
    let running = Running::start().await;
    let _maya = FakeMaya::connect(&running).await;
    running.come(1);
    crash(&running, 1, Some("/tmp/earlier.ma"));
    running.registry.observe(&Observation::MainThreadStuck {
        id: process(77).id.into(),
        since: clock::now(),
        silent: Silent::Everything,
        recovered_scene: Some("/tmp/later.ma".into()),
    });
    let last = prompt(&running, "recover_after_crash", json!({})).await;
    for part in ["of session maya-77", "close its error window", "/tmp/later.ma (not responding since"] {
        assert!(text(&last).contains(part), "{part} in {}", text(&last));
    }
}

#[tokio::test]
async fn what_does_not_fit_a_prompt_is_said_in_a_sentence() {
    let running = Running::start().await;
    for (name, arguments, part) in [
        ("nonsense", json!({}), "pick_session, look_over_scene, recover_after_crash"),
        ("pick_session", json!({ "session": "maya-1" }), "has no argument \"session\""),
        ("look_over_scene", json!({ "session": 5 }), "must be a session's name"),
        ("look_over_scene", json!({ "session": "maya-5" }), "There is no session \"maya-5\""),
    ] {
        let answer = prompt(&running, name, arguments).await;
        assert_eq!(answer["error"]["code"], -32602, "{name}: {answer}");
        let sentence = answer["error"]["message"].as_str().expect("a sentence");
        assert!(sentence.contains(part), "{name}: {sentence}");
    }
}

#[tokio::test]
async fn names_of_sessions_complete_themselves() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    for pid in [84, 853, 9] {
        running.come(pid);
    }
    crash(&running, 9, None);
    let template = json!({ "type": "ref/resource", "uri": "maya://sessions/{session}/scene" });
    let prompt = |name: &str| json!({ "type": "ref/prompt", "name": name });
    for (reference, argument, typed, names) in [
        (template.clone(), "session", "maya-8", &["maya-84", "maya-853"] as &[_]),
        (template.clone(), "session", "53", &["maya-853"]),
        (template, "nothing", "maya", &[]),
        (prompt("look_over_scene"), "session", "", &["maya-84", "maya-853"]),
        (prompt("recover_after_crash"), "session", "", &["maya-9"]),
        (prompt("nonsense"), "session", "maya", &[]),
        (json!({ "type": "ref/resource", "uri": "maya://nothing" }), "session", "maya", &[]),
    ] {
        let params = json!({ "ref": reference, "argument": { "name": argument, "value": typed } });
        for answer in [
            legacy.ask("completion/complete", params.clone()).await,
            running.modern("cursor", "completion/complete", params.clone()).await,
        ] {
            let found = &answer["result"]["completion"];
            assert_eq!(found["values"], json!(names), "{params}: {answer}");
            assert_eq!(found["total"], names.len(), "{params}: all of them");
        }
    }
}
