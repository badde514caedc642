//! Telling connected clients that something changed, without being asked, in both protocol eras.
//!
//! Invariant: one task for each listener, and shared levels that can only be late, never full: a reader that does not read delays itself alone.
//! What a Maya shows costs nothing here while nobody has subscribed to it.

mod beat;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use maya_mcp_maya::Outputs;
use maya_mcp_notify::Outlet as To;
use maya_mcp_session::{Edge, Kind, Since};
use rmcp::{
    RoleServer,
    model::{ResourceUpdatedNotificationParam, SubscriptionFilter},
    service::{Peer, SubscriptionContext, SubscriptionSink},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    resources::{self, Part, Topic},
    server::{Shared, capabilities},
};

use beat::BURST;
pub(crate) use beat::{Marks, beat};

/// Of one listener: a session has four, and each can be spelled in many ways.
const SUBSCRIPTIONS: usize = 1000;

/// What one listener has subscribed to, each under the name that it has used itself.
#[derive(Debug, Clone)]
pub(crate) struct Subscriptions {
    wanted: watch::Sender<BTreeMap<String, Watched>>,
    /// What was subscribed to in an engine that ran before, of sessions that this one has not found again yet.
    awaited: Arc<Mutex<BTreeSet<String>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Watched {
    topic: Topic,
    /// The registry's revision up to which the client can know everything.
    since: u64,
    /// How much its Maya had shown by then.
    size: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unknown,
    TooMany,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self { wanted: watch::Sender::new(BTreeMap::new()), awaited: Arc::default() }
    }
}

impl Subscriptions {
    pub(crate) fn add(&self, shared: &Shared, uri: &str) -> Result<(), Refusal> {
        let added = self.add_known(shared, uri);
        let may_come = added == Err(Refusal::Unknown) && shared.is_new() && Topic::is_possible(uri);
        if may_come && self.awaited().len() < SUBSCRIPTIONS {
            self.awaited().insert(uri.to_owned());
            return Ok(());
        }
        added
    }

