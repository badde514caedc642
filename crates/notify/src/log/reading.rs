//! Reading the event log back, while it is written or when nobody writes.
//!
//! Invariant: nothing is changed by reading, and only as many files are read as the answer takes, the newest first.

use std::{fs, io, ops::ControlFlow};

use maya_mcp_session::{EventInfo, Filter, clock::Timestamp};

use super::{EventLog, files};

/// Which events somebody wants to read.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only with a larger number,
    pub after: Option<u64>,
    /// with a smaller one,
    pub before: Option<u64>,
    /// not earlier than this,
    pub since: Option<Timestamp>,
    /// of these kinds and sources,
    pub filter: Filter,
    /// and of those only so many, the newest.
    pub last: Option<usize>,
}

#[derive(Debug, Default)]
pub struct Page {
    /// The oldest first.
    pub events: Vec<EventInfo>,
    /// Lines that are no event, torn or damaged, among those that were looked at.
    pub unreadable: u64,
    /// The number of the oldest event that is kept.
    pub oldest_seq: Option<u64>,
    /// The number of the newest one, wanted or not.
    pub newest_seq: Option<u64>,
}

impl EventLog {
    /// Blocks for as long as the disk does.
    pub fn read(&self, query: &Query) -> io::Result<Page> {
        let files = files::list(&self.folder)?;
        let mut page = Page::default();
        for (first, path) in files.iter().rev() {
            if page.newest_seq.is_some() && query.before.is_some_and(|before| *first >= before) {
                continue;
            }
            let content = match fs::read(path) {
                // It has been taken away meanwhile, for it was too old.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                content => content?,
            };
            let done = page.take(&content, query);
            // A file without an event says nothing of those before it.
            let is_all = !content.is_empty() && query.after.is_some_and(|after| *first <= after);
            if done.is_break() || is_all {
                break;
            }
        }
        page.events.reverse();
        let has_events = |path| fs::metadata(path).is_ok_and(|about| about.len() > 0);
        page.oldest_seq = files.iter().find(|(_, path)| has_events(path)).map(|(first, _)| *first);
        Ok(page)
    }
}

impl Page {
    /// Puts the events of one file to the earlier ones, the newest first. Breaks when nothing older is wanted.
    fn take(&mut self, content: &[u8], query: &Query) -> ControlFlow<()> {
        let mut recent = query.since.is_none();
        let mut some = false;
        for line in content.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let enough = query.last.is_some_and(|last| self.events.len() >= last);
            if enough && self.newest_seq.is_some() {
                return ControlFlow::Break(());
            }
            let Some(event) = files::event(line) else {
                self.unreadable += 1;
                continue;
            };
            some = true;
            self.newest_seq.get_or_insert(event.seq);
            if query.after.is_some_and(|after| event.seq <= after) {
                return ControlFlow::Break(());
            }
            let is_recent = query.since.is_none_or(|since| is_since(&event, since));
            recent |= is_recent;
            let is_before = query.before.is_none_or(|before| event.seq < before);
            if !enough && is_recent && is_before && query.filter.admits(event.kind, &event.source) {
                self.events.push(event);
            }
        }
        // The clock may have been set, so one old event alone does not mean that all before it are older.
        if some && !recent { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn is_since(event: &EventInfo, since: Timestamp) -> bool {
    event.time.parse::<Timestamp>().is_ok_and(|time| time >= since)
}

/// Reads what is added.
#[derive(Debug)]
pub struct Follow {
    log: EventLog,
    query: Query,
    /// The newest file and its length, when it was read.
    seen: Option<(u64, u64)>,
}

impl Follow {
    /// After that number, or from the beginning.
    pub fn new(log: EventLog, after: Option<u64>, filter: Filter) -> Self {
        Self { log, query: Query { after, filter, ..Query::default() }, seen: None }
    }

    /// What has come since the last time; cheap when that is nothing.
    pub fn poll(&mut self) -> io::Result<Vec<EventInfo>> {
        let newest = files::list(&self.log.folder)?.pop();
        let length = |path| fs::metadata(path).map_or(0, |about| about.len());
        let now = newest.map(|(first, path)| (first, length(path)));
        if now == self.seen {
            return Ok(Vec::new());
        }
        // A line that is being written now is read whole the next time, for the file is longer then.
        let page = self.log.read(&self.query)?;
        self.seen = now;
        self.query.after = page.newest_seq.or(self.query.after);
        Ok(page.events)
    }
}
