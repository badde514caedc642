//! Brings the helper into a Maya over its command port, and says where the helper then listens.
//!
//! Invariant: a port that asks the artist gets exactly one message, in MEL; any other of this machine gets at most two: MEL, and Python where
//! the answer says that MEL is not spoken there. A Maya elsewhere gets the helper's files as well, in pieces.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use maya_mcp_session::Address;
use serde::Deserialize;

use crate::{
    Access, HelperAddress, HelperFiles, HelperFilesError, LinkError, LinkKind, carried,
    command_port::{LONGEST_LINE, PortError, ask},
    proof::Key,
};

/// The artist reads this in Maya's security dialog.
pub(crate) const COMMENT: &str = "/* Maya MCP Tray asks to connect this Maya to your AI client. */ ";
/// What a Python port says of MEL's `python` command, and of a comment of MEL's, in every Maya.
const NOT_MEL: [&str; 2] = ["name 'python' is not defined", "invalid syntax"];
/// Maya's dialog shows no more.
const LONGEST_QUESTION: usize = 300;
const DENIED: &str = "Execution denied by Maya";

/// A command port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doorway {
    pub address: Address,
    /// Of the process of this machine that listens there; none for a port that was added by hand: whoever answers, wherever it is.
    pub pid: Option<u32>,
}

/// Maya opens its default port with the security warning on. (A port opened by hand may have it on too; nobody can see that from outside.)
pub fn asks_the_artist(address: &Address) -> bool {
    match address {
        Address::Tcp(socket) => socket.port() == 50007,
        Address::Unix(path) => path.file_name().is_some_and(|name| name == "commandportDefault"),
    }
}

impl Doorway {
    pub fn asks_the_artist(&self) -> bool {
        asks_the_artist(&self.address)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error(transparent)]
    Files(#[from] HelperFilesError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the artist chose Deny in Maya's security dialog")]
    Denied,
    #[error("{address} answered, but not as a Maya command port")]
    NotMaya { address: Address, answer: String },
    #[error("Maya asks for each message. Choose Connect again, and Allow All in its dialog")]
    AsksForEach,
    #[error("the helper did not start: {kind}: {message}")]
    Helper { kind: String, message: String },
    #[error("the home folder's path is too long for a command port")]
    PathTooLong,
}

/// Waits as long as Maya does (it may be rendering, or asking the artist); the caller may stop waiting at any time without harm. `before` is
/// waited for once somebody listens, and before the first message: after it the artist may be looking at a dialog.
pub async fn bootstrap(
    doorway: &Doorway,
    files: &HelperFiles,
    kind: LinkKind,
    before: impl Future<Output = ()>,
) -> Result<HelperAddress, BootstrapError> {
    if doorway.pid.is_none() {
        // Its command ports are not to be reached from here.
        return carried::bootstrap(doorway, files, before).await;
    }
    let invitation = files.invite(kind)?;
    let expression = files.expression(&invitation.nonce);
    let mel = in_mel(&expression);
    let first = if doorway.asks_the_artist() { format!("{COMMENT}{mel}") } else { mel };
    if doorway.asks_the_artist() && first.len() >= LONGEST_QUESTION {
        return Err(BootstrapError::PathTooLong);
    }
    let mut answer = send(doorway, &first, before).await?;
    if is_not_mel(&answer) {
        answer = send(doorway, &expression, async {}).await?;
    }
    let opened = read_answer(&answer, doorway, &invitation.nonce)?;
    let secret = Access::Secret(invitation.secret.clone());
    Ok(opened.at(Ipv4Addr::LOCALHOST.into(), secret))
}

/// Whether a port that was sent MEL speaks another language.
pub(crate) fn is_not_mel(answer: &str) -> bool {
    NOT_MEL.iter().any(|words| answer.contains(words))
}

pub(crate) fn in_mel(expression: &str) -> String {
    format!("python(\"{}\")", expression.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) async fn send(
    doorway: &Doorway,
    line: &str,
    before: impl Future<Output = ()>,
) -> Result<String, BootstrapError> {
    if line.len() > LONGEST_LINE {
        return Err(BootstrapError::PathTooLong);
    }
    Ok(ask(&doorway.address, doorway.pid, line, before).await?)
}

/// What `connect` answers.
#[derive(Deserialize)]
pub(crate) struct Reply {
    maya_mcp: u32,
    nonce: String,
    pid: u32,
    port: Option<u16>,
    key: Option<Key>,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    r#type: String,
    message: String,
}

/// A port that the helper opened, or had opened.
#[derive(Debug)]
pub(crate) struct Opened {
    port: u16,
    key: Option<Key>,
}

impl Opened {
    /// The secret is for a port of the helper's own; one of Maya's has a key.
    pub fn at(self, host: IpAddr, secret: Access) -> HelperAddress {
        let access = self.key.map_or(secret, Access::Key);
        HelperAddress { address: SocketAddr::new(host, self.port), access }
    }
}

impl Reply {
    /// None where it is no answer to this invitation.
    pub fn opened(self, nonce: &str, pid: Option<u32>) -> Option<Result<Opened, BootstrapError>> {
        let another = pid.is_some_and(|pid| self.pid != pid);
        if self.maya_mcp != 1 || self.nonce != nonce || another {
            return None;
        }
        match (self.port, self.error) {
            (_, Some(error)) => {
                Some(Err(BootstrapError::Helper { kind: error.r#type, message: error.message }))
            }
            (Some(port), None) => Some(Ok(Opened { port, key: self.key })),
            (None, None) => None,
        }
    }
}

/// Refuses what can be no answer of a Maya's that does what it is asked.
pub(crate) fn check(answer: &str, doorway: &Doorway) -> Result<(), BootstrapError> {
    // In another language than English, Maya's words are others; that it hangs up is the same.
    if answer.contains(DENIED) || doorway.asks_the_artist() && answer.is_empty() {
        return Err(BootstrapError::Denied);
    }
    Ok(())
}

pub(crate) fn foreign(answer: &str, doorway: &Doorway) -> BootstrapError {
    BootstrapError::NotMaya { address: doorway.address.clone(), answer: answer.chars().take(80).collect() }
}

pub(crate) fn read_answer(answer: &str, doorway: &Doorway, nonce: &str) -> Result<Opened, BootstrapError> {
    check(answer, doorway)?;
    let reply = serde_json::from_str::<Reply>(answer).ok();
    reply.and_then(|reply| reply.opened(nonce, doorway.pid)).unwrap_or_else(|| Err(foreign(answer, doorway)))
}

/// For between single quotes, in ASCII, whatever the locale of Maya.
pub(crate) fn python_literal(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\'' | '\\' => format!("\\{c}"),
            ' '..='~' => c.to_string(),
            _ if u32::from(c) <= 0xffff => format!("\\u{:04x}", u32::from(c)),
            _ => format!("\\U{:08x}", u32::from(c)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_ascii_that_python_reads_back() {
        for (path, literal) in [
            ("/home/ana/boot.py", "/home/ana/boot.py"),
            ("/home/jörg müller/boot.py", "/home/j\\u00f6rg m\\u00fcller/boot.py"),
            ("/home/o'neil/𝕏", "/home/o\\'neil/\\U0001d54f"),
        ] {
            assert_eq!(python_literal(path), literal, "{path}");
        }
    }
}
