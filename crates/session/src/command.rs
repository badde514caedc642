//! What people and clients may ask for beside choosing a session.
//!
//! Invariant: a command changes no state. Whoever carries it out (the hub) observes what comes of it.

use tokio::sync::{mpsc, oneshot};

use crate::{Access, Answer, Phase, QuestionId, Scope, SessionId};

/// People press few buttons; what is beyond waits in its turn.
const COMMANDS_QUEUED: usize = 16;

/// For whoever adds a Maya on another machine.
pub const NO_AUTHENTICATION: &str = "A command port has no authentication and no encryption: everybody who reaches it over the network \
can run code in that Maya, and what you send to it can be read on the way.";

#[derive(Debug)]
pub enum Command {
    /// The artist's leave to connect to this Maya now, whatever came of it before.
    Connect { id: SessionId, reply: oneshot::Sender<Result<(), Refused>> },
    /// Adds the Maya behind a command port.
    Add { host: String, port: u16, by: Asker, reply: oneshot::Sender<Result<Added, AddError>> },
    /// Takes off the list what was added by hand.
    Remove { id: SessionId, reply: oneshot::Sender<Result<(), Refused>> },
    /// The artist's answer to a client's question.
    Answer { id: QuestionId, answer: Answer, reply: oneshot::Sender<Result<(), Refused>> },
    /// Opens what a crashed Maya left, in a new Maya of that version.
    OpenRecovered { id: SessionId, reply: oneshot::Sender<Result<(), Refused>> },
    /// Shows what a crashed Maya left in the system's file browser.
    ShowRecovered { id: SessionId, reply: oneshot::Sender<Result<(), Refused>> },
    /// The artist has seen to that crash.
    CloseCrash { id: SessionId, reply: oneshot::Sender<Result<(), Refused>> },
    /// The artist's rule; none takes it back.
    SetAccess { scope: Scope, access: Option<Access>, reply: oneshot::Sender<Result<(), Refused>> },
}

/// Whose wish it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Artist,
    /// A program that works for one: what it adds waits for the artist's *Connect*.
    Client,
}

/// What adding came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    pub id: SessionId,
    /// Not on this machine: [`NO_AUTHENTICATION`] is to be said.
    pub remote: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("There is no such session any more.")]
    Gone,
    #[error("{id} needs no Connect now. {phase}.")]
    NotNeeded { id: SessionId, phase: Phase },
    #[error(
        "{0} was found by itself and is listed for as long as it runs; only what was added by hand can be removed."
    )]
    NotAddedByHand(SessionId),
    #[error("This question is settled: it was answered before, or nobody waits for the answer any more.")]
    Settled,
    #[error("The setting could not be kept: {why}.")]
    NotKept { why: String },
    #[error("Nothing is known any more of a recovered scene of that Maya.")]
    NothingRecovered,
    #[error(
        "The recovered scene is not where Maya left it: {path}. Look for it in the folder above, or in Maya's backups."
    )]
    RecoveredGone { path: String },
    #[error("{path} could not be opened: {why}. Start Maya and open it with File > Open Scene.")]
    NotOpened { path: String, why: String },
    #[error("Maya MCP Tray is being closed.")]
    Closing,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    #[error("{host} is not known on this network. Check its name, or give its address.")]
    UnknownHost { host: String },
    #[error(
        "{host} is another machine. {NO_AUTHENTICATION} To allow it all the same, set \"remote_hosts\": true in {settings} and start Maya MCP Tray again."
    )]
    NotAllowed { host: String, settings: String },
    #[error("The Maya at port {port} is listed already, as {id}.")]
    Listed { port: u16, id: SessionId },
    #[error("0 is no port. Give the number in Maya's commandPort line.")]
    NoPort,
    #[error("{0} Mayas have been added by hand, which is as many as there can be. Remove one first.")]
    TooMany(usize),
    #[error("Maya MCP Tray is being closed.")]
    Closing,
}

/// The way to the hub: cheap to clone.
#[derive(Debug, Clone)]
pub struct Commands {
    queue: mpsc::Sender<Command>,
}

impl Commands {
    pub fn new() -> (Self, mpsc::Receiver<Command>) {
        let (queue, commands) = mpsc::channel(COMMANDS_QUEUED);
        (Self { queue }, commands)
    }

    pub async fn connect(&self, id: SessionId) -> Result<(), Refused> {
        self.ask(|reply| Command::Connect { id, reply }).await.unwrap_or(Err(Refused::Closing))
    }

    pub async fn add(&self, host: String, port: u16, by: Asker) -> Result<Added, AddError> {
        self.ask(|reply| Command::Add { host, port, by, reply }).await.unwrap_or(Err(AddError::Closing))
    }

    pub async fn remove(&self, id: SessionId) -> Result<(), Refused> {
        self.ask(|reply| Command::Remove { id, reply }).await.unwrap_or(Err(Refused::Closing))
    }

    pub async fn answer(&self, id: QuestionId, answer: Answer) -> Result<(), Refused> {
        self.ask(|reply| Command::Answer { id, answer, reply }).await.unwrap_or(Err(Refused::Closing))
    }

    pub async fn open_recovered(&self, id: SessionId) -> Result<(), Refused> {
        self.ask(|reply| Command::OpenRecovered { id, reply }).await.unwrap_or(Err(Refused::Closing))
    }

    pub async fn show_recovered(&self, id: SessionId) -> Result<(), Refused> {
        self.ask(|reply| Command::ShowRecovered { id, reply }).await.unwrap_or(Err(Refused::Closing))
    }

    pub async fn close_crash(&self, id: SessionId) -> Result<(), Refused> {
        self.ask(|reply| Command::CloseCrash { id, reply }).await.unwrap_or(Err(Refused::Closing))
    }

    pub async fn set_access(&self, scope: Scope, access: Option<Access>) -> Result<(), Refused> {
        self.ask(|reply| Command::SetAccess { scope, access, reply }).await.unwrap_or(Err(Refused::Closing))
    }

    /// Nothing when the hub is gone.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}
