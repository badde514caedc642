//! The end of a process, told by the operating system where it can.

use std::time::Duration;

use maya_mcp_session::SessionId;
use tokio::time::sleep;

use crate::platform::started_at;

/// For systems that tell nobody but the parent.
const POLL: Duration = Duration::from_millis(500);

/// Returns when this very process has ended (another under the same pid does not count).
pub async fn ended(id: SessionId) {
    #[cfg(target_os = "linux")]
    match crate::platform::exited(id.pid, || is_alive(id)).await {
        Ok(()) => return,
        Err(error) => tracing::info!(%id, %error, "no pidfd for this process: polling for its end"),
    }
    while is_alive(id) {
        sleep(POLL).await;
    }
}

fn is_alive(id: SessionId) -> bool {
    started_at(id.pid) == Some(id.started_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test needs a process that it may end")]
    async fn the_end_of_a_process_is_told_at_once_and_its_pid_alone_does_not_count() {
        let mut child = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cat is everywhere");
        let started_at = started_at(child.id()).expect("it runs");
        let id = SessionId { pid: child.id(), started_at };
        ended(SessionId { started_at: started_at - 1, ..id }).await;
        let mut waiting = std::pin::pin!(ended(id));
        let early = tokio::time::timeout(Duration::from_millis(20), &mut waiting).await;
        assert!(early.is_err(), "it runs");
        child.kill().expect("it is ours");
        // Not waited for yet: a dead process that still has its pid has ended all the same.
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("its end is told");
        assert!(!is_alive(id), "nor is it alive for whoever polls");
        child.wait().expect("it is ours");
    }
}
