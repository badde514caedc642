//! Finding the endpoint, and starting the application when it is not there.
//!
//! Invariant: however many ask at once, there is one search and one start.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    process::Child,
    time::{Instant, sleep},
};
use tokio_util::task::TaskTracker;

use super::{BridgeOptions, StartCommand};
use crate::{
    endpoint_file::EndpointFileError,
    private_file,
    proven::{FindError, Proven},
};

/// How long an application may take to start.
const STARTING: Duration = Duration::from_secs(10);
/// After a start in vain.
const NOT_AGAIN_FOR: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Only look.
    AtOnce,
    /// Start the application if need be, and wait for it.
    Start,
}

#[derive(Debug)]
pub(super) struct Reach {
    options: BridgeOptions,
    current: Mutex<Option<Arc<Proven>>>,
    /// Held while somebody looks; remembers the last start.
    looking: tokio::sync::Mutex<Option<Start>>,
    connections: TaskTracker,
}

/// A start that was tried.
#[derive(Debug)]
struct Start {
    at: Instant,
    /// What it said last, if it ended at once.
    failed: Option<String>,
}

impl Reach {
    pub(super) fn new(options: BridgeOptions) -> Self {
        Self {
            options,
            current: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            connections: TaskTracker::new(),
        }
    }

    pub(super) async fn endpoint(&self, patience: Patience) -> Result<Arc<Proven>, FindError> {
        if let Some(endpoint) = self.current() {
            return Ok(endpoint);
        }
        let mut started = self.looking.lock().await;
        if let Some(endpoint) = self.current() {
            return Ok(endpoint);
        }
        let missing = match self.look().await {
            Ok(endpoint) => return Ok(endpoint),
            Err(error) => error,
        };
        let Some(command) = self.options.start.as_ref() else { return Err(missing) };
        if patience == Patience::AtOnce || !is_startable(&missing) {
            return Err(missing);
        }
        if let Some(start) = started.as_ref().filter(|start| start.at.elapsed() < NOT_AGAIN_FOR) {
            let failed = start.failed.clone();
            return Err(failed.map_or(missing, |said| FindError::Failed { said }));
        }
        let start = started.insert(Start { at: Instant::now(), failed: None });
        let found = self.start(command).await;
        if let Err(FindError::Failed { said }) = &found {
            start.failed = Some(said.clone());
        }
        found
    }

    async fn start(&self, command: &StartCommand) -> Result<Arc<Proven>, FindError> {
        let log = self.options.home.join("logs").join("start.log");
        match launch(command, &log) {
            Ok(child) => self.wait_for_it(child, &log).await,
            Err(error) => {
                tracing::warn!(program = %command.program.display(), %error, "the application could not be started");
                Err(FindError::Failed { said: format!("{}: {error}", command.program.display()) })
            }
        }
    }

    /// This endpoint does not answer any more; the next one who asks looks again.
    pub(super) fn lost(&self, endpoint: &Arc<Proven>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, endpoint)) {
            *current = None;
        }
    }

    pub(super) fn client(&self) -> &str {
        self.options.client.as_str()
    }

    fn current(&self) -> Option<Arc<Proven>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look(&self) -> Result<Arc<Proven>, FindError> {
        let found = Proven::find(&self.options.home, &self.options.client, &self.connections).await?;
        let found = Arc::new(found);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    async fn wait_for_it(&self, mut child: Child, log: &Path) -> Result<Arc<Proven>, FindError> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            sleep(pause).await;
            // Before looking, so that whoever was quicker than it is seen. One that ends in order has handed over to another.
            let ended = child.try_wait().ok().flatten().is_some_and(|status| !status.success());
            match self.look().await {
                Err(error) if ended && is_startable(&error) => {
                    return Err(last_line(log).map_or(error, |said| FindError::Failed { said }));
                }
                Err(error) if may_yet_come(&error) && began.elapsed() < STARTING => {}
                looked => return looked,
            }
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }
}

/// A file of an engine that crashed may lead to a stranger, or be damaged: starting ours mends that too.
fn is_startable(error: &FindError) -> bool {
    let is_damaged = matches!(error, FindError::File(EndpointFileError::Malformed { .. }));
    is_damaged || matches!(error, FindError::Nobody | FindError::Impostor(_))
}

fn may_yet_come(error: &FindError) -> bool {
    is_startable(error) || matches!(error, FindError::Silent { .. })
}

/// Detached: it outlives the bridge, and shares none of its pipes. What it says goes to the log.
fn launch(command: &StartCommand, log: &Path) -> io::Result<Child> {
    #[expect(clippy::disallowed_methods, reason = "the one place where the bridge starts the application")]
    let mut process = tokio::process::Command::new(&command.program);
    let said = make_log(log).map_or_else(|_| Stdio::null(), Stdio::from);
    process.args(&command.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    #[cfg(unix)]
    process.process_group(0);
    #[cfg(windows)]
    process.creation_flags(0x0000_0008 | 0x0000_0200); // DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    let child = process.spawn()?;
    tracing::info!(pid = child.id(), "application started");
    Ok(child)
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
fn last_line(log: &Path) -> Option<String> {
    let text = fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (said, _) = text.split_once("stack backtrace:").unwrap_or((&text, ""));
    let is_telling = |line: &&str| !line.is_empty() && !line.starts_with("note:");
    let line = said.lines().rev().map(str::trim).find(is_telling)?;
    let line = line.strip_prefix("maya-mcp: ").unwrap_or(line).trim_end_matches('.');
    Some(line.chars().filter(|letter| !letter.is_control()).take(400).collect())
}
