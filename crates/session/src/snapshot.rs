//! What is true now.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use crate::{Access, Asker, ClientName, Offer, Phase, ProcessId, Question, QuestionId, Rules, SessionId};

/// Every session, and who chose which. `revision` grows with each change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub revision: u64,
    pub sessions: BTreeMap<SessionId, Arc<Session>>,
    /// Only sessions that exist.
    pub choices: BTreeMap<Chooser, SessionId>,
    /// Clients whose session has ended, until they choose again: their next call must not go to another one's scene.
    pub ended_choices: BTreeMap<ClientName, SessionId>,
    /// Which client may do what in which session.
    pub rules: Rules,
    /// What clients want to be allowed; only in sessions that exist.
    pub questions: BTreeMap<QuestionId, Arc<Question>>,
    /// The last Mayas that crashed, the oldest first, until the artist has seen to it.
    pub crashes: Vec<Arc<Crash>>,
}

/// A Maya that ended without a good-bye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// As it was last.
    pub session: Arc<Session>,
    pub at: Timestamp,
    /// What it left of the artist's work, if that was found.
    pub recovered_scene: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub origin: Origin,
    pub phase: Phase,
    /// When the phase began.
    pub since: Timestamp,
    /// The command port that was used last.
    pub address: Option<Address>,
    /// Known from the first link on.
    pub facts: Option<Facts>,
    pub scene: Option<Scene>,
    /// How often a scene was seen, so that saving it again is a change too.
    pub scenes_seen: u64,
    /// What is selected in it; none unless somebody wants to know.
    pub selection: Option<Selected>,
    /// How the artist is told while it awaits *Connect*.
    pub offered: Offer,
}

impl Session {
    /// Of which nothing more is known.
    pub fn new(origin: Origin, since: Timestamp) -> Self {
        Self {
            origin,
            phase: Phase::Discovered,
            since,
            address: None,
            facts: None,
            scene: None,
            scenes_seen: 0,
            selection: None,
            offered: Offer::Quiet,
        }
    }

    pub fn id(&self) -> SessionId {
        self.origin.id()
    }

    pub fn process(&self) -> Option<&Process> {
        match &self.origin {
            Origin::Process(process) => Some(process),
            Origin::ByHand(_) => None,
        }
    }

    pub fn by_hand(&self) -> Option<&ByHand> {
        match &self.origin {
            Origin::Process(_) => None,
            Origin::ByHand(by_hand) => Some(by_hand),
        }
    }

    /// Added by hand, by an address of this machine.
    pub fn is_at_loopback(&self) -> bool {
        self.by_hand().is_some_and(|by_hand| by_hand.address.ip().is_loopback())
    }

    /// It belongs to another user of this machine.
    pub fn is_foreign(&self) -> bool {
        self.process().is_some_and(|process| process.foreign)
    }

    /// The helper knows better than the process' command line.
    pub fn is_batch(&self) -> bool {
        let process = || self.process().is_some_and(|process| process.batch);
        self.facts.as_ref().map_or_else(process, |facts| facts.batch)
    }

    pub fn user(&self) -> Option<&str> {
        let process = || self.process().and_then(|process| process.user.as_deref());
        self.facts.as_ref().map(|facts| facts.user.as_str()).or_else(process)
    }

    /// "Maya 2025", or "Maya" while nobody knows.
    pub fn title(&self) -> String {
        self.maya_version().map_or_else(|| "Maya".to_owned(), |version| format!("Maya {version}"))
    }

    pub fn maya_version(&self) -> Option<&str> {
        let process = || self.process().and_then(|process| process.maya_version.as_deref());
        self.facts.as_ref().map(|facts| facts.maya_version.as_str()).or_else(process)
    }
}

/// How we know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Process(Process),
    ByHand(ByHand),
}

impl Origin {
    pub fn id(&self) -> SessionId {
        match self {
            Self::Process(process) => process.id.into(),
            Self::ByHand(by_hand) => SessionId::Added(by_hand.address),
        }
    }
}

/// A command port that somebody named. Its Maya may come and go: the session stays until it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// As it was named; what it resolved to is `address`.
    pub host: String,
    pub by: Asker,
    pub address: SocketAddr,
}

/// What the operating system says of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub id: ProcessId,
    pub exe: Option<PathBuf>,
    pub user: Option<String>,
    /// From the installation's path; the helper knows better, later.
    pub maya_version: Option<String>,
    pub batch: bool,
    /// Another user's: it is listed, and nothing more.
    pub foreign: bool,
    /// Where it would leave a recovered scene.
    pub temp_folders: Vec<PathBuf>,
    /// For how long it had been running when it was found.
    pub age: Duration,
}

