//! `maya-mcp status`: how the running engine is.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::Context;
use clap::Args;
use maya_mcp_endpoint::{OUR_CLIENT, Tokens, get};
use maya_mcp_hub::Home;
use maya_mcp_session::ClientName;
use serde_json::Value;

#[derive(Debug, Args)]
pub struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn status(home: &Home, options: Status) -> anyhow::Result<ExitCode> {
    let status = ask(home).await?;
    if options.json {
        println!("{status:#}");
    } else {
        print!("{}", in_words(&status));
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

fn in_words(status: &Value) -> String {
    let mut text = format!(
        "Maya MCP Tray {} runs since {} (pid {})\n",
        words(&status["version"]),
        words(&status["since"]),
        status["pid"]
    );
    for (title, rest) in [
        ("Endpoint", words(&status["endpoint"]).to_owned()),
        ("Mayas", mayas(&status["sessions"])),
        ("Clients", clients(&status["clients"])),
        ("Events", received(&status["numbers"])),
        ("Told", told(&status["numbers"])),
        ("Not told", not_told(&status["numbers"])),
        ("Webhooks", webhooks(&status["webhooks"])),
        ("Event log", event_log(&status["event_log"])),
        ("Notices", desktop(&status["desktop"])),
    ] {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{title:<10} {rest}");
    }
    text
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
        let (sessions, streams) = (number(&client["sessions"]), number(&client["streams"]));
        format!("{} ({sessions} sessions, {streams} streams)", words(&client["name"]))
    };
    listed(rows(clients).map(open), "none has anything open")
}

fn received(numbers: &Value) -> String {
    let count: u64 = rows(&numbers["sources"]).map(|source| number(&source["received"])).sum();
    let last = rows(&numbers["sources"]).max_by_key(|source| words(&source["last_at"]));
    let last = last.map(|last| {
        format!(
            ", the last: {} {} at {}",
            words(&last["source"]),
            words(&last["kind"]),
            words(&last["last_at"])
        )
    });
    format!("{count}{}", last.unwrap_or_default())
}

/// One number for each place where events go, in the order in which they are listed.
fn sums(rows: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut sums: Vec<(String, u64)> = Vec::new();
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
    let outlets = outlets.map(|row| (words(&row["outlet"]).to_owned(), number(&row["forwarded"])));
    listed(sums(outlets).into_iter().map(|(outlet, count)| format!("{outlet} {count}")), "nothing yet")
}

fn not_told(numbers: &Value) -> String {
    let dropped = rows(&numbers["outlets"]).flat_map(|row| {
        let reasons = row["dropped"].as_object().into_iter().flatten();
        reasons.map(|(why, count)| (format!("{} {why}", words(&row["outlet"])), number(count)))
    });
    let missed = numbers["missed"].as_object().into_iter().flatten();
    let missed = missed.map(|(outlet, count)| (format!("{outlet} missed"), number(count)));
    let all = sums(dropped.chain(missed)).into_iter();
    listed(all.map(|(what, count)| format!("{}: {count}", what.replace('_', " "))), "nothing was dropped")
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
        let text = in_words(&status);
        for line in [
            "Maya MCP Tray 0.1.0 runs since 2026-01-02T03:04:05Z (pid 7)",
            "Endpoint   http://127.0.0.1:6292/mcp",
            "Mayas      2 ready, 1 not responding",
            "Clients    cursor (1 sessions, 2 streams)",
            "Events     7, the last: maya-2 busy at 2026-01-02T03:04:07Z",
            "Told       mcp 5",
            "Not told   desktop muted: 5, sse missed: 6",
            "Webhooks   https://a (1 delivered, 2 waiting, refused)",
            "Event log  /home/events",
            "Notices    cannot be shown: no bus",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
        let empty = in_words(&json!({}));
        for line in ["Mayas      none", "Not told   nothing was dropped", "Event log  not known"] {
            assert!(empty.lines().any(|one| one == line), "an engine of another version: {line} in\n{empty}");
        }
    }
}
