//! Composition: which part is given what, and the order of start and stop.

use std::{
    fs::{File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use maya_mcp_discovery::{self as discovery, Finder, FinderError, Scope, Users, is_alive, port_owner};
use maya_mcp_endpoint::{
    AuditLog, EndpointFile, EndpointSecret, Engine, FurtherStatus, Patience, Tokens, serve,
};
use maya_mcp_maya::{HelperFiles, HelperFilesError, Links, Outputs};
use maya_mcp_notify::{Numbers, Subscribers, recent};
use maya_mcp_session::{
    Access, Answer, Chooser, Commands, EventInfo, Filter, Observation, QuestionId, Refused, Registry,
    Scope as Whom, SessionId, Snapshot,
};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    Connect, Home, Settings, SettingsError, Timing, Wishes,
    artist::Artist,
    follow::World,
    looks::Looks,
    memory::{Memory, remember},
    outlets::{Around, Outlets, Wanted, open_log},
    sessions::{Remote, Sessions},
    settings,
};

/// Farewells to every helper included.
const STOPPING: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRule {
    Required,
    /// For conformance runs only: anybody on this machine may call.
    Insecure,
}

#[derive(Debug)]
pub struct Options {
    pub home: Home,
    pub settings: Settings,
    pub tokens: TokenRule,
    pub timing: Timing,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "port {port} on this machine is taken{}; end that program, or set another \"port\" in {settings}",
        owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default()
    )]
    PortTaken { port: u16, owner: Option<String>, settings: PathBuf },
    #[error(
        "Maya MCP Tray runs already with the folder {home}{}; end that one, or give this one another folder with --home",
        running.as_ref().map(|running| format!(" ({running})")).unwrap_or_default()
    )]
    HomeInUse { home: PathBuf, running: Option<String> },
    #[error("locking {path}")]
    Lock { path: PathBuf, source: io::Error },
    #[error("listening on 127.0.0.1:{port}")]
    Listen { port: u16, source: io::Error },
    #[error("writing the endpoint's address into {home}")]
    EndpointFile { home: PathBuf, source: io::Error },
    #[error("opening the clients' tokens")]
    Tokens(#[source] io::Error),
    #[error(transparent)]
    Helper(#[from] HelperFilesError),
    #[error(transparent)]
    Finder(#[from] FinderError),
}

/// The running engine. Dropping it without [`Hub::stop`] ends its tasks without waiting for them.
#[derive(Debug)]
pub struct Hub {
    registry: Registry,
    links: Links,
    commands: Commands,
    artist: Artist,
    wishes: Wishes,
    outlets: Outlets,
    connect: watch::Sender<Connect>,
    endpoint_file: EndpointFile,
    home: Home,
    stop: CancellationToken,
    tracker: TaskTracker,
    /// A start that fails half-way ends what it has begun.
    _stop_on_drop: DropGuard,
    /// One engine per home: held for as long as it runs, and let go by the system however it ends.
    _lock: File,
}

impl Hub {
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { home, settings, tokens, mut timing } = options;
        if let Some(seconds) = settings.not_responding_after_s {
            timing.not_responding = Duration::from_secs(seconds.get());
        }
        let ground = Ground::prepare(&home, &settings, tokens).await?;
        let Ground { lock, listener, address, tokens, files, finder, memory } = ground;
        let wishes = Wishes::new(home.settings(), &settings);

        let kept = open_log(&home, settings.keep_events_days);
        let registry = Registry::beginning_at(kept.begin_at);
        // Before anybody can call.
        let artist = Artist::speaks(&registry, home.settings(), settings.access, &memory);
        let links = Links::default();
        let outputs = Outputs::default();
        let proof = EndpointSecret::random();
        let stop = CancellationToken::new();
        let stop_on_drop = stop.clone().drop_guard();
        let tracker = TaskTracker::new();
        let (commands, commanded) = Commands::new();
        let (connect, connect_now) = watch::channel(settings.connect);

        let (looks, beat) = Looks::begin(finder, &timing, &tracker);
        let heartbeat = settings.heartbeat(timing.least_heartbeat);
        let outlets = Outlets::begin(
            kept,
            Wanted { webhooks: settings.webhooks, heartbeat },
            Around {
                home: &home,
                registry: &registry,
                commands: &commands,
                wishes: &wishes,
                beat: beat.clone(),
                tracker: &tracker,
                stop: &stop,
            },
        );

        let status = outlets.clone();
        let engine = Engine {
            registry: registry.clone(),
            links: links.clone(),
            outputs: outputs.clone(),
            commands: commands.clone(),
            tokens,
            proof: proof.clone(),
            patience: Patience::default(),
            audit: Some(AuditLog { path: home.audit(), text: settings.audit }),
            log: outlets.log.clone().ok(),
            numbers: outlets.numbers.clone(),
            further_status: FurtherStatus::new(move || status.status()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let serving = serve(listener, engine, stop.clone());
        tracker.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the endpoint ended");
            }
        });
        tracker.spawn(remember(home.remembered(), memory.clone(), registry.watch(), stop.clone()));
        let remote = if settings.remote_hosts {
            Remote::Allowed
        } else {
            Remote::Refused { settings: home.settings().display().to_string() }
        };
        let remembered = memory.added.clone();
        let world = Arc::new(World {
            registry: registry.clone(),
            links: links.clone(),
            outputs,
            files,
            link: settings.link,
            timing,
            memory,
            connect: connect_now,
            told: outlets.told.clone(),
            selection_events: settings.selection_events,
            beat,
            stop: stop.clone(),
        });
        let sessions = Sessions::new(looks, world, tracker.clone(), remote, artist.clone());
        tracker.spawn(sessions.run(remembered, commanded));

        // Last: whoever reads it finds everything running.
        let endpoint_file = EndpointFile::new(address, proof, env!("CARGO_PKG_VERSION"));
        endpoint_file
            .write(home.path())
            .map_err(|source| StartError::EndpointFile { home: home.path().to_owned(), source })?;
        tracing::info!(endpoint = endpoint_file.endpoint, home = %home.path().display(), "the engine runs");
        Ok(Self {
            registry,
            links,
            commands,
            artist,
            wishes,
            outlets,
            connect,
            endpoint_file,
            home,
            stop,
            tracker,
            _stop_on_drop: stop_on_drop,
            _lock: lock,
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint_file.endpoint
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn links(&self) -> &Links {
        &self.links
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.registry.watch()
    }

    /// How many tasks run: those of the engine itself, and one for each session.
    pub fn tasks(&self) -> usize {
        self.tracker.len()
    }

    /// The artist's choice, in the tray or the window.
    pub fn choose(&self, session: Option<SessionId>) {
        self.registry.observe(&Observation::Chosen { by: Chooser::Artist, session });
    }

    /// The artist's rule, from now on; none takes it back.
    pub fn set_access(&self, scope: Whom, access: Option<Access>) -> Result<(), Refused> {
        self.artist.set_access(scope, access)
    }

    /// The artist's answer to a client's question.
    pub fn answer(&self, question: QuestionId, answer: Answer) -> Result<(), Refused> {
        self.artist.answer(question, answer)
    }

    /// What the artist wants to be told on the desktop.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// What was told to whom.
    pub fn numbers(&self) -> &Numbers {
        &self.outlets.numbers
    }

    /// For code that wants to hear of events.
    pub fn subscribers(&self) -> &Subscribers {
        &self.outlets.subscribers
    }

    /// Gives so many of the latest events, also of the time before this engine began. It blocks for as long as the disk does.
    pub fn recent_events(&self) -> impl FnOnce(Filter, usize) -> Vec<EventInfo> + use<> {
        let (registry, log) = (self.registry.clone(), self.outlets.log.clone());
        move |filter, last| recent(&registry, log.as_ref().ok(), filter, last).events
    }

    /// What people may ask for beside choosing.
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// What happens when a Maya is found.
    pub fn connect(&self) -> Connect {
        *self.connect.borrow()
    }

    pub fn watch_connect(&self) -> watch::Receiver<Connect> {
        self.connect.subscribe()
    }

    /// From now on, and after a restart.
    pub fn set_connect(&self, connect: Connect) -> Result<(), SettingsError> {
        settings::set(self.home.settings(), "connect", connect)?;
        self.connect.send_replace(connect);
        Ok(())
    }

    /// Takes the helpers out of every Maya and ends all tasks.
    pub async fn stop(self) {
        // First: the bridges start again what ends without taking its address away.
        if let Err(error) = self.endpoint_file.remove(self.home.path()) {
            tracing::warn!(%error, "the endpoint's address could not be removed");
        }
        self.stop.cancel();
        self.tracker.close();
        if timeout(STOPPING, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "some tasks did not end in time");
        }
        tracing::info!("the engine has stopped");
    }
}

/// What has to be there before anything runs.
struct Ground {
    lock: File,
    listener: TcpListener,
    address: SocketAddr,
    tokens: Option<Tokens>,
    files: HelperFiles,
    finder: Finder,
    memory: Memory,
}

impl Ground {
    async fn prepare(home: &Home, settings: &Settings, tokens: TokenRule) -> Result<Self, StartError> {
        let lock = lock(home)?;
        let port = settings.port;
        let listener = listen(port, home).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { port, source })?;
        let tokens = match tokens {
            TokenRule::Required => Some(Tokens::open(home.tokens()).map_err(StartError::Tokens)?),
            TokenRule::Insecure => None,
        };
        let files = HelperFiles::install(home.path())?;
        let users = if settings.all_users { Users::Everybody } else { Users::Mine };
        let finder = Finder::new(Scope { folders: settings.maya_folders.clone(), users })?;
        files.forget_old_announcements(|pid| discovery::started_at(pid).is_some());
        let memory = Memory::read(&home.remembered(), is_alive);
        Ok(Self { lock, listener, address, tokens, files, finder, memory })
    }
}

fn lock(home: &Home) -> Result<File, StartError> {
    let path = home.path().join("lock");
    let failed = |source| StartError::Lock { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let running = EndpointFile::read(home.path()).ok();
            let running = running.map(|running| format!("pid {}, {}", running.pid, running.endpoint));
            Err(StartError::HomeInUse { home: home.path().to_owned(), running })
        }
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

async fn listen(port: u16, home: &Home) -> Result<TcpListener, StartError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => {
            StartError::PortTaken { port, owner: port_owner(port), settings: home.settings() }
        }
        _ => StartError::Listen { port, source },
    })
}
