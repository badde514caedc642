//! Who may run code where, and the questions to the artist that come of it.
//!
//! Invariant: a question is about one script, of one client, in one session; an answer counts for exactly that, unless it is *Always*.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ClientName, SessionId};

/// What a client may do in a session. The greater is the stricter.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everything.
    #[default]
    Full,
    /// Everything, but the artist is asked before anything runs.
    Ask,
    /// Nothing runs: sessions, scene, viewport and output can be looked at.
    LookOnly,
}

impl Access {
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Ask => "ask",
            Self::LookOnly => "look_only",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no access mode: it is full, ask or look_only")]
pub struct InvalidAccess(String);

impl FromStr for Access {
    type Err = InvalidAccess;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let modes = [Self::Full, Self::Ask, Self::LookOnly];
        modes.into_iter().find(|mode| mode.name() == text).ok_or_else(|| InvalidAccess(text.to_owned()))
    }
}

/// Whom, and where, a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every client in every session that no other rule is about.
    Everywhere,
    Client(ClientName),
    Session(SessionId),
    /// This client in this session: counts above all others.
    Pair(ClientName, SessionId),
}

/// The artist's rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(BTreeMap<Scope, Access>);

impl Rules {
    /// The rule for just these two; else the stricter of the client's and the session's; else the one for everywhere; else full.
    pub fn access(&self, client: &ClientName, session: SessionId) -> Access {
        if let Some(own) = self.get(&Scope::Pair(client.clone(), session)) {
            return own;
        }
        let stricter = self.get(&Scope::Client(client.clone())).max(self.get(&Scope::Session(session)));
        stricter.or_else(|| self.get(&Scope::Everywhere)).unwrap_or_default()
    }

    pub fn get(&self, scope: &Scope) -> Option<Access> {
        self.0.get(scope).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Scope, Access)> {
        self.0.iter().map(|(scope, access)| (scope, *access))
    }

    /// True when anything is another rule than before. What is said later of a client or a session takes back what had been allowed to
    /// both together beyond it, and nothing that was stricter.
    pub(crate) fn set(&mut self, scope: &Scope, access: Option<Access>) -> bool {
        let rules = self.0.len();
        self.0.retain(|older, mode| {
            let is_of_it = match (scope, older) {
                (Scope::Client(client), Scope::Pair(of, _)) => client == of,
                (Scope::Session(session), Scope::Pair(_, of)) => session == of,
                _ => false,
            };
            !is_of_it || access.is_none_or(|access| *mode >= access)
        });
        let is_less = self.0.len() < rules;
        let before = match access {
            Some(access) => self.0.insert(scope.clone(), access),
            None => self.0.remove(scope),
        };
        is_less || before != access
    }

    /// From now on this client is not asked in this session, nor in others, as far as no stricter rule is about them.
    pub(crate) fn trust(&mut self, client: &ClientName, session: SessionId) {
        self.set(&Scope::Client(client.clone()), Some(Access::Full));
        let pair = Scope::Pair(client.clone(), session);
        self.set(&pair, None);
        if self.access(client, session) != Access::Full {
            self.set(&pair, Some(Access::Full));
        }
    }

    pub(crate) fn forget(&mut self, session: SessionId) {
        self.0.retain(|scope, _| match scope {
            Scope::Session(id) | Scope::Pair(_, id) => *id != session,
            Scope::Everywhere | Scope::Client(_) => true,
        });
    }
}

/// Grows, and is never used again while an engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub u64);

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "question {}", self.0)
    }
}

/// A client wants something that the artist has to allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub id: QuestionId,
    pub client: ClientName,
    pub session: SessionId,
    pub wanted: Wanted,
    pub since: Timestamp,
    /// None while the artist has not answered. An answer stays until whoever asked has taken it.
    pub answer: Option<Answer>,
    pub answered_at: Option<Timestamp>,
}

/// What shall be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of all of it (SHA-256, hexadecimal): the same again is the same question.
    pub digest: String,
    /// In a few words: "run Python code (12 lines)".
    pub what: String,
    /// Its beginning, to be read by the artist.
    pub code: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This, once.
    Once,
    /// This, and whatever else this client wants from now on.
    Always,
    No,
}

#[cfg(test)]
mod tests;
