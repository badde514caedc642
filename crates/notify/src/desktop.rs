//! Delivery to the desktop's notification daemon.

use std::time::Duration;

use notify_rust::{Notification, Timeout};

use crate::{Notice, notice};

/// A daemon that hangs must not hold back the next notice for long.
const DELIVERY: Duration = Duration::from_secs(2);

/// The desktop, and whether it takes notices at present.
#[derive(Debug, Default)]
pub struct Desktop {
    failed_before: bool,
}

impl Desktop {
    /// Never fails: a notice that cannot be shown is logged, the first one as a warning.
    pub async fn show(&mut self, notice: &Notice) {
        match deliver(notice).await {
            Ok(()) => {
                self.failed_before = false;
                tracing::debug!(key = notice.key, "notice shown");
            }
            Err(NotShown(reason)) if self.failed_before => {
                tracing::debug!(key = notice.key, reason, "notice not shown");
            }
            Err(NotShown(reason)) => {
                self.failed_before = true;
                tracing::warn!(key = notice.key, reason, "notices cannot be shown on this desktop");
            }
        }
    }
}

/// This desktop did not take the notice.
#[derive(Debug, thiserror::Error)]
#[error("the notice was not shown: {0}")]
pub struct NotShown(String);

/// Shows one notice, for whoever has another way to tell it.
pub async fn deliver(notice: &Notice) -> Result<(), NotShown> {
    match tokio::time::timeout(DELIVERY, hand_over(notice)).await {
        Ok(outcome) => outcome.map_err(NotShown),
        Err(_) => Err(NotShown("the notification daemon did not answer in time".to_owned())),
    }
}

async fn hand_over(notice: &Notice) -> Result<(), String> {
    let mut shown = Notification::new();
    shown.appname("Maya MCP Tray").summary(&notice.title).body(&notice.body).icon("maya-mcp-tray");
    #[cfg(all(unix, not(target_os = "macos")))]
    shown.urgency(match notice.urgency {
        notice::Urgency::Normal => notify_rust::Urgency::Normal,
        notice::Urgency::Critical => notify_rust::Urgency::Critical,
    });
    shown.timeout(match notice.urgency {
        notice::Urgency::Normal => Timeout::Default,
        notice::Urgency::Critical => Timeout::Never,
    });
    #[cfg(all(unix, not(target_os = "macos")))]
    let outcome = shown.show_async().await.map(drop);
    // These systems' calls return at once; a thread keeps even a slow one away from the engine.
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let outcome = match tokio::task::spawn_blocking(move || shown.show().map(drop)).await {
        Ok(outcome) => outcome,
        Err(panicked) => return Err(panicked.to_string()),
    };
    outcome.map_err(|error| error.to_string())
}
