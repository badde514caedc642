//! From a process to an open link: which of its sockets is a command port, and what happens when none is.
//!
//! Invariant: a port that asks the artist gets one message for as long as it listens, whatever comes of it; one that answered as something
//! else is left alone.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use maya_mcp_discovery as discovery;
use maya_mcp_maya::{
    BootstrapError, Doorway, HelperAddress, Link, LinkError, LinkTask, PortError, Welcome, bootstrap,
};
use maya_mcp_session::{Address, Observation, SessionId, Why};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    follow::World,
    verdicts::{Failure, Obstacle, Verdicts},
};

/// A helper waits so long for somebody before it leaves.
const HELPER_WAITS: Duration = Duration::from_mins(1);
/// A port that has the artist's leave already answers sooner.
const DIALOG_OPENS: Duration = Duration::from_millis(300);
/// A server inside Maya that takes one client at a time is not kept from others for longer.
const HOLD: Duration = Duration::from_mins(1);

pub struct Connected {
    pub link: Link,
    pub task: LinkTask,
    pub welcome: Welcome,
    pub address: Address,
    helper: HelperAddress,
}

type Attempt = BoxFuture<'static, (Doorway, Result<Connected, Failure>)>;

/// Remembers, over the session's life, which addresses are not to be bothered again.
pub struct Connector {
    id: SessionId,
    world: Arc<World>,
    verdicts: Verdicts,
    /// Ports of our own helpers: never taken for command ports.
    helpers: HashSet<u16>,
    /// The helper that the last link led to: still there when only the connection broke.
    last: Option<(Address, HelperAddress)>,
}

impl Connector {
    pub fn new(id: SessionId, world: Arc<World>) -> Self {
        Self { id, world, verdicts: Verdicts::default(), helpers: HashSet::new(), last: None }
    }

    /// Tries until it succeeds. What stands in the way meanwhile is told to the registry.
    pub async fn connect(&mut self) -> Connected {
        let connected = match self.connect_again().await {
            Some(connected) => connected,
            None => self.connect_anew().await,
        };
        self.helpers.insert(connected.helper.port);
        self.last = Some((connected.address.clone(), connected.helper.clone()));
        connected
    }

    /// Without troubling the command port: only the connection may have broken.
    async fn connect_again(&mut self) -> Option<Connected> {
        let (address, helper) = self.last.take()?;
        open_link(self.id, address, helper).await.ok()
    }

    async fn connect_anew(&mut self) -> Connected {
        self.verdicts.begin_again();
        let timing = self.world.timing.clone();
        let began = Instant::now();
        let mut attempts: FuturesUnordered<Attempt> = FuturesUnordered::new();
        // One word for each port that asks: few.
        let (asking, mut asked) = mpsc::unbounded_channel();
        let mut impatient = began + timing.patience;
        let mut look = began;
        loop {
            tokio::select! {
                () = sleep_until(look) => {
                    for doorway in self.due() {
                        attempts.push(self.attempt(doorway, asking.clone()));
                    }
                    look = Instant::now() + (began.elapsed() / 10).clamp(timing.ports_soon, timing.ports_late);
                }
                () = sleep_until(impatient) => impatient = Instant::now() + timing.patience,
                Some(address) = asked.recv() => self.verdicts.asked(&address),
                Some((doorway, outcome)) = attempts.next() => match outcome {
                    Ok(connected) => {
                        self.verdicts.succeeded(&doorway);
                        return connected;
                    }
                    Err(failure) => self.judge(&doorway, &failure),
                },
            }
            self.tell(began);
        }
    }

    /// The addresses to try now. The artist is not asked while a port that needs no asking may still answer.
    fn due(&mut self) -> Vec<Doorway> {
        // What cannot be seen just now has not gone: nothing is forgotten, and nothing tried.
        let Ok(mut listening) = discovery::listening(self.id.pid) else { return Vec::new() };
        listening.retain(
            |address| !matches!(address, Address::Tcp(socket) if self.helpers.contains(&socket.port())),
        );
        let doorways = listening.into_iter().map(|address| Doorway { address, pid: self.id.pid });
        self.verdicts.due(doorways.collect(), self.world.timing.ask_after)
    }

