//! All that tells what happens, beside the endpoint: the event log, webhooks, notices on the desktop, numbers, and code that registers.
//!
//! Invariant: each reads from the registry at its own pace, and has begun before the first observation.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use maya_mcp_notify::{
    DesktopState, EventLog, Found, Hears, History, Limits, Mark, Numbers, Pace, Says, Subscribers, Webhook,
    WebhookOptions, Webhooks, count, furthest, keep, tell, write_log,
};
use maya_mcp_session::{Commands, Observation, Registry};
use serde_json::{Map, Value, json};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Home, Wishes, artist::client_title};

/// The event log, or why there is none.
pub type Opened = Result<EventLog, String>;

/// What is told, and how; cheap to clone.
#[derive(Debug, Clone)]
pub struct Outlets {
    pub log: Opened,
    pub numbers: Numbers,
    pub subscribers: Subscribers,
    /// Up to which revision the artist has been told.
    pub told: watch::Receiver<u64>,
    webhooks: Webhooks,
    desktop: watch::Receiver<DesktopState>,
}

/// What the settings say of it.
#[derive(Debug)]
pub struct Wanted {
    pub webhooks: Vec<Webhook>,
    pub heartbeat: Option<Duration>,
}

/// What all of it works with.
#[derive(Debug)]
pub struct Around<'a> {
    pub home: &'a Home,
    pub registry: &'a Registry,
    pub commands: &'a Commands,
    pub wishes: &'a Wishes,
    pub beat: watch::Receiver<u64>,
    pub tracker: &'a TaskTracker,
    pub stop: &'a CancellationToken,
}

/// The event log, and which numbers events have had.
#[derive(Debug)]
pub struct Kept {
    pub log: Opened,
    mark: Mark,
    /// The number that the first event is to have.
    pub begin_at: u64,
}

/// Before there is a registry.
pub fn open_log(home: &Home, days: NonZeroU16) -> Kept {
    let limits = Limits { days: days.get(), ..Limits::default() };
    let (log, found) = open(home, limits);
    let (mark, begin_at) = Mark::begin(home.events(), found.begin_at(), furthest(&home.webhooks()));
    Kept { log, mark, begin_at }
}

fn open(home: &Home, limits: Limits) -> (Opened, Found) {
    match EventLog::open(home.events(), limits) {
        Ok((log, found)) => (Ok(log), found),
        Err(error) => {
            let folder = home.events();
            tracing::warn!(%error, folder = %folder.display(), "what happens is not written down: the event log cannot be opened");
            (Err(format!("{} cannot be opened: {error}", folder.display())), Found::default())
        }
    }
}

impl Outlets {
    pub fn begin(kept: Kept, wanted: Wanted, around: Around<'_>) -> Self {
        let Around { home, registry, commands, wishes, beat, tracker, stop } = around;
        let Kept { log, mark, begin_at: _ } = kept;
        let numbers = Numbers::default();
        let (keeping, stopped) = (mark.keep(registry.clone()), stop.clone());
        tracker.spawn(async move { stopped.run_until_cancelled(keeping).await });
        if let Ok(log) = &log {
            tracker.spawn(write_log(log.clone(), registry.subscribe(), numbers.clone(), stop.clone()));
        }
        let (counting, stopped) = (count(registry.subscribe(), numbers.clone()), stop.clone());
        tracker.spawn(async move { stopped.run_until_cancelled(counting).await });
        if let Some(every) = wanted.heartbeat {
            let (beating, stopped) = (heartbeat(registry.clone(), every), stop.clone());
            tracker.spawn(async move { stopped.run_until_cancelled(beating).await });
        }
        let options = WebhookOptions {
            registry: registry.clone(),
            history: log.clone().ok().map(|log| Arc::new(log) as Arc<dyn History>),
            numbers: numbers.clone(),
            folder: home.webhooks(),
            pace: Pace::default(),
        };
        let (webhooks, couriers) = Webhooks::open(wanted.webhooks, &options);
        for courier in couriers {
            tracker.spawn(courier.run(stop.clone()));
        }
        let (telling, told) = watch::channel(0);
        let (state, desktop) = watch::channel(DesktopState::default());
        let hears = Hears { snapshots: registry.watch(), telling: wishes.watch(), beat };
        let says = Says { told: telling, state, numbers: numbers.clone() };
        let to = commands.clone();
        let deliver = move |wanted, handed| keep(wanted, handed, to.clone());
        tracker.spawn(tell(hears, says, client_title, deliver, stop.clone()));
        let subscribers = Subscribers::new(registry.clone(), numbers.clone(), tracker.clone(), stop.clone());
        Self { log, numbers, subscribers, told, webhooks, desktop }
    }

    /// How each of them fares, as `/status` says it.
    pub fn status(&self) -> Map<String, Value> {
        let log = match &self.log {
            Ok(log) => json!({ "path": log.folder().display().to_string(), "error": null }),
            Err(error) => json!({ "path": null, "error": error }),
        };
        let desktop = match &*self.desktop.borrow() {
            DesktopState::Unknown => json!({ "available": null, "reason": null }),
            DesktopState::Works => json!({ "available": true, "reason": null }),
            DesktopState::Fails(reason) => json!({ "available": false, "reason": reason }),
        };
        let webhooks = json!(self.webhooks.states());
        let parts = [("webhooks", webhooks), ("event_log", log), ("desktop", desktop)];
        parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Tells of every Maya, though nothing changed.
async fn heartbeat(registry: Registry, every: Duration) {
    // So long does nobody wait.
    let Some(first) = Instant::now().checked_add(every) else { return };
    let mut beat = interval_at(first, every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        registry.observe(&Observation::Beat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_heartbeat_that_never_comes_is_no_trouble() {
        let beating = heartbeat(Registry::default(), Duration::from_secs(u64::MAX));
        tokio::time::timeout(Duration::from_secs(10), beating).await.expect("nobody waits so long");
    }
}
