//! endpoint.json: where the endpoint is, and what proves it.
//!
//! Invariant: a file that another engine has written since is never removed.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use maya_mcp_notify::private_file::{self, OnConflict};
use serde::{Deserialize, Serialize};

use crate::secret::EndpointSecret;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointFile {
    /// `http://127.0.0.1:6292/mcp`
    pub endpoint: String,
    pub pid: u32,
    pub secret: EndpointSecret,
    pub version: String,
}

#[derive(Debug, thiserror::Error)]
pub enum EndpointFileError {
    /// No engine runs, or none ran to a clean end.
    #[error("there is no endpoint file at {0}")]
    Missing(PathBuf),
    #[error("reading the endpoint file at {path}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the endpoint file at {path} is damaged")]
    Malformed { path: PathBuf, source: serde_json::Error },
}

impl EndpointFile {
    pub fn new(address: SocketAddr, secret: EndpointSecret, version: impl Into<String>) -> Self {
        let endpoint = format!("http://{address}/mcp");
        Self { endpoint, pid: std::process::id(), secret, version: version.into() }
    }

    pub fn path(home: &Path) -> PathBuf {
        home.join("endpoint.json")
    }

    pub fn write(&self, home: &Path) -> io::Result<()> {
        private_file::make_dir(home)?;
        let text = serde_json::to_vec_pretty(self).expect("our own types always serialize");
        private_file::write(&Self::path(home), &text, OnConflict::Replace)
    }

    pub fn read(home: &Path) -> Result<Self, EndpointFileError> {
        let path = Self::path(home);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EndpointFileError::Missing(path));
            }
            Err(source) => return Err(EndpointFileError::Unreadable { path, source }),
        };
        serde_json::from_slice(&text).map_err(|source| EndpointFileError::Malformed { path, source })
    }

    /// Removes the file if it is still this one; false when it is not.
    pub fn remove(&self, home: &Path) -> io::Result<bool> {
        match Self::read(home) {
            Ok(there) if there == *self => fs::remove_file(Self::path(home)).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Only an address of this machine is one.
    pub fn address(&self) -> Option<SocketAddr> {
        let address = self.endpoint.strip_prefix("http://")?.strip_suffix("/mcp")?;
        address.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_written_and_removed_only_by_its_owner() {
        let home = tempfile::tempdir().expect("a folder");
        let here = SocketAddr::from(([127, 0, 0, 1], 6292));
        let (old, new) = (EndpointSecret::random(), EndpointSecret::random());
        let (old, new) = (EndpointFile::new(here, old, "1"), EndpointFile::new(here, new, "1"));
        assert!(matches!(EndpointFile::read(home.path()), Err(EndpointFileError::Missing(_))), "nothing yet");
        old.write(home.path()).expect("written");
        assert_eq!(EndpointFile::read(home.path()).expect("read"), old, "as written");
        assert_eq!(old.address(), Some(here), "the address comes back");
        new.write(home.path()).expect("written over");
        assert!(!old.remove(home.path()).expect("no fault"), "it belongs to another engine now");
        assert!(new.remove(home.path()).expect("no fault"), "its owner removes it");
        fs::write(EndpointFile::path(home.path()), "{").expect("written");
        assert!(
            matches!(EndpointFile::read(home.path()), Err(EndpointFileError::Malformed { .. })),
            "damage is told"
        );
    }

    #[test]
    fn only_this_machine_is_an_endpoint() {
        let secret = EndpointSecret::random();
        for bad in [
            "http://10.0.0.1:6292/mcp",
            "https://127.0.0.1:1/mcp",
            "http://127.0.0.1:1/",
            "http://evil:1/mcp",
            "",
        ] {
            let file = EndpointFile {
                endpoint: bad.to_owned(),
                pid: 1,
                secret: secret.clone(),
                version: "1".to_owned(),
            };
            assert_eq!(file.address(), None, "{bad:?} never gets a token");
        }
    }
}
