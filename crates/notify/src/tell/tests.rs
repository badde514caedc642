//! How it is told: on a paused clock, over a desktop that writes down what it is given.

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use maya_mcp_session::{
    Access, Address, Answer, Observation, Process, ProcessId, QuestionId, Registry, Scope, Wanted,
};
use tokio::time::advance;

use super::*;

const MAYA: ProcessId = ProcessId { pid: 8453, started_at: 1 };
/// Longer than anything waits for more of it, or for something better.
const AWHILE: Duration = Duration::from_secs(2);

/// "+ title" and "- key", as they come and go.
type Log = Arc<Mutex<Vec<String>>>;

struct Stage {
    registry: Registry,
    log: Log,
    stop: CancellationToken,
    telling: watch::Sender<Telling>,
    told: watch::Receiver<u64>,
    desktop: watch::Receiver<DesktopState>,
    numbers: Numbers,
    beat: watch::Sender<u64>,
}

impl Stage {
    fn ask(&self, code: &str) {
        let client = "cursor".parse().expect("a good name");
        let wanted = Wanted { digest: code.to_owned(), what: "run MEL".to_owned(), code: code.to_owned() };
        self.registry.observe(&Observation::QuestionAsked { client, session: MAYA.into(), wanted });
    }

    fn answer_all(&self) {
        let ids: Vec<QuestionId> = self.registry.snapshot().questions.keys().copied().collect();
        for id in ids {
            self.registry.observe(&Observation::QuestionAnswered { id, answer: Answer::No });
        }
    }

    /// Gives the revision.
    fn maya_asks(&self) -> u64 {
        let address = Address::Unix(PathBuf::from("/tmp/maya"));
        let asks = Observation::PermissionAsked { id: MAYA.into(), address };
        self.registry.observe(&asks).expect("it is news")
    }

    fn taken(&self) -> Vec<String> {
        self.log.lock().expect("nobody panicked").drain(..).collect()
    }
}

async fn settled() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

async fn passes(time: Duration) {
    advance(time).await;
    settled().await;
}

/// Over a running `tell`, when the start is over; `delivery` is what the desktop does with a place.
async fn over<D: Future<Output = ()> + 'static>(
    delivery: impl Fn(Log, watch::Receiver<Posted>, mpsc::Sender<Handed>) -> D + 'static,
    story: impl AsyncFnOnce(&Stage),
) {
    let registry = Registry::default();
    let scope = Scope::Everywhere;
    registry.observe(&Observation::AccessSet { scope, access: Some(Access::Ask) });
    let ((telling, wishes), (beats, beat)) = (watch::channel(Telling::default()), watch::channel(0));
    let ((saying, told), (shows, desktop)) = (watch::channel(0), watch::channel(DesktopState::default()));
    let (log, stop, numbers) = (Log::default(), CancellationToken::new(), Numbers::default());
    let hears = Hears { snapshots: registry.watch(), telling: wishes, beat };
    let says = Says { told: saying, state: shows, numbers: numbers.clone() };
    let writing = log.clone();
    let deliver = move |wanted, handed| delivery(writing.clone(), wanted, handed);
    let telling_them = tell(hears, says, ClientName::to_string, deliver, stop.clone());
    let stage = Stage { registry, log, stop, telling, told, desktop, numbers, beat: beats };
    tokio::join!(telling_them, async {
        settled().await;
        // Less than a sleep of the machine.
        passes(Duration::from_secs(9)).await;
        stage.registry.observe(&Observation::ProcessFound(Process::new(MAYA)));
        settled().await;
        passes(AWHILE).await;
        stage.taken();
        story(&stage).await;
        stage.stop.cancel();
    });
}

