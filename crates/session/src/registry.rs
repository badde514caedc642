//! The only writer of session state, and the one bus of events.
//!
//! Invariant: the snapshot is published before the event, both under one lock, so whoever has seen an event finds it in the snapshot; to
//! publish never waits for anybody who reads.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use tokio::sync::watch;

use crate::{Edge, Next, Observation, Since, Snapshot, clock, reduce, ring::Ring};

/// Cheap to clone; all clones are one registry.
#[derive(Debug, Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writing: Mutex<()>,
    level: watch::Sender<Arc<Snapshot>>,
    ring: Mutex<Ring>,
    /// The number of the next event: wakes whoever waits for one.
    next: watch::Sender<u64>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::beginning_at(1)
    }
}

impl Registry {
    /// The first event has this number.
    pub fn beginning_at(seq: u64) -> Self {
        let (level, _) = watch::channel(Arc::default());
        let (next, _) = watch::channel(seq);
        let ring = Mutex::new(Ring::new(seq));
        Self { shared: Arc::new(Shared { writing: Mutex::new(()), level, ring, next }) }
    }

    /// Gives the revision after it, if it led to an event.
    pub fn observe(&self, observation: &Observation) -> Option<u64> {
        // Nothing panics while holding the lock; if something did, the state behind it is still whole.
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let mut snapshot = Snapshot::clone(&self.shared.level.borrow());
        let before = snapshot.revision;
        let news = reduce(&mut snapshot, observation, now);
        if snapshot.revision == before {
            return None;
        }
        let revision = snapshot.revision;
        self.shared.level.send_replace(Arc::new(snapshot));
        if news.is_empty() {
            return None;
        }
        let known = Instant::now();
        let next = {
            let mut ring = self.ring();
            for what in news {
                ring.push(|seq| Edge { seq, revision, at: now, known, what });
            }
            ring.next()
        };
        self.shared.next.send_replace(next);
        Some(revision)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.shared.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads while nothing changes: every event up to this snapshot has been published, and none after it. `read` must not observe.
    pub fn steady<T>(&self, read: impl FnOnce(&Snapshot) -> T) -> T {
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot();
        read(&snapshot)
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.level.borrow().clone()
    }

    /// The level: the latest wins.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.shared.level.subscribe()
    }

    /// The number that the next event will have.
    pub fn next_seq(&self) -> u64 {
        self.ring().next()
    }

    /// As [`Registry::next_seq`], to wait for it to grow.
    pub fn watch_next_seq(&self) -> watch::Receiver<u64> {
        self.shared.next.subscribe()
    }

    /// What happened from that number on, as far as it is kept.
    pub fn since(&self, seq: u64) -> Since {
        self.ring().since(seq)
    }

    /// The number of the oldest event that is kept.
    pub fn oldest_seq(&self) -> u64 {
        self.ring().oldest()
    }

    /// The number that the first event ever had.
    pub fn first_seq(&self) -> u64 {
        self.ring().first()
    }

    /// The first event that has this number or a later one.
    pub fn next_from(&self, seq: u64) -> Next {
        self.ring().next_from(seq)
    }

    /// What is true now, and the number of the first event that is not in it.
    fn begin(&self) -> (Arc<Snapshot>, u64) {
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (self.snapshot(), self.next_seq())
    }

    /// Each event from now on.
    pub fn subscribe(&self) -> Subscription {
        let woken = self.watch_next_seq();
        let (snapshot, next) = self.begin();
        Subscription { snapshot, registry: Arc::downgrade(&self.shared), woken, next }
    }
}

/// First the snapshot, then every event after it, in order and once.
#[derive(Debug)]
pub struct Subscription {
    /// What was true when the subscription began.
    pub snapshot: Arc<Snapshot>,
    registry: Weak<Shared>,
    woken: watch::Receiver<u64>,
    /// The number of the next event to give.
    next: u64,
}

#[derive(Debug, Clone)]
pub enum Update {
    Edge(Edge),
    /// This subscriber fell too far behind, by so many events: whatever it keeps must be made anew from this.
    Resync {
        snapshot: Arc<Snapshot>,
        missed: u64,
    },
}

