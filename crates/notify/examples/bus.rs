//! What it costs to publish an event to fifty subscribers, how soon they hear of it, and whether a minute of many fills the memory.
//!
//! `cargo xtask bench --only bus`. Nothing is asserted: a number is for a person to judge.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use maya_mcp_notify::{News, Numbers, Subscribers};
use maya_mcp_session::{Filter, Observation, Process, ProcessId, Registry, Scene, SceneReason};
use tokio::{runtime::Builder, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const SUBSCRIBERS: usize = 50;
const SESSIONS: u32 = 10;
const SINGLE: usize = 2000;
const A_SECOND: u32 = 10_000;
const MINUTE: u64 = 60;

fn id(pid: u32) -> ProcessId {
    ProcessId { pid, started_at: 1 }
}

fn saved(pid: u32) -> Observation {
    Observation::SceneSeen { id: id(pid).into(), reason: SceneReason::Saved, scene: Scene::default() }
}

/// In KiB: the memory that is this program's alone, and its part of the shared.
fn memory() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = rollup.lines().find(|line| line.starts_with("Pss:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}

fn row(what: &str, value: &str, wanted: &str) {
    println!("  {what:<76} {value:>12}   {wanted}");
}

fn microseconds(times: &mut [Duration], share: f64) -> String {
    times.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short list")]
    #[expect(clippy::cast_precision_loss, reason = "the list is short")]
    let place = (times.len() as f64 * share) as usize;
    format!("{:.1} µs", times[place.min(times.len() - 1)].as_secs_f64() * 1e6)
}

fn main() {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(measure(MINUTE));
}

async fn measure(seconds: u64) {
    let (registry, numbers) = (Registry::default(), Numbers::default());
    let stop = CancellationToken::new();
    let subscribers = Subscribers::new(registry.clone(), numbers, TaskTracker::new(), stop.clone());
    let (heard, missed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let registrations: Vec<_> = (0..SUBSCRIBERS)
        .map(|number| {
            let (heard, lost) = (heard.clone(), missed.clone());
            subscribers.add(format!("subscriber {number}"), Filter::default(), move |news: News| {
                match news {
                    News::Event(_) => heard.fetch_add(1, Ordering::Relaxed),
                    News::Snapshot { missed, .. } => lost.fetch_add(missed, Ordering::Relaxed),
                };
                std::future::ready(())
            })
        })
        .collect();
    for pid in 0..SESSIONS {
        registry.observe(&Observation::ProcessFound(Process::new(id(pid))));
    }
    sleep(Duration::from_millis(100)).await;

    println!("The bus, {SUBSCRIBERS} subscribers, {SESSIONS} sessions");
    let (mut published, mut all_heard) = (Vec::new(), Vec::new());
    for round in 0..SINGLE {
        let before = heard.load(Ordering::Relaxed);
        let observation = saved(u32::try_from(round).expect("few") % SESSIONS);
        let began = Instant::now();
        registry.observe(&observation);
        published.push(began.elapsed());
        while heard.load(Ordering::Relaxed) < before + SUBSCRIBERS as u64 {
            tokio::task::yield_now().await;
        }
        all_heard.push(began.elapsed());
        if round % 10 == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    row("to publish one event, median", &microseconds(&mut published, 0.5), "wanted: 50 µs");
    row("to publish one event, 99th of 100", &microseconds(&mut published, 0.99), "");
    row("until the last of them has heard of it, median", &microseconds(&mut all_heard, 0.5), "");
    row(
        "until the last of them has heard of it, 99th of 100",
        &microseconds(&mut all_heard, 0.99),
        "wanted: 5 ms",
    );

    heard.store(0, Ordering::Relaxed);
    let (began, mut sent) = (Instant::now(), 0_u32);
    let mut early = 0;
    for second in 0..seconds {
        for tick in 0..100_u64 {
            for number in 0..A_SECOND / 100 {
                registry.observe(&saved(number % SESSIONS));
                sent += 1;
            }
            let due = began + Duration::from_millis(second * 1000 + (tick + 1) * 10);
            tokio::time::sleep_until(due.into()).await;
        }
        if second == seconds / 10 {
            early = memory();
        }
    }
    let took = began.elapsed();
    let late = memory();
    sleep(Duration::from_millis(200)).await;
    let rate = format!("{:.0} a second", f64::from(sent) / took.as_secs_f64());
    row(&format!("events for {seconds} s"), &rate, "wanted: 10,000 a second");
    let told = heard.load(Ordering::Relaxed) + missed.load(Ordering::Relaxed);
    row(
        "of them heard or counted as missed, by each",
        &(told / SUBSCRIBERS as u64).to_string(),
        &format!("sent: {sent}"),
    );
    row("missed, by all together", &missed.load(Ordering::Relaxed).to_string(), "");
    row("memory (PSS) after a tenth of the time", &format!("{early} KiB"), "");
    row("memory (PSS) at the end", &format!("{late} KiB"), "wanted: as before");
    drop(registrations);
    stop.cancel();
}
