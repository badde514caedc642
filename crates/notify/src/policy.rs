//! Which notices about sessions are on the desktop, and when.
//!
//! Invariant: pure, and follows the level: it compares what is true with what has been said. However many changes there were in
//! between, and however late they are seen, what is shown in the end is what is true in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use maya_mcp_session::{Kind, Offer, Phase, SessionId, Snapshot};
use tokio::time::Instant;

use crate::{
    Dropped, Notice, Notices, Subject, Telling,
    notice::{Who, found, of_one, of_several},
};

/// The same words about the same session are not repeated sooner.
pub(crate) const LIMIT: Duration = Duration::from_mins(5);
/// After a start nothing is told for so long: what is found then is told at once.
const SETTLE: Duration = Duration::from_secs(3);
/// After the machine woke, for links take a moment to come back.
const SETTLE_AWAKE: Duration = Duration::from_secs(5);
/// It looks at least every other second; when so much has passed in between, the machine slept.
const SLEPT: Duration = Duration::from_secs(10);
/// Nobody reads faster: what comes together is told together.
const GATHER: Duration = Duration::from_millis(250);

/// Both clocks: one of them nobody sets, and the other one runs while the machine sleeps.
#[derive(Debug, Clone)]
pub(crate) struct Now {
    pub mono: Instant,
    pub wall: Timestamp,
    /// Where the machine is: people travel with theirs.
    pub zone: TimeZone,
}

/// A place on the desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    One(SessionId),
    /// Of several sessions; each has a number of its own.
    Several(u64),
}

#[derive(Debug, Default)]
pub(crate) struct Step {
    pub withdraw: BTreeSet<Place>,
    /// In the place of what is there.
    pub show: Vec<Show>,
    pub dropped: Vec<(Kind, Dropped)>,
    /// When there is something to do, though nothing has changed by then.
    pub again: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Show {
    pub place: Place,
    pub notice: Notice,
    /// What it tells, and since when that is known; nothing where only some of what was told is over.
    pub news: Vec<(Kind, Instant)>,
}

#[derive(Debug)]
pub(crate) struct Policy {
    heard: BTreeMap<SessionId, Heard>,
    /// What was shown in the last minutes, and when; longer than a session that goes and comes.
    limits: BTreeMap<(SessionId, Subject, String), Instant>,
    /// Nothing but Maya's own dialogs and crashes is told before.
    gate: Instant,
    last: Now,
    groups: u64,
    /// Those on the desktop of what lasts, and how many each says it is about.
    says: BTreeMap<u64, (Subject, usize)>,
}

/// What the artist has heard of one session.
#[derive(Debug, Default)]
struct Heard {
    said: Option<Said>,
    pending: Option<Pending>,
    arrival: Arrival,
    /// That it is not responding was told, and nothing better since.
    trouble: bool,
}

/// It is true, and needs no more words.
#[derive(Debug)]
struct Said {
    subject: Subject,
    words: String,
    /// None where the artist did not want to be told, or the desktop did not take it.
    place: Option<Place>,
}

#[derive(Debug)]
struct Pending {
    subject: Subject,
    notice: Notice,
    since: Instant,
    /// It would repeat what was said, and waits.
    repeats: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    #[default]
    Unheard,
    Running,
    Ready,
}

/// What is told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Together {
    /// After the gate, however far each has come.
    Found,
    Alike(Subject),
}

impl Policy {
    pub fn new(now: Now) -> Self {
        let gate = now.mono + SETTLE;
        let (heard, limits, says) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { heard, limits, gate, last: now, groups: 0, says }
    }

    pub fn step(&mut self, snapshot: &Snapshot, telling: &Telling, now: &Now) -> Step {
        self.watch_the_clocks(now);
        let before = self.places();
        let mut step = Step::default();
        let there = who_is_there(snapshot);
        self.heard.retain(|id, heard| {
            if let (None, Some(pending)) = (there.get(id), &heard.pending) {
                step.dropped.push((kind(pending.subject), Dropped::Outdated));
            }
            there.contains_key(id)
        });
        for (id, who) in &there {
            self.compare(*id, *who, telling, now, &mut step);
        }
        self.mute(telling, now, &mut step);
        self.hold_back_what_repeats(now, &mut step);
        self.say(&there, now, &mut step);
        self.correct_groups(&there, telling, now, &mut step);
        step.withdraw = before.difference(&self.places()).copied().collect();
        let pending = self.heard.iter().filter_map(|(id, heard)| Some((id, heard.pending.as_ref()?)));
        step.again = pending.map(|(id, pending)| self.due(*id, pending)).min();
        step
    }

