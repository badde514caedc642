//! Code that wants to hear of events: registered with a filter, and until it drops its registration.
//!
//! Invariant: each has a task of its own and pulls from the bus, so one that is slow, panics or never returns harms no other, and nobody
//! who publishes ever waits.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, TryLockError},
    time::Duration,
};

use futures_util::FutureExt as _;
use maya_mcp_session::{Edge, Filter, Registry, Snapshot, Subscription, Update};
use tokio::{task::spawn_blocking, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{Dropped, Numbers, Outlet};

/// For one piece of news; what has not returned by then is dropped.
pub const LIMIT: Duration = Duration::from_secs(2);

/// What a subscriber hears: first the snapshot, then each event after it.
#[derive(Debug, Clone)]
pub enum News {
    /// What is true now. With `missed`, the subscriber was too far behind by so many events (of all kinds), and begins anew.
    Snapshot {
        snapshot: Arc<Snapshot>,
        missed: u64,
    },
    Event(Edge),
}

/// Any `FnMut(News) -> impl Future` is one. It must not block: what does is a [`Blocking`].
pub trait Subscriber: Send + 'static {
    fn hear(&mut self, news: News) -> impl Future<Output = ()> + Send;
}

impl<Hears, Hearing> Subscriber for Hears
where
    Hears: FnMut(News) -> Hearing + Send + 'static,
    Hearing: Future<Output = ()> + Send,
{
    fn hear(&mut self, news: News) -> impl Future<Output = ()> + Send {
        self(news)
    }
}

/// A closure that may block, on a thread of its own.
#[derive(Debug)]
pub struct Blocking<Hears>(Arc<Mutex<Hears>>);

enum Called {
    Heard,
    /// It has not come back from what it heard before.
    StillBusy,
}

impl<Hears: FnMut(News) + Send + 'static> Blocking<Hears> {
    pub fn new(hears: Hears) -> Self {
        Self(Arc::new(Mutex::new(hears)))
    }
}

impl<Hears: FnMut(News) + Send + 'static> Subscriber for Blocking<Hears> {
    async fn hear(&mut self, news: News) {
        let shared = self.0.clone();
        let calling = spawn_blocking(move || {
            let mut hears = match shared.try_lock() {
                Ok(hears) => hears,
                Err(TryLockError::Poisoned(hears)) => hears.into_inner(),
                Err(TryLockError::WouldBlock) => return Called::StillBusy,
            };
            hears(news);
            Called::Heard
        });
        match calling.await {
            Ok(Called::Heard) => {}
            // Another thread would only wait with it.
            Ok(Called::StillBusy) => std::future::pending().await,
            Err(failed) => {
                if let Ok(panic) = failed.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}

/// Where to register. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Subscribers {
    registry: Registry,
    numbers: Numbers,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Dropping it unregisters: nothing is heard after that.
#[derive(Debug)]
#[must_use = "dropping it unregisters at once"]
pub struct Registration {
    _unregister: DropGuard,
}

impl Subscribers {
    /// All of them end with `stop`.
    pub fn new(registry: Registry, numbers: Numbers, tracker: TaskTracker, stop: CancellationToken) -> Self {
        Self { registry, numbers, tracker, stop }
    }

    /// From this moment on. `name` is for the log.
    pub fn add(&self, name: impl Into<String>, filter: Filter, subscriber: impl Subscriber) -> Registration {
        let ended = self.stop.child_token();
        let serving = Serving {
            name: name.into(),
            filter,
            news: self.registry.subscribe(),
            numbers: self.numbers.clone(),
            failures: 0,
        };
        let unregistered = ended.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                // First: what comes after it is not heard.
                biased;
                () = unregistered.cancelled() => {}
                () = serving.run(subscriber, &unregistered) => {}
            }
        });
        Registration { _unregister: ended.drop_guard() }
    }
}

struct Serving {
    name: String,
    filter: Filter,
    news: Subscription,
    numbers: Numbers,
    /// In a row.
    failures: u32,
}

impl Serving {
    async fn run(mut self, mut subscriber: impl Subscriber, unregistered: &CancellationToken) {
        let snapshot = self.news.snapshot.clone();
        self.tell(&mut subscriber, News::Snapshot { snapshot, missed: 0 }).await;
        while let Some(update) = self.news.next().await {
            if unregistered.is_cancelled() {
                return;
            }
            match update {
                Update::Edge(edge) if !self.filter.admits_edge(&edge) => {}
                Update::Edge(edge) => self.tell(&mut subscriber, News::Event(edge)).await,
                Update::Resync { snapshot, missed } => {
                    tracing::warn!(subscriber = self.name, missed, "too far behind: it begins anew");
                    self.tell(&mut subscriber, News::Snapshot { snapshot, missed }).await;
                }
            }
        }
    }

    async fn tell(&mut self, subscriber: &mut impl Subscriber, news: News) {
        let about = match &news {
            News::Event(edge) => Some((edge.kind(), edge.known)),
            News::Snapshot { .. } => None,
        };
        // The call itself may panic, before there is anything to wait for.
        let hearing = AssertUnwindSafe(async { subscriber.hear(news).await }).catch_unwind();
        let failed = match timeout(LIMIT, hearing).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(Dropped::Panicked),
            Err(_) => Some(Dropped::TimedOut),
        };
        if let Some(why) = failed {
            self.failures += 1;
            if self.failures == 1 {
                tracing::warn!(subscriber = self.name, ?why, "it did not take what it was told");
            } else {
                tracing::debug!(subscriber = self.name, ?why, failures = self.failures, "nor this");
            }
        } else {
            self.failures = 0;
        }
        match (about, failed) {
            (None, _) => {}
            (Some((kind, known)), None) => self.numbers.forwarded(Outlet::Subscriber, kind, known),
            (Some((kind, _)), Some(why)) => self.numbers.dropped(Outlet::Subscriber, kind, why),
        }
    }
}

#[cfg(test)]
mod tests;
