//! `maya-mcp events`: what happened, read from the files where the engine writes it down. Needs no running engine.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use jiff::{Span, Zoned, civil::DateTime, tz::TimeZone};
use maya_mcp_hub::{EventLog, Follow, Home, Query};
use maya_mcp_session::{
    EventInfo, Filter, Kind,
    clock::{self, Timestamp},
};

use crate::printing;

/// Between looks for more; for a person who reads along.
const LOOK: Duration = Duration::from_millis(200);
/// As many as somebody looks through, where it is not said how many.
const LAST: usize = 100;

#[derive(Debug, Args)]
pub struct Events {
    /// Go on showing what happens, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Only of this kind; may be given again [default: all but heartbeats and selections]
    #[arg(long, value_name = "KIND")]
    kind: Vec<Kind>,
    /// Only of this session, as `maya-mcp sessions` names it; may be given again
    #[arg(long, value_name = "NAME")]
    session: Vec<String>,
    /// Only from then on: a day or a time here (2026-11-21, 2026-11-21T08:00), one anywhere (2026-11-21T08:00:00Z), or how long ago (30m, 2h, 3d)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// The last so many [default: 100, or with --since all of them]
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Print JSON, one line for each event
    #[arg(long)]
    json: bool,
}

pub fn events(home: &Home, options: Events) -> anyhow::Result<ExitCode> {
    let log = EventLog::at(home.events());
    let filter = filter(&options);
    let last = options.last.or(options.since.is_none().then_some(LAST));
    let query = Query { since: options.since, filter: filter.clone(), last, ..Query::default() };
    let reading = || format!("reading the events in {}", home.events().display());
    let page = log.read(&query).with_context(reading)?;
    if page.unreadable > 0 {
        let folder = home.events();
        printing::warn(&format!(
            "maya-mcp: {} in {} could not be read",
            lines(page.unreadable),
            folder.display()
        ));
    }
    if page.events.is_empty() && !options.follow && !options.json {
        printing::line("No event was found.")?;
    }
    print(&page.events, options.json)?;
    let mut follow = options.follow.then(|| Follow::new(log, page.newest_seq, filter));
    while let Some(follow) = &mut follow {
        std::thread::sleep(LOOK);
        print(&follow.poll().with_context(reading)?, options.json)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn filter(options: &Events) -> Filter {
    let kinds = (!options.kind.is_empty()).then(|| options.kind.iter().copied().collect());
    let sources = (!options.session.is_empty()).then(|| options.session.iter().cloned().collect());
    Filter { kinds, sources }
}

fn lines(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}

fn print(events: &[EventInfo], json: bool) -> anyhow::Result<()> {
    let zone = TimeZone::system();
    for event in events {
        if json {
            printing::raw(format_args!("{}\n", serde_json::to_string(event)?))?;
        } else {
            printing::line(&row(event, &zone))?;
        }
    }
    Ok(())
}

fn row(event: &EventInfo, zone: &TimeZone) -> String {
    let time = event.time.parse().map_or_else(|_| event.time.clone(), |time| printing::time(time, zone));
    format!("{time}  {:<19} {:<14} {}", event.kind.name(), event.source, event.detail)
}

fn since(text: &str) -> Result<Timestamp, String> {
    since_at(text, &clock::now().to_zoned(TimeZone::system()))
}

fn since_at(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let here = |time: DateTime| time.to_zoned(now.time_zone().clone()).ok();
    let ago = |ago: Span| now.checked_sub(ago.abs()).ok();
    let time = text.parse().ok().and_then(here).or_else(|| text.parse().ok().and_then(ago));
    time.map(|time| time.timestamp()).ok_or_else(|| {
        "give a day or a time such as 2026-11-21, 2026-11-21T08:00 or 2026-11-21T08:00:00Z, or how long ago: 30m, 2h, 3d"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_given_as_such_or_as_how_long_ago() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let now = now.to_zoned(TimeZone::fixed(jiff::tz::offset(2)));
        for (text, expected) in [
            ("2026-11-20T08:00:00Z", Some("2026-11-20T08:00:00Z")),
            ("2026-11-20T08:00:00+01:00", Some("2026-11-20T07:00:00Z")),
            ("2026-11-20", Some("2026-11-19T22:00:00Z")),
            ("2026-11-20T08:00", Some("2026-11-20T06:00:00Z")),
            ("2026-11-20 08:00:30", Some("2026-11-20T06:00:30Z")),
            ("2026-13-01", None),
            ("30m", Some("2026-11-21T11:30:00Z")),
            ("2h", Some("2026-11-21T10:00:00Z")),
            ("3d", Some("2026-11-18T12:00:00Z")),
            ("1h 30m", Some("2026-11-21T10:30:00Z")),
            ("2h ago", Some("2026-11-21T10:00:00Z")),
            ("yesterday", None),
            ("5", None),
            ("", None),
        ] {
            let found = since_at(text, &now).ok().map(|time| time.to_string());
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn an_event_is_a_line_with_the_time_to_the_second() {
        let event = EventInfo {
            seq: 7,
            time: "2026-11-21T12:00:00.123456Z".to_owned(),
            source: "maya-8453".to_owned(),
            kind: Kind::Crashed,
            session: Some("maya-8453".to_owned()),
            detail: "Maya 2025 closed unexpectedly".to_owned(),
            recovered_scene: None,
        };
        assert_eq!(
            row(&event, &TimeZone::fixed(jiff::tz::offset(2))),
            "2026-11-21 14:00:00  crashed             maya-8453      Maya 2025 closed unexpectedly",
            "in columns, with the time here"
        );
    }
}
