//! The one door to other programs.
//!
//! Invariant: a failure names the command and its exit, and what it said when nobody has seen it yet.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use crate::repository;

/// The lines of a quiet program that are shown when it fails.
const LAST_LINES: usize = 40;

/// A program that runs in the repository and reads nothing from the terminal.
#[expect(clippy::disallowed_methods, reason = "the one door through which xtask starts programs")]
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(repository::root()).stdin(Stdio::null());
    command
}

/// Runs it with its output on ours.
pub fn show(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("starting {}", in_words(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", in_words(command));
    }
    Ok(())
}

/// Runs it unseen and gives what it printed on its standard output.
pub fn quiet(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("starting {}", in_words(command)))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let said = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines = said.lines().collect::<Vec<_>>();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    bail!("{} ended with {}:\n{last}", in_words(command), output.status);
}

/// Puts the program in the place of this one, so that Ctrl-C and the exit code are its own.
pub fn become_program(command: &mut Command) -> anyhow::Result<()> {
    command.stdin(Stdio::inherit());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(error).with_context(|| format!("starting {}", in_words(command)))
    }
    #[cfg(not(unix))]
    show(command)
}

/// Where the PATH leads for this name.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(&name)).find(|path| path.is_file())
}

fn in_words(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
