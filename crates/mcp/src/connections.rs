//! The connections that are open, and which of them has to go.
//!
//! Invariant: strangers never keep others out: there are only so many, the oldest goes for one more, and none stays for long; a
//! connection that is not in use goes for one that is; and a client with more than a few leaves as many free as it has.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use maya_mcp_session::ClientName;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::tokens::Grant;

/// A client shows its token within milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Well below the number of connections.
const STRANGERS: usize = 128;
/// Some way below the files that a process may open; a workstation has a handful of clients.
pub(crate) const CONNECTIONS: usize = 400;
/// So many a client may have even if fewer are free.
const FEW: usize = 8;
/// A request may be on its way over a connection that was opened or answered just now.
const JUST_NOW: Duration = Duration::from_secs(1);
/// For what a revoked token had opened to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// All clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    open: Arc<Mutex<Vec<Arc<Connection>>>>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    state: Mutex<State>,
    /// Whose token was shown last.
    shown: watch::Sender<Option<Grant>>,
    out: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// Requests and streams that are being answered.
    answering: usize,
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    AtOnce,
    /// After the answer that is being written, if there is one.
    WhenIdle,
}

/// Held while something is being answered.
#[derive(Debug)]
pub(crate) struct InUse(Arc<Connection>);

impl Connections {
    pub(crate) fn come(&self) -> Arc<Connection> {
        let state = Mutex::new(State { answering: 0, since: Instant::now() });
        let newcomer = Connection { state, shown: watch::Sender::new(None), out: CancellationToken::new() };
        let newcomer = Arc::new(newcomer);
        let mut open = self.open();
        let strangers = open.iter().filter(|one| one.is_stranger());
        if strangers.clone().count() >= STRANGERS
            && let Some(oldest) = strangers.min_by_key(|one| one.state().since)
        {
            oldest.out.cancel();
        }
        open.push(newcomer.clone());
        newcomer
    }

    /// Sends away whoever has been idle for longest.
    pub(crate) fn make_room(&self) {
        let open = self.open();
        let waiting = open.iter().filter(|one| one.is_idle() && one.state().since.elapsed() >= JUST_NOW);
        if let Some(longest) = waiting.min_by_key(|one| one.state().since) {
            longest.out.cancel();
        }
    }

    /// The connection has shown a good token. `None`: its client has its share of connections, and all of them are in use.
    pub(crate) fn answers(&self, connection: &Arc<Connection>, grant: &Grant) -> Option<InUse> {
        if connection.is_of(&grant.client) {
            return Some(connection.answers(grant));
        }
        let open = self.open();
        let own = open.iter().filter(|one| one.is_of(&grant.client) && !one.out.is_cancelled());
        let free = CONNECTIONS.saturating_sub(open.len());
        if own.clone().count() >= free.max(FEW) {
            own.filter(|one| one.is_idle()).min_by_key(|one| one.state().since)?.out.cancel();
        }
        Some(connection.answers(grant))
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody else holds have gone.
        open.retain(|one| Arc::strong_count(one) > 1);
        open
    }
}

impl Connection {
    fn answers(self: &Arc<Self>, grant: &Grant) -> InUse {
        self.shown.send_if_modified(|shown| {
            let is_another = shown.as_ref().is_none_or(|shown| shown.hash != grant.hash);
            if is_another {
                *shown = Some(grant.clone());
            }
            is_another
        });
        self.state().answering += 1;
        InUse(self.clone())
    }

    /// Ends when the connection has to go.
    pub(crate) async fn has_to_go(&self) -> Leave {
        let mut shown = self.shown.subscribe();
        tokio::select! {
            () = self.out.cancelled() => {}
            known = timeout(PATIENCE, shown.wait_for(Option::is_some)) => if known.is_err() {
                return Leave::AtOnce;
            },
        }
        loop {
            let Some(grant) = shown.borrow_and_update().clone() else { return Leave::AtOnce };
            let revoked = async {
                grant.ended.cancelled().await;
                sleep(LAST_WORDS).await;
            };
            tokio::select! {
                () = self.out.cancelled() => return Leave::WhenIdle,
                _ = shown.changed() => {}
                () = revoked => {
                    return if self.state().answering > 0 { Leave::AtOnce } else { Leave::WhenIdle };
                }
            }
        }
    }

    fn is_of(&self, client: &ClientName) -> bool {
        self.shown.borrow().as_ref().is_some_and(|shown| shown.client == *client)
    }

    fn is_idle(&self) -> bool {
        self.state().answering == 0 && !self.out.is_cancelled()
    }