    fn awaited(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was awaited and is there now.
    fn come(&self, shared: &Shared) -> Vec<String> {
        let awaited = std::mem::take(&mut *self.awaited());
        if awaited.is_empty() {
            return Vec::new();
        }
        let (come, missing): (Vec<_>, Vec<_>) =
            awaited.into_iter().partition(|uri| self.add_known(shared, uri).is_ok());
        if shared.is_new() {
            self.awaited().extend(missing);
        }
        come
    }

    fn add_known(&self, shared: &Shared, uri: &str) -> Result<(), Refusal> {
        // While nothing changes: every event up to this revision can be read by now.
        let found = shared.registry.steady(|now| Topic::find(uri, now).map(|topic| (topic, now.revision)));
        let (topic, since) = found.ok_or(Refusal::Unknown)?;
        if let Topic::Of(id, part) = topic
            && part.is_output()
        {
            resources::listen(shared, id);
        }
        let watched = Watched { topic, since, size: size(&shared.outputs, topic) };
        let mut has_room = true;
        self.wanted.send_if_modified(|wanted| {
            has_room = wanted.len() < SUBSCRIPTIONS || wanted.contains_key(uri);
            if has_room {
                wanted.insert(uri.to_owned(), watched);
            }
            has_room
        });
        if has_room { Ok(()) } else { Err(Refusal::TooMany) }
    }

    pub(crate) fn remove(&self, uri: &str) {
        self.awaited().remove(uri);
        self.wanted.send_if_modified(|wanted| wanted.remove(uri).is_some());
    }

    /// What of a modern client's wishes can come true, and is from now on.
    pub(crate) fn accept(&self, shared: &Shared, requested: &SubscriptionFilter) -> SubscriptionFilter {
        accept(requested, |uri| self.add(shared, uri).is_ok())
    }

    /// What has changed in the registry. What belongs to a session that has ended is told of once more, and then forgotten.
    fn changed(&self, marks: &Marks) -> Vec<(String, Topic)> {
        self.take(|watched| {
            if marks.has_ended(watched.topic, watched.since) {
                return Change::Ended;
            }
            match marks.of(watched.topic).filter(|mark| *mark > watched.since) {
                Some(mark) => Change::To(Watched { since: mark, ..*watched }),
                None => Change::Nothing,
            }
        })
    }

    /// Where Maya has shown more.
    fn grown(&self, outputs: &Outputs) -> Vec<(String, Topic)> {
        self.take(|watched| match size(outputs, watched.topic) {
            size if size > watched.size => Change::To(Watched { size, ..*watched }),
            _ => Change::Nothing,
        })
    }

    fn take(&self, look: impl Fn(&Watched) -> Change) -> Vec<(String, Topic)> {
        let mut news = Vec::new();
        self.wanted.send_if_modified(|wanted| {
            wanted.retain(|uri, watched| {
                let change = look(watched);
                if change != Change::Nothing {
                    news.push((uri.clone(), watched.topic));
                }
                if let Change::To(now) = change {
                    *watched = now;
                }
                change != Change::Ended
            });
            // Nobody waits for these to become fewer.
            false
        });
        news
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    To(Watched),
    Ended,
}

fn size(outputs: &Outputs, topic: Topic) -> u64 {
    match topic {
        Topic::Of(id, Part::Stdout) => outputs.sizes(id).stdout,
        Topic::Of(id, Part::Stderr) => outputs.sizes(id).stderr,
        Topic::Of(_, Part::Info | Part::Scene) | Topic::Sessions | Topic::Events => 0,
    }
}

/// What of a modern client's wishes can come true, when these are the resources.
pub(crate) fn accept(requested: &SubscriptionFilter, is_known: impl Fn(&str) -> bool) -> SubscriptionFilter {
    let mut accepted = requested.supported_by(&capabilities());
    if let Some(uris) = &mut accepted.resource_subscriptions {
        uris.retain(|uri| is_known(uri));
    }
    accepted
}

/// Where a listener stands. Made before the client can know that it is listened for, so that no change falls in between.
#[derive(Debug)]
pub(crate) struct Listener {
    marks: watch::Receiver<Marks>,
    /// The registry's revision up to which the client can know the list.
    listed: u64,
    shared: Arc<Shared>,
    /// The number of the first event of which a signal may still come; and those after it that had one.
    uncounted: u64,
    counted: BTreeSet<u64>,
    /// The number of the first event that it cannot have been told of.
    next_seq: u64,
    shown: watch::Receiver<u64>,
    /// When what Mayas show is looked at again.
    next_look: Instant,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    list: bool,
    uris: Vec<String>,
    topics: BTreeSet<Topic>,
}

impl News {
    /// These have changed, each under the name that the listener has for it.
    fn of(changed: Vec<(String, Topic)>) -> Self {
        let topics = changed.iter().map(|(_, topic)| *topic).collect();
        Self { list: false, uris: changed.into_iter().map(|(uri, _)| uri).collect(), topics }
    }

    /// Whether this is what came of it.
    fn stems_from(&self, edge: &Edge) -> bool {
        let comes_or_goes =
            matches!(edge.kind(), Kind::Appeared | Kind::Exited | Kind::Crashed | Kind::Removed);
        let tells = |topic: &Topic| match topic {
            Topic::Sessions | Topic::Events => true,
            Topic::Of(_, part) if part.is_output() => false,
            Topic::Of(id, _) => edge.session().is_some_and(|session| session.id() == *id),
        };
        (self.list && comes_or_goes) || self.topics.iter().any(tells)
    }
}

impl Listener {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let listed = shared.registry.snapshot().revision;
        let (marks, shown) = (shared.marks.subscribe(), shared.outputs.watch());
        let next_seq = shared.registry.next_seq();
        let next_look = Instant::now();
        let (uncounted, counted) = (next_seq, BTreeSet::new());
        Self { marks, listed, shared: shared.clone(), uncounted, counted, next_seq, shown, next_look }
    }

    /// `None` at the engine's end. May be empty.
    async fn next(&mut self, subscriptions: &Subscriptions) -> Option<News> {
        let Self { marks, listed, shared, next_seq, shown, next_look, .. } = self;
        tokio::select! {
            changed = marks.changed() => {
                changed.ok()?;
                let marks = marks.borrow_and_update();
                let list = marks.list > *listed;
                *listed = marks.list.max(*listed);
                *next_seq = marks.next_seq;
                let mut news = News { list, ..News::of(subscriptions.changed(&marks)) };
                news.uris.extend(subscriptions.come(shared));
                Some(news)
            }
            () = more_is_shown(subscriptions, shown, *next_look) => {
                shown.mark_unchanged();
                *next_look = Instant::now() + BURST;
                Some(News::of(subscriptions.grown(&shared.outputs)))
            }
        }
    }

    /// This has been written. Of the events that it stems from, the last has had a signal, and the others are in it too.
    fn count(&mut self, news: &News) {
        let Since { edges, .. } = self.shared.registry.since(self.uncounted);
        let told = edges.iter().take_while(|edge| edge.seq < self.next_seq);
        let told: Vec<_> =
            told.filter(|edge| news.stems_from(edge) && !self.counted.contains(&edge.seq)).collect();
        if let Some((last, others)) = told.split_last() {
            for edge in others {
                self.shared.numbers.coalesced(To::Mcp, edge.kind());
            }
            self.shared.numbers.forwarded(To::Mcp, last.kind(), last.known);
        }
        self.counted.extend(told.iter().map(|edge| edge.seq));
        // Whatever signal an older one has, has gone out.
        let recent = edges.iter().find(|edge| edge.known.elapsed() <= BURST * 2);
        self.uncounted = recent.map_or(self.next_seq, |edge| edge.seq.min(self.next_seq));
        self.counted.retain(|seq| *seq >= self.uncounted);
    }
}

/// Never returns while nobody is subscribed to it.
async fn more_is_shown(subscriptions: &Subscriptions, shown: &mut watch::Receiver<u64>, not_before: Instant) {
    let is_output = |watched: &Watched| matches!(watched.topic, Topic::Of(_, part) if part.is_output());
    // Both senders live as long as we do.
    let _ = subscriptions.wanted.subscribe().wait_for(|wanted| wanted.values().any(is_output)).await;
    sleep_until(not_before).await;
    let _ = shown.changed().await;
}

/// The way to a client.
enum Outlet {
    Legacy(Peer<RoleServer>),
    Modern(SubscriptionSink),
}

/// The client has gone.
struct Gone;

impl Outlet {
    fn wants_list(&self) -> bool {
        match self {
            Self::Legacy(_) => true,
            Self::Modern(sink) => sink.accepted().resources_list_changed == Some(true),
        }
    }

