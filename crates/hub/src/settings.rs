//! What a person can set, in `settings.json`. Read once at start; what the window sets is written back, and the rest of the file kept.

use std::{
    collections::BTreeSet,
    error::Error,
    fs, io,
    num::{NonZeroU16, NonZeroU64},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use maya_mcp_endpoint::{AuditText, OnConflict, write_private};
use maya_mcp_maya::LinkKind;
use maya_mcp_notify::{Notices, QuietHours, Subject, Telling, Webhook, webhooks_in_settings};
use maya_mcp_session::{Access, clock::Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Unknown keys are left alone, so that an older program does not choke on a newer one's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file by itself")]
pub struct Settings {
    /// The endpoint's port on 127.0.0.1.
    pub port: u16,
    /// Only Mayas whose program lies below one of these folders; all when empty.
    pub maya_folders: Vec<PathBuf>,
    /// List the Mayas of other users of this machine too. They cannot be connected.
    pub all_users: bool,
    /// What happens when a Maya is found.
    pub connect: Connect,
    /// What a client may do where the artist has made no other rule.
    pub access: Access,
    /// How the helper is reached: at a port of its own, or over command ports of Maya's where nothing else may listen.
    pub link: LinkKind,
    /// Let people and clients add Mayas on other machines.
    pub remote_hosts: bool,
    /// After so many seconds without its main thread, a Maya counts as not responding; 60 unless it is set.
    pub not_responding_after_s: Option<NonZeroU64>,
    /// Show notices on the desktop.
    pub notices: bool,
    /// But none about these. What a newer program calls them does no harm.
    #[serde(deserialize_with = "known_subjects")]
    pub notices_off: BTreeSet<Subject>,
    /// Nor at this time of the day.
    pub quiet_hours: Option<QuietHours>,
    /// Nor before this (RFC 3339).
    pub quiet_until: Option<Timestamp>,
    /// What is selected is an event too.
    pub selection_events: bool,
    /// So often each Maya is told of though nothing changed, in seconds, at least 10; never unless it is set.
    pub heartbeat_s: Option<NonZeroU64>,
    /// For so long the event log is kept, in days.
    pub keep_events_days: NonZeroU16,
    /// Programs elsewhere that events are posted to.
    #[serde(deserialize_with = "webhooks_in_settings")]
    pub webhooks: Vec<Webhook>,
    /// What `logs/audit.jsonl` holds of each call: a digest of its arguments, or the arguments as well.
    pub audit: AuditText,
}

/// What happens when a Maya is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    /// The artist is asked before Maya's security dialog opens; a port that shows none is connected at once.
    #[default]
    Ask,
    /// It is connected at once; Maya's security dialog opens where there is one.
    Auto,
    /// Nothing, until the artist chooses *Connect*. A Maya that starts our helper by itself was chosen before.
    Manual,
}

/// Long enough to ask what happened the week before.
const KEEP_EVENTS_DAYS: NonZeroU16 = NonZeroU16::new(30).expect("not zero");

/// MAYA on a phone's keys.
pub const DEFAULT_PORT: u16 = 6292;

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: DEFAULT_PORT,
            maya_folders: Vec::new(),
            all_users: false,
            connect: Connect::default(),
            access: Access::default(),
            link: LinkKind::default(),
            remote_hosts: false,
            not_responding_after_s: None,
            notices: true,
            notices_off: BTreeSet::new(),
            quiet_hours: None,
            quiet_until: None,
            selection_events: false,
            heartbeat_s: None,
            keep_events_days: KEEP_EVENTS_DAYS,
            webhooks: Vec::new(),
            audit: AuditText::default(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("reading the settings in {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "the settings in {path} are not {} ({error}); correct that line, or remove the file",
        if error.is_data() { "as they should be" } else { "valid JSON" }
    )]
    Parse { path: PathBuf, error: serde_json::Error },
    #[error("writing the settings in {path}")]
    Write { path: PathBuf, source: io::Error },
}

