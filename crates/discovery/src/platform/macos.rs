//! macOS: processes and sockets as libproc tells them, their end as kqueue does.

use std::{
    collections::HashSet,
    ffi::c_int,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    ptr,
};

use libproc::{
    bsd_info::BSDInfo,
    file_info::{ListFDs, ProcFDType, pidfdinfo},
    net_info::{SocketFDInfo, SocketInfo, SocketInfoKind},
    proc_pid::{listpidinfo, pidinfo, pidpath},
    processes::{ProcFilter, pids_by_type},
};
use maya_mcp_session::Address;
use rustix::{
    event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent_timespec, kqueue},
    io::Errno,
    process::Pid,
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    each_once,
    rounds::{Name, Rounds},
};

/// What `so_options` says of a socket that listens (`SO_ACCEPTCONN`).
const LISTENS: c_int = 0x0002;
/// What `insi_vflag` says of an address: it is one of IPv6 (`INI_IPV6`).
const IS_IPV6: u8 = 0x2;
/// A process may open files between the question how many there are and the one which.
const A_FEW_MORE: usize = 32;

/// Which processes there are. The pids are listed with each look, which is one call; names are asked for as the rounds say.
#[derive(Debug, Default)]
pub struct Processes {
    rounds: Rounds,
}

impl Processes {
    pub fn new_names(&mut self) -> Vec<(u32, String)> {
        self.rounds.begin_look();
        if let Ok(pids) = pids_by_type(ProcFilter::All) {
            self.rounds.attend(&pids.into_iter().collect::<HashSet<_>>());
        }
        self.rounds.new_names(name)
    }

    pub fn tell_again(&mut self, pid: u32) {
        self.rounds.tell_again(pid);
    }

    pub fn look_again_at(&mut self, pid: u32) {
        self.rounds.look_again_at(pid);
    }
}

/// The name of the program's file: it is never cut, and cannot be chosen by the process.
fn name(pid: u32) -> Name {
    let path = i32::try_from(pid).ok().and_then(|pid| pidpath(pid).ok()).map(PathBuf::from);
    let name = path.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.map_or(Name::Hidden, Name::Is)
}

pub fn listening(pid: u32) -> io::Result<Vec<Address>> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    let open_files = pidinfo::<BSDInfo>(pid, 0).map_err(io::Error::other)?.pbi_nfiles;
    let room = usize::try_from(open_files).map_err(io::Error::other)? + A_FEW_MORE;
    let sockets = listpidinfo::<ListFDs>(pid, room).map_err(io::Error::other)?;
    let sockets = sockets.into_iter().filter(|file| matches!(file.proc_fdtype.into(), ProcFDType::Socket));
    // One that was closed in the meantime has nothing to tell.
    let sockets = sockets.filter_map(|file| pidfdinfo::<SocketFDInfo>(pid, file.proc_fd).ok());
    Ok(each_once(sockets.filter_map(|socket| address(&socket.psi))))
}

/// Where this socket listens, if it does.
fn address(socket: &SocketInfo) -> Option<Address> {
    if c_int::from(socket.soi_options) & LISTENS == 0 {
        return None;
    }
    match SocketInfoKind::from(socket.soi_kind) {
        SocketInfoKind::Tcp => Some(Address::Tcp(crate::reachable(tcp_address(socket)))),
        SocketInfoKind::Un => unix_path(socket).filter(|path| path.is_absolute()).map(Address::Unix),
        _ => None,
    }
}

fn tcp_address(socket: &SocketInfo) -> SocketAddr {
    #[expect(unsafe_code, reason = "the system's answer is a union")]
    // SAFETY: the kind says that it is this member, and each of its bytes makes sense whatever it is.
    let (tcp, four, six) = unsafe {
        let tcp = socket.soi_proto.pri_tcp.tcpsi_ini;
        (tcp, tcp.insi_laddr.ina_46.i46a_addr4, tcp.insi_laddr.ina_6)
    };
    // Both are in network order, as they lie in memory.
    let [high, low, ..] = tcp.insi_lport.to_ne_bytes();
    let ip = if tcp.insi_vflag & IS_IPV6 == 0 {
        IpAddr::V4(Ipv4Addr::from(four.s_addr.to_ne_bytes()))
    } else {
        IpAddr::V6(Ipv6Addr::from(six.s6_addr))
    };
    SocketAddr::new(ip, u16::from_be_bytes([high, low]))
}

fn unix_path(socket: &SocketInfo) -> Option<PathBuf> {
    #[expect(unsafe_code, reason = "the system's answer is a union")]
    // SAFETY: the kind says that it is this member, and each of its bytes makes sense whatever it is.
    let path = unsafe { socket.soi_proto.pri_un.unsi_addr.ua_sun }.sun_path;
    let bytes = path.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0);
    String::from_utf8(bytes.collect()).ok().map(PathBuf::from)
}

pub async fn exited(pid: u32, is_it: impl Fn() -> bool) -> io::Result<()> {
    let queue = match queue_of_exit(pid) {
        Ok(queue) => queue,
        Err(Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    #[expect(unsafe_code, reason = "tokio asks for a promise that no type can make")]
    // SAFETY: the AsyncFd owns the descriptor, and nothing else closes it.
    let queue = unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) }?;
    // Looked at after the queue watches: either it watches this very process, or that one has ended.
    if is_it() {
        queue.readable().await?.retain_ready();
    }
    Ok(())
}

/// A queue that becomes readable when the process with this pid ends, whoever its parent is.
fn queue_of_exit(pid: u32) -> Result<OwnedFd, Errno> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    let queue = kqueue()?;
    let exit = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
    let watch = Event::new(exit, EventFlags::ADD, ptr::null_mut());
    let mut none: [Event; 0] = [];
    #[expect(unsafe_code, reason = "a filter on a file descriptor would have to outlive it")]
    // SAFETY: the only filter is on a process, not on a descriptor.
    unsafe { kevent_timespec(&queue, &[watch], &mut none, None) }?;
    Ok(queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listeners_are_found_and_told_apart_from_connections() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let six = std::net::TcpListener::bind("[::1]:0").expect("a free port");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("port");
        let _unix = std::os::unix::net::UnixListener::bind(&path).expect("a new socket file");
        let tcp = tcp.local_addr().expect("it is bound");
        let connection = std::net::TcpStream::connect(tcp).expect("it listens");
        let found = listening(std::process::id()).expect("our own process can be seen");
        let six = six.local_addr().expect("it is bound");
        for address in [Address::Tcp(tcp), Address::Tcp(six), Address::Unix(path)] {
            let count = found.iter().filter(|found| **found == address).count();
            assert_eq!(count, 1, "{address} in {found:?}");
        }
        let outgoing = Address::Tcp(connection.local_addr().expect("it is connected"));
        assert!(!found.contains(&outgoing), "a connection does not listen: {found:?}");
    }

    #[test]
    fn a_look_tells_of_ourselves_once() {
        let mut processes = Processes::default();
        let own = |names: Vec<(u32, String)>| names.into_iter().any(|(pid, _)| pid == std::process::id());
        assert!(own(processes.new_names()), "at first everybody is new");
        assert!(!own(processes.new_names()), "and is told once");
    }
}
