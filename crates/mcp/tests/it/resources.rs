//! What can be read without calling a tool, in both protocol eras.

use std::time::Duration;

use maya_mcp_maya::Stream;
use maya_mcp_session::{Access, Asker, ByHand, Observation, Scope};
use serde_json::{Value, json};

use crate::{
    fake_maya::FakeMaya,
    support::{Events, Legacy, Running, in_time, process},
};

/// The same client in both eras.
struct Both<'a> {
    running: &'a Running,
    legacy: Legacy<'a>,
}

impl<'a> Both<'a> {
    async fn connect(running: &'a Running) -> Self {
        Self { running, legacy: Legacy::connect(running, "cursor").await }
    }

    async fn ask(&self, method: &str, params: Value) -> [Value; 2] {
        let legacy = self.legacy.ask(method, params.clone()).await;
        [legacy, self.running.modern("cursor", method, params).await]
    }

    /// The content of what is the same in both eras, and its type.
    async fn read(&self, uri: &str) -> (String, String) {
        let [legacy, modern] = self.ask("resources/read", json!({ "uri": uri })).await;
        assert_eq!(legacy["result"]["contents"], modern["result"]["contents"], "{uri}: the same in both");
        assert_eq!(modern["result"]["cacheScope"], "private", "{uri}: it is this client's own");
        assert_eq!(modern["result"]["ttlMs"], 0, "{uri}: it changes at any time");
        content(&modern)
    }

    async fn is_missing(&self, uri: &str) {
        let [legacy, modern] = self.ask("resources/read", json!({ "uri": uri })).await;
        for (answer, code) in [(legacy, -32002), (modern, -32602)] {
            assert_eq!(answer["error"]["code"], code, "{uri}: {answer}");
            assert_eq!(answer["error"]["data"]["uri"], uri, "{uri}: it says what is missing");
        }
    }
}

fn content(answer: &Value) -> (String, String) {
    let content = &answer["result"]["contents"][0];
    let text = |field: &str| content[field].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (text("text"), text("mimeType"))
}

fn parsed((text, mime_type): (String, String)) -> Value {
    assert_eq!(mime_type, "application/json", "as it says");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn sessions_and_each_of_them_can_be_read() {
    let running = Running::start().await;
    running.come(1);
    let both = Both::connect(&running).await;
    let sessions = parsed(both.read("maya://sessions").await);
    assert_eq!(sessions[0]["session"], "maya-1", "what list_sessions gives");
    let one = parsed(both.read("maya://sessions/maya-1/info").await);
    assert_eq!(one, sessions[0], "one of them");
    assert_eq!(one["in_use"], true, "as this client sees it");
    for uri in ["maya://nothing", "maya://sessions/maya-2/info", "maya://sessions/maya-1/nothing"] {
        both.is_missing(uri).await;
    }
    running.go(1);
    for part in ["info", "scene", "stdout", "stderr"] {
        both.is_missing(&format!("maya://sessions/maya-1/{part}")).await;
    }
}

#[tokio::test]
async fn what_a_maya_shows_is_heard_from_the_first_reading_on() {
    let running = Running::start().await;
    running.come(1);
    let id = process(1).id.into();
    let both = Both::connect(&running).await;
    let nothing = both.read("maya://sessions/maya-1/stdout").await;
    assert_eq!(nothing, (String::new(), "text/plain".to_owned()), "nothing yet");
    in_time("listening", running.outputs.is_wanted(id)).await;
    running.outputs.hear(id, Stream::Info, "one\n");
    running.outputs.hear(id, Stream::Warning, "Vorsicht: ü\n");
    running.outputs.hear(id, Stream::Stdout, "two\n");
    assert_eq!(both.read("maya://sessions/maya-1/stdout").await.0, "one\ntwo\n", "without the warnings");
    assert_eq!(both.read("maya://sessions/maya-1/stderr").await.0, "Vorsicht: ü\n", "only these");
}

#[tokio::test]
async fn the_scene_is_asked_of_maya_even_where_nothing_may_run() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    running
        .registry
        .observe(&Observation::AccessSet { scope: Scope::Everywhere, access: Some(Access::LookOnly) });
    let legacy = Legacy::connect(&running, "cursor").await;
    let params = json!({ "uri": "maya://sessions/maya-77/scene" });
    let scene = json!({ "file": "/srv/shot.ma", "modified": true, "nodes": { "mesh": 3 } });
    let asked = legacy.ask("resources/read", params.clone());
    let (answer, request) = tokio::join!(asked, maya.answer_with(scene.clone()));
    assert_eq!(request["method"], "scene", "it looks");
    assert_eq!(parsed(content(&answer))["file"], "/srv/shot.ma", "what Maya says");
    let asked = running.modern("cursor", "resources/read", params);
    let (answer, _) = tokio::join!(asked, maya.answer_with(scene));
    assert_eq!(parsed(content(&answer))["nodes"]["mesh"], 3, "anew at each reading");
    assert_eq!(maya.client_name(), Some("cursor"), "over the client's own connection");
}

