//! The only writer of session state.
//!
//! Invariant: the snapshot is published before the edge, both under one lock, so whoever has seen an edge finds it in the snapshot.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{broadcast, watch};

use crate::{Edge, Observation, Snapshot, clock, reduce};

/// More edges than any subscriber should fall behind in one turn; beyond it, it is told to start over from the snapshot.
const EDGES_KEPT: usize = 256;

/// Cheap to clone; all clones are one registry.
#[derive(Debug, Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writing: Mutex<()>,
    level: watch::Sender<Arc<Snapshot>>,
    edges: broadcast::Sender<Edge>,
}

impl Default for Registry {
    fn default() -> Self {
        let (level, _) = watch::channel(Arc::default());
        let (edges, _) = broadcast::channel(EDGES_KEPT);
        Self { shared: Arc::new(Shared { writing: Mutex::new(()), level, edges }) }
    }
}

impl Registry {
    /// Gives the revision of the event, if it led to one.
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
        let (session, event) = news?;
        // An error only says that nobody listens.
        let _ = self.shared.edges.send(Edge { revision, at: now, session, event });
        Some(revision)
    }

    /// Reads while nothing changes: every edge up to this snapshot has been sent, and none after it. `read` must not observe.
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

    /// The edges: each one counts.
    pub fn subscribe(&self) -> Subscription {
        let edges = self.shared.edges.subscribe();
        let snapshot = self.snapshot();
        Subscription { level: self.watch(), edges, seen: snapshot.revision, snapshot }
    }
}

/// First the snapshot, then every edge after it, in order and once.
#[derive(Debug)]
pub struct Subscription {
    /// What was true when the subscription began.
    pub snapshot: Arc<Snapshot>,
    level: watch::Receiver<Arc<Snapshot>>,
    edges: broadcast::Receiver<Edge>,
    seen: u64,
}

#[derive(Debug, Clone)]
pub enum Update {
    Edge(Edge),
    /// This subscriber fell too far behind: whatever it keeps must be made anew from this.
    Resync(Arc<Snapshot>),
}

impl Subscription {
    /// `None` when the registry is gone. Safe to drop half-way (cancel safe).
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            match self.edges.recv().await {
                Ok(edge) if edge.revision <= self.seen => {}
                Ok(edge) => {
                    self.seen = edge.revision;
                    return Some(Update::Edge(edge));
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    // Start at the channel's end, and only then read the snapshot: it holds whatever was skipped.
                    self.edges = self.edges.resubscribe();
                    let snapshot = self.level.borrow().clone();
                    self.seen = snapshot.revision;
                    return Some(Update::Resync(snapshot));
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ending, Event, Process, ProcessId};

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
            kinds.push((edge.session.id().to_string(), edge.event.kind()));
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
        let many = u32::try_from(EDGES_KEPT).expect("a small constant") * 2;
        for pid in 0..many {
            registry.observe(&Observation::ProcessFound(process(pid)));
        }
        let Some(Update::Resync(snapshot)) = subscription.next().await else {
            panic!("too many edges for the channel")
        };
        assert_eq!(snapshot.sessions.len(), many as usize, "the snapshot holds all of them");
        registry.observe(&Observation::ProcessFound(process(many)));
        let Some(Update::Edge(edge)) = subscription.next().await else { panic!("the next one is an edge") };
        assert_eq!(
            (edge.session.id().pid(), edge.event),
            (Some(many), Event::Appeared),
            "nothing old comes again"
        );
    }
}
