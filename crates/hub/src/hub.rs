//! Composition: which part is given what, and the order of start and stop.

use std::{
    fs::{File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use maya_mcp_discovery::{Finder, FinderError, Scope, port_owner};
use maya_mcp_endpoint::{EndpointFile, EndpointSecret, Engine, Tokens, serve};
use maya_mcp_maya::{HelperFiles, HelperFilesError, Links};
use maya_mcp_notify::{Desktop, tell};
use maya_mcp_session::{Chooser, Observation, Registry, SessionId, Snapshot};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    Home, Settings, Timing,
    follow::{World, follow},
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
        let Options { home, settings, tokens, timing } = options;
        let lock = lock(&home)?;
        let listener = listen(settings.port, &home).await?;
        let address =
            listener.local_addr().map_err(|source| StartError::Listen { port: settings.port, source })?;
        let tokens = match tokens {
            TokenRule::Required => Some(Tokens::open(home.tokens()).map_err(StartError::Tokens)?),
            TokenRule::Insecure => None,
        };
        let files = HelperFiles::install(home.path())?;
        let finder = Finder::new(Scope { folders: settings.maya_folders })?;

        let registry = Registry::default();
        let links = Links::default();
        let proof = EndpointSecret::random();
        let stop = CancellationToken::new();
        let stop_on_drop = stop.clone().drop_guard();
        let tracker = TaskTracker::new();

        let engine = Engine {
            registry: registry.clone(),
            links: links.clone(),
            tokens,
            proof: proof.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let serving = serve(listener, engine, stop.clone());
        tracker.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the endpoint ended");
            }
        });
        if settings.notices {
            let telling = tell(registry.subscribe(), Desktop::default());
            let stop = stop.clone();
            tracker.spawn(async move {
                tokio::select! { () = telling => {}, () = stop.cancelled() => {} }
            });
        }
        let world = Arc::new(World {
            registry: registry.clone(),
            links: links.clone(),
            files,
            timing,
            stop: stop.clone(),
        });
        tracker.spawn(find(finder, world, tracker.clone()));

        // Last: whoever reads it finds everything running.
        let endpoint_file = EndpointFile::new(address, proof, env!("CARGO_PKG_VERSION"));
        endpoint_file
            .write(home.path())
            .map_err(|source| StartError::EndpointFile { home: home.path().to_owned(), source })?;
        tracing::info!(endpoint = endpoint_file.endpoint, home = %home.path().display(), "the engine runs");
        Ok(Self {
            registry,
            links,
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

    /// The artist's choice, in the tray or the window.
    pub fn choose(&self, session: Option<SessionId>) {
        self.registry.observe(&Observation::Chosen { by: Chooser::Artist, session });
    }

    /// Takes the helpers out of every Maya and ends all tasks.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        if timeout(STOPPING, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "some tasks did not end in time");
        }
        if let Err(error) = self.endpoint_file.remove(self.home.path()) {
            tracing::warn!(%error, "the endpoint's address could not be removed");
        }
        tracing::info!("the engine has stopped");
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

/// Looks around for new Mayas, and gives each a task of its own.
async fn find(mut finder: Finder, world: Arc<World>, tracker: TaskTracker) {
    let mut clock = interval(world.timing.look);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (ended_in, mut ended) = mpsc::unbounded_channel::<SessionId>();
    loop {
        tokio::select! {
            () = world.stop.cancelled() => return,
            // One message per session that ever ended: bounded by the sessions that live.
            Some(id) = ended.recv() => finder.forget(id),
            _ = clock.tick() => for process in finder.look() {
                let id = process.id;
                tracing::info!(%id, exe = ?process.exe, version = process.maya_version, "found a Maya");
                world.registry.observe(&Observation::ProcessFound(process));
                let following = follow(id, world.clone());
                let left = Left { id, links: world.links.clone(), told: ended_in.clone() };
                tracker.spawn(async move {
                    following.await;
                    drop(left);
                });
            },
        }
    }
}

/// However a session's task ends, by a fault of ours too: nobody is left waiting for it, and its process can be found again.
struct Left {
    id: SessionId,
    links: Links,
    told: mpsc::UnboundedSender<SessionId>,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.links.remove(self.id);
        // The finder is gone only when everything stops.
        let _ = self.told.send(self.id);
    }
}