#[tokio::test]
async fn a_maya_that_cannot_tell_its_scene_is_said_in_a_sentence() {
    let running = Running::start().await;
    running.come(1);
    let read = |session: &str| {
        let params = json!({ "uri": format!("maya://sessions/{session}/scene") });
        running.modern("cursor", "resources/read", params)
    };
    let not_linked = read("maya-1").await;
    assert_eq!(not_linked["error"]["code"], -32603, "{not_linked}");
    let sentence = not_linked["error"]["message"].as_str().expect("a sentence");
    assert!(sentence.contains("looking for its command port"), "it says why: {sentence}");

    let mut maya = FakeMaya::connect(&running).await;
    let busy = async {
        assert_eq!(in_time("scene", maya.request()).await["method"], "scene", "it has arrived");
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
        assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "nobody waits any more");
    };
    let (answer, ()) = tokio::join!(read("maya-77"), busy);
    let sentence = answer["error"]["message"].as_str().expect("a sentence");
    assert!(sentence.contains("has no time now"), "{sentence}");
    assert_eq!(answer["error"]["data"]["uri"], "maya://sessions/maya-77/scene", "{answer}");
}

#[tokio::test]
async fn reading_what_happened_takes_it_from_nobody() {
    let running = Running::start().await;
    let both = Both::connect(&running).await;
    running.come(1);
    running.go(1);
    for look in 1..3 {
        let read = parsed(both.read("maya://events").await);
        let kinds: Vec<_> = read["events"].as_array().expect("events").iter().map(|e| &e["kind"]).collect();
        assert_eq!(kinds, ["appeared", "exited"], "look {look}");
        assert_eq!(read["older"], false, "look {look}");
    }
    let listing = running.call("cursor", "list_sessions", json!({})).await;
    let changes = listing["structuredContent"]["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 2, "the client is told all the same");
}

#[tokio::test]
async fn what_happened_before_a_restart_comes_before_what_happened_since() {
    let running = Running::start().await;
    let both = Both::connect(&running).await;
    let told = async || {
        let read = parsed(both.read("maya://events").await);
        let row = |event: &Value| (event["seq"].as_u64().expect("a number"), event["kind"].to_string());
        let events: Vec<_> = read["events"].as_array().expect("events").iter().map(row).collect();
        (events, read["older"].as_bool().expect("yes or no"))
    };
    running.remembers(&[(7, "appeared"), (7, "heartbeat"), (7, "crashed")]);
    let row = |seq, kind: &str| (seq, format!("\"{kind}\""));
    let old = [row(1, "appeared"), row(3, "crashed")];
    assert_eq!(told().await, (old.to_vec(), false), "nobody asked for the heartbeat");
    running.come(1);
    running.go(1);
    let (events, older) = told().await;
    assert_eq!(events[..2], old, "the older ones");
    assert_eq!(events[2..], [row(1000, "appeared"), row(1001, "exited")], "and the newer ones, once");
    assert!(!older, "that is all");
    for pid in 2..257 {
        running.come(pid);
    }
    let (events, older) = told().await;
    assert_eq!((events.len(), events[0].0, older), (256, 1001, true), "the newest, and that there were more");
}

#[tokio::test]
async fn everything_that_can_be_read_is_listed() {
    let running = Running::start().await;
    running.come(1);
    running.registry.observe(&Observation::AddedByHand(ByHand {
        host: "render1".to_owned(),
        by: Asker::Artist,
        address: "10.0.0.5:7001".parse().expect("an address"),
    }));
    let both = Both::connect(&running).await;
    let [legacy, modern] = both.ask("resources/list", json!({})).await;
    assert_eq!(legacy["result"]["resources"], modern["result"]["resources"], "one list");
    let listed = modern["result"]["resources"].as_array().expect("a list");
    let uris: Vec<_> = listed.iter().map(|resource| resource["uri"].as_str().expect("a URI")).collect();
    let mut expected = vec!["maya://sessions".to_owned(), "maya://events".to_owned()];
    for session in ["maya-1", "maya-10.0.0.5%3A7001"] {
        expected.extend(
            ["info", "scene", "stdout", "stderr"].map(|part| format!("maya://sessions/{session}/{part}")),
        );
    }
    assert_eq!(uris, expected, "in this order");
    for uri in uris.iter().filter(|uri| !uri.ends_with("/scene")) {
        both.read(uri).await;
    }
    both.read("maya://sessions/maya-10.0.0.5:7001/info").await;
    let [legacy, modern] = both.ask("resources/templates/list", json!({})).await;
    assert_eq!(legacy["result"]["resourceTemplates"], modern["result"]["resourceTemplates"], "one list");
    let templates = modern["result"]["resourceTemplates"].as_array().expect("a list");
    let uris: Vec<_> = templates.iter().map(|template| template["uriTemplate"].clone()).collect();
    let expected =
        ["info", "scene", "stdout", "stderr"].map(|part| format!("maya://sessions/{{session}}/{part}"));
    assert_eq!(json!(uris), json!(expected), "the same of any session");
}

#[tokio::test]
async fn there_is_one_page_and_no_other() {
    let running = Running::start().await;
    let both = Both::connect(&running).await;
    for method in ["resources/list", "resources/templates/list", "prompts/list"] {
        for answer in both.ask(method, json!({ "cursor": "page-2" })).await {
            assert_eq!(answer["error"]["code"], -32602, "{method}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_is_promised_is_the_same_in_both_eras() {
    let running = Running::start().await;
    let token = running.token("cursor");
    let response = running.post(&token, &crate::support::initialize()).send().await.expect("sent");
    let legacy = in_time("initialize", Events::of(response).answer()).await;
    let modern = running.modern("cursor", "server/discover", json!({})).await;
    let promised = &modern["result"]["capabilities"];
    assert_eq!(legacy["result"]["capabilities"], *promised, "one set");
    assert_eq!(promised["resources"], json!({ "subscribe": true, "listChanged": true }), "{promised}");
    assert_eq!(promised["prompts"], json!({}), "always the same");
    assert_eq!(promised["completions"], json!({}), "names of sessions");
}