impl Subscription {
    /// The number of the event that comes next; those before it were given, or are missed.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// `None` when the registry is gone. Safe to drop half-way (cancel safe).
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            self.woken.mark_unchanged();
            if let Some(update) = self.take() {
                return Some(update);
            }
            // An error says that the registry is gone.
            self.woken.changed().await.ok()?;
        }
    }

    /// What is there already.
    fn take(&mut self) -> Option<Update> {
        let registry = Registry { shared: self.registry.upgrade()? };
        match registry.next_from(self.next) {
            Next::Nothing => return None,
            Next::Edge(edge) => {
                self.next = edge.seq + 1;
                return Some(Update::Edge(edge));
            }
            Next::Missed { .. } => {}
        }
        // While nothing changes: the snapshot holds whatever was skipped, and nothing after it.
        let (snapshot, next) = registry.begin();
        let missed = next - std::mem::replace(&mut self.next, next);
        Some(Update::Resync { snapshot, missed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ending, Kind, Process, ProcessId, RING};

    fn process(pid: u32) -> Process {
        Process::new(ProcessId { pid, started_at: 1 })
    }

    #[tokio::test]
    async fn a_subscriber_gets_the_snapshot_and_then_every_later_edge_once() {
        let registry = Registry::default();
        registry.observe(&Observation::ProcessFound(process(1)));
        let mut subscription = registry.subscribe();
        assert_eq!(subscription.snapshot.sessions.len(), 1, "what was there before comes with the snapshot");
        registry.observe(&Observation::ProcessFound(process(2)));
        registry.observe(&Observation::ProcessFound(process(2)));
        registry.observe(&Observation::ProcessEnded { id: process(1).id.into(), ending: Ending::Goodbye });
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let Some(Update::Edge(edge)) = subscription.next().await else { panic!("nobody lagged here") };
            kinds.push((edge.what.source(), edge.kind().name()));
            assert!(
                registry.snapshot().revision >= edge.revision,
                "the snapshot is published before the edge"
            );
        }
        assert_eq!(
            kinds,
            [("maya-2".to_owned(), "appeared"), ("maya-1".to_owned(), "exited")],
            "in order, without the doubled one"
        );
    }

    #[tokio::test]
    async fn a_subscriber_that_lags_starts_over_and_misses_nothing_after() {
        let registry = Registry::default();
        let mut subscription = registry.subscribe();
        let many = u32::try_from(RING).expect("a small constant") * 2;
        for pid in 0..many {
            registry.observe(&Observation::ProcessFound(process(pid)));
        }
        let Some(Update::Resync { snapshot, missed }) = subscription.next().await else {
            panic!("too many events for the ring")
        };
        assert_eq!(missed, u64::from(many), "all of them, and told so");
        assert_eq!(snapshot.sessions.len(), many as usize, "the snapshot holds all of them");
        registry.observe(&Observation::ProcessFound(process(many)));
        let Some(Update::Edge(edge)) = subscription.next().await else { panic!("the next one is an edge") };
        assert_eq!(
            (edge.what.source(), edge.kind()),
            (format!("maya-{many}"), Kind::Appeared),
            "nothing old comes again"
        );
    }

    #[tokio::test]
    async fn chatter_pushes_nothing_else_out() {
        let registry = Registry::default();
        let mut subscription = registry.subscribe();
        registry.observe(&Observation::ProcessFound(process(1)));
        for _ in 0..RING * 2 {
            registry.observe(&Observation::Beat);
        }
        registry.observe(&Observation::ProcessFound(process(2)));
        let kept = registry.since(0);
        let others = kept.edges.iter().filter(|edge| edge.kind() != Kind::Heartbeat);
        assert_eq!(others.count(), 2, "both are there");
        assert_eq!(kept.missed, 0, "nothing but chatter is gone");
        assert!(kept.edges.is_sorted_by_key(|edge| edge.seq), "in order");
        let mut told = Vec::new();
        while told.last() != Some(&"maya-2 appeared".to_owned()) {
            let Some(Update::Edge(edge)) = subscription.next().await else { panic!("nobody lagged here") };
            told.push(format!("{} {}", edge.what.source(), edge.kind()));
        }
        assert_eq!(told.first().map(String::as_str), Some("maya-1 appeared"), "to a subscriber too");
        assert_eq!(told.len(), kept.edges.len(), "each once");
    }
}
