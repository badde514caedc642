//! The session that a call is about, and the way to its Maya.
//!
//! Invariant: when nobody waits for an answer any more, its request is cancelled in Maya.

use std::{sync::Arc, time::Duration};

use maya_mcp_maya::{Client, FrameError, LinkError};
use maya_mcp_session::{Session, SessionId};
use tokio::time::sleep;

use super::{Call, Unanswered};

/// For what Maya does in a moment once it has time: clients give up after a minute.
const PATIENCE: Duration = Duration::from_secs(45);

#[derive(Debug, Clone)]
pub(super) struct Target {
    pub session: Arc<Session>,
    pub maya: Client,
}

/// The named session, else the one in use.
pub(super) fn session(call: &mut Call<'_>, wanted: Option<&str>) -> Result<Arc<Session>, Unanswered> {
    let wanted = wanted.map(str::trim).filter(|name| !name.is_empty());
    let session = call.shared.registry.snapshot().resolve(Some(call.client), wanted)?;
    call.about.push(session.id());
    Ok(session)
}

impl Target {
    /// One whose Maya can be asked now.
    pub fn find(call: &mut Call<'_>, wanted: Option<&str>) -> Result<Self, Unanswered> {
        let session = session(call, wanted)?;
        let Some(link) = call.shared.links.get(session.id()) else {
            return Err(Unanswered::problem(not_ready(&session)));
        };
        Ok(Self { maya: link.client(call.client.as_str()), session })
    }

    pub fn id(&self) -> SessionId {
        self.session.id()
    }

    /// What Maya answers to a question that it is quick with. `what` is what it was to do: "take a picture".
    pub async fn ask<T>(
        &self,
        call: &Call<'_>,
        what: &str,
        asking: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, Unanswered> {
        tokio::select! {
            answer = asking => answer.map_err(|error| self.failed(what, &error)),
            over = call.over() => Err(over),
            () = sleep(PATIENCE) => Err(Unanswered::problem(format!(
                "{} is busy and could not {what} yet; it was not done. Call list_sessions to see when it is ready again.",
                self.name()
            ))),
        }
    }

    /// "maya-8453 (Maya 2025)".
    pub fn name(&self) -> String {
        name(&self.session)
    }

    fn failed(&self, what: &str, error: &LinkError) -> Unanswered {
        let name = self.name();
        match error {
            LinkError::Refused { message, .. } => {
                Unanswered::problem(format!("{name} did not {what}: {}.", message.trim_end_matches('.')))
            }
            LinkError::NoConnection(why) => Unanswered::lost(no_connection(&name, why)),
            LinkError::Frame(FrameError::TooLarge { .. }) => {
                Unanswered::problem(format!("That is too large to be sent to {name}, so nothing was done."))
            }
            LinkError::Frame(_) => Unanswered::lost(format!(
                "The answer of {name} could not be read. Look at the scene before you go on."
            )),
            _ => Unanswered::lost(format!(
                "The connection to {name} ended before it could {what}. Call list_sessions to see whether Maya is still running."
            )),
        }
    }
}

pub(super) fn name(session: &Session) -> String {
    format!("{} ({})", session.id(), session.title())
}

fn not_ready(session: &Session) -> String {
    format!(
        "{} cannot be used now. {}. Call list_sessions to see when it is ready, or name another session.",
        name(session),
        session.phase
    )
}

pub(super) fn no_connection(name: &str, why: &LinkError) -> String {
    format!(
        "No connection to {name} could be opened, so nothing ran: {}. Call list_sessions to see whether it is ready, and call again.",
        chain(why)
    )
}

/// An error with what led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
