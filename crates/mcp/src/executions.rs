//! What runs at this moment, and for whom.
//!
//! Invariant: an execution is in the table from before it is sent until Maya has ended it, or is gone, however its call ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use maya_mcp_session::{ClientName, SessionId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Cheap to clone; all clones are one table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Executions {
    table: Arc<Mutex<(u64, HashMap<u64, Entry>)>>,
}

#[derive(Debug)]
struct Entry {
    client: ClientName,
    session: SessionId,
    began: Instant,
    cancel: CancellationToken,
}

/// One that runs. Ends with its drop.
#[derive(Debug)]
pub(crate) struct Execution {
    table: Executions,
    number: u64,
    /// Cancelled when its client wants it to stop.
    pub cancel: CancellationToken,
}

/// What is told of one that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Underway {
    pub client: ClientName,
    pub session: SessionId,
    pub seconds: u64,
}

impl Executions {
    pub fn begin(&self, client: &ClientName, session: SessionId) -> Execution {
        let cancel = CancellationToken::new();
        let entry = Entry { client: client.clone(), session, began: Instant::now(), cancel: cancel.clone() };
        let (last, table) = &mut *self.table();
        *last += 1;
        table.insert(*last, entry);
        Execution { table: self.clone(), number: *last, cancel }
    }

    /// Stops what this client runs, in one session or in all of them.
    pub fn cancel(&self, client: &ClientName, session: Option<SessionId>) -> Vec<Underway> {
        self.all(|entry| entry.client == *client && session.is_none_or(|id| id == entry.session))
            .into_iter()
            .map(|(underway, cancel)| {
                cancel.cancel();
                underway
            })
            .collect()
    }

    /// Whether another began before this one in the same session, and still runs: then this one waits for its turn.
    pub fn is_behind(&self, execution: &Execution) -> bool {
        let (_, table) = &*self.table();
        let session = table.get(&execution.number).map(|entry| entry.session);
        table.iter().any(|(number, entry)| *number < execution.number && Some(entry.session) == session)
    }

    /// What runs in this session.
    pub fn in_session(&self, session: SessionId) -> Vec<Underway> {
        self.all(|entry| entry.session == session).into_iter().map(|(underway, _)| underway).collect()
    }

    /// In the order in which they began.
    fn all(&self, counts: impl Fn(&Entry) -> bool) -> Vec<(Underway, CancellationToken)> {
        let (_, table) = &*self.table();
        let mut found: Vec<_> = table.iter().filter(|(_, entry)| counts(entry)).collect();
        found.sort_by_key(|(number, _)| **number);
        let tell = |(_, entry): (&u64, &Entry)| {
            let seconds = entry.began.elapsed().as_secs();
            let underway = Underway { client: entry.client.clone(), session: entry.session, seconds };
            (underway, entry.cancel.clone())
        };
        found.into_iter().map(tell).collect()
    }

    fn table(&self) -> MutexGuard<'_, (u64, HashMap<u64, Entry>)> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        self.table.table().1.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::ProcessId;

    use super::*;

    const fn session(pid: u32) -> SessionId {
        SessionId::Process(ProcessId { pid, started_at: 1 })
    }

    #[test]
    fn a_client_stops_what_is_its_own_and_nothing_else() {
        let executions = Executions::default();
        let (cursor, zed) = ("cursor".parse().expect("a good name"), "zed".parse().expect("a good name"));
        let own = executions.begin(&cursor, session(1));
        let elsewhere = executions.begin(&cursor, session(2));
        let others = executions.begin(&zed, session(1));
        assert_eq!(executions.in_session(session(1)).len(), 2, "everybody's");
        let behind = |one: &Execution| executions.is_behind(one);
        assert_eq!(
            (behind(&own), behind(&elsewhere), behind(&others)),
            (false, false, true),
            "in one session, in turn"
        );
        assert_eq!(executions.cancel(&cursor, Some(session(1))).len(), 1, "its own, here");
        let cancelled = |one: &Execution| one.cancel.is_cancelled();
        assert_eq!(
            (cancelled(&own), cancelled(&elsewhere), cancelled(&others)),
            (true, false, false),
            "and no other"
        );
        drop(own);
        assert_eq!(executions.cancel(&cursor, None).len(), 1, "what is left of its own");
        assert!(elsewhere.cancel.is_cancelled() && !others.cancel.is_cancelled(), "not another client's");
        drop((elsewhere, others));
        assert!(executions.in_session(session(1)).is_empty(), "nothing is left");
    }
}
