//! Finding the endpoint, and starting the application when it is not there.
//!
//! Invariant: however many ask at once, there is one search and one start.

use std::{
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::{BridgeOptions, StartCommand};
use crate::proven::{FindError, Proven};

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
    looking: tokio::sync::Mutex<Option<Instant>>,
    connections: TaskTracker,
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
        // A file of an engine that crashed may lead to a stranger: starting ours mends that too.
        let startable = matches!(missing, FindError::NotRunning | FindError::Impostor(_));
        let in_vain = started.is_some_and(|at| at.elapsed() < NOT_AGAIN_FOR);
        let Some(command) = self.options.start.as_ref() else { return Err(missing) };
        if patience == Patience::AtOnce || !startable || in_vain {
            return Err(missing);
        }
        *started = Some(Instant::now());
        start(command);
        self.wait_for_it().await
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

    async fn wait_for_it(&self) -> Result<Arc<Proven>, FindError> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            sleep(pause).await;
            match self.look().await {
                Err(FindError::NotRunning | FindError::Impostor(_)) if began.elapsed() < STARTING => {}
                looked => return looked,
            }
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }
}

/// Detached: it outlives the bridge, and shares none of its pipes.
fn start(command: &StartCommand) {
    #[expect(clippy::disallowed_methods, reason = "the one place where the bridge starts the application")]
    let mut process = tokio::process::Command::new(&command.program);
    process.args(&command.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    process.process_group(0);
    #[cfg(windows)]
    process.creation_flags(0x0000_0008 | 0x0000_0200); // DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    match process.spawn() {
        Ok(child) => tracing::info!(pid = child.id(), "application started"),
        Err(error) => {
            tracing::warn!(program = %command.program.display(), %error, "the application could not be started");
        }
    }
}
