//! How much was told to whom, how soon, and what was not, and why.
//!
//! Invariant: bounded however many sessions come and go: what is counted of sources that ended long ago is counted together.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use maya_mcp_session::{Edge, Kind, Subscription, Update};
use serde::Serialize;

/// Sources with numbers of their own. Those heard of longest ago are added up as [`OTHERS`].
const SOURCES: usize = 64;
pub const OTHERS: &str = "others";
/// Upper bounds, in milliseconds, of what is counted together as one delay.
const BUCKETS_MS: [u64; 8] = [1, 2, 5, 10, 50, 250, 1000, 10_000];

/// Where events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlet {
    /// Signals to MCP clients.
    Mcp,
    Desktop,
    Log,
    Webhook,
    /// `GET /events`.
    Sse,
    /// Code that was registered for it.
    Subscriber,
}

impl Outlet {
    fn name(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Desktop => "desktop",
            Self::Log => "log",
            Self::Webhook => "webhook",
            Self::Sse => "sse",
            Self::Subscriber => "subscriber",
        }
    }
}

/// Why something was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// The artist has turned it off, or wants quiet.
    Muted,
    /// The same was told a moment ago.
    Repeated,
    /// It was not true any more when its turn came.
    Outdated,
    /// Whoever reads was too far behind.
    Missed,
    /// It took longer than it may.
    TimedOut,
    Panicked,
    /// The desktop, the disk or the other side did not take it.
    Failed,
}

impl Dropped {
    fn name(self) -> &'static str {
        match self {
            Self::Muted => "muted",
            Self::Repeated => "repeated",
            Self::Outdated => "outdated",
            Self::Missed => "missed",
            Self::TimedOut => "timed_out",
            Self::Panicked => "panicked",
            Self::Failed => "failed",
        }
    }
}

/// Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    received: BTreeMap<(String, Kind), Received>,
    /// The last event of each source that has numbers of its own.
    last: BTreeMap<String, u64>,
    told: BTreeMap<(Outlet, Kind), Told>,
    missed: BTreeMap<Outlet, u64>,
    delays: BTreeMap<Outlet, Delays>,
}

#[derive(Debug, Clone, Default)]
struct Received {
    count: u64,
    last_at: String,
    last: u64,
}

