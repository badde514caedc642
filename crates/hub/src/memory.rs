//! What is known again after a restart: the Mayas added by hand, who works in which session, who may do what, and what artists
//! allowed and denied. Questions are not: whoever asked is gone by then.
//!
//! Invariant: the file follows the registry's snapshots, and nothing but them is written into it; nothing of a process that has ended stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use maya_mcp_endpoint::{OnConflict, write_private};
use maya_mcp_maya::asks_the_artist;
use maya_mcp_session::{
    Access, Asker, ByHand, Chooser, ClientName, Observation, Phase, ProcessId, Scope, Session, SessionId,
    Snapshot, Why,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::settings::without_mark;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Added by hand.
    pub added: BTreeSet<Port>,
    /// Which session each client chose.
    choices: BTreeMap<String, SessionId>,
    /// Which one the artist chose.
    artist: Option<SessionId>,
    /// Mayas whose security dialog was opened, and not answered yet.
    asked: BTreeSet<SessionId>,
    /// Mayas whose artist has said no in it.
    denied: BTreeSet<SessionId>,
    /// The artist's rules for clients, for good.
    clients: BTreeMap<String, Access>,
    /// The artist's rules about sessions, for as long as those live.
    rules: Vec<Rule>,
    #[serde(skip)]
    is_lost: bool,
}

/// What everybody, or one client, may do in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    session: SessionId,
    client: Option<String>,
    access: Access,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Port {
    pub host: String,
    pub port: u16,
}

/// What an artist said of this Maya before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Or yes: whether that was for this once or for good, nobody can see.
    Nothing,
    /// The dialog was opened; no answer was seen.
    NothingYet,
    No,
}

impl Memory {
    /// What cannot be read is kept aside, and what it held can be said again; nobody is allowed more by it than to look, where it was about that.
    pub fn read(path: &Path, is_alive: impl Fn(ProcessId) -> bool) -> Self {
        let mut memory = match fs::read(path) {
            Ok(bytes) => Self::parse(&bytes).unwrap_or_else(|error| {
                let aside = path.with_extension("json.unreadable");
                let kept = fs::rename(path, &aside).is_ok();
                tracing::error!(path = %path.display(), %error, kept, aside = %aside.display(), "what was remembered cannot be read");
                Self { is_lost: true, ..Self::default() }
            }),
            Err(error) => {
                let is_lost = error.kind() != io::ErrorKind::NotFound;
                if is_lost {
                    tracing::error!(path = %path.display(), %error, "what was remembered cannot be read");
                }
                Self { is_lost, ..Self::default() }
            }
        };
        let lives = |id: &SessionId| match id {
            SessionId::Process(process) => is_alive(*process),
            SessionId::Added(_) => true,
        };
        memory.choices.retain(|_, id| lives(id));
        memory.artist = memory.artist.filter(lives);
        memory.asked.retain(lives);
        memory.denied.retain(lives);
        memory.rules.retain(|rule| lives(&rule.session));
        memory
    }

