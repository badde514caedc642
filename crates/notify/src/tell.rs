//! Tells the artist on the desktop what is news.
//!
//! Invariant: what is shown is decided by the policy and by what is asked, both from the level; a desktop that hangs holds up nothing.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use jiff::tz::TimeZone;
use maya_mcp_session::{ClientName, Kind, Snapshot, clock};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    DesktopState, Dropped, Handed, NotShown, Notice, Notices, Numbers, Outlet, Posted, Subject, Telling,
    policy::{self, Now, Policy, Show},
    questions::{self, Key, Told},
};

/// Several scripts that a client sends at once are told at once. Nobody reads faster.
const GATHER: Duration = Duration::from_millis(250);
/// For taking back what is open when everything stops.
const WITHDRAWING: Duration = Duration::from_millis(500);
/// Taken at once; whoever comes while so many wait, waits too.
const HANDED: usize = 16;

/// What is to be told, and when.
#[derive(Debug, Clone)]
pub struct Hears {
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    pub telling: watch::Receiver<Telling>,
    /// Every other second: shows that the machine slept, and ends what is quiet for a time.
    pub beat: watch::Receiver<u64>,
}

/// What came of it.
#[derive(Debug)]
pub struct Says {
    /// Up to which revision Maya's own dialogs have been announced, as far as that is wanted and can be.
    pub told: watch::Sender<u64>,
    pub state: watch::Sender<DesktopState>,
    pub numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Session(policy::Place),
    Question(Key),
}

/// Until `stop`, and then takes back what is open. `title` names a client for people. `deliver` keeps on the desktop what is posted to a
/// place, until the sender is gone; all are under way side by side, so none holds up another.
pub async fn tell<Delivery: Future<Output = ()>>(
    mut hears: Hears,
    says: Says,
    title: impl Fn(&ClientName) -> String,
    deliver: impl Fn(watch::Receiver<Posted>, mpsc::Sender<Handed>) -> Delivery,
    stop: CancellationToken,
) {
    let mut policy = Policy::new(now());
    let mut asking = Asking::default();
    let mut deliveries = FuturesUnordered::new();
    let (handing, mut handed) = mpsc::channel(HANDED);
    let mut board = Board::new(says);
    loop {
        let snapshot = hears.snapshots.borrow_and_update().clone();
        let telling = hears.telling.borrow_and_update().clone();
        let now = now();
        let decided = policy.step(&snapshot, &telling, &now);
        let asked = asking.step(&snapshot, &telling, &now, &title);
        let again = [decided.again, asking.again(&now)].into_iter().flatten().min();
        decided.dropped.iter().for_each(|(kind, why)| board.drop(*kind, *why));
        let (withdrawn, shown) = places(decided, asked);
        for place in &withdrawn {
            board.withdraw(place);
        }
        for (place, notice, news) in shown {
            if let Some(posted) = board.post(place.clone(), notice, news, snapshot.revision) {
                // A library that panics over a bus that went away must not end the telling.
                let caught = AssertUnwindSafe(deliver(posted, handing.clone())).catch_unwind();
                deliveries.push(caught.map(|ended| ended.is_err().then_some(place)));
            }
        }
        board.say(snapshot.revision);
        tokio::select! {
            changed = hears.snapshots.changed() => if changed.is_err() { break },
            () = changed(&mut hears.telling) => {}
            () = changed(&mut hears.beat) => {}
            () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {}
            Some(handed) = handed.recv() => match board.take(handed) {
                Some(Place::Session(place)) => policy.not_shown(place),
                Some(Place::Question(key)) => asking.told.not_shown(&key, Instant::now()),
                None => {}
            },
            Some(panicked) = deliveries.next() => if let Some(place) = panicked {
                tracing::error!("a notice was given up: the desktop's library panicked");
                board.give_up(&place);
            },
            () = stop.cancelled() => break,
        }
    }
    drop((board, handed));
    let all = async { while deliveries.next().await.is_some() {} };
    if timeout(WITHDRAWING, all).await.is_err() {
        tracing::debug!("some notices stay on the desktop");
    }
}

/// What a notice tells, and since when that is known.
type News = Vec<(Kind, Instant)>;

/// What leaves the desktop, and what comes.
fn places(decided: policy::Step, asked: questions::Step) -> (Vec<Place>, Vec<(Place, Notice, News)>) {
    let withdrawn = decided.withdraw.into_iter().map(Place::Session);
    // What comes in its place replaces it.
    let stays = |key: &Key| asked.show.iter().any(|(shown, _)| shown == key);
    let settled = asked.withdraw.iter().filter(|key| !stays(key)).cloned().map(Place::Question);
    let withdrawn = withdrawn.chain(settled).collect();
    let sessions =
        decided.show.into_iter().map(|Show { place, notice, news }| (Place::Session(place), notice, news));
    let questions = asked.show.into_iter().map(|(key, notice)| (Place::Question(key), notice, News::new()));
    (withdrawn, sessions.chain(questions).collect())
}

fn now() -> Now {
    // The library keeps the zone for a while, and then looks at the system's again.
    Now { mono: Instant::now(), wall: clock::now(), zone: TimeZone::system() }
}

