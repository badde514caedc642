//! The legacy sessions: whose each is, and which of them nobody uses any more.
//!
//! Invariant: a session with an open stream is alive; one without is ended only after it has been silent for long, or when its
//! client's token is gone. (rmcp by itself ends every session that is silent for five minutes, open stream or not.)

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use maya_mcp_session::ClientName;
use rmcp::transport::streamable_http_server::session::{SessionManager as _, local::LocalSessionManager};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::tokens::Tokens;

#[derive(Debug, Default)]
pub(crate) struct LegacySessions {
    table: Mutex<HashMap<String, Entry>>,
}

#[derive(Debug)]
struct Entry {
    owner: ClientName,
    last: Instant,
    /// Requests and streams that are being answered.
    open: usize,
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
    /// No session is named, or none that is known.
    Unknown,
}

/// Holds a session open while its request is being answered.
#[derive(Debug)]
pub(crate) struct Open {
    sessions: Arc<LegacySessions>,
    id: String,
}

impl LegacySessions {
    pub(crate) fn begin(&self, id: &str, owner: ClientName) {
        self.table().insert(id.to_owned(), Entry { owner, last: Instant::now(), open: 0 });
    }

    pub(crate) fn enter(self: &Arc<Self>, id: &str, client: &ClientName) -> Entrance {
        let mut table = self.table();
        let Some(entry) = table.get_mut(id) else { return Entrance::Unknown };
        if entry.owner != *client {
            return Entrance::NotYours;
        }
        entry.open += 1;
        Entrance::Open(Open { sessions: self.clone(), id: id.to_owned() })
    }

    /// Ends what nobody uses any more, again and again.
    pub(crate) async fn reap(
        &self,
        sessions: &LocalSessionManager,
        tokens: Option<Tokens>,
        patience: Patience,
        stop: CancellationToken,
    ) {
        let reaping = async {
            loop {
                tokio::time::sleep(patience.look_every).await;
                for id in self.dead(patience.silent, tokens.as_ref()) {
                    tracing::info!(session = %id, "legacy session ended: nobody uses it");
                    if let Err(error) = sessions.close_session(&id.clone().into()).await {
                        tracing::debug!(%error, "it had ended already");
                    }
                    self.table().remove(&id);
                }
                let alive = sessions.sessions.read().await;
                self.table().retain(|id, entry| entry.open > 0 || alive.contains_key(id.as_str()));
            }
        };
        stop.run_until_cancelled(reaping).await;
    }

    fn dead(&self, silent: Duration, tokens: Option<&Tokens>) -> Vec<String> {
        let cut_off = |entry: &Entry| tokens.is_some_and(|tokens| !tokens.has(&entry.owner));
        let is_dead = |entry: &Entry| cut_off(entry) || (entry.open == 0 && entry.last.elapsed() >= silent);
        self.table().iter().filter(|(_, entry)| is_dead(entry)).map(|(id, _)| id.clone()).collect()
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
    }
}

impl Open {
    /// The session stays open until the body has been read or given up.
    pub(crate) fn until_read(self, body: Body) -> OpenBody {
        OpenBody { body, _open: self }
    }
}

#[derive(Debug)]
pub(crate) struct OpenBody {
    body: Body,
    _open: Open,
}

impl HttpBody for OpenBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
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
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_silence_without_an_open_stream_ends_a_session() {
        let sessions = Arc::new(LegacySessions::default());
        let client: ClientName = "cursor".parse().expect("a good name");
        let other: ClientName = "zed".parse().expect("a good name");
        let hour = Duration::from_hours(1);
        sessions.begin("one", client.clone());
        assert!(matches!(sessions.enter("one", &other), Entrance::NotYours), "a session has one owner");
        assert!(matches!(sessions.enter("two", &client), Entrance::Unknown), "unknown");
        let Entrance::Open(stream) = sessions.enter("one", &client) else { panic!("its owner comes in") };
        tokio::time::advance(hour * 5).await;
        assert!(sessions.dead(hour, None).is_empty(), "an open stream keeps it");
        drop(stream);
        assert!(sessions.dead(hour, None).is_empty(), "it was in use a moment ago");
        tokio::time::advance(hour).await;
        assert_eq!(sessions.dead(hour, None), ["one"], "an hour of silence");
    }
}
