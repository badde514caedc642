//! Gives every Maya a task of its own, and carries out what people ask for beside choosing one.
//!
//! Invariant: a session that is listed has a task, and only one; however that task ends, nobody is left waiting for it.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use maya_mcp_discovery as discovery;
use maya_mcp_maya::{Links, Outputs};
use maya_mcp_session::{
    AddError, Added, Address, Asker, ByHand, Command, Crash, Observation, Origin, Refused, Session, SessionId,
};
use tokio::{
    net::lookup_host,
    sync::{mpsc, oneshot, watch},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    artist::Artist,
    follow::{World, follow},
    looks::Looks,
    memory::{Port, Rule},
    recovered,
};

/// A network that is not up yet, as after a login.
const RESOLVE_AGAIN: Duration = Duration::from_secs(30);

/// More than any studio's desk has; each costs a little all the time.
const MOST_BY_HAND: usize = 32;
/// What was removed a moment ago is still saying good-bye.
const ENDING: Duration = Duration::from_millis(50);
/// In the notice and in the tray, or by a double click: two Mayas on one file would be one too many.
const PRESSED_TWICE: Duration = Duration::from_secs(10);

pub struct Sessions {
    looks: Looks,
    world: Arc<World>,
    tracker: TaskTracker,
    /// Where remote Mayas are allowed, and what to tell where they are not.
    remote: Remote,
    artist: Artist,
    /// The crashes whose recovered scene was opened a moment ago.
    opened: Arc<Mutex<HashMap<SessionId, Instant>>>,
    /// Of the time before this engine, about Mayas that have not been seen since.
    rules: Vec<Rule>,
    tasks: HashMap<SessionId, Task>,
    /// One message per session that ever ended: bounded by the sessions that live.
    left: (mpsc::UnboundedSender<SessionId>, mpsc::UnboundedReceiver<SessionId>),
    /// Hosts that have been looked up, with whoever asked.
    resolved: (mpsc::UnboundedSender<Resolved>, mpsc::UnboundedReceiver<Resolved>),
}

#[derive(Debug, Clone)]
pub enum Remote {
    Allowed,
    /// Set `remote_hosts` in this file.
    Refused {
        settings: String,
    },
}

struct Task {
    presses: watch::Sender<u64>,
    stop: CancellationToken,
}

type AddReply = oneshot::Sender<Result<Added, AddError>>;

struct Resolved {
    port: Port,
    addresses: Vec<SocketAddr>,
    by: Asker,
    /// None for what was remembered.
    reply: Option<AddReply>,
}

impl Sessions {
    pub fn new(
        looks: Looks,
        world: Arc<World>,
        tracker: TaskTracker,
        remote: Remote,
        artist: Artist,
    ) -> Self {
        let (left, resolved) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (rules, opened) = (world.memory.session_rules(), Arc::default());
        Self { looks, world, tracker, remote, artist, opened, rules, tasks: HashMap::new(), left, resolved }
    }

    /// Runs until the engine stops.
    pub async fn run(mut self, remembered: BTreeSet<Port>, mut commands: mpsc::Receiver<Command>) {
        for port in remembered {
            match self.may_look_up(&port) {
                Ok(()) => self.look_up_until_found(port),
                Err(error) => tracing::warn!(host = port.host, %error, "a remembered Maya is left alone"),
            }
        }
        loop {
            tokio::select! {
                () = self.world.stop.cancelled() => return,
                Some(id) = self.left.1.recv() => self.forget(id),
                Some(command) = commands.recv() => self.carry_out(command),
                Some(resolved) = self.resolved.1.recv() => self.add(resolved),
                process = self.looks.next() => {
                    let id = process.id;
                    tracing::info!(%id, exe = ?process.exe, version = process.maya_version, "found a Maya");
                    self.begin(Origin::Process(process));
                }
            }
        }
    }

    fn begin(&mut self, origin: Origin) {
        let world = self.world.clone();
        let id = origin.id();
        let observation = match &origin {
            Origin::Process(process) => Observation::ProcessFound(process.clone()),
            Origin::ByHand(by_hand) => Observation::AddedByHand(by_hand.clone()),
        };
        world.outputs.begin(id);
        world.registry.observe(&observation);
        for chosen in world.memory.chosen(id, &world.registry.snapshot()) {
            world.registry.observe(&chosen);
        }
        for rule in self.rules.extract_if(.., |rule| rule.is_about(id)).filter_map(|rule| rule.observation())
        {
            world.registry.observe(&rule);
        }
        let (presses, asked) = watch::channel(0);
        let stop = world.stop.child_token();
        let following = follow(origin, asked, stop.clone(), world);
        self.tasks.insert(id, Task { presses, stop });
        let left = Left {
            id,
            links: self.world.links.clone(),
            outputs: self.world.outputs.clone(),
            told: self.left.0.clone(),
        };
        self.tracker.spawn(async move {
            following.await;
            drop(left);
        });
    }

