//! The legacy sessions: whose each is, and which of them nobody uses any more.
//!
//! Invariant: a session with an open stream is alive; one without is ended only after it has been silent for long, or when its
//! client's token is gone. (rmcp by itself ends every session that is silent for five minutes, open stream or not.) What runs in a
//! session is cancelled long before that: when its client has gone, and has not come back in its time.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use maya_mcp_session::ClientName;
use rmcp::transport::streamable_http_server::session::{SessionManager as _, local::LocalSessionManager};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::tokens::Grant;

/// Of one client; one more ends the one that has been silent for longest.
const SESSIONS_EACH: usize = 64;
/// For rmcp to let go of a session.
const CLOSING: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct LegacySessions {
    rmcp: Arc<LocalSessionManager>,
    table: Mutex<HashMap<String, Entry>>,
    /// Something of a session has just been closed.
    closed: Notify,
}

#[derive(Debug)]
struct Entry {
    owner: ClientName,
    /// Of the token that began it: another token of the same client has nothing to do with it.
    hash: [u8; 32],
    last: Instant,
    /// Requests and streams that are being answered.
    open: usize,
    /// Cancelled with the session, and with the token that began it.
    ended: CancellationToken,
    /// A part of that, for the client that is there: cancelled when it has gone. One that comes back later has another.
    present: CancellationToken,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// How long what is silent is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub silent: Duration,
    pub look_every: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { silent: Duration::from_hours(1), look_every: Duration::from_secs(30) }
    }
}

#[derive(Debug)]
pub(crate) enum Entrance {
    Open(Open),
    /// Somebody else's session.
    NotYours,
    Unknown,
}

/// Holds a session open while its request is being answered.
#[derive(Debug)]
pub(crate) struct Open {
    sessions: Arc<LegacySessions>,
    id: String,
    /// Cancelled when the session is over, or its client has gone.
    pub ended: CancellationToken,
}

impl LegacySessions {
    pub(crate) fn new(rmcp: Arc<LocalSessionManager>) -> Self {
        Self { rmcp, table: Mutex::default(), closed: Notify::new() }
    }

    pub(crate) async fn begin(&self, id: &str, owner: &Grant) {
        let ended = owner.ended.child_token();
        let entry = Entry {
            owner: owner.client.clone(),
            hash: owner.hash,
            last: Instant::now(),
            open: 0,
            present: ended.child_token(),
            ended,
        };
        let surplus = self.insert(id, entry);
        if let Some(surplus) = surplus {
            tracing::warn!(client = %owner.client, session = %surplus, "legacy session ended: the client has too many");
            self.close(&surplus).await;
        }
    }

    /// The session that has to go for this one.
    fn insert(&self, id: &str, entry: Entry) -> Option<String> {
        let mut table = self.table();
        let owner = entry.owner.clone();
        let own = || table.iter().filter(|(_, other)| other.owner == owner);
        let is_full = own().count() >= SESSIONS_EACH;
        let silent = is_full.then(|| own().min_by_key(|(_, other)| (other.open > 0, other.last))).flatten();
        let surplus = silent.map(|(id, _)| id.clone());
        if let Some(surplus) = &surplus {
            table.remove(surplus);
        }
        table.insert(id.to_owned(), entry);
        surplus
    }

    pub(crate) fn enter(self: &Arc<Self>, id: &str, grant: &Grant) -> Entrance {
        let mut table = self.table();
        let Some(entry) = table.get_mut(id) else { return Entrance::Unknown };
        if entry.owner != grant.client || entry.hash != grant.hash {
            return Entrance::NotYours;
        }
        // Its token ended, and is good again: who is told that the session is over begins another.
        if entry.ended.is_cancelled() {
            table.remove(id);
            return Entrance::Unknown;
        }
        entry.open += 1;
        if entry.present.is_cancelled() {
            entry.present = entry.ended.child_token();
        }
        Entrance::Open(Open { sessions: self.clone(), id: id.to_owned(), ended: entry.present.clone() })
    }

    /// What is running in the session is cancelled at once; rmcp waits for it when it ends the session.
    pub(crate) fn end(&self, id: &str) {
        self.table().remove(id);
    }

    async fn close(&self, id: &str) {
        let id = id.to_owned().into();
        match tokio::time::timeout(CLOSING, self.rmcp.close_session(&id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "it had ended already"),
            Err(_) => tracing::warn!(session = %id, "a legacy session takes its time to end"),
        }
    }

    /// Ends what nobody uses any more, again and again.
    pub(crate) async fn reap(&self, patience: Patience, stop: CancellationToken) {
        let reaping = async {
            let mut strays = HashSet::new();
            loop {
                tokio::time::sleep(patience.look_every).await;
                self.look(patience.silent, &mut strays).await;
            }
        };
        stop.run_until_cancelled(reaping).await;
    }

