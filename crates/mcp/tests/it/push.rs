//! Being told of changes without asking, in both protocol eras.

use serde_json::json;

use crate::support::{Events, Legacy, Running, in_time};

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

#[tokio::test]
async fn a_reader_that_never_reads_delays_nobody_else() {
    let running = Running::start().await;
    let stalled = Legacy::connect(&running, "stalled").await;
    let _never_read = stalled.open_stream().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut stream = Events::of(legacy.open_stream().await);
    for pid in 1..4 {
        running.come(pid);
        stream.notification(LIST_CHANGED).await;
        let listing = legacy.ask("tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
        assert_eq!(listing["result"]["isError"], false, "tools answer as ever");
    }
}
