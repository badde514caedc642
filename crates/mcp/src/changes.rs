//! What changed since a client last asked.
//!
//! Invariant: the registry's ring is nobody's to drain; each client has only a place in it, so each hears of each change that it wants
//! exactly once, or is told how many it missed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use maya_mcp_notify::{Numbers, Outlet};
use maya_mcp_session::{ClientName, EventInfo, Filter, Registry, Since, event_info};

/// A model that never asks for hours is better served by a number than by more than this.
const TOLD: usize = 256;
/// What a client that never asked before is told of the past.
const FOR_NEWCOMERS: usize = 32;

#[derive(Debug)]
pub(crate) struct Changes {
    registry: Registry,
    numbers: Numbers,
    places: Mutex<HashMap<ClientName, Place>>,
}

#[derive(Debug, Default)]
struct Place {
    /// The number of the first event that this client has not been told of; none before it first asks.
    next: Option<u64>,
    wanted: Filter,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub changes: Vec<EventInfo>,
    pub missed: u64,
}

impl Changes {
    pub(crate) fn new(registry: &Registry, numbers: &Numbers) -> Self {
        Self { registry: registry.clone(), numbers: numbers.clone(), places: Mutex::default() }
    }

    /// From now on, this client is told of nothing else.
    pub(crate) fn only(&self, client: &ClientName, choose: impl FnOnce(&mut Filter)) {
        self.with(client, |place| choose(&mut place.wanted));
    }

    /// What came after that revision, as far as it is still kept; nobody's place moves.
    pub(crate) fn after(&self, client: &ClientName, revision: u64) -> Vec<EventInfo> {
        let Since { edges, .. } = self.registry.since(0);
        let wanted = self.with(client, |place| place.wanted.clone());
        let later = edges.iter().filter(|edge| edge.revision > revision && wanted.admits_edge(edge));
        later.map(event_info).collect()
    }

    /// To be asked while nothing changes, for what goes with a snapshot.
    pub(crate) fn news_for(&self, client: &ClientName) -> Told {
        let told = self.take(client);
        told.changes.iter().for_each(|change| self.numbers.told(Outlet::Mcp, change.kind));
        if told.missed > 0 {
            self.numbers.missed(Outlet::Mcp, told.missed);
        }
        told
    }

    fn take(&self, client: &ClientName) -> Told {
        self.with(client, |place| {
            let from = place.next.unwrap_or(0);
            let Since { edges, missed } = self.registry.since(from);
            let next = edges.last().map_or(from, |edge| edge.seq + 1);
            let is_newcomer = place.next.replace(next).is_none();
            let wanted: Vec<_> = edges.iter().filter(|edge| place.wanted.admits_edge(edge)).collect();
            let most = if is_newcomer { FOR_NEWCOMERS } else { TOLD };
            let surplus = wanted.len().saturating_sub(most);
            let changes = wanted[surplus..].iter().map(|edge| event_info(edge)).collect();
            // Nobody has missed what was before its time.
            Told { changes, missed: if is_newcomer { 0 } else { missed + surplus as u64 } }
        })
    }

    fn with<T>(&self, client: &ClientName, work: impl FnOnce(&mut Place) -> T) -> T {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        work(places.entry(client.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{Ending, Kind, Observation, Process, ProcessId, RING};

    use super::*;

    fn name(text: &str) -> ClientName {
        text.parse().expect("a good name")
    }

    fn come(registry: &Registry, pid: u32) {
        registry.observe(&Observation::ProcessFound(Process::new(ProcessId { pid, started_at: 1 })));
    }

    fn go(registry: &Registry, pid: u32) {
        let id = ProcessId { pid, started_at: 1 }.into();
        registry.observe(&Observation::ProcessEnded { id, ending: Ending::Goodbye });
    }

    fn kinds(news: &Told) -> Vec<&'static str> {
        news.changes.iter().map(|event| event.kind.name()).collect()
    }

    #[test]
    fn every_client_hears_of_every_change_exactly_once() {
        let registry = Registry::default();
        let changes = Changes::new(&registry, &Numbers::default());
        let (one, two) = (name("one"), name("two"));
        assert_eq!(changes.news_for(&one), Told::default(), "nothing has happened");
        come(&registry, 1);
        assert_eq!(kinds(&changes.news_for(&one)), ["appeared"], "told at once");
        go(&registry, 1);
        assert_eq!(
            kinds(&changes.news_for(&two)),
            ["appeared", "exited"],
            "the other's asking took nothing away"
        );
        assert_eq!(kinds(&changes.news_for(&one)), ["exited"], "only what is new");
        assert_eq!(changes.news_for(&one), Told::default(), "never twice");
        assert_eq!(changes.news_for(&two), Told::default(), "never twice");
    }

    #[test]
    fn a_client_that_slept_too_long_is_told_how_much_it_missed() {
        let registry = Registry::default();
        let changes = Changes::new(&registry, &Numbers::default());
        let sleeper = name("sleeper");
        changes.news_for(&sleeper);
        let many = RING as u64 + 300;
        for pid in 0..u32::try_from(many).expect("a small constant") {
            come(&registry, pid);
        }
        let news = changes.news_for(&sleeper);
        let told = (news.changes.len(), news.missed);
        assert_eq!(told, (TOLD, many - TOLD as u64), "the last ones and a number");
        assert_eq!(changes.news_for(&sleeper), Told::default(), "once");
        let news = changes.news_for(&name("newcomer"));
        assert_eq!((news.changes.len(), news.missed), (FOR_NEWCOMERS, 0), "a newcomer missed nothing");
    }

    #[test]
    fn a_client_that_wants_only_some_is_told_each_of_those_once() {
        let registry = Registry::default();
        let changes = Changes::new(&registry, &Numbers::default());
        let (picky, other) = (name("picky"), name("other"));
        for client in [&picky, &other] {
            changes.news_for(client);
        }
        changes.only(&picky, |filter| filter.kinds = Some([Kind::Exited].into()));
        for pid in [1, 2] {
            come(&registry, pid);
            go(&registry, pid);
        }
        assert_eq!(kinds(&changes.news_for(&picky)), ["exited", "exited"], "what it wants");
        assert_eq!(changes.news_for(&picky), Told::default(), "once");
        assert_eq!(changes.news_for(&other).changes.len(), 4, "the other's wishes are its own");
        changes.only(&picky, |filter| {
            *filter = Filter { kinds: None, sources: Some(["maya-3".to_owned()].into()) };
        });
        come(&registry, 3);
        come(&registry, 4);
        let told = changes.news_for(&picky);
        let sources: Vec<_> = told.changes.iter().map(|event| event.source.as_str()).collect();
        assert_eq!(sources, ["maya-3"], "of that session alone");
    }
}
