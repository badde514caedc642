//! The whole life of a session, as one pure function.
//!
//! Invariant: an observation that changes nothing leaves the revision alone; one that changes something raises it by one; there is
//! no event without a change, but for what is no session's doing: time (`Beat`), and other servers.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;

use crate::{
    Answer, Chooser, ClientName, Crash, Ending, Event, Observation, Offer, Origin, Phase, Question,
    QuestionId, Scene, Scope, Session, SessionId, Snapshot, Wanted, What,
};

/// Who has not looked after so many crashes needs no more of them.
const CRASHES_KEPT: usize = 8;

/// Applies one observation. What happened is about sessions as they are (or, for an ended one, were) in `snapshot`.
pub fn reduce(snapshot: &mut Snapshot, observation: &Observation, now: Timestamp) -> Vec<What> {
    let before = snapshot.revision;
    let happened = happen(snapshot, observation, now);
    if let Observation::LinkOpened { id, scene, .. } | Observation::SceneSeen { id, scene, .. } = observation
        && close_crash_of(snapshot, *id, scene)
    {
        // One change, with whatever else this has changed.
        snapshot.revision = before + 1;
    }
    happened
}

fn happen(snapshot: &mut Snapshot, observation: &Observation, now: Timestamp) -> Vec<What> {
    let of_session = |(session, event)| What::Session { session, event };
    match observation {
        Observation::Backend { backend, event } => {
            snapshot.revision += 1;
            vec![What::Backend { backend: backend.clone(), event: *event }]
        }
        Observation::Beat => {
            snapshot.revision += 1;
            let sessions = snapshot.sessions.values().cloned();
            sessions.map(|session| of_session((session, Event::Heartbeat))).collect()
        }
        Observation::LinkOpened { id, .. } => {
            let session = snapshot.sessions.get(id);
            let before = session.and_then(|session| session.maya_version()).map(str::to_owned);
            let Some((session, event)) = step(snapshot, observation, now) else { return Vec::new() };
            // Behind an address, or by what the helper says.
            let before = before.filter(|before| session.maya_version() != Some(before));
            let another = before.map(|before| (session.clone(), Event::VersionChanged { before }));
            [(session, event)].into_iter().chain(another).map(of_session).collect()
        }
        _ => step(snapshot, observation, now).map(of_session).into_iter().collect(),
    }
}

