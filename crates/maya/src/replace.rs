//! Puts our build of the helper in the place of another, over the link to that one.
//!
//! Invariant: the session goes on: its Maya is not asked, and its clients' namespaces move over.

use std::{net::Ipv4Addr, pin::pin};

use tokio::sync::mpsc;

use crate::{
    Access, BootstrapError, HelperAddress, HelperFiles, Link, LinkError, LinkKind, LinkTask, Welcome,
    bootstrap::Reply,
};

/// Which helper a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    Ours,
    Another,
}

impl HelperFiles {
    /// One that does not say is another.
    pub fn compare(&self, welcome: &Welcome) -> Build {
        if welcome.build.as_deref() == Some(self.build()) { Build::Ours } else { Build::Another }
    }
}

/// Where ours listens then; the link ends with this. Waits for what runs in Maya. That Maya must see our home.
pub async fn replace(
    link: Link,
    task: LinkTask,
    pid: u32,
    files: &HelperFiles,
) -> Result<HelperAddress, BootstrapError> {
    let invitation = files.invite(LinkKind::Socket)?;
    // What it would tell meanwhile is told by the next welcome.
    let (unheard, _) = mpsc::channel(1);
    let mut answering = pin!(link.replace(files.boot_path(), &invitation.nonce));
    let answer = tokio::select! {
        answer = &mut answering => answer?,
        // It has been answered, or never will be.
        _ = task.run(unheard) => answering.await?,
    };
    let foreign = || LinkError::Impostor;
    let reply: Reply = serde_json::from_value::<Reply>(answer).map_err(|_| foreign())?;
    let opened = reply.opened(&invitation.nonce, Some(pid)).ok_or_else(foreign)??;
    Ok(opened.at(Ipv4Addr::LOCALHOST.into(), Access::Secret(invitation.secret.clone())))
}