    /// The desktop did not take it. What is still wrong when it may be said again is tried then.
    pub fn not_shown(&mut self, place: Place) {
        let said = self.heard.values_mut().filter_map(|heard| heard.said.as_mut());
        said.filter(|said| said.place == Some(place)).for_each(|said| said.place = None);
    }

    fn watch_the_clocks(&mut self, now: &Now) {
        let by_wall = Duration::try_from(now.wall.duration_since(self.last.wall)).unwrap_or_default();
        if by_wall.max(now.mono - self.last.mono) > SLEPT {
            self.gate = self.gate.max(now.mono + SETTLE_AWAKE);
        }
        self.last = now.clone();
        self.limits.retain(|_, told| now.mono - *told < LIMIT);
    }

    fn places(&self) -> BTreeSet<Place> {
        self.heard.values().filter_map(|heard| heard.said.as_ref()?.place).collect()
    }

    /// Finds what is news of one session, and takes back what is not true any more.
    fn compare(&mut self, id: SessionId, who: Who, telling: &Telling, now: &Now, step: &mut Step) {
        let heard = self.heard.entry(id).or_default();
        // What the artist has turned off leaves the desktop; quiet begins with what comes next.
        if let Some(said) = &mut heard.said
            && (telling.notices == Notices::Off || telling.off.contains(&said.subject))
        {
            said.place = None;
        }
        let news = heard.news(who).filter(|subject| {
            let Some(said) = heard.said.as_ref().filter(|said| said.subject == *subject) else { return true };
            let changed = lasts(*subject) && said.words != words(&of_one(*subject, who));
            let unheard = said.place.is_none() && still_wrong(*subject, who);
            changed || unheard && telling.wants(*subject, now.wall, &now.zone)
        });
        let before = heard.pending.take();
        heard.pending = news.map(|subject| {
            let same = before.as_ref().filter(|before| before.subject == subject);
            let (since, repeats) = same.map_or((now.mono, false), |same| (same.since, same.repeats));
            Pending { subject, notice: of_one(subject, who), since, repeats }
        });
        if let Some(before) = before.filter(|before| Some(before.subject) != news) {
            step.dropped.push((kind(before.subject), Dropped::Outdated));
        }
        if heard.said.as_ref().is_some_and(|said| !is_true(said.subject, who)) {
            // What comes in a moment takes its place.
            let next = self.heard[&id].pending.as_ref();
            if next.is_none_or(|next| self.due(id, next) > now.mono + GATHER) {
                self.heard.entry(id).or_default().said = None;
            }
        }
    }

    /// From when on it may be told along with others.
    fn free(&self, id: SessionId, pending: &Pending) -> Instant {
        let key = (id, pending.subject, words(&pending.notice));
        let limit = self.limits.get(&key).map(|told| *told + LIMIT);
        // Maya's dialog waits for the one, and the other is no sign of links that only come back.
        let is_urgent = matches!(pending.subject, Subject::AwaitingPermission | Subject::Crashed);
        let gate = (!is_urgent).then_some(self.gate);
        limit.max(gate).map_or(pending.since, |free| free.max(pending.since))
    }

    fn due(&self, id: SessionId, pending: &Pending) -> Instant {
        self.free(id, pending).max(pending.since + gather(pending.subject))
    }

    /// What is not wanted counts as said when its time comes.
    fn mute(&mut self, telling: &Telling, now: &Now, step: &mut Step) {
        let ids: Vec<_> = self.heard.keys().copied().collect();
        for id in ids {
            let Some(pending) = self.heard[&id].pending.as_ref() else { continue };
            let unwanted = !telling.wants(pending.subject, now.wall, &now.zone);
            if unwanted && self.due(id, pending) <= now.mono {
                step.dropped.push((kind(pending.subject), Dropped::Muted));
                self.heard.entry(id).or_default().settle(None);
            }
        }
    }

