//! The versions of Maya on this machine, and where each keeps its start-up file.
//!
//! Reads folder names only.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Serialize, Serializer};

use crate::Error;

/// A version of Maya: the year that its folder is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u16);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a version of Maya. Give its year, such as 2025")]
pub struct NotAVersion(String);

impl Version {
    /// The first whose Python the helper can run in.
    pub const FIRST: Self = Self(2022);

    pub fn is_supported(self) -> bool {
        self >= Self::FIRST
    }
}

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let year =
            text.len() == 4 && text.starts_with("20") && text.bytes().all(|byte| byte.is_ascii_digit());
        let year = year.then(|| text.parse().ok()).flatten();
        year.map(Self).ok_or_else(|| NotAVersion(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Version {
    /// As the text that a session's `maya_version` is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The versions that have settings of this user here and that the helper can run in, the oldest first.
///
/// A Maya that never ran has none yet; a caller that knows of one may turn it on all the same.
pub fn versions(around: &Surroundings) -> Vec<Version> {
    let entries = fs::read_dir(around.settings()).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let named = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<Version>().ok());
    let mut versions = named.filter(|version| version.is_supported()).collect::<Vec<_>>();
    versions.sort_unstable();
    versions
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    Linux,
    MacOs,
    Windows,
}

impl Platform {
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Linux
    };
}

/// Where to look. Passed in, so that tests use homes of their own.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub platform: Platform,
    pub home: PathBuf,
    /// The folder of documents, which Windows lets people move; the usual one when `None`.
    pub documents: Option<PathBuf>,
    /// `$MAYA_APP_DIR`. A program started from the desktop does not see what a studio's launcher sets.
    pub maya_app_dir: Option<PathBuf>,
}

impl Surroundings {
    pub fn from_env() -> Result<Self, Error> {
        let home = env::home_dir().filter(|home| home.is_absolute()).ok_or(Error::NoHome)?;
        let maya_app_dir = env::var_os("MAYA_APP_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        Ok(Self { documents: dirs::document_dir(), maya_app_dir, ..Self::at(home, Platform::HERE) })
    }

    /// Everything where it usually is below `home`.
    pub fn at(home: impl Into<PathBuf>, platform: Platform) -> Self {
        Self { platform, home: home.into(), documents: None, maya_app_dir: None }
    }

    /// The folder of Maya's settings.
    fn settings(&self) -> PathBuf {
        if let Some(folder) = &self.maya_app_dir {
            return folder.clone();
        }
        match self.platform {
            Platform::Linux => self.home.join("maya"),
            Platform::MacOs => self.home.join("Library/Preferences/Autodesk/maya"),
            Platform::Windows => {
                self.documents.clone().unwrap_or_else(|| self.home.join("Documents")).join("maya")
            }
        }
    }

    pub(crate) fn user_setup(&self, version: Version) -> PathBuf {
        [&self.settings(), Path::new(&version.to_string()), Path::new("scripts/userSetup.py")]
            .iter()
            .collect()
    }
}