    fn is_stranger(&self) -> bool {
        self.shown.borrow().is_none() && !self.out.is_cancelled()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.answering -= 1;
        state.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(number: u8) -> Grant {
        let client = "cursor".parse().expect("a good name");
        Grant { client, hash: [number; 32], ended: CancellationToken::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_shows_a_token_may_stay() {
        let connections = Connections::default();
        let (known, silent) = (connections.come(), connections.come());
        let token = grant(1);
        drop(known.answers(&token));
        assert_eq!(silent.has_to_go().await, Leave::AtOnce, "no token in all that time");
        assert!(timeout(PATIENCE * 9, known.has_to_go()).await.is_err(), "it stays");
        tokio::time::advance(Duration::from_secs(1)).await;
        let oldest = connections.come();
        drop(silent);
        let mut others = Vec::new();
        for _ in 0..STRANGERS {
            tokio::time::advance(Duration::from_millis(1)).await;
            others.push(connections.come());
        }
        assert!(oldest.out.is_cancelled(), "the oldest goes for one more");
        assert!(others.iter().all(|one| !one.out.is_cancelled()), "the others stay");
        assert!(!known.out.is_cancelled(), "and so does who has shown a token");
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_one_makes_room_and_never_one_in_use() {
        let connections = Connections::default();
        let token = grant(1);
        let (busy, idle, later) = (connections.come(), connections.come(), connections.come());
        let in_use = busy.answers(&token);
        drop(idle.answers(&token));
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(later.answers(&token));
        connections.make_room();
        assert_eq!(idle.has_to_go().await, Leave::WhenIdle, "idle for longest");
        connections.make_room();
        assert!(!later.out.is_cancelled(), "nobody goes who was answered just now");
        tokio::time::advance(JUST_NOW).await;
        connections.make_room();
        assert_eq!(later.has_to_go().await, Leave::WhenIdle, "and then the next");
        connections.make_room();
        assert!(!busy.out.is_cancelled(), "what is in use stays");
        drop(in_use);
        tokio::time::advance(JUST_NOW).await;
        connections.make_room();
        assert_eq!(busy.has_to_go().await, Leave::WhenIdle, "until it is not");
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_has_the_time_to_ask() {
        let connections = Connections::default();
        let newcomer = connections.come();
        connections.make_room();
        assert!(!newcomer.out.is_cancelled(), "its request may be on its way");
        tokio::time::advance(JUST_NOW).await;
        connections.make_room();
        assert!(newcomer.out.is_cancelled(), "it had the time");
    }

    #[tokio::test(start_paused = true)]
    async fn clients_share_the_connections_and_leave_some_for_others() {
        let connections = Connections::default();
        let of = |client: &str| Grant { client: client.parse().expect("a good name"), ..grant(1) };
        let all_it_may = |client| {
            let come = || {
                let newcomer = connections.come();
                let in_use = connections.answers(&newcomer, &of(client))?;
                Some((newcomer, in_use))
            };
            std::iter::from_fn(come).collect::<Vec<_>>()
        };
        let first = all_it_may("one");
        assert_eq!(first.len(), CONNECTIONS / 2, "half, while it is alone");
        let others = ["two", "three", "four"].map(all_it_may);
        assert!(others.iter().all(|own| own.len() >= FEW), "each has some");
        let few: Vec<_> = (0..FEW).map(|_| connections.come()).collect();
        for newcomer in &few {
            assert!(connections.answers(newcomer, &of("five")).is_some(), "and so has yet another");
        }
        drop(others);
        let (oldest, _) = &first[0];
        assert!(connections.answers(oldest, &of("one")).is_some(), "what it has, it keeps");
        assert!(connections.answers(&connections.come(), &of("one")).is_none(), "and all of it is in use");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_its_share_gives_its_own_for_one_more() {
        let connections = Connections::default();
        let token = grant(1);
        let mut kept = Vec::new();
        let come = || {
            let newcomer = connections.come();
            drop(connections.answers(&newcomer, &token).expect("its older ones go"));
            newcomer
        };
        for _ in 0..CONNECTIONS / 2 {
            kept.push(come());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(kept.iter().all(|one| !one.out.is_cancelled()), "there is room");
        kept.push(come());
        let gone: Vec<_> = (0..).zip(&kept).filter(|(_, one)| one.out.is_cancelled()).collect();
        assert_eq!((gone.len(), gone[0].0), (1, 0), "the longest idle one, and no other");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_with_its_token_is_cut_off() {
        let connections = Connections::default();
        let (stuck, idle, renewed) = (connections.come(), connections.come(), connections.come());
        let (old, new) = (grant(1), grant(2));
        let _never_ends = stuck.answers(&old);
        drop(idle.answers(&old));
        drop(renewed.answers(&old));
        drop(renewed.answers(&new));
        old.ended.cancel();
        assert_eq!(stuck.has_to_go().await, Leave::AtOnce, "nobody reads what is left");
        assert_eq!(idle.has_to_go().await, Leave::WhenIdle, "its next request would be refused");
        assert!(timeout(PATIENCE * 9, renewed.has_to_go()).await.is_err(), "another token keeps it");
    }
}
