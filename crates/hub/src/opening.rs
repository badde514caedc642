//! From a helper to an open link.
//!
//! Invariant: where it can be helped, what the link leads to is our own build of the helper; the session does not end for that.

use std::time::Duration;

use maya_mcp_maya::{Build, HelperAddress, HelperFiles, Link, LinkError, LinkTask, Welcome, replace};
use maya_mcp_session::{Address, SessionId};
use tokio::time::Instant;

use crate::verdicts::Failure;

/// A helper waits so long for somebody before it leaves.
const HELPER_WAITS: Duration = Duration::from_mins(1);

pub struct Connected {
    pub link: Link,
    pub task: LinkTask,
    pub welcome: Welcome,
    /// The command port that led to it.
    pub address: Option<Address>,
    pub helper: HelperAddress,
}

/// The helper is in, and it is ours: another engine's build makes way.
pub async fn open_link(
    id: SessionId,
    address: Option<Address>,
    helper: HelperAddress,
    files: &HelperFiles,
) -> Result<Connected, Failure> {
    let connected = open_patiently(id, address, helper).await?;
    if files.compare(&connected.welcome) == Build::Ours {
        return Ok(connected);
    }
    let Some(pid) = id.pid() else {
        // It may not see our home, and the bootstrap has brought ours before.
        tracing::warn!(%id, build = connected.welcome.build, "another build of the helper");
        return Ok(connected);
    };
    let Connected { link, task, address, .. } = connected;
    tracing::info!(%id, "another build of the helper makes way for ours");
    let helper = replace(link, task, pid, files).await?;
    open_patiently(id, address, helper).await
}

/// The artist has said yes, and the helper waits for us. A Maya that holds Python's lock lets it answer later.
async fn open_patiently(
    id: SessionId,
    address: Option<Address>,
    helper: HelperAddress,
) -> Result<Connected, Failure> {
    let began = Instant::now();
    let (link, task, welcome) = loop {
        match Link::open(&helper).await {
            Err(LinkError::Silent) if began.elapsed() < HELPER_WAITS => {}
            outcome => break outcome?,
        }
    };
    let answered = welcome.facts.pid;
    if id.pid().is_some_and(|pid| pid != answered) {
        return Err(Failure::AnotherProcess(answered));
    }
    Ok(Connected { link, task, welcome, address, helper })
}
