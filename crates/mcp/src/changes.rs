//! What changed since a client last asked.
//!
//! Invariant: one shared ring that nobody drains; each client has only a place in it, so each hears of each change exactly once, or
//! is told how many it missed.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use futures_util::FutureExt as _;
use maya_mcp_session::{ClientName, EventInfo, Registry, Subscription, Update, event_info};
use tokio_util::sync::CancellationToken;

/// A model that never asks for hours is better served by a number than by more than this.
const KEPT: usize = 256;
/// What a client that never asked before is told of the past.
const FOR_NEWCOMERS: usize = 32;

#[derive(Debug)]
pub(crate) struct Changes {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Subscription,
    ring: VecDeque<EventInfo>,
    /// Counts every change that ever was; the ring holds the last of them.
    seen: u64,
    /// How many changes each client has been told of, or told that it missed.
    told: HashMap<ClientName, u64>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub changes: Vec<EventInfo>,
    pub missed: u64,
}

/// What is kept of the past.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub events: Vec<EventInfo>,
    /// How many there were before these.
    pub older: u64,
}

impl Changes {
    pub(crate) fn new(registry: &Registry) -> Self {
        let source = registry.subscribe();
        Self { inner: Mutex::new(Inner { source, ring: VecDeque::new(), seen: 0, told: HashMap::new() }) }
    }

    /// Keeps up while nobody asks, so that the registry's channel does not overflow.
    pub(crate) async fn keep_up(&self, registry: &Registry, stop: CancellationToken) {
        let mut level = registry.watch();
        let follow = async {
            while level.changed().await.is_ok() {
                self.with(Inner::catch_up);
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    /// What came after that change, as far as it is still kept; nobody's place in the ring moves.
    pub(crate) fn after(&self, seq: u64) -> Vec<EventInfo> {
        self.with(|inner| {
            inner.catch_up();
            inner.ring.iter().filter(|change| change.seq > seq).cloned().collect()
        })
    }

    /// Everything that is kept; nobody's place in the ring moves.
    pub(crate) fn kept(&self) -> Kept {
        self.with(|inner| {
            inner.catch_up();
            Kept { events: inner.ring.iter().cloned().collect(), older: inner.seen - inner.ring.len() as u64 }
        })
    }

    pub(crate) fn news_for(&self, client: &ClientName) -> News {
        self.with(|inner| {
            inner.catch_up();
            let oldest = inner.seen - inner.ring.len() as u64;
            let newcomer = inner.seen.saturating_sub(FOR_NEWCOMERS as u64).max(oldest);
            let told = inner.told.insert(client.clone(), inner.seen).unwrap_or(newcomer);
            let from = told.max(oldest);
            let skip = usize::try_from(from - oldest).expect("no more than the ring holds");
            News { changes: inner.ring.iter().skip(skip).cloned().collect(), missed: from - told }
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// Takes in what has happened up to now, without waiting.
    fn catch_up(&mut self) {
        while let Some(Some(update)) = self.source.next().now_or_never() {
            match update {
                Update::Edge(edge) => self.push(event_info(&edge)),
                // How many were lost is not known; that some were, everybody hears.
                Update::Resync(_) => {
                    self.seen += 1 + self.ring.len() as u64;
                    self.ring.clear();
                }
            }
        }
    }

    fn push(&mut self, event: EventInfo) {
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        self.ring.push_back(event);
        self.seen += 1;
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{Ending, Observation, Process, ProcessId};

    use super::*;

    fn name(text: &str) -> ClientName {
        text.parse().expect("a good name")
    }

    fn come(registry: &Registry, pid: u32) {
        registry.observe(&Observation::ProcessFound(Process::new(ProcessId { pid, started_at: 1 })));
    }

    fn go(registry: &Registry, pid: u32) {
        let id = ProcessId { pid, started_at: 1 }.into();
        registry.observe(&Observation::ProcessEnded { id, ending: Ending::Goodbye });
    }

    fn kinds(news: &News) -> Vec<&str> {
        news.changes.iter().map(|event| event.kind.as_str()).collect()
    }

    #[test]
    fn every_client_hears_of_every_change_exactly_once() {
        let registry = Registry::default();
        let changes = Changes::new(&registry);
        let (one, two) = (name("one"), name("two"));
        assert_eq!(changes.news_for(&one), News::default(), "nothing has happened");
        come(&registry, 1);
        assert_eq!(kinds(&changes.news_for(&one)), ["appeared"], "told at once");
        go(&registry, 1);
        assert_eq!(
            kinds(&changes.news_for(&two)),
            ["appeared", "exited"],
            "the other's asking took nothing away"
        );
        assert_eq!(kinds(&changes.news_for(&one)), ["exited"], "only what is new");
        assert_eq!(changes.news_for(&one), News::default(), "never twice");
        assert_eq!(changes.news_for(&two), News::default(), "never twice");
    }

    #[test]
    fn a_client_that_slept_too_long_is_told_how_much_it_missed() {
        let registry = Registry::default();
        let changes = Changes::new(&registry);
        let sleeper = name("sleeper");
        changes.news_for(&sleeper);
        for pid in 0..300 {
            come(&registry, pid);
            changes.with(Inner::catch_up);
        }
        let news = changes.news_for(&sleeper);
        assert_eq!(
            (news.changes.len(), news.missed),
            (KEPT, 300 - KEPT as u64),
            "the last ones and a number"
        );
        let kept = changes.kept();
        assert_eq!((kept.events.len(), kept.older), (KEPT, 300 - KEPT as u64), "the same to who only looks");
        let news = changes.news_for(&name("newcomer"));
        assert_eq!((news.changes.len(), news.missed), (FOR_NEWCOMERS, 0), "a newcomer missed nothing");
    }

    #[test]
    fn an_overflow_of_the_channel_is_told_as_missed() {
        let registry = Registry::default();
        let changes = Changes::new(&registry);
        let client = name("client");
        changes.news_for(&client);
        for _ in 0..5000 {
            come(&registry, 1);
            go(&registry, 1);
        }
        assert!(changes.news_for(&client).missed > 0, "silence would be a lie");
    }
}