    fn forget(&mut self, id: SessionId) {
        self.tasks.remove(&id);
        if let SessionId::Process(process) = id {
            self.looks.forget(process);
        }
    }

    fn carry_out(&mut self, command: Command) {
        // Whoever asked may have gone since; what was asked is done all the same.
        match command {
            Command::Connect { id, reply } => {
                let _ = reply.send(self.connect(id));
            }
            Command::Remove { id, reply } => {
                let _ = reply.send(self.remove(id));
            }
            Command::Add { host, port, by, reply } => self.look_up(Port { host, port }, by, reply),
            Command::Answer { id, answer, reply } => {
                let _ = reply.send(self.artist.answer(id, answer));
            }
            // It stays until the scene is seen open: a Maya that was only started may end at once.
            Command::OpenRecovered { id, reply } => {
                let opened = self.opened.clone();
                self.with_crash(id, reply, move |crash| {
                    recovered::scene_of(crash)?;
                    // Held while it is started: of two presses the second one waits, and finds it done.
                    let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
                    opened.retain(|_, at| at.elapsed() < PRESSED_TWICE);
                    if let Entry::Vacant(first) = opened.entry(id) {
                        recovered::open(crash)?;
                        first.insert(Instant::now());
                    }
                    Ok(())
                });
            }
            Command::ShowRecovered { id, reply } => self.with_crash(id, reply, recovered::show),
            Command::CloseCrash { id, reply } => {
                let known = self.world.registry.snapshot().crash(id).map(drop).ok_or(Refused::Gone);
                self.world.registry.observe(&Observation::CrashClosed { id });
                let _ = reply.send(known);
            }
            Command::SetAccess { scope, access, reply } => {
                // It may write a file.
                let artist = self.artist.clone();
                self.tracker.spawn_blocking(move || reply.send(artist.set_access(scope, access)));
            }
        }
    }

    /// It may take a while: another program is started, or asked.
    fn with_crash(
        &self,
        id: SessionId,
        reply: oneshot::Sender<Result<(), Refused>>,
        work: impl FnOnce(&Crash) -> Result<(), Refused> + Send + 'static,
    ) {
        let crash = self.world.registry.snapshot().crash(id).cloned();
        self.tracker.spawn_blocking(move || {
            let done = crash.as_deref().ok_or(Refused::NothingRecovered).and_then(work);
            let _ = reply.send(done);
        });
    }

    fn connect(&self, id: SessionId) -> Result<(), Refused> {
        let task = self.tasks.get(&id).ok_or(Refused::Gone)?;
        let snapshot = self.world.registry.snapshot();
        let phase = snapshot.sessions.get(&id).ok_or(Refused::Gone)?.phase.clone();
        if !phase.can_connect() {
            return Err(Refused::NotNeeded { id, phase });
        }
        task.presses.send_modify(|count| *count += 1);
        Ok(())
    }

    fn remove(&mut self, id: SessionId) -> Result<(), Refused> {
        if !matches!(id, SessionId::Added(_)) {
            return Err(Refused::NotAddedByHand(id));
        }
        // Its entry goes with the task itself.
        self.tasks.get(&id).ok_or(Refused::Gone)?.stop.cancel();
        let removed = self.world.registry.observe(&Observation::Removed { id });
        removed.map(drop).ok_or(Refused::Gone)
    }

    fn look_up(&self, port: Port, by: Asker, reply: AddReply) {
        if let Err(error) = self.may_look_up(&port) {
            let _ = reply.send(Err(error));
            return;
        }
        let (resolved, stop) = (self.resolved.0.clone(), self.world.stop.clone());
        self.tracker.spawn(async move {
            let Some(addresses) = stop.run_until_cancelled(addresses_of(&port)).await else { return };
            // Received for as long as the engine runs.
            let _ = resolved.send(Resolved { port, addresses, by, reply: Some(reply) });
        });
    }

