//! Events for programs elsewhere: each is posted, signed as the Standard Webhooks specification has it, to the addresses that were set.
//!
//! Invariant: there is no queue beside the events that are kept anyway. Each webhook keeps how far it has come, so that a restart loses
//! none and repeats at most the last; a slow or dead server costs nobody else anything.

mod backlog;
mod courier;
mod entry;
mod history;
mod pace;
mod place;
mod post;
mod signature;

use std::{collections::BTreeSet, fmt, io, path::PathBuf, sync::Arc};

use maya_mcp_session::{EventInfo, Registry};
use serde::Serialize;
use tokio::sync::watch;

use crate::{Numbers, Query};

pub use courier::Courier;
pub use entry::{InvalidWebhook, Webhook, webhooks_in_settings};
pub use pace::Pace;
pub use place::furthest;
pub use signature::Secret;

use backlog::Backlog;
use place::Place;

/// The events that were written down, for what the ring does not have any more.
pub trait History: Send + Sync + 'static {
    /// In order. May block.
    fn read(&self, query: &Query) -> io::Result<Vec<EventInfo>>;

    /// All events with a smaller number are there by now, or never will be.
    fn settled(&self) -> watch::Receiver<u64>;
}

/// How one webhook fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebhookState {
    /// Scheme, host and port: the rest may be a secret.
    pub url: String,
    /// Since the start.
    pub delivered: u64,
    pub waiting: usize,
    /// Why the last try failed; null while all is well.
    pub last_error: Option<String>,
    /// When something was delivered last; RFC 3339, UTC.
    pub last_at: Option<String>,
    /// After a failed try.
    pub next_try_at: Option<String>,
}

/// To look at the state of each. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Webhooks(Arc<[watch::Receiver<WebhookState>]>);

/// What a courier works with.
pub struct WebhookOptions {
    pub registry: Registry,
    /// None: what the ring does not have any more is lost.
    pub history: Option<Arc<dyn History>>,
    pub numbers: Numbers,
    /// For how far each has come.
    pub folder: PathBuf,
    pub pace: Pace,
}

impl fmt::Debug for WebhookOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookOptions").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Webhooks {
    /// One courier for each, to be run. A webhook that was not there before begins with the next event.
    pub fn open(configured: Vec<Webhook>, options: &WebhookOptions) -> (Self, Vec<Courier>) {
        let places =
            configured.iter().map(|webhook| Place::new(&options.folder, webhook)).collect::<Vec<_>>();
        let known = places.iter().map(Place::path).collect::<BTreeSet<_>>();
        place::forget_others(&options.folder, &known);
        let mut states = Vec::new();
        let mut couriers = Vec::new();
        for (webhook, place) in configured.into_iter().zip(places) {
            let begin = place.begin(&options.registry);
            let (state, seen) =
                watch::channel(WebhookState { url: webhook.logged(), ..WebhookState::default() });
            let backlog = Backlog::new(options, webhook.filter.clone(), begin.seq);
            couriers.push(Courier::new(webhook, backlog, (place, begin.written), options, state));
            states.push(seen);
        }
        (Self(states.into()), couriers)
    }

    /// In the order of the settings.
    pub fn states(&self) -> Vec<WebhookState> {
        self.0.iter().map(|state| state.borrow().clone()).collect()
    }
}

#[cfg(test)]
mod tests;
