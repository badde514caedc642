//! Being told of changes without asking, in both protocol eras.

use futures_util::future::join_all;
use maya_mcp_maya::Stream;
use maya_mcp_session::{Observation, Scene, SceneReason};
use serde_json::{Value, json};

use crate::support::{Events, Legacy, Running, in_time, process};

const LIST_CHANGED: &str = "notifications/resources/list_changed";
const UPDATED: &str = "notifications/resources/updated";

#[tokio::test]
async fn a_legacy_client_hears_of_what_happens_in_the_background() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut stream = Events::of(legacy.open_stream().await);
    running.come(1);
    stream.notification(LIST_CHANGED).await;
    let subscribed = legacy.ask("resources/subscribe", json!({ "uri": "maya://sessions" })).await;
    assert!(subscribed.get("result").is_some(), "{subscribed}");
    running.go(1);
    stream.notification(LIST_CHANGED).await;
    let updated = stream.notification(UPDATED).await;
    assert_eq!(updated["params"]["uri"], "maya://sessions", "what it watches");
    let refused = legacy.ask("resources/subscribe", json!({ "uri": "maya://nothing" })).await;
    assert!(refused.get("error").is_some(), "{refused}");
}

#[tokio::test]
async fn a_modern_client_hears_of_what_it_listens_for() {
    let running = Running::start().await;
    let uris = json!(["maya://sessions", "maya://nothing"]);
    let filter = json!({ "notifications": { "resourcesListChanged": true, "resourceSubscriptions": uris } });
    let mut stream = Events::of(running.send_modern("cursor", "subscriptions/listen", filter).await);
    let acknowledged = stream.notification("notifications/subscriptions/acknowledged").await;
    let accepted = &acknowledged["params"]["notifications"]["resourceSubscriptions"];
    assert_eq!(*accepted, json!(["maya://sessions"]), "only what exists");
    running.come(1);
    let changed = stream.notification(LIST_CHANGED).await;
    assert_eq!(
        changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7,
        "tagged with the request"
    );
    assert_eq!(stream.notification(UPDATED).await["params"]["uri"], "maya://sessions", "and the content");
    running.stop.cancel();
    let ended = in_time("the end", async {
        while let Some(message) = stream.next().await {
            if message.get("result").is_some() {
                return true;
            }
        }
        false
    });
    assert!(ended.await, "a listener is told that it ends");
}

/// A modern client's stream, acknowledged.
async fn listen(running: &Running, client: &str, uris: &[&str]) -> (Events, Value) {
    let filter = json!({ "notifications": { "resourcesListChanged": true, "resourceSubscriptions": uris } });
    let mut stream = Events::of(running.send_modern(client, "subscriptions/listen", filter).await);
    let acknowledged = stream.notification("notifications/subscriptions/acknowledged").await;
    let accepted = acknowledged["params"]["notifications"]["resourceSubscriptions"].clone();
    (stream, accepted)
}

/// A legacy client's stream.
async fn subscribe(legacy: &Legacy<'_>, uris: &[&str]) -> Events {
    let stream = Events::of(legacy.open_stream().await);
    for uri in uris {
        let subscribed = legacy.ask("resources/subscribe", json!({ "uri": uri })).await;
        assert!(subscribed.get("result").is_some(), "{uri}: {subscribed}");
    }
    stream
}

fn save(running: &Running, pid: u32) {
    let (reason, scene) = (SceneReason::Saved, Scene::default());
    running.registry.observe(&Observation::SceneSeen { id: process(pid).id.into(), reason, scene });
}

/// These are told of, in any order, and nothing else is before them.
async fn updated(stream: &mut Events, uris: &[&str]) {
    let mut told = Vec::new();
    for _ in uris {
        told.push(stream.notification(UPDATED).await["params"]["uri"].as_str().expect("a URI").to_owned());
    }
    told.sort();
    assert_eq!(told, uris, "what was subscribed to");
}