/// Whoever sends no more has nothing more to say.
async fn changed<T>(watched: &mut watch::Receiver<T>) {
    if watched.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What clients ask, as far as it is to be told.
#[derive(Default)]
struct Asking {
    told: Told,
    due: Option<Instant>,
}

impl Asking {
    fn step(
        &mut self,
        snapshot: &Snapshot,
        telling: &Telling,
        now: &Now,
        title: &impl Fn(&ClientName) -> String,
    ) -> questions::Step {
        let mut step = questions::Step::default();
        if telling.notices == Notices::Off || telling.off.contains(&Subject::Question) {
            step.withdraw = self.told.forget();
        }
        step.withdraw.extend(self.told.settle(snapshot));
        // What is open still when quiet ends is told then.
        let is_news =
            telling.wants(Subject::Question, now.wall, &now.zone) && self.told.is_news(snapshot, now.mono);
        self.due = is_news.then(|| self.due.unwrap_or(now.mono + GATHER));
        if self.due.is_some_and(|due| due <= now.mono) {
            self.due = None;
            let told = self.told.tell(snapshot, now.mono, title);
            step.withdraw.extend(told.withdraw);
            step.show = told.show;
        }
        step
    }

    /// When there is something to do, though nothing has changed by then.
    fn again(&self, now: &Now) -> Option<Instant> {
        // What is news already waits for its time, or for the end of quiet.
        self.due.into_iter().chain(self.told.again().filter(|again| now.mono < *again)).min()
    }
}

/// What is on the desktop, and what is on its way there.
struct Board {
    says: Says,
    open: BTreeMap<Place, (u64, watch::Sender<Posted>)>,
    under_way: BTreeMap<u64, UnderWay>,
    numbered: u64,
}

struct UnderWay {
    place: Place,
    revision: u64,
    news: News,
}

impl Board {
    fn new(says: Says) -> Self {
        Self { says, open: BTreeMap::new(), under_way: BTreeMap::new(), numbered: 0 }
    }

    /// What a new delivery is to show, unless one keeps that place already.
    fn post(
        &mut self,
        place: Place,
        notice: Notice,
        news: News,
        revision: u64,
    ) -> Option<watch::Receiver<Posted>> {
        self.numbered += 1;
        let number = self.numbered;
        let posted = Posted { number, notice: Arc::new(notice) };
        let under_way = UnderWay { place: place.clone(), revision, news };
        if let Some((last, open)) = self.open.get_mut(&place) {
            let last = std::mem::replace(last, number);
            open.send_replace(posted);
            // What only says it better tells what the one before was to tell.
            let tells = match self.under_way.remove(&last) {
                Some(before) if under_way.news.is_empty() => before,
                Some(before) => {
                    self.outdate(before);
                    under_way
                }
                None => under_way,
            };
            self.under_way.insert(number, tells);
            return None;
        }
        self.under_way.insert(number, under_way);
        let (open, watched) = watch::channel(posted);
        self.open.insert(place, (number, open));
        Some(watched)
    }

    fn withdraw(&mut self, place: &Place) {
        if let Some((number, _)) = self.open.remove(place)
            && let Some(under_way) = self.under_way.remove(&number)
        {
            self.outdate(under_way);
        }
    }

    /// Nobody keeps that place any more.
    fn give_up(&mut self, place: &Place) {
        if self.open.get(place).is_some_and(|(_, open)| open.is_closed()) {
            self.withdraw(place);
        }
    }

    /// Nobody waits for that one any more.
    fn outdate(&self, under_way: UnderWay) {
        for (kind, _) in under_way.news {
            self.drop(kind, Dropped::Outdated);
        }
    }

    fn drop(&self, kind: Kind, why: Dropped) {
        self.says.numbers.dropped(Outlet::Desktop, kind, why);
    }

    /// Gives the place that is empty now, if it was not shown.
    fn take(&mut self, Handed { number, outcome }: Handed) -> Option<Place> {
        let (place, news) = match self.under_way.remove(&number) {
            Some(UnderWay { place, news, .. }) => (Some(place), news),
            None => (None, News::new()),
        };
        let empty = place.filter(|_| outcome.is_err());
        if let Some(place) = &empty {
            self.open.remove(place);
        }
        match &outcome {
            Ok(()) => {
                for (nth, (kind, known)) in news.into_iter().enumerate() {
                    match nth {
                        0 => self.says.numbers.forwarded(Outlet::Desktop, kind, known.into_std()),
                        _ => self.says.numbers.coalesced(Outlet::Desktop, kind),
                    }
                }
            }
            Err(error) => {
                let why = match error {
                    NotShown::TimedOut => Dropped::TimedOut,
                    NotShown::Refused(_) => Dropped::Failed,
                };
                for (kind, _) in news {
                    self.drop(kind, why);
                }
            }
        }
        let state =
            outcome.map_or_else(|error| DesktopState::Fails(error.to_string()), |()| DesktopState::Works);
        self.says.state.send_if_modified(|before| {
            match (&*before, &state) {
                (DesktopState::Fails(_), DesktopState::Fails(reason)) => tracing::debug!(reason, "no notice"),
                (_, DesktopState::Fails(reason)) => {
                    tracing::warn!(
                        reason,
                        "notices cannot be shown on this desktop: the tray and the window show the same"
                    );
                }
                (DesktopState::Fails(_), _) => tracing::info!("notices can be shown again"),
                _ => {}
            }
            let news = *before != state;
            *before = state;
            news
        });
        empty
    }

    fn say(&self, revision: u64) {
        let announces =
            |under_way: &&UnderWay| under_way.news.iter().any(|(kind, _)| *kind == Kind::AwaitingPermission);
        let earliest =
            self.under_way.values().filter(announces).map(|under_way| under_way.revision - 1).min();
        let said = earliest.unwrap_or(revision);
        self.says.told.send_if_modified(|told| {
            let news = *told < said;
            *told = said.max(*told);
            news
        });
    }
}

#[cfg(test)]
mod tests;
