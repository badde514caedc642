//! Telling connected clients that something changed, without being asked, in both protocol eras.
//!
//! Invariant: one task for each listener, and one shared pulse that can only be late, never full: a reader that does not read delays itself alone.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use maya_mcp_session::{Registry, SessionId, Snapshot};
use rmcp::{
    RoleServer,
    model::{ResourceUpdatedNotificationParam, SubscriptionFilter},
    service::{Peer, SubscriptionContext},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::resources;

/// The first signal of a burst goes out at once, the rest together after this: some clients fetch every list anew at each signal.
const BURST: Duration = Duration::from_millis(300);

/// Counts, so that a late reader sees that something happened, and a level, so that nothing can pile up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// A session came or went.
    list: u64,
    /// Anything about any session changed.
    content: u64,
}

/// Where a listener stands. Made before the client can know that it is listened for, so that no change falls in between.
#[derive(Debug)]
pub(crate) struct Listener {
    pulse: watch::Receiver<Pulse>,
    seen: Pulse,
}

/// What a legacy session has subscribed to.
pub(crate) type Subscriptions = Arc<Mutex<HashSet<String>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct News {
    list: bool,
    content: bool,
}

impl Listener {
    pub(crate) fn new(pulse: &watch::Sender<Pulse>) -> Self {
        let mut pulse = pulse.subscribe();
        let seen = *pulse.borrow_and_update();
        Self { pulse, seen }
    }

    /// `None` at the engine's end.
    async fn next(&mut self) -> Option<News> {
        self.pulse.changed().await.ok()?;
        let now = *self.pulse.borrow_and_update();
        let before = std::mem::replace(&mut self.seen, now);
        Some(News { list: now.list != before.list, content: now.content != before.content })
    }
}

/// Turns what changes in the registry from now on (not from the first poll on) into pulses.
pub(crate) fn beat(
    registry: &Registry,
    pulse: watch::Sender<Pulse>,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + use<> {
    let mut level = registry.watch();
    let mut known = ids(&level.borrow_and_update());
    let beating = async move {
        while level.changed().await.is_ok() {
            let now = ids(&level.borrow_and_update());
            pulse.send_modify(|pulse| {
                pulse.content += 1;
                pulse.list += u64::from(now != known);
            });
            known = now;
            tokio::time::sleep(BURST).await;
        }
    };
    async move {
        stop.run_until_cancelled(beating).await;
    }
}

fn ids(snapshot: &Snapshot) -> Vec<SessionId> {
    snapshot.sessions.keys().copied().collect()
}

/// Serves one legacy session until it or the engine ends.
pub(crate) async fn to_legacy(
    peer: Peer<RoleServer>,
    subscriptions: Subscriptions,
    mut listener: Listener,
    ended: CancellationToken,
) {
    let pushing = async {
        while let Some(news) = listener.next().await {
            if news.list && peer.notify_resource_list_changed().await.is_err() {
                return;
            }
            let wanted =
                subscriptions.lock().unwrap_or_else(PoisonError::into_inner).contains(resources::SESSIONS);
            let updated = ResourceUpdatedNotificationParam::new(resources::SESSIONS);
            if news.content && wanted && peer.notify_resource_updated(updated).await.is_err() {
                return;
            }
        }
    };
    ended.run_until_cancelled(pushing).await;
}

/// Serves one modern listener until it hangs up or the engine ends.
pub(crate) async fn to_modern(context: SubscriptionContext, mut listener: Listener, stop: CancellationToken) {
    let sink = context.sink().clone();
    let wants_list = sink.accepted().resources_list_changed == Some(true);
    let wants_content =
        sink.accepted().resource_subscriptions.iter().flatten().any(|uri| uri == resources::SESSIONS);
    let pushing = async {
        while let Some(news) = listener.next().await {
            if news.list && wants_list && sink.notify_resource_list_changed().await.is_err() {
                return;
            }
            if news.content
                && wants_content
                && sink.notify_resource_updated(resources::SESSIONS).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = pushing => {}
        () = context.cancelled() => {}
        () = stop.cancelled() => {}
    }
}

/// What of a modern client's wishes can come true.
pub(crate) fn accept(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut accepted = requested.clone();
    if let Some(uris) = &mut accepted.resource_subscriptions {
        uris.retain(|uri| resources::exists(uri));
    }
    accepted
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{Observation, Process, ProcessId};

    use super::*;

    fn come(registry: &Registry, pid: u32) {
        registry.observe(&Observation::ProcessFound(Process::new(ProcessId { pid, started_at: 1 })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_becomes_two_signals_the_first_at_once() {
        let registry = Registry::default();
        let pulse = watch::Sender::new(Pulse::default());
        let mut listener = Listener::new(&pulse);
        let stop = CancellationToken::new();
        let beating = beat(&registry, pulse.clone(), stop.clone());
        let watching = async {
            let began = tokio::time::Instant::now();
            come(&registry, 1);
            let news = listener.next().await.expect("the pulse lives");
            assert_eq!(news, News { list: true, content: true }, "a session came");
            assert!(began.elapsed() < Duration::from_millis(50), "the first signal does not wait");
            for pid in 2..20 {
                come(&registry, pid);
            }
            listener.next().await.expect("the pulse lives");
            assert!(began.elapsed() >= BURST, "the rest come together");
            let more = tokio::time::timeout(BURST * 3, listener.next()).await;
            assert!(more.is_err(), "and nothing is left over");
            stop.cancel();
        };
        tokio::join!(watching, beating);
    }
}
