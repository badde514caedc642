//! The tray: a menu drawn from the view, whose clicks become calls.
//!
//! Invariant: the menu shows its rows and nothing that a click did by itself: after every click it is drawn again.

mod rows;

use std::sync::Mutex;

use maya_mcp_clients::Client;
use tauri::{
    AppHandle, Manager as _, Wry, async_runtime,
    menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};
use tokio::sync::oneshot;

pub use rows::{Action, Row, rows};

use crate::{
    ipc::Refusal,
    notice,
    sessions::AfterCrash,
    shell::{Shell, lock, sentence},
    window,
};

pub struct Tray {
    /// Linux cannot exchange a tray's menu, only what is in it.
    menu: Menu<Wry>,
    drawn: Mutex<Vec<(Row, Item)>>,
    _icon: TrayIcon,
}

enum Item {
    Plain(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Separator(PredefinedMenuItem<Wry>),
    Menu(Submenu<Wry>),
}

#[derive(Debug, thiserror::Error)]
pub enum TrayError {
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Library(#[from] crate::tray_library::Missing),
    #[error(transparent)]
    Tauri(#[from] tauri::Error),
}

impl Tray {
    pub fn build(app: &AppHandle) -> Result<Self, TrayError> {
        #[cfg(target_os = "linux")]
        crate::tray_library::check()?;
        let menu = Menu::new(app)?;
        let icon = TrayIconBuilder::with_id("main")
            .icon(tauri::include_image!("icons/tray@2x.png"))
            .tooltip("Maya MCP Tray")
            .menu(&menu)
            .show_menu_on_left_click(cfg!(target_os = "macos"))
            .on_menu_event(|app, event| clicked(app, event.id().as_ref()))
            .on_tray_icon_event(|icon, event| opened(icon.app_handle(), &event))
            .build(app)?;
        Ok(Self { menu, drawn: Mutex::default(), _icon: icon })
    }

    /// Changes the words in place while the rows are the same ones, because the menu may be open.
    fn draw(&self, app: &AppHandle, rows: Vec<Row>) -> tauri::Result<()> {
        let mut drawn = lock(&self.drawn);
        let same_rows =
            drawn.len() == rows.len() && drawn.iter().zip(&rows).all(|((old, _), new)| old.is_same_row(new));
        if !same_rows {
            while self.menu.remove_at(0)?.is_some() {}
            drawn.clear();
            for row in rows {
                let item = Item::new(app, &row)?;
                self.menu.append(item.as_menu_item())?;
                drawn.push((row, item));
            }
            return Ok(());
        }
        for ((old, item), new) in drawn.iter_mut().zip(rows) {
            item.update(old, &new)?;
            *old = new;
        }
        Ok(())
    }
}

impl Item {
    fn new(app: &AppHandle, row: &Row) -> tauri::Result<Self> {
        Ok(match row {
            Row::Separator => Self::Separator(PredefinedMenuItem::separator(app)?),
            Row::Note(text) => Self::Plain(MenuItem::new(app, label(text), false, None::<&str>)?),
            Row::Item { action, text } => {
                Self::Plain(MenuItem::with_id(app, action.id(), label(text), true, None::<&str>)?)
            }
            Row::Check { action, text, checked } => {
                let item =
                    CheckMenuItem::with_id(app, action.id(), label(text), true, *checked, None::<&str>);
                Self::Check(item?)
            }
            Row::Menu { id, text, rows } => {
                let menu = Submenu::with_id(app, id, label(text), true)?;
                for row in rows {
                    menu.append(Self::new(app, row)?.as_menu_item())?;
                }
                Self::Menu(menu)
            }
        })
    }

    fn as_menu_item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Self::Plain(item) => item,
            Self::Check(item) => item,
            Self::Separator(item) => item,
            Self::Menu(menu) => menu,
        }
    }

