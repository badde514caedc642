//! The folder where everything of ours lives: `~/.maya-mcp`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("no home folder is known for this user; set MAYA_MCP_HOME to a folder")]
    Unknown,
    #[error("making the folder {path}")]
    Make { path: PathBuf, source: io::Error },
    #[error("finding the folder {path}")]
    Find { path: PathBuf, source: io::Error },
}

impl Home {
    /// As `locate` has it, and made when it is not there, for this user only.
    pub fn find(given: Option<PathBuf>) -> Result<Self, HomeError> {
        let home = Self::locate(given)?;
        let made = if home.path.is_dir() { Ok(()) } else { make_private(&home.path) };
        made.map_err(|source| HomeError::Make { path: home.path.clone(), source })?;
        Ok(home)
    }

    /// `given` (`--home`), else `MAYA_MCP_HOME`, else `~/.maya-mcp`. It may not be there.
    pub fn locate(given: Option<PathBuf>) -> Result<Self, HomeError> {
        let from_environment = || env::var_os("MAYA_MCP_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
        let path = given
            .or_else(from_environment)
            .or_else(|| env::home_dir().map(|home| home.join(".maya-mcp")))
            .ok_or(HomeError::Unknown)?;
        // Maya and the bridge have other working folders than we do.
        let path =
            std::path::absolute(&path).map_err(|source| HomeError::Find { path: path.clone(), source })?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn tokens(&self) -> PathBuf {
        self.path.join("tokens")
    }

    pub fn settings(&self) -> PathBuf {
        self.path.join("settings.json")
    }

    /// What is known again after a restart.
    pub fn remembered(&self) -> PathBuf {
        self.path.join("remembered.json")
    }

    /// One line for each call of a tool.
    pub fn audit(&self) -> PathBuf {
        self.path.join("logs").join("audit.jsonl")
    }

    /// What happened, one line for each event.
    pub fn events(&self) -> PathBuf {
        self.path.join("events")
    }

    /// How far each webhook has come.
    pub fn webhooks(&self) -> PathBuf {
        self.path.join("events").join("webhooks")
    }

    /// True when this is the folder that every program finds without being told.
    pub fn is_default(&self) -> bool {
        env::home_dir().is_some_and(|home| home.join(".maya-mcp") == self.path)
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    // Below the user's profile, where others have no access.
    fs::create_dir_all(path)
}
