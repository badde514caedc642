//! One session's whole life: connect, keep the link, connect again, see its end.
//!
//! Invariant: this task tells only what it sees; the registry decides what that means. It ends when its process or the hub does.

use std::{path::PathBuf, pin::pin, sync::Arc, time::Duration};

use maya_mcp_discovery as discovery;
use maya_mcp_maya::{HelperFiles, Link, LinkEnd, LinkEvent, LinkTask, Links};
use maya_mcp_session::{Ending, Observation, Registry, SessionId, clock};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    connect::{Connected, Connector},
    timing::Timing,
};

/// Scene changes and the like; the task takes them at once.
const EVENTS_QUEUED: usize = 64;
/// A closing process closes its connections a moment before its end is told.
const EXIT_FOLLOWS: Duration = Duration::from_millis(300);
/// For the search for a recovered scene.
const LOOKING: Duration = Duration::from_millis(200);
/// For the helper's answer that it leaves.
const LEAVING: Duration = Duration::from_millis(500);

/// What every session's task shares.
#[derive(Debug)]
pub struct World {
    pub registry: Registry,
    pub links: Links,
    pub files: HelperFiles,
    pub timing: Timing,
    pub stop: CancellationToken,
}

/// How the last link of this session ended.
#[derive(Debug, Clone, Copy)]
enum Witness {
    NoLink,
    Ended(LinkEnd),
}

pub async fn follow(id: SessionId, world: Arc<World>) {
    let mut ended = pin!(discovery::ended(id));
    let mut connector = Connector::new(id, world.clone());
    loop {
        let connected = tokio::select! {
            biased;
            () = world.stop.cancelled() => return,
            () = &mut ended => return tell_end(&world, id, Witness::NoLink).await,
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
            () = world.stop.cancelled() => {
                world.links.remove(id);
                // The link must go on running for its own farewell.
                let farewell = async { let _ = timeout(LEAVING, link.leave()).await; };
                tokio::select! { () = farewell => {}, _ = &mut keeping => {} }
                return;
            }
        };
        world.links.remove(id);
        if timeout(EXIT_FOLLOWS, &mut ended).await.is_ok() {
            return tell_end(&world, id, Witness::Ended(end)).await;
        }
        tracing::info!(%id, ?end, "the link ended while Maya runs on");
        world.registry.observe(&Observation::LinkClosed { id });
        tokio::select! {
            () = world.stop.cancelled() => return,
            () = &mut ended => return tell_end(&world, id, Witness::Ended(end)).await,
            () = sleep(world.timing.reconnect) => {}
        }
    }
}

async fn tell_end(world: &World, id: SessionId, witness: Witness) {
    let ending = match witness {
        Witness::NoLink => Ending::Unwitnessed,
        Witness::Ended(LinkEnd::Goodbye) => Ending::Goodbye,
        Witness::Ended(LinkEnd::BrokenOff) => {
            Ending::WithoutGoodbye { recovered_scene: recovered_scene(world, id).await }
        }
    };
    tracing::info!(%id, ?ending, "the session ended");
    world.registry.observe(&Observation::ProcessEnded { id, ending });
}

/// A full temporary folder on a slow disk must not hold back the news.
async fn recovered_scene(world: &World, id: SessionId) -> Option<PathBuf> {
    let session = world.registry.snapshot().sessions.get(&id)?.clone();
    let at = clock::now().into();
    let looking = tokio::task::spawn_blocking(move || {
        let user =
            session.facts.as_ref().map(|facts| facts.user.as_str()).or(session.process.user.as_deref())?;
        let scene_name = session.scene.as_ref().map_or("", |scene| scene.name.as_str());
        let crash = discovery::Crash { user, scene_name, at };
        discovery::recovered_scene(&crash, &session.process.temp_folders)
    });
    timeout(LOOKING, looking).await.ok()?.ok()?
}

/// Runs the link to its end, telling what comes over it and whether the main thread answers.
async fn keep(id: SessionId, link: Link, task: LinkTask, world: &World) -> LinkEnd {
    let (events_in, mut events) = mpsc::channel(EVENTS_QUEUED);
    let mut running = pin!(task.run(events_in));
    let mut pulse = pin!(watch_main_thread(id, link, world));
    loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => tell(id, event, world),
            end = &mut running => {
                while let Ok(event) = events.try_recv() {
                    tell(id, event, world);
                }
                return end;
            }
            () = &mut pulse => {}
        }
    }
}

fn tell(id: SessionId, event: LinkEvent, world: &World) {
    match event {
        LinkEvent::Scene { reason, scene } => {
            world.registry.observe(&Observation::SceneSeen { id, reason, scene });
        }
        LinkEvent::MainThreadFree => world.registry.observe(&Observation::MainThreadFree { id }),
        LinkEvent::Stranger { address, why } => {
            tracing::warn!(%id, address, why, "a stranger knocked at the helper's port and was cut off");
        }
    }
}

/// Never returns: asks now and then how long the main thread has been away. No answer at all means that even the helper's own thread
/// does not run, as when Maya's code holds Python's lock: busy as well.
async fn watch_main_thread(id: SessionId, link: Link, world: &World) {
    let timing = &world.timing;
    let mut clock = interval(timing.ping);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let asked = Instant::now();
        let mut question = pin!(link.main_thread_waiting());
        let waiting = loop {
            match timeout(timing.ping, &mut question).await {
                Ok(Ok(waiting)) => break waiting,
                // The link is at its end, and says so by itself.
                Ok(Err(_)) => return std::future::pending().await,
                Err(_) => report(id, asked.elapsed(), world),
            }
        };
        report(id, waiting, world);
    }
}

fn report(id: SessionId, waiting: Duration, world: &World) {
    let since = clock::now() - waiting;
    let observation = if waiting >= world.timing.not_responding {
        Observation::MainThreadStuck { id, since }
    } else if waiting >= world.timing.busy {
        Observation::MainThreadBusy { id, since }
    } else {
        Observation::MainThreadFree { id }
    };
    world.registry.observe(&observation);
}
