//! One session's whole life: connect, keep the link, connect again, see its end.
//!
//! Invariant: this task tells only what it sees; the registry decides what that means. It ends when its process or the hub does.

use std::{path::PathBuf, pin::pin, sync::Arc, time::Duration};

use maya_mcp_discovery as discovery;
use maya_mcp_maya::{Farewell, HelperFiles, Link, LinkEnd, LinkEvent, LinkTask, Links};
use maya_mcp_session::{Ending, Observation, Registry, SessionId, Why, clock};
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
/// A closing process closes its connections a moment before its end is told (and told twice a second where it has to be polled for).
const EXIT_FOLLOWS: Duration = Duration::from_millis(700);
/// A large scene takes a while to be torn down.
const EXITING: Duration = Duration::from_mins(1);
/// What a process that has ended had written still arrives.
const LAST_WORDS: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 365);
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

pub async fn follow(id: SessionId, world: Arc<World>) {
    let mut ended = pin!(discovery::ended(id));
    let mut connector = Connector::new(id, world.clone());
    // How the last link ended; a crash while connecting again is a crash all the same.
    let mut last = None;
    loop {
        let connected = tokio::select! {
            biased;
            () = world.stop.cancelled() => return,
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
            () = world.stop.cancelled() => {
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
            LinkEnd::Goodbye(Farewell::MayaExiting) => EXITING,
            _ => EXIT_FOLLOWS,
        };
        tokio::select! {
            () = world.stop.cancelled() => return,
            () = &mut ended => return tell_end(&world, id, last).await,
            () = sleep(exits) => {}
        }
        tracing::info!(%id, ?end, "the link ended while Maya runs on");
        if end == LinkEnd::Goodbye(Farewell::Replaced) {
            // Two engines would take it from each other for ever.
            world.registry.observe(&Observation::ConnectFailed { id, why: Why::Replaced });
            tokio::select! {
                () = world.stop.cancelled() => return,
                () = &mut ended => return tell_end(&world, id, None).await,
            }
        }
        world.registry.observe(&Observation::LinkClosed { id });
    }
}

async fn tell_end(world: &World, id: SessionId, last: Option<LinkEnd>) {
    let ending = match last {
        None => Ending::Unwitnessed,
        Some(LinkEnd::Goodbye(_)) => Ending::Goodbye,
        Some(LinkEnd::BrokenOff) => {
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
        loop {
            match timeout(timing.ping, &mut question).await {
                // A late answer tells of now and not of the time before; the next question will.
                Ok(Ok(waiting)) if asked.elapsed() < timing.ping => {
                    report(id, waiting, world);
                    break;
                }
                Ok(Ok(_)) => break,
                // The link is at its end, and says so by itself.
                Ok(Err(_)) => return std::future::pending().await,
                Err(_) => report(id, asked.elapsed(), world),
            }
        }
    }
}

fn report(id: SessionId, waiting: Duration, world: &World) {
    // What a helper says may be anything.
    let since = clock::now() - waiting.min(LONGEST_WAIT);
    let observation = if waiting >= world.timing.not_responding {
        Observation::MainThreadStuck { id, since }
    } else if waiting >= world.timing.busy {
        Observation::MainThreadBusy { id, since }
    } else {
        Observation::MainThreadFree { id }
    };
    world.registry.observe(&observation);
}
