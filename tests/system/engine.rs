//! An engine for the tests, which sees one studio's Mayas only, and has little patience.

use std::{sync::Arc, time::Duration};

use maya_mcp_hub::{Connect, Home, Hub, Options, Settings, Timing, TokenRule};
use maya_mcp_maya::{Execute, Language, ResultType, Unsaved};
use maya_mcp_session::{Event, Session, Snapshot, Subscription, Update, What};
use maya_mcp_system_tests::{Sim, Studio};
use tokio::time::timeout;

pub const SOON: Duration = Duration::from_secs(20);
pub const PYTHON_PORT: &[&str] = &["--default-port", "off", "--command-port", "python:127.0.0.1:0"];

/// It connects to whatever it finds.
pub async fn engine(studio: &Studio) -> (Hub, Subscription) {
    engine_with(studio, |settings| settings.connect = Connect::Auto).await
}

/// With the settings of a new user, but for what `alter` changes.
pub async fn engine_with(studio: &Studio, alter: impl FnOnce(&mut Settings)) -> (Hub, Subscription) {
    engine_in_time(studio, alter, impatient()).await
}

/// A busy machine must not look like a busy Maya everywhere; this is for where one may.
pub fn impatient() -> Timing {
    Timing {
        ping: Duration::from_millis(100),
        busy: Duration::from_millis(190),
        not_responding: Duration::from_millis(900),
        ask_after: Duration::from_millis(300),
        patience: Duration::from_millis(400),
        no_port: Duration::from_millis(400),
        retry: Duration::from_millis(300),
        least_heartbeat: Duration::from_secs(1),
        ..Timing::default()
    }
}

pub async fn engine_in_time(
    studio: &Studio,
    alter: impl FnOnce(&mut Settings),
    timing: Timing,
) -> (Hub, Subscription) {
    let home = Home::find(Some(studio.path().join("home"))).expect("writable");
    let mut settings = Settings {
        port: 0,
        maya_folders: vec![studio.path().to_owned()],
        notices: false,
        ..Settings::default()
    };
    alter(&mut settings);
    let hub = Hub::start(Options { home, settings, tokens: TokenRule::Required, timing }).await;
    let hub = hub.expect("a free port and a writable home");
    let news = hub.registry().subscribe();
    (hub, news)
}

/// What happened to a session, and how it was right after.
pub struct Happened {
    pub session: Arc<Session>,
    pub event: Event,
}

/// The next event of this kind about this Maya; what comes before it is passed over.
pub async fn event(news: &mut Subscription, sim: &Sim, kind: &str) -> Happened {
    let name = format!("maya-{}", sim.pid);
    event_of(news, &name, kind).await
}

/// The same, by the session's name.
pub async fn event_of(news: &mut Subscription, name: &str, kind: &str) -> Happened {
    let mut before = Vec::new();
    let found = timeout(SOON, async {
        loop {
            let Some(Update::Edge(edge)) = news.next().await else { panic!("the registry lives") };
            before.push(format!("{} {}", edge.what.source(), edge.kind()));
            if let What::Session { session, event } = edge.what
                && session.id().to_string() == name
                && event.kind().name() == kind
            {
                return Happened { session, event };
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("no {kind} of {name}; there was {before:?}"))
}

/// Waits until the session of this name is in such a state.
pub async fn state(hub: &Hub, name: &str, what: &str, is_it: impl Fn(&Session) -> bool) {
    let mut level = hub.watch();
    let reached = level.wait_for(|snapshot| snapshot.find(name).is_some_and(|session| is_it(&session)));
    let in_time = timeout(SOON, reached).await.is_ok();
    let now = hub.snapshot().find(name).map(|session| session.phase.to_string());
    assert!(in_time, "{what}: {name} is {now:?}");
}

pub fn phase(snapshot: &Snapshot, sim: &Sim) -> Option<&'static str> {
    snapshot.sessions.values().find(|s| s.id().pid() == Some(sim.pid)).map(|s| s.phase.name())
}

/// A script as a client sends it.
pub fn python(code: &str) -> Execute {
    Execute {
        code: code.to_owned(),
        language: Language::Python,
        result_type: ResultType::Auto,
        undo_name: None,
        timeout_s: None,
        unsaved: Unsaved::default(),
    }
}
