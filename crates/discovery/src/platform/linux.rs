//! Linux: processes and sockets as `/proc` tells them.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::PathBuf,
};

use maya_mcp_session::Address;
use procfs::{
    FromRead, ProcError,
    net::{TcpState, UnixState},
    process::{FDTarget, Process, Stat, StatFlags},
};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
    time::{ClockId, clock_gettime},
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    each_once,
    rounds::{LOOKS_PER_SECOND, Name, Rounds},
};

/// Up to so many new pids are looked at one by one; listing everybody costs more than that.
const A_FEW: u32 = 64;

/// A socket's type, as `/proc/net/unix` writes it; others have no listeners.
const STREAM: u16 = 1;

/// Which processes there are, at the price of one small read while no new one starts.
#[derive(Debug, Default)]
pub struct Processes {
    rounds: Rounds,
    /// `/proc/loadavg`, which tells anew with every read from its start.
    loadavg: Option<File>,
    newest: Option<u32>,
}

impl Processes {
    pub fn new_names(&mut self) -> Vec<(u32, String)> {
        self.rounds.begin_look();
        let newest = self.newest_pid();
        let handed_out = HandedOut { before: std::mem::replace(&mut self.newest, newest), newest };
        if self.rounds.listing_is_due() || handed_out.are_many() {
            let pids = pids();
            self.rounds.keep_only(&pids);
            for pid in pids {
                if handed_out.contains(pid) || !self.rounds.knows(pid) {
                    self.meet(pid);
                }
            }
        } else {
            for pid in handed_out.few() {
                self.meet(pid);
            }
            // The newest pid can be handed out again while it stays the newest.
            if let Some(newest) = newest.filter(|newest| !self.rounds.knows(*newest)) {
                self.meet(newest);
            }
        }
        self.rounds.new_names(name)
    }

    pub fn tell_again(&mut self, pid: u32) {
        self.rounds.tell_again(pid);
    }

    pub fn look_again_at(&mut self, pid: u32) {
        self.rounds.look_again_at(pid);
    }

    /// The last pid that was given out, to a process or a thread: the fifth word.
    fn newest_pid(&mut self) -> Option<u32> {
        if self.loadavg.is_none() {
            self.loadavg = File::open("/proc/loadavg").ok();
        }
        let mut text = [0; 128];
        let length = self.loadavg.as_ref()?.read_at(&mut text, 0).ok()?;
        str::from_utf8(&text[..length]).ok()?.split_whitespace().nth(4)?.parse().ok()
    }

    fn meet(&mut self, pid: u32) {
        let Ok(stat) = Stat::from_file(format!("/proc/{pid}/stat")) else { return };
        // A thread has a pid too, and no signal for its end.
        if stat.exit_signal == Some(-1) {
            return;
        }
        if stat.flags().is_ok_and(|flags| flags.contains(StatFlags::PF_KTHREAD)) {
            return self.rounds.settle(pid);
        }
        self.rounds.meet(pid, age(&stat));
    }
}

/// The pids that were given out between two looks: in order, and from the start again when there are no higher ones.
#[derive(Debug, Clone, Copy)]
struct HandedOut {
    before: Option<u32>,
    newest: Option<u32>,
}

impl HandedOut {
    fn contains(self, pid: u32) -> bool {
        match (self.before, self.newest) {
            (Some(before), Some(newest)) if before <= newest => before < pid && pid <= newest,
            (Some(before), Some(newest)) => before < pid || pid <= newest,
            _ => false,
        }
    }

    /// Or nobody knows how many.
    fn are_many(self) -> bool {
        match (self.before, self.newest) {
            (Some(before), Some(newest)) => newest.checked_sub(before).is_none_or(|count| count > A_FEW),
            _ => true,
        }
    }

    fn few(self) -> std::ops::RangeInclusive<u32> {
        let newest = self.newest.unwrap_or(0);
        self.before.unwrap_or(newest).saturating_add(1)..=newest
    }
}

fn pids() -> HashSet<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn name(pid: u32) -> Name {
    let mut name = [0; 64];
    match File::open(format!("/proc/{pid}/comm")).and_then(|mut file| file.read(&mut name)) {
        Ok(length) => Name::Is(String::from_utf8_lossy(&name[..length]).trim_end().to_owned()),
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::SRCH)) => Name::Gone,
        Err(_) => Name::Hidden,
    }
}

/// In looks.
fn age(stat: &Stat) -> i64 {
    let started = stat.starttime / procfs::ticks_per_second();
    let now = clock_gettime(ClockId::Boottime).tv_sec;
    (now - i64::try_from(started).unwrap_or(now)).max(0) * LOOKS_PER_SECOND
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
    Ok(each_once(tcp.chain(unix)))
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
    fn what_was_handed_out_is_known_across_the_end_of_the_numbers() {
        /// Before, newest, whether they are many, some that are among them, and some that are not.
        type Row<'a> = (Option<u32>, Option<u32>, bool, &'a [u32], &'a [u32]);
        let rows: &[Row] = &[
            (Some(500), Some(500), false, &[], &[499, 500, 501]),
            (Some(500), Some(503), false, &[501, 502, 503], &[500, 504]),
            (Some(500), Some(900), true, &[501, 900], &[500, 901]),
            (Some(32_000), Some(310), true, &[32_001, 32_767, 300, 310], &[311, 32_000]),
            (None, Some(500), true, &[], &[1, 500]),
            (Some(500), None, true, &[], &[1, 500]),
        ];
        for (before, newest, many, among, not) in rows {
            let handed_out = HandedOut { before: *before, newest: *newest };
            assert_eq!(handed_out.are_many(), *many, "{handed_out:?}");
            assert!(among.iter().all(|pid| handed_out.contains(*pid)), "{handed_out:?} has {among:?}");
            assert!(!not.iter().any(|pid| handed_out.contains(*pid)), "{handed_out:?} has none of {not:?}");
            if !many {
                assert_eq!(handed_out.few().collect::<Vec<_>>(), *among, "one by one: {handed_out:?}");
            }
        }
    }

    #[test]
    fn a_look_tells_of_a_new_process_once_and_never_of_a_thread() {
        let mut processes = Processes::default();
        let own = std::process::id();
        let told =
            |processes: &mut Processes, pid: u32| processes.new_names().iter().any(|(told, _)| *told == pid);
        assert!(told(&mut processes, own), "at first everybody is new");
        assert!(!told(&mut processes, own), "and is told once");
        let (tid_in, tid) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let tid = rustix::thread::gettid().as_raw_nonzero().get();
            tid_in.send(u32::try_from(tid).expect("it is positive")).expect("the test waits");
            let _ = stopped.recv();
        });
        let tid = tid.recv().expect("the thread tells");
        assert!(!told(&mut processes, tid), "a thread is no process");
        drop(stop);
        thread.join().expect("it ends");
        processes.look_again_at(own);
        assert!(told(&mut processes, own), "somebody says that this pid may be another's now");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs a process that becomes another program")]
    fn a_shell_that_becomes_another_program_is_told_again() {
        let mut processes = Processes::default();
        processes.new_names();
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read go; exec cat"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("a shell is everywhere");
        let shell = child.id();
        let mut await_name = |wanted: &str| {
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while std::time::Instant::now() < deadline {
                if processes.new_names().iter().any(|(pid, name)| *pid == shell && name == wanted) {
                    return true;
                }
                std::thread::yield_now();
            }
            false
        };
        assert!(await_name("sh"), "the shell");
        io::Write::write_all(child.stdin.as_mut().expect("it is piped"), b"go\n").expect("it reads");
        assert!(await_name("cat"), "what it became");
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
    }
}
