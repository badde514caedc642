//! Whether a client may do what it asks for, and asking the artist where that is theirs to say.
//!
//! Invariant: what the artist allows once runs once, whoever asks for it again meanwhile; nothing runs while nobody has answered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use maya_mcp_session::{
    Access, Answer, Observation, Question, QuestionId, Registry, Session, Snapshot, Wanted, clock,
};
use tokio::time::{Instant, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    elicitation::{self, Offer},
    tools::{Call, OUR_CLIENT, Unanswered},
};

/// How long one call waits for the artist: clients give up after a minute, or wait on while they hear of progress.
const PATIENCE: Duration = Duration::from_secs(45);
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
}

#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Allowed,
    Denied,
    LookOnly,
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
    while !take(call, sessions, wanted) {
        let mut forms = BTreeMap::new();
        for session in sessions {
            if standing(call, session, wanted) == Standing::Unasked {
                ask(call, session, wanted)?;
            }
            let key = key(session, wanted);
            if let (Standing::Open(id), Some(answer)) = (standing(call, session, wanted), call.elicited(&key))
            {
                call.shared.registry.observe(&Observation::QuestionAnswered { id, answer });
            }
            if matches!(standing(call, session, wanted), Standing::Open(_)) {
                forms.insert(key, elicitation::form(&question_for(session, wanted)));
            }
        }
        if matches!(call.offer, Offer::Resend) && !forms.is_empty() {
            return Err(Unanswered::Asks(Box::new(elicitation::resend(forms))));
        }
        for session in sessions {
            let wait = Waiting { session, wanted };
            match call.offer.clone() {
                Offer::Ask(peer) => {
                    let asking = elicitation::ask(peer, question_for(session, wanted));
                    wait.for_the_artist(call, asking).await?;
                }
                Offer::None | Offer::Resend => wait.for_the_artist(call, std::future::pending()).await?,
            }
        }
    }
    Ok(())
}

/// Which question an answer of a client's is to.
fn key(session: &Session, wanted: &Wanted) -> String {
    format!("{}/{}", session.id(), wanted.digest)
}

struct Waiting<'a> {
    session: &'a Session,
    wanted: &'a Wanted,
}

impl Waiting<'_> {
    /// Returns when there is an answer, wherever it comes from: `asking` is the client's own way to ask.
    async fn for_the_artist(
        &self,
        call: &mut Call<'_>,
        asking: impl Future<Output = Option<Answer>>,
    ) -> Result<(), Unanswered> {
        let Self { session, wanted } = *self;
        let mut level = call.shared.registry.watch();
        let mut asking = std::pin::pin!(asking);
        let mut asked = false;
        let patience = if call.reporter.wants_progress() { LONG_PATIENCE } else { PATIENCE };
        let mut patience = std::pin::pin!(sleep(patience));
        let mut alive = interval_at(Instant::now(), ALIVE_EVERY);
        loop {
            level.mark_unchanged();
            let open = match standing(call, session, wanted) {
                // Or somebody has taken the answer meanwhile: it is asked anew.
                Standing::Allowed | Standing::Unasked => return Ok(()),
                Standing::Denied => return Err(denied(session)),
                Standing::LookOnly => return Err(look_only(session)),
                Standing::Open(id) => id,
            };
            tokio::select! {
                // The registry lives as long as the endpoint.
                _ = level.changed() => {}
                answer = &mut asking, if !asked => {
                    asked = true;
                    if let Some(answer) = answer {
                        call.shared.registry.observe(&Observation::QuestionAnswered { id: open, answer });
                    }
                }
                _ = alive.tick() => call.alive("Waiting for the artist to allow it"),
                () = &mut patience => return Err(unanswered(session)),
                over = call.over() => return Err(over),
            }
        }
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
    let (client, session, wanted) = (call.client.clone(), session.id(), wanted.clone());
    call.shared.registry.observe(&Observation::QuestionAsked { client, session, wanted });
    Ok(())
}

