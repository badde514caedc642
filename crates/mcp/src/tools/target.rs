//! The session that a call is about, and the way to its Maya.
//!
//! Invariant: when nobody waits for an answer any more, its request is cancelled in Maya.

use std::{sync::Arc, time::Duration};

use maya_mcp_maya::{Client, FrameError, Link, LinkError};
use maya_mcp_session::{Session, SessionId};
use tokio::time::sleep;

use super::{Call, Unanswered};

/// For what Maya does in a moment once it has time: clients give up after a minute.
const PATIENCE: Duration = Duration::from_secs(45);

#[derive(Debug, Clone)]
pub(super) struct Target {
    pub session: Arc<Session>,
    pub link: Link,
    pub maya: Client,
}

/// What Maya is asked to do, in a few words ("take a picture"), and whether it is another Maya afterwards.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doing {
    Looking(&'static str),
    Changing(&'static str),
}

/// The named session, else the one in use.
pub(super) fn session(call: &Call<'_>, wanted: Option<&str>) -> Result<Arc<Session>, Unanswered> {
    let wanted = wanted.map(str::trim).filter(|name| !name.is_empty());
    let session = call.shared.registry.snapshot().resolve(Some(call.client), wanted)?;
    call.note.about(session.id());
    Ok(session)
}

impl Target {
    /// One whose Maya can be asked now.
    pub fn find(call: &Call<'_>, wanted: Option<&str>) -> Result<Self, Unanswered> {
        Self::of(call, session(call, wanted)?)
    }

    pub fn of(call: &Call<'_>, session: Arc<Session>) -> Result<Self, Unanswered> {
        let link = call.link(&session)?;
        Ok(Self { maya: link.client(call.client.as_str()), link, session })
    }

    /// By the link that there is now: the artist may have been asked for long.
    pub fn again(self, call: &Call<'_>) -> Result<Self, Unanswered> {
        Self::of(call, self.session)
    }

    pub fn id(&self) -> SessionId {
        self.session.id()
    }

    /// What Maya answers to a question that it is quick with.
    pub async fn ask<T>(
        &self,
        call: &Call<'_>,
        doing: Doing,
        asking: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, Unanswered> {
        tokio::select! {
            answer = asking => answer.map_err(|error| self.failed(doing, &error)),
            over = call.over() => Err(over),
            () = sleep(PATIENCE) => Err(self.busy(doing)),
        }
    }

    /// "maya-8453 (Maya 2025)".
    pub fn name(&self) -> String {
        name(&self.session)
    }

    fn busy(&self, doing: Doing) -> Unanswered {
        let name = self.name();
        match doing {
            Doing::Looking(what) => Unanswered::problem(format!(
                "{name} is busy and could not {what} yet. Call list_sessions to see when it is ready again."
            )),
            Doing::Changing(what) => Unanswered::lost(format!(
                "{name} has not answered whether it could {what}, and has been told not to where it has not begun. Call list_sessions to see when it is ready again, and look at the scene before you try it again."
            )),
        }
    }

    fn failed(&self, doing: Doing, error: &LinkError) -> Unanswered {
        let name = self.name();
        let (Doing::Looking(what) | Doing::Changing(what)) = doing;
        match (error, doing) {
            (LinkError::Refused { message, .. }, _) => {
                Unanswered::problem(format!("{name} did not {what}: {}.", message.trim_end_matches('.')))
            }
            (LinkError::NoConnection(why), _) => no_connection(&name, why),
            (LinkError::Frame(FrameError::TooLarge { .. }), _) => {
                Unanswered::problem(format!("That is too large to be sent to {name}, so nothing was done."))
            }
            (LinkError::Frame(_), _) => Unanswered::lost(format!(
                "The answer of {name} could not be read. Look at the scene before you go on."
            )),
            (_, Doing::Looking(_)) => Unanswered::lost(format!(
                "The connection to {name} ended before it could {what}. Call list_sessions to see whether Maya is still running."
            )),
            (_, Doing::Changing(_)) => Unanswered::lost(format!(
                "The connection to {name} ended while it was to {what}, so nobody knows whether it did. Call list_sessions to see whether Maya is still running, and look at the scene before you try it again."
            )),
        }
    }
}

pub(super) fn name(session: &Session) -> String {
    format!("{} ({})", session.id(), session.title())
}

pub(super) fn not_ready(session: &Session) -> Unanswered {
    Unanswered::problem(format!(
        "{} cannot be used now. {}. Call list_sessions to see when it is ready, or name another session.",
        name(session),
        session.phase
    ))
}

pub(super) fn no_connection(name: &str, why: &LinkError) -> Unanswered {
    Unanswered::problem(format!(
        "No connection to {name} could be opened, so nothing ran: {}. Call list_sessions to see whether it is ready, and call again.",
        chain(why)
    ))
}

/// An error with what led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