/// What leads to one event at most.
fn step(snapshot: &mut Snapshot, observation: &Observation, now: Timestamp) -> Option<(Arc<Session>, Event)> {
    match observation {
        // Of none or many sessions, and done with above.
        Observation::Backend { .. } | Observation::Beat => None,
        Observation::ProcessFound(process) => appear(snapshot, Origin::Process(process.clone()), now),
        Observation::AddedByHand(by_hand) => appear(snapshot, Origin::ByHand(by_hand.clone()), now),
        Observation::ProcessEnded { id, ending } => end_process(snapshot, *id, ending, now),
        Observation::CrashClosed { id } => {
            let before = snapshot.crashes.len();
            snapshot.crashes.retain(|crash| crash.session.id() != *id);
            snapshot.revision += u64::from(snapshot.crashes.len() < before);
            None
        }
        Observation::Removed { id } => end(snapshot, *id, Event::Removed),
        Observation::ConnectOffered { id, offer } => change(snapshot, *id, |session| {
            let news = enter(session, Phase::AwaitingConnect, now);
            if news {
                session.offered = *offer;
            }
            (news && *offer == Offer::Asking).then_some(Event::AwaitingConnect)
        }),
        Observation::Chosen { by, session } => choose(snapshot, by, *session),
        Observation::AccessSet { scope, access } => {
            let is_known = match scope {
                Scope::Session(id) | Scope::Pair(_, id) => snapshot.sessions.contains_key(id),
                Scope::Everywhere | Scope::Client(_) => true,
            };
            let news = is_known && snapshot.rules.set(scope, *access);
            // Who makes a rule may think otherwise of what was refused before.
            if news {
                snapshot.questions.retain(|_, question| question.answer != Some(Answer::No));
            }
            snapshot.revision += u64::from(news);
            None
        }
        Observation::QuestionAsked { client, session, wanted } => {
            ask(snapshot, client, *session, wanted, now)
        }
        Observation::QuestionAnswered { id, answer } => answer_question(snapshot, *id, *answer, now),
        Observation::QuestionClosed { id } => {
            snapshot.revision += u64::from(snapshot.questions.remove(id).is_some());
            None
        }
        Observation::Connecting { id, address } => change(snapshot, *id, |session| {
            session.address = Some(address.clone());
            enter(session, Phase::Bootstrapping, now);
            None
        }),
        Observation::PermissionAsked { id, address } => change(snapshot, *id, |session| {
            session.address = Some(address.clone());
            enter(session, Phase::AwaitingPermission, now).then_some(Event::AwaitingPermission)
        }),
        Observation::ConnectFailed { id, why } => change(snapshot, *id, |session| {
            enter(session, Phase::Unreachable { why: why.clone() }, now)
                .then(|| Event::Unreachable { why: why.clone() })
        }),
        Observation::LinkOpened { id, address, facts, scene } => change(snapshot, *id, |session| {
            session.address.clone_from(address);
            session.facts = Some(facts.clone());
            session.scene = Some(scene.clone());
            enter(session, Phase::Ready, now).then_some(Event::Ready)
        }),
        Observation::LinkClosed { id } => change(snapshot, *id, |session| {
            enter(session, Phase::Discovered, now);
            None
        }),
        Observation::MainThreadBusy { id, since } => linked(snapshot, *id, |session| {
            // A session that does not respond is busy all the more: it becomes neither again.
            let news = session.phase == Phase::Ready;
            (news && enter(session, Phase::Busy { since: *since }, now)).then_some(Event::Busy)
        }),
        Observation::MainThreadStuck { id, since, silent, recovered_scene } => {
            linked(snapshot, *id, |session| {
                let before = session.phase.clone();
                // It stays the same silence: what is learned of it later is added.
                let (silent, found) = (*silent, recovered_scene.clone());
                if let Phase::NotResponding { since, recovered_scene, .. } = before {
                    let recovered_scene = found.or(recovered_scene);
                    session.phase = Phase::NotResponding { since, silent, recovered_scene };
                    return None;
                }
                let phase = Phase::NotResponding { since: *since, silent, recovered_scene: found };
                enter(session, phase, now).then_some(Event::NotResponding)
            })
        }
        Observation::MainThreadFree { id } => linked(snapshot, *id, |session| {
            let was_silent = matches!(session.phase, Phase::NotResponding { .. });
            let event = if was_silent { Event::CameBack } else { Event::Ready };
            enter(session, Phase::Ready, now).then_some(event)
        }),
        Observation::SceneSeen { id, reason, scene } => change(snapshot, *id, |session| {
            session.scene = Some(scene.clone());
            session.scenes_seen += 1;
            Some(Event::SceneChanged { reason: *reason })
        }),
        Observation::SelectionSeen { id, selection } => linked(snapshot, *id, |session| {
            session.selection = Some(selection.clone());
            Some(Event::SelectionChanged { count: selection.count })
        }),
    }
}

fn appear(snapshot: &mut Snapshot, origin: Origin, now: Timestamp) -> Option<(Arc<Session>, Event)> {
    let session = Session::new(origin, now);
    if snapshot.sessions.contains_key(&session.id()) {
        return None;
    }
    let session = Arc::new(session);
    snapshot.sessions.insert(session.id(), session.clone());
    snapshot.revision += 1;
    Some((session, Event::Appeared))
}

/// What a person works in is kept with its crash, until the artist has seen to it.
fn end_process(
    snapshot: &mut Snapshot,
    id: SessionId,
    ending: &Ending,
    now: Timestamp,
) -> Option<(Arc<Session>, Event)> {
    let (session, event) = end(snapshot, id, event_of(ending))?;
    if let Event::Crashed { recovered_scene } = &event
        && !session.is_batch()
    {
        let recovered_scene = recovered_scene.clone();
        let crash = Crash { session: session.clone(), at: now, recovered_scene };
        snapshot.crashes.push(Arc::new(crash));
        let surplus = snapshot.crashes.len().saturating_sub(CRASHES_KEPT);
        snapshot.crashes.drain(..surplus);
    }
    Some((session, event))
}

/// A Maya that was only started for a recovered scene may end before it is open; in one that has it open, nothing is lost any more.
fn close_crash_of(snapshot: &mut Snapshot, id: SessionId, scene: &Scene) -> bool {
    if scene.path.is_empty() || !snapshot.sessions.contains_key(&id) {
        return false;
    }
    // Maya writes `/` on every system.
    let plain = |path: &str| path.replace('\\', "/");
    let opened = plain(&scene.path);
    let is_open = |recovered: &PathBuf| plain(&recovered.to_string_lossy()) == opened;
    let before = snapshot.crashes.len();
    snapshot.crashes.retain(|crash| !crash.recovered_scene.as_ref().is_some_and(is_open));
    snapshot.crashes.len() < before
}

