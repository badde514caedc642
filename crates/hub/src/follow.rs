//! One session's whole life: connect, keep the link, connect again, see its end.
//!
//! Invariant: this task tells only what it sees; the registry decides what that means. It ends when its process or the hub does.

use std::{
    path::PathBuf,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    time::Duration,
};

use maya_mcp_discovery as discovery;
use maya_mcp_maya::{
    Access, Farewell, HelperFiles, Link, LinkEnd, LinkEvent, LinkKind, LinkTask, Links, Outputs, Selection,
    Subject,
};
use maya_mcp_session::{Ending, Observation, Origin, Phase, Registry, Selected, SessionId, Why, clock};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
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
/// Between a good-bye and the end of its link.
const PARTING: Duration = Duration::from_secs(1);
/// A link over a port of Maya's that lasts no longer was taken: the other engine notices with its next question, waits for Maya's end, and
/// brings its own helper in.
const TAKEN_SOON: Duration = Duration::from_secs(10);
/// Once may be chance.
const TAKEN: u32 = 2;
/// For the search for a recovered scene.
const LOOKING: Duration = Duration::from_millis(200);
/// Between two lines of the log about strangers; the later one says how many there were.
const STRANGERS_EVERY: Duration = Duration::from_mins(1);
/// So many names of what is selected are kept; how many there are is told as well.
const SELECTED: usize = 10;
/// For the helper's answer that it leaves.
const LEAVING: Duration = Duration::from_millis(500);

