//! A modern client's `subscriptions/listen`, which outlives the endpoint that serves it.
//!
//! Invariant: the client sees one acknowledgement; when the stream had to be opened anew, it is told that everything it listens for may have changed.

use std::sync::Arc;

use hyper::StatusCode;
use rmcp::model::SubscriptionFilter;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    message::{Asked, Kind, error, understand},
    offline::Trouble,
    reach::{Pace, Patience},
    relay::{Headers, Outcome, Relay},
};
use crate::{
    proven::{End, FindError, Reply},
    push,
    resources::Topic,
};

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
    let mut pace = Pace::new();
    let mut acknowledged = false;
    let mut refusals = 0;
    loop {
        let posted = match relay.reach.endpoint(Patience::Again).await {
            Ok(endpoint) => {
                let posted = relay.post(&endpoint, headers, asked.line.clone()).await;
                posted.map(|reply| (endpoint, reply))
            }
            Err(found @ (FindError::NoToken { .. } | FindError::TokenUnreadable { .. })) => {
                return refuse(relay, asked, &Trouble::NotFound(found)).await;
            }
            Err(_) => Err(Outcome::NotSent),
        };
        if matches!(posted, Err(Outcome::Refused)) {
            refusals += 1;
            // The first time the token may only have been made anew, and is read again.
            if refusals > 1 {
                return refuse(relay, asked, &Trouble::Refused).await;
            }
            continue;
        }
        if let Ok((endpoint, reply)) = posted {
            refusals = 0;
            // One that has no room now is asked again, ever less often.
            if !has_no_room(reply.status()) {
                pace.found();
                arrived.cancel();
                let end = hear(relay, asked, reply, &mut acknowledged).await;
                if end.is_none() {
                    return;
                }
                if end == Some(End::BrokenOff) {
                    relay.reach.lost(&endpoint);
                }
            }
        }
        if !acknowledged {
            // There is nobody to listen to yet; when there is, the client hears that everything may have changed.
            acknowledged = true;
            arrived.cancel();
            relay.send(acknowledgement(asked)).await;
        }
        pace.wait(&relay.reach).await;
    }
}

/// It has too many connections, or is about to end.
fn has_no_room(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// How the stream ended; none when the listening is over, and the client has been told so.
async fn hear(relay: &Relay, asked: &Asked, reply: Reply, acknowledged: &mut bool) -> Option<End> {
    let status = reply.status();
    let mut over = false;
    let end = reply
        .messages(|text| {
            let mut lines = Vec::new();
            if status == StatusCode::OK {
                over |= sort(asked, text, acknowledged, &mut lines);
            } else if !over {
                over = true;
                lines.push(refusal(asked, status, text));
            }
            async move {
                for line in lines {
                    relay.send(line).await;
                }
            }
        })
        .await;
    if status != StatusCode::OK && !over && end == End::Complete {
        // Without a word.
        relay.send(refusal(asked, status, String::new())).await;
        over = true;
    }
    (!over).then_some(end)
}

/// What answers the request: never what is no error, though it be well written.
fn refusal(asked: &Asked, status: StatusCode, text: String) -> String {
    match understand(asked, status, text) {
        (line, Kind::Error) => line,
        (line, _) => error(&asked.id, -32603, &format!("The endpoint answered {status}: {line}")),
    }
}

async fn refuse(relay: &Relay, asked: &Asked, trouble: &Trouble) {
    relay.send(error(&asked.id, -32603, &trouble.advice(relay.reach.client()))).await;
}

fn acknowledgement(asked: &Asked) -> String {
    let wanted = asked.param("notifications").cloned();
    let wanted: SubscriptionFilter =
        wanted.and_then(|wanted| serde_json::from_value(wanted).ok()).unwrap_or_default();
    let params = json!({ "_meta": meta(asked), "notifications": push::accept(&wanted, Topic::is_possible) });
    let method = "notifications/subscriptions/acknowledged";
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
}

/// The last word to a listener.
pub(super) fn end_of(asked: &Asked) -> String {
    let result = json!({ "resultType": "complete", "_meta": meta(asked) });
    json!({ "jsonrpc": "2.0", "id": asked.id, "result": result }).to_string()
}

fn meta(asked: &Asked) -> Value {
    json!({ "io.modelcontextprotocol/subscriptionId": asked.id })
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
    let meta = meta(asked);
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