impl Process {
    /// Of which nothing more is known.
    pub fn new(id: ProcessId) -> Self {
        Self {
            id,
            exe: None,
            user: None,
            maya_version: None,
            batch: false,
            foreign: false,
            temp_folders: Vec::new(),
            age: Duration::ZERO,
        }
    }
}

/// What the helper says of its Maya.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Of the machine it runs on.
    pub pid: u32,
    pub helper_version: String,
    pub maya_version: String,
    pub python_version: String,
    pub user: String,
    pub host: String,
    pub batch: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scene {
    /// Empty for a scene that was never saved.
    pub name: String,
    pub path: String,
    pub modified: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    pub count: u64,
    /// The names of the first ones.
    pub first: Vec<String>,
}

/// Where a command port listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => Path::display(path).fmt(f),
        }
    }
}

/// Whoever can choose a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chooser {
    /// In the tray or the window; holds for every client that has not chosen by itself.
    Artist,
    Client(ClientName),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    #[error("No Maya is running. Once the artist starts one, it is found by itself within a second.")]
    NoneRunning,
    #[error(
        "{ended}, which you chose, has ended. Running now: {running}. Choose one of them with use_session, or call unuse_session."
    )]
    Ended { ended: SessionId, running: String },
    #[error("There is no session \"{wanted}\". Running now: {running}.")]
    Unknown { wanted: String, running: String },
    #[error(
        "Several Mayas are running: {running}. Say which with `session`, or choose one with use_session."
    )]
    Ambiguous { running: String },
}

impl Snapshot {
    /// The session that a call without `wanted` goes to: the client's own choice, else the artist's, else the only one.
    pub fn resolve(
        &self,
        client: Option<&ClientName>,
        wanted: Option<&str>,
    ) -> Result<Arc<Session>, ChoiceError> {
        if let Some(wanted) = wanted {
            return self
                .find(wanted)
                .ok_or_else(|| ChoiceError::Unknown { wanted: wanted.to_owned(), running: self.running() });
        }
        if let Some(ended) = client.and_then(|name| self.ended_choices.get(name)) {
            return Err(ChoiceError::Ended { ended: *ended, running: self.running() });
        }
        let chosen = client.and_then(|name| self.choices.get(&Chooser::Client(name.clone())));
        if let Some(session) =
            chosen.or_else(|| self.choices.get(&Chooser::Artist)).and_then(|id| self.sessions.get(id))
        {
            return Ok(session.clone());
        }
        // Another user's is nobody's to work in, and what was added by hand may not be there.
        let counts = |session: &&Arc<Session>| {
            !session.is_foreign() && (session.by_hand().is_none() || session.phase.is_linked())
        };
        let mut sessions = self.sessions.values().filter(counts);
        match (sessions.next(), sessions.next()) {
            (None, _) => Err(ChoiceError::NoneRunning),
            (Some(only), None) => Ok(only.clone()),
            (Some(_), Some(_)) => Err(ChoiceError::Ambiguous { running: self.running() }),
        }
    }

    /// By "maya-8453", or by "host:port" where that is one session's alone: an address can be taken over.
    pub fn find(&self, name: &str) -> Option<Arc<Session>> {
        let name = name.trim().to_ascii_lowercase().replace("localhost:", "127.0.0.1:");
        let name = if name.parse::<u32>().is_ok() { format!("maya-{name}") } else { name };
        let named = |session: &&Arc<Session>| {
            session.id().to_string() == *name
                || session.address.as_ref().is_some_and(|address| address.to_string() == *name)
                || session
                    .by_hand()
                    .is_some_and(|port| format!("{}:{}", port.host, port.address.port()) == name)
        };
        let mut found = self.sessions.values().filter(named);
        found.next().filter(|_| found.next().is_none()).cloned()
    }

    pub fn crash(&self, id: SessionId) -> Option<&Arc<Crash>> {
        self.crashes.iter().find(|crash| crash.session.id() == id)
    }

    /// What this client has asked, if it was just this.
    pub fn question(&self, client: &ClientName, session: SessionId, digest: &str) -> Option<&Arc<Question>> {
        let same = |question: &&Arc<Question>| {
            question.client == *client && question.session == session && question.wanted.digest == digest
        };
        self.questions.values().find(same)
    }

    /// What waits for the artist, the oldest first. Where a rule was made meanwhile, it is the answer.
    pub fn open_questions(&self) -> impl Iterator<Item = &Arc<Question>> {
        let is_theirs =
            |question: &&Arc<Question>| self.rules.access(&question.client, question.session) == Access::Ask;
        self.questions.values().filter(|question| question.answer.is_none()).filter(is_theirs)
    }

    fn running(&self) -> String {
        if self.sessions.is_empty() {
            return "none".to_owned();
        }
        let names: Vec<_> = self.sessions.values().map(|s| format!("{} ({})", s.id(), s.title())).collect();
        names.join(", ")
    }
}
