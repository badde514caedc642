//! `GET /events`: each event as it happens, for programs that speak no MCP.
//!
//! Invariant: nothing is kept for a reader. Each has a place of its own in the registry's ring and takes the next event only when its
//! connection has room for it, so one that does not read holds up nobody; one that falls out of the ring is told how much it missed.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use maya_mcp_notify::Outlet;
use maya_mcp_session::{ClientName, Edge, Filter, Kind, Next, event_info};
use serde_json::json;
use tokio::{sync::watch, time::sleep};

use crate::{
    gate::refuse,
    server::{Caller, Shared},
    tools,
};

/// As for the streams of MCP: so often a reader can see that we are there.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    wanted: Filter,
    /// The number of the last event that the reader has.
    after: Option<u64>,
}

impl Asked {
    fn of(query: &str, headers: &HeaderMap) -> Result<Self, String> {
        let mut asked = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "kind" => {
                    let kind: Kind = value.parse().map_err(|error| format!("{error}."))?;
                    asked.wanted.kinds.get_or_insert_default().insert(kind);
                }
                "session" => drop(asked.wanted.sources.get_or_insert_default().insert(value.into_owned())),
                "after" => asked.after = Some(number("`after`", &value)?),
                other => {
                    return Err(format!(
                        "\"{other}\" is nothing to ask here for. There are kind={}, session=NAME and after=SEQ; kind and session more than once if you like.",
                        Kind::ALL.map(Kind::name).join("|")
                    ));
                }
            }
        }
        if let Some(last) = headers.get("last-event-id") {
            asked.after = Some(number("`Last-Event-ID`", &String::from_utf8_lossy(last.as_bytes()))?);
        }
        Ok(asked)
    }
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{name} is the number (`id`) of an event, and \"{text}\" is none."))
}

pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let asked = match Asked::of(request.uri().query().unwrap_or_default(), request.headers()) {
        Ok(asked) => asked,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, "bad_query", &why),
    };
    let reader = Reader::new(shared, &caller.client, asked);
    let events = stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY).text("keep-alive")).into_response()
}

/// Where one reader stands.
struct Reader {
    shared: Arc<Shared>,
    woken: watch::Receiver<u64>,
    /// The number of the next event to give.
    next: u64,
    wanted: Filter,
    /// The number that the reader knows to have.
    has: u64,
    /// What is told before all events.
    opening: Option<Event>,
    /// It has not been told what is true, and is as soon as it has all events up to then.
    owes_snapshot: bool,
    client: ClientName,
}

impl Reader {
    fn new(shared: Arc<Shared>, client: &ClientName, asked: Asked) -> Self {
        let woken = shared.registry.watch_next_seq();
        let Asked { wanted, after } = asked;
        let registry = &shared.registry;
        let (oldest, known) = (registry.oldest_seq(), registry.first_seq()..=registry.next_seq());
        let (next, opening) = match after.map(|after| after.saturating_add(1)) {
            // It begins with what is true now.
            None => (registry.next_seq(), None),
            Some(next) if known.contains(&next) => (next, None),
            // Of an engine that ran before, or of another: nobody knows how many there have been since.
            Some(_) => (oldest, Some(missed(None, oldest))),
        };
        let owes_snapshot = after.is_none() || opening.is_some();
        let (client, has) = (client.clone(), next.saturating_sub(1));
        Self { shared, woken, next, wanted, has, opening, owes_snapshot, client }
    }

    /// `None` at the engine's end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.shared.stop.is_cancelled() {
                return None;
            }
            if let Some(opening) = self.opening.take() {
                return Some(opening);
            }
            self.woken.mark_unchanged();
            match self.shared.registry.next_from(self.next) {
                Next::Edge(edge) => {
                    self.next = edge.seq + 1;
                    if self.wanted.admits_edge(&edge) {
                        self.shared.numbers.forwarded(Outlet::Sse, edge.kind(), edge.known);
                        self.has = edge.seq;
                        return Some(event(&edge));
                    }
                    continue;
                }
                Next::Missed { oldest } => {
                    let count = oldest - std::mem::replace(&mut self.next, oldest);
                    self.has = oldest - 1;
                    self.owes_snapshot = true;
                    self.shared.numbers.missed(Outlet::Sse, count);
                    return Some(missed(Some(count), oldest));
                }
                Next::Nothing if self.owes_snapshot => {
                    if let Some(now) = self.now() {
                        return Some(now);
                    }
                    continue;
                }
                Next::Nothing => {}
            }
            tokio::select! {
                changed = self.woken.changed() => changed.ok()?,
                () = self.shared.stop.cancelled() => return None,
                // So that whoever connects again is told of nothing missed that it did not want.
                () = sleep(ALIVE_EVERY), if self.has + 1 < self.next => {
                    self.has = self.next - 1;
                    return Some(Event::default().id(self.has.to_string()));
                }
            }
        }
    }

    /// What is true now, unless there are events before it that the reader does not have yet.
    fn now(&mut self) -> Option<Event> {
        let registry = &self.shared.registry;
        let (mut sessions, revision, next) =
            registry.steady(|now| (tools::infos(now, &self.client), now.revision, registry.next_seq()));
        if next != self.next {
            return None;
        }
        let of = self.wanted.sources.as_ref();
        sessions.retain(|session| of.is_none_or(|of| of.contains(&session.session)));
        self.owes_snapshot = false;
        self.has = next.saturating_sub(1);
        let now = json!({ "sessions": sessions, "revision": revision, "seq": self.has });
        // With its number, so that whoever is cut off right after it goes on there.
        Some(Event::default().id(self.has.to_string()).event("snapshot").data(now.to_string()))
    }
}

fn missed(count: Option<u64>, oldest: u64) -> Event {
    let missed = json!({ "missed": count, "oldest": oldest });
    Event::default().id(oldest.saturating_sub(1).to_string()).event("missed").data(missed.to_string())
}

fn event(edge: &Edge) -> Event {
    let info = serde_json::to_string(&event_info(edge)).expect("our own types always serialize");
    Event::default().id(edge.seq.to_string()).event(edge.kind().name()).data(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_understood_or_refused_with_a_sentence() {
        let none = HeaderMap::new();
        let asked = Asked::of("kind=crashed&kind=ready&session=maya%2D1&after=7", &none).expect("good");
        let wanted = Filter {
            kinds: Some([Kind::Crashed, Kind::Ready].into()),
            sources: Some(["maya-1".to_owned()].into()),
        };
        assert_eq!(asked, Asked { wanted, after: Some(7) }, "all of it");
        assert_eq!(Asked::of("", &none).expect("good"), Asked::default(), "everything, from now on");
        let resuming =
            HeaderMap::from_iter([("last-event-id".parse().expect("a name"), "9".parse().expect("a value"))]);
        let asked = Asked::of("after=7", &resuming).expect("good");
        assert_eq!(asked.after, Some(9), "a program that connects again asks for the same address");
        for (query, words) in [
            ("kind=boom", "\"boom\" is no kind of event: it is one of appeared, "),
            ("kind=", "is no kind"),
            ("after=-1", "`after` is the number"),
            ("after=", "`after` is the number"),
            ("token=maya_1", "There are kind=appeared|ready|"),
        ] {
            let why = Asked::of(query, &none).expect_err(query);
            assert!(why.contains(words), "{query}: {why}");
        }
    }
}