#[derive(Debug, Clone, Default)]
struct Told {
    forwarded: u64,
    coalesced: u64,
    dropped: BTreeMap<Dropped, u64>,
    last_at: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Delays {
    /// The last is for all that took longer.
    buckets: [u64; BUCKETS_MS.len() + 1],
    sum: Duration,
}

/// All of it, for people and programs to read.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub sources: Vec<SourceReport>,
    pub outlets: Vec<OutletReport>,
    /// Events that were gone before a slow reader came to them; nobody knows of which kind they were.
    pub missed: BTreeMap<Outlet, u64>,
    pub delivery: Vec<DelayReport>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SourceReport {
    pub source: String,
    pub kind: Kind,
    pub received: u64,
    /// RFC 3339, UTC.
    pub last_at: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct OutletReport {
    pub outlet: Outlet,
    pub kind: Kind,
    pub forwarded: u64,
    /// Told together with another one.
    pub coalesced: u64,
    /// By reason.
    pub dropped: BTreeMap<Dropped, u64>,
    /// RFC 3339, UTC; null before the first.
    pub last_at: Option<String>,
}

/// From when an event was known to when it had been handed over.
#[derive(Debug, Clone, Serialize)]
pub struct DelayReport {
    pub outlet: Outlet,
    pub count: u64,
    pub mean_ms: f64,
    /// How many took no longer than so many milliseconds.
    pub within_ms: Vec<(u64, u64)>,
}

/// Counts what comes, until the registry is gone.
pub async fn count(mut news: Subscription, numbers: Numbers) {
    while let Some(update) = news.next().await {
        match update {
            Update::Edge(edge) => numbers.received(&edge),
            Update::Resync { missed, .. } => tracing::warn!(missed, "these events were not counted"),
        }
    }
}

impl Numbers {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn received(&self, edge: &Edge) {
        let mut tables = self.tables();
        let source = edge.what.source();
        if let Some(last) = tables.last.get_mut(&source) {
            *last = edge.seq;
        } else {
            tables.last.insert(source.clone(), edge.seq);
            tables.forget_old_sources();
        }
        let received = tables.received.entry((source, edge.kind())).or_default();
        received.count += 1;
        received.last_at = edge.at.to_string();
        received.last = edge.seq;
    }

    /// It has been handed over just now.
    pub fn forwarded(&self, outlet: Outlet, kind: Kind, known: Instant) {
        let delay = known.elapsed();
        let mut tables = self.tables();
        tables.told.entry((outlet, kind)).or_default().hand_over();
        let delays = tables.delays.entry(outlet).or_default();
        let bucket = BUCKETS_MS.iter().position(|most| delay <= Duration::from_millis(*most));
        delays.buckets[bucket.unwrap_or(BUCKETS_MS.len())] += 1;
        delays.sum += delay;
    }

    /// It was in an answer to somebody who asks now and then: how long that took is no matter of ours.
    pub fn told(&self, outlet: Outlet, kind: Kind) {
        self.tables().told.entry((outlet, kind)).or_default().hand_over();
    }

    /// A reader has fallen behind by so many events, and was told so.
    pub fn missed(&self, outlet: Outlet, count: u64) {
        *self.tables().missed.entry(outlet).or_default() += count;
    }

    pub fn coalesced(&self, outlet: Outlet, kind: Kind) {
        self.tables().told.entry((outlet, kind)).or_default().coalesced += 1;
    }

    pub fn dropped(&self, outlet: Outlet, kind: Kind, why: Dropped) {
        *self.tables().told.entry((outlet, kind)).or_default().dropped.entry(why).or_default() += 1;
    }

    pub fn report(&self) -> Report {
        let tables = self.tables();
        let sources = tables.received.iter().map(|((source, kind), received)| SourceReport {
            source: source.clone(),
            kind: *kind,
            received: received.count,
            last_at: received.last_at.clone(),
        });
        let outlets = tables.told.iter().map(|((outlet, kind), told)| OutletReport {
            outlet: *outlet,
            kind: *kind,
            forwarded: told.forwarded,
            coalesced: told.coalesced,
            dropped: told.dropped.clone(),
            last_at: told.last_at.clone(),
        });
        let delivery = tables.delays.iter().map(|(outlet, delays)| delays.report(*outlet));
        Report {
            sources: sources.collect(),
            outlets: outlets.collect(),
            missed: tables.missed.clone(),
            delivery: delivery.collect(),
        }
    }

    /// In Prometheus' text format, version 0.0.4.
    pub fn prometheus(&self) -> String {
        let tables = self.tables();
        let mut text = String::new();
        let mut line = |arguments: std::fmt::Arguments<'_>| {
            // Writing into a String does not fail.
            let _ = writeln!(text, "{arguments}");
        };
        line(format_args!("# HELP maya_mcp_events_received_total Events, by what they are about."));
        line(format_args!("# TYPE maya_mcp_events_received_total counter"));
        for ((source, kind), received) in &tables.received {
            let count = received.count;
            line(format_args!(
                "maya_mcp_events_received_total{{source=\"{source}\",kind=\"{kind}\"}} {count}"
            ));
        }
        line(format_args!("# HELP maya_mcp_events_told_total What became of them, by where they go."));
        line(format_args!("# TYPE maya_mcp_events_told_total counter"));
        for ((outlet, kind), told) in &tables.told {
            let dropped = told.dropped.iter().map(|(why, count)| (why.name(), *count));
            let fates = [("forwarded", told.forwarded), ("coalesced", told.coalesced)].into_iter();
            for (fate, count) in fates.chain(dropped) {
                let outlet = outlet.name();
                line(format_args!(
                    "maya_mcp_events_told_total{{outlet=\"{outlet}\",kind=\"{kind}\",fate=\"{fate}\"}} {count}"
                ));
            }
        }
        line(format_args!("# HELP maya_mcp_events_missed_total Events that a slow reader was too late for."));
        line(format_args!("# TYPE maya_mcp_events_missed_total counter"));
        for (outlet, count) in &tables.missed {
            line(format_args!("maya_mcp_events_missed_total{{outlet=\"{}\"}} {count}", outlet.name()));
        }
        line(format_args!("# HELP maya_mcp_event_delivery_seconds From known to handed over."));
        line(format_args!("# TYPE maya_mcp_event_delivery_seconds histogram"));
        for (outlet, delays) in &tables.delays {
            let name = "maya_mcp_event_delivery_seconds";
            let outlet = format!("outlet=\"{}\"", outlet.name());
            for (most, count) in delays.within() {
                let seconds = Duration::from_millis(most).as_secs_f64();
                line(format_args!("{name}_bucket{{{outlet},le=\"{seconds}\"}} {count}"));
            }
            let count = delays.count();
            line(format_args!("{name}_bucket{{{outlet},le=\"+Inf\"}} {count}"));
            line(format_args!("{name}_sum{{{outlet}}} {}", delays.sum.as_secs_f64()));
            line(format_args!("{name}_count{{{outlet}}} {count}"));
        }
        text
    }
}

impl Told {
    fn hand_over(&mut self) {
        self.forwarded += 1;
        self.last_at = Some(maya_mcp_session::clock::now().to_string());
    }
}

impl Tables {
    fn forget_old_sources(&mut self) {
        if self.last.len() <= SOURCES {
            return;
        }
        let Some(oldest) = self.last.iter().min_by_key(|(_, seen)| **seen).map(|(source, _)| source.clone())
        else {
            return;
        };
        self.last.remove(&oldest);
        let gone: Vec<_> = self.received.extract_if(.., |(source, _), _| *source == oldest).collect();
        for ((_, kind), received) in gone {
            let others = self.received.entry((OTHERS.to_owned(), kind)).or_default();
            let count = others.count + received.count;
            if received.last > others.last {
                *others = received;
            }
            others.count = count;
        }
    }
}

impl Delays {
    fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How many took no longer than so many milliseconds.
    fn within(&self) -> impl Iterator<Item = (u64, u64)> {
        BUCKETS_MS.iter().zip(&self.buckets).scan(0, |sum, (most, count)| {
            *sum += count;
            Some((*most, *sum))
        })
    }

