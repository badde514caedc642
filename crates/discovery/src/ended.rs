//! The end of a process, told by the operating system where it can.

use std::time::Duration;

use crate::finder::has_ended;
use maya_mcp_session::SessionId;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// For systems that tell nobody but the parent.
const POLL: Duration = Duration::from_millis(500);

/// Returns when this very process has ended (another under the same pid does not count).
pub async fn ended(id: SessionId) {
    #[cfg(target_os = "linux")]
    match crate::platform::exited(id.pid, || is_alive(id)).await {
        Ok(()) => return,
        Err(error) => tracing::info!(%id, %error, "no pidfd for this process: polling for its end"),
    }
    poll(id).await;
}

async fn poll(id: SessionId) {
    let mut clock = tokio::time::interval(POLL);
    while is_alive(id) {
        clock.tick().await;
    }
}

fn is_alive(id: SessionId) -> bool {
    let Ok(mut system) = System::new() else { return true };
    let pid = Pid::from_u32(id.pid);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    // The clock may have been set since, which moves the start time that is computed from it by as much; two processes under one
    // pid are further apart than a second only if the pids went once around.
    system
        .process(pid)
        .is_some_and(|process| !has_ended(process) && process.start_time().abs_diff(id.started_at) <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    fn start_time(pid: u32) -> u64 {
        let mut system = System::new().expect("this system is supported");
        let pid = Pid::from_u32(pid);
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[pid]),
            true,
            ProcessRefreshKind::nothing(),
        );
        system.process(pid).expect("it runs").start_time()
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test needs a process that it may end")]
    async fn the_end_of_a_process_is_told_at_once_and_its_pid_alone_does_not_count() {
        let mut child = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cat is everywhere");
        let id = SessionId { pid: child.id(), started_at: start_time(child.id()) };
        ended(SessionId { started_at: id.started_at - 100, ..id }).await;
        let mut waiting = std::pin::pin!(ended(id));
        let early = tokio::time::timeout(Duration::from_millis(20), &mut waiting).await;
        assert!(early.is_err(), "it runs");
        child.kill().expect("it is ours");
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("its end is told");
        child.wait().expect("it is ours");
    }
}
