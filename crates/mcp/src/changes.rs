//! What changed since a client last asked.
//!
//! Invariant: the registry's ring is nobody's to drain; each client has only a place in it, so each hears of each change that it wants
//! exactly once, or is told how many it missed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use maya_mcp_notify::{Numbers, Outlet};
use maya_mcp_session::{ClientName, Edge, EventInfo, Filter, Registry, Since, event_info};

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
    /// What it wanted before that event: what came earlier and was not told yet is told all the same.
    before: Option<(Filter, u64)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub changes: Vec<EventInfo>,
    pub missed: u64,
}

impl Place {
    fn wants(&self, edge: &Edge) -> bool {
        let wanted_before = |(before, until): &(Filter, u64)| edge.seq < *until && before.admits_edge(edge);
        self.wanted.admits_edge(edge) || self.before.as_ref().is_some_and(wanted_before)
    }
}

impl Changes {
    pub(crate) fn new(registry: &Registry, numbers: &Numbers) -> Self {
        Self { registry: registry.clone(), numbers: numbers.clone(), places: Mutex::default() }
    }

    /// From now on, this client is told of nothing else.
    pub(crate) fn only(&self, client: &ClientName, choose: impl FnOnce(&mut Filter)) {
        self.with(client, |place| {
            let before = place.wanted.clone();
            choose(&mut place.wanted);
            if place.wanted != before {
                place.before.get_or_insert((before, self.registry.next_seq()));
            }
        });
    }

    /// Which ones it is told of.
    pub(crate) fn wanted(&self, client: &ClientName) -> Filter {
        self.with(client, |place| place.wanted.clone())
    }

    /// What this client has not been told yet; or, where it names a revision, all that came later than that. To be asked while nothing
    /// changes, for what goes with a snapshot.
    pub(crate) fn news_for(&self, client: &ClientName, after: Option<u64>) -> Told {
        self.with(client, |place| {
            let Since { edges, missed } =
                self.registry.since(place.next.filter(|_| after.is_none()).unwrap_or(0));
            let begin = after.map_or(0, |after| edges.partition_point(|edge| edge.revision <= after));
            // Nobody has missed what was before its time, nor what it says it knows.
            let is_newcomer = place.next.is_none() && after.is_none();
            let missed = if begin > 0 { 0 } else { missed };
            place.next = Some(edges.last().map_or_else(|| self.registry.next_seq(), |edge| edge.seq + 1));
            let wanted: Vec<_> = edges[begin..].iter().filter(|edge| place.wants(edge)).collect();
            place.before = None;
            let most = if is_newcomer { FOR_NEWCOMERS } else { TOLD };
            let surplus = wanted.len().saturating_sub(most);
            for edge in &wanted[surplus..] {
                self.numbers.told(Outlet::Mcp, edge.kind());
            }
            let missed = if is_newcomer { 0 } else { missed + surplus as u64 };
            if missed > 0 {
                self.numbers.missed(Outlet::Mcp, missed);
            }
            let changes = wanted[surplus..].iter().map(|edge| event_info(edge)).collect();
            Told { changes, missed }
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
        assert_eq!(changes.news_for(&one, None), Told::default(), "nothing has happened");
        come(&registry, 1);
        assert_eq!(kinds(&changes.news_for(&one, None)), ["appeared"], "told at once");
        go(&registry, 1);
        assert_eq!(
            kinds(&changes.news_for(&two, None)),
            ["appeared", "exited"],
            "the other's asking took nothing away"
        );
        assert_eq!(kinds(&changes.news_for(&one, None)), ["exited"], "only what is new");
        assert_eq!(changes.news_for(&one, None), Told::default(), "never twice");
        assert_eq!(changes.news_for(&two, None), Told::default(), "never twice");
    }

    #[test]
    fn a_client_that_slept_too_long_is_told_how_much_it_missed() {
        let registry = Registry::default();
        let changes = Changes::new(&registry, &Numbers::default());
        let sleeper = name("sleeper");
        changes.news_for(&sleeper, None);
        let many = RING as u64 + 300;
        for pid in 0..u32::try_from(many).expect("a small constant") {
            come(&registry, pid);
        }
        let news = changes.news_for(&sleeper, None);
        let told = (news.changes.len(), news.missed);
        assert_eq!(told, (TOLD, many - TOLD as u64), "the last ones and a number");
        assert_eq!(changes.news_for(&sleeper, None), Told::default(), "once");
        let news = changes.news_for(&name("newcomer"), None);
        assert_eq!((news.changes.len(), news.missed), (FOR_NEWCOMERS, 0), "a newcomer missed nothing");
    }

    #[test]
    fn a_client_that_wants_only_some_is_told_each_of_those_once() {
        let registry = Registry::default();
        let changes = Changes::new(&registry, &Numbers::default());
        let (picky, other) = (name("picky"), name("other"));
        for client in [&picky, &other] {
            changes.news_for(client, None);
        }
        changes.only(&picky, |filter| filter.kinds = Some([Kind::Exited].into()));
        for pid in [1, 2] {
            come(&registry, pid);
            go(&registry, pid);
        }
        assert_eq!(kinds(&changes.news_for(&picky, None)), ["exited", "exited"], "what it wants");
        assert_eq!(changes.news_for(&picky, None), Told::default(), "once");
        assert_eq!(changes.news_for(&other, None).changes.len(), 4, "the other's wishes are its own");
        changes.only(&picky, |filter| {
            *filter = Filter { kinds: None, sources: Some(["maya-3".to_owned()].into()) };
        });
        come(&registry, 3);
        come(&registry, 4);
        let told = changes.news_for(&picky, None);
        let sources: Vec<_> = told.changes.iter().map(|event| event.source.as_str()).collect();
        assert_eq!(sources, ["maya-3"], "of that session alone");
    }
}
