//! `maya-mcp sessions`: which Mayas there are, now or as it changes, and what an artist can say of them.

use std::{io, process::ExitCode};

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use maya_mcp_hub::Home;
use maya_mcp_session::{EventInfo, SessionInfo, clock};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{ask::call, printing};

#[derive(Debug, Args)]
pub struct Sessions {
    /// Go on showing what changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Print JSON; with --watch one line for each change
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Connect a Maya that waits for it
    Connect {
        /// As `maya-mcp sessions` names it
        session: String,
    },
    /// Add a Maya by the address of its command port
    Add {
        /// PORT on this machine, or HOST:PORT
        #[arg(value_name = "[HOST:]PORT")]
        address: String,
    },
    /// Take a Maya that was added by hand off the list
    Remove {
        /// As `maya-mcp sessions` names it
        session: String,
    },
}

#[derive(Debug, Deserialize)]
struct Listing {
    sessions: Vec<SessionInfo>,
    changes: Vec<EventInfo>,
    revision: u64,
}

pub async fn sessions(home: &Home, options: Sessions) -> anyhow::Result<ExitCode> {
    match options.action {
        None if options.watch => return watch(home, options.json).await,
        None => list(home, options.json).await?,
        Some(Action::Connect { session }) => {
            let answer = call(home, "connect_session", json!({"session": session})).await?;
            let sentence = format!("{session} is being connected. If Maya asks, choose Allow All there.");
            tell(options.json, &answer, &sentence)?;
        }
        Some(Action::Add { address }) => add(home, &address, options.json).await?,
        Some(Action::Remove { session }) => {
            let answer = call(home, "remove_session", json!({"session": session})).await?;
            tell(options.json, &answer, &format!("{session} is off the list."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(json: bool, answer: &Value, sentence: &str) -> io::Result<()> {
    if json { printing::json(answer) } else { printing::line(sentence) }
}

async fn add(home: &Home, address: &str, json: bool) -> anyhow::Result<()> {
    let (host, port) = address.rsplit_once(':').unwrap_or(("127.0.0.1", address));
    let port: u16 = port.parse().with_context(|| format!("\"{port}\" is no port; give PORT or HOST:PORT"))?;
    let answer = call(home, "add_session", json!({"host": host, "port": port})).await?;
    if let Some(warning) = answer["warning"].as_str() {
        printing::warn(warning);
    }
    let session = answer["session"].as_str().unwrap_or_default();
    let sentence = format!("{session} is on the list, and will be there again after a restart.");
    Ok(tell(json, &answer, &sentence)?)
}

async fn list(home: &Home, json: bool) -> anyhow::Result<()> {
    let answer = call(home, "list_sessions", json!({})).await?;
    if json {
        return Ok(printing::json(&answer)?);
    }
    let listing: Listing = serde_json::from_value(answer).context("reading the list of sessions")?;
    Ok(print(&listing.sessions)?)
}

fn print(sessions: &[SessionInfo]) -> io::Result<()> {
    if sessions.is_empty() {
        printing::line("No Maya is running. Start Maya; it appears here by itself.")?;
    }
    sessions.iter().try_for_each(|session| printing::line(&row(session)))
}

fn row(session: &SessionInfo) -> String {
    let version = session.maya_version.as_deref().unwrap_or_default();
    let scene = match session.scene_name.as_deref() {
        None => "",
        Some("") => "untitled scene",
        Some(name) => name,
    };
    format!("{:<14} Maya {version:<6} {:<24} {}", session.session, scene, session.phase_text)
}

/// The list, and then a line for each event and for each session that is otherwise than before.
async fn watch(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let first = call(home, "list_sessions", json!({})).await?;
    let mut shown: Listing = serde_json::from_value(first).context("reading the list of sessions")?;
    if json {
        one_line(&json!({"sessions": shown.sessions, "changes": []}))?;
    } else {
        print(&shown.sessions)?;
    }
    loop {
        let answer =
            call(home, "wait_for_session_change", json!({"after": shown.revision, "timeout_s": 600})).await?;
        let now: Listing = serde_json::from_value(answer).context("reading the list of sessions")?;
        if now.revision == shown.revision {
            continue;
        }
        if json {
            one_line(&json!({"sessions": now.sessions, "changes": now.changes}))?;
        } else {
            for line in news(&shown, &now) {
                let time = printing::time(clock::now(), &TimeZone::system());
                printing::line(&format!("{time}  {line}"))?;
            }
        }
        shown = now;
    }
}

/// Each event in its words, then the sessions that changed without one.
fn news(before: &Listing, now: &Listing) -> Vec<String> {
    let events = now.changes.iter().map(|event| format!("{:<14} {}", event.source, event.detail));
    let silent = now.sessions.iter().filter(|session| {
        let told = now.changes.iter().any(|event| event.source == session.session);
        let known = before.sessions.iter().find(|known| known.session == session.session);
        !told && known.is_some_and(|known| known.phase_text != session.phase_text)
    });
    events.chain(silent.map(row)).collect()
}

fn one_line(change: &Value) -> io::Result<()> {
    printing::raw(format_args!("{change}\n"))
}
