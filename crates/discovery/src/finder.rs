//! The look around for new Mayas.

use std::{collections::HashMap, ffi::OsString, path::PathBuf};

use maya_mcp_session::{Process, SessionId};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, Uid, UpdateKind, Users};

use crate::{
    maya_process::{kind, may_be_maya},
    platform::{Processes, started_at},
};

#[derive(Debug, thiserror::Error)]
pub enum FinderError {
    #[error("this system does not tell which processes run")]
    Unsupported(#[source] sysinfo::Error),
}

/// Which of this user's Mayas are ours to see.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only programs below one of these folders; all, when there is none.
    pub folders: Vec<PathBuf>,
}

/// Keeps what it has seen, so that a look costs next to nothing while no process starts.
#[derive(Debug)]
pub struct Finder {
    processes: Processes,
    scope: Scope,
    me: Option<Uid>,
    my_name: Option<String>,
    known: HashMap<u32, SessionId>,
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
        let scope = Scope { folders: folders.collect() };
        let my_name = me.as_ref().and_then(user_name);
        Ok(Self { processes: Processes::default(), scope, me, my_name, known: HashMap::new() })
    }

    /// The Mayas of this user that no earlier look has told of.
    pub fn look(&mut self) -> Vec<Process> {
        let candidates: Vec<Pid> = self
            .processes
            .new_names()
            .into_iter()
            .filter(|(pid, name)| may_be_maya(name) && !self.known.contains_key(pid))
            .map(|(pid, _)| Pid::from_u32(pid))
            .collect();
        if candidates.is_empty() {
            return Vec::new();
        }
        let Ok(mut system) = System::new() else { return Vec::new() };
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&candidates), true, details());
        let found: Vec<_> = candidates.into_iter().filter_map(|pid| self.describe(&system, pid)).collect();
        self.known.extend(found.iter().map(|process| (process.id.pid, process.id)));
        found
    }

    /// The process has ended; should its pid be used again, that is another session.
    pub fn forget(&mut self, id: SessionId) {
        if self.known.get(&id.pid) == Some(&id) {
            self.known.remove(&id.pid);
            self.processes.look_again_at(id.pid);
        }
    }

    fn describe(&self, system: &System, pid: Pid) -> Option<Process> {
        let process = system.process(pid)?;
        if process.user_id() != self.me.as_ref() {
            return None;
        }
        let exe = process.exe()?;
        let folders = &self.scope.folders;
        if !folders.is_empty() && !folders.iter().any(|folder| exe.starts_with(folder)) {
            return None;
        }
        let kind = kind(exe, process.cmd())?;
        Some(Process {
            id: SessionId { pid: pid.as_u32(), started_at: started_at(pid.as_u32())? },
            exe: Some(exe.to_owned()),
            user: self.my_name.clone(),
            maya_version: kind.version,
            batch: kind.batch,
            temp_folders: temp_folders(process.environ()),
        })
    }
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
    Users::new_with_refreshed_list().ok()?.get_user_by_id(id).map(|user| user.name().to_owned())
}
