//! Whether a client may do what it asks for, and asking the artist where that is theirs to say.
//!
//! Invariant: what the artist allows once runs once, whoever asks for it again meanwhile; nothing runs while nobody has answered, nor in a
//! session that has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use maya_mcp_session::{
    Access, Answer, Observation, Question, QuestionId, Registry, Session, Snapshot, Wanted, clock,
};
use rmcp::{RoleServer, service::Peer};
use tokio::time::{Instant, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    elicitation::{self, Offer, Said},
    tools::{Call, OUR_CLIENT, Unanswered},
};

/// How long a call that tells of its progress waits for the artist.
const LONG_PATIENCE: Duration = Duration::from_mins(5);
const ALIVE_EVERY: Duration = Duration::from_secs(5);
/// For how long a question stands, and its answer counts.
const STANDS: Duration = Duration::from_mins(10);
/// Of one client, without an answer: an artist is not buried in questions.
const MOST: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Approvals {
    /// Held while an answer is taken, so that it is taken once.
    taking: Mutex<()>,
    /// Which questions clients are asking their artists at this moment.
    asking: Mutex<BTreeSet<QuestionId>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Allowed,
    Denied,
    LookOnly,
    /// The session has ended.
    Gone,
    /// The artist has not answered yet.
    Open(QuestionId),
    /// Nobody has asked, or too long ago.
    Unasked,
}

/// Returns when the call may go on, in all of these sessions.
pub(crate) async fn permit(
    call: &mut Call<'_>,
    sessions: &[&Session],
    wanted: &Wanted,
) -> Result<(), Unanswered> {
    // Our own program in a shell is the artist's own word.
    if call.client.as_str() == OUR_CLIENT {
        return Ok(());
    }
    // What a client says counts for what it was asked before it called.
    take_in(call, sessions, wanted)?;
    while !take(call, sessions, wanted)? {
        // Whatever was seen of them is over by now; others get their turn before it is looked at again.
        tokio::task::yield_now().await;
        let mut forms = BTreeMap::new();
        for session in sessions {
            if standing(call, session, wanted) == Standing::Unasked {
                ask(call, session, wanted)?;
            }
            if let Standing::Open(id) = standing(call, session, wanted) {
                forms.insert(id.to_string(), elicitation::form(&question_for(session, wanted)));
            }
        }
        if matches!(call.offer, Offer::Resend) && !forms.is_empty() {
            return Err(Unanswered::Asks(Box::new(elicitation::resend(forms))));
        }
        for session in sessions {
            wait_for_the_artist(call, session, wanted).await?;
        }
    }
    Ok(())
}

fn take_in(call: &mut Call<'_>, sessions: &[&Session], wanted: &Wanted) -> Result<(), Unanswered> {
    for session in sessions {
        let Standing::Open(id) = standing(call, session, wanted) else { continue };
        match call.answers.take(&id.to_string()) {
            Some(Said::Clearly(answer)) => {
                call.shared.registry.observe(&Observation::QuestionAnswered { id, answer });
            }
            // Asked again at once, an artist who has closed the form would see it for ever.
            Some(Said::Nothing) => return Err(unanswered(session)),
            None => {}
        }
    }
    Ok(())
}

/// Returns when there is an answer, wherever it comes from.
async fn wait_for_the_artist(
    call: &mut Call<'_>,
    session: &Session,
    wanted: &Wanted,
) -> Result<(), Unanswered> {
    let mut level = call.shared.registry.watch();
    let patience = if call.reporter.wants_progress() { LONG_PATIENCE } else { call.shared.patience.artist };
    let mut patience = std::pin::pin!(sleep(patience));
    let mut alive = interval_at(Instant::now(), ALIVE_EVERY);
    loop {
        level.mark_unchanged();
        match standing(call, session, wanted) {
            // Unasked: somebody has taken the answer meanwhile, and it is asked anew.
            Standing::Allowed | Standing::Unasked => return Ok(()),
            Standing::Open(id) => {
                if let Offer::Ask(peer) = &call.offer {
                    ask_through_the_client(call, peer, id, &question_for(session, wanted)).await;
                }
            }
            not => return Err(refused(not, session)),
        }
        tokio::select! {
            // The registry lives as long as the endpoint.
            _ = level.changed() => {}
            _ = alive.tick() => call.alive("Waiting for the artist to allow it"),
            () = &mut patience => return Err(unanswered(session)),
            over = call.over() => return Err(over),
        }
    }
}

/// Once for each question; what comes of it counts as long as it is open, whether or not the call still waits.
async fn ask_through_the_client(call: &Call<'_>, peer: &Peer<RoleServer>, id: QuestionId, question: &str) {
    let shared = Arc::clone(call.shared);
    if !shared.approvals.asking().insert(id) {
        return;
    }
    let asked = elicitation::ask(peer, question).await;
    call.shared.tracker.spawn(async move {
        let settled = async {
            let open = |snapshot: &Arc<Snapshot>| {
                snapshot.questions.get(&id).is_some_and(|question| question.answer.is_none())
            };
            // An error says that the registry is gone, and everything with it.
            let _ = shared.registry.watch().wait_for(|snapshot| !open(snapshot)).await;
        };
        let answer = async {
            match asked {
                Some(asked) => asked.answer(settled).await,
                None => None,
            }
        };
        if let Some(Some(answer)) = shared.stop.run_until_cancelled(answer).await {
            shared.registry.observe(&Observation::QuestionAnswered { id, answer });
        }
        // One who has closed the dialog is not asked the same there again; the tray and the window still ask.
        let closed = async {
            let gone = |snapshot: &Arc<Snapshot>| !snapshot.questions.contains_key(&id);
            let _ = shared.registry.watch().wait_for(gone).await;
        };
        shared.stop.run_until_cancelled(closed).await;
        shared.approvals.asking().remove(&id);
    });
}

