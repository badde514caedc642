//! macOS and Windows: processes by sysinfo, listening sockets by the listeners crate.

use std::{io, path::Path};

use maya_mcp_session::Address;
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

#[derive(Debug, Default)]
pub struct Processes {
    system: Option<System>,
}

impl Processes {
    /// Pid and name of every process; only the names are read.
    pub fn new_names(&mut self) -> Vec<(u32, String)> {
        if self.system.is_none() {
            self.system = System::new().ok();
        }
        let Some(system) = &mut self.system else { return Vec::new() };
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing());
        let named = system.processes().iter();
        named.map(|(pid, process)| (pid.as_u32(), process.name().to_string_lossy().into_owned())).collect()
    }

    #[expect(
        clippy::unused_self,
        reason = "every look asks for everybody; the contract is shared with Linux"
    )]
    pub fn look_again_at(&mut self, _pid: u32) {}
}

/// Every loopback TCP port on which the process listens, and on macOS Maya's default socket while its file is there (whose it is, is
/// seen when it is connected to).
pub fn listening(pid: u32) -> io::Result<Vec<Address>> {
    let all = listeners::get_all().map_err(|error| io::Error::other(error.to_string()))?;
    let mut found: Vec<_> = all
        .into_iter()
        .filter(|listener| listener.process.pid == pid && listener.protocol == listeners::Protocol::TCP)
        .map(|listener| Address::Tcp(crate::reachable(listener.socket)))
        .collect();
    let default = Path::new("/tmp/commandportDefault");
    if cfg!(target_os = "macos") && default.exists() {
        found.push(Address::Unix(default.to_owned()));
    }
    Ok(found)
}

/// When the process started, in seconds since 1970 as these systems keep it; nothing when it has ended.
pub fn started_at(pid: u32) -> Option<u64> {
    let mut system = System::new().ok()?;
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    let process = system.process(pid)?;
    (!matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)).then(|| process.start_time())
}
