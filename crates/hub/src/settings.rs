//! What a person can set, in `settings.json`. Read once at start; never written here.

use std::{fs, io, path::PathBuf};

use serde::Deserialize;

/// Unknown keys are left alone, so that an older program does not choke on a newer one's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The endpoint's port on 127.0.0.1.
    pub port: u16,
    /// Only Mayas whose program lies below one of these folders; all Mayas of this user when empty.
    pub maya_folders: Vec<PathBuf>,
    /// Show notices on the desktop.
    pub notices: bool,
}

/// MAYA on a phone's keys.
pub const DEFAULT_PORT: u16 = 6292;

impl Default for Settings {
    fn default() -> Self {
        Self { port: DEFAULT_PORT, maya_folders: Vec::new(), notices: true }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("reading the settings in {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the settings in {path} are not valid JSON ({source}); correct that line, or remove the file")]
    Parse { path: PathBuf, source: serde_json::Error },
}

impl Settings {
    /// A missing file means the defaults.
    pub fn read(path: PathBuf) -> Result<Self, SettingsError> {
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|source| SettingsError::Parse { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(SettingsError::Read { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_has_its_default_and_unknown_keys_do_no_harm() {
        for (text, port) in [("{}", 6292), (r#"{"port": 7000, "$schema": "…", "later": [1]}"#, 7000)] {
            let settings: Settings = serde_json::from_str(text).expect("it is valid");
            assert_eq!(settings, Settings { port, ..Settings::default() }, "{text}");
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
        let message = Settings::read(path).expect_err("it is broken").to_string();
        assert!(message.contains("line 1 column 10"), "the place is told: {message}");
    }
}
