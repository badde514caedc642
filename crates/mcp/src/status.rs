//! `GET /status` and `GET /metrics`: how the engine is, for people and for Prometheus.
//!
//! Invariant: asks no Maya and waits for nobody, so it answers when nothing else does.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use maya_mcp_session::{
    ClientName, Phase,
    clock::{self, Timestamp},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{legacy_sessions::LegacySessions, server::Shared, shares::Shares};

/// What `/status` tells of parts that the endpoint does not know: the fields of this object stand beside its own, or in their place.
#[derive(Clone)]
pub struct FurtherStatus(Arc<dyn Fn() -> Map<String, Value> + Send + Sync>);

impl FurtherStatus {
    /// Asked each time, and must answer at once.
    pub fn new(ask: impl Fn() -> Map<String, Value> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

impl Default for FurtherStatus {
    fn default() -> Self {
        Self::new(Map::new)
    }
}

impl fmt::Debug for FurtherStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FurtherStatus").finish_non_exhaustive()
    }
}

/// What both routes read.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub shared: Arc<Shared>,
    pub sessions: Arc<LegacySessions>,
    pub shares: Shares,
    pub endpoint: String,
    pub further: FurtherStatus,
}

/// What a client has open.
#[derive(Debug, Default, Serialize)]
struct Open {
    /// Of the older protocol.
    sessions: usize,
    streams: usize,
}

impl Status {
    fn phases(&self) -> BTreeMap<&'static str, usize> {
        let mut phases: BTreeMap<_, _> = Phase::NAMES.into_iter().map(|name| (name, 0)).collect();
        for session in self.shared.registry.snapshot().sessions.values() {
            *phases.entry(session.phase.name()).or_default() += 1;
        }
        phases
    }

    fn clients(&self) -> BTreeMap<ClientName, Open> {
        let mut clients: BTreeMap<_, Open> = BTreeMap::new();
        for (client, streams) in self.shares.streams() {
            clients.entry(client).or_default().streams = streams;
        }
        for (client, sessions) in self.sessions.of_each() {
            clients.entry(client).or_default().sessions = sessions;
        }
        clients
    }

    fn report(&self) -> Value {
        let clients = self.clients().into_iter().map(|(name, open)| {
            json!({ "name": name.as_str(), "sessions": open.sessions, "streams": open.streams })
        });
        let since = self.shared.since;
        let mut report = json!({
            "version": self.shared.version,
            "pid": std::process::id(),
            "since": format!("{since:.0}"),
            "uptime_s": uptime_s(since, clock::now()),
            "endpoint": self.endpoint,
            "sessions": self.phases(),
            "clients": clients.collect::<Vec<_>>(),
            "numbers": self.shared.numbers.report(),
            "webhooks": [],
            "event_log": null,
            "desktop": null,
        });
        for (key, value) in (self.further.0)() {
            report[key] = value;
        }
        report
    }

    fn metrics(&self) -> String {
        let mut text = self.shared.numbers.prometheus();
        let mut gauge = |name: &str, help: &str, values: &[(String, usize)]| {
            // Writing into a String does not fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let phases = self.phases().into_iter();
        let phases: Vec<_> = phases.map(|(phase, count)| (format!("{{phase=\"{phase}\"}}"), count)).collect();
        gauge("maya_mcp_sessions", "Mayas, by their phase.", &phases);
        let clients = self.clients();
        let of_each = |count: fn(&Open) -> usize| {
            let each = clients.iter().map(|(name, open)| (format!("{{client=\"{name}\"}}"), count(open)));
            each.collect::<Vec<_>>()
        };
        gauge(
            "maya_mcp_clients_connected",
            "Clients with a session or a stream open.",
            &[(String::new(), clients.len())],
        );
        gauge(
            "maya_mcp_client_sessions",
            "Open sessions of the older protocol.",
            &of_each(|open| open.sessions),
        );
        gauge("maya_mcp_client_streams", "Open streams.", &of_each(|open| open.streams));
        let build = format!("{{version=\"{}\"}}", self.shared.version);
        gauge("maya_mcp_build_info", "Always 1; its label says which program this is.", &[(build, 1)]);
        text
    }
}

/// By the wall clock. It may have been set back since the start.
fn uptime_s(since: Timestamp, now: Timestamp) -> u64 {
    now.duration_since(since).as_secs().try_into().unwrap_or(0)
}

pub(crate) async fn json(State(status): State<Status>) -> Response {
    answer("application/json", status.report().to_string())
}

pub(crate) async fn metrics(State(status): State<Status>) -> Response {
    answer("text/plain; version=0.0.4; charset=utf-8", status.metrics())
}

fn answer(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_it_runs_is_that_of_the_wall_clock_and_never_negative() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let since = time("2026-11-20T18:00:00.9Z");
        for (now, expected) in [
            ("2026-11-20T18:00:00.9Z", 0),
            ("2026-11-21T08:00:00.9Z", 14 * 3600),
            ("2026-11-20T17:00:00Z", 0),
        ] {
            assert_eq!(
                uptime_s(since, time(now)),
                expected,
                "after a night's suspend, or a clock set back: {now}"
            );
        }
    }
}
