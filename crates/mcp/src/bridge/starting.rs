//! Starting the application, and when to do so again.
//!
//! Invariant: what ends again and again, or does not come up, is started ever more rarely.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use maya_mcp_notify::private_file;
use tokio::{process::Child, time::Instant};

use super::{StartCommand, reach::Patience};

/// An engine that lived so long was none that ends at once.
const STEADY: Duration = Duration::from_secs(10);
/// So many may end soon after they came up before there are pauses: somebody may be ending them.
const FORGIVEN: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// `maya-mcp serve` ends with this when another engine has its home.
const ALREADY_RUNNING: i32 = 5;

/// The starts so far.
#[derive(Debug, Default)]
pub(super) struct Starts {
    last: Option<(Instant, Outcome)>,
    /// In a row, each of which was followed by the next one too soon.
    in_a_row: u32,
}

/// What came of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Whoever waited for it has gone.
    Unknown,
    Up,
    /// It ended again. What it said last.
    Failed(Option<String>),
    /// It runs, or another one does, and there is no endpoint.
    InVain,
}

impl Starts {
    pub(super) fn may_start(&self, patience: Patience, now: Instant) -> bool {
        let Some((at, outcome)) = &self.last else { return true };
        // Starting it once more only shows its window again; that is for a person to want.
        let is_useless = patience == Patience::Again && *outcome == Outcome::InVain;
        !is_useless && now.duration_since(*at) >= self.pause()
    }

    pub(super) fn begin(&mut self, now: Instant) {
        let is_steady =
            |(at, outcome): &(Instant, Outcome)| *outcome == Outcome::Up && now.duration_since(*at) >= STEADY;
        self.in_a_row = match &self.last {
            Some(last) if is_steady(last) => 1,
            Some((_, Outcome::Up)) | None => self.in_a_row + 1,
            Some(_) => self.in_a_row.max(FORGIVEN) + 1,
        };
        self.last = Some((now, Outcome::Unknown));
    }

    pub(super) fn came(&mut self, outcome: Outcome) {
        if let Some((_, last)) = &mut self.last {
            *last = outcome;
        }
    }

    /// What the last one said, if it failed.
    pub(super) fn said(&self) -> Option<String> {
        match &self.last {
            Some((_, Outcome::Failed(said))) => said.clone(),
            _ => None,
        }
    }

    /// Between the last start and the next one.
    fn pause(&self) -> Duration {
        let surplus = match self.last {
            Some((_, Outcome::Up)) => self.in_a_row.saturating_sub(FORGIVEN),
            _ => self.in_a_row.max(FORGIVEN) + 1 - FORGIVEN,
        };
        let doublings = surplus.min(6).checked_sub(1);
        doublings.map_or(Duration::ZERO, |times| (FIRST_PAUSE * 2_u32.pow(times)).min(LONGEST_PAUSE))
    }
}

/// Detached: it outlives the bridge, and shares neither its pipes nor the client's folder. What it says goes to the log.
pub(super) fn launch(command: &StartCommand, home: &Path, log: &Path) -> io::Result<Child> {
    #[expect(clippy::disallowed_methods, reason = "the one place where the bridge starts the application")]
    let mut process = tokio::process::Command::new(&command.program);
    let said = make_log(log).map_or_else(|_| Stdio::null(), Stdio::from);
    process.args(&command.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    // Else the client's project could be neither renamed nor deleted on Windows, nor unmounted elsewhere, as long as it runs.
    process.current_dir(home);
    #[cfg(unix)]
    process.process_group(0);
    #[cfg(windows)]
    process.creation_flags(0x0000_0008 | 0x0000_0200); // DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    let child = process.spawn()?;
    tracing::info!(pid = child.id(), "application started");
    Ok(child)
}

/// How a program that was started has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In order: it has handed over to another.
    HandedOver,
    AlreadyRunning,
    Failed,
}

impl End {
    pub(super) fn of(status: ExitStatus) -> Self {
        match status.code() {
            Some(0) => Self::HandedOver,
            Some(ALREADY_RUNNING) => Self::AlreadyRunning,
            _ => Self::Failed,
        }
    }
}

/// A new file: an application that was started earlier keeps writing to its own.
fn make_log(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        private_file::make_dir(dir)?;
    }
    let _ = fs::remove_file(path);
    private_file::create(path)
}

/// Without its full stop, to stand within a sentence; of a panic, what it said and not where it was.
pub(super) fn last_line(log: &Path) -> Option<String> {
    let text = fs::read(log).ok()?;
    last_word(&String::from_utf8_lossy(&text))
}

