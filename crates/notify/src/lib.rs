//! Who is told what on the desktop, and when.
//!
//! Invariant: what to say is decided by a pure function of the event; a desktop without a notification daemon costs one line in the log.

mod desktop;
mod notice;

pub use desktop::{Desktop, NotShown, deliver};
pub use notice::{Action, Lasts, Notice, Urgency, notice_for};

use maya_mcp_session::{Subscription, Update};
use tokio::sync::watch;

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
            Some(Update::Resync(snapshot)) => drop(told.send_replace(snapshot.revision)),
            Some(Update::Edge(edge)) => {
                desktop.withdraw_for(&edge);
                if let Some(notice) = notice_for(&edge) {
                    desktop.show(&notice, edge.session.id()).await;
                }
                told.send_replace(edge.revision);
            }
        }
    }
}
