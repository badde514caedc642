use std::{
    collections::BTreeSet,
    sync::{
        PoisonError,
        mpsc::{Receiver, channel},
    },
};

use maya_mcp_session::{Ending, Kind, Observation, Process, ProcessId, RING};
use tokio::{sync::watch, time::sleep};

use super::*;

const SCHEDULES: u64 = 1000;
/// Of the paused clock: longer than all patience with all of them together.
const LONG: Duration = Duration::from_hours(10);

struct Bus {
    registry: Registry,
    numbers: Numbers,
    subscribers: Subscribers,
    stop: CancellationToken,
}

fn bus() -> Bus {
    let (registry, numbers) = (Registry::default(), Numbers::default());
    let stop = CancellationToken::new();
    let subscribers = Subscribers::new(registry.clone(), numbers.clone(), TaskTracker::new(), stop.clone());
    Bus { registry, numbers, subscribers, stop }
}

fn come(registry: &Registry, pid: u32) {
    registry.observe(&Observation::ProcessFound(Process::new(ProcessId { pid, started_at: 1 })));
}

fn go(registry: &Registry, pid: u32) {
    let id = ProcessId { pid, started_at: 1 }.into();
    registry.observe(&Observation::ProcessEnded { id, ending: Ending::Goodbye });
}

/// What a subscriber panics with.
const WANTED: &str = "as the schedule wants it";

/// What one subscriber has heard of.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<u64>>>, Arc<watch::Sender<u64>>);

impl Heard {
    /// True the first time.
    fn note(&self, news: &News) {
        let mut seqs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match news {
            News::Event(edge) => seqs.push(edge.seq),
            News::Snapshot { missed, .. } => assert_eq!(*missed, 0, "so few events overrun nobody"),
        }
        self.1.send_replace(seqs.len() as u64);
    }

    fn seqs(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn all(&self, count: usize, why: &str) {
        let mut heard = self.1.subscribe();
        let enough = heard.wait_for(|heard| *heard >= count as u64);
        assert!(timeout(LONG, enough).await.is_ok(), "{why}: {} of {count}", self.seqs().len());
    }
}

#[derive(Debug, Clone, Copy)]
enum Manner {
    Quick,
    Slow(Duration),
    Panics,
    NeverReturns,
}

/// A subscriber of a schedule, and what it ought to hear.
struct Member {
    heard: Heard,
    wants: Option<BTreeSet<Kind>>,
    registration: Option<Registration>,
    /// Of the events that were published while it was registered.
    due: Vec<u64>,
}

fn join(bus: &Bus, random: &mut fastrand::Rng) -> Member {
    let heard = Heard::default();
    let wants = random.bool().then(|| BTreeSet::from([Kind::Exited]));
    let filter = Filter { kinds: wants.clone(), sources: None };
    let noted = heard.clone();
    let mut manners = random.fork();
    let subscriber = move |news: News| {
        noted.note(&news);
        let manner = match manners.u32(0..10) {
            0 => Manner::Panics,
            1 => Manner::NeverReturns,
            2..5 => Manner::Slow(Duration::from_millis(manners.u64(1..3000))),
            _ => Manner::Quick,
        };
        async move {
            match manner {
                Manner::Quick => {}
                Manner::Slow(duration) => sleep(duration).await,
                Manner::Panics => panic!("{WANTED}"),
                Manner::NeverReturns => std::future::pending().await,
            }
        }
    };
    let registration = Some(bus.subscribers.add("member", filter, subscriber));
    Member { heard, wants, registration, due: Vec::new() }
}

#[tokio::test(start_paused = true)]
async fn every_event_reaches_every_subscriber_that_wants_it_exactly_once() {
    // A thousand panics are no news, but a failed assertion is.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(WANTED) {
            usual(panic);
        }
    }));
    for seed in 0..SCHEDULES {
        let mut random = fastrand::Rng::with_seed(seed);
        let bus = bus();
        let mut members: Vec<Member> = (0..random.usize(1..4)).map(|_| join(&bus, &mut random)).collect();
        for pid in 0..random.u32(5..40) {
            match random.u32(0..8) {
                0 => members.push(join(&bus, &mut random)),
                1 => {
                    let leaver = random.usize(0..members.len());
                    members[leaver].registration = None;
                }
                2 => sleep(Duration::from_millis(random.u64(0..5000))).await,
                _ => {}
            }
            let next = bus.registry.next_seq();
            come(&bus.registry, pid);
            if random.bool() {
                go(&bus.registry, pid);
            }
            for edge in bus.registry.since(next).edges {
                for member in members.iter_mut().filter(|member| member.registration.is_some()) {
                    if member.wants.as_ref().is_none_or(|kinds| kinds.contains(&edge.kind())) {
                        member.due.push(edge.seq);
                    }
                }
            }
        }
        for member in &members {
            if member.registration.is_some() {
                member.heard.all(member.due.len(), &format!("schedule {seed}")).await;
                assert_eq!(member.heard.seqs(), member.due, "schedule {seed}: each once, in order");
            } else {
                let heard = member.heard.seqs();
                assert!(member.due.starts_with(&heard), "schedule {seed}: none after it left, none twice");
            }
        }
        bus.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_too_far_behind_is_told_how_much_it_missed_and_what_is_true_now() {
    let bus = bus();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let _registration = bus.subscribers.add("late", Filter::default(), move |news: News| {
        let _ = tell.send(news);
        std::future::ready(())
    });
    let Some(News::Snapshot { missed: 0, snapshot }) = told.recv().await else {
        panic!("first what is true")
    };
    assert_eq!(snapshot.sessions.len(), 0, "there is nothing yet");
    let many = u32::try_from(RING).expect("a small constant") + 10;
    (0..many).for_each(|pid| come(&bus.registry, pid));
    let Some(News::Snapshot { missed, snapshot }) = told.recv().await else { panic!("it begins anew") };
    assert_eq!((missed, snapshot.sessions.len()), (u64::from(many), many as usize), "no silent gap");
    come(&bus.registry, many);
    let Some(News::Event(edge)) = told.recv().await else { panic!("and goes on") };
    assert_eq!(edge.what.source(), format!("maya-{many}"), "with what is new");
}

/// Blocks the thread that it is called on, until the test is over.
fn block_on(door: Receiver<()>) -> impl FnMut(News) + Send + 'static {
    move |_| {
        let _ = door.recv();
    }
}

#[tokio::test]
async fn who_blocks_its_thread_for_ever_costs_nobody_else_anything() {
    let bus = bus();
    let (keep_shut, door) = channel();
    let _stuck = bus.subscribers.add("stuck", Filter::default(), Blocking::new(block_on(door)));
    let heard = Heard::default();
    let noted = heard.clone();
    let _quick =
        bus.subscribers.add("quick", Filter::default(), Blocking::new(move |news: News| noted.note(&news)));
    for pid in 0..20 {
        come(&bus.registry, pid);
    }
    heard.all(20, "while the other is stuck in its first").await;
    let told = &bus.numbers.report().outlets[0];
    // The last may be counted a moment after it was heard.
    assert!((19..=20).contains(&told.forwarded), "only one of the two has heard of them: {told:?}");
    drop(keep_shut);
}
