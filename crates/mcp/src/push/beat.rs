//! What has changed, as one small level that any number of listeners compare with what they know.
//!
//! Invariant: a mark is the revision of the registry at which something last changed, so whoever looked at that revision has missed nothing; that
//! a session is there or gone is never held back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use maya_mcp_session::{Registry, Session, SessionId, Snapshot};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::resources::{Part, Topic};

/// The first signal of a burst goes out at once, the rest together after this: some clients fetch every list anew at each signal.
pub(crate) const BURST: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// All of the registry up to here is in.
    pub revision: u64,
    /// The number of the first event that is not in.
    pub next_seq: u64,
    /// A session came or went.
    pub list: u64,
    sessions: u64,
    events: u64,
    parts: BTreeMap<SessionId, Parts>,
}

/// What a Maya shows is not in here: only those look who have subscribed to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parts {
    info: u64,
    scene: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    List,
    Sessions,
    Events,
    Info(SessionId),
    Scene(SessionId),
}

impl Marks {
    /// When it last changed; none for what a Maya shows, and where there is no such session.
    pub(crate) fn of(&self, topic: Topic) -> Option<u64> {
        match topic {
            Topic::Sessions => Some(self.sessions),
            Topic::Events => Some(self.events),
            Topic::Of(id, Part::Info) => self.parts.get(&id).map(|parts| parts.info),
            Topic::Of(id, Part::Scene) => self.parts.get(&id).map(|parts| parts.scene),
            Topic::Of(_, Part::Stdout | Part::Stderr) => None,
        }
    }

    /// The session was there at `since`, and is not any more.
    pub(crate) fn has_ended(&self, topic: Topic, since: u64) -> bool {
        let Topic::Of(id, _) = topic else { return false };
        self.revision >= since && !self.parts.contains_key(&id)
    }

    /// True when a listener has anything to look for.
    fn take_in(&mut self, snapshot: &Snapshot, next_seq: u64, due: Vec<Signal>) -> bool {
        self.revision = snapshot.revision;
        self.next_seq = next_seq;
        let before = self.parts.len();
        self.parts.retain(|id, _| snapshot.sessions.contains_key(id));
        let has_ended = self.parts.len() < before;
        for id in snapshot.sessions.keys() {
            self.parts.entry(*id).or_default();
        }
        for signal in &due {
            self.set(*signal);
        }
        has_ended || !due.is_empty()
    }

    fn set(&mut self, signal: Signal) {
        let mark = match signal {
            Signal::List => Some(&mut self.list),
            Signal::Sessions => Some(&mut self.sessions),
            Signal::Events => Some(&mut self.events),
            Signal::Info(id) => self.parts.get_mut(&id).map(|parts| &mut parts.info),
            Signal::Scene(id) => self.parts.get_mut(&id).map(|parts| &mut parts.scene),
        };
        if let Some(mark) = mark {
            *mark = self.revision;
        }
    }
}

/// Marks what changes in the registry from now on (not from the first poll on).
pub(crate) fn beat(
    registry: &Registry,
    marks: watch::Sender<Marks>,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + use<> {
    let level = registry.watch();
    let now = now(registry, &level);
    let registry = registry.clone();
    async move {
        stop.run_until_cancelled(follow(registry, level, now, marks)).await;
    }
}

/// What is true, and the number of the first event that is not in it.
fn now(registry: &Registry, level: &watch::Receiver<Arc<Snapshot>>) -> (Arc<Snapshot>, u64) {
    registry.steady(|_| (level.borrow().clone(), registry.next_seq()))
}

async fn follow(
    registry: Registry,
    mut level: watch::Receiver<Arc<Snapshot>>,
    (mut known, mut next_seq): (Arc<Snapshot>, u64),
    marks: watch::Sender<Marks>,
) {
    marks.send_if_modified(|marks| marks.take_in(&known, next_seq, Vec::new()));
    let mut pace = Pace::default();
    loop {
        tokio::select! {
            changed = level.changed() => if changed.is_err() { return },
            () = wait_until(pace.next()) => {}
        }
        level.mark_unchanged();
        let (now, next) = now(&registry, &level);
        if next > next_seq {
            pace.waiting.insert(Signal::Events);
        }
        pace.waiting.extend(differences(&known, &now));
        let due = pace.due(Instant::now());
        marks.send_if_modified(|marks| marks.take_in(&now, next, due));
        (known, next_seq) = (now, next);
    }
}

async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn differences(before: &Snapshot, now: &Snapshot) -> BTreeSet<Signal> {
    let mut signals = BTreeSet::new();
    if before.revision == now.revision {
        return signals;
    }
    if !before.sessions.keys().eq(now.sessions.keys()) {
        signals.extend([Signal::List, Signal::Sessions]);
    }
    // Which session is in use, and what may be done there, is part of what is told of it.
    let in_use = |snapshot: &Snapshot| snapshot.resolve(None, None).ok().map(|session| session.id());
    let rights = before.rules != now.rules || before.choices != now.choices || in_use(before) != in_use(now);
    for (id, session) in &now.sessions {
        let other = before.sessions.get(id);
        let is_same = other.is_some_and(|other| Arc::ptr_eq(other, session));
        if rights || !is_same {
            signals.extend([Signal::Sessions, Signal::Info(*id)]);
        }
        if !is_same && other.is_none_or(|other| scene(other) != scene(session)) {
            signals.insert(Signal::Scene(*id));
        }
    }
    signals
}

/// All that says that a look at the scene is worth it.
fn scene(session: &Session) -> impl PartialEq + '_ {
    (&session.scene, session.scenes_seen, session.phase.is_linked())
}

/// When each signal last went out, and which of them wait for their turn.
#[derive(Debug, Default)]
struct Pace {
    sent: BTreeMap<Signal, Instant>,
    waiting: BTreeSet<Signal>,
}

impl Pace {
    /// When the next one may go out.
    fn next(&self) -> Option<Instant> {
        let turn = |signal: &Signal| self.sent.get(signal).map(|sent| *sent + BURST);
        self.waiting.iter().filter_map(turn).min()
    }

    /// Those that may go out now.
    fn due(&mut self, now: Instant) -> Vec<Signal> {
        self.sent.retain(|_, sent| *sent + BURST > now);
        let due: Vec<_> = self.waiting.extract_if(.., |signal| !self.sent.contains_key(signal)).collect();
        self.sent.extend(due.iter().map(|signal| (*signal, now)));
        due
    }
}
