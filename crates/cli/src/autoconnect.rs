//! Maya connecting by itself: our lines in the start-up file of each version. Needs no running engine.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use maya_mcp_hub::Home;
use maya_mcp_maya::HelperFiles;
use maya_mcp_user_setup::{
    Error, Outcome, Start, State, Surroundings, TurnedOff, TurnedOn, Version, preview, status, turn_off,
    turn_on, versions,
};
use serde::Serialize;
use serde_json::json;

use crate::printing;

#[derive(Debug, Args)]
pub struct Autoconnect {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write our lines into userSetup.py of these versions: they connect from their next start on
    On {
        /// The year, such as 2025
        #[arg(required = true, value_name = "VERSION")]
        versions: Vec<Version>,
        /// Print the lines and the file that they would stand in, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take our lines out of userSetup.py of these versions
    Off {
        /// The year, such as 2025
        #[arg(required = true, value_name = "VERSION")]
        versions: Vec<Version>,
    },
}

pub fn autoconnect(home: &Home, options: Autoconnect) -> anyhow::Result<ExitCode> {
    let around = Surroundings::from_env()?;
    let start = Start { boot: home.path().join("boot.py") };
    let json = options.json;
    match options.action {
        None => list(&around, &start, json),
        Some(Action::On { versions, dry_run: true }) => each(
            &versions,
            json,
            |version| preview(version, &around, &start),
            |shown| format!("{}\n\n{}", shown.path.display(), shown.block),
        ),
        Some(Action::On { versions, dry_run: false }) => {
            lay_down(home)?;
            each(&versions, json, |version| turn_on(version, &around, &start), on_in_words)
        }
        Some(Action::Off { versions }) => {
            each(&versions, json, |version| turn_off(version, &around), off_in_words)
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// What Maya will start has to be there. A running engine has laid it down, and is not disturbed.
fn lay_down(home: &Home) -> anyhow::Result<()> {
    let is_there = ["boot.py", "helper/current"].iter().all(|name| home.path().join(name).is_file());
    if !is_there {
        HelperFiles::install(home.path())?;
    }
    Ok(())
}

fn list(around: &Surroundings, start: &Start, json: bool) -> anyhow::Result<()> {
    let rows = versions(around).into_iter().map(|version| status(version, around, start)).collect::<Vec<_>>();
    if json {
        printing::json(&json!({ "versions": rows }))?;
        return Ok(());
    }
    if rows.is_empty() {
        printing::line(
            "No Maya has settings here yet. Start Maya once, or name its version: maya-mcp autoconnect on 2025",
        )?;
    }
    for row in rows {
        let (version, path) = (row.version.to_string(), row.path.display());
        printing::line(&format!("{version:<6} {:<24} {path}", in_words(&row.state)))?;
    }
    Ok(())
}

/// One version after the other; what was done is told even when a later one fails, and done even when nobody listens.
fn each<Done: Serialize>(
    versions: &[Version],
    json: bool,
    act: impl Fn(Version) -> Result<Done, Error>,
    in_words: impl Fn(&Done) -> String,
) -> anyhow::Result<()> {
    let (mut rows, mut told) = (Vec::new(), String::new());
    let mut failure = None;
    for version in versions {
        match act(*version) {
            Ok(done) if json => rows.push(json!(done)),
            Ok(done) => told = format!("{told}{}\n", in_words(&done)),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    let printed = if json { printing::json(&json!({ "versions": rows })) } else { printing::lines(&told) };
    if failure.is_none() {
        printed?;
    }
    failure.map_or(Ok(()), |error| Err(error.into()))
}

fn on_in_words(done: &TurnedOn) -> String {
    let (version, path) = (done.version, done.path.display());
    if !done.changed {
        return format!("Maya {version} connects by itself already; nothing was changed.");
    }
    let backup = done.backup.as_ref().map(|backup| format!("\nThe file as it was: {}", backup.display()));
    let backup = backup.unwrap_or_default();
    format!("Maya {version} connects by itself from its next start on: {path}{backup}")
}

fn off_in_words(done: &TurnedOff) -> String {
    let told = match done.outcome {
        Outcome::WasOff => "does not connect by itself; nothing was changed.",
        Outcome::BlockRemoved => {
            "does not connect by itself from its next start on; only our lines were taken out."
        }
        Outcome::FileRemoved => {
            "does not connect by itself from its next start on; its start-up file was ours alone and is gone."
        }
    };
    format!("Maya {} {told}", done.version)
}

fn in_words(state: &State) -> String {
    match state {
        State::Off => "off".to_owned(),
        State::On => "on".to_owned(),
        State::Outdated => "on, out of date".to_owned(),
        State::Unreadable { why } => why.clone(),
    }
}
