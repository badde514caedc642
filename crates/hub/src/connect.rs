//! From a process to an open link: which of its sockets is a command port, and what happens when none is.
//!
//! Invariant: a port that asks the artist is tried once; one that answered as something else is left alone for as long as it listens.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use maya_mcp_discovery as discovery;
use maya_mcp_maya::{
    BootstrapError, Doorway, HelperAddress, Link, LinkError, LinkTask, PortError, Welcome, bootstrap,
};
use maya_mcp_session::{Address, Observation, SessionId, Why};
use tokio::time::{Instant, sleep_until};

use crate::follow::World;

pub struct Connected {
    pub link: Link,
    pub task: LinkTask,
    pub welcome: Welcome,
    pub address: Address,
    helper: HelperAddress,
}

/// What is known of one address.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Trying,
    /// Not a command port: not again while it listens.
    Foreign,
    /// The artist said no, or the socket is another Maya's: told, and not again.
    Refused,
    NotBefore(Instant),
}

type Attempt = BoxFuture<'static, (Address, Result<Connected, Failure>)>;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the helper answered for another process ({0})")]
    AnotherProcess(u32),
}

/// Remembers, over the session's life, which addresses are not to be bothered again.
pub struct Connector {
    id: SessionId,
    world: Arc<World>,
    verdicts: HashMap<Address, Verdict>,
    /// The helper that the last link led to: still there when only the connection broke.
    last: Option<(Address, HelperAddress)>,
}

impl Connector {
    pub fn new(id: SessionId, world: Arc<World>) -> Self {
        Self { id, world, verdicts: HashMap::new(), last: None }
    }

    /// Tries until it succeeds. What stands in the way meanwhile is told to the registry.
    pub async fn connect(&mut self) -> Connected {
        let connected = match self.connect_again().await {
            Some(connected) => connected,
            None => self.connect_anew().await,
        };
        self.last = Some((connected.address.clone(), connected.helper.clone()));
        connected
    }

    /// Without troubling the command port: only the connection may have broken.
    async fn connect_again(&mut self) -> Option<Connected> {
        let (address, helper) = self.last.take()?;
        open_link(self.id, address, helper).await.ok()
    }

    async fn connect_anew(&mut self) -> Connected {
        self.verdicts.retain(|_, verdict| matches!(verdict, Verdict::Foreign | Verdict::Refused));
        let timing = self.world.timing.clone();
        let began = Instant::now();
        let mut attempts: FuturesUnordered<Attempt> = FuturesUnordered::new();
        let mut impatient = began + timing.patience;
        let mut look = began;
        loop {
            tokio::select! {
                () = sleep_until(look) => {
                    attempts.extend(self.doorways(began).into_iter().map(|doorway| self.attempt(doorway)));
                    look = Instant::now() + (began.elapsed() / 10).clamp(timing.ports_soon, timing.ports_late);
                }
                () = sleep_until(impatient) => {
                    self.tell_impatience(began);
                    impatient = Instant::now() + timing.patience;
                }
                Some((address, outcome)) = attempts.next() => match outcome {
                    Ok(connected) => return connected,
                    Err(failure) => self.judge(address, &failure),
                },
            }
        }
    }

    /// The addresses to try now. The artist is not asked while a port that needs no asking may still answer.
    fn doorways(&mut self, began: Instant) -> Vec<Doorway> {
        let listening = discovery::listening(self.id.pid);
        self.verdicts.retain(|address, verdict| *verdict == Verdict::Trying || listening.contains(address));
        let now = Instant::now();
        let due = |address: &Address| match self.verdicts.get(address) {
            None => true,
            Some(Verdict::NotBefore(then)) => *then <= now,
            Some(Verdict::Trying | Verdict::Foreign | Verdict::Refused) => false,
        };
        let (asking, plain): (Vec<_>, Vec<_>) = listening
            .into_iter()
            .filter(due)
            .map(|address| Doorway { address, pid: self.id.pid })
            .partition(Doorway::asks_the_artist);
        let others_may_answer = !plain.is_empty() || self.verdicts.values().any(|v| *v == Verdict::Trying);
        if others_may_answer && began.elapsed() < self.world.timing.ask_after {
            return plain;
        }
        plain.into_iter().chain(asking).collect()
    }

