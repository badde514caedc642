//! What the artist is told: notices, as far as they are wanted, and in the window what happened lately.
//!
//! Invariant: nothing is sent to a window that nobody sees; what came meanwhile is sent when it is seen again.

use std::{future::pending, time::Duration};

use maya_mcp_hub::{Notices, QuietHours, Subject, Telling};
use maya_mcp_session::{Edge, EventInfo, Filter, RING, clock, clock::Timestamp, event_info};
use tauri::{AppHandle, Emitter as _, Manager as _};
use tokio::time::sleep;

use crate::{ipc::Refusal, shell::Shell, window};

/// Live to people, however many events there are.
const AT_MOST_EVERY: Duration = Duration::from_millis(250);
/// While this machine sleeps, so does a timer; the clock on the wall goes on.
const LOOKS_AT_THE_CLOCK: Duration = Duration::from_mins(1);

impl Shell {
    /// What happened lately, also before the program started; the oldest first. It is read from the disk.
    pub fn events(&self) -> Result<Vec<EventInfo>, Refusal> {
        // The hub is for others while the disk is waited for.
        let recent = self.with_hub(|hub| Ok(hub.recent_events()))?;
        Ok(recent(Filter::default(), RING))
    }

    pub fn set_notices(&self, notices: Notices) -> Result<(), Refusal> {
        self.with_hub(|hub| Ok(hub.wishes().set_notices(notices)?))
    }

    pub fn set_notices_about(&self, subject: Subject, notices: Notices) -> Result<(), Refusal> {
        self.with_hub(|hub| Ok(hub.wishes().set_notices_about(subject, notices)?))
    }

    pub fn set_quiet_hours(&self, hours: Option<QuietHours>) -> Result<(), Refusal> {
        self.with_hub(|hub| Ok(hub.wishes().set_quiet_hours(hours)?))
    }

    pub fn set_quiet_until_tomorrow(&self) -> Result<(), Refusal> {
        self.with_hub(|hub| Ok(hub.wishes().set_quiet_until_tomorrow()?))
    }

    pub fn end_quiet(&self) -> Result<(), Refusal> {
        self.with_hub(|hub| Ok(hub.wishes().set_quiet_until(None)?))
    }

    pub fn turn_quiet(&self) -> Result<(), Refusal> {
        match now(self.telling()).quiet_until {
            Some(_) => self.end_quiet(),
            None => self.set_quiet_until_tomorrow(),
        }
    }
}

/// Without a time that does not count now.
pub fn now(telling: Telling) -> Telling {
    let quiet_until = telling.quiet_until(clock::now());
    Telling { quiet_until, ..telling }
}

/// Until it is worth looking again whether that time has passed; for ever without one.
pub async fn passing(time: Option<Timestamp>) {
    let Some(time) = time else { return pending().await };
    let left = Duration::try_from(time.duration_since(clock::now())).unwrap_or_default();
    sleep(left.min(LOOKS_AT_THE_CLOCK)).await;
}

/// Tells the window each event, until the program ends. One that it has already, from [`Shell::events`], may come again.
pub async fn tell(app: AppHandle) {
    let shell = app.state::<Shell>();
    let mut seen = shell.window_seen.subscribe();
    let mut newest = shell.registry().watch_next_seq();
    let mut next = 0;
    loop {
        tokio::select! {
            // The registry lives as long as the shell, so this is always an event; and so is the next.
            _ = newest.changed() => {}
            _ = seen.changed() => {}
        }
        let end = *newest.borrow_and_update();
        if app.get_webview_window(window::LABEL).is_none() {
            // The next one begins with all there is.
            next = end;
            continue;
        }
        if !window::is_seen(&app).await {
            continue;
        }
        let edges = shell.registry().since(next).edges;
        next = edges.last().map_or(next, |last| last.seq + 1);
        let events = infos(&edges);
        if events.is_empty() {
            continue;
        }
        if let Err(error) = app.emit_to(window::LABEL, "events", events) {
            tracing::warn!(%error, "the window was not told of events");
        }
        sleep(AT_MOST_EVERY).await;
    }
}

/// Heartbeats and selections are for whoever asks for them.
fn infos(edges: &[Edge]) -> Vec<EventInfo> {
    let filter = Filter::default();
    edges.iter().filter(|edge| filter.admits_edge(edge)).map(event_info).collect()
}
