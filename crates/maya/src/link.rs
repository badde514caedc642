//! The link: our own connection to a session's helper, and those of the clients beside it.
//!
//! Invariant: every request is answered, by the helper or by the link's end; nobody waits for a dead Maya. All connections end with the link.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use maya_mcp_session::{Facts, Scene, SceneReason};
use tokio::{sync::mpsc, task::JoinSet, time::sleep};

use crate::{
    clients::{Client, Clients, Newcomer},
    connection::Connection,
    frame::FrameError,
    methods::Selection,
    output::Stream,
    proof::{Key, Secret},
    protocol::{Refusal, WireFacts},
    request::{self, Calls, Inbox},
};

/// What was under way when the link ended may have been answered just before.
const LAST_ANSWERS: Duration = Duration::from_millis(100);

/// Where a helper listens, and what opens it.
#[derive(Debug, Clone)]
pub struct HelperAddress {
    pub address: SocketAddr,
    pub access: Access,
}

impl HelperAddress {
    /// The same port, opened by the same secret.
    pub fn is_the_same(&self, other: &Self) -> bool {
        let same = match (&self.access, &other.access) {
            (Access::Secret(one), Access::Secret(two)) => one.to_hex() == two.to_hex(),
            _ => false,
        };
        same && self.address == other.address
    }
}

#[derive(Debug, Clone)]
pub enum Access {
    /// Proven by both sides, at a port of the helper's own.
    Secret(Secret),
    /// Told with every message, at a command port of Maya's.
    Key(Key),
}

/// What the helper tells at the beginning.
#[derive(Debug, Clone)]
pub struct Welcome {
    pub facts: Facts,
    pub scene: Scene,
    /// Which build of the helper it is, if it says so.
    pub build: Option<String>,
}

impl From<WireFacts> for Welcome {
    fn from(mut facts: WireFacts) -> Self {
        let build = facts.build.take();
        let (facts, scene) = facts.split();
        Self { facts, scene, build }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    Scene {
        reason: SceneReason,
        scene: Scene,
    },
    MainThreadFree,
    Stranger {
        address: String,
        why: String,
    },
    /// The helper says good-bye, and the connection ends behind it, if nobody else holds it open.
    Farewell(Farewell),
    /// Only where it was subscribed to, as the next one.
    Selection(Selection),
    /// What Maya shows in its Script Editor.
    Output {
        stream: Stream,
        text: String,
    },
}

/// How a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    Goodbye(Farewell),
    BrokenOff,
    /// A command port of Maya's was closed: it says no good-bye, whatever the reason.
    PortClosed,
}

/// Why a helper says good-bye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    MayaExiting,
    /// Another engine has put another build of the helper in.
    Replaced,
    /// Everybody has let it go, or somebody took it out.
    Left,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("opening the link to the helper")]
    Connect(#[source] io::Error),
    #[error("the port does not know our secret, so it is not our helper")]
    Impostor,
    #[error("the helper's answer could not be read")]
    Frame(#[from] FrameError),
    #[error("the helper refused the request: {kind}: {message}")]
    Refused { kind: Refusal, message: String },
    #[error("no connection could be opened for this client")]
    NoConnection(#[source] Arc<Self>),
    #[error("Maya or its helper went away")]
    Closed,
}

/// The handle: cheap to clone, used by any number of tasks at once.
#[derive(Debug, Clone)]
pub struct Link {
    pub(crate) calls: Calls,
    clients: Arc<Clients>,
}

impl Link {
    /// Connects and proves both sides. The task must be run for the handle to do anything. Waits as long as the other side does (Maya may hold
    /// Python's lock, or its main thread may work): the caller has the clock. What opens a port of Maya's does so once.
    pub async fn open(helper: &HelperAddress) -> Result<(Self, LinkTask, Welcome), LinkError> {
        let (connection, welcome) = Connection::open(helper).await?;
        let (calls, inbox) = request::channel();
        let (clients, newcomers) = Clients::new();
        let clients = Arc::new(clients);
        let task = LinkTask { helper: helper.clone(), connection, inbox, newcomers };
        Ok((Self { calls, clients }, task, welcome.into()))
    }

    /// What one MCP client asks of this Maya goes over a connection of its own, which is opened when it is first used, and kept.
    pub fn client(&self, name: &str) -> Client {
        Client::new(self.clone(), name.into())
    }

    pub(crate) fn calls_of(&self, client: &Arc<str>) -> Calls {
        self.clients.calls_of(client, &self.calls)
    }
}

/// Carries what is asked until the connection or every handle is gone.
#[derive(Debug)]
pub struct LinkTask {
    helper: HelperAddress,
    connection: Connection,
    inbox: Inbox,
    newcomers: mpsc::UnboundedReceiver<Newcomer>,
}

impl LinkTask {
    pub async fn run(self, events: mpsc::Sender<LinkEvent>) -> LinkEnd {
        let Self { helper, connection, inbox, mut newcomers } = self;
        let helper = Arc::new(helper);
        // Tasks of their own, so that a large answer to one keeps nobody else from his.
        let mut clients = JoinSet::new();
        let mut running = std::pin::pin!(connection.run(inbox, Some(events)));
        let end = loop {
            tokio::select! {
                end = &mut running => break end,
                Some(newcomer) = newcomers.recv() => {
                    clients.spawn(newcomer.serve(helper.clone()));
                }
                Some(_) = clients.join_next() => {}
            }
        };
        drop(newcomers);
        let answered = async { while clients.join_next().await.is_some() {} };
        tokio::select! { () = answered => {}, () = sleep(LAST_ANSWERS) => {} }
        end
    }
}