impl Approvals {
    fn asking(&self) -> std::sync::MutexGuard<'_, BTreeSet<QuestionId>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask(call: &Call<'_>, session: &Session, wanted: &Wanted) -> Result<(), Unanswered> {
    let snapshot = call.shared.registry.snapshot();
    let open = |question: &&Arc<Question>| question.client == *call.client && question.answer.is_none();
    if snapshot.questions.values().filter(open).count() >= MOST {
        let why = format!(
            "{MOST} questions of yours wait for the artist already. Ask them to answer in Maya MCP Tray, and call again then."
        );
        return Err(Unanswered::refused(why));
    }
    // One that is too old would be taken for this one: a machine that slept closes it late.
    let older = snapshot.question(call.client, session.id(), &wanted.digest);
    if let Some(older) = older.filter(|older| left(older) == Duration::ZERO) {
        call.shared.registry.observe(&Observation::QuestionClosed { id: older.id });
    }
    let (client, session, wanted) = (call.client.clone(), session.id(), wanted.clone());
    call.shared.registry.observe(&Observation::QuestionAsked { client, session, wanted });
    Ok(())
}

/// Where all of them stand allowed, what was allowed is taken: it counts once. Where one is refused, so are all, and nobody is asked.
fn take(call: &Call<'_>, sessions: &[&Session], wanted: &Wanted) -> Result<bool, Unanswered> {
    let _taking = call.shared.approvals.taking.lock().unwrap_or_else(PoisonError::into_inner);
    let snapshot = call.shared.registry.snapshot();
    let stand = |session: &&Session| stands(&snapshot, call, session, wanted);
    for session in sessions {
        if let not @ (Standing::Denied | Standing::LookOnly | Standing::Gone) = stand(session) {
            return Err(refused(not, session));
        }
    }
    let all = sessions.iter().all(|session| stand(session) == Standing::Allowed);
    for session in sessions.iter().filter(|_| all) {
        // An answer is kept for when there is a way to Maya again.
        call.link(session)?;
        if let Some(question) = snapshot.question(call.client, session.id(), &wanted.digest) {
            call.shared.registry.observe(&Observation::QuestionClosed { id: question.id });
        }
    }
    Ok(all)
}

fn standing(call: &Call<'_>, session: &Session, wanted: &Wanted) -> Standing {
    stands(&call.shared.registry.snapshot(), call, session, wanted)
}

fn stands(snapshot: &Snapshot, call: &Call<'_>, session: &Session, wanted: &Wanted) -> Standing {
    if !snapshot.sessions.contains_key(&session.id()) {
        return Standing::Gone;
    }
    match snapshot.rules.access(call.client, session.id()) {
        Access::Full => Standing::Allowed,
        Access::LookOnly => Standing::LookOnly,
        Access::Ask => {
            let question = snapshot.question(call.client, session.id(), &wanted.digest);
            // What is too old is about to be closed.
            let question = question.filter(|question| left(question) > Duration::ZERO);
            match question.map(|question| (question.id, question.answer)) {
                None => Standing::Unasked,
                Some((id, None)) => Standing::Open(id),
                Some((_, Some(Answer::Once | Answer::Always))) => Standing::Allowed,
                // It stays, so that the artist is not asked the same again and again.
                Some((_, Some(Answer::No))) => Standing::Denied,
            }
        }
    }
}

/// For how long a question, or its answer, still stands.
fn left(question: &Question) -> Duration {
    let since = question.answered_at.unwrap_or(question.since);
    let age = Duration::try_from(clock::now().duration_since(since)).unwrap_or_default();
    STANDS.saturating_sub(age)
}

/// Closes what has stood for too long. Sleeps while nothing is asked.
pub(crate) async fn expire(registry: Registry, stop: CancellationToken) {
    let expiring = async move {
        let mut level = registry.watch();
        loop {
            let snapshot = level.borrow_and_update().clone();
            for question in snapshot.questions.values().filter(|question| left(question) == Duration::ZERO) {
                registry.observe(&Observation::QuestionClosed { id: question.id });
            }
            let next = snapshot.questions.values().map(|question| left(question)).min();
            let next = async {
                match next {
                    Some(left) => sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! { _ = level.changed() => {}, () = next => {} }
        }
    };
    tokio::select! { () = expiring => {}, () = stop.cancelled() => {} }
}

fn question_for(session: &Session, wanted: &Wanted) -> String {
    let (id, title) = (session.id(), session.title());
    format!("May I {} in {title} ({id})?\n\n{}", wanted.what, wanted.code)
}

fn refused(why: Standing, session: &Session) -> Unanswered {
    let (id, title) = (session.id(), session.title());
    Unanswered::refused(match why {
        Standing::LookOnly => format!(
            "In {id} ({title}) you may only look: get_scene, capture_viewport and get_output work, and nothing runs. The artist can change that in Maya MCP Tray."
        ),
        Standing::Gone => {
            format!("{id} ({title}) has ended, so nothing ran. Call list_sessions to see what is running.")
        }
        _ => format!(
            "The artist did not allow it in {id} ({title}), so it did not run. Ask them what they would rather have, and do not try the same again."
        ),
    })
}

fn unanswered(session: &Session) -> Unanswered {
    let (id, title) = (session.id(), session.title());
    Unanswered::asked(format!(
        "The artist has not allowed it yet in {id} ({title}), so it did not run. Ask them to answer in Maya MCP Tray (in its notice, its menu or its window), and then call again with the same arguments."
    ))
}
