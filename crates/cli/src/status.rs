//! `maya-mcp status`: how the running engine is.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use jiff::tz::TimeZone;
use maya_mcp_endpoint::{OUR_CLIENT, Tokens, get};
use maya_mcp_hub::Home;
use maya_mcp_session::ClientName;
use serde_json::Value;

use crate::printing;

#[derive(Debug, Args)]
pub struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn status(home: &Home, options: Status) -> anyhow::Result<ExitCode> {
    let status = ask(home).await?;
    if options.json {
        printing::json(&status)?;
    } else {
        in_words(&status, &TimeZone::system()).iter().try_for_each(|line| printing::line(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the endpoint answers at `/status`.
pub async fn ask(home: &Home) -> anyhow::Result<Value> {
    let client: ClientName = OUR_CLIENT.parse().expect("a good name");
    let tokens = Tokens::open(home.tokens()).context("opening the clients' tokens")?;
    tokens.token_for(&client).context("making our own token")?;
    let text = get(home.path(), &client, "/status").await?;
    serde_json::from_str(&text).context("reading the status")
}

fn in_words(status: &Value, zone: &TimeZone) -> Vec<String> {
    let first = format!(
        "Maya MCP Tray {} has been running since {} (pid {})",
        words(&status["version"]),
        time(&status["since"], zone),
        status["pid"]
    );
    let rest = [
        ("Endpoint", words(&status["endpoint"]).to_owned()),
        ("Mayas", mayas(&status["sessions"])),
        ("Clients", clients(&status["clients"])),
        ("Events", received(&status["numbers"], zone)),
        ("Told", told(&status["numbers"])),
        ("Not told", not_told(&status["numbers"])),
        ("Webhooks", webhooks(&status["webhooks"])),
        ("Event log", event_log(&status["event_log"])),
        ("Notices", desktop(&status["desktop"])),
    ];
    let rest = rest.into_iter().map(|(title, rest)| format!("{title:<10} {rest}"));
    std::iter::once(first).chain(rest).collect()
}

fn time(value: &Value, zone: &TimeZone) -> String {
    let text = words(value);
    text.parse().map_or_else(|_| text.to_owned(), |time| printing::time(time, zone))
}

fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn listed(parts: impl IntoIterator<Item = String>, none: &str) -> String {
    let parts: Vec<_> = parts.into_iter().collect();
    if parts.is_empty() { none.to_owned() } else { parts.join(", ") }
}

fn mayas(sessions: &Value) -> String {
    let phases = sessions.as_object().into_iter().flatten();
    let phases = phases.filter(|(_, count)| number(count) > 0);
    listed(phases.map(|(phase, count)| format!("{count} {}", phase.replace('_', " "))), "none")
}

fn clients(clients: &Value) -> String {
    let open = |client: &Value| {
        let sessions = counted(number(&client["sessions"]), "session");
        let streams = counted(number(&client["streams"]), "stream");
        format!("{} ({sessions}, {streams})", words(&client["name"]))
    };
    listed(rows(clients).map(open), "none has a stream or session open now")
}

fn received(numbers: &Value, zone: &TimeZone) -> String {
    let count: u64 = rows(&numbers["sources"]).map(|source| number(&source["received"])).sum();
    let last = rows(&numbers["sources"]).max_by_key(|source| words(&source["last_at"]));
    let last = last.map(|last| {
        format!(
            ", the last: {} {} at {}",
            words(&last["source"]),
            words(&last["kind"]),
            time(&last["last_at"], zone)
        )
    });
    format!("{count}{}", last.unwrap_or_default())
}

/// One number for each place where events go, in the order in which they are listed.
fn sums<Name: PartialEq>(rows: impl Iterator<Item = (Name, u64)>) -> Vec<(Name, u64)> {
    let mut sums: Vec<(Name, u64)> = Vec::new();
    for (name, count) in rows.filter(|(_, count)| *count > 0) {
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => sums.push((name, count)),
        }
    }
    sums
}

fn told(numbers: &Value) -> String {
    let outlets = rows(&numbers["outlets"]);
    let outlets = outlets.map(|row| (outlet(words(&row["outlet"])), number(&row["forwarded"])));
    listed(sums(outlets).into_iter().map(|(outlet, count)| format!("{outlet}: {count}")), "nothing yet")
}

fn not_told(numbers: &Value) -> String {
    let dropped = rows(&numbers["outlets"]).flat_map(|row| {
        let reasons = row["dropped"].as_object().into_iter().flatten();
        reasons.map(|(why, count)| ((outlet(words(&row["outlet"])), reason(why)), number(count)))
    });
    let missed = numbers["missed"].as_object().into_iter().flatten();
    let missed = missed.map(|(name, count)| ((outlet(name), reason("missed")), number(count)));
    let all = sums(dropped.chain(missed)).into_iter();
    listed(all.map(|((to, why), count)| format!("{to}: {count} {why}")), "nothing was left out")
}

/// Where events go; a name of another version stands for itself.
fn outlet(name: &str) -> String {
    match name {
        "mcp" => "clients",
        "log" => "event log",
        "webhook" => "webhooks",
        "sse" => "readers of /events",
        "subscriber" => "subscribers",
        name => name,
    }
    .to_owned()
}

fn reason(name: &str) -> String {
    match name {
        "repeated" => "told a moment before",
        "outdated" => "no longer true",
        "missed" => "too many for a slow reader",
        "panicked" => "lost to an error of ours",
        "failed" => "not taken there",
        name => return name.replace('_', " "),
    }
    .to_owned()
}

fn webhooks(webhooks: &Value) -> String {
    let one = |webhook: &Value| {
        let error = webhook["last_error"].as_str().map(|error| format!(", {error}"));
        format!(
            "{} ({} delivered, {} waiting{})",
            words(&webhook["url"]),
            number(&webhook["delivered"]),
            number(&webhook["waiting"]),
            error.unwrap_or_default()
        )
    };
    listed(rows(webhooks).map(one), "none")
}

fn event_log(log: &Value) -> String {
    match (log["error"].as_str(), log["path"].as_str()) {
        (Some(error), _) => format!("is not written: {error}"),
        (None, Some(path)) => path.to_owned(),
        (None, None) => "not known".to_owned(),
    }
}

/// `available` is null before the first notice.
fn desktop(desktop: &Value) -> String {
    match (desktop["available"].as_bool(), desktop["reason"].as_str()) {
        (Some(true), _) => "are shown".to_owned(),
        (Some(false), reason) => format!("cannot be shown: {}", reason.unwrap_or("the desktop takes none")),
        (None, _) => "none was shown yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_known_is_told_in_lines_and_what_is_not_harms_nothing() {
        let status = json!({
            "version": "0.1.0", "pid": 7, "since": "2026-01-02T03:04:05Z", "uptime_s": 9,
            "endpoint": "http://127.0.0.1:6292/mcp",
            "sessions": { "ready": 2, "not_responding": 1, "busy": 0 },
            "clients": [{ "name": "cursor", "sessions": 1, "streams": 2 }],
            "numbers": {
                "sources": [
                    { "source": "maya-1", "kind": "ready", "received": 3, "last_at": "2026-01-02T03:04:06Z" },
                    { "source": "maya-2", "kind": "busy", "received": 4, "last_at": "2026-01-02T03:04:07Z" },
                ],
                "outlets": [
                    { "outlet": "mcp", "kind": "ready", "forwarded": 3, "dropped": {} },
                    { "outlet": "mcp", "kind": "busy", "forwarded": 2, "dropped": {} },
                    { "outlet": "desktop", "kind": "busy", "forwarded": 0, "dropped": { "muted": 5 } },
                ],
                "missed": { "sse": 6 },
            },
            "webhooks": [{ "url": "https://a", "delivered": 1, "waiting": 2, "last_error": "refused" }],
            "event_log": { "path": "/home/events", "error": null },
            "desktop": { "available": false, "reason": "no bus" },
        });
        let here = TimeZone::fixed(jiff::tz::offset(1));
        let lines = in_words(&status, &here);
        for line in [
            "Maya MCP Tray 0.1.0 has been running since 2026-01-02 04:04:05 (pid 7)",
            "Endpoint   http://127.0.0.1:6292/mcp",
            "Mayas      2 ready, 1 not responding",
            "Clients    cursor (1 session, 2 streams)",
            "Events     7, the last: maya-2 busy at 2026-01-02 04:04:07",
            "Told       clients: 5",
            "Not told   desktop: 5 muted, readers of /events: 6 too many for a slow reader",
            "Webhooks   https://a (1 delivered, 2 waiting, refused)",
            "Event log  /home/events",
            "Notices    cannot be shown: no bus",
        ] {
            assert!(lines.iter().any(|one| one == line), "{line} in {lines:#?}");
        }
        let empty = in_words(&json!({}), &here);
        for line in [
            "Mayas      none",
            "Clients    none has a stream or session open now",
            "Not told   nothing was left out",
            "Event log  not known",
        ] {
            assert!(
                empty.iter().any(|one| one == line),
                "an engine of another version: {line} in {empty:#?}"
            );
        }
    }
}
