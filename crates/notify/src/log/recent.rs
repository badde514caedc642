//! What happened lately: the events that are in memory, and before them those that the log on disk has kept.
//!
//! Invariant: the disk is asked only for what is older than the memory, so that nothing is old news or told twice.

use maya_mcp_session::{Edge, EventInfo, Filter, Registry, Since, event_info};

use super::{EventLog, Page, Query};

#[derive(Debug)]
pub struct Recent {
    /// Oldest first.
    pub events: Vec<EventInfo>,
    /// There were more before these.
    pub older: bool,
}

/// So many, the newest. Blocks for as long as the disk does.
pub fn recent(registry: &Registry, log: Option<&EventLog>, filter: Filter, last: usize) -> Recent {
    let Since { edges, missed } = registry.since(0);
    let before = edges.first().map_or_else(|| registry.next_seq(), |edge| edge.seq);
    let wanted: Vec<&Edge> = edges.iter().filter(|edge| filter.admits_edge(edge)).collect();
    let (more, newest) = wanted.split_at(wanted.len().saturating_sub(last));
    let mut events: Vec<_> = newest.iter().map(|edge| event_info(edge)).collect();
    let Some(log) = log else {
        return Recent { events, older: !more.is_empty() || missed > 0 };
    };
    let room = last - events.len();
    // One more tells whether there is more.
    let query = Query { before: Some(before), filter, last: Some(room + 1), ..Query::default() };
    let read = log.read(&query).unwrap_or_else(|error| {
        tracing::warn!(%error, "the event log cannot be read");
        Page::default()
    });
    let mut old = read.events;
    let surplus = old.len().saturating_sub(room);
    events.splice(..0, old.drain(surplus..));
    Recent { events, older: surplus > 0 || !more.is_empty() }
}
