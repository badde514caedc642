//! AI clients on this machine: which are there, and our entry in their settings.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use maya_mcp_clients::{
    Client, Outcome, State, Surroundings, config_for_any_client, connect, disconnect, preview, status,
};
use maya_mcp_hub::{Home, Reach, Settings};
use serde_json::json;

use crate::printing;

/// The name in a configuration that is for no client in particular.
const ANY_CLIENT: &str = "other";

#[derive(Debug, Args)]
pub struct Clients {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what connecting would change in the client's settings, tokens masked
    Preview { client: String },
    /// Write our entry into the client's settings
    Connect { client: String },
    /// Take our entry out of the client's settings
    Disconnect { client: String },
    /// Print a configuration for any other client
    Config,
}

pub fn clients(home: &Home, options: Clients) -> anyhow::Result<ExitCode> {
    let place = Place { home, settings: Settings::read(home.settings())?, around: Surroundings::from_env()? };
    let json = options.json;
    match options.action {
        None => list(&place, json),
        Some(Action::Preview { client }) => show_preview(&place, client.parse()?, json),
        Some(Action::Connect { client }) => connect_one(&place, client.parse()?, json),
        Some(Action::Disconnect { client }) => disconnect_one(&place, client.parse()?, json),
        Some(Action::Config) => {
            let reach = Reach::for_client(home, &place.settings, ANY_CLIENT)?;
            let config = config_for_any_client(ANY_CLIENT, &reach.connection())?;
            printing::raw(format_args!("{config}\n")).map_err(Into::into)
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Where all of this happens.
struct Place<'a> {
    home: &'a Home,
    settings: Settings,
    around: Surroundings,
}

impl Place<'_> {
    /// Without making a token.
    fn look(&self, client: Client) -> anyhow::Result<Reach> {
        Ok(Reach::as_it_is(self.home, &self.settings, client.id())?)
    }
}

fn list(place: &Place<'_>, json: bool) -> anyhow::Result<()> {
    let look = |client| Ok(status(client, &place.around, &place.look(client)?.connection()));
    let rows = Client::ALL.into_iter().map(look).collect::<anyhow::Result<Vec<_>>>()?;
    if json {
        printing::json(&json!({ "clients": rows }))?;
        return Ok(());
    }
    for row in rows {
        let path = row.path.map(|path| path.display().to_string()).unwrap_or_default();
        printing::line(&format!("{:<16} {:<24} {path}", row.client.id(), in_words(&row.state)))?;
    }
    Ok(())
}

fn show_preview(place: &Place<'_>, client: Client, json: bool) -> anyhow::Result<()> {
    let shown = preview(client, &place.around, &place.look(client)?.connection())?;
    if json {
        printing::json(&json!(shown))?;
        return Ok(());
    }
    printing::line(&shown.path.display().to_string())?;
    printing::lines(&format!("\n{}", shown.after))?;
    for note in &shown.notes {
        printing::lines(&format!("\n{note}"))?;
    }
    Ok(())
}

fn connect_one(place: &Place<'_>, client: Client, json: bool) -> anyhow::Result<()> {
    let reach = Reach::for_client(place.home, &place.settings, client.id())?;
    let shown = preview(client, &place.around, &reach.connection())?;
    let done = connect(client, &place.around, &reach.connection(), &shown.fingerprint)?;
    if json {
        printing::json(&json!(done))?;
        return Ok(());
    }
    printing::line(&format!("{} is connected: {}", client.name(), done.path.display()))?;
    if let Some(backup) = done.backup {
        printing::line(&format!("The file as it was: {}", backup.display()))?;
    }
    for note in &shown.notes {
        printing::lines(note)?;
    }
    Ok(())
}

fn disconnect_one(place: &Place<'_>, client: Client, json: bool) -> anyhow::Result<()> {
    let done = disconnect(client, &place.around, &place.look(client)?.connection())?;
    if json {
        printing::json(&json!(done))?;
        return Ok(());
    }
    let told = match done.outcome {
        Outcome::WasNotConnected => "was not connected; nothing was changed.",
        Outcome::Restored => "is disconnected; its settings are as they were before.",
        Outcome::FileRemoved => "is disconnected; the settings file was ours alone and is gone.",
        Outcome::EntryRemoved => "is disconnected; only our entry was taken out.",
    };
    printing::line(&format!("{} {told}", client.name()))?;
    Ok(())
}

fn in_words(state: &State) -> String {
    match state {
        State::NotFound => "not on this machine".to_owned(),
        State::NotConnected => "not connected".to_owned(),
        State::Connected => "connected".to_owned(),
        State::Outdated => "connected, out of date".to_owned(),
        State::NameTaken => "another \"maya\" is there".to_owned(),
        State::Unreadable { why } => why.clone(),
    }
}