    /// A rule in a word that is not known, of a later version or a slip of the hand, is the strictest one.
    fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        let mut value: Value = serde_json::from_slice(without_mark(bytes))?;
        let strict = |access: &mut Value| {
            if serde_json::from_value::<Access>(access.clone()).is_err() {
                tracing::warn!(%access, "an access mode that is not known counts as look_only");
                *access = Value::from(Access::LookOnly.name());
            }
        };
        if let Some(clients) = value.get_mut("clients").and_then(Value::as_object_mut) {
            clients.values_mut().for_each(strict);
        }
        if let Some(rules) = value.get_mut("rules").and_then(Value::as_array_mut) {
            rules.iter_mut().filter_map(|rule| rule.get_mut("access")).for_each(strict);
        }
        serde_json::from_value(value)
    }

    /// True when the artist's rules may have been in a file that could not be read.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = format!("{:#}\n", serde_json::to_value(self).expect("our own types always serialize"));
        write_private(path, text.as_bytes(), OnConflict::Replace)
    }

    pub fn said(&self, id: SessionId) -> Said {
        if self.denied.contains(&id) {
            Said::No
        } else if self.asked.contains(&id) {
            Said::NothingYet
        } else {
            Said::Nothing
        }
    }

    /// What was chosen before, to be observed when this session appears; whoever has chosen since, has.
    pub fn chosen(&self, id: SessionId, now: &Snapshot) -> Vec<Observation> {
        let clients = self.choices.iter().filter(|(_, chosen)| **chosen == id);
        let clients = clients.filter_map(|(name, _)| Some(Chooser::Client(name.parse::<ClientName>().ok()?)));
        let artist = (self.artist == Some(id)).then_some(Chooser::Artist);
        let open = clients.chain(artist).filter(|by| !now.choices.contains_key(by));
        open.map(|by| Observation::Chosen { by, session: Some(id) }).collect()
    }

    /// The rules for clients, to be observed before anything is served.
    pub fn client_rules(&self) -> Vec<Observation> {
        let rule = |(name, access): (&String, &Access)| {
            let scope = Scope::Client(name.parse::<ClientName>().ok()?);
            Some(Observation::AccessSet { scope, access: Some(*access) })
        };
        self.clients.iter().filter_map(rule).collect()
    }

    /// The rules about sessions, each to be observed when its session appears.
    pub fn session_rules(&self) -> Vec<Rule> {
        self.rules.clone()
    }

    /// What is to be remembered now. What was remembered before and has not been seen yet, stays.
    pub fn follow(&mut self, snapshot: &Snapshot, seen: &mut BTreeMap<SessionId, Option<Port>>) {
        seen.extend(snapshot.sessions.values().map(|session| (session.id(), port_of(session))));
        let ended = |id: &SessionId| seen.contains_key(id) && !snapshot.sessions.contains_key(id);
        self.choices.retain(|_, id| !seen.contains_key(id));
        self.artist = self.artist.filter(|id| !seen.contains_key(id));
        for (by, id) in &snapshot.choices {
            match by {
                Chooser::Artist => self.artist = Some(*id),
                Chooser::Client(name) => drop(self.choices.insert(name.to_string(), *id)),
            }
        }
        self.follow_rules(snapshot, seen);
        self.asked.retain(|id| !ended(id));
        self.denied.retain(|id| !ended(id));
        for session in snapshot.sessions.values() {
            self.follow_session(session);
        }
        for (id, port) in seen.iter() {
            match port {
                Some(port) if ended(id) => drop(self.added.remove(port)),
                Some(port) => drop(self.added.insert(port.clone())),
                None => {}
            }
        }
        seen.retain(|id, _| snapshot.sessions.contains_key(id));
    }

    /// The rule for everywhere is a setting.
    fn follow_rules(&mut self, snapshot: &Snapshot, seen: &BTreeMap<SessionId, Option<Port>>) {
        self.clients.clear();
        self.rules.retain(|rule| !seen.contains_key(&rule.session));
        for (scope, access) in snapshot.rules.iter() {
            match scope {
                Scope::Everywhere => {}
                Scope::Client(name) => drop(self.clients.insert(name.to_string(), access)),
                Scope::Session(session) => {
                    self.rules.push(Rule { session: *session, client: None, access });
                }
                Scope::Pair(name, session) => {
                    self.rules.push(Rule { session: *session, client: Some(name.to_string()), access });
                }
            }
        }
    }

    fn follow_session(&mut self, session: &Session) {
        let id = session.id();
        match &session.phase {
            Phase::AwaitingPermission => drop(self.asked.insert(id)),
            Phase::Unreachable { why: Why::PermissionDenied } => {
                self.denied.insert(id);
                self.asked.remove(&id);
            }
            // A plain port beside it is no answer to the question.
            phase if phase.is_linked() && session.address.as_ref().is_some_and(asks_the_artist) => {
                self.denied.remove(&id);
                self.asked.remove(&id);
            }
            _ => {}
        }
    }
}

impl Rule {
    pub fn is_about(&self, id: SessionId) -> bool {
        self.session == id
    }

    pub fn observation(&self) -> Option<Observation> {
        let scope = match &self.client {
            None => Scope::Session(self.session),
            Some(name) => Scope::Pair(name.parse().ok()?, self.session),
        };
        Some(Observation::AccessSet { scope, access: Some(self.access) })
    }
}

fn port_of(session: &Session) -> Option<Port> {
    // What a client named counts once the artist has let it in.
    let ByHand { host, by, address } = session.by_hand()?;
    let wanted = *by == Asker::Artist || session.facts.is_some();
    wanted.then(|| Port { host: host.clone(), port: address.port() })
}

