//! What the whole program shares: the engine, what else is shown, and the one task that draws.
//!
//! Invariant: everything shown is one [`View`]; the tray and the window are drawn from the same one, by one task, and however much
//! happens, the main thread has one thing at most to draw, a few times a second; the last state is always drawn.

use std::{
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use maya_mcp_hub::{Connect, Home, Hub, Settings, Telling};
use maya_mcp_session::Registry;
use tauri::{AppHandle, Emitter as _, Manager as _, async_runtime};
use tauri_plugin_autostart::ManagerExt as _;
use tokio::{
    sync::{Notify, watch},
    time::{Interval, MissedTickBehavior, interval},
};

use crate::{
    clients::Clients,
    copy::Clipboard,
    ipc::{Refusal, Surroundings, View},
    start_up::StartUp,
    telling,
    tray::{self, Row, Tray},
    window,
};

/// At once to people, however many changes there are.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// What came of starting the engine.
pub struct Start {
    pub home: Home,
    pub hub: Option<Hub>,
    pub settings: Settings,
    pub problem: Option<String>,
}

pub struct Shell {
    pub clients: Clients,
    pub start_up: StartUp,
    pub clipboard: Clipboard,
    /// May Mayas on other machines be added?
    pub remote_hosts: bool,
    /// The window may have come into view.
    pub window_seen: watch::Sender<()>,
    /// The engine's, or an empty one.
    registry: Registry,
    hub: Mutex<Option<Hub>>,
    /// The engine's setting; without an engine, the one that was read.
    connect: watch::Receiver<Connect>,
    /// The engine's, or what was read.
    telling: watch::Receiver<Telling>,
    endpoint: Option<String>,
    problem: Option<String>,
    tray: Option<Tray>,
    view: Mutex<View>,
    again: Notify,
}

impl Shell {
    pub fn new(start: Start, tray: Option<Tray>) -> Self {
        let Start { home, hub, settings, problem } = start;
        let registry = hub.as_ref().map_or_else(Registry::default, |hub| hub.registry().clone());
        let endpoint = hub.as_ref().map(|hub| hub.endpoint().to_owned());
        let connect = hub.as_ref().map_or_else(|| watch::channel(settings.connect).1, Hub::watch_connect);
        let read = || watch::channel(settings.telling()).1;
        let told = hub.as_ref().map_or_else(read, |hub| hub.wishes().watch());
        let around = Surroundings {
            endpoint: endpoint.clone(),
            problem: problem.clone(),
            connect: *connect.borrow(),
            telling: telling::now(told.borrow().clone()),
            ..Surroundings::default()
        };
        let view = View::new(&registry.snapshot(), around);
        Self {
            remote_hosts: settings.remote_hosts,
            window_seen: watch::Sender::default(),
            start_up: StartUp::new(&home),
            clients: Clients::new(home, settings),
            clipboard: Clipboard::default(),
            registry,
            hub: Mutex::new(hub),
            connect,
            telling: told,
            endpoint,
            problem,
            tray,
            view: Mutex::new(view),
            again: Notify::new(),
        }
    }

    /// What is shown now.
    pub fn view(&self) -> View {
        lock(&self.view).clone()
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What the artist wants to be told on the desktop.
    pub fn telling(&self) -> Telling {
        self.telling.borrow().clone()
    }

    /// Looks at the clients' settings and the rest again, and draws.
    pub fn look_again(&self) {
        self.again.notify_one();
    }

    /// Quick work only: everybody else who wants the engine waits.
    pub fn with_hub<T>(&self, work: impl FnOnce(&Hub) -> Result<T, Refusal>) -> Result<T, Refusal> {
        work(lock(&self.hub).as_ref().ok_or(Refusal::NotRunning)?)
    }

    pub fn turn_start_at_login(&self, app: &AppHandle) -> Result<(), Refusal> {
        let enabled = app.autolaunch().is_enabled()?;
        self.set_start_at_login(app, !enabled)
    }

    pub fn set_start_at_login(&self, app: &AppHandle, enabled: bool) -> Result<(), Refusal> {
        let login = app.autolaunch();
        if enabled {
            login.enable()?;
        } else {
            login.disable()?;
        }
        self.look_again();
        Ok(())
    }

    pub fn tray(&self) -> Option<&Tray> {
        self.tray.as_ref()
    }

    /// Ends the engine; the helpers leave every Maya.
    pub async fn stop(&self) {
        let hub = lock(&self.hub).take();
        if let Some(hub) = hub {
            hub.stop().await;
        }
    }

    fn surroundings(&self, app: &AppHandle) -> Surroundings {
        let start_at_login = app.autolaunch().is_enabled().unwrap_or_else(|error| {
            tracing::warn!(%error, "whether the program starts at login is not known");
            false
        });
        Surroundings {
            endpoint: self.endpoint.clone(),
            problem: self.problem.clone(),
            clients: self.clients.all(),
            connect: *self.connect.borrow(),
            telling: self.telling(),
            start_up: self.start_up.all(),
            start_at_login,
        }
    }
}

/// Draws what has changed, until the program ends.
pub async fn draw(app: AppHandle) {
    let shell = app.state::<Shell>();
    let mut snapshots = shell.registry.watch();
    let mut connect = shell.connect.clone();
    let mut wishes = shell.telling.clone();
    let mut seen = shell.window_seen.subscribe();
    let mut pace = pace();
    let mut shown = Shown::default();
    loop {
        let around = look_around(&app).await;
        // A click in the tray leads here, and has changed what is drawn there by itself.
        shown.rows = None;
        loop {
            pace.tick().await;
            seen.borrow_and_update();
            let snapshot = snapshots.borrow_and_update().clone();
            let connect_now = *connect.borrow_and_update();
            let telling = telling::now(wishes.borrow_and_update().clone());
            let quiet_until = telling.quiet_until;
            let around = Surroundings { connect: connect_now, telling, ..around.clone() };
            shown.show(&app, View::new(&snapshot, around)).await;
            tokio::select! {
                () = shell.again.notified() => break,
                // The registry lives as long as the shell, so this is always a change; and so is the next.
                _ = snapshots.changed() => {}
                _ = seen.changed() => {}
                Ok(()) = connect.changed() => {}
                Ok(()) = wishes.changed() => {}
                () = telling::passing(quiet_until) => {}
            }
        }
    }
}

/// At once after a rest; what comes sooner waits for its turn, and for all that comes until then.
fn pace() -> Interval {
    let mut pace = interval(AT_MOST_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// Reads files, so it has a thread of its own.
async fn look_around(app: &AppHandle) -> Surroundings {
    let looking = {
        let app = app.clone();
        async_runtime::spawn_blocking(move || app.state::<Shell>().surroundings(&app))
    };
    looking.await.expect("looking around does not panic")
}

/// What of the view people have before them.
#[derive(Default)]
struct Shown {
    /// The tray's; none when it must be drawn whatever is in it.
    rows: Option<Vec<Row>>,
    /// The view has changed since the window was told.
    owes_window: bool,
}

impl Shown {
    /// Ends when it is drawn, so that nothing queues up behind a main thread that is busy.
    async fn show(&mut self, app: &AppHandle, view: View) {
        {
            // A window that is opened now asks for it.
            let shell = app.state::<Shell>();
            let mut last = lock(&shell.view);
            self.owes_window |= *last != view;
            last.clone_from(&view);
        }
        let rows = tray::rows(&view);
        if self.rows.as_ref() != Some(&rows) {
            let drawn = tray::draw(app, rows.clone()).await;
            self.rows = drawn.then_some(rows);
        }
        if !self.owes_window || !window::is_seen(app).await {
            return;
        }
        self.owes_window = false;
        if let Err(error) = app.emit_to(window::LABEL, "view", &view) {
            tracing::warn!(%error, "the window was not told");
        }
    }
}

/// An error with its causes, as a sentence for people.
pub fn story(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors name their cause themselves.
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    sentence(&text)
}

/// With a capital at its beginning and a mark at its end.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let begun: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if begun.ends_with(['.', '!', '?']) { begun } else { format!("{begun}.") }
}

/// Nothing panics while it holds one of these; if something did, the value is still whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