const INFO: &str = "maya://sessions/maya-1/info";
const SCENE: &str = "maya://sessions/maya-1/scene";
const STDERR: &str = "maya://sessions/maya-1/stderr";
/// As one client may write it.
const STDOUT: &str = "maya://sessions/%6Daya-1/stdout";

#[tokio::test]
async fn what_happens_in_a_session_is_told_to_who_watches_it_in_both_eras() {
    let running = Running::start().await;
    running.come(1);
    running.come(2);
    let watched = [STDOUT, INFO, SCENE, STDERR];
    let legacy = Legacy::connect(&running, "cursor").await;
    let unknown = json!({ "uri": "maya://sessions/maya-3/info" });
    let refused = legacy.ask("resources/subscribe", unknown.clone()).await;
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["data"]),
        (&json!(-32002), &unknown),
        "{refused}"
    );
    let mut old = subscribe(&legacy, &watched).await;
    let wanted = [&watched as &[_], &["maya://sessions/maya-3/info"]].concat();
    let (mut new, accepted) = listen(&running, "zed", &wanted).await;
    assert_eq!(accepted, json!(watched), "as it is written, without what is not there");
    let id = process(1).id.into();
    in_time("listening", running.outputs.is_wanted(id)).await;
    save(&running, 2);
    save(&running, 1);
    for stream in [&mut old, &mut new] {
        updated(stream, &[INFO, SCENE]).await;
    }
    running.outputs.hear(id, Stream::Info, "shown\n");
    for stream in [&mut old, &mut new] {
        updated(stream, &[STDOUT]).await;
    }
    running.outputs.hear(id, Stream::Error, "oh\n");
    for stream in [&mut old, &mut new] {
        updated(stream, &[STDERR]).await;
    }
    let unsubscribed = legacy.ask("resources/unsubscribe", json!({ "uri": STDERR })).await;
    assert!(unsubscribed.get("result").is_some(), "{unsubscribed}");
    running.go(1);
    updated(&mut old, &[STDOUT, INFO, SCENE]).await;
    updated(&mut new, &watched).await;
    running.come(3);
    for stream in [&mut old, &mut new] {
        stream.notification(LIST_CHANGED).await;
    }
}

#[tokio::test]
async fn fifty_clients_hear_of_a_change() {
    let running = Running::start().await;
    running.come(1);
    let connecting = (0..25).map(async |_| {
        let legacy = Legacy::connect(&running, "cursor").await;
        subscribe(&legacy, &["maya://sessions", SCENE]).await
    });
    let mut streams = join_all(connecting).await;
    let listening = (0..25).map(async |_| listen(&running, "zed", &["maya://sessions", SCENE]).await.0);
    streams.extend(join_all(listening).await);
    save(&running, 1);
    join_all(streams.iter_mut().map(|stream| updated(stream, &["maya://sessions", SCENE]))).await;
    running.come(2);
    join_all(streams.iter_mut().map(|stream| stream.notification(LIST_CHANGED))).await;
    running.go(1);
    join_all(streams.iter_mut().map(|stream| stream.notification(LIST_CHANGED))).await;
}

#[tokio::test]
async fn a_reader_that_never_reads_delays_nobody_else() {
    let running = Running::start().await;
    running.come(9);
    let id = process(9).id.into();
    let stdout = "maya://sessions/maya-9/stdout";
    let stalled = Legacy::connect(&running, "stalled").await;
    let _never_read = subscribe(&stalled, &[stdout]).await;
    let _never_read_either = listen(&running, "stalled", &[stdout]).await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut stream = subscribe(&legacy, &[stdout]).await;
    for pid in 1..4 {
        running.outputs.hear(id, Stream::Stdout, "line\n");
        stream.notification(UPDATED).await;
        running.come(pid);
        stream.notification(LIST_CHANGED).await;
        let listing = legacy.ask("tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
        assert_eq!(listing["result"]["isError"], false, "tools answer as ever");
    }
}
