//! One session's whole life: connect, keep the link, connect again, see its end.
//!
//! Invariant: this task tells only what it sees; the registry decides what that means. It ends when its process or the hub does.

use std::{path::PathBuf, pin::pin, sync::Arc, time::Duration};

use maya_mcp_discovery as discovery;
use maya_mcp_maya::{Farewell, HelperFiles, Link, LinkEnd, LinkEvent, LinkKind, LinkTask, Links};
use maya_mcp_session::{Ending, Observation, Origin, Phase, Registry, SessionId, Why, clock};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Connect, connect::Connector, memory::Memory, opening::Connected, pulse::watch_main_thread, timing::Timing,
};

/// Scene changes and the like; the task takes them at once.
const EVENTS_QUEUED: usize = 64;
/// A closing process closes its connections a moment before its end is told (and told twice a second where it has to be polled for).
const EXIT_FOLLOWS: Duration = Duration::from_millis(700);
/// A large scene takes a while to be torn down.
const EXITING: Duration = Duration::from_mins(1);
/// What a process that has ended had written still arrives.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// For the search for a recovered scene.
const LOOKING: Duration = Duration::from_millis(200);
/// Between two lines of the log about strangers; the later one says how many there were.
const STRANGERS_EVERY: Duration = Duration::from_mins(1);
/// For the helper's answer that it leaves.
const LEAVING: Duration = Duration::from_millis(500);

/// What every session's task shares.
#[derive(Debug)]
pub struct World {
    pub registry: Registry,
    pub links: Links,
    pub files: HelperFiles,
    /// How their helpers are reached.
    pub link: LinkKind,
    pub timing: Timing,
    /// What was known before this engine began.
    pub memory: Memory,
    pub connect: watch::Receiver<Connect>,
    /// Up to which revision the artist has been told; none where nobody tells.
    pub told: Option<watch::Receiver<u64>>,
    /// All sessions are asked how they are in the same moment, so that this machine wakes once for all.
    pub beat: watch::Receiver<u64>,
    pub stop: CancellationToken,
}

pub async fn follow(
    origin: Origin,
    presses: watch::Receiver<u64>,
    stop: CancellationToken,
    world: Arc<World>,
) {
    let id = origin.id();
    let mut ended = pin!(ended(id));
    if let Origin::Process(process) = &origin
        && process.foreign
    {
        world.registry.observe(&Observation::ConnectFailed { id, why: Why::AnotherUser });
        tokio::select! {
            () = stop.cancelled() => {}
            () = &mut ended => tell_end(&world, id, None).await,
        }
        return;
    }
    let mut connector = Connector::new(&origin, presses, world.clone());
    // How the last link ended; a crash while connecting again is a crash all the same.
    let mut last = None;
    loop {
        let connected = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = &mut ended => return tell_end(&world, id, last).await,
            connected = connector.connect() => connected,
        };
        let Connected { link, task, welcome, address, .. } = connected;
        let opened = Observation::LinkOpened { id, address, facts: welcome.facts, scene: welcome.scene };
        world.links.insert(id, link.clone());
        world.registry.observe(&opened);
        tracing::info!(%id, "helper ready");

        let mut keeping = pin!(keep(id, link.clone(), task, &world));
        let end = tokio::select! {
            end = &mut keeping => end,
            // A program that Maya started may hold the connection open for longer than Maya lives.
            () = &mut ended => {
                let end = timeout(LAST_WORDS, &mut keeping).await.unwrap_or(LinkEnd::BrokenOff);
                world.links.remove(id);
                return tell_end(&world, id, Some(end)).await;
            }
            () = stop.cancelled() => {
                world.links.remove(id);
                // The link must go on running for its own farewell.
                let farewell = async { let _ = timeout(LEAVING, link.leave()).await; };
                tokio::select! { () = farewell => {}, _ = &mut keeping => {} }
                return;
            }
        };
        world.links.remove(id);
        last = Some(end);
        let exits = match end {
            LinkEnd::Goodbye(Farewell::MayaExiting) if id.pid().is_some() => EXITING,
            _ => EXIT_FOLLOWS,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = &mut ended => return tell_end(&world, id, last).await,
            () = sleep(exits) => {}
        }
        tracing::info!(%id, ?end, "the link ended while Maya runs on");
        if end == LinkEnd::Goodbye(Farewell::Replaced) {
            // Two engines would take it from each other for ever.
            world.registry.observe(&Observation::ConnectFailed { id, why: Why::Replaced });
            tokio::select! {
                () = stop.cancelled() => return,
                () = &mut ended => return tell_end(&world, id, None).await,
                () = connector.pressed() => {}
            }
        }
        world.registry.observe(&Observation::LinkClosed { id });
    }
}

