//! AI clients on this machine: which are there, and our entry in their settings.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use maya_mcp_clients::{
    Client, Outcome, State, Surroundings, config_for_any_client, connect, disconnect, preview, status,
};
use maya_mcp_hub::{Home, Reach, Settings};
use serde_json::json;

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
    let settings = Settings::read(home.settings())?;
    let around = Surroundings::from_env()?;
    let reach = |client: &str| Reach::for_client(home, &settings, client);
    let look = |client: &str| Reach::as_it_is(home, &settings, client);
    let json = options.json;
    match options.action {
        None => {
            let mut rows = Vec::new();
            for client in Client::ALL {
                rows.push(status(client, &around, &look(client.id())?.connection()));
            }
            if json {
                println!("{:#}", json!({ "clients": rows }));
            } else {
                for row in rows {
                    let path = row.path.map(|path| path.display().to_string()).unwrap_or_default();
                    println!("{:<16} {:<24} {path}", row.client.id(), in_words(&row.state));
                }
            }
        }
        Some(Action::Preview { client }) => {
            let client: Client = client.parse()?;
            let shown = preview(client, &around, &look(client.id())?.connection())?;
            if json {
                println!("{:#}", json!(shown));
            } else {
                println!("{}\n\n{}", shown.path.display(), shown.after);
                shown.notes.iter().for_each(|note| println!("\n{note}"));
            }
        }
        Some(Action::Connect { client }) => {
            let client: Client = client.parse()?;
            let reach = reach(client.id())?;
            let shown = preview(client, &around, &reach.connection())?;
            let done = connect(client, &around, &reach.connection(), &shown.fingerprint)?;
            if json {
                println!("{:#}", json!(done));
            } else {
                println!("{} is connected: {}", client.name(), done.path.display());
                done.backup.iter().for_each(|backup| println!("The file as it was: {}", backup.display()));
                shown.notes.iter().for_each(|note| println!("{note}"));
            }
        }
        Some(Action::Disconnect { client }) => {
            let client: Client = client.parse()?;
            let done = disconnect(client, &around, &look(client.id())?.connection())?;
            if json {
                println!("{:#}", json!(done));
            } else {
                let name = client.name();
                match done.outcome {
                    Outcome::WasNotConnected => println!("{name} was not connected; nothing was changed."),
                    Outcome::Restored => {
                        println!("{name} is disconnected; its settings are as they were before.")
                    }
                    Outcome::FileRemoved => {
                        println!("{name} is disconnected; the settings file was ours alone and is gone.")
                    }
                    Outcome::EntryRemoved => {
                        println!("{name} is disconnected; only our entry was taken out.")
                    }
                }
            }
        }
        Some(Action::Config) => {
            let config = config_for_any_client(ANY_CLIENT, &reach(ANY_CLIENT)?.connection())?;
            println!("{config}");
        }
    }
    Ok(ExitCode::SUCCESS)
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
