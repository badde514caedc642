//! The end of a process, told by the operating system where it can.

use std::time::Duration;

use maya_mcp_session::ProcessId;
use tokio::time::sleep;

use crate::platform::{exited, started_at};

/// For when the system refuses to tell.
const POLL: Duration = Duration::from_millis(500);

/// Returns when this very process has ended (another under the same pid does not count).
pub async fn ended(id: ProcessId) {
    match exited(id.pid, || is_alive(id)).await {
        Ok(()) => return,
        Err(error) => {
            tracing::info!(%id, %error, "the system does not tell of the end of this process: polling for it");
        }
    }
    while is_alive(id) {
        sleep(POLL).await;
    }
}

/// Whether this very process runs: one that has ended and was not waited for does not.
pub fn is_alive(id: ProcessId) -> bool {
    started_at(id.pid) == Some(id.started_at)
}

/// Whether any process runs under this pid. It may be another than the one that was meant.
pub fn is_running(pid: u32) -> bool {
    started_at(pid).is_some()
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
        let id = ProcessId { pid: child.id(), started_at };
        ended(ProcessId { started_at: started_at - 1, ..id }).await;
        let mut waiting = std::pin::pin!(ended(id));
        let early = tokio::time::timeout(Duration::from_millis(20), &mut waiting).await;
        assert!(early.is_err() && is_running(id.pid), "it runs");
        child.kill().expect("it is ours");
        // Not waited for yet: a dead process that still has its pid has ended all the same.
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("its end is told");
        assert!(!is_alive(id) && !is_running(id.pid), "nor is it alive for whoever polls");
        child.wait().expect("it is ours");
    }
}