    /// Cancels what clients have left behind that are gone, again and again. That one connection ended cancels nothing: who has lost it
    /// may come back, and does so at once.
    pub(crate) async fn clear_up(&self, absent: Duration, stop: CancellationToken) {
        let clearing = async {
            loop {
                let next = self.cancel_abandoned(absent);
                let due = async {
                    match next {
                        Some(next) => sleep_until(next).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! { () = due => {}, () = self.closed.notified() => {} }
            }
        };
        stop.run_until_cancelled(clearing).await;
    }

    /// When the next client may prove to be gone.
    fn cancel_abandoned(&self, absent: Duration) -> Option<Instant> {
        let now = Instant::now();
        let mut next = None;
        for (id, entry) in &*self.table() {
            if entry.open > 0 || entry.present.is_cancelled() {
                continue;
            }
            let gone = entry.last + absent;
            if gone <= now {
                tracing::debug!(session = %id, "nobody holds the legacy session open: what may run there is cancelled");
                entry.present.cancel();
            } else {
                next = Some(next.map_or(gone, |next: Instant| next.min(gone)));
            }
        }
        next
    }

    /// `strays` are the sessions that only rmcp knew at the last look: their clients went away before they heard of them.
    async fn look(&self, silent: Duration, strays: &mut HashSet<String>) {
        for id in self.dead(silent) {
            tracing::info!(session = %id, "legacy session ended: nobody uses it");
            self.end(&id);
            self.close(&id).await;
        }
        let alive: HashSet<String> =
            self.rmcp.sessions.read().await.keys().map(|id| id.as_ref().to_owned()).collect();
        let unknown: HashSet<String> = {
            let mut table = self.table();
            table.retain(|id, entry| entry.open > 0 || alive.contains(id));
            alive.into_iter().filter(|id| !table.contains_key(id)).collect()
        };
        for id in unknown.intersection(strays) {
            tracing::info!(session = %id, "legacy session ended: nobody knows it");
            self.close(id).await;
        }
        *strays = unknown;
    }

    fn dead(&self, silent: Duration) -> Vec<String> {
        let is_dead =
            |entry: &Entry| entry.ended.is_cancelled() || (entry.open == 0 && entry.last.elapsed() >= silent);
        self.table().iter().filter(|(_, entry)| is_dead(entry)).map(|(id, _)| id.clone()).collect()
    }

    /// How many each client has.
    pub(crate) fn of_each(&self) -> HashMap<ClientName, usize> {
        let mut counts = HashMap::new();
        for entry in self.table().values() {
            *counts.entry(entry.owner.clone()).or_default() += 1;
        }
        counts
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(entry) = self.sessions.table().get_mut(&self.id) {
            entry.open -= 1;
            entry.last = Instant::now();
        }
        self.sessions.closed.notify_one();
    }
}

/// A body that ends when its reader's rights do. What is held for it is given back when it has been read or given up.
#[derive(Debug)]
pub(crate) struct OpenBody<T> {
    body: Body,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    _held: T,
}

impl<T> OpenBody<T> {
    pub(crate) fn new(body: Body, ended: CancellationToken, held: T) -> Self {
        Self { body, ended: Box::pin(ended.cancelled_owned()), _held: held }
    }
}

impl<T: Unpin> HttpBody for OpenBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended.as_mut().poll(context).is_ready() {
            // An ended future must not be polled again, and a body may be: what comes now is the end for good.
            self.body = Body::empty();
            self.ended = Box::pin(CancellationToken::new().cancelled_owned());
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;
    use crate::chatty::Client;

    const ABSENT: Duration = Duration::from_secs(10);

    fn grant(client: &str) -> Grant {
        let client = client.parse().expect("a good name");
        Grant { client, hash: [0; 32], ended: CancellationToken::new() }
    }

    #[tokio::test]
    async fn a_session_that_only_rmcp_knows_is_ended_at_the_second_look() {
        let rmcp = Arc::<LocalSessionManager>::default();
        let sessions = LegacySessions::new(rmcp.clone());
        let (known, _its_end) = rmcp.create_session().await.expect("made");
        let (stray, _its_end_too) = rmcp.create_session().await.expect("made");
        sessions.begin(&known, &grant("cursor")).await;
        let mut strays = HashSet::new();
        for (look, left) in [(1, true), (2, false)] {
            sessions.look(Duration::from_hours(1), &mut strays).await;
            assert_eq!(rmcp.has_session(&stray).await.expect("known"), left, "look {look}");
            assert!(rmcp.has_session(&known).await.expect("known"), "look {look}: ours stays");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_no_more_than_its_share_of_sessions() {
        let sessions = Arc::new(LegacySessions::new(Arc::default()));
        let (client, other) = (grant("cursor"), grant("zed"));
        sessions.begin("other", &other).await;
        for number in 0..SESSIONS_EACH {
            sessions.begin(&number.to_string(), &client).await;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let Entrance::Open(stream) = sessions.enter("0", &client) else { panic!("it is open") };
        sessions.begin("more", &client).await;
        assert!(!stream.ended.is_cancelled(), "the oldest is in use");
        assert!(matches!(sessions.enter("1", &client), Entrance::Unknown), "the longest silent one is gone");
        assert!(matches!(sessions.enter("other", &other), Entrance::Open(_)), "another's stays");
        client.ended.cancel();
        assert!(stream.ended.is_cancelled(), "with the token goes what it began");
    }

    #[tokio::test]
    async fn a_session_that_ended_with_its_token_is_unknown_when_the_token_is_good_again() {
        let sessions = Arc::new(LegacySessions::new(Arc::default()));
        let client = grant("cursor");
        sessions.begin("one", &client).await;
        client.ended.cancel();
        let again = Grant { ended: CancellationToken::new(), ..client };
        assert!(matches!(sessions.enter("one", &again), Entrance::Unknown), "it answers nothing any more");
        assert!(sessions.table().is_empty(), "and counts for nothing");
        sessions.begin("two", &again).await;
        assert!(matches!(sessions.enter("two", &again), Entrance::Open(_)), "the client begins another");
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_without_an_open_stream_ends_a_session() {
        let sessions = Arc::new(LegacySessions::new(Arc::default()));
        let (client, other) = (grant("cursor"), grant("zed"));
        let hour = Duration::from_hours(1);
        sessions.begin("one", &client).await;
        assert!(matches!(sessions.enter("one", &other), Entrance::NotYours), "a session has one owner");
        assert!(matches!(sessions.enter("two", &client), Entrance::Unknown), "unknown");
        let Entrance::Open(stream) = sessions.enter("one", &client) else { panic!("its owner comes in") };
        tokio::time::advance(hour * 5).await;
        assert!(sessions.dead(hour).is_empty(), "an open stream keeps it");
        drop(stream);
        assert!(sessions.dead(hour).is_empty(), "it was in use a moment ago");
        tokio::time::advance(hour).await;
        assert_eq!(sessions.dead(hour), ["one"], "an hour of silence");
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_is_cancelled_when_its_client_holds_nothing_open_and_does_not_come_back() {
        let sessions = Arc::new(LegacySessions::new(Arc::default()));
        let (client, stop) = (grant("cursor"), CancellationToken::new());
        for id in ["gone", "streaming", "back"] {
            sessions.begin(id, &client).await;
        }
        let enter = |id: &str| match sessions.enter(id, &client) {
            Entrance::Open(open) => open,
            other => panic!("{id} is open: {other:?}"),
        };
        let living = async {
            let calls = ["gone", "streaming", "back"].map(|id| enter(id).ended.clone());
            let running = || calls.each_ref().map(|call| !call.is_cancelled());
            let stream = enter("streaming");
            tokio::time::sleep(ABSENT / 2).await;
            drop(enter("back"));
            tokio::time::sleep(ABSENT * 3 / 4).await;
            assert_eq!(running(), [false, true, true], "one is gone, one listens, one has asked meanwhile");
            tokio::time::sleep(ABSENT / 2).await;
            assert_eq!(running(), [false, true, false], "who came back can go again");
            assert!(!enter("gone").ended.is_cancelled(), "its session goes on, and who comes late finds it");
            tokio::time::sleep(ABSENT * 100).await;
            drop(stream);
            assert!(running()[1], "a dropped connection alone is no farewell");
            tokio::time::sleep(ABSENT * 2).await;
            assert!(!running()[1], "but silence after it is");
            stop.cancel();
        };
        tokio::join!(living, sessions.clear_up(ABSENT, stop.clone()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_with_an_open_stream_outlives_every_silence() {
        let (mut used, mut silent) = (Client::connect(1).await, Client::connect(1).await);
        let tables = [&used, &silent].map(|client| Arc::new(LegacySessions::new(client.rmcp.clone())));
        let owner = grant("cursor");
        for (table, client) in tables.iter().zip([&used, &silent]) {
            table.begin(&client.session, &owner).await;
        }
        let stop = CancellationToken::new();
        let living = async {
            let Entrance::Open(open) = tables[0].enter(&used.session, &owner) else { panic!("it is ours") };
            let mut stream = Body::new(OpenBody::new(used.open_stream().await, open.ended.clone(), open))
                .into_data_stream();
            stream.next().await.expect("the beginning").expect("no error");
            // rmcp by itself would end both after five minutes.
            tokio::time::sleep(Duration::from_mins(50)).await;
            assert_eq!(silent.list_tools().await, 200, "one without a stream has an hour");
            tokio::time::sleep(Duration::from_hours(24)).await;
            assert_eq!(used.list_tools().await, 200, "a day is nothing with a stream");
            stream.next().await.expect("it is open").expect("and what is signalled comes");
            assert_eq!(silent.list_tools().await, 404, "and too much without one");
            stop.cancel();
        };
        let reap = |table: &Arc<LegacySessions>| {
            let (table, stop) = (table.clone(), stop.clone());
            async move { table.reap(Patience::default(), stop).await }
        };
        tokio::join!(living, reap(&tables[0]), reap(&tables[1]));
    }
}
