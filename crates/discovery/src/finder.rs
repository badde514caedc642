//! The look around for new Mayas.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use maya_mcp_session::{Process, ProcessId};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, Uid, UpdateKind};

use crate::{
    maya_process::{kind, may_be_maya},
    platform::{Processes, started_at},
};

#[derive(Debug, thiserror::Error)]
pub enum FinderError {
    #[error("this system does not tell which processes run")]
    Unsupported(#[source] sysinfo::Error),
}

/// Which Mayas are ours to see.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub users: Users,
    /// Only programs below one of these folders; all, when there is none.
    pub folders: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Users {
    #[default]
    Mine,
    /// Others' are listed; nothing can be done with them.
    Everybody,
}

/// Keeps what it has seen, so that a look costs next to nothing while no process starts.
#[derive(Debug)]
pub struct Finder {
    processes: Processes,
    scope: Scope,
    me: Option<Uid>,
    my_name: Option<String>,
    known: HashMap<u32, ProcessId>,
}

impl Finder {
    pub fn new(scope: Scope) -> Result<Self, FinderError> {
        let mut system = System::new().map_err(FinderError::Unsupported)?;
        let own = Pid::from_u32(std::process::id());
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), true, details());
        let me = system.process(own).and_then(|process| process.user_id().cloned());
        // A program's own path has no links in it.
        let folders =
            scope.folders.iter().map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.clone()));
        let scope = Scope { folders: folders.collect(), ..scope };
        let my_name = me.as_ref().and_then(user_name);
        Ok(Self { processes: Processes::default(), scope, me, my_name, known: HashMap::new() })
    }

    /// The Mayas that no earlier look has told of.
    pub fn look(&mut self) -> Vec<Process> {
        let names = self.processes.new_names();
        let candidates: Vec<Pid> = names
            .into_iter()
            .filter(|(_, name)| may_be_maya(name))
            .map(|(pid, _)| Pid::from_u32(pid))
            .collect();
        if candidates.is_empty() {
            return Vec::new();
        }
        let Ok(mut system) = System::new() else { return Vec::new() };
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&candidates), true, details());
        candidates.into_iter().filter_map(|pid| self.recognise(&system, pid)).collect()
    }

    fn recognise(&mut self, system: &System, pid: Pid) -> Option<Process> {
        let process = system.process(pid)?;
        let pid = pid.as_u32();
        // In the moment of its start, a program has no arguments yet; they tell whether it has a window. Another user's may be hidden for good,
        // and so may those of a program that runs as administrator on Windows, where no process becomes another.
        if cfg!(unix) && process.user_id() == self.me.as_ref() && process.cmd().is_empty() {
            self.processes.tell_again(pid);
            return None;
        }
        let id = ProcessId { pid, started_at: started_at(pid)? };
        if self.known.get(&pid) == Some(&id) {
            return None;
        }
        let described = self.describe(process, id)?;
        self.known.insert(pid, id);
        Some(described)
    }

    /// The process has ended; should its pid be used again, that is another session.
    pub fn forget(&mut self, id: ProcessId) {
        if self.known.get(&id.pid) == Some(&id) {
            self.known.remove(&id.pid);
            self.processes.look_again_at(id.pid);
        }
    }

    fn describe(&self, process: &sysinfo::Process, id: ProcessId) -> Option<Process> {
        let foreign = process.user_id() != self.me.as_ref();
        if foreign && self.scope.users == Users::Mine {
            return None;
        }
        let program = program(process);
        let folders = &self.scope.folders;
        if !folders.is_empty() && !folders.iter().any(|folder| program.starts_with(folder)) {
            return None;
        }
        let kind = kind(program, process.cmd())?;
        Some(Process {
            id,
            exe: process.exe().map(Path::to_owned),
            user: if foreign { process.user_id().and_then(user_name) } else { self.my_name.clone() },
            maya_version: kind.version,
            batch: kind.batch,
            foreign,
            temp_folders: if foreign { Vec::new() } else { temp_folders(process.environ()) },
            age: Duration::from_secs(process.run_time()),
        })
    }
}

/// Of another user's process, the system shows no more than its arguments or its name.
fn program(process: &sysinfo::Process) -> &Path {
    let first = process.cmd().first().map(Path::new).filter(|path| path.is_absolute());
    process.exe().or(first).unwrap_or(Path::new(process.name()))
}

fn details() -> ProcessRefreshKind {
    ProcessRefreshKind::nothing()
        .with_exe(UpdateKind::Always)
        .with_cmd(UpdateKind::Always)
        .with_user(UpdateKind::Always)
        .with_environ(UpdateKind::Always)
        .without_tasks()
}

/// Where a Maya with this environment leaves a recovered scene: where it is told to, else where everybody does.
fn temp_folders(environment: &[OsString]) -> Vec<PathBuf> {
    let named = ["MAYA_TMP_DIR", "TMPDIR", "TEMP", "TMP"].into_iter().filter_map(|name| {
        let value =
            |variable: &OsString| variable.to_str()?.strip_prefix(name)?.strip_prefix('=').map(PathBuf::from);
        environment.iter().find_map(value)
    });
    let mut folders: Vec<_> =
        named.chain([std::env::temp_dir()]).filter(|folder| folder.is_absolute()).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn user_name(id: &Uid) -> Option<String> {
    sysinfo::Users::new_with_refreshed_list().ok()?.get_user_by_id(id).map(|user| user.name().to_owned())
}