    async fn list_changed(&self) -> Result<(), Gone> {
        match self {
            Self::Legacy(peer) => peer.notify_resource_list_changed().await.map_err(|_| Gone),
            Self::Modern(sink) => sink.notify_resource_list_changed().await.map_err(|_| Gone),
        }
    }

    async fn updated(&self, uri: String) -> Result<(), Gone> {
        match self {
            Self::Legacy(peer) => {
                let updated = ResourceUpdatedNotificationParam::new(uri);
                peer.notify_resource_updated(updated).await.map_err(|_| Gone)
            }
            Self::Modern(sink) => sink.notify_resource_updated(uri).await.map_err(|_| Gone),
        }
    }
}

/// Until the client goes or the engine ends.
async fn push(outlet: Outlet, mut listener: Listener, subscriptions: Subscriptions) -> Result<(), Gone> {
    while let Some(mut news) = listener.next(&subscriptions).await {
        news.list &= outlet.wants_list();
        if news.list {
            outlet.list_changed().await?;
        }
        for uri in std::mem::take(&mut news.uris) {
            outlet.updated(uri).await?;
        }
        listener.count(&news);
    }
    Ok(())
}

/// Serves one legacy session until it or the engine ends.
pub(crate) async fn to_legacy(
    peer: Peer<RoleServer>,
    listener: Listener,
    subscriptions: Subscriptions,
    ended: CancellationToken,
) {
    ended.run_until_cancelled(push(Outlet::Legacy(peer), listener, subscriptions)).await;
}

/// Serves one modern listener until it hangs up or the engine ends.
pub(crate) async fn to_modern(
    context: SubscriptionContext,
    listener: Listener,
    subscriptions: Subscriptions,
    stop: CancellationToken,
) {
    let outlet = Outlet::Modern(context.sink().clone());
    tokio::select! {
        _ = push(outlet, listener, subscriptions) => {}
        () = context.cancelled() => {}
        () = stop.cancelled() => {}
    }
}

#[cfg(test)]
mod tests;
