//! Finding the endpoint, and starting the application when it is not there.
//!
//! Invariant: however many ask at once, there is one search and one start; what ended in order is started only for somebody who wants to work.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    BridgeOptions, StartCommand,
    starting::{End, Launched, Outcome, Starts},
};
use crate::{
    endpoint_file::{EndpointFile, EndpointFileError},
    proven::{FindError, Proven},
};

/// How long an application may take to start.
const STARTING: Duration = Duration::from_secs(10);
/// When another engine still had the home.
const ONCE_MORE: Duration = Duration::from_secs(1);
/// Between looks for one that is gone, growing.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Between looks at one that is starting, growing.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Only look.
    AtOnce,
    /// Look, and start again what did not end in order.
    Again,
    /// Start the application if need be, and wait for it.
    Start,
}

#[derive(Debug)]
pub(super) struct Reach {
    options: BridgeOptions,
    current: Mutex<Option<Arc<Proven>>>,
    /// Held while somebody looks.
    looking: tokio::sync::Mutex<Starts>,
    /// Wakes those who wait for an endpoint.
    started: Notify,
    connections: TaskTracker,
}

impl Reach {
    pub(super) fn new(options: BridgeOptions) -> Self {
        Self {
            options,
            current: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            started: Notify::new(),
            connections: TaskTracker::new(),
        }
    }

    pub(super) async fn endpoint(&self, patience: Patience) -> Result<Arc<Proven>, FindError> {
        if let Some(endpoint) = self.current() {
            return Ok(endpoint);
        }
        let mut starts = self.looking.lock().await;
        if let Some(endpoint) = self.current() {
            return Ok(endpoint);
        }
        let missing = match self.look().await {
            Ok(endpoint) => return Ok(endpoint),
            Err(error) => error,
        };
        let Some(command) = self.options.start.as_ref() else { return Err(missing) };
        let is_wanted = match patience {
            Patience::AtOnce => false,
            Patience::Again => matches!(missing, FindError::Gone),
            Patience::Start => is_startable(&missing),
        };
        if !is_wanted {
            return Err(missing);
        }
        if !starts.may_start(patience, Instant::now()) {
            return Err(starts.said().map_or(missing, |said| FindError::Failed { said }));
        }
        starts.begin(Instant::now());
        let (found, outcome) = self.start(command).await;
        starts.came(outcome);
        if found.is_ok() {
            self.started.notify_waiters();
        }
        found
    }

    async fn start(&self, command: &StartCommand) -> (Result<Arc<Proven>, FindError>, Outcome) {
        self.start_and_wait(command).await.unwrap_or_else(|error| {
            let program = command.program.display();
            tracing::warn!(%program, %error, "the application could not be started");
            let said = format!("{program}: {error}");
            (Err(FindError::Failed { said: said.clone() }), Outcome::Failed(Some(said)))
        })
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
        let BridgeOptions { home, client, is_running, .. } = &self.options;
        let found = Proven::find(home, client, *is_running, &self.connections).await?;
        let found = Arc::new(found);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    async fn start_and_wait(
        &self,
        command: &StartCommand,
    ) -> io::Result<(Result<Arc<Proven>, FindError>, Outcome)> {
        let began = Instant::now();
        let before = EndpointFile::read(&self.options.home).ok();
        let mut launched = Launched::new(command, &self.options.home)?;
        let mut pause = FIRST_LOOK;
        loop {
            launched.listen(pause).await;
            pause = (pause * 2).min(LONGEST_LOOK);
            // Before looking, so that whoever was quicker than it is seen.
            let end = launched.end();
            let is_as_before = || before.is_some() && EndpointFile::read(&self.options.home).ok() == before;
            if end.is_none() && began.elapsed() < STARTING && is_as_before() {
                // Nobody is there yet, and Windows takes two seconds to find that out.
                continue;
            }
            match self.look().await {
                Ok(endpoint) => return Ok((Ok(endpoint), Outcome::Up)),
                Err(error) if end == Some(End::Failed) && is_startable(&error) => {
                    let said = launched.last_word().await;
                    let outcome = Outcome::Failed(said.clone());
                    return Ok((Err(said.map_or(error, |said| FindError::Failed { said })), outcome));
                }
                Err(error) if may_yet_come(&error) && began.elapsed() < STARTING => {}
                Err(error) => return Ok((Err(error), Outcome::InVain)),
            }
            // The other one is about to come, or about to go.
            if end == Some(End::AlreadyRunning) && launched.at.elapsed() >= ONCE_MORE {
                launched = Launched::new(command, &self.options.home)?;
            }
        }
    }
}

/// How often somebody looks for an endpoint that is gone.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    /// The last look, and the time that an endpoint was there after it.
    began: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { pause: FIRST_PAUSE, began: Instant::now() }
    }

    /// An endpoint is there.
    pub(super) fn found(&mut self) {
        self.pause = FIRST_PAUSE;
    }

    /// Waits before the next look; not so long when somebody else has started the application meanwhile.
    pub(super) async fn wait(&mut self, reach: &Reach) {
        if self.began.elapsed() < LONGEST_PAUSE {
            let _ = timeout(self.pause, reach.started.notified()).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.began = Instant::now();
    }
}

/// A file of an engine that crashed may lead to a stranger, or be damaged: starting ours mends that too.
fn is_startable(error: &FindError) -> bool {
    let is_damaged = matches!(error, FindError::File(EndpointFileError::Malformed { .. }));
    is_damaged || matches!(error, FindError::Nobody | FindError::Gone | FindError::Impostor(_))
}

fn may_yet_come(error: &FindError) -> bool {
    is_startable(error) || matches!(error, FindError::Silent { .. })
}
