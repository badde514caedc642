//! Which questions of clients are told on the desktop, and in which words.
//!
//! Invariant: follows the level: nobody is told twice of one question while its notice is as it was, and a notice is there for no longer
//! than what it asks, and says how much that is.

use std::collections::{BTreeMap, BTreeSet};

use maya_mcp_session::{ClientName, Question, QuestionId, Snapshot};
use tokio::time::Instant;

use crate::{Action, Notice, Urgency, policy::LIMIT};

/// Beyond so many of one client, one notice says how many.
const MOST: usize = 3;
/// As much of a script as a notice has room for.
const LINES: usize = 5;
const WIDTH: usize = 100;

#[cfg(all(unix, not(target_os = "macos")))]
const WHERE_TO_ANSWER: &str = "Answer here, in the tray or in the window.";
#[cfg(not(all(unix, not(target_os = "macos"))))]
const WHERE_TO_ANSWER: &str = "Answer in the tray or in the window.";

/// What is on the desktop, and what it did not take.
#[derive(Debug, Default)]
pub(crate) struct Told {
    shown: BTreeMap<Key, Shown>,
    /// Not to be tried again before.
    refused: BTreeMap<QuestionId, Instant>,
}

/// One notice.
#[derive(Debug)]
struct Shown {
    /// Those it tells that are open still.
    open: BTreeSet<QuestionId>,
    /// As many as it says.
    says: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    One(QuestionId),
    Many(ClientName),
}

#[derive(Debug, Default)]
pub(crate) struct Step {
    pub withdraw: Vec<Key>,
    pub show: Vec<(Key, Notice)>,
}

impl Told {
    /// Forgets the notices that ask nothing any more, and names them.
    pub fn settle(&mut self, now: &Snapshot) -> Vec<Key> {
        let open: BTreeSet<_> = now.open_questions().map(|question| question.id).collect();
        self.refused.retain(|id, _| open.contains(id));
        self.shown.values_mut().for_each(|shown| shown.open.retain(|id| open.contains(id)));
        self.shown.extract_if(.., |_, shown| shown.open.is_empty()).map(|(key, _)| key).collect()
    }

    /// Nothing is on the desktop any more: names what was.
    pub fn forget(&mut self) -> Vec<Key> {
        std::mem::take(self).shown.into_keys().collect()
    }

    /// The desktop did not take it. What is open still is tried again, as seldom as anything is repeated.
    pub fn not_shown(&mut self, key: &Key, now: Instant) {
        let open = self.shown.remove(key).into_iter().flat_map(|shown| shown.open);
        self.refused.extend(open.map(|id| (id, now + LIMIT)));
    }

    /// When what the desktop did not take is news again.
    pub fn again(&self) -> Option<Instant> {
        self.refused.values().min().copied()
    }

    /// To be called after [`Told::settle`].
    pub fn is_news(&self, now: &Snapshot, at: Instant) -> bool {
        let is_outdated = self.shown.values().any(Shown::is_outdated);
        is_outdated || now.open_questions().any(|question| self.is_untold(question.id, at))
    }

    /// To be called after [`Told::settle`].
    pub fn tell(&mut self, now: &Snapshot, at: Instant, title: &impl Fn(&ClientName) -> String) -> Step {
        let mut by_client: BTreeMap<&ClientName, Vec<&Question>> = BTreeMap::new();
        for question in now.open_questions() {
            by_client.entry(&question.client).or_default().push(question);
        }
        let mut step = Step::default();
        for (client, asked) in by_client {
            let many = Key::Many(client.clone());
            let is_outdated = self.shown.get(&many).is_some_and(Shown::is_outdated);
            if asked.len() <= MOST {
                if is_outdated {
                    self.shown.remove(&many);
                    step.withdraw.push(many);
                }
                for question in asked {
                    if self.is_untold(question.id, at) {
                        let notice = of_one(question, now, &title(client));
                        self.show(&mut step, Key::One(question.id), [question.id].into(), notice);
                    }
                }
            } else if is_outdated || asked.iter().any(|question| self.is_untold(question.id, at)) {
                let ids: BTreeSet<_> = asked.iter().map(|question| question.id).collect();
                let replaced = self.shown.extract_if(.., |_, shown| !shown.open.is_disjoint(&ids));
                step.withdraw.extend(replaced.map(|(key, _)| key));
                let notice = of_many(client, ids.len(), &title(client));
                self.show(&mut step, many, ids, notice);
            }
        }
        step
    }

    fn show(&mut self, step: &mut Step, key: Key, told: BTreeSet<QuestionId>, notice: Notice) {
        self.refused.retain(|id, _| !told.contains(id));
        self.shown.insert(key.clone(), Shown { says: told.len(), open: told });
        step.show.push((key, notice));
    }

    fn is_untold(&self, id: QuestionId, at: Instant) -> bool {
        let is_held_back = self.refused.get(&id).is_some_and(|again| at < *again);
        !is_held_back && !self.shown.values().any(|shown| shown.open.contains(&id))
    }
}

impl Shown {
    fn is_outdated(&self) -> bool {
        self.open.len() != self.says
    }
}

fn of_one(question: &Question, now: &Snapshot, client: &str) -> Notice {
    let session = now.sessions.get(&question.session);
    let maya = session.map_or_else(|| "Maya".to_owned(), |session| session.title());
    let scene = session.and_then(|session| session.scene.as_ref()).filter(|scene| !scene.name.is_empty());
    let scene = scene.map(|scene| format!(", {}", scene.name)).unwrap_or_default();
    let what = capitalized(&question.wanted.what);
    let code = beginning(&question.wanted.code);
    notice(
        format!("question/{}", question.id.0),
        format!("{client} wants to run code in {maya}"),
        format!("{what} in {}{scene}:\n{code}\n{WHERE_TO_ANSWER}", question.session),
        Some(Action::Answer(question.id)),
    )
}

fn of_many(client: &ClientName, count: usize, title: &str) -> Notice {
    let body = "Each is to be allowed or denied: open the window of Maya MCP Tray to read and answer them.";
    let title = format!("{title} wants to run code {count} times");
    notice(format!("questions/{client}"), title, body.to_owned(), None)
}

/// It stays until it is settled: a client waits for the answer.
fn notice(key: String, title: String, body: String, action: Option<Action>) -> Notice {
    Notice { key, title, body, urgency: Urgency::Critical, action }
}

fn beginning(code: &str) -> String {
    let cut = |line: &str| match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    };
    let mut lines = code.trim_end().lines();
    let mut shown: Vec<_> = lines.by_ref().take(LINES).map(cut).collect();
    if lines.next().is_some() {
        shown.push("…".to_owned());
    }
    shown.join("\n")
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests;
