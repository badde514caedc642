//! The finder against real processes: programs called `maya.bin` that do nothing.
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use maya_mcp_discovery::{Finder, Scope, Users, ended};
use maya_mcp_session::{Process, ProcessId};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
const DEADLINE: Duration = Duration::from_secs(10);
/// Other processes start too, and may take the pid first.
const TRIES: u32 = 200;
const NOBODY: u32 = 65_534;

struct Studio(TempDir);

impl Studio {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Other users must be able to start what lies in here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let program = program(folder.path());
        fs::create_dir_all(program.parent().expect("it lies in bin")).expect("writable");
        fs::copy("/bin/cat", &program).expect("cat is everywhere");
        Self(folder)
    }

    /// It ends at the latest with the value: its input does.
    #[expect(clippy::disallowed_methods, reason = "a test needs processes that it may end")]
    fn maya(&self) -> Command {
        let mut command = Command::new(program(self.0.path()));
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command
    }

    fn start(&self) -> Child {
        self.maya().spawn().expect("it starts")
    }

    fn finder(&self, users: Users) -> Finder {
        Finder::new(Scope { users, folders: vec![self.0.path().to_owned()] }).expect("Linux tells")
    }
}

fn program(studio: &Path) -> PathBuf {
    studio.join("maya2025/bin/maya.bin")
}

fn end(mut maya: Child) {
    maya.kill().expect("it is ours");
    maya.wait().expect("it is ours");
}

/// Looks until there is something to see.
fn see(finder: &mut Finder) -> Vec<Process> {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        let found = finder.look();
        if !found.is_empty() {
            return found;
        }
        std::thread::yield_now();
    }
    panic!("no Maya was found");
}

fn only(mut found: Vec<Process>) -> Process {
    assert_eq!(found.len(), 1, "one Maya, once: {found:?}");
    found.remove(0)
}

fn nothing_more(finder: &mut Finder) {
    for _ in 0..1000 {
        assert_eq!(finder.look(), [], "it was told");
    }
}

/// Start times are counted in ticks of 10 ms; no real Maya is as short-lived as those of these tests.
fn await_later_tick_than(started_at: u64) {
    let ticks = || {
        let now = clock_gettime(ClockId::Boottime);
        u64::try_from(now.tv_sec * 100 + now.tv_nsec / 10_000_000).expect("the machine runs")
    };
    while ticks() <= started_at {
        std::thread::yield_now();
    }
}

#[test]
fn a_maya_is_described_once() {
    let studio = Studio::new();
    let mut finder = studio.finder(Users::Mine);
    assert_eq!(finder.look(), [], "none yet");
    let maya = studio.start();
    let found = only(see(&mut finder));
    assert_eq!(found.id.pid, maya.id(), "this one");
    assert_eq!(found.maya_version.as_deref(), Some("2025"), "by its folder");
    assert!(!found.batch && !found.foreign, "an ordinary one of ours: {found:?}");
    nothing_more(&mut finder);
    end(maya);
}

#[test]
fn another_users_maya_is_listed_only_when_everybodys_are() {
    if !rustix::process::geteuid().is_root() {
        println!("not tried: only root can start a process as another user");
        return;
    }
    let studio = Studio::new();
    let foreign = studio.maya().uid(NOBODY).gid(NOBODY).spawn().expect("it starts");
    let mut everybody = studio.finder(Users::Everybody);
    let found = only(see(&mut everybody));
    assert_eq!((found.id.pid, found.foreign), (foreign.id(), true), "another user's: {found:?}");
    assert_eq!(found.user.as_deref(), Some("nobody"), "and it is said whose");
    assert_eq!(found.temp_folders, Vec::<PathBuf>::new(), "its files are none of ours");
    let own = studio.start();
    let mut mine = studio.finder(Users::Mine);
    assert_eq!(only(see(&mut mine)).id.pid, own.id(), "our own, and no other");
    assert!(!only(see(&mut everybody)).foreign, "our own is nobody else's");
    nothing_more(&mut mine);
    end(own);
    end(foreign);
}

/// What the finder learns between the two.
#[derive(Debug, Clone, Copy)]
enum Between {
    Forgets,
    Looks,
    /// As always when the numbers have gone round.
    LooksAndSeesAnother,
}

#[tokio::test]
async fn a_pid_that_is_used_again_is_another_session() {
    for between in [Between::Forgets, Between::Looks, Between::LooksAndSeesAnother] {
        let studio = Studio::new();
        let mut finder = studio.finder(Users::Mine);
        let maya = studio.start();
        let first = only(see(&mut finder)).id;
        let mut waiting = std::pin::pin!(ended(first));
        assert!(tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err(), "the first one runs");
        end(maya);
        tokio::time::timeout(DEADLINE, waiting).await.expect("the end of the first is told");
        match between {
            Between::Forgets => finder.forget(first),
            Between::Looks => assert_eq!(finder.look(), [], "nobody has its pid now"),
            Between::LooksAndSeesAnother => {
                let another = studio.start();
                assert_eq!(only(see(&mut finder)).id.pid, another.id(), "another pid");
                end(another);
            }
        }
        await_later_tick_than(first.started_at);
        let (maya, first) = if let Some(maya) = start_as(first.pid, &studio) {
            (maya, first)
        } else {
            println!("with a made-up first one: {LAST_PID} cannot be written, or its pid was never free");
            let maya = studio.start();
            let pid = maya.id();
            (maya, ProcessId { pid, started_at: first.started_at })
        };
        let found = only(see(&mut finder)).id;
        assert_eq!(found.pid, first.pid, "the same pid, {between:?}");
        assert_ne!(found.started_at, first.started_at, "and another process, {between:?}");
        tokio::time::timeout(DEADLINE, ended(first)).await.expect("the first has ended, whoever has its pid");
        finder.forget(first);
        nothing_more(&mut finder);
        end(maya);
    }
}

/// Starts one that gets this very pid; nothing, when that cannot be had here.
fn start_as(pid: u32, studio: &Studio) -> Option<Child> {
    for _ in 0..TRIES {
        fs::write(LAST_PID, (pid - 1).to_string()).ok()?;
        let maya = studio.start();
        if maya.id() == pid {
            return Some(maya);
        }
        end(maya);
    }
    None
}
