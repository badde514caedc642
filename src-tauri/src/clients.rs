//! The client programs on this machine, and what came of connecting one, in words for people.

use std::path::Path;

use maya_mcp_clients::{self as clients, Client, Connection, Fingerprint, State, Status, Surroundings};
use maya_mcp_hub::{Home, Reach, Settings};

use crate::{
    ipc::{ClientView, Outcome, Preview, Refusal},
    shell::sentence,
};

/// The name of the token for whatever client the copied configuration is pasted into.
const ANOTHER: &str = "other";

pub struct Clients {
    home: Home,
    settings: Settings,
}

impl Clients {
    pub fn new(home: Home, settings: Settings) -> Self {
        Self { home, settings }
    }

    pub fn all(&self) -> Vec<ClientView> {
        Client::ALL.into_iter().map(|client| self.look(client)).collect()
    }

    fn look(&self, client: Client) -> ClientView {
        let status =
            self.looking(client, |around, connection| Ok(clients::status(client, around, connection)));
        match status {
            Ok(status) => client_view(status),
            Err(refusal) => {
                let state = State::Unreadable { why: refusal.to_string() };
                client_view(Status { client, name: client.name(), path: None, state })
            }
        }
    }

    pub fn preview(&self, client: Client) -> Result<Preview, Refusal> {
        self.looking(client, |around, connection| {
            let preview = clients::preview(client, around, connection)?;
            Ok(Preview {
                client: client.id().to_owned(),
                name: client.name().to_owned(),
                path: preview.path.display().to_string(),
                fingerprint: preview.fingerprint,
                before: preview.before,
                after: preview.after,
                creates_file: preview.creates_file,
                note: Some(preview.notes.join(" ")).filter(|note| !note.is_empty()),
            })
        })
    }

    pub fn connect(&self, client: Client, previewed: &Fingerprint) -> Result<Outcome, Refusal> {
        self.with(client.id(), |around, connection| {
            let connected = clients::connect(client, around, connection, previewed)?;
            let next = match client {
                Client::ClaudeDesktop => "Quit it if it is open, and start it again to use Maya.",
                Client::ClaudeCode => "Sessions that start from now on can use Maya.",
            };
            Ok(outcome(format!("{} is connected. {next}", client.name()), connected.backup.as_deref()))
        })
    }

    /// Unlike [`Clients::connect`], the person has seen no preview; a backup is kept all the same.
    pub fn connect_at_once(&self, client: Client) -> Result<Outcome, Refusal> {
        let preview = self.preview(client)?;
        self.connect(client, &preview.fingerprint)
    }

    pub fn disconnect(&self, client: Client) -> Result<Outcome, Refusal> {
        let name = client.name();
        self.looking(client, |around, connection| {
            let disconnected = clients::disconnect(client, around, connection)?;
            let told = match disconnected.outcome {
                clients::Outcome::WasNotConnected => format!("{name} was not connected."),
                clients::Outcome::Restored => {
                    format!("{name} is disconnected. Its settings are as they were before.")
                }
                clients::Outcome::FileRemoved => {
                    format!("{name} is disconnected. The settings file that was made for Maya is gone.")
                }
                clients::Outcome::EntryRemoved => {
                    format!("{name} is disconnected. Its other settings stay as they are.")
                }
            };
            Ok(outcome(told, disconnected.backup.as_deref()))
        })
    }

    /// The kind that nearly every client takes, and that shows no token to whoever sees the clipboard.
    pub fn config_for_another(&self) -> Result<String, Refusal> {
        self.with(ANOTHER, |_, connection| Ok(clients::config_for_any_client(ANOTHER, connection)?.stdio))
    }

    /// Without making a token.
    fn looking<T>(
        &self,
        client: Client,
        work: impl FnOnce(&Surroundings, &Connection) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let reach = Reach::as_it_is(&self.home, &self.settings, client.id())?;
        work(&Surroundings::from_env()?, &reach.connection())
    }

    fn with<T>(
        &self,
        client: &str,
        work: impl FnOnce(&Surroundings, &Connection) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let reach = Reach::for_client(&self.home, &self.settings, client)?;
        work(&Surroundings::from_env()?, &reach.connection())
    }
}

fn client_view(status: Status) -> ClientView {
    let (state, note) = match status.state {
        State::NotFound => ("not_found", None),
        State::NotConnected => ("not_connected", None),
        State::Connected => ("connected", None),
        State::Outdated => ("outdated", None),
        State::NameTaken => (
            "not_connected",
            Some("Another server named \"maya\" is there; connecting replaces it.".to_owned()),
        ),
        State::Unreadable { why } => ("unreadable", Some(sentence(&why))),
    };
    ClientView {
        client: status.client.id().to_owned(),
        name: status.name.to_owned(),
        state,
        path: status.path.map(|path| path.display().to_string()),
        running: false,
        note,
        access: None,
        choosable: false,
    }
}

fn outcome(message: String, backup: Option<&Path>) -> Outcome {
    Outcome { message, backup: backup.map(|path| path.display().to_string()) }
}