/// What every session's task shares.
#[derive(Debug)]
pub struct World {
    pub registry: Registry,
    pub links: Links,
    pub outputs: Outputs,
    pub files: HelperFiles,
    /// How their helpers are reached.
    pub link: LinkKind,
    pub timing: Timing,
    /// What was known before this engine began.
    pub memory: Memory,
    pub connect: watch::Receiver<Connect>,
    /// Up to which revision the artist has been told.
    pub told: watch::Receiver<u64>,
    /// What is selected is an event too.
    pub selection_events: bool,
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
    let mut rivals = Rivals::default();
    loop {
        let connected = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = &mut ended => return tell_end(&world, id, last).await,
            connected = connector.connect(last) => connected,
        };
        let opened = Instant::now();
        let (end, ending) = hold(id, connected, ended.as_mut(), &stop, &world).await;
        world.links.remove(id);
        world.outputs.set_heard(id, false);
        last = Some(end);
        let exits = match (ending, end) {
            (Ended::Stopped, _) => return,
            (Ended::Maya, _) => return tell_end(&world, id, last).await,
            (Ended::Link, LinkEnd::Goodbye(Farewell::MayaExiting)) if id.pid().is_some() => EXITING,
            (Ended::Link, _) => EXIT_FOLLOWS,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = &mut ended => return tell_end(&world, id, last).await,
            () = sleep(exits) => {}
        }
        tracing::info!(%id, ?end, "the link ended while Maya runs on");
        if rivals.have_taken_it(end, opened) {
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

/// What a link ended with.
#[derive(Debug, Clone, Copy)]
enum Ended {
    /// As far as is known, Maya lives.
    Link,
    Maya,
    /// The engine leaves.
    Stopped,
}

/// Keeps the link for as long as it, Maya and the engine last.
async fn hold(
    id: SessionId,
    connected: Connected,
    maya_ended: Pin<&mut impl Future<Output = ()>>,
    stop: &CancellationToken,
    world: &World,
) -> (LinkEnd, Ended) {
    let Connected { link, task, welcome, address, helper } = connected;
    let opened = Observation::LinkOpened { id, address, facts: welcome.facts, scene: welcome.scene };
    world.links.insert(id, link.clone());
    world.registry.observe(&opened);
    tracing::info!(%id, "helper ready");

    let farewell = OnceLock::new();
    // While a program that Maya started holds the connection open, its end is never seen.
    let unseen = || match (farewell.get(), &helper.access) {
        (Some((why, _)), _) => LinkEnd::Goodbye(*why),
        (None, Access::Secret(_)) => LinkEnd::BrokenOff,
        (None, Access::Key(_)) => LinkEnd::PortClosed,
    };
    let mut keeping = pin!(keep(id, link.clone(), task, &farewell, world));
    tokio::select! {
        end = &mut keeping => (end, Ended::Link),
        () = maya_ended => {
            let end = timeout(LAST_WORDS, &mut keeping).await;
            (end.unwrap_or_else(|_| unseen()), Ended::Maya)
        }
        () = stop.cancelled() => {
            // For whoever asks, it is gone; it must go on running for its own farewell.
            world.links.remove(id);
            let leaving = async { let _ = timeout(LEAVING, link.leave()).await; };
            tokio::select! { () = leaving => {}, _ = &mut keeping => {} }
            (unseen(), Ended::Stopped)
        }
    }
}

/// Other engines, with helpers of their own.
#[derive(Debug, Default)]
struct Rivals {
    /// How many links in a row ended as if taken.
    taken: u32,
}

impl Rivals {
    /// A port of Maya's cannot say why it is closed: that it is, again and again and soon, tells.
    fn have_taken_it(&mut self, end: LinkEnd, opened: Instant) -> bool {
        let soon = end == LinkEnd::PortClosed && opened.elapsed() < TAKEN_SOON;
        self.taken = if soon { self.taken + 1 } else { 0 };
        let have = end == LinkEnd::Goodbye(Farewell::Replaced) || self.taken >= TAKEN;
        if have {
            self.taken = 0;
        }
        have
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

/// When the helper said good-bye, and why.
type Goodbye = OnceLock<(Farewell, Instant)>;

/// Runs the link to its end, telling what comes over it and whether the main thread answers. What is said of its end outlasts it in `farewell`.
async fn keep(id: SessionId, link: Link, task: LinkTask, farewell: &Goodbye, world: &World) -> LinkEnd {
    let (events_in, mut events) = mpsc::channel(EVENTS_QUEUED);
    let mut running = pin!(task.run(events_in));
    let mut pulse = pin!(watch_main_thread(id, link.clone(), world));
    let mut listening = pin!(listen(id, link, world));
    let mut strangers = Strangers::default();
    loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => tell(id, event, farewell, &mut strangers, world),
            end = &mut running => {
                while let Ok(event) = events.try_recv() {
                    tell(id, event, farewell, &mut strangers, world);
                }
                return end;
            }
            end = parted(farewell) => return end,
            // What has said good-bye is not asked how it is.
            () = &mut pulse, if farewell.get().is_none() => {}
            () = &mut listening, if farewell.get().is_none() => {}
        }
    }
}

/// Never returns: the selection is listened to where the settings say so, the Script Editor once somebody wants to know.
async fn listen(id: SessionId, link: Link, world: &World) {
    let selection = world.selection_events.then_some(Subject::Selection);
    if selection.is_some() {
        hear(id, &link, selection.as_slice()).await;
    }
    world.outputs.is_wanted(id).await;
    let both: Vec<_> = selection.into_iter().chain([Subject::Output]).collect();
    if hear(id, &link, &both).await {
        world.outputs.set_heard(id, true);
    }
    std::future::pending::<()>().await;
}

/// These, and nothing else.
async fn hear(id: SessionId, link: &Link, subjects: &[Subject]) -> bool {
    let heard = link.subscribe(subjects).await;
    if let Err(error) = &heard {
        tracing::debug!(%id, ?subjects, error = error as &dyn std::error::Error, "this is not heard");
    }
    heard.is_ok()
}

/// Returns a while after the good-bye. The connection should have ended by then; a program that Maya started may hold it open.
async fn parted(farewell: &Goodbye) -> LinkEnd {
    let Some((why, said)) = farewell.get() else { return std::future::pending().await };
    sleep_until(*said + PARTING).await;
    LinkEnd::Goodbye(*why)
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

fn tell(id: SessionId, event: LinkEvent, farewell: &Goodbye, strangers: &mut Strangers, world: &World) {
    let observation = match event {
        LinkEvent::Farewell(why) => {
            farewell.get_or_init(|| (why, Instant::now()));
            return;
        }
        LinkEvent::Scene { reason, scene } => Observation::SceneSeen { id, reason, scene },
        LinkEvent::MainThreadFree => Observation::MainThreadFree { id },
        LinkEvent::Stranger { address, why } => return strangers.tell(id, &address, &why),
        LinkEvent::Output { stream, text } => return world.outputs.hear(id, stream, &text),
        LinkEvent::Selection(Selection { count, mut names, .. }) => {
            names.truncate(SELECTED);
            Observation::SelectionSeen { id, selection: Selected { count, first: names } }
        }
    };
    world.registry.observe(&observation);
}
