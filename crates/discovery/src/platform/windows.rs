//! Windows: pids and names by handles, sockets by the TCP tables, the end of a process by a wait that the system's own threads do.

use std::{
    collections::HashSet,
    ffi::{OsString, c_void},
    io,
    os::windows::{
        ffi::OsStringExt,
        io::{AsRawHandle, FromRawHandle, OwnedHandle},
    },
    path::Path,
    ptr,
    sync::Arc,
};

use listeners::{Protocol, SocketState};
use maya_mcp_session::Address;
use tokio::sync::Notify;
use windows_sys::Win32::{
    Foundation::{ERROR_INVALID_PARAMETER, HANDLE, INVALID_HANDLE_VALUE},
    System::{
        ProcessStatus::K32EnumProcesses,
        Threading::{
            INFINITE, OpenProcess, PROCESS_ACCESS_RIGHTS, PROCESS_NAME_WIN32,
            PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, QueryFullProcessImageNameW,
            RegisterWaitForSingleObject, UnregisterWaitEx, WT_EXECUTEONLYONCE,
        },
    },
};

use super::{
    each_once,
    rounds::{Name, Rounds},
};

/// Bytes of one pid in the system's answer.
const PID: usize = size_of::<u32>();

/// Which processes there are. The pids are listed with each look, which is one call; names are asked for as the rounds say.
#[derive(Debug, Default)]
pub struct Processes {
    rounds: Rounds,
}

impl Processes {
    pub fn new_names(&mut self) -> Vec<(u32, String)> {
        self.rounds.begin_look();
        if let Ok(pids) = pids() {
            self.rounds.attend(&pids);
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

#[expect(unsafe_code, reason = "the system writes into a buffer of ours")]
fn pids() -> io::Result<HashSet<u32>> {
    let mut pids = vec![0; 1024];
    loop {
        let room = u32::try_from(pids.len() * PID).map_err(io::Error::other)?;
        let mut filled = 0;
        // SAFETY: the buffer has the room that is told.
        if unsafe { K32EnumProcesses(pids.as_mut_ptr(), room, &raw mut filled) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // A full buffer may have been too small.
        if filled < room {
            let count = usize::try_from(filled).map_err(io::Error::other)? / PID;
            return Ok(pids.into_iter().take(count).collect());
        }
        pids.resize(pids.len() * 2, 0);
    }
}

/// The name of the program's file. Processes of the system keep theirs to themselves.
fn name(pid: u32) -> Name {
    let name = open(pid, PROCESS_QUERY_LIMITED_INFORMATION).and_then(|process| program_name(&process));
    name.map_or(Name::Hidden, Name::Is)
}

fn program_name(process: &OwnedHandle) -> io::Result<String> {
    let mut path = [0; 1024];
    let mut length = 1024;
    #[expect(unsafe_code, reason = "the system writes into a buffer of ours")]
    // SAFETY: the handle is open, and the buffer has the room that is told.
    let done = unsafe {
        QueryFullProcessImageNameW(
            process.as_raw_handle(),
            PROCESS_NAME_WIN32,
            path.as_mut_ptr(),
            &raw mut length,
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let path = OsString::from_wide(&path[..length]);
    let name = Path::new(&path).file_name().ok_or(io::ErrorKind::NotFound)?;
    Ok(name.to_string_lossy().into_owned())
}

fn open(pid: u32, rights: PROCESS_ACCESS_RIGHTS) -> io::Result<OwnedHandle> {
    #[expect(unsafe_code, reason = "the system gives us a handle to close")]
    // SAFETY: a handle that is not null is open, and nobody else has it.
    unsafe {
        let process = OpenProcess(rights, 0, pid);
        if process.is_null() {
            Err(io::Error::last_os_error())
        } else {
            Ok(OwnedHandle::from_raw_handle(process))
        }
    }
}

pub fn listening(pid: u32) -> io::Result<Vec<Address>> {
    let all = listeners::get_all().map_err(|error| io::Error::other(error.to_string()))?;
    let its_own = all.into_iter().filter(|socket| {
        socket.process.pid == pid && socket.protocol == Protocol::TCP && socket.state == SocketState::Listen
    });
    Ok(each_once(its_own.map(|socket| Address::Tcp(crate::reachable(socket.socket)))))
}

pub async fn exited(pid: u32, is_it: impl Fn() -> bool) -> io::Result<()> {
    let process = match open(pid, PROCESS_SYNCHRONIZE) {
        Ok(process) => process,
        Err(error) if is(&error, ERROR_INVALID_PARAMETER) => return Ok(()),
        Err(error) => return Err(error),
    };
    // Looked at after the handle is open: either it holds this very process, or that one has ended.
    if is_it() {
        Wait::new(process)?.ended.notified().await;
    }
    Ok(())
}

/// No process has this pid, says `OpenProcess` in its way.
fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error().is_some_and(|raw| raw.cast_unsigned() == code)
}

/// A wait that the system does on a thread of its own, until the process ends or this is dropped.
#[derive(Debug)]
struct Wait {
    registered: HANDLE,
    ended: Arc<Notify>,
    /// Open for as long as the wait is registered.
    _process: OwnedHandle,
}

#[expect(unsafe_code, reason = "the system's handle is a pointer to nothing of ours")]
// SAFETY: any thread may unregister the wait, and only the one that drops does.
unsafe impl Send for Wait {}

impl Wait {
    fn new(process: OwnedHandle) -> io::Result<Self> {
        let ended = Arc::new(Notify::new());
        let mut registered = ptr::null_mut();
        #[expect(unsafe_code, reason = "the system calls back with a pointer of ours")]
        // SAFETY: what the pointer leads to lives in the Arc, which `Wait` lets go of only after the system promises not to call any more.
        let done = unsafe {
            RegisterWaitForSingleObject(
                &raw mut registered,
                process.as_raw_handle(),
                Some(tell),
                Arc::as_ptr(&ended).cast(),
                INFINITE,
                WT_EXECUTEONLYONCE,
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { registered, ended, _process: process })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the system must forget our pointer before it leads nowhere")]
        // SAFETY: the wait is registered, and is unregistered nowhere else. With this second argument it returns only when no call back is running.
        unsafe {
            UnregisterWaitEx(self.registered, INVALID_HANDLE_VALUE);
        }
    }
}

#[expect(unsafe_code, reason = "the system calls it")]
unsafe extern "system" fn tell(ended: *mut c_void, _timed_out: bool) {
    // SAFETY: `Wait` keeps it alive for as long as this may be called, and it may be shared between threads.
    unsafe { &*ended.cast_const().cast::<Notify>() }.notify_one();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listeners_are_found_and_told_apart_from_connections() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let six = std::net::TcpListener::bind("[::1]:0").expect("a free port");
        let tcp = tcp.local_addr().expect("it is bound");
        let connection = std::net::TcpStream::connect(tcp).expect("it listens");
        let found = listening(std::process::id()).expect("our own process can be seen");
        let six = six.local_addr().expect("it is bound");
        for address in [Address::Tcp(tcp), Address::Tcp(six)] {
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
