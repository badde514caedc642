//! Who is told what on the desktop, and when.
//!
//! Invariant: what to say is decided by a pure function of the event, or of the snapshot for what clients ask; a desktop without a
//! notification daemon costs one line in the log for each of the two.

mod desktop;
mod notice;
mod numbers;
mod questions;
mod telling;

pub use desktop::{Desktop, NotShown, ask, deliver};
pub use notice::{Action, Lasts, Notice, Urgency, notice_for};
pub use numbers::{DelayReport, Dropped, Numbers, OTHERS, Outlet, OutletReport, Report, SourceReport};
pub use telling::{Notices, QuietHours, Subject, Telling, tomorrow};

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use maya_mcp_session::{ClientName, Snapshot, Subscription, Update, What};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::questions::{Step, Told};

/// Several scripts that a client sends at once are told at once. Nobody reads faster.
const GATHER: Duration = Duration::from_millis(250);
/// For taking back what is open when everything stops.
const WITHDRAWING: Duration = Duration::from_millis(500);

/// Tells until the registry is gone; the caller decides when to stop. `told` follows: up to which revision everything has been said.
pub async fn tell(mut news: Subscription, mut desktop: Desktop, told: watch::Sender<u64>) {
    loop {
        let update = tokio::select! {
            update = news.next() => update,
            never = desktop.wait_for_actions() => never,
        };
        match update {
            None => return,
            // The missed notices would be late: the tray and the window show what is true now.
            Some(Update::Resync { snapshot, .. }) => drop(told.send_replace(snapshot.revision)),
            Some(Update::Edge(edge)) => {
                if let What::Session { session, event } = &edge.what {
                    desktop.withdraw_for(session.id(), event);
                    if let Some(notice) = notice_for(session, event) {
                        desktop.show(&notice, session.id()).await;
                    }
                }
                told.send_replace(edge.revision);
            }
        }
    }
}

/// Tells what clients ask, until `stop`, and takes it back. `title` names a client for people. `deliver` shows a notice until it was
/// answered or the token is cancelled; all are under way side by side, so none holds up another.
pub async fn tell_questions<Delivery>(
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    title: impl Fn(&ClientName) -> String,
    deliver: impl Fn(Notice, CancellationToken) -> Delivery,
    stop: CancellationToken,
) where
    Delivery: Future<Output = Result<(), NotShown>>,
{
    let mut told = Told::default();
    let mut shown = BTreeMap::new();
    let mut deliveries = FuturesUnordered::new();
    let mut due: Option<Instant> = None;
    let mut failed_before = false;
    loop {
        let now = snapshots.borrow_and_update().clone();
        for key in told.settle(&now) {
            shown.remove(&key);
        }
        due = told.is_news(&now).then(|| due.unwrap_or_else(|| Instant::now() + GATHER));
        if due.is_some_and(|due| due <= Instant::now()) {
            due = None;
            let Step { withdraw, show } = told.tell(&now, &title);
            shown.retain(|key, _| !withdraw.contains(key));
            for (key, notice) in show {
                let withdrawn = CancellationToken::new();
                // Dropping the guard takes it off the desktop.
                shown.insert(key, withdrawn.clone().drop_guard());
                deliveries.push(deliver(notice, withdrawn));
            }
        }
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { return },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            Some(outcome) = deliveries.next() => if let Err(error) = outcome {
                if failed_before {
                    tracing::debug!(%error, "a question of a client");
                } else {
                    tracing::warn!(%error, "questions of clients are in the tray and the window only");
                }
                failed_before = true;
            },
            () = stop.cancelled() => break,
        }
    }
    drop(shown);
    let all = async { while deliveries.next().await.is_some() {} };
    if timeout(WITHDRAWING, all).await.is_err() {
        tracing::debug!("some notices stay on the desktop");
    }
}

#[cfg(test)]
mod tests;
