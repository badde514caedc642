//! Brings the helper into a Maya over its command port, and says where the helper then listens.
//!
//! Invariant: a port that asks the artist gets exactly one message, in MEL; any other gets at most two: MEL, and Python where the
//! answer says that MEL is not spoken there.

use maya_mcp_session::Address;
use serde::Deserialize;

use crate::{
    HelperAddress, HelperFiles, HelperFilesError,
    command_port::{LONGEST_LINE, PortError, ask},
    helper_files::Invitation,
};

/// The artist reads this in Maya's security dialog.
const COMMENT: &str = "/* Maya MCP Tray asks to connect this Maya to your AI client. */ ";
/// What a Python port says of MEL's `python` command, and of a comment of MEL's, in every Maya.
const NOT_MEL: [&str; 2] = ["name 'python' is not defined", "invalid syntax"];
/// Maya's dialog shows no more.
const LONGEST_QUESTION: usize = 300;
const DENIED: &str = "Execution denied by Maya";

/// A command port of a known Maya.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doorway {
    pub address: Address,
    pub pid: u32,
}

impl Doorway {
    /// Maya opens its default port with the security warning on. (A port opened by hand may have it on too; nobody can see that from outside.)
    pub fn asks_the_artist(&self) -> bool {
        match &self.address {
            Address::Tcp(socket) => socket.port() == 50007,
            Address::Unix(path) => path.file_name().is_some_and(|name| name == "commandportDefault"),
        }
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
    #[error("{address} answered, but not as a Maya command port: {answer:?}")]
    NotMaya { address: Address, answer: String },
    #[error("the helper did not start: {kind}: {message}")]
    Helper { kind: String, message: String },
    #[error("the home folder's path is too long for a command port")]
    PathTooLong,
}

/// Waits as long as Maya does (it may be rendering, or asking the artist); the caller may stop waiting at any time without harm. `sent` is
/// called when the first message is on its way: from then on the artist may be looking at a dialog.
pub async fn bootstrap(
    doorway: &Doorway,
    files: &HelperFiles,
    sent: impl FnOnce(),
) -> Result<HelperAddress, BootstrapError> {
    let invitation = files.invite()?;
    let expression = files.expression(&invitation.nonce);
    let mel = format!("python(\"{}\")", expression.replace('\\', "\\\\").replace('"', "\\\""));
    let first = if doorway.asks_the_artist() { format!("{COMMENT}{mel}") } else { mel };
    if doorway.asks_the_artist() && first.len() >= LONGEST_QUESTION {
        return Err(BootstrapError::PathTooLong);
    }
    let mut answer = send(doorway, &first, sent).await?;
    if NOT_MEL.iter().any(|words| answer.contains(words)) {
        answer = send(doorway, &expression, || ()).await?;
    }
    read_answer(&answer, doorway, invitation)
}

async fn send(doorway: &Doorway, line: &str, sent: impl FnOnce()) -> Result<String, BootstrapError> {
    if line.len() > LONGEST_LINE {
        return Err(BootstrapError::PathTooLong);
    }
    Ok(ask(&doorway.address, doorway.pid, line, sent).await?)
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

fn read_answer(
    answer: &str,
    doorway: &Doorway,
    invitation: Invitation,
) -> Result<HelperAddress, BootstrapError> {
    // In another language than English, Maya's words are others; that it hangs up is the same.
    if answer.contains(DENIED) || doorway.asks_the_artist() && answer.is_empty() {
        return Err(BootstrapError::Denied);
    }
    let foreign = || BootstrapError::NotMaya {
        address: doorway.address.clone(),
        answer: answer.chars().take(80).collect(),
    };
    let reply: Reply = serde_json::from_str(answer).map_err(|_| foreign())?;
    if reply.maya_mcp != 1 || reply.nonce != invitation.nonce || reply.pid != doorway.pid {
        return Err(foreign());
    }
    match (reply.port, reply.error) {
        (_, Some(error)) => Err(BootstrapError::Helper { kind: error.r#type, message: error.message }),
        (Some(port), None) => Ok(HelperAddress { port, secret: invitation.secret.clone() }),
        (None, None) => Err(foreign()),
    }
}
