//! Writing the event log: what is waiting at once, with one write.
//!
//! Invariant: what could not be written whole is taken away again or ended, so that no two lines run into one.

use std::{
    convert::Infallible,
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use jiff::{civil::Date, tz::TimeZone};
use maya_mcp_session::{
    Edge, EventInfo, Kind, Subscription, Update,
    clock::{self, Timestamp},
    event_info,
};
use tokio::{
    task::spawn_blocking,
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{EventLog, files, log_torn};
use crate::{
    Dropped, Numbers, Outlet,
    private_file::{self, sync_dir},
};

/// Events that wait for a slow disk: some megabytes. More are not kept.
const WAITING: usize = 16 << 10;
/// After the engine's end: for the events that came before it, on a disk that has much to do.
const LAST_EVENTS: Duration = Duration::from_secs(1);
/// Between looks for what is too old.
const TIDYING: Duration = Duration::from_hours(24);

/// One event, as it is written.
#[derive(Debug)]
pub struct Line {
    pub seq: u64,
    pub at: Timestamp,
    pub text: String,
}

impl Line {
    pub fn of(event: &EventInfo, at: Timestamp) -> Self {
        let text = serde_json::to_string(event).expect("our own types always serialize") + "\n";
        Self { seq: event.seq, at, text }
    }
}

/// Writes to the newest file. A file or folder that somebody has taken away is made again.
#[derive(Debug)]
pub struct Writer {
    log: EventLog,
    current: Option<Current>,
    /// A line is there in part, and could not be taken back.
    loose_end: bool,
}

/// The newest file.
#[derive(Debug)]
struct Current {
    path: PathBuf,
    /// Of the events in it. Its time on the disk is asked for only when it was begun by an earlier engine.
    day: Date,
}

/// Of some lines, how many are written, and why the others are not.
#[derive(Debug)]
pub struct Appended {
    pub written: usize,
    pub outcome: io::Result<()>,
}

impl Writer {
    pub fn new(log: EventLog) -> Self {
        Self { log, current: None, loose_end: false }
    }

    /// With one write for all that goes into one file.
    pub fn append(&mut self, lines: &[Line]) -> Appended {
        let mut rest = lines;
        let outcome = loop {
            let Some(first) = rest.first() else { break Ok(()) };
            match self.append_some(first, rest) {
                Ok(some) => rest = &rest[some..],
                Err(error) => break Err(error),
            }
        };
        Appended { written: lines.len() - rest.len(), outcome }
    }

    fn append_some(&mut self, first: &Line, lines: &[Line]) -> io::Result<usize> {
        let mut file = self.file_for(first)?;
        let whole = file.metadata()?.len();
        let mut end = whole;
        let fitting = lines.iter().take_while(|line| {
            end += line.text.len() as u64;
            end <= self.log.limits.file_bytes && day(line.at) == day(first.at)
        });
        // A line that is longer than a file may be has one of its own.
        let some = fitting.count().max(1);
        let mut text = if self.loose_end { "\n".to_owned() } else { String::new() };
        text.extend(lines[..some].iter().map(|line| line.text.as_str()));
        if let Err(error) = file.write_all(text.as_bytes()) {
            self.loose_end |= file.set_len(whole).is_err();
            return Err(error);
        }
        self.loose_end = false;
        Ok(some)
    }

    fn file_for(&mut self, line: &Line) -> io::Result<File> {
        let folder = &self.log.folder;
        let today = day(line.at);
        let newest = match self.current.take() {
            Some(current) => Some((current.path, Some(current.day))),
            None => files::list(folder)?.pop().map(|(_, path)| (path, None)),
        };
        if let Some((path, written)) = newest {
            let file = private_file::append(&path)?;
            let about = file.metadata()?;
            let written = match written {
                Some(day) => day,
                None => Timestamp::try_from(about.modified()?).map(day).unwrap_or_default(),
            };
            let is_empty = about.len() == 0;
            let has_room = about.len() + line.text.len() as u64 <= self.log.limits.file_bytes;
            if is_empty || (has_room && today <= written) {
                self.current = Some(Current { path, day: if is_empty { today } else { written } });
                return Ok(file);
            }
            // Only the newest file can be torn. A disk that cannot keep it now will not at the next try either.
            let _ = file.sync_data();
        }
        let path = files::path(folder, line.seq);
        let file = private_file::append(&path)?;
        sync_dir(&path);
        self.current = Some(Current { path, day: today });
        self.loose_end = false;
        self.log.tidy(line.at);
        Ok(file)
    }

    /// So that what is written survives a power failure too.
    pub fn sync(&self) -> io::Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        File::options().append(true).open(&current.path)?.sync_data()
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// What is on its way to the disk.
#[derive(Debug)]
struct Waiting {
    news: Subscription,
    edges: Vec<Edge>,
    numbers: Numbers,
    /// For want of room.
    lost: u64,
    /// No more will come.
    over: bool,
}

impl Waiting {
    fn take(&mut self, update: Option<Update>) {
        match update {
            None => self.over = true,
            Some(Update::Edge(edge)) if self.edges.len() < WAITING => self.edges.push(edge),
            Some(Update::Edge(edge)) => {
                self.numbers.dropped(Outlet::Log, edge.kind(), Dropped::Missed);
                self.lost += 1;
            }
            Some(Update::Resync { missed, .. }) => {
                self.numbers.missed(Outlet::Log, missed);
                self.lost += missed;
            }
        }
    }

    /// All events with a smaller number are dealt with.
    fn settled(&self) -> u64 {
        self.edges.first().map_or_else(|| self.news.next_seq(), |edge| edge.seq)
    }

    /// Until there is something to do.
    async fn more(&mut self) {
        if self.edges.is_empty() && !self.over {
            let update = self.news.next().await;
            self.take(update);
        }
    }

    fn take_ready(&mut self) {
        while !self.over
            && let Some(update) = self.news.next().now_or_never()
        {
            self.take(update);
        }
    }

    /// For as long as the disk is at work.
    async fn gather(&mut self) -> Infallible {
        while !self.over {
            let update = self.news.next().await;
            self.take(update);
        }
        std::future::pending().await
    }
}

/// What is to be done beside writing.
#[derive(Debug, Clone, Copy)]
struct Chores {
    sync: bool,
    tidy: bool,
}

/// However the writing ends, nobody waits for it any more.
struct Ending(EventLog);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.settled.send_replace(u64::MAX);
    }
}

/// Writes every event until `stop`, and then what came before it.
pub async fn write_log(log: EventLog, news: Subscription, numbers: Numbers, stop: CancellationToken) {
    let _ending = Ending(log.clone());
    // The number of the event that is to be written next.
    let mut due = news.next_seq();
    log.settled.send_replace(due);
    let mut waiting = Waiting { news, edges: Vec::new(), numbers: numbers.clone(), lost: 0, over: false };
    let mut writer = Writer::new(log.clone());
    let mut tidying = interval(TIDYING);
    // A disk that does not answer must not keep the engine from its end.
    let mut given_up = pin!(async {
        stop.cancelled().await;
        sleep(LAST_EVENTS).await;
    });
    let mut failed_before = false;
    loop {
        let tidy = tokio::select! {
            biased;
            () = waiting.more() => false,
            () = stop.cancelled() => false,
            _ = tidying.tick() => true,
        };
        waiting.take_ready();
        let ending = waiting.over || stop.is_cancelled();
        let batch = std::mem::take(&mut waiting.edges);
        let told: Vec<_> = batch.iter().map(|edge| (edge.kind(), edge.known)).collect();
        let chores = Chores { sync: ending || told.iter().any(|(kind, _)| *kind == Kind::Crashed), tidy };
        let working = spawn_blocking(move || work(writer, &batch, due, chores));
        let worked = tokio::select! {
            worked = working => worked,
            never = waiting.gather() => match never {},
            () = &mut given_up => {
                count(&numbers, &told, 0, Dropped::TimedOut);
                tracing::warn!(events = told.len(), "the disk took too long for the last events");
                return;
            }
        };
        let (next, Worked { written, due: due_now, outcome }) = worked.unwrap_or_else(|panicked| {
            let outcome = Err(io::Error::other(panicked));
            (Writer::new(log.clone()), Worked { written: 0, due, outcome })
        });
        (writer, due) = (next, due_now);
        log.settled.send_replace(waiting.settled());
        count(&numbers, &told, written, Dropped::Failed);
        if let (Err(error), false) = (&outcome, failed_before) {
            tracing::warn!(%error, folder = %log.folder.display(), "the event log cannot be written");
        }
        // To have written nothing is no success.
        failed_before = outcome.is_err() || (failed_before && told.is_empty());
        if waiting.lost > 0 {
            let events = std::mem::take(&mut waiting.lost);
            tracing::warn!(events, "the disk was too slow for the event log: some are not in it");
        }
        if ending && waiting.edges.is_empty() {
            return;
        }
    }
}

/// What has become of some events.
#[derive(Debug)]
struct Worked {
    /// So many are in the log, from the first on.
    written: usize,
    /// The number of the event that is to be written next.
    due: u64,
    outcome: io::Result<()>,
}

fn work(mut writer: Writer, batch: &[Edge], due: u64, chores: Chores) -> (Writer, Worked) {
    let lines = lines(batch, due);
    let mut appended = writer.append(&lines);
    if chores.sync && appended.outcome.is_ok() {
        appended.outcome = writer.sync();
    }
    if chores.tidy {
        writer.log.tidy(clock::now());
    }
    let due = lines[..appended.written].last().map_or(due, |line| line.seq + 1);
    let written = batch.iter().take_while(|edge| edge.seq < due).count();
    (writer, Worked { written, due, outcome: appended.outcome })
}

/// Where events before one are missing, a line with the number of the last of them says so.
fn lines(batch: &[Edge], mut due: u64) -> Vec<Line> {
    let mut lines = Vec::with_capacity(batch.len());
    for edge in batch {
        if let Some(missing) = edge.seq.checked_sub(due).filter(|missing| *missing > 0) {
            let detail = format!(
                "The disk was full or too slow for the event log: {missing} events, up to this one, are not in it"
            );
            lines.push(log_torn(edge.seq - 1, edge.at, detail));
        }
        lines.push(Line::of(&event_info(edge), edge.at));
        due = edge.seq + 1;
    }
    lines
}

fn count(numbers: &Numbers, told: &[(Kind, Instant)], written: usize, otherwise: Dropped) {
    let (written, others) = told.split_at(written);
    for (kind, known) in written {
        numbers.forwarded(Outlet::Log, *kind, *known);
    }
    for (kind, _) in others {
        numbers.dropped(Outlet::Log, *kind, otherwise);
    }
}