    fn hold_back_what_repeats(&mut self, now: &Now, step: &mut Step) {
        let Self { heard, limits, .. } = self;
        for (id, heard) in heard {
            let Some(pending) = heard.pending.as_mut().filter(|pending| !pending.repeats) else { continue };
            let gathered = pending.since + gather(pending.subject) <= now.mono;
            if gathered && limits.contains_key(&(*id, pending.subject, words(&pending.notice))) {
                pending.repeats = true;
                step.dropped.push((kind(pending.subject), Dropped::Repeated));
            }
        }
    }

    /// Whatever is due, and whatever can be told along with it.
    fn say(&mut self, there: &BTreeMap<SessionId, Who>, now: &Now, step: &mut Step) {
        let mut due = BTreeSet::new();
        let mut free: BTreeMap<Together, Vec<SessionId>> = BTreeMap::new();
        for (id, heard) in &self.heard {
            let Some(pending) = &heard.pending else { continue };
            if self.free(*id, pending) <= now.mono {
                let together = self.together(pending);
                free.entry(together).or_default().push(*id);
                if self.due(*id, pending) <= now.mono {
                    due.insert(together);
                }
            }
        }
        for (together, ids) in free.into_iter().filter(|(together, _)| due.contains(together)) {
            let place = if let [id] = ids[..] {
                Place::One(id)
            } else {
                self.groups += 1;
                Place::Several(self.groups)
            };
            let mut news = Vec::new();
            let mut told = Vec::new();
            for id in ids {
                let Some(pending) = self.heard.entry(id).or_default().settle(Some(place)) else { continue };
                news.push((kind(pending.subject), pending.since));
                told.push((pending.subject, there[&id]));
                self.limits.insert((id, pending.subject, words(&pending.notice)), now.mono);
            }
            if let (Place::Several(group), Together::Alike(subject)) = (place, together)
                && lasts(subject)
            {
                self.says.insert(group, (subject, told.len()));
            }
            step.show.push(Show { place, notice: of_all(&told, together), news });
        }
    }

    /// What lasts is shown as it is when some of it is over. A place that is only moved or emptied is no matter of this.
    fn correct_groups(
        &mut self,
        there: &BTreeMap<SessionId, Who>,
        telling: &Telling,
        now: &Now,
        step: &mut Step,
    ) {
        let heard = &self.heard;
        self.says.retain(|group, (subject, says)| {
            let place = Place::Several(*group);
            let is_there = |heard: &Heard| heard.said.as_ref().is_some_and(|said| said.place == Some(place));
            let left: Vec<_> =
                heard.iter().filter(|(_, heard)| is_there(heard)).map(|(id, _)| there[id]).collect();
            // Of one that is over, something else is said in a moment. Quiet begins with what comes next, and this would come.
            let is_settled = left.iter().all(|who| is_true(*subject, *who));
            if !left.is_empty()
                && left.len() != *says
                && is_settled
                && telling.wants(*subject, now.wall, &now.zone)
            {
                *says = left.len();
                let told: Vec<_> = left.iter().map(|who| (*subject, *who)).collect();
                let notice = of_all(&told, Together::Alike(*subject));
                step.show.push(Show { place, notice, news: Vec::new() });
            }
            !left.is_empty()
        });
    }

    fn together(&self, pending: &Pending) -> Together {
        let arrives =
            matches!(pending.subject, Subject::Appeared | Subject::Ready | Subject::AwaitingConnect);
        if arrives && pending.since < self.gate { Together::Found } else { Together::Alike(pending.subject) }
    }
}

impl Heard {
    /// What would have to be said of it, whether or not it has been.
    fn news(&self, who: Who) -> Option<Subject> {
        let Who::Running(session) = who else { return Some(Subject::Crashed) };
        match &session.phase {
            Phase::AwaitingPermission => Some(Subject::AwaitingPermission),
            Phase::AwaitingConnect if session.offered == Offer::Asking => Some(Subject::AwaitingConnect),
            Phase::NotResponding { .. } => Some(Subject::NotResponding),
            Phase::Ready | Phase::Busy { .. } if self.trouble => Some(Subject::CameBack),
            Phase::Ready | Phase::Busy { .. } => (self.arrival < Arrival::Ready).then_some(Subject::Ready),
            // Nobody may be there yet.
            _ if session.by_hand().is_some() => None,
            _ => (self.arrival < Arrival::Running).then_some(Subject::Appeared),
        }
    }

