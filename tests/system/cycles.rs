//! Mayas come and go all day: each end is told for what it was, and nothing of it stays behind.

use std::{fs, time::Duration};

use futures_util::{StreamExt as _, stream};
use maya_mcp_hub::{Hub, Timing};
use maya_mcp_session::{Edge, Event, Subscription, Update, What};
use maya_mcp_system_tests::{Sim, Studio};
use serde_json::json;
use tokio::time::timeout;

use crate::engine::{SOON, engine_in_time, event};

const CYCLES: usize = 500;
/// On a machine of two cores.
const AT_ONCE: usize = 8;
const LIGHT: &[&str] = &["--no-qt", "--default-port", "off", "--command-port", "python:127.0.0.1:0"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Killed,
    Segfault,
    Quit,
    /// Works for a while, and is closed.
    Busy,
    /// Hangs until somebody kills it.
    Hangs,
}

const FATES: [Fate; 5] = [Fate::Killed, Fate::Segfault, Fate::Quit, Fate::Busy, Fate::Hangs];

impl Fate {
    /// What must be told from `ready` on, in this order, and nothing else but work that came to its end.
    fn told(self) -> &'static [&'static str] {
        match self {
            Self::Killed | Self::Segfault => &["crashed"],
            Self::Quit | Self::Busy => &["exited"],
            Self::Hangs => &["busy", "not_responding", "crashed"],
        }
    }

    async fn befalls(self, sim: &mut Sim, news: &mut Subscription) {
        match self {
            Self::Killed => sim.kill(),
            Self::Segfault => drop(sim.control(json!({"signal": "SIGSEGV"}), "crash").await),
            Self::Quit => drop(sim.control(json!({}), "quit").await),
            Self::Busy => {
                sim.control(json!({"seconds": 1.2}), "busy").await;
                event(news, sim, "busy").await;
                event(news, sim, "ready").await;
                sim.control(json!({}), "quit").await;
            }
            Self::Hangs => {
                sim.control(json!({}), "hang").await;
                event(news, sim, "not_responding").await;
                sim.kill();
            }
        }
    }
}

/// One Maya's whole life, watched from its first event to its last.
async fn live(fate: Fate, studio: &Studio, hub: &Hub) {
    let mut watching = hub.registry().subscribe();
    let mut whole_life = hub.registry().subscribe();
    let mut sim = studio.start("2025", LIGHT).await;
    event(&mut watching, &sim, "ready").await;
    fate.befalls(&mut sim, &mut watching).await;
    let mut told = Vec::new();
    let end = timeout(SOON, async {
        loop {
            let Some(Update::Edge(Edge { what: What::Session { session, event }, .. })) =
                whole_life.next().await
            else {
                panic!("few events come in one life")
            };
            if session.id().pid() == Some(sim.pid) {
                told.push(event.kind().name());
                if matches!(event, Event::Exited | Event::Removed | Event::Crashed { .. }) {
                    return;
                }
            }
        }
    });
    assert!(end.await.is_ok(), "{fate:?}: no end of maya-{}; told {told:?}", sim.pid);
    assert_eq!(told.first(), Some(&"appeared"), "{fate:?}, maya-{}", sim.pid);
    let since_ready: Vec<_> = told.iter().skip_while(|kind| **kind != "ready").skip(1).copied().collect();
    let (works, rest) = without_work(&since_ready);
    assert_eq!(rest, fate.told(), "{fate:?}, maya-{}: {told:?}", sim.pid);
    assert!(works > 0 || fate != Fate::Busy, "{fate:?}, maya-{}: {told:?}", sim.pid);
    sim.gone().await;
}

/// How often it was busy and came back, and what else was told. Where eight Mayas share two cores, any of them may be busy for a moment.
fn without_work<'a>(told: &[&'a str]) -> (usize, Vec<&'a str>) {
    let mut works = 0;
    let mut rest = Vec::new();
    for kind in told {
        if *kind == "ready" && rest.last() == Some(&"busy") {
            rest.pop();
            works += 1;
        } else {
            rest.push(*kind);
        }
    }
    (works, rest)
}

/// What this process holds open, and how many threads it has.
fn held() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).expect("it is ours").count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_mayas_come_and_go_and_each_end_is_told_for_what_it_was() {
    let studio = Studio::new();
    let timing = Timing {
        ping: Duration::from_millis(150),
        busy: Duration::from_millis(500),
        not_responding: Duration::from_millis(1500),
        ..Timing::default()
    };
    let (hub, _news) = engine_in_time(&studio, |_| (), timing).await;
    // Whatever is opened once for all is open after the first of each.
    for fate in FATES {
        live(fate, &studio, &hub).await;
    }
    let (files, _) = held();
    let tasks = hub.tasks();
    let lives = (0..CYCLES).map(|number| live(FATES[number % FATES.len()], &studio, &hub));
    stream::iter(lives).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;

    assert!(hub.snapshot().sessions.is_empty(), "nobody is left on the list");
    let settled = timeout(SOON, async {
        while hub.tasks() > tasks || held().0 > files {
            tokio::task::yield_now().await;
        }
    });
    let in_time = settled.await.is_ok();
    assert!(in_time, "tasks {} of {tasks}, files {} of {files}: nothing stays behind", hub.tasks(), held().0);
    hub.stop().await;
}
