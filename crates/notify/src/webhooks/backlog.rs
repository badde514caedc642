//! What a webhook has still to deliver.
//!
//! Invariant: in order and without doubles, and never more than [`KEPT`] events nor older than [`OLDEST`]: what is read and goes beyond is counted.

use std::{collections::VecDeque, fmt, io, sync::Arc, time::Instant};

use jiff::{SignedDuration, Timestamp};
use maya_mcp_session::{EventInfo, Filter, Kind, Registry, event_info};
use tokio::{sync::watch, task::spawn_blocking};

use super::{History, WebhookOptions};
use crate::{Dropped, Numbers, Outlet, Query};

/// So many are kept for a server that does not take them.
pub(super) const KEPT: usize = 1000;
/// Nobody acts on what is older.
pub(super) const OLDEST: SignedDuration = SignedDuration::from_hours(24);

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
    /// When it was known, or read from the log.
    since: Instant,
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
                    self.keep(Waiting {
                        event: event_info(&edge),
                        known: Some(edge.known),
                        since: edge.known,
                    });
                }
            }
            break;
        }
        self.give_up_old();
    }

    /// Reads what came before `until`, which the ring does not have any more: once, and no more than is kept.
    async fn read_log(&mut self, until: u64) {
        let page = self.read_page(until).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a webhook cannot read the event log");
            Vec::new()
        });
        let newest = page.last().and_then(|event| event.time.parse::<Timestamp>().ok());
        // Not the clock: were it ahead for a moment, all would be too old.
        let is_old = |event: &EventInfo| {
            let time = event.time.parse::<Timestamp>();
            newest.zip(time.ok()).is_some_and(|(newest, time)| newest.duration_since(time) > OLDEST)
        };
        let since = Instant::now();
        for event in page {
            if is_old(&event) {
                self.give_up(event.kind);
            } else {
                self.keep(Waiting { event, known: None, since });
            }
        }
        self.read_to = until - 1;
    }

    async fn read_page(&self, until: u64) -> io::Result<Vec<EventInfo>> {
        let Some(history) = self.history.clone() else {
            let lost = self.registry.since(self.read_to + 1).missed;
            tracing::warn!(lost, "without an event log, a webhook has missed events");
            return Ok(Vec::new());
        };
        if until > self.registry.first_seq() {
            // What is not in the ring any more may still be on its way to the disk.
            let mut settled = history.settled();
            let _gone = settled.wait_for(|settled| *settled >= until).await;
        }
        let (after, before, filter) = (Some(self.read_to), Some(until), self.filter.clone());
        // One more tells that there were too many.
        let query = Query { after, before, filter, last: Some(KEPT + 1), since: None };
        spawn_blocking(move || history.read(&query))
            .await
            .unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
    }

    fn keep(&mut self, waiting: Waiting) {
        if self.len() == KEPT {
            self.give_up_first();
        }
        self.waiting.push_back(waiting);
    }

    fn give_up_old(&mut self) {
        while self.first().is_some_and(|waiting| waiting.since.elapsed() > OLDEST.unsigned_abs()) {
            self.give_up_first();
        }
    }

    fn give_up_first(&mut self) {
        if let Some(waiting) = self.waiting.pop_front() {
            self.give_up(waiting.event.kind);
        }
    }

    fn give_up(&mut self, kind: Kind) {
        self.numbers.dropped(Outlet::Webhook, kind, Dropped::Missed);
        self.given_up += 1;
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