    fn attempt(&mut self, doorway: Doorway) -> Attempt {
        let id = self.id;
        let address = doorway.address.clone();
        tracing::info!(%id, %address, asks = doorway.asks_the_artist(), "trying a port of this session");
        self.verdicts.insert(address.clone(), Verdict::Trying);
        self.world.registry.observe(&if doorway.asks_the_artist() {
            Observation::PermissionAsked { id, address: address.clone() }
        } else {
            Observation::Connecting { id, address: address.clone() }
        });
        let world = self.world.clone();
        Box::pin(async move {
            let outcome = match bootstrap(&doorway, &world.files).await {
                Ok(bootstrapped) => open_link(id, address.clone(), bootstrapped.helper).await,
                Err(error) => Err(error.into()),
            };
            (address, outcome)
        })
    }

    fn judge(&mut self, address: Address, failure: &Failure) {
        let id = self.id;
        tracing::warn!(%id, %address, error = failure as &dyn std::error::Error, "this port did not lead to a helper");
        let (verdict, why) = match failure {
            Failure::Bootstrap(BootstrapError::Denied) => (Verdict::Refused, Some(Why::PermissionDenied)),
            Failure::Bootstrap(BootstrapError::Port(PortError::TakenOver { .. })) => {
                (Verdict::Refused, Some(Why::TakenOver))
            }
            Failure::Bootstrap(BootstrapError::NotMaya { .. }) => (Verdict::Foreign, None),
            // Closed in between, as a rule: looked at again in a moment.
            Failure::Bootstrap(BootstrapError::Port(_)) => (self.later(), None),
            Failure::Bootstrap(error) => {
                (self.later(), Some(Why::HelperFailed { message: error.to_string() }))
            }
            Failure::Link(error) => (self.later(), Some(Why::HelperFailed { message: error.to_string() })),
            Failure::AnotherProcess(_) => {
                (self.later(), Some(Why::HelperFailed { message: failure.to_string() }))
            }
        };
        self.verdicts.insert(address, verdict);
        if let Some(why) = why {
            self.world.registry.observe(&Observation::ConnectFailed { id, why });
        }
    }

    fn later(&self) -> Verdict {
        Verdict::NotBefore(Instant::now() + self.world.timing.retry)
    }

    /// Nothing has worked for a while. Trying goes on all the same: a Maya that renders answers when it is done.
    fn tell_impatience(&self, began: Instant) {
        let id = self.id;
        let asking = |address: &Address| Doorway { address: address.clone(), pid: id.pid }.asks_the_artist();
        let told = |(address, verdict): (&Address, &Verdict)| match verdict {
            Verdict::Refused | Verdict::NotBefore(_) => true,
            Verdict::Trying => asking(address),
            Verdict::Foreign => false,
        };
        if self.verdicts.iter().any(told) {
            return;
        }
        let silent = self.verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Trying);
        let mut silent: Vec<_> = silent.map(|(address, _)| address.to_string()).collect();
        silent.sort();
        let why = if !silent.is_empty() {
            Why::NoAnswer { tried: silent.join(", ") }
        } else if began.elapsed() >= self.world.timing.no_port {
            Why::NoCommandPort
        } else {
            return;
        };
        self.world.registry.observe(&Observation::ConnectFailed { id, why });
    }
}

async fn open_link(id: SessionId, address: Address, helper: HelperAddress) -> Result<Connected, Failure> {
    let (link, task, welcome) = Link::open(&helper).await?;
    if welcome.pid != id.pid {
        return Err(Failure::AnotherProcess(welcome.pid));
    }
    Ok(Connected { link, task, welcome, address, helper })
}
