//! Who is told what on the desktop, and when.
//!
//! Invariant: what to say is decided by a pure function of the event; a desktop without a notification daemon costs one line in the log.

mod desktop;
mod notice;

pub use desktop::{Desktop, NotShown, deliver};
pub use notice::{Notice, Urgency, notice_for};

use maya_mcp_session::{Subscription, Update};

/// Tells until the registry is gone; the caller decides when to stop.
pub async fn tell(mut news: Subscription, mut desktop: Desktop) {
    while let Some(update) = news.next().await {
        // After a resync the missed notices would be late: the tray and the window show what is true now.
        let Update::Edge(edge) = update else { continue };
        if let Some(notice) = notice_for(&edge) {
            desktop.show(&notice).await;
        }
    }
}