    fn update(&self, old: &Row, new: &Row) -> tauri::Result<()> {
        match (self, new) {
            (Self::Plain(item), Row::Note(text) | Row::Item { text, .. }) if old != new => {
                item.set_text(label(text))
            }
            (Self::Menu(menu), Row::Menu { text, .. }) if old != new => menu.set_text(label(text)),
            (Self::Check(item), Row::Check { text, checked, .. }) => {
                if old != new {
                    item.set_text(label(text))?;
                }
                // Always: a click has changed the mark by itself.
                item.set_checked(*checked)
            }
            _ => Ok(()),
        }
    }
}

/// True when it is drawn, or there is nothing to draw on.
pub async fn draw(app: &AppHandle, rows: Vec<Row>) -> bool {
    if app.state::<Shell>().tray().is_none() {
        return true;
    }
    // Only the main thread may touch a menu.
    let (answer, drawn) = oneshot::channel();
    let main = app.clone();
    let drawing = app.run_on_main_thread(move || {
        let shell = main.state::<Shell>();
        let Some(tray) = shell.tray() else { return };
        let done = tray.draw(&main, rows);
        if let Err(error) = &done {
            tracing::error!(%error, "the tray's menu was not drawn");
        }
        let _ = answer.send(done.is_ok());
    });
    if let Err(error) = drawing {
        tracing::debug!(%error, "the program ends");
        return false;
    }
    drawn.await.unwrap_or(false)
}

/// `&` marks the key of an entry.
fn label(text: &str) -> String {
    text.replace('&', "&&")
}

/// A left click; Linux has none.
fn opened(app: &AppHandle, event: &TrayIconEvent) {
    if cfg!(windows)
        && let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } =
            event
    {
        window::show(app);
    }
}

fn clicked(app: &AppHandle, id: &str) {
    let shell = app.state::<Shell>();
    let Some(tray) = shell.tray() else { return };
    let action = lock(&tray.drawn).iter().find_map(|(row, _)| row.action(id).cloned());
    if let Some(action) = action {
        tracing::debug!(?action, "chosen in the tray");
        act(app, &shell, action);
    }
    shell.look_again();
}

fn act(app: &AppHandle, shell: &Shell, action: Action) {
    let done = match action {
        Action::Choose(session) => shell.choose(Some(&session)),
        Action::Release(_) => shell.choose(None),
        Action::TurnStartAtLogin => shell.turn_start_at_login(app),
        Action::Answer(question, answer) => shell.answer(question, answer),
        Action::OpenWindow
        | Action::ReadProblem
        | Action::ReadQuestions
        | Action::ReadCrashes
        | Action::LookAt(_) => return window::show(app),
        Action::TurnQuiet => shell.turn_quiet(),
        Action::Quit => return app.exit(0),
        Action::ConnectSession(session) => return connect_session(app, session),
        Action::AfterCrash(session, step) => return after_crash(app, session, step),
        Action::CopyLine(session) => return in_background(app, move |app| copy_line(app, &session)),
        Action::ConnectClient(client) => return in_background(app, move |app| connect(app, client)),
        Action::CopyConfig => return in_background(app, copy_config),
    };
    tell_failure(app, done);
}

fn tell_failure(app: &AppHandle, done: Result<(), Refusal>) {
    if let Err(refusal) = done {
        notice::tell(app, "That did not work", &sentence(&refusal.to_string()));
    }
}

/// Reads and writes files.
fn in_background(app: &AppHandle, work: impl FnOnce(&AppHandle) + Send + 'static) {
    let app = app.clone();
    async_runtime::spawn_blocking(move || work(&app));
}

fn connect_session(app: &AppHandle, session: String) {
    let app = app.clone();
    async_runtime::spawn(async move {
        tell_failure(&app, app.state::<Shell>().connect_session(&session).await);
    });
}

fn after_crash(app: &AppHandle, session: String, step: AfterCrash) {
    let app = app.clone();
    async_runtime::spawn(async move {
        let done = app.state::<Shell>().after_crash(&session, step).await;
        if done.is_ok() && step == AfterCrash::OpenScene {
            notice::tell(&app, "The recovered scene is being opened", "Maya takes a moment to start.");
        }
        tell_failure(&app, done);
    });
}

fn connect(app: &AppHandle, client: Client) {
    let shell = app.state::<Shell>();
    let name = client.name();
    let (title, body) = match shell.clients.connect_at_once(client) {
        Ok(outcome) => (format!("{name} is connected"), outcome.message),
        Err(refusal) => (format!("{name} is not connected"), sentence(&refusal.to_string())),
    };
    shell.look_again();
    notice::tell(app, &title, &body);
}

fn copy_config(app: &AppHandle) {
    let shell = app.state::<Shell>();
    let copied = shell.clients.config_for_another().and_then(|text| Ok(shell.clipboard.copy(text)?));
    tell_copied(app, copied, "Paste the configuration into the settings of the other client.");
}

fn copy_line(app: &AppHandle, session: &str) {
    let copied = app.state::<Shell>().copy_line(session);
    tell_copied(app, copied, "Paste the line into a MEL tab of Maya's Script Editor and press Ctrl+Enter.");
}

fn tell_copied(app: &AppHandle, copied: Result<(), Refusal>, next: &str) {
    match copied {
        Ok(()) => notice::tell(app, "Copied", next),
        Err(refusal) => notice::tell(app, "Not copied", &sentence(&refusal.to_string())),
    }
}
