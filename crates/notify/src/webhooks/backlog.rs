//! What a webhook has still to deliver.
//!
//! Invariant: in order and without doubles, and never more than [`KEPT`] events nor older than [`OLDEST`]: what goes beyond is counted.

use std::{collections::VecDeque, fmt, io, sync::Arc, time::Instant};

use jiff::{SignedDuration, Timestamp};
use maya_mcp_session::{EventInfo, Filter, Registry, clock, event_info};
use tokio::{sync::watch, task::spawn_blocking};

use super::{History, WebhookOptions};
use crate::{Dropped, Numbers, Outlet};

/// So many are kept for a server that does not take them.
pub(super) const KEPT: usize = 1000;
/// Nobody acts on what is older.
pub(super) const OLDEST: SignedDuration = SignedDuration::from_hours(24);
/// So many are read from the log at once.
const PAGE: usize = 500;

pub(super) struct Backlog {
    registry: Registry,
    /// Wakes when something happens.
    next: watch::Receiver<u64>,
    history: Option<Arc<dyn History>>,
    filter: Filter,
    numbers: Numbers,
    waiting: VecDeque<Waiting>,
    /// All events up to this one have been looked at.
    read_to: u64,
    given_up: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub event: EventInfo,
    /// None for one that is from the log.
    pub known: Option<Instant>,
}

impl Backlog {
    pub fn new(options: &WebhookOptions, filter: Filter, begin: u64) -> Self {
        Self {
            registry: options.registry.clone(),
            next: options.registry.watch_next_seq(),
            history: options.history.clone(),
            filter,
            numbers: options.numbers.clone(),
            waiting: VecDeque::new(),
            read_to: begin,
            given_up: 0,
        }
    }

    pub fn first(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    /// The first is dealt with.
    pub fn advance(&mut self) {
        self.waiting.pop_front();
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// All events up to this one are dealt with.
    pub fn place(&self) -> u64 {
        self.first().map_or(self.read_to, |waiting| waiting.event.seq.saturating_sub(1))
    }

    /// How many were given up since this was asked last, as there were too many or they were too old.
    pub fn take_given_up(&mut self) -> u64 {
        std::mem::take(&mut self.given_up)
    }

    /// Until something happens. Safe to drop half-way (cancel safe).
    pub async fn changed(&mut self) {
        let closed = self.next.changed().await;
        closed.expect("the registry is held here");
    }

    /// Reads whatever has happened. Safe to drop half-way (cancel safe).
    pub async fn top_up(&mut self) {
        self.next.mark_unchanged();
        loop {
            // First: what is older than this is not in the ring, whatever happens meanwhile.
            let oldest = self.registry.oldest_seq();
            if self.read_to + 1 < oldest {
                self.read_log(oldest).await;
                continue;
            }
            let since = self.registry.since(self.read_to + 1);
            if since.missed > 0 {
                continue;
            }
            for edge in since.edges {
                self.read_to = edge.seq;
                if self.filter.admits_edge(&edge) {
                    self.keep(Waiting { event: event_info(&edge), known: Some(edge.known) });
                }
            }
            break;
        }
        self.give_up_old(clock::now());
    }

    /// Reads some of what came before `until`; moves on in any case.
    async fn read_log(&mut self, until: u64) {
        let after = self.read_to;
        let page = match self.history.clone() {
            Some(history) => spawn_blocking(move || history.after(after, PAGE))
                .await
                .unwrap_or_else(|panicked| Err(io::Error::other(panicked))),
            None => Ok(Vec::new()),
        };
        let page = page.unwrap_or_else(|error| {
            tracing::warn!(%error, "a webhook cannot read the event log");
            Vec::new()
        });
        let before = self.read_to;
        for event in page.into_iter().filter(|event| event.seq < until) {
            if event.seq <= self.read_to {
                continue;
            }
            self.read_to = event.seq;
            if self.filter.admits(event.kind, &event.source) {
                self.keep(Waiting { event, known: None });
            }
        }
        if self.read_to == before {
            // Between two starts there is a gap; within one, these are lost.
            let lost = self.registry.since(before + 1).missed;
            if lost > 0 {
                tracing::warn!(lost, "events that a webhook has missed are not in the event log");
            }
            self.read_to = until - 1;
        }
    }

    fn keep(&mut self, waiting: Waiting) {
        if self.len() == KEPT {
            self.give_up_first();
        }
        self.waiting.push_back(waiting);
    }

    fn give_up_old(&mut self, now: Timestamp) {
        let is_old = |waiting: &Waiting| {
            let time = waiting.event.time.parse::<Timestamp>();
            time.is_ok_and(|time| now.duration_since(time) > OLDEST)
        };
        while self.first().is_some_and(is_old) {
            self.give_up_first();
        }
    }

    fn give_up_first(&mut self) {
        if let Some(waiting) = self.waiting.pop_front() {
            self.numbers.dropped(Outlet::Webhook, waiting.event.kind, Dropped::Missed);
            self.given_up += 1;
        }
    }
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog")
            .field("waiting", &self.len())
            .field("read_to", &self.read_to)
            .finish_non_exhaustive()
    }
}