impl Settings {
    /// What to tell the artist on the desktop.
    pub fn telling(&self) -> Telling {
        Telling {
            notices: if self.notices { Notices::On } else { Notices::Off },
            off: self.notices_off.clone(),
            quiet_hours: self.quiet_hours,
            quiet_until: self.quiet_until,
        }
    }

    /// How often to tell of each Maya, and not more often than `least`.
    pub fn heartbeat(&self, least: Duration) -> Option<Duration> {
        let every = Duration::from_secs(self.heartbeat_s?.get());
        if every < least {
            tracing::warn!(?every, ?least, "the setting heartbeat_s is too small: the least is taken");
        }
        Some(every.max(least))
    }

    /// A missing file means the defaults.
    pub fn read(path: PathBuf) -> Result<Self, SettingsError> {
        match read_bytes(&path)? {
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| SettingsError::Parse { path, error })
            }
            None => Ok(Self::default()),
        }
    }
}

fn known_subjects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Subject>, D::Error> {
    let names = BTreeSet::<String>::deserialize(deserializer)?;
    let (known, unknown): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| subject(name).is_some());
    if !unknown.is_empty() {
        tracing::warn!(?unknown, "the settings turn off notices that this program does not know");
    }
    Ok(known.iter().filter_map(|name| subject(name)).collect())
}

fn subject(name: &str) -> Option<Subject> {
    Subject::ALL.into_iter().find(|subject| subject.name() == name)
}

/// Sets which notices are off. A newer program's names stay.
pub fn set_notices_off(path: PathBuf, off: &BTreeSet<Subject>) -> Result<(), SettingsError> {
    alter(path, "notices_off", |before| {
        let unknown = before.and_then(Value::as_array).into_iter().flatten();
        let unknown = unknown.filter(|name| name.as_str().is_some_and(|name| subject(name).is_none()));
        unknown.cloned().chain(off.iter().map(|subject| subject.name().into())).collect::<Value>()
    })
}

/// Sets one key of the file; every other keeps its value and its place.
pub fn set(path: PathBuf, key: &str, value: impl Serialize) -> Result<(), SettingsError> {
    alter(path, key, |_| value)
}

fn alter<V: Serialize>(
    path: PathBuf,
    key: &str,
    value: impl FnOnce(Option<&Value>) -> V,
) -> Result<(), SettingsError> {
    /// Two that are set at once are both kept.
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let parse = |error| SettingsError::Parse { path: path.clone(), error };
    let mut settings: Map<String, Value> = match read_bytes(&path)? {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(parse)?,
        None => Map::new(),
    };
    let value = serde_json::to_value(value(settings.get(key))).map_err(parse)?;
    settings.insert(key.to_owned(), value);
    let text = format!("{:#}\n", Value::Object(settings));
    write_private(&path, text.as_bytes(), OnConflict::Replace)
        .map_err(|source| SettingsError::Write { path, source })
}