    fn attempt(&mut self, doorway: Doorway, asking: mpsc::UnboundedSender<Address>) -> Attempt {
        let id = self.id;
        tracing::info!(%id, address = %doorway.address, asks = doorway.asks_the_artist(), "trying a port");
        let world = self.world.clone();
        Box::pin(async move {
            let outcome = bring_in(&doorway, &world, asking).await;
            let outcome = match outcome {
                Ok(helper) => open_link(id, doorway.address.clone(), helper).await,
                Err(failure) => Err(failure),
            };
            (doorway, outcome)
        })
    }

    fn judge(&mut self, doorway: &Doorway, failure: &Failure) {
        let error = failure as &dyn std::error::Error;
        tracing::warn!(id = %self.id, address = %doorway.address, error, "this port did not lead to a helper");
        self.verdicts.failed(doorway, failure, self.world.timing.retry);
    }

    /// What stands in the way, in one word: the same as before is no news.
    fn tell(&self, began: Instant) {
        let id = self.id;
        let timing = &self.world.timing;
        let observation = match self.verdicts.obstacle(timing.patience) {
            Some(Obstacle::Asking(address)) => Observation::PermissionAsked { id, address },
            Some(Obstacle::Trying(address)) => Observation::Connecting { id, address },
            Some(Obstacle::Why(why)) => Observation::ConnectFailed { id, why },
            None if began.elapsed() >= timing.no_port => {
                Observation::ConnectFailed { id, why: Why::NoCommandPort }
            }
            None => return,
        };
        self.world.registry.observe(&observation);
    }
}

/// The bootstrap, with a word to `asking` when a dialog must be open.
async fn bring_in(
    doorway: &Doorway,
    world: &World,
    asking: mpsc::UnboundedSender<Address>,
) -> Result<HelperAddress, Failure> {
    if !doorway.asks_the_artist() {
        let outcome = timeout(HOLD, bootstrap(doorway, &world.files, || ())).await;
        return outcome.map_err(|_| Failure::Silent)?.map_err(Failure::from);
    }
    let (sent, was_sent) = tokio::sync::oneshot::channel();
    let asks = async {
        if was_sent.await.is_ok() {
            sleep(DIALOG_OPENS).await;
            // The connector is gone only with this attempt.
            let _ = asking.send(doorway.address.clone());
        }
        std::future::pending().await
    };
    let bootstrapping = bootstrap(doorway, &world.files, || {
        // Nobody listens only when this attempt is over.
        let _ = sent.send(());
    });
    tokio::select! {
        outcome = bootstrapping => outcome.map_err(Failure::from),
        never = asks => never,
    }
}

/// The helper is in: the artist has said yes, and it waits for us. A Maya that holds Python's lock lets it answer later.
async fn open_link(id: SessionId, address: Address, helper: HelperAddress) -> Result<Connected, Failure> {
    let began = Instant::now();
    let (link, task, welcome) = loop {
        match Link::open(&helper).await {
            Err(LinkError::Silent) if began.elapsed() < HELPER_WAITS => {}
            outcome => break outcome?,
        }
    };
    if welcome.pid != id.pid {
        return Err(Failure::AnotherProcess(welcome.pid));
    }
    Ok(Connected { link, task, welcome, address, helper })
}

impl From<BootstrapError> for Failure {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::Denied => Self::Denied,
            BootstrapError::NotMaya { .. } => Self::NotMaya(error),
            BootstrapError::Port(PortError::TakenOver { .. }) => Self::TakenOver(error),
            BootstrapError::Port(PortError::Connect { .. }) => Self::Closed(error),
            error => Self::Bootstrap(error),
        }
    }
}
