//! Who is told what on the desktop, and when.
//!
//! Invariant: what to say is decided by pure functions of what is true and what has been said; a desktop without a notification daemon
//! costs one line in the log, and nothing else.

mod desktop;
mod notice;
mod numbers;
mod policy;
mod questions;
mod tell;
mod telling;

pub use desktop::{DesktopState, Handed, NotShown, Posted, deliver, keep};
pub use notice::{Action, Notice, Urgency};
pub use numbers::{DelayReport, Dropped, Numbers, OTHERS, Outlet, OutletReport, Report, SourceReport};
pub use tell::{Hears, Says, tell};
pub use telling::{Notices, QuietHours, Subject, Telling};