/// It is no event: clients and people see it in the snapshot.
fn choose(
    snapshot: &mut Snapshot,
    by: &Chooser,
    session: Option<SessionId>,
) -> Option<(Arc<Session>, Event)> {
    let known = session.filter(|id| snapshot.sessions.contains_key(id));
    let was_without = match by {
        Chooser::Client(client) => snapshot.ended_choices.remove(client).is_some(),
        Chooser::Artist => false,
    };
    let before = match known {
        Some(id) => snapshot.choices.insert(by.clone(), id),
        None => snapshot.choices.remove(by),
    };
    snapshot.revision += u64::from(before != known || was_without);
    None
}

fn end(snapshot: &mut Snapshot, id: SessionId, event: Event) -> Option<(Arc<Session>, Event)> {
    let session = snapshot.sessions.remove(&id)?;
    for (by, _) in snapshot.choices.extract_if(.., |_, chosen| *chosen == id) {
        if let Chooser::Client(client) = by {
            snapshot.ended_choices.insert(client, id);
        }
    }
    snapshot.rules.forget(id);
    snapshot.questions.retain(|_, question| question.session != id);
    snapshot.revision += 1;
    Some((session, event))
}

/// The same is not asked twice.
fn ask(
    snapshot: &mut Snapshot,
    client: &ClientName,
    session: SessionId,
    wanted: &Wanted,
    now: Timestamp,
) -> Option<(Arc<Session>, Event)> {
    let is_known = snapshot.sessions.contains_key(&session);
    if is_known && snapshot.question(client, session, &wanted.digest).is_none() {
        snapshot.revision += 1;
        let id = QuestionId(snapshot.revision);
        let (client, wanted) = (client.clone(), wanted.clone());
        let question = Question { id, client, session, wanted, since: now, answer: None, answered_at: None };
        snapshot.questions.insert(id, Arc::new(question));
    }
    None
}

/// The first answer counts.
fn answer_question(
    snapshot: &mut Snapshot,
    id: QuestionId,
    answer: Answer,
    now: Timestamp,
) -> Option<(Arc<Session>, Event)> {
    let question = snapshot.questions.get_mut(&id).filter(|question| question.answer.is_none())?;
    let answered = Arc::make_mut(question);
    answered.answer = Some(answer);
    answered.answered_at = Some(now);
    if answer == Answer::Always {
        snapshot.rules.trust(&question.client, question.session);
    }
    snapshot.revision += 1;
    None
}

fn event_of(ending: &Ending) -> Event {
    match ending {
        Ending::Goodbye | Ending::Unwitnessed => Event::Exited,
        Ending::WithoutGoodbye { recovered_scene } => {
            Event::Crashed { recovered_scene: recovered_scene.clone() }
        }
    }
}

/// Lets `alter` work on a copy; the copy takes the session's place, and the revision grows, only if it differs.
fn change(
    snapshot: &mut Snapshot,
    id: SessionId,
    alter: impl FnOnce(&mut Session) -> Option<Event>,
) -> Option<(Arc<Session>, Event)> {
    let slot = snapshot.sessions.get_mut(&id)?;
    let mut session = Session::clone(slot);
    let event = alter(&mut session);
    if session == **slot {
        return None;
    }
    *slot = Arc::new(session);
    snapshot.revision += 1;
    Some((slot.clone(), event?))
}

/// For what can only be seen through an open link: late news of a closed one changes nothing.
fn linked(
    snapshot: &mut Snapshot,
    id: SessionId,
    alter: impl FnOnce(&mut Session) -> Option<Event>,
) -> Option<(Arc<Session>, Event)> {
    snapshot.sessions.get(&id).filter(|session| session.phase.is_linked())?;
    change(snapshot, id, alter)
}

/// True when this is another phase than before; staying in a phase keeps its beginning.
fn enter(session: &mut Session, phase: Phase, now: Timestamp) -> bool {
    if session.phase == phase {
        return false;
    }
    session.phase = phase;
    session.since = now;
    true
}

#[cfg(test)]
mod tests;
