//! The event log is what webhooks go on from after a restart.

use std::io;

use maya_mcp_session::EventInfo;
use tokio::sync::watch;

use super::History;
use crate::{EventLog, Query};

impl History for EventLog {
    fn read(&self, query: &Query) -> io::Result<Vec<EventInfo>> {
        Ok(self.read(query)?.events)
    }

    fn settled(&self) -> watch::Receiver<u64> {
        self.settled()
    }
}
