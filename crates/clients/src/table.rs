//! Where each client keeps its servers: one row per client, so that a wrong fact is a correction of one line.
//!
//! Reads folder names only; never a client's file.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    ClaudeDesktop,
    ClaudeCode,
}

pub(crate) struct Facts {
    pub client: Client,
    pub id: &'static str,
    pub name: &'static str,
    pub reach: Reach,
    /// The object in the file that holds the servers by name.
    pub section: &'static str,
    /// The first place that is there counts.
    pub places: &'static [Place],
    /// What a person should know before the file is written.
    pub note: &'static str,
}

/// How the client reaches us.
pub(crate) enum Reach {
    /// It starts our bridge. The only way that it takes.
    Stdio,
    /// It calls the endpoint itself.
    Http,
}

/// A place is there when its file is, or its sign: a folder that only this client makes.
/// A folder name `X_*` stands for every folder that begins with `X_`; one that holds the file goes first.
pub(crate) struct Place {
    on: &'static [Platform],
    base: Base,
    file: &'static str,
    sign: &'static str,
}

enum Base {
    Home,
    Config,
    LocalAppData,
    ClaudeConfigDir,
}

const ANYWHERE: &[Platform] = &[Platform::Linux, Platform::MacOs, Platform::Windows];

const TABLE: [Facts; 2] = [
    Facts {
        client: Client::ClaudeDesktop,
        id: "claude-desktop",
        name: "Claude Desktop",
        reach: Reach::Stdio, // an http entry can stop the program from starting
        section: "mcpServers",
        places: &[
            // As an MSIX package it sees its own copy of %APPDATA% only, so a file left in the real one by an older version does nothing.
            Place {
                on: &[Platform::Windows],
                base: Base::LocalAppData,
                file: "Packages/Claude_*/LocalCache/Roaming/Claude/claude_desktop_config.json",
                sign: "Packages/Claude_*/LocalCache/Roaming/Claude",
            },
            Place {
                on: ANYWHERE,
                base: Base::Config,
                file: "Claude/claude_desktop_config.json",
                sign: "Claude",
            },
        ],
        note: "Quit Claude Desktop first if it is running: it writes this file from memory when it closes.",
    },
    // `claude mcp add` would write the same entry, but it needs the `claude` program in the PATH, which desktop programs rarely have.
    Facts {
        client: Client::ClaudeCode,
        id: "claude-code",
        name: "Claude Code",
        reach: Reach::Http,
        section: "mcpServers",
        places: &[
            Place { on: ANYWHERE, base: Base::ClaudeConfigDir, file: ".claude.json", sign: "" },
            Place { on: ANYWHERE, base: Base::Home, file: ".claude.json", sign: ".claude" },
        ],
        note: "Close running Claude Code sessions first: they write this file as well. Sessions that start afterwards see Maya.",
    },
];

impl Client {
    pub const ALL: [Self; 2] = [Self::ClaudeDesktop, Self::ClaudeCode];

    /// The name in commands, and of the client's token.
    pub fn id(self) -> &'static str {
        self.facts().id
    }

    /// The name for people.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    pub(crate) fn facts(self) -> &'static Facts {
        TABLE.iter().find(|facts| facts.client == self).expect("every client has its row: a test says so")
    }

    /// The settings file to read and write, which need not exist yet; `None` when the client is not on this machine.
    pub(crate) fn locate(self, around: &Surroundings) -> Option<PathBuf> {
        let mut places = self.facts().places.iter().filter(|place| place.on.contains(&around.platform));
        places.find_map(|place| place.find(around))
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a client that is known here. Known are: claude-desktop, claude-code")]
pub struct UnknownClient(String);

impl FromStr for Client {
    type Err = UnknownClient;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|client| client.id() == text).ok_or_else(|| UnknownClient(text.to_owned()))
    }
}

impl Place {
    fn find(&self, around: &Surroundings) -> Option<PathBuf> {
        let base = around.base(&self.base)?;
        let mut found = expand(&base, self.file);
        found.sort_by_key(|(_, file)| !file.is_file());
        // The sign differs from the file in its tail only, so the folder that the star stands for is the same in both.
        found.into_iter().find_map(|(star, file)| {
            let sign = base.join(fill(self.sign, star.as_deref()));
            (file.symlink_metadata().is_ok() || sign.is_dir()).then_some(file)
        })
    }
}

/// Every path that the pattern stands for, each with the name of the folder in place of the star.
fn expand(base: &Path, pattern: &str) -> Vec<(Option<String>, PathBuf)> {
    let parts = pattern.split('/').collect::<Vec<_>>();
    let Some(at) = parts.iter().position(|part| part.ends_with('*')) else {
        return vec![(None, base.join(fill(pattern, None)))];
    };
    let prefix = parts[at].trim_end_matches('*');
    let folder = base.join(parts[..at].iter().collect::<PathBuf>());
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names = names.filter(|name| name.starts_with(prefix)).collect::<Vec<_>>();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let path = base.join(fill(pattern, Some(&name)));
            (Some(name), path)
        })
        .collect()
}

fn fill(pattern: &str, star: Option<&str>) -> PathBuf {
    let parts = pattern.split('/');
    parts
        .map(|part| match star {
            Some(name) if part.ends_with('*') => name,
            _ => part,
        })
        .collect()
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
    /// `$XDG_CONFIG_HOME`, `%APPDATA%`; the platform's usual folder when `None`.
    pub config_dir: Option<PathBuf>,
    /// `%LOCALAPPDATA%`; the usual folder when `None`.
    pub local_app_data: Option<PathBuf>,
    /// `$CLAUDE_CONFIG_DIR`, which moves `.claude.json` there. A program started from the desktop does not see what a shell sets.
    pub claude_config_dir: Option<PathBuf>,
}

impl Surroundings {
    pub fn from_env() -> Result<Self, Error> {
        let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = env::home_dir().filter(|home| home.is_absolute()).ok_or(Error::NoHome)?;
        let config_dir = match Platform::HERE {
            Platform::Linux => folder("XDG_CONFIG_HOME"),
            Platform::MacOs => None,
            Platform::Windows => folder("APPDATA"),
        };
        Ok(Self {
            config_dir,
            local_app_data: folder("LOCALAPPDATA"),
            claude_config_dir: folder("CLAUDE_CONFIG_DIR"),
            ..Self::at(home, Platform::HERE)
        })
    }

    /// Everything where it usually is below `home`.
    pub fn at(home: impl Into<PathBuf>, platform: Platform) -> Self {
        let home = home.into();
        Self { platform, home, config_dir: None, local_app_data: None, claude_config_dir: None }
    }

    fn base(&self, base: &Base) -> Option<PathBuf> {
        let usual = |path| Some(self.home.join(path));
        match base {
            // Where `$CLAUDE_CONFIG_DIR` is set, the client no longer looks below the home folder.
            Base::ClaudeConfigDir => self.claude_config_dir.clone(),
            Base::Home => self.claude_config_dir.is_none().then(|| self.home.clone()),
            Base::LocalAppData => self.local_app_data.clone().or_else(|| usual("AppData/Local")),
            Base::Config => self.config_dir.clone().or_else(|| match self.platform {
                Platform::Linux => usual(".config"),
                Platform::MacOs => usual("Library/Application Support"),
                Platform::Windows => usual("AppData/Roaming"),
            }),
        }
    }
}
