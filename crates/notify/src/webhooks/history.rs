//! The event log is what webhooks go on from after a restart.

use std::io;

use maya_mcp_session::{EventInfo, Filter};

use super::History;
use crate::{EventLog, Query};

impl History for EventLog {
    fn after(&self, seq: u64, limit: usize) -> io::Result<Vec<EventInfo>> {
        let query = Query { after: Some(seq), filter: Filter::everything(), ..Query::default() };
        let mut events = self.read(&query)?.events;
        events.truncate(limit);
        Ok(events)
    }
}