/// The end of what was added by hand cannot be seen from here.
async fn ended(id: SessionId) {
    match id {
        SessionId::Process(process) => discovery::ended(process).await,
        SessionId::Added(_) => std::future::pending().await,
    }
}

async fn tell_end(world: &World, id: SessionId, last: Option<LinkEnd>) {
    let ending = match last {
        None => Ending::Unwitnessed,
        Some(LinkEnd::Goodbye(_)) => Ending::Goodbye,
        Some(LinkEnd::BrokenOff) => {
            Ending::WithoutGoodbye { recovered_scene: recovered_scene(world, id).await }
        }
        // Only what Maya has saved while it went tells a crash.
        Some(LinkEnd::PortClosed) => match recovered_scene(world, id).await {
            None => Ending::Unwitnessed,
            found => Ending::WithoutGoodbye { recovered_scene: found },
        },
    };
    if let Some(pid) = id.pid() {
        world.files.forget_announcement(pid);
    }
    tracing::info!(%id, ?ending, "the session ended");
    world.registry.observe(&Observation::ProcessEnded { id, ending });
}

/// A full temporary folder on a slow disk must not hold back the news.
pub async fn recovered_scene(world: &World, id: SessionId) -> Option<PathBuf> {
    let session = world.registry.snapshot().sessions.get(&id)?.clone();
    let now = clock::now();
    // It may have stood behind its error window for long.
    let since = match session.phase {
        Phase::Busy { since } | Phase::NotResponding { since, .. } => since.min(now),
        _ => now,
    };
    let looking = tokio::task::spawn_blocking(move || {
        let scene_name = session.scene.as_ref().map_or("", |scene| scene.name.as_str());
        let crash =
            discovery::Crash { user: session.user()?, scene_name, since: since.into(), at: now.into() };
        discovery::recovered_scene(&crash, &session.process()?.temp_folders)
    });
    timeout(LOOKING, looking).await.ok()?.ok()?
}

/// Runs the link to its end, telling what comes over it and whether the main thread answers.
async fn keep(id: SessionId, link: Link, task: LinkTask, world: &World) -> LinkEnd {
    let (events_in, mut events) = mpsc::channel(EVENTS_QUEUED);
    let mut running = pin!(task.run(events_in));
    let mut pulse = pin!(watch_main_thread(id, link, world));
    let mut strangers = Strangers::default();
    loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => tell(id, event, &mut strangers, world),
            end = &mut running => {
                while let Ok(event) = events.try_recv() {
                    tell(id, event, &mut strangers, world);
                }
                return end;
            }
            () = &mut pulse => {}
        }
    }
}

/// A program that tries every port, again and again, must not fill the log.
#[derive(Debug, Default)]
struct Strangers {
    told: Option<Instant>,
    untold: u32,
}

impl Strangers {
    fn tell(&mut self, id: SessionId, address: &str, why: &str) {
        if self.told.is_some_and(|told| told.elapsed() < STRANGERS_EVERY) {
            self.untold += 1;
            return;
        }
        let others = std::mem::take(&mut self.untold);
        self.told = Some(Instant::now());
        tracing::warn!(%id, address, why, others, "a stranger knocked at the helper's port and was cut off");
    }
}

fn tell(id: SessionId, event: LinkEvent, strangers: &mut Strangers, world: &World) {
    let observation = match event {
        LinkEvent::Scene { reason, scene } => Observation::SceneSeen { id, reason, scene },
        LinkEvent::MainThreadFree => Observation::MainThreadFree { id },
        LinkEvent::Stranger { address, why } => return strangers.tell(id, &address, &why),
        // Nobody subscribes to these.
        LinkEvent::Selection(_) | LinkEvent::Output { .. } => return,
    };
    world.registry.observe(&observation);
}
