//! What a person can do with a session beside looking at it.

use std::{net::IpAddr, sync::Arc};

use maya_mcp_hub::{Connect, Hub};
use maya_mcp_session::{
    Access, Answer, Asker, Commands, NO_AUTHENTICATION, QuestionId, Refused, Scope, Session, SessionId,
};
use serde::Deserialize;

use crate::{
    ipc::{Outcome, Refusal},
    shell::Shell,
};

/// What can be done after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterCrash {
    OpenScene,
    ShowFolder,
    Dismiss,
}

impl Shell {
    /// The artist's choice, by the session's name.
    pub fn choose(&self, session: Option<&str>) -> Result<(), Refusal> {
        self.with_hub(|hub| {
            let chosen = session.map(|name| find(hub, name)).transpose()?;
            hub.choose(chosen.map(|session| session.id()));
            Ok(())
        })
    }

    pub async fn connect_session(&self, name: &str) -> Result<(), Refusal> {
        let (commands, id) = self.command_for(name)?;
        Ok(commands.connect(id).await?)
    }

    pub async fn remove_session(&self, name: &str) -> Result<(), Refusal> {
        let (commands, id) = self.command_for(name)?;
        Ok(commands.remove(id).await?)
    }

    pub async fn add_session(&self, host: String, port: u16) -> Result<(), Refusal> {
        let commands = self.with_hub(|hub| Ok(hub.commands()))?;
        Ok(commands.add(host, port, Asker::Artist).await.map(drop)?)
    }

    pub async fn after_crash(&self, name: &str, step: AfterCrash) -> Result<(), Refusal> {
        let (commands, id) = self.with_hub(|hub| {
            let snapshot = hub.snapshot();
            let mut ids = snapshot.crashes.iter().map(|crash| crash.session.id());
            let id = ids.rfind(|id| id.to_string() == name).ok_or(Refused::Gone)?;
            Ok((hub.commands(), id))
        })?;
        Ok(match step {
            AfterCrash::OpenScene => commands.open_recovered(id).await,
            AfterCrash::ShowFolder => commands.show_recovered(id).await,
            AfterCrash::Dismiss => commands.close_crash(id).await,
        }?)
    }

    /// What is to be read before a Maya on this host is added. Where other machines are not allowed, the refusal says the same.
    pub fn remote_warning(&self, host: &str) -> Option<&'static str> {
        (self.remote_hosts && !is_here(host)).then_some(NO_AUTHENTICATION)
    }

    pub fn copy_line(&self, name: &str) -> Result<(), Refusal> {
        let session = self.with_hub(|hub| find(hub, name))?;
        let line = session.phase.line().ok_or_else(|| Refusal::NoLine(name.to_owned()))?;
        Ok(self.clipboard.copy(line.to_owned())?)
    }

    pub fn set_connect(&self, connect: Connect) -> Result<(), Refusal> {
        self.with_hub(|hub| Ok(hub.set_connect(connect)?))
    }

    /// What a client may do in a session; without the one or the other, any and anywhere.
    pub fn set_access(
        &self,
        client: Option<&str>,
        session: Option<&str>,
        access: Option<Access>,
    ) -> Result<(), Refusal> {
        let client = client.map(str::parse).transpose()?;
        self.with_hub(|hub| {
            let session = session.map(|name| find(hub, name)).transpose()?.map(|session| session.id());
            let scope = match (client, session) {
                (None, None) => Scope::Everywhere,
                (Some(client), None) => Scope::Client(client),
                (None, Some(session)) => Scope::Session(session),
                (Some(client), Some(session)) => Scope::Pair(client, session),
            };
            Ok(hub.set_access(scope, access)?)
        })
    }

    pub fn answer(&self, question: QuestionId, answer: Answer) -> Result<(), Refusal> {
        self.with_hub(|hub| Ok(hub.answer(question, answer)?))
    }

    /// Only while the engine runs: it has laid down what Maya will start.
    pub fn turn_start_up_on(&self, version: &str) -> Result<Outcome, Refusal> {
        self.with_hub(|_| Ok(()))?;
        self.start_up.turn_on(version)
    }

    fn command_for(&self, name: &str) -> Result<(Commands, SessionId), Refusal> {
        self.with_hub(|hub| Ok((hub.commands(), find(hub, name)?.id())))
    }
}

fn find(hub: &Hub, name: &str) -> Result<Arc<Session>, Refusal> {
    hub.snapshot().find(name).ok_or_else(|| Refusal::NoSuchSession(name.to_owned()))
}

/// A name may lead anywhere, so only the usual one is taken for this machine's.
fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_needs_no_warning() {
        for (host, here) in [
            ("127.0.0.1", true),
            ("127.0.1.1", true),
            ("::1", true),
            ("localhost", true),
            ("LocalHost", true),
            ("10.0.0.5", false),
            ("0.0.0.0", false),
            ("farm-12", false),
            ("localhost.example.com", false),
            ("", false),
        ] {
            assert_eq!(is_here(host), here, "{host:?}");
        }
    }
}
