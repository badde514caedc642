//! What happened: the events that are in memory, and before them those that the log on disk has kept.
//!
//! Invariant: the disk is asked only for what is older than the memory, so that nothing is old news or told twice.

use maya_mcp_notify::{EventLog, Page, Query};
use maya_mcp_session::{Edge, EventInfo, Filter, Since, event_info};
use tokio::task::spawn_blocking;

use crate::server::Shared;

#[derive(Debug)]
pub(crate) struct History {
    /// Oldest first.
    pub events: Vec<EventInfo>,
    /// There were more before these.
    pub older: bool,
}

/// So many, the newest.
pub(crate) async fn history(shared: &Shared, filter: Filter, last: usize) -> History {
    let Since { edges, missed } = shared.registry.since(0);
    let before = edges.first().map_or_else(|| shared.registry.next_seq(), |edge| edge.seq);
    let wanted: Vec<&Edge> = edges.iter().filter(|edge| filter.admits_edge(edge)).collect();
    let (more, newest) = wanted.split_at(wanted.len().saturating_sub(last));
    let mut events: Vec<_> = newest.iter().map(|edge| event_info(edge)).collect();
    let Some(log) = shared.log.clone() else {
        return History { events, older: !more.is_empty() || missed > 0 };
    };
    let room = last - events.len();
    // One more tells whether there is more.
    let query = Query { before: Some(before), filter, last: Some(room + 1), ..Query::default() };
    let mut old = read(log, query).await.events;
    let surplus = old.len().saturating_sub(room);
    events.splice(..0, old.drain(surplus..));
    History { events, older: surplus > 0 || !more.is_empty() }
}

async fn read(log: EventLog, query: Query) -> Page {
    let reading = spawn_blocking(move || log.read(&query));
    let read = reading.await.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "the event log cannot be read");
        Page::default()
    })
}
