//! Brings the helper into a Maya over its command port, and says where the helper then listens.
//!
//! Invariant: a port that asks the artist gets exactly one message, in MEL; any other of this machine gets at most two: MEL, and Python where
//! the answer says that MEL is not spoken there. A Maya elsewhere gets the helper's files as well, in pieces.

use std::net::{Ipv4Addr, SocketAddr};

use maya_mcp_session::Address;
use serde::Deserialize;

use crate::{
    HelperAddress, HelperFiles, HelperFilesError, carried,
    command_port::{LONGEST_LINE, PortError, ask},
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
    before: impl Future<Output = ()>,
) -> Result<HelperAddress, BootstrapError> {
    if doorway.pid.is_none() {
        return carried::bootstrap(doorway, files, before).await;
    }
    let invitation = files.invite()?;
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
    let secret = invitation.secret.clone();
    let port = read_answer(&answer, doorway, &invitation.nonce)?;
    Ok(HelperAddress { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), secret })
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

#[derive(Deserialize)]
struct Reply {
    maya_mcp: u32,
    nonce: String,
    pid: u32,
    port: Option<u16>,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    r#type: String,
    message: String,
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

/// The helper's port.
pub(crate) fn read_answer(answer: &str, doorway: &Doorway, nonce: &str) -> Result<u16, BootstrapError> {
    check(answer, doorway)?;
    let foreign = || foreign(answer, doorway);
    let reply: Reply = serde_json::from_str(answer).map_err(|_| foreign())?;
    let another = doorway.pid.is_some_and(|pid| reply.pid != pid);
    if reply.maya_mcp != 1 || reply.nonce != nonce || another {
        return Err(foreign());
    }
    match (reply.port, reply.error) {
        (_, Some(error)) => Err(BootstrapError::Helper { kind: error.r#type, message: error.message }),
        (Some(port), None) => Ok(port),
        (None, None) => Err(foreign()),
    }
}
