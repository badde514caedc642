//! Who is told what, and when: the desktop, the event log, webhooks, and code that registers.
//!
//! Invariant: what is said on the desktop is decided by pure functions of what is true and what has been said; whoever tells reads from a
//! place of its own, so that none waits for another. A desktop without a notification daemon costs one line in the log, and nothing else.

#[cfg(all(unix, not(target_os = "macos")))]
mod daemon;
mod desktop;
mod log;
mod notice;
mod numbers;
mod policy;
pub mod private_file;
mod questions;
mod subscribers;
mod tell;
mod telling;
mod webhooks;

#[cfg(all(unix, not(target_os = "macos")))]
pub use daemon::daemon;
pub use desktop::{DesktopState, Handed, NotShown, Posted, deliver, keep};
pub use log::{EventLog, Follow, Found, Limits, Mark, Page, Query, Recent, Torn, recent, write_log};
pub use notice::{Action, Notice, Urgency};
pub use numbers::{DelayReport, Dropped, Numbers, OTHERS, Outlet, OutletReport, Report, SourceReport, count};
pub use subscribers::{Blocking, LIMIT, News, Registration, Subscriber, Subscribers};
pub use tell::{Hears, Says, tell};
pub use telling::{Notices, QuietHours, Subject, Telling, tomorrow};
pub use webhooks::{
    Courier, History, InvalidWebhook, Pace, Secret, Webhook, WebhookOptions, WebhookState, Webhooks,
    furthest, webhooks_in_settings,
};
