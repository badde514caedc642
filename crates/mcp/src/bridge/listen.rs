//! A modern client's `subscriptions/listen`, which outlives the endpoint that serves it.
//!
//! Invariant: the client sees one acknowledgement; when the stream had to be opened anew, it is told that everything it listens for may have changed.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    reach::Patience,
    relay::{Asked, Headers, Relay, error},
};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) fn is_listen(asked: &Asked) -> bool {
    asked.method == "subscriptions/listen"
}

/// Ends when the client cancels it, or when the endpoint refuses it.
pub(super) async fn listen(
    relay: &Arc<Relay>,
    asked: &Asked,
    headers: &Headers,
    arrived: &CancellationToken,
) {
    let mut pause = FIRST_PAUSE;
    let mut acknowledged = false;
    loop {
        let began = Instant::now();
        if let Ok(endpoint) = relay.reach.endpoint(Patience::AtOnce).await
            && let Ok(reply) = relay.post(&endpoint, headers, asked.line.clone()).await
        {
            arrived.cancel();
            let refused = reply.status() != StatusCode::OK;
            let mut over = refused;
            let mut lines = Vec::new();
            reply
                .messages(|text| {
                    lines.clear();
                    over |= sort(asked, text, &mut acknowledged, &mut lines);
                    let lines = std::mem::take(&mut lines);
                    async move {
                        for line in lines {
                            relay.send(line).await;
                        }
                    }
                })
                .await;
            if over {
                return;
            }
        }
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What of a message goes to the client; true when the listening is over.
fn sort(asked: &Asked, text: String, acknowledged: &mut bool, lines: &mut Vec<String>) -> bool {
    let Ok(message) = serde_json::from_str::<Value>(&text) else {
        lines.push(error(&asked.id, -32603, &text));
        return true;
    };
    match message.get("method").and_then(Value::as_str) {
        Some("notifications/subscriptions/acknowledged") if *acknowledged => {
            lines.extend(all_may_have_changed(asked, &message));
        }
        Some(method) => {
            *acknowledged |= method == "notifications/subscriptions/acknowledged";
            lines.push(text);
        }
        // The endpoint ends in order: the client listens on, to the next one.
        None if message.get("result").is_some() => {}
        None => {
            lines.push(text);
            return true;
        }
    }
    false
}

fn all_may_have_changed(asked: &Asked, acknowledgement: &Value) -> Vec<String> {
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": asked.id });
    let filter = acknowledgement.pointer("/params/notifications").cloned().unwrap_or_default();
    let wants = |category: &str| filter.get(category).and_then(Value::as_bool).unwrap_or_default();
    let mut lines = Vec::new();
    for (category, method) in [
        ("toolsListChanged", "notifications/tools/list_changed"),
        ("promptsListChanged", "notifications/prompts/list_changed"),
        ("resourcesListChanged", "notifications/resources/list_changed"),
    ] {
        if wants(category) {
            lines
                .push(json!({ "jsonrpc": "2.0", "method": method, "params": { "_meta": meta } }).to_string());
        }
    }
    let uris = filter.get("resourceSubscriptions").and_then(Value::as_array).cloned().unwrap_or_default();
    for uri in uris {
        let params = json!({ "uri": uri, "_meta": meta });
        lines.push(
            json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params })
                .to_string(),
        );
    }
    lines
}