/// People and models read it: no source path, and nothing as Rust prints it for debugging.
fn last_word(text: &str) -> Option<String> {
    let (said, _) = text.split_once("stack backtrace:").unwrap_or((text, ""));
    let is_source = |line: &str| [".rs:", "/.cargo/", "\\.cargo\\"].iter().any(|part| line.contains(part));
    let is_telling = |line: &&str| !line.is_empty() && !line.starts_with("note:") && !is_source(line);
    let line = said.lines().rev().map(|line| without_debug(line.trim())).find(is_telling)?;
    let line = line.strip_prefix("maya-mcp: ").unwrap_or(line).trim_end_matches('.');
    Some(line.chars().filter(|letter| !letter.is_control()).take(400).collect())
}

/// Of `could not be done: SomeError { code: 1, .. }` what stands before the name.
fn without_debug(line: &str) -> &str {
    let Some((before, _)) = line.split_once(" {") else { return line };
    let name = before.rfind(|letter: char| !letter.is_alphanumeric()).map_or(0, |place| place + 1);
    before[..name].trim_end_matches([':', ' ', '(', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    /// Starts it `times` times, each as soon as that may be, and gives the pauses in between in seconds.
    fn pauses(outcome: &Outcome, times: usize) -> Vec<u64> {
        let (mut starts, mut now) = (Starts::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..times {
            assert!(starts.may_start(Patience::Again, now), "{outcome:?}: it is time after {pauses:?}");
            starts.begin(now);
            starts.came(outcome.clone());
            let began = now;
            now += starts.pause();
            let is_early =
                now > began && starts.may_start(Patience::Start, now.checked_sub(MOMENT).expect("later"));
            assert!(!is_early, "{outcome:?}: not before its time after {pauses:?}");
            pauses.push(now.duration_since(began).as_secs());
        }
        pauses
    }

    #[test]
    fn what_comes_up_and_is_killed_is_started_at_once_and_what_does_not_ever_more_rarely() {
        assert_eq!(pauses(&Outcome::Up, 6), [0, 0, 0, 1, 2, 4], "three times are forgiven");
        let failed = pauses(&Outcome::Failed(None), 8);
        assert_eq!(failed, [1, 2, 4, 8, 16, 30, 30, 30], "a start that fails is none");
    }

    #[test]
    fn an_engine_that_lived_for_a_while_is_a_new_beginning() {
        let (mut starts, mut now) = (Starts::default(), Instant::now());
        for _ in 0..20 {
            starts.begin(now);
            starts.came(Outcome::Up);
            now += STEADY;
            assert!(starts.may_start(Patience::Again, now), "killed once in a while");
        }
        starts.begin(now);
        starts.came(Outcome::Failed(Some("the port is taken".to_owned())));
        assert_eq!(starts.said().as_deref(), Some("the port is taken"), "what it said is kept");
        assert!(!starts.may_start(Patience::Start, now), "one failure counts");
    }

    #[test]
    fn what_runs_without_an_endpoint_is_started_again_only_when_somebody_asks() {
        let (mut starts, now) = (Starts::default(), Instant::now());
        starts.begin(now);
        starts.came(Outcome::InVain);
        let later = now + LONGEST_PAUSE;
        assert!(!starts.may_start(Patience::Again, later), "its window would open by itself");
        assert!(starts.may_start(Patience::Start, later), "it is wanted");
    }

    #[test]
    fn of_what_an_application_said_last_nobody_reads_source_paths_or_debug_structs() {
        let source = "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/gtk-0.18.2/src/rt.rs";
        let debug = format!("BoolError {{ message: \"no display\", filename: \"{source}\", line: 141 }}");
        let (place, hint) =
            (format!("thread 'main' panicked at {source}:141:9:"), "note: run with `RUST_BACKTRACE=1`");
        for (said, wanted) in [
            (
                "maya-mcp: port 6292 is taken by houdini (pid 5).\n".to_owned(),
                "port 6292 is taken by houdini (pid 5)",
            ),
            (format!("{place}\nFailed to initialize gtk: {debug}\n{hint}\n"), "Failed to initialize gtk"),
            (format!("{place}\nno screen\nstack backtrace:\n   0: begin\n"), "no screen"),
            (format!("before it\n{place}\n{debug}\n{hint}\n"), "before it"),
            (format!("Error: Tray({debug})\n"), "Error: Tray"),
        ] {
            assert_eq!(last_word(&said).as_deref(), Some(wanted), "of {said}");
        }
        assert_eq!(last_word(&format!("{place}\n{hint}\n")), None, "it said nothing for people");
    }
}
