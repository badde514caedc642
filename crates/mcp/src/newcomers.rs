//! Connections that have not shown a token yet.
//!
//! Invariant: they never keep others out: there are only so many, the oldest goes for one more, and none stays for long.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A client shows its token within milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Well below the number of connections.
const AT_ONCE: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Newcomers {
    waiting: Mutex<VecDeque<Arc<Newcomer>>>,
}

#[derive(Debug, Default)]
pub(crate) struct Newcomer {
    known: AtomicBool,
    out: CancellationToken,
}

impl Newcomers {
    pub(crate) fn come(&self) -> Arc<Newcomer> {
        let newcomer = Arc::new(Newcomer::default());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody else holds have gone.
        waiting.retain(|one| !one.known.load(Ordering::Acquire) && Arc::strong_count(one) > 1);
        if waiting.len() >= AT_ONCE
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.out.cancel();
        }
        waiting.push_back(newcomer.clone());
        newcomer
    }
}

impl Newcomer {
    /// It has shown a good token.
    pub(crate) fn is_known(&self) {
        self.known.store(true, Ordering::Release);
    }

    /// Ends when the connection has to go.
    pub(crate) async fn has_to_go(&self) {
        let _ = timeout(PATIENCE, self.out.cancelled()).await;
        if self.known.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_who_shows_a_token_may_stay() {
        let newcomers = Newcomers::default();
        let (known, silent) = (newcomers.come(), newcomers.come());
        known.is_known();
        silent.has_to_go().await;
        assert!(timeout(PATIENCE * 9, known.has_to_go()).await.is_err(), "it stays");
        let oldest = newcomers.come();
        let others: Vec<_> = (0..AT_ONCE).map(|_| newcomers.come()).collect();
        assert!(oldest.out.is_cancelled(), "the oldest goes for one more");
        assert!(others.iter().all(|one| !one.out.is_cancelled()), "the others stay");
    }
}