    /// A name is asked for on the network only where machines of the network are allowed.
    fn may_look_up(&self, port: &Port) -> Result<(), AddError> {
        let host = port.host.as_str();
        let added = self.tasks.keys().filter(|id| matches!(id, SessionId::Added(_))).count();
        match &self.remote {
            _ if port.port == 0 => Err(AddError::NoPort),
            _ if added >= MOST_BY_HAND => Err(AddError::TooMany(MOST_BY_HAND)),
            Remote::Refused { settings }
                if !host.eq_ignore_ascii_case("localhost") && plain(host).parse::<IpAddr>().is_err() =>
            {
                Err(AddError::NotAllowed { host: host.to_owned(), settings: settings.clone() })
            }
            _ => Ok(()),
        }
    }

    fn look_up_until_found(&self, port: Port) {
        let (resolved, stop) = (self.resolved.0.clone(), self.world.stop.clone());
        let looking = async move {
            loop {
                let addresses = addresses_of(&port).await;
                if !addresses.is_empty() {
                    let _ = resolved.send(Resolved { port, addresses, by: Asker::Artist, reply: None });
                    return;
                }
                sleep(RESOLVE_AGAIN).await;
            }
        };
        self.tracker.spawn(async move { stop.run_until_cancelled(looking).await });
    }

    fn add(&mut self, resolved: Resolved) {
        let is_ending = |address: &SocketAddr| {
            self.tasks.get(&SessionId::Added(*address)).is_some_and(|task| task.stop.is_cancelled())
        };
        if resolved.addresses.iter().any(is_ending) {
            let again = self.resolved.0.clone();
            self.tracker.spawn(async move {
                sleep(ENDING).await;
                let _ = again.send(resolved);
            });
            return;
        }
        let Resolved { port, addresses, by, reply } = resolved;
        let outcome = self.try_add(&port, &addresses, by);
        if let Err(error) = &outcome {
            tracing::warn!(host = port.host, port = port.port, %error, "this Maya was not added");
        }
        if let Some(reply) = reply {
            let _ = reply.send(outcome);
        }
    }

    fn try_add(&mut self, port: &Port, addresses: &[SocketAddr], by: Asker) -> Result<Added, AddError> {
        let host = || port.host.clone();
        // Maya listens on IPv4 unless it is told otherwise.
        let ipv4 = addresses.iter().find(|address| address.is_ipv4());
        let address = *ipv4.or(addresses.first()).ok_or_else(|| AddError::UnknownHost { host: host() })?;
        let remote = !address.ip().is_loopback();
        if let (true, Remote::Refused { settings }) = (remote, &self.remote) {
            return Err(AddError::NotAllowed { host: host(), settings: settings.clone() });
        }
        if let Some(id) = self.listed(address) {
            return Err(AddError::Listed { port: port.port, id });
        }
        self.begin(Origin::ByHand(ByHand { host: host(), by, address }));
        Ok(Added { id: SessionId::Added(address), remote })
    }

    /// The session that this port belongs to already.
    fn listed(&self, address: SocketAddr) -> Option<SessionId> {
        let snapshot = self.world.registry.snapshot();
        let owner = address.ip().is_loopback().then(|| discovery::port_owner_pid(address.port())).flatten();
        let is_it = |session: &&Arc<Session>| {
            let id = session.id();
            id == SessionId::Added(address)
                || session.address == Some(Address::Tcp(address))
                || owner.is_some() && id.pid() == owner
                || owner.is_some()
                    && session.is_at_loopback()
                    && session.facts.as_ref().map(|f| f.pid) == owner
        };
        snapshot.sessions.values().find(is_it).map(|session| session.id())
    }
}

/// As people write IPv6.
fn plain(host: &str) -> &str {
    host.trim().trim_start_matches('[').trim_end_matches(']')
}

async fn addresses_of(port: &Port) -> Vec<SocketAddr> {
    lookup_host((plain(&port.host), port.port)).await.map(Iterator::collect).unwrap_or_default()
}

/// However a session's task ends, by a fault of ours too: nobody is left waiting for it, and its process can be found again.
struct Left {
    id: SessionId,
    links: Links,
    outputs: Outputs,
    told: mpsc::UnboundedSender<SessionId>,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.links.remove(self.id);
        self.outputs.forget(self.id);
        // The receiver is gone only when everything stops.
        let _ = self.told.send(self.id);
    }
}