    fn report(&self, outlet: Outlet) -> DelayReport {
        let count = self.count();
        #[expect(clippy::cast_precision_loss, reason = "a mean is no more exact than this")]
        let mean_ms = self.sum.as_secs_f64() * 1000.0 / count.max(1) as f64;
        DelayReport { outlet, count, mean_ms, within_ms: self.within().collect() }
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{Ending, Observation, Process, ProcessId, Registry};

    use super::*;

    #[test]
    fn what_was_told_and_what_was_not_can_be_read() {
        let numbers = Numbers::default();
        let known = Instant::now();
        numbers.forwarded(Outlet::Desktop, Kind::Crashed, known);
        numbers.coalesced(Outlet::Mcp, Kind::Busy);
        numbers.dropped(Outlet::Desktop, Kind::Ready, Dropped::Muted);
        numbers.told(Outlet::Mcp, Kind::Busy);
        numbers.missed(Outlet::Sse, 7);
        let text = numbers.prometheus();
        for line in [
            r#"maya_mcp_events_told_total{outlet="desktop",kind="crashed",fate="forwarded"} 1"#,
            r#"maya_mcp_events_told_total{outlet="mcp",kind="busy",fate="coalesced"} 1"#,
            r#"maya_mcp_events_told_total{outlet="desktop",kind="ready",fate="muted"} 1"#,
            r#"maya_mcp_events_told_total{outlet="mcp",kind="busy",fate="forwarded"} 1"#,
            r#"maya_mcp_events_missed_total{outlet="sse"} 7"#,
            r#"maya_mcp_event_delivery_seconds_bucket{outlet="desktop",le="+Inf"} 1"#,
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in {text}");
        }
        assert_eq!(numbers.report().delivery.len(), 1, "only what was forwarded took its time");
    }

    #[test]
    fn a_thousand_sessions_a_day_do_not_fill_the_memory() {
        let (registry, numbers) = (Registry::default(), Numbers::default());
        for pid in 0..1000 {
            let id = ProcessId { pid, started_at: 1 };
            let next = registry.next_seq();
            registry.observe(&Observation::ProcessFound(Process::new(id)));
            registry.observe(&Observation::ProcessEnded { id: id.into(), ending: Ending::Goodbye });
            registry.since(next).edges.iter().for_each(|edge| numbers.received(edge));
        }
        let report = numbers.report();
        assert!(report.sources.len() <= (SOURCES + 1) * 2, "each had two kinds: {}", report.sources.len());
        let received: u64 = report.sources.iter().map(|source| source.received).sum();
        assert_eq!(received, 2000, "and every event is counted");
        let newest = |pid: u64| report.sources.iter().any(|source| source.source == format!("maya-{pid}"));
        assert!((936..1000).all(newest) && !newest(935), "the newest have numbers of their own");
        assert_eq!(numbers.tables().last.len(), SOURCES, "and only they are looked for");
    }
}
