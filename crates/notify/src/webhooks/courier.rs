//! Delivers the events of one webhook: in order, one at a time, until each was taken or is given up.
//!
//! Invariant: an event is dealt with before the next is begun, and only then is it written down so.

use std::{io, time::Duration};

use maya_mcp_session::clock;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Pace, Webhook, WebhookOptions, WebhookState,
    backlog::{Backlog, Waiting},
    place::Place,
    post::{Answer, Post},
};
use crate::{Dropped, Numbers, Outlet};

/// After so many events that were not wanted, it is written down too that they were looked at.
const LOOKED_AT: u64 = 256;

/// To be run, once, for as long as the engine runs.
#[derive(Debug)]
pub struct Courier {
    webhook: Webhook,
    backlog: Backlog,
    place: Place,
    /// What the file says.
    written: u64,
    pace: Pace,
    numbers: Numbers,
    state: watch::Sender<WebhookState>,
    outage: Outage,
}

/// Since the last delivery.
#[derive(Debug, Default)]
struct Outage {
    failures: u32,
    /// An event that the server refuses, and how often it did.
    refused: (u64, u32),
    given_up: u64,
}

impl Courier {
    pub(super) fn new(
        webhook: Webhook,
        backlog: Backlog,
        (place, written): (Place, u64),
        options: &WebhookOptions,
        state: watch::Sender<WebhookState>,
    ) -> Self {
        Self {
            written,
            webhook,
            backlog,
            place,
            pace: options.pace,
            numbers: options.numbers.clone(),
            state,
            outage: Outage::default(),
        }
    }

    /// Until `stop`, in the middle of a request if need be; that event is sent again after the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.deliver_all()).await;
        self.write_place().await;
    }

    /// Ends only when the server wants no more.
    async fn deliver_all(&mut self) {
        let post = match Post::new(&self.webhook, &self.pace) {
            Ok(post) => post,
            Err(error) => return self.give_up_all(format!("it cannot be posted to: {error}")),
        };
        loop {
            self.look().await;
            let Some(waiting) = self.backlog.first().cloned() else {
                if self.backlog.place() >= self.written.saturating_add(LOOKED_AT) {
                    self.write_place().await;
                }
                self.backlog.changed().await;
                continue;
            };
            match post.once(&waiting.event, clock::now()).await {
                Answer::Delivered => self.delivered(&waiting).await,
                Answer::Gone => {
                    let why = "it answers 410 Gone: nothing is sent there until the next start; take it out of the settings";
                    return self.give_up_all(why.to_owned());
                }
                Answer::Refused(why) if self.is_refused_again(waiting.event.seq) => {
                    self.refused(&waiting, why).await;
                }
                Answer::Refused(why) => self.failed(why, None).await,
                Answer::Later { why, asked } => self.failed(why, asked).await,
            }
        }
    }

    /// Reads what is new.
    async fn look(&mut self) {
        self.backlog.top_up().await;
        let given_up = self.backlog.take_given_up();
        if given_up > 0 && self.outage.given_up == 0 {
            let webhook = self.webhook.logged();
            tracing::warn!(
                webhook,
                "too many events wait, or they are too old: the oldest are not sent any more"
            );
        }
        self.outage.given_up += given_up;
        let waiting = self.backlog.len();
        self.state.send_if_modified(|state| std::mem::replace(&mut state.waiting, waiting) != waiting);
    }

    async fn delivered(&mut self, waiting: &Waiting) {
        let kind = waiting.event.kind;
        match waiting.known {
            Some(known) => self.numbers.forwarded(Outlet::Webhook, kind, known),
            None => self.numbers.told(Outlet::Webhook, kind),
        }
        let Outage { failures, given_up, .. } = std::mem::take(&mut self.outage);
        if failures > 0 || given_up > 0 {
            tracing::info!(
                webhook = self.webhook.logged(),
                failures,
                given_up,
                "the webhook takes events again"
            );
        }
        self.advance().await;
        self.state.send_modify(|state| {
            state.delivered += 1;
            state.last_at = Some(clock::now().to_string());
            state.last_error = None;
            state.next_try_at = None;
        });
    }

    fn is_refused_again(&mut self, seq: u64) -> bool {
        let before = if self.outage.refused.0 == seq { self.outage.refused.1 } else { 0 };
        self.outage.refused = (seq, before + 1);
        before + 1 >= self.pace.refusals
    }

    /// Once too often: the next may be welcome.
    async fn refused(&mut self, waiting: &Waiting, why: String) {
        let seq = waiting.event.seq;
        tracing::warn!(
            webhook = self.webhook.logged(),
            seq,
            why,
            "an event is refused by the webhook, and given up"
        );
        self.numbers.dropped(Outlet::Webhook, waiting.event.kind, Dropped::Failed);
        self.outage.failures = 0;
        self.advance().await;
        self.state.send_modify(|state| {
            state.last_error = Some(why);
            state.next_try_at = None;
        });
    }

    /// Waits until it is time to try again.
    async fn failed(&mut self, why: String, asked: Option<Duration>) {
        self.outage.failures = self.outage.failures.saturating_add(1);
        let webhook = self.webhook.logged();
        if self.outage.failures == 1 {
            tracing::warn!(webhook, why, "the webhook does not take an event; it is tried again");
        } else {
            tracing::debug!(
                webhook,
                why,
                failures = self.outage.failures,
                "the webhook does not take an event"
            );
        }
        // Without randomness nothing is lost but the spreading.
        let chance = getrandom::u32().unwrap_or(u32::MAX);
        let wait = self.pace.wait(self.outage.failures, chance, asked);
        self.state.send_modify(|state| {
            state.last_error = Some(why);
            state.next_try_at = (clock::now() + wait).to_string().into();
        });
        let due = Instant::now() + wait;
        loop {
            tokio::select! {
                () = sleep_until(due) => return,
                () = self.backlog.changed() => {}
            }
            self.look().await;
        }
    }

    fn give_up_all(&self, why: String) {
        tracing::warn!(webhook = self.webhook.logged(), why, "the webhook gets nothing any more");
        self.state.send_modify(|state| {
            state.last_error = Some(why);
            state.next_try_at = None;
        });
    }

    async fn advance(&mut self) {
        self.backlog.advance();
        self.write_place().await;
        let waiting = self.backlog.len();
        self.state.send_modify(|state| state.waiting = waiting);
    }

    async fn write_place(&mut self) {
        let (place, seq) = (self.place.clone(), self.backlog.place());
        if seq <= self.written {
            return;
        }
        let written = spawn_blocking(move || place.write(seq)).await;
        match written.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) {
            Ok(()) => self.written = seq,
            Err(error) => {
                tracing::warn!(webhook = self.webhook.logged(), %error, "how far it has come could not be written");
            }
        }
    }
}
