//! What the artist wants to be told on the desktop, from now on and after a restart.
//!
//! Invariant: it counts from the moment it stands in the settings file.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use maya_mcp_notify::{Notices, QuietHours, Subject, Telling, tomorrow};
use maya_mcp_session::clock::{self, Timestamp};
use serde::Serialize;
use tokio::sync::watch;

use crate::{Settings, SettingsError, settings};

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wishes {
    settings: PathBuf,
    telling: watch::Sender<Telling>,
}

impl Wishes {
    pub fn new(path: PathBuf, settings: &Settings) -> Self {
        Self { settings: path, telling: watch::Sender::new(settings.telling()) }
    }

    pub fn telling(&self) -> Telling {
        self.telling.borrow().clone()
    }

    pub fn watch(&self) -> watch::Receiver<Telling> {
        self.telling.subscribe()
    }

    /// All of them.
    pub fn set_notices(&self, notices: Notices) -> Result<(), SettingsError> {
        self.set("notices", notices == Notices::On, |telling| telling.notices = notices)
    }

    /// Those about one subject.
    pub fn set_notices_about(&self, subject: Subject, notices: Notices) -> Result<(), SettingsError> {
        let mut off = self.telling().off;
        match notices {
            Notices::On => off.remove(&subject),
            Notices::Off => off.insert(subject),
        };
        self.set("notices_off", off.clone(), |telling| telling.off = off)
    }

    pub fn set_quiet_hours(&self, hours: Option<QuietHours>) -> Result<(), SettingsError> {
        self.set("quiet_hours", hours, |telling| telling.quiet_hours = hours)
    }

    pub fn set_quiet_until(&self, until: Option<Timestamp>) -> Result<(), SettingsError> {
        self.set("quiet_until", until, |telling| telling.quiet_until = until)
    }

    pub fn set_quiet_until_tomorrow(&self) -> Result<(), SettingsError> {
        self.set_quiet_until(Some(tomorrow(clock::now(), &TimeZone::system())))
    }

    fn set(
        &self,
        key: &str,
        value: impl Serialize,
        alter: impl FnOnce(&mut Telling),
    ) -> Result<(), SettingsError> {
        settings::set(self.settings.clone(), key, value)?;
        tracing::info!(key, "the artist has set what is told on the desktop");
        self.telling.send_modify(alter);
        Ok(())
    }
}