/// Where all of them stand allowed, what was allowed is taken: it counts once.
fn take(call: &Call<'_>, sessions: &[&Session], wanted: &Wanted) -> bool {
    let _taking = call.shared.approvals.taking.lock().unwrap_or_else(PoisonError::into_inner);
    let all = sessions.iter().all(|session| standing(call, session, wanted) == Standing::Allowed);
    let snapshot = call.shared.registry.snapshot();
    for session in sessions.iter().filter(|_| all) {
        if let Some(question) = snapshot.question(call.client, session.id(), &wanted.digest) {
            call.shared.registry.observe(&Observation::QuestionClosed { id: question.id });
        }
    }
    all
}

fn standing(call: &Call<'_>, session: &Session, wanted: &Wanted) -> Standing {
    let snapshot = call.shared.registry.snapshot();
    let question = snapshot.question(call.client, session.id(), &wanted.digest);
    stands(&snapshot, call, session, question)
}

fn stands(
    snapshot: &Snapshot,
    call: &Call<'_>,
    session: &Session,
    question: Option<&Arc<Question>>,
) -> Standing {
    match snapshot.rules.access(call.client, session.id()) {
        Access::Full => Standing::Allowed,
        Access::LookOnly => Standing::LookOnly,
        Access::Ask => match question.map(|question| (question.id, question.answer)) {
            None => Standing::Unasked,
            Some((id, None)) => Standing::Open(id),
            Some((_, Some(Answer::Once | Answer::Always))) => Standing::Allowed,
            // It stays, so that the artist is not asked the same again and again.
            Some((_, Some(Answer::No))) => Standing::Denied,
        },
    }
}

/// Closes what has stood for too long. Sleeps while nothing is asked.
pub(crate) async fn expire(registry: Registry, stop: CancellationToken) {
    let expiring = async move {
        let mut level = registry.watch();
        loop {
            let snapshot = level.borrow_and_update().clone();
            let now = clock::now();
            let age = |question: &Question| {
                Duration::try_from(now.duration_since(question.since)).unwrap_or_default()
            };
            let left = snapshot.questions.values().map(|question| STANDS.saturating_sub(age(question)));
            let next = left.min();
            tokio::select! {
                _ = level.changed() => {}
                () = async { match next { Some(left) => sleep(left).await, None => std::future::pending().await } } => {
                    let old = |question: &&Arc<Question>| {
                        let age = clock::now().duration_since(question.since);
                        Duration::try_from(age).unwrap_or_default() >= STANDS
                    };
                    let level = registry.snapshot();
                    for question in level.questions.values().filter(old) {
                        registry.observe(&Observation::QuestionClosed { id: question.id });
                    }
                }
            }
        }
    };
    tokio::select! { () = expiring => {}, () = stop.cancelled() => {} }
}

fn question_for(session: &Session, wanted: &Wanted) -> String {
    let (id, title) = (session.id(), session.title());
    format!("May I {} in {title} ({id})?\n\n{}", wanted.what, wanted.code)
}

fn look_only(session: &Session) -> Unanswered {
    let (id, title) = (session.id(), session.title());
    Unanswered::refused(format!(
        "In {id} ({title}) you may only look: get_scene, capture_viewport and get_output work, and nothing runs. The artist can change that in Maya MCP Tray."
    ))
}

fn denied(session: &Session) -> Unanswered {
    let (id, title) = (session.id(), session.title());
    Unanswered::refused(format!(
        "The artist did not allow it in {id} ({title}), so it did not run. Ask them what they would rather have, and do not try the same again."
    ))
}

fn unanswered(session: &Session) -> Unanswered {
    let (id, title) = (session.id(), session.title());
    Unanswered::asked(format!(
        "The artist has not allowed it yet in {id} ({title}), so it did not run. Ask them to answer in Maya MCP Tray (in its notice, its menu or its window), and then call again with the same arguments."
    ))
}
