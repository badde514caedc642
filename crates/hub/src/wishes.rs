//! What the artist wants to be told on the desktop, from now on and after a restart.
//!
//! Invariant: it counts from the moment it stands in the settings file.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

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
    /// Held from looking at what is wished until it is written and counts: of two at once, none is lost.
    setting: Arc<Mutex<()>>,
}

impl Wishes {
    pub fn new(path: PathBuf, settings: &Settings) -> Self {
        let telling = watch::Sender::new(settings.telling());
        Self { settings: path, telling, setting: Arc::default() }
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
        self.alter("notices_off", |telling| {
            match notices {
                Notices::On => telling.off.remove(&subject),
                Notices::Off => telling.off.insert(subject),
            };
            settings::set_notices_off(self.settings.clone(), &telling.off)
        })
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
        self.alter(key, |telling| {
            alter(telling);
            settings::set(self.settings.clone(), key, value)
        })
    }

    fn alter(
        &self,
        key: &str,
        write: impl FnOnce(&mut Telling) -> Result<(), SettingsError>,
    ) -> Result<(), SettingsError> {
        let _setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut telling = self.telling();
        write(&mut telling)?;
        tracing::info!(key, "the artist has set what is told on the desktop");
        self.telling.send_replace(telling);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn of_wishes_that_are_set_at_once_none_is_lost() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("settings.json");
        let wishes = Wishes::new(path.clone(), &Settings::default());
        thread::scope(|scope| {
            for subject in Subject::ALL {
                let wishes = wishes.clone();
                scope.spawn(move || wishes.set_notices_about(subject, Notices::Off).expect("writable"));
            }
        });
        assert_eq!(wishes.telling().off, Subject::ALL.into(), "each counts");
        assert_eq!(
            Settings::read(path).expect("it is valid").telling(),
            wishes.telling(),
            "also after a restart"
        );
    }
}