/// The error with its causes.
pub fn story(error: &SettingsError) -> String {
    let cause = error.source().map(ToString::to_string).filter(|cause| !error.to_string().contains(cause));
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Without the mark that some editors put before UTF-8.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn read_bytes(path: &PathBuf) -> Result<Option<Vec<u8>>, SettingsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(without_mark(&bytes).to_vec())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SettingsError::Read { path: path.clone(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_comes_no_more_often_than_it_may() {
        let least = Duration::from_secs(10);
        for (set, every) in [(None, None), (Some(1), Some(10)), (Some(10), Some(10)), (Some(90), Some(90))] {
            let settings = Settings { heartbeat_s: set.and_then(NonZeroU64::new), ..Settings::default() };
            assert_eq!(settings.heartbeat(least), every.map(Duration::from_secs), "set to {set:?}");
        }
    }

    #[test]
    fn what_is_not_set_has_its_default_and_unknown_keys_do_no_harm() {
        for (text, port) in [("{}", 6292), (r#"{"port": 7000, "$schema": "…", "later": [1]}"#, 7000)] {
            let settings: Settings = serde_json::from_str(text).expect("it is valid");
            assert_eq!(settings, Settings { port, ..Settings::default() }, "{text}");
        }
    }

    #[test]
    fn every_key_is_read_and_nonsense_is_refused() {
        let text = r#"{"connect": "manual", "link": "command-port", "not_responding_after_s": 90, "all_users": true, "remote_hosts": true, "access": "look_only"}"#;
        let settings: Settings = serde_json::from_str(text).expect("it is valid");
        assert_eq!(
            (settings.connect, settings.link, settings.all_users, settings.remote_hosts),
            (Connect::Manual, LinkKind::CommandPort, true, true),
            "{text}"
        );
        assert_eq!(settings.not_responding_after_s.map(NonZeroU64::get), Some(90), "in seconds");
        assert_eq!(settings.access, Access::LookOnly, "as tools name it");
        for text in [
            r#"{"connect": "always"}"#,
            r#"{"link": "pipe"}"#,
            r#"{"access": "none"}"#,
            r#"{"not_responding_after_s": 0}"#,
        ] {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_no_error_and_a_broken_one_says_where() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("settings.json");
        assert_eq!(
            Settings::read(path.clone()).expect("missing is fine"),
            Settings::default(),
            "the defaults"
        );
        fs::write(&path, "{\"port\": }").expect("writable");
        let message = Settings::read(path.clone()).expect_err("it is broken").to_string();
        assert!(message.contains("line 1 column 10"), "the place is told: {message}");
        assert!(set(path.clone(), "connect", Connect::Auto).is_err(), "nor is it written over");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "{\"port\": }", "it stays as it was");
        fs::write(&path, r#"{"webhooks": [{"url": "http://farm.example.com"}]}"#).expect("writable");
        let message = Settings::read(path).expect_err("plain http").to_string();
        assert!(!message.contains("not valid JSON"), "it is: {message}");
        assert!(
            message.contains("number 1") && message.contains("https"),
            "which, and what to do: {message}"
        );
    }

    #[test]
    fn notices_that_only_a_newer_program_knows_do_no_harm_and_stay_off() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("settings.json");
        fs::write(&path, r#"{"notices_off": ["saved", "ready", "ready"]}"#).expect("writable");
        let settings = Settings::read(path.clone()).expect("an unknown name is no error");
        assert_eq!(settings.notices_off, [Subject::Ready].into(), "the known one counts");
        set_notices_off(path.clone(), &[Subject::Crashed].into()).expect("writable");
        let text = fs::read_to_string(&path).expect("it is there");
        let file: Value = serde_json::from_str(&text).expect("it is valid");
        assert_eq!(file["notices_off"], serde_json::json!(["saved", "crashed"]), "it stays: {text}");
        assert!(serde_json::from_str::<Settings>(r#"{"notices_off": [1]}"#).is_err(), "nonsense is refused");
    }

    #[test]
    fn setting_one_key_keeps_the_others_and_their_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("settings.json");
        set(path.clone(), "connect", Connect::Auto).expect("a new file");
        assert_eq!(Settings::read(path.clone()).expect("it is valid").connect, Connect::Auto, "it is set");
        fs::write(&path, r#"{"$schema": "x", "connect": "auto", "later": [1, 2.50], "port": 7000}"#)
            .expect("writable");
        set(path.clone(), "connect", Connect::Manual).expect("it is valid");
        let text = fs::read_to_string(&path).expect("it is there");
        let keys: Vec<String> =
            serde_json::from_str::<Map<String, Value>>(&text).expect("it is valid").keys().cloned().collect();
        assert_eq!(keys, ["$schema", "connect", "later", "port"], "{text}");
        assert_eq!(Settings::read(path).expect("it is valid").port, 7000, "{text}");
    }
}
