//! What each operating system tells of its processes, in its own way. A module each, and one contract:
//!
//! - `Processes::new_names()`, called with every look: pid and name of each process that is new, or that has another name than before.
//! - `Processes::tell_again(pid)`: what was told could not be used yet; the name comes again when the process is next due.
//! - `Processes::look_again_at(pid)`: its process has ended; whoever gets this pid is new.
//! - `started_at(pid)`: a number that the system keeps for the process and that no setting of the clock moves; none when it has ended.
//! - `listening(pid)`: every TCP port and Unix socket on which the process listens; an error when that cannot be seen now.
//! - `exited(pid, is_it)`: waits for the end of the process that `is_it` recognises; an error when the system tells nobody of it.
//!
//! Invariant: `unsafe` stands in these modules and nowhere else in this crate, and nothing below here knows what a Maya is.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg_attr(
    not(any(test, target_os = "linux")),
    expect(
        dead_code,
        reason = "only Linux can do without a list of all pids, and tells what never becomes another program"
    )
)]
mod rounds;
#[cfg(windows)]
mod windows;

use std::collections::HashSet;

use maya_mcp_session::Address;

#[cfg(target_os = "linux")]
pub use linux::{Processes, exited, listening, started_at};
#[cfg(target_os = "macos")]
pub use macos::{Processes, exited, listening};
#[cfg(windows)]
pub use windows::{Processes, exited, listening};

/// A socket can be told of more than once: a port of every address and one of loopback are the same to us.
fn each_once(addresses: impl Iterator<Item = Address>) -> Vec<Address> {
    let mut seen = HashSet::new();
    addresses.filter(|address| seen.insert(address.clone())).collect()
}

/// In seconds since 1970, as these systems keep it for each process.
#[cfg(not(target_os = "linux"))]
pub fn started_at(pid: u32) -> Option<u64> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

    let mut system = System::new().ok()?;
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    let process = system.process(pid)?;
    (!matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)).then(|| process.start_time())
}