    /// What was pending is said now; `place` is where, if it is shown.
    fn settle(&mut self, place: Option<Place>) -> Option<Pending> {
        let pending = self.pending.take()?;
        let arrival = match pending.subject {
            Subject::Ready | Subject::NotResponding | Subject::CameBack => Arrival::Ready,
            _ => Arrival::Running,
        };
        self.arrival = self.arrival.max(arrival);
        self.trouble = match pending.subject {
            Subject::NotResponding => self.trouble || place.is_some(),
            Subject::CameBack | Subject::Ready => false,
            _ => self.trouble,
        };
        self.said = Some(Said { subject: pending.subject, words: words(&pending.notice), place });
        Some(pending)
    }
}

fn of_all(told: &[(Subject, Who)], together: Together) -> Notice {
    match (told, together) {
        ([(subject, who)], _) => of_one(*subject, *who),
        (_, Together::Found) => found(told),
        (_, Together::Alike(subject)) => {
            of_several(subject, &told.iter().map(|(_, who)| *who).collect::<Vec<_>>())
        }
    }
}

/// Mayas with an artist in front of them: a render farm would flood the desktop.
fn who_is_there(snapshot: &Snapshot) -> BTreeMap<SessionId, Who<'_>> {
    let crashed = snapshot.crashes.iter().map(|crash| Who::Crashed(crash));
    let running = snapshot.sessions.values().map(|session| Who::Running(session));
    let counts = |who: &Who| !who.session().is_batch() && !who.session().is_foreign();
    crashed.chain(running).filter(counts).map(|who| (who.session().id(), who)).collect()
}

fn is_true(subject: Subject, who: Who) -> bool {
    let Who::Running(session) = who else { return subject == Subject::Crashed };
    match subject {
        Subject::Appeared => true,
        Subject::Ready | Subject::CameBack => matches!(session.phase, Phase::Ready | Phase::Busy { .. }),
        Subject::AwaitingConnect => {
            session.phase == Phase::AwaitingConnect && session.offered == Offer::Asking
        }
        Subject::AwaitingPermission => session.phase == Phase::AwaitingPermission,
        Subject::NotResponding => matches!(session.phase, Phase::NotResponding { .. }),
        Subject::Crashed | Subject::Question => false,
    }
}

/// Somebody has to do something about it: other words are news.
fn lasts(subject: Subject) -> bool {
    matches!(
        subject,
        Subject::AwaitingConnect | Subject::AwaitingPermission | Subject::NotResponding | Subject::Crashed
    )
}

/// Worth telling when the artist wants to be told again.
fn still_wrong(subject: Subject, who: Who) -> bool {
    match who {
        Who::Crashed(crash) => crash.recovered_scene.is_some(),
        Who::Running(_) => lasts(subject),
    }
}

/// How long to wait for more of the same, or for something better.
fn gather(subject: Subject) -> Duration {
    match subject {
        // Most are ready by then.
        Subject::Appeared => Duration::from_secs(1),
        Subject::Crashed => Duration::from_millis(100),
        // Maya's dialog waits for it.
        Subject::AwaitingPermission => Duration::ZERO,
        _ => GATHER,
    }
}

fn words(notice: &Notice) -> String {
    format!("{}\n{}", notice.title, notice.body)
}

fn kind(subject: Subject) -> Kind {
    match subject {
        Subject::Appeared => Kind::Appeared,
        Subject::AwaitingConnect => Kind::AwaitingConnect,
        Subject::AwaitingPermission => Kind::AwaitingPermission,
        Subject::Ready => Kind::Ready,
        Subject::NotResponding => Kind::NotResponding,
        Subject::CameBack => Kind::CameBack,
        Subject::Crashed => Kind::Crashed,
        Subject::Question => unreachable!("what clients ask is told by itself"),
    }
}

#[cfg(test)]
mod tests;
