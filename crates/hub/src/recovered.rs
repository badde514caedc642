//! What a crashed Maya left of the artist's work: opened again, or shown where it lies.
//!
//! Invariant: the file is only ever read; Maya itself opens it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use maya_mcp_session::{Crash, Refused};

/// In a new Maya of the same version where its program is still there, else as the desktop opens such files.
pub fn open(crash: &Crash) -> Result<(), Refused> {
    let scene = scene_of(crash)?;
    let program = crash.session.process().and_then(|process| process.exe.as_deref());
    let opened = match program.and_then(|exe| maya_with(exe, scene)) {
        Some(command) => start(command).map_err(|error| error.to_string()),
        None => opener::open(scene).map_err(|error| error.to_string()),
    };
    opened.map_err(|why| not_opened(scene, why))
}

/// In the system's file browser.
pub fn show(crash: &Crash) -> Result<(), Refused> {
    let scene = scene_of(crash)?;
    // Not every file browser can point at a file.
    let shown = opener::reveal(scene).or_else(|_| opener::open(scene.parent().unwrap_or(scene)));
    shown.map_err(|error| not_opened(scene, error.to_string()))
}

/// Where it is, if it still is.
pub fn scene_of(crash: &Crash) -> Result<&Path, Refused> {
    let scene = crash.recovered_scene.as_deref().ok_or(Refused::NothingRecovered)?;
    if scene.is_file() {
        Ok(scene)
    } else {
        Err(Refused::RecoveredGone { path: scene.display().to_string() })
    }
}

fn not_opened(scene: &Path, why: String) -> Refused {
    Refused::NotOpened { path: scene.display().to_string(), why }
}

#[derive(Debug, PartialEq, Eq)]
struct Start {
    program: PathBuf,
    arguments: Vec<OsString>,
}

/// None when that Maya is not installed any more.
fn maya_with(exe: &Path, scene: &Path) -> Option<Start> {
    if !exe.is_file() {
        return None;
    }
    let file = ["-file".into(), scene.into()];
    let bundle = exe.ancestors().find(|folder| folder.extension().is_some_and(|ending| ending == "app"));
    if let (true, Some(bundle)) = (cfg!(target_os = "macos"), bundle) {
        let open = ["-n".into(), "-a".into(), bundle.into(), "--args".into()];
        return Some(Start { program: "open".into(), arguments: open.into_iter().chain(file).collect() });
    }
    // On Linux the program beside it sets up what this one needs.
    let launcher = exe.with_file_name("maya");
    let is_bare = exe.file_name().is_some_and(|name| name == "maya.bin");
    let program = if is_bare && launcher.is_file() { launcher } else { exe.to_owned() };
    Some(Start { program, arguments: file.into() })
}

/// Detached: it outlives us.
fn start(start: Start) -> std::io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the engine starts a Maya, as the artist has asked"
    )]
    let mut process = tokio::process::Command::new(&start.program);
    process.args(&start.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    process.process_group(0);
    // Dropped without being killed: the runtime looks after its end.
    let maya = process.spawn()?;
    tracing::info!(pid = maya.id(), program = %start.program.display(), "a Maya was started for a recovered scene");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_same_maya_is_started_by_the_program_that_sets_it_up() {
        let bin = tempfile::tempdir().expect("a temporary folder");
        let exe = bin.path().join("maya.bin");
        let scene = Path::new("/tmp/a.ma");
        let arguments = vec![OsString::from("-file"), scene.into()];
        assert_eq!(maya_with(&exe, scene), None, "a Maya that is not installed any more");
        fs::write(&exe, "").expect("writable");
        let bare = Start { program: exe.clone(), arguments: arguments.clone() };
        assert_eq!(maya_with(&exe, scene), Some(bare), "there is nothing beside it");
        let launcher = bin.path().join("maya");
        fs::write(&launcher, "").expect("writable");
        let by_it = Start { program: launcher, arguments };
        assert_eq!(maya_with(&exe, scene), Some(by_it), "with its environment");
    }
}
