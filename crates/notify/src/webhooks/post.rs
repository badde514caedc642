//! One try to hand one event over.
//!
//! Invariant: an event goes to the host that was set and to no other, and of the answer no more than a little is read.

use std::{
    error::Error,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use jiff::Timestamp;
use maya_mcp_session::{EventInfo, Kind};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
    redirect::{Action, Attempt, Policy},
};
use serde::Serialize;
use tokio::time::timeout;

use super::{Pace, Secret, Webhook, pace::retry_after, place::digits};

/// Redirects in a row that are followed.
const HOPS: usize = 3;
/// A short answer is read to its end, so that the connection can be used again.
const READ: usize = 16 * 1024;
const READING: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Post {
    client: Client,
    url: Url,
    secret: Option<Secret>,
    limit: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Delivered,
    /// Nothing is wanted there any more.
    Gone,
    /// This event is not wanted.
    Refused(String),
    Later {
        why: String,
        asked: Option<Duration>,
    },
}

/// As the specification recommends it.
#[derive(Serialize)]
struct Body<'a> {
    r#type: Kind,
    timestamp: &'a str,
    data: &'a EventInfo,
}

impl Post {
    pub fn new(webhook: &Webhook, pace: &Pace) -> reqwest::Result<Self> {
        let mut client = Client::builder()
            .user_agent(concat!("maya-mcp-tray/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::custom(follow))
            .referer(false)
            .timeout(pace.limit);
        if webhook.is_on_this_machine() {
            let here = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
            client = client.no_proxy().resolve_to_addrs("localhost", &here);
        }
        let client = client.build()?;
        Ok(Self { client, url: webhook.url.clone(), secret: webhook.secret.clone(), limit: pace.limit })
    }

    pub async fn once(&self, event: &EventInfo, now: Timestamp) -> Answer {
        let (id, seconds) = (id(event), now.as_second());
        let body = Body { r#type: event.kind, timestamp: &event.time, data: event };
        let body = serde_json::to_vec(&body).expect("it holds nothing but text and numbers");
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            request = request.header("webhook-signature", secret.sign(&id, seconds, &body));
        }
        let request = request.header("webhook-id", id).header("webhook-timestamp", seconds);
        match request.body(body).send().await {
            Ok(response) => {
                let answer = self.judge(&response, now);
                // How it was received is known; an answer that does not end is cut off.
                let _ = timeout(READING, read_a_little(response)).await;
                answer
            }
            Err(error) if error.is_timeout() => {
                Answer::Later { why: format!("no answer within {:?}", self.limit), asked: None }
            }
            Err(error) => Answer::Later { why: story(&error.without_url()), asked: None },
        }
    }

    fn judge(&self, response: &Response, now: Timestamp) -> Answer {
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        match status {
            _ if status.is_success() => Answer::Delivered,
            StatusCode::GONE => Answer::Gone,
            _ if status.is_redirection() => {
                let to = header(LOCATION).and_then(|to| self.url.join(to).ok());
                let to = to.map_or_else(|| "nowhere".to_owned(), |to| to.origin().ascii_serialization());
                let why =
                    format!("it redirects to {to} ({status}), which is not followed: set the right address");
                Answer::Later { why, asked: None }
            }
            // These are about this one event; all others, about the server, its address or who may post there.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Answer::Refused(format!("it answers {status}"))
            }
            _ => later(status, header(RETRY_AFTER), now),
        }
    }
}

fn later(status: StatusCode, asked: Option<&str>, now: Timestamp) -> Answer {
    Answer::Later {
        why: format!("it answers {status}"),
        asked: asked.and_then(|text| retry_after(text, now)),
    }
}

/// The same whenever the event is sent, also after a restart.
fn id(event: &EventInfo) -> String {
    let EventInfo { seq, time, source, kind, .. } = event;
    format!("evt_{seq}_{}", digits(&format!("{time} {source} {kind}")))
}

/// Only what keeps it a POST, and to where it was.
fn follow(attempt: Attempt<'_>) -> Action {
    let keeps_post =
        [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&attempt.status());
    let first = attempt.previous().first().map(Url::origin);
    let stays = first.is_some_and(|first| first == attempt.url().origin());
    if keeps_post && stays && attempt.previous().len() <= HOPS { attempt.follow() } else { attempt.stop() }
}

async fn read_a_little(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > READ {
            return;
        }
    }
}

/// The error with its causes, which say what happened.
fn story(error: &dyn Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let text = deeper.to_string();
        if !story.contains(&text) {
            story = format!("{story}: {text}");
        }
        cause = deeper.source();
    }
    story
}