async fn polite(log: Log, mut wanted: watch::Receiver<Posted>, handed: mpsc::Sender<Handed>) {
    let write = |line: String| log.lock().expect("nobody panicked").push(line);
    loop {
        let Posted { number, notice } = wanted.borrow_and_update().clone();
        write(format!("+ {}", notice.title));
        let _ = handed.send(Handed { number, outcome: Ok(()) }).await;
        if wanted.changed().await.is_err() {
            return write(format!("- {}", notice.key));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_at_once_is_told_at_once() {
    over(polite, async |stage| {
        for code in ["1", "2", "3", "4"] {
            stage.ask(code);
            settled().await;
        }
        passes(GATHER / 2).await;
        assert_eq!(stage.taken(), Vec::<String>::new(), "more may come");
        stage.ask("5");
        passes(GATHER / 2).await;
        assert_eq!(stage.taken(), ["+ cursor wants to run code 5 times"], "the first has waited long enough");
        stage.answer_all();
        settled().await;
        assert_eq!(stage.taken(), ["- questions/cursor"], "settled elsewhere, gone at once");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_settled_at_once_is_not_told() {
    over(polite, async |stage| {
        stage.ask("1");
        settled().await;
        stage.answer_all();
        settled().await;
        passes(GATHER * 2).await;
        assert_eq!(stage.taken(), Vec::<String>::new(), "it was answered in the client's own window, say");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_open_when_it_is_wanted_again_is_told_then() {
    over(polite, async |stage| {
        let off = |off: &[Subject]| {
            stage.telling.send_modify(|telling| telling.off = off.iter().copied().collect());
        };
        stage.ask("1");
        settled().await;
        passes(GATHER).await;
        assert_eq!(stage.taken().len(), 1, "it is told");
        off(&[Subject::Question]);
        settled().await;
        assert_eq!(stage.taken().len(), 1, "turned off, it goes");
        off(&[]);
        settled().await;
        passes(GATHER).await;
        assert_eq!(stage.taken(), ["+ cursor wants to run code in Maya"], "a client waits for it still");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_desktop_that_hangs_holds_up_nothing_else() {
    let hangs = async |log: Log, wanted: watch::Receiver<Posted>, handed: mpsc::Sender<Handed>| {
        let key = wanted.borrow().notice.key.clone();
        log.lock().expect("nobody panicked").push(format!("+ {key}"));
        std::future::pending::<()>().await;
        drop(handed);
    };
    over(hangs, async |stage| {
        for code in ["1", "2"] {
            stage.ask(code);
            settled().await;
            passes(GATHER).await;
        }
        let other = ProcessId { pid: 8454, ..MAYA };
        stage.registry.observe(&Observation::ProcessFound(Process::new(other)));
        settled().await;
        passes(AWHILE).await;
        assert_eq!(stage.taken().len(), 3, "none waits for another");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_open_when_the_engine_stops_is_taken_back() {
    over(polite, async |stage| {
        stage.ask("1");
        settled().await;
        passes(GATHER).await;
        assert_eq!(stage.taken(), ["+ cursor wants to run code in Maya"], "it is asked");
        stage.stop.cancel();
        settled().await;
        assert_eq!(
            stage.taken().len(),
            2,
            "its buttons would lead nowhere, and that Maya runs may not be so"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn mayas_dialog_waits_until_its_notice_is_there() {
    let slow = async |_: Log, mut wanted: watch::Receiver<Posted>, handed: mpsc::Sender<Handed>| {
        loop {
            let number = wanted.borrow_and_update().number;
            tokio::time::sleep(AWHILE).await;
            let _ = handed.send(Handed { number, outcome: Err(NotShown::TimedOut) }).await;
            if wanted.changed().await.is_err() {
                return;
            }
        }
    };
    over(slow, async |stage| {
        passes(AWHILE).await;
        let revision = stage.maya_asks();
        settled().await;
        assert!(*stage.told.borrow() < revision, "it is on its way");
        passes(AWHILE).await;
        assert!(*stage.told.borrow() >= revision, "it cannot be told, and that is that");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_counts_as_told() {
    over(polite, async |stage| {
        stage.telling.send_modify(|telling| telling.notices = Notices::Off);
        settled().await;
        let revision = stage.maya_asks();
        settled().await;
        assert!(*stage.told.borrow() >= revision, "nobody waits for it");
        assert_eq!(stage.taken(), ["- maya-8453/appeared"], "and nothing is there");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_came_of_it_can_be_read() {
    let broken = async |log: Log, mut wanted: watch::Receiver<Posted>, handed: mpsc::Sender<Handed>| {
        let Posted { number, notice } = wanted.borrow_and_update().clone();
        let is_first = notice.title == "Maya is running";
        log.lock().expect("nobody panicked").push(notice.title.clone());
        let outcome = if is_first { Err(NotShown::Refused("nobody there".to_owned())) } else { Ok(()) };
        let _ = handed.send(Handed { number, outcome }).await;
        assert!(wanted.changed().await.is_err(), "a place that is empty is given up");
    };
    over(broken, async |stage| {
        let fails = DesktopState::Fails("nobody there".to_owned());
        assert_eq!(*stage.desktop.borrow(), fails, "the first could not be shown");
        stage.maya_asks();
        settled().await;
        assert_eq!(*stage.desktop.borrow(), DesktopState::Works, "the next one could");
        let outlets = stage.numbers.report().outlets;
        let of = |kind| outlets.iter().find(|outlet| outlet.kind == kind).expect("it is counted");
        assert_eq!(of(Kind::Appeared).dropped[&Dropped::Failed], 1, "lost, and why");
        assert_eq!(of(Kind::AwaitingPermission).forwarded, 1, "told");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_desktop_that_panics_does_not_end_the_telling() {
    let panics = async |log: Log, wanted: watch::Receiver<Posted>, handed: mpsc::Sender<Handed>| {
        let Posted { number, notice } = wanted.borrow().clone();
        log.lock().expect("nobody panicked").push(format!("+ {}", notice.title));
        let _ = handed.send(Handed { number, outcome: Ok(()) }).await;
        std::future::ready(()).await;
        panic!("the bus went away");
    };
    over(panics, async |stage| {
        stage.maya_asks();
        settled().await;
        assert_eq!(stage.taken(), ["+ Maya is about to ask for permission"], "in a place that was given up");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_the_desktop_did_not_take_is_tried_again() {
    let works = Arc::new(AtomicBool::new(false));
    let working = works.clone();
    let recovers = move |log: Log, wanted: watch::Receiver<Posted>, handed: mpsc::Sender<Handed>| {
        let works = working.load(Ordering::Relaxed);
        async move {
            if works {
                return polite(log, wanted, handed).await;
            }
            let number = wanted.borrow().number;
            log.lock().expect("nobody panicked").push("refused".to_owned());
            let _ = handed.send(Handed { number, outcome: Err(NotShown::TimedOut) }).await;
        }
    };
    over(recovers, async |stage| {
        stage.ask("1");
        settled().await;
        passes(GATHER).await;
        assert_eq!(stage.taken(), ["refused"], "it is tried");
        let beats = async |seconds: u64| {
            for _ in 0..seconds / 2 {
                passes(Duration::from_secs(2)).await;
                stage.beat.send_modify(|beat| *beat += 1);
                settled().await;
            }
        };
        beats(298).await;
        assert_eq!(stage.taken(), Vec::<String>::new(), "not at once: the desktop has its trouble");
        works.store(true, Ordering::Relaxed);
        beats(4).await;
        assert_eq!(stage.taken(), ["+ cursor wants to run code in Maya"], "a client waits for it still");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_few_of_many_questions_are_left_they_can_be_answered_on_the_desktop() {
    over(polite, async |stage| {
        for code in ["1", "2", "3", "4", "5"] {
            stage.ask(code);
        }
        settled().await;
        passes(GATHER).await;
        assert_eq!(stage.taken(), ["+ cursor wants to run code 5 times"], "too many to be told one by one");
        let ids: Vec<QuestionId> = stage.registry.snapshot().questions.keys().copied().collect();
        for id in &ids[..4] {
            stage.registry.observe(&Observation::QuestionAnswered { id: *id, answer: Answer::No });
        }
        settled().await;
        passes(GATHER).await;
        let mut taken = stage.taken();
        taken.sort();
        assert_eq!(taken, ["+ cursor wants to run code in Maya", "- questions/cursor"], "one is left");
    })
    .await;
}
