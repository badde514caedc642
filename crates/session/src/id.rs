//! Names of sessions and of clients.

use std::{fmt, net::SocketAddr, str::FromStr};

use serde::{Deserialize, Serialize};

/// One running Maya.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionId {
    /// A process of this machine, found by itself: "maya-8453".
    Process(ProcessId),
    /// A command port that was added by hand, and whatever Maya is behind it: "maya-10.0.0.5:7001".
    Added(SocketAddr),
}

/// One process. Pids are reused, so the start time belongs to the identity: a number that the system keeps for the process
/// and that no setting of the clock moves (on Linux, clock ticks since the machine started). It is only ever compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: u32,
    pub started_at: u64,
}

impl SessionId {
    /// Of a process of this machine.
    pub fn pid(self) -> Option<u32> {
        match self {
            Self::Process(process) => Some(process.pid),
            Self::Added(_) => None,
        }
    }
}

impl From<ProcessId> for SessionId {
    fn from(process: ProcessId) -> Self {
        Self::Process(process)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(process) => process.fmt(f),
            Self::Added(address) => write!(f, "maya-{address}"),
        }
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "maya-{}", self.pid)
    }
}

/// Another MCP server that is mounted beside Maya, by the name it has in the settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BackendName(String);

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BackendName {
    type Err = InvalidClientName;

    /// As for clients. The names of sessions are taken.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ClientName(name) = text.parse()?;
        if name.starts_with("maya-") { Err(InvalidClientName(name)) } else { Ok(Self(name)) }
    }
}

/// The name under which a client's token was made: `claude-desktop`, `cursor`, … It is also a file name, hence the narrow alphabet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientName(String);

#[derive(Debug, thiserror::Error)]
#[error(
    "\"{0}\" cannot be a client's name: use 1 to 64 lower-case letters, digits, '-' and '_', and begin with a letter or digit"
)]
pub struct InvalidClientName(String);

impl ClientName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ClientName {
    type Err = InvalidClientName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(plain)
            && text.chars().all(|c| plain(c) || c == '-' || c == '_');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidClientName(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_name_is_safe_as_a_file_name() {
        for good in ["claude-desktop", "cursor", "a", "4d_2", &"x".repeat(64)] {
            assert!(good.parse::<ClientName>().is_ok(), "{good} is an ordinary name");
        }
        for bad in ["", "-rf", "_x", "../x", "a/b", "A", "ü", "a b", "a.b", "nul\0", &"x".repeat(65)] {
            assert!(bad.parse::<ClientName>().is_err(), "{bad:?} must not become a file name");
        }
    }
}