/// Keeps the file true until `stop`, and leaves it so.
pub async fn remember(
    path: PathBuf,
    mut memory: Memory,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    stop: CancellationToken,
) {
    let mut seen = BTreeMap::new();
    let mut written = memory.clone();
    loop {
        let stopping = stop.is_cancelled();
        let snapshot = snapshots.borrow_and_update().clone();
        memory.follow(&snapshot, &mut seen);
        if memory != written {
            let (now, path) = (memory.clone(), path.clone());
            let writing = tokio::task::spawn_blocking(move || now.write(&path).map(|()| now));
            match writing.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) {
                Ok(now) => written = now,
                Err(error) => tracing::warn!(%error, "what was chosen could not be remembered"),
            }
        }
        if stopping {
            return;
        }
        tokio::select! {
            // The registry lives as long as the hub.
            _ = snapshots.changed() => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{Address, Facts, Process, Registry, Scene};

    use super::*;

    const ONE: ProcessId = ProcessId { pid: 1, started_at: 10 };
    const TWO: ProcessId = ProcessId { pid: 2, started_at: 20 };

    fn ready(registry: &Registry, id: ProcessId, path: &str) {
        let facts = Facts {
            pid: id.pid,
            helper_version: String::new(),
            maya_version: "2025".to_owned(),
            python_version: String::new(),
            user: "ana".to_owned(),
            host: String::new(),
            batch: false,
        };
        let address = Some(Address::Unix(path.into()));
        registry.observe(&Observation::LinkOpened { id: id.into(), address, facts, scene: Scene::default() });
    }

    /// How many choices of the first are known.
    fn chosen(memory: &Memory) -> usize {
        memory.chosen(ONE.into(), &Snapshot::default()).len()
    }

    /// Two Mayas: one whose artist said yes, and which a client uses; one whose artist said no.
    fn a_day() -> Registry {
        let registry = Registry::default();
        for id in [ONE, TWO] {
            registry.observe(&Observation::ProcessFound(Process::new(id)));
        }
        ready(&registry, ONE, "/tmp/commandportDefault");
        let denied = Observation::ConnectFailed { id: TWO.into(), why: Why::PermissionDenied };
        registry.observe(&denied);
        let by = Chooser::Client("cursor".parse().expect("a good name"));
        registry.observe(&Observation::Chosen { by, session: Some(ONE.into()) });
        let address = ([10, 0, 0, 5], 7001).into();
        registry.observe(&Observation::AddedByHand(ByHand {
            host: "render01".to_owned(),
            by: Asker::Artist,
            address,
        }));
        registry
    }

    #[test]
    fn what_was_said_and_chosen_is_known_again_while_its_maya_runs() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("remembered.json");
        let mut memory = Memory::default();
        memory.follow(&a_day().snapshot(), &mut BTreeMap::new());
        memory.write(&path).expect("writable");

        let memory = Memory::read(&path, |_| true);
        assert_eq!(
            (memory.said(ONE.into()), memory.said(TWO.into())),
            (Said::Nothing, Said::No),
            "a yes may be for once"
        );
        assert_eq!(chosen(&memory), 1, "the client goes on where it was");
        let host = "render01".to_owned();
        assert_eq!(memory.added.first(), Some(&Port { host, port: 7001 }), "by the name that was given");

        let memory = Memory::read(&path, |id| id == TWO);
        assert!(memory.asked.is_empty(), "nothing of a process that has ended");
        assert_eq!(chosen(&memory), 0, "nor who used it");
        assert_eq!(memory.added.len(), 1, "what is elsewhere cannot be known to have ended");
    }

    #[test]
    fn what_has_not_been_seen_yet_is_not_forgotten() {
        let mut memory = Memory::default();
        memory.follow(&a_day().snapshot(), &mut BTreeMap::new());
        let before = memory.clone();
        let registry = Registry::default();
        let mut seen = BTreeMap::new();
        memory.follow(&registry.snapshot(), &mut seen);
        assert_eq!(memory, before, "an engine that has just started sees nothing, and forgets nothing");

        registry.observe(&Observation::ProcessFound(Process::new(ONE)));
        for chosen in memory.chosen(ONE.into(), &registry.snapshot()) {
            registry.observe(&chosen);
        }
        memory.follow(&registry.snapshot(), &mut seen);
        assert_eq!(memory, before, "nor when it has come up");
        let ended = maya_mcp_session::Ending::Unwitnessed;
        registry.observe(&Observation::ProcessEnded { id: ONE.into(), ending: ended });
        memory.follow(&registry.snapshot(), &mut seen);
        assert_eq!(memory.said(ONE.into()), Said::Nothing, "what ends is forgotten");
        assert_eq!(chosen(&memory), 0, "with its choices");
        assert_eq!(memory.said(TWO.into()), Said::No, "and no other");
    }

    fn set(registry: &Registry, scope: Scope, access: Access) {
        registry.observe(&Observation::AccessSet { scope, access: Some(access) });
    }

    fn client(name: &str) -> ClientName {
        name.parse().expect("a good name")
    }

    /// What is written, and read again by an engine that starts then.
    fn after_a_restart(memory: &Memory, is_alive: impl Fn(ProcessId) -> bool) -> Memory {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("remembered.json");
        memory.write(&path).expect("writable");
        Memory::read(&path, is_alive)
    }

    #[test]
    fn rules_for_clients_are_for_good_and_those_about_a_maya_for_as_long_as_it_lives() {
        let registry = a_day();
        set(&registry, Scope::Everywhere, Access::Ask);
        set(&registry, Scope::Client(client("cursor")), Access::LookOnly);
        set(&registry, Scope::Session(ONE.into()), Access::Ask);
        set(&registry, Scope::Pair(client("zed"), TWO.into()), Access::Full);
        let mut memory = Memory::default();
        memory.follow(&registry.snapshot(), &mut BTreeMap::new());

        // ONE is still running, TWO has ended meanwhile.
        let mut memory = after_a_restart(&memory, |id| id == ONE);
        let registry = Registry::default();
        for rule in memory.client_rules() {
            registry.observe(&rule);
        }
        let mut seen = BTreeMap::new();
        memory.follow(&registry.snapshot(), &mut seen);
        assert_eq!(memory.session_rules().len(), 1, "what has not been seen yet is not forgotten");
        registry.observe(&Observation::ProcessFound(Process::new(ONE)));
        for rule in memory.session_rules().iter().filter_map(Rule::observation) {
            registry.observe(&rule);
        }
        memory.follow(&registry.snapshot(), &mut seen);
        let rules: Vec<_> =
            registry.snapshot().rules.iter().map(|(scope, access)| (scope.clone(), access)).collect();
        let expected =
            [(Scope::Client(client("cursor")), Access::LookOnly), (Scope::Session(ONE.into()), Access::Ask)];
        assert_eq!(rules, expected, "the setting for everywhere is kept elsewhere");

        let ended = maya_mcp_session::Ending::Unwitnessed;
        registry.observe(&Observation::ProcessEnded { id: ONE.into(), ending: ended });
        registry.observe(&Observation::AccessSet { scope: Scope::Client(client("cursor")), access: None });
        memory.follow(&registry.snapshot(), &mut seen);
        let left = (memory.session_rules().len(), memory.client_rules().len());
        assert_eq!(left, (0, 0), "what ends, and what is taken back, is forgotten");
    }

    #[test]
    fn a_question_is_never_remembered_but_always_is() {
        let registry = a_day();
        set(&registry, Scope::Everywhere, Access::Ask);
        let wanted = maya_mcp_session::Wanted {
            digest: "d".to_owned(),
            what: "run Python code (1 line)".to_owned(),
            code: "secret = 1".to_owned(),
        };
        let asked = Observation::QuestionAsked { client: client("cursor"), session: ONE.into(), wanted };
        registry.observe(&asked);
        let mut memory = Memory::default();
        memory.follow(&registry.snapshot(), &mut BTreeMap::new());
        let text = serde_json::to_string(&memory).expect("our own types always serialize");
        assert!(!text.contains("secret") && !text.contains("run Python"), "no script on the disk: {text}");
        let id = *registry.snapshot().questions.keys().next().expect("it was asked");
        let answer = maya_mcp_session::Answer::Always;
        registry.observe(&Observation::QuestionAnswered { id, answer });
        memory.follow(&registry.snapshot(), &mut BTreeMap::new());
        assert_eq!(memory.client_rules().len(), 1, "from now on this client is not asked");
    }

    #[test]
    fn what_is_removed_is_removed_and_a_torn_file_is_no_disaster() {
        let registry = a_day();
        let (mut memory, mut seen) = (Memory::default(), BTreeMap::new());
        memory.follow(&registry.snapshot(), &mut seen);
        registry.observe(&Observation::Removed { id: SessionId::Added(([10, 0, 0, 5], 7001).into()) });
        memory.follow(&registry.snapshot(), &mut seen);
        assert!(memory.added.is_empty(), "off the list, off the disk");

        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("remembered.json");
        fs::write(&path, "{\"added\": [{").expect("writable");
        let torn = Memory::read(&path, |_| true);
        assert_eq!(
            torn,
            Memory { is_lost: true, ..Memory::default() },
            "as if nothing had been said, and that is known"
        );
        assert!(path.with_extension("json.unreadable").exists() && !path.exists(), "it is kept aside");
        assert!(!Memory::read(&path, |_| true).is_lost(), "a first start is no loss");
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_the_strictest_and_takes_no_other_with_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("remembered.json");
        let text = r#"{"clients": {"cursor": "look_only", "zed": "look-only", "other": 7}}"#;
        for mark in ["", "\u{feff}"] {
            fs::write(&path, format!("{mark}{text}")).expect("writable");
            let memory = Memory::read(&path, |_| true);
            assert!(!memory.is_lost() && memory.clients.len() == 3, "{memory:?}");
            assert!(memory.clients.values().all(|access| *access == Access::LookOnly), "{memory:?}");
        }
    }
}
