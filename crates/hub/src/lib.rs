//! The whole engine, started and stopped as one: finding, connecting, serving, telling.
//!
//! Invariant: every task of the engine is spawned here, on one tracker, and has ended when [`Hub::stop`] returns. This crate draws
//! nothing and prints nothing.

mod artist;
mod connect;
mod follow;
mod home;
mod hub;
mod known;
mod looks;
mod memory;
mod opening;
mod outlets;
mod pulse;
mod reach;
mod recovered;
mod sessions;
mod settings;
mod timing;
mod verdicts;
mod wishes;

pub use artist::client_title;
pub use home::{Home, HomeError};
pub use hub::{Hub, Options, StartError, TokenRule};
pub use maya_mcp_discovery::is_running;
pub use maya_mcp_discovery::{port_owner, port_owner_pid};
pub use maya_mcp_endpoint::{StandardError, keep_log};
#[cfg(all(unix, not(target_os = "macos")))]
pub use maya_mcp_notify::daemon;
pub use maya_mcp_notify::{
    DesktopState, EventLog, Follow, News, Notice, Notices, Numbers, Query, QuietHours, Registration, Subject,
    Subscriber, Subscribers, Telling, Urgency, deliver,
};
pub use reach::{Reach, ReachError};
pub use settings::{Connect, DEFAULT_PORT, Settings, SettingsError};
pub use timing::Timing;
pub use wishes::Wishes;
