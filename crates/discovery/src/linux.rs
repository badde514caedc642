//! Linux: processes and sockets as `/proc` tells them.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::PathBuf,
};

use maya_mcp_session::Address;
use procfs::{
    ProcError,
    net::{TcpState, UnixState},
    process::{FDTarget, Process},
};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};
use tokio::io::{Interest, unix::AsyncFd};

/// A shell that becomes a Maya (`exec`) does so soon after it started: this many looks long, a young process is looked at again.
const YOUNG_FOR: u32 = 50;
/// Now and then everybody is asked, for the one that changed its name late.
const EVERYBODY_EVERY: u32 = 50;

/// A socket's type, as `/proc/net/unix` writes it; others have no listeners.
const STREAM: u16 = 1;

/// Which processes there are, at the price of one small file while no new one starts.
#[derive(Debug, Default)]
pub struct Processes {
    newest: Option<u32>,
    /// How many looks ago each process was first seen.
    seen: HashMap<u32, u32>,
    looks: u32,
}

impl Processes {
    /// Pid and name of every process that is new, young, or due.
    pub fn new_names(&mut self) -> Vec<(u32, String)> {
        self.looks = self.looks.wrapping_add(1);
        let newest = newest_pid();
        let everybody = self.looks % EVERYBODY_EVERY == 1;
        if everybody || newest.is_none() || newest != self.newest {
            self.newest = newest;
            let pids = pids();
            self.seen.retain(|pid, _| pids.contains(pid));
            for pid in pids {
                self.seen.entry(pid).or_insert(0);
            }
        }
        let mut names = Vec::new();
        for (pid, looks) in &mut self.seen {
            if *looks < YOUNG_FOR || everybody {
                *looks = looks.saturating_add(1);
                names.extend(name(*pid).map(|name| (*pid, name)));
            }
        }
        names
    }

    pub fn look_again_at(&mut self, pid: u32) {
        self.seen.remove(&pid);
        self.newest = None;
    }
}

/// The last pid that was given out: the fifth word of `/proc/loadavg`.
fn newest_pid() -> Option<u32> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().nth(4)?.parse().ok()
}

fn pids() -> HashSet<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn name(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

/// When the process started, in clock ticks since the machine did; nothing when it has ended, waited for or not.
pub fn started_at(pid: u32) -> Option<u64> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    (!matches!(process.state, 'Z' | 'X')).then_some(process.starttime)
}

/// Every loopback TCP port and Unix socket on which the process listens; an error when that cannot be seen now.
pub fn listening(pid: u32) -> io::Result<Vec<Address>> {
    let unseen = |error: ProcError| io::Error::other(error);
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    let process = Process::new(pid).map_err(unseen)?;
    let sockets: HashSet<u64> = process
        .fd()
        .map_err(unseen)?
        .flatten()
        .filter_map(|descriptor| match descriptor.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    // A machine without IPv6 has no such table.
    let six = process.tcp6().unwrap_or_default();
    let tcp = process.tcp().map_err(unseen)?.into_iter().chain(six);
    let tcp = tcp
        .filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode))
        .map(|entry| Address::Tcp(crate::reachable(entry.local_address)));
    let unix = process
        .unix()
        .map_err(unseen)?
        .into_iter()
        .filter(|entry| {
            entry.state == UnixState::UNCONNECTED
                && entry.socket_type == STREAM
                && sockets.contains(&entry.inode)
        })
        .filter_map(|entry| entry.path)
        .filter(|path| path.is_absolute())
        .map(|path: PathBuf| Address::Unix(path));
    let mut all: Vec<_> = tcp.chain(unix).collect();
    all.dedup();
    Ok(all)
}

/// Waits for the end of the process that `is_it` recognises. A pidfd becomes readable when its process ends, whoever the parent is.
pub async fn exited(pid: u32, is_it: impl Fn() -> bool) -> io::Result<()> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        Err(Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    #[expect(unsafe_code, reason = "tokio asks for a promise that no type can make")]
    // SAFETY: the AsyncFd owns the descriptor, and nothing else closes it.
    let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
    // Looked at after the descriptor is open: either it holds this very process, or that one has ended.
    if is_it() {
        descriptor.readable().await?.retain_ready();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listeners_are_found_and_told_apart_from_connections() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let six = std::net::TcpListener::bind("[::1]:0").ok();
        let folder = std::env::temp_dir().join(format!("maya-mcp-discovery-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let path = folder.join("commandportDefault");
        let unix = std::os::unix::net::UnixListener::bind(&path).expect("a new socket file");
        let tcp = tcp.local_addr().expect("it is bound");
        let _connection = std::net::TcpStream::connect(tcp).expect("it listens");
        let _other = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
        let found = listening(std::process::id()).expect("our own process can be seen");
        let count = |address: &Address| found.iter().filter(|a| *a == address).count();
        assert_eq!(count(&Address::Tcp(tcp)), 1, "the TCP listener, once: {found:?}");
        assert_eq!(count(&Address::Unix(path.clone())), 1, "the Unix listener, once: {found:?}");
        if let Some(six) = six {
            assert_eq!(
                count(&Address::Tcp(six.local_addr().expect("bound"))),
                1,
                "on ::1 as well: {found:?}"
            );
        }
        drop(unix);
        fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn a_look_tells_of_a_new_process_and_soon_forgets_an_old_one() {
        let mut processes = Processes::default();
        let own = std::process::id();
        let told = |processes: &mut Processes| processes.new_names().iter().any(|(pid, _)| *pid == own);
        assert!(told(&mut processes), "at first everybody is new");
        for _ in 0..YOUNG_FOR {
            told(&mut processes);
        }
        assert!(!(0..EVERYBODY_EVERY - 1).any(|_| told(&mut processes)), "an old one is left alone");
        processes.look_again_at(own);
        assert!(told(&mut processes), "until somebody says that its pid may be another's now");
    }
}
