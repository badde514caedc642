//! From a session to an open link: which of its sockets is a command port, and what happens when none is.
//!
//! Invariant: a port that asks the artist gets one message for as long as it listens, whatever comes of it, and none before the artist has been
//! told; one that answered as something else is left alone. Whatever is waited for, the artist is heard meanwhile.

use std::{
    collections::{BTreeSet, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use maya_mcp_discovery as discovery;
use maya_mcp_maya::{BootstrapError, Doorway, HelperAddress, LinkEnd, PortError, bootstrap, check_owner};
use maya_mcp_session::{Address, Asker, Observation, Offer, Origin, SessionId, Why, line_to_paste};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    Connect,
    follow::World,
    known::{Known, SPEAKS, Target},
    memory::Said,
    opening::{AS_LONG_AS_IT_TAKES, Connected, open_link},
    verdicts::{Failure, Leave, Obstacle, Verdicts},
};

/// A Maya elsewhere that opens no dialog has answered by then.
const DIALOG_OPENS: Duration = Duration::from_secs(1);
/// Between two looks at who else listens under the same name.
const RIVALS_AGAIN: Duration = Duration::from_secs(5);
/// A server inside Maya that takes one client at a time is not kept from others for longer.
const HOLD: Duration = Duration::from_mins(1);
/// A desktop that does not take the notice does not hold up the artist who chose *Connect*.
const TELLING: Duration = Duration::from_secs(1);

/// What leads to a helper.
#[derive(Debug, Clone)]
enum Way {
    Port(Doorway),
    Known(Target),
}

/// How far an attempt has come.
#[derive(Debug)]
enum Step {
    /// Where the artist must be looking at a dialog.
    Asking(Address),
    /// A helper has answered, which makes way for ours once Maya's main thread has time.
    Answered(Way),
}

/// One or two for each attempt: few.
type Steps = mpsc::UnboundedSender<Step>;

type Attempt = BoxFuture<'static, (Way, Result<Connected, Failure>)>;

/// Remembers, over the session's life, which addresses are not to be bothered again.
pub struct Connector {
    id: SessionId,
    world: Arc<World>,
    setting: watch::Receiver<Connect>,
    /// Counts how often the artist chose *Connect*.
    presses: watch::Receiver<u64>,
    /// The artist has chosen it.
    wanted: bool,
    verdicts: Verdicts,
    known: Known,
    /// Ports of our own helpers: never taken for command ports.
    helpers: HashSet<u16>,
    /// Who listened under the same name when it was last looked at.
    rivals: BTreeSet<u32>,
    rivals_seen: Option<Instant>,
    /// Its sockets have been seen.
    looked: bool,
    /// Until then it may still be starting, and open its port later.
    starting: Instant,
}

impl Connector {
    pub fn new(origin: &Origin, presses: watch::Receiver<u64>, world: Arc<World>) -> Self {
        let id = origin.id();
        let (age, wanted) = match origin {
            Origin::Process(process) => (process.age, false),
            Origin::ByHand(port) => (Duration::ZERO, port.by == Asker::Artist),
        };
        let verdicts = match world.memory.said(id) {
            Said::Nothing => Verdicts::default(),
            Said::NothingYet => Verdicts::refused(Why::AskedBefore),
            Said::No => Verdicts::refused(Why::PermissionDenied),
        };
        Self {
            id,
            starting: Instant::now() + world.timing.no_port.saturating_sub(age),
            setting: world.connect.clone(),
            presses,
            wanted,
            verdicts,
            known: Known::new(id),
            helpers: HashSet::new(),
            rivals: BTreeSet::new(),
            rivals_seen: None,
            looked: false,
            world,
        }
    }

    /// Tries until it succeeds. What stands in the way meanwhile is told to the registry. `after`: how the last link ended.
    pub async fn connect(&mut self, after: Option<LinkEnd>) -> Connected {
        if after != Some(LinkEnd::BrokenOff) {
            self.known.forget();
        }
        let connected = self.connect_anew().await;
        // A press that came too late is not for another day.
        self.presses.mark_unchanged();
        self.helpers.insert(connected.helper.address.port());
        self.known.remember(&connected);
        connected
    }

    /// Returns when the artist chooses *Connect*.
    pub async fn pressed(&mut self) {
        if self.presses.changed().await.is_err() {
            // The hub is gone, and ends this task.
            std::future::pending::<()>().await;
        }
        self.wanted = true;
        self.verdicts.forgive();
        self.known.forgive();
    }

    async fn connect_anew(&mut self) -> Connected {
        self.verdicts.begin_again();
        self.known.begin_again();
        let timing = self.world.timing.clone();
        let began = Instant::now();
        let mut attempts: FuturesUnordered<Attempt> = FuturesUnordered::new();
        let (steps, mut step) = mpsc::unbounded_channel();
        let mut setting = self.setting.clone();
        let mut impatient = began + timing.patience;
        let mut look = began;
        loop {
            tokio::select! {
                () = sleep_until(look) => {
                    for way in self.due() {
                        attempts.push(self.attempt(way, steps.clone()));
                    }
                    self.notice_thieves().await;
                    look = Instant::now() + (began.elapsed() / 10).clamp(timing.ports_soon, timing.ports_late);
                }
                () = sleep_until(impatient) => impatient = Instant::now() + timing.patience,
                () = self.pressed() => look = Instant::now(),
                Ok(()) = setting.changed() => look = Instant::now(),
                Some(step) = step.recv() => self.reached(step),
                Some((way, outcome)) = attempts.next() => match outcome {
                    Ok(connected) => {
                        if let Way::Port(doorway) = &way {
                            self.verdicts.succeeded(doorway);
                        }
                        return connected;
                    }
                    Err(failure) => self.judge(&way, &failure),
                },
            }
            self.tell();
        }
    }

    /// What to try now. The artist is not asked while a port that needs no asking may still answer.
    fn due(&mut self) -> Vec<Way> {
        let announced = self.id.pid().and_then(|pid| self.world.files.announced(pid));
        self.helpers.extend(announced.iter().map(|helper| helper.address.port()));
        let mut due: Vec<_> = self.known.due(announced).into_iter().map(Way::Known).collect();
        if self.known.may_suffice() {
            return due;
        }
        // What cannot be seen just now has not gone: nothing is forgotten, and nothing tried.
        let Some(doorways) = self.doorways() else { return due };
        self.looked = true;
        let doorways = self.verdicts.due(doorways, self.leave(), self.world.timing.ask_after);
        due.extend(doorways.into_iter().map(Way::Port));
        due
    }

    fn doorways(&self) -> Option<Vec<Doorway>> {
        match self.id {
            SessionId::Added(address) => Some(vec![Doorway { address: Address::Tcp(address), pid: None }]),
            SessionId::Process(process) => {
                let mut listening = discovery::listening(process.pid).ok()?;
                listening.retain(|address| {
                    !matches!(address, Address::Tcp(socket) if self.helpers.contains(&socket.port()))
                });
                let of_it = |address| Doorway { address, pid: Some(process.pid) };
                Some(listening.into_iter().map(of_it).collect())
            }
        }
    }

    /// Before the artist is offered what can only fail: a later Maya may have taken the socket's file.
    async fn notice_thieves(&mut self) {
        let Some(pid) = self.id.pid() else { return };
        if self.rivals_seen.is_some_and(|seen| seen.elapsed() < RIVALS_AGAIN) {
            return;
        }
        for doorway in self.verdicts.withheld() {
            self.rivals_seen = Some(Instant::now());
            let rivals = self.rivals_at(&doorway.address);
            if rivals.is_empty() || rivals == self.rivals {
                continue;
            }
            self.rivals = rivals;
            if let Err(taken @ PortError::TakenOver { .. }) = check_owner(&doorway.address, pid).await {
                self.judge(&Way::Port(doorway), &Failure::TakenOver(taken.into()));
            }
        }
    }

    /// Other Mayas that listen on a socket of this name.
    fn rivals_at(&self, address: &Address) -> BTreeSet<u32> {
        if !matches!(address, Address::Unix(_)) {
            return BTreeSet::new();
        }
        let snapshot = self.world.registry.snapshot();
        let others = snapshot.sessions.keys().filter(|id| **id != self.id).filter_map(|id| id.pid());
        let listens = |pid: &u32| discovery::listening(*pid).is_ok_and(|all| all.contains(address));
        others.filter(listens).collect()
    }

    fn leave(&self) -> Leave {
        match *self.setting.borrow() {
            _ if self.wanted => Leave::Everything,
            // What a client named is the artist's to judge, whatever else is connected by itself.
            _ if self.id.pid().is_none() => Leave::Nothing,
            Connect::Auto => Leave::Everything,
            Connect::Ask => Leave::Plain,
            Connect::Manual => Leave::Nothing,
        }
    }

    fn attempt(&self, way: Way, steps: Steps) -> Attempt {
        let id = self.id;
        tracing::info!(%id, ?way, "trying to connect");
        let world = self.world.clone();
        Box::pin(async move {
            // The connector is gone only with this attempt.
            let answered = || drop(steps.send(Step::Answered(way.clone())));
            let outcome = match &way {
                Way::Known(Target { helper, address }) => {
                    open_link(id, address.clone(), helper.clone(), &world.files, SPEAKS, answered).await
                }
                Way::Port(doorway) => match bring_in(id, doorway, &world, &steps).await {
                    Ok(helper) => {
                        let address = Some(doorway.address.clone());
                        open_link(id, address, helper, &world.files, AS_LONG_AS_IT_TAKES, answered).await
                    }
                    Err(failure) => Err(failure),
                },
            };
            (way, outcome)
        })
    }

    fn reached(&mut self, step: Step) {
        match step {
            Step::Asking(address) => self.verdicts.asked(&address),
            Step::Answered(Way::Port(doorway)) => self.verdicts.answered(&doorway.address),
            Step::Answered(Way::Known(_)) => self.known.answered(),
        }
    }

    fn judge(&mut self, way: &Way, failure: &Failure) {
        let (id, error) = (self.id, failure as &dyn std::error::Error);
        tracing::warn!(%id, ?way, error, "this did not lead to a helper");
        let retry = self.world.timing.retry;
        match way {
            Way::Port(doorway) => self.verdicts.failed(doorway, failure, retry),
            Way::Known(target) => self.known.failed(target, failure, &self.world.files, retry),
        }
    }

    /// What stands in the way, in one word: the same as before is no news.
    fn tell(&self) {
        let id = self.id;
        let timing = &self.world.timing;
        let ports = self.verdicts.obstacle(timing.patience);
        let observation = match self.known.beside(ports, timing.patience) {
            Some(Obstacle::Asking(address)) => Observation::PermissionAsked { id, address },
            Some(Obstacle::Trying(address)) => Observation::Connecting { id, address },
            Some(Obstacle::Withheld) => {
                let quiet = *self.setting.borrow() == Connect::Manual;
                Observation::ConnectOffered { id, offer: if quiet { Offer::Quiet } else { Offer::Asking } }
            }
            Some(Obstacle::Why(why)) => Observation::ConnectFailed { id, why },
            Some(Obstacle::Soon) => return,
            None if !self.looked => return,
            None => match id.pid() {
                Some(pid) if Instant::now() >= self.starting => {
                    let why = Why::NoCommandPort { line: line_to_paste(pid) };
                    Observation::ConnectFailed { id, why }
                }
                _ => return,
            },
        };
        self.world.registry.observe(&observation);
    }
}

/// The bootstrap. Where it opens a dialog, the artist is told before.
async fn bring_in(
    id: SessionId,
    doorway: &Doorway,
    world: &World,
    steps: &Steps,
) -> Result<HelperAddress, Failure> {
    // The connector is gone only with this attempt.
    let ask = || drop(steps.send(Step::Asking(doorway.address.clone())));
    if doorway.asks_the_artist() {
        if let SessionId::Added(address) = id {
            not_listed(address, world)?;
        }
        let before = async {
            ask();
            tell_first(&Observation::PermissionAsked { id, address: doorway.address.clone() }, world).await;
        };
        return bootstrap(doorway, &world.files, world.link, before).await.map_err(Failure::from);
    }
    let SessionId::Added(address) = id else {
        let outcome = timeout(HOLD, bootstrap(doorway, &world.files, world.link, async {})).await;
        return outcome.map_err(|_| Failure::Silent)?.map_err(Failure::from);
    };
    not_listed(address, world)?;
    // It may ask all the same: then it does so once, however long the answer takes.
    let connected = Notify::new();
    let asks = async {
        connected.notified().await;
        sleep(DIALOG_OPENS).await;
        ask();
        std::future::pending().await
    };
    tokio::select! {
        outcome = bootstrap(doorway, &world.files, world.link, async { connected.notify_one() }) => outcome.map_err(Failure::from),
        never = asks => never,
    }
}

/// Returns when the notice of this is on the desktop, or cannot be.
async fn tell_first(observation: &Observation, world: &World) {
    let Some(revision) = world.registry.observe(observation) else { return };
    let mut told = world.told.clone();
    if timeout(TELLING, told.wait_for(|told| *told >= revision)).await.is_err() {
        tracing::warn!("the artist could not be told in time that Maya is about to ask");
    }
}

/// A port of a Maya that was found by itself is that session's.
fn not_listed(address: SocketAddr, world: &World) -> Result<(), Failure> {
    let Some(owner) = address.ip().is_loopback().then(|| discovery::port_owner_pid(address.port())).flatten()
    else {
        return Ok(());
    };
    let snapshot = world.registry.snapshot();
    let listed = snapshot.sessions.keys().find(|id| id.pid() == Some(owner));
    listed.map_or(Ok(()), |id| Err(Failure::Listed(*id)))
}

impl From<BootstrapError> for Failure {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::Denied => Self::Denied,
            BootstrapError::NotMaya { .. } => Self::NotMaya(error),
            BootstrapError::Link(error) => Self::Link(error),
            BootstrapError::Port(PortError::TakenOver { .. }) => Self::TakenOver(error),
            BootstrapError::Port(PortError::Connect { .. }) => Self::Closed(error),
            error => Self::Bootstrap(error),
        }
    }
}
