//! The shell around the engine: starts it, draws the tray and the window from what it says, and stops it.
//!
//! Invariant: nothing about Maya is decided here. A click becomes a call of the engine; what is shown comes back from it.

mod clients;
mod copy;
mod ipc;
mod notice;
mod sessions;
mod shell;
mod start_up;
mod telling;
mod tray;
#[cfg(target_os = "linux")]
mod tray_library;
mod window;

use std::{io, path::PathBuf};

use anyhow::Context as _;
use maya_mcp_hub::{Home, Hub, Options, Settings, Timing, TokenRule, keep_log};
use tauri::{App, AppHandle, Manager as _, RunEvent, WindowEvent, async_runtime};

use crate::shell::{Shell, Start};

/// As a second start hears it from the first.
const FOR_A_CLIENT: &str = "--for-a-client";

#[derive(Debug, clap::Parser)]
#[command(
    name = "maya-mcp-tray",
    version,
    about = "Every running Maya, served to MCP clients, from the tray"
)]
pub struct Arguments {
    /// The folder of settings, tokens and logs [default: `MAYA_MCP_HOME`, else `~/.maya-mcp`]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// The endpoint's port, instead of the one in settings.json; 0 takes a free one
    #[arg(long)]
    port: Option<u16>,
    /// Open the window at once
    #[arg(long)]
    window: bool,
    /// Started by a client's bridge: nobody wants to see a window, and what is logged goes to logs/start.log once it runs
    #[arg(long, conflicts_with = "window")]
    for_a_client: bool,
}

/// Returns when the person quits.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let home = Home::find(arguments.home.clone())?;
    let autostart = tauri_plugin_autostart::Builder::new().args(login_arguments(&home)).build();
    let app = tauri::Builder::default()
        // First, so that a second start ends before it touches anything.
        .plugin(tauri_plugin_single_instance::init(|app, arguments, _| {
            // Several bridges may start it at once; only a person wants to see it.
            if !arguments.iter().any(|argument| argument == FOR_A_CLIENT) {
                window::show(app);
            }
        }))
        .plugin(autostart)
        .invoke_handler(ipc::commands())
        .on_window_event(|window, event| {
            if let WindowEvent::Focused(true) = event {
                // The person may come from editing a client's settings.
                let shell = window.state::<Shell>();
                shell.look_again();
                shell.window_seen.send_replace(());
            }
        })
        .setup(move |app| {
            set_up(app, home, &arguments);
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("starting the tray application")?;
    app.run(|app, event| match event {
        // The last window closed: the tray stays. Without a tray, the window was all there is.
        RunEvent::ExitRequested { code: None, api, .. } if app.state::<Shell>().tray().is_some() => {
            api.prevent_exit();
        }
        RunEvent::Exit => async_runtime::block_on(app.state::<Shell>().stop()),
        _ => {}
    });
    Ok(())
}

fn set_up(app: &mut App, home: Home, arguments: &Arguments) {
    #[cfg(target_os = "macos")]
    app.set_activation_policy(tauri::ActivationPolicy::Accessory);
    quit_when_told(app.handle());
    let start = start(home, arguments.port);
    if arguments.for_a_client && start.hub.is_some() {
        // Until here the bridge has heard what is wrong.
        if let Err(error) = keep_log(start.home.path()) {
            tracing::warn!(%error, "what is logged is lost");
        }
    }
    let tray = tray::Tray::build(app.handle())
        .inspect_err(|error| tracing::warn!(%error, "going on without a tray; the window is opened instead"))
        .ok();
    let opens_window = arguments.window || tray.is_none();
    app.manage(Shell::new(start, tray));
    async_runtime::spawn(shell::draw(app.handle().clone()));
    async_runtime::spawn(telling::tell(app.handle().clone()));
    if opens_window {
        window::show(app.handle());
    }
}

/// An engine that cannot start is told, and does not end the program: the window says what to do.
fn start(home: Home, port: Option<u16>) -> Start {
    let (mut settings, unread) = match Settings::read(home.settings()) {
        Ok(settings) => (settings, None),
        Err(error) => (Settings::default(), Some(shell::story(&error))),
    };
    settings.port = port.unwrap_or(settings.port);
    let options = Options {
        home: home.clone(),
        settings: settings.clone(),
        tokens: TokenRule::Required,
        timing: Timing::default(),
    };
    let (hub, unstarted) = match async_runtime::block_on(Hub::start(options)) {
        Ok(hub) => (Some(hub), None),
        Err(error) => (None, Some(shell::story(&error))),
    };
    // An engine that does not run matters more than settings that were not read.
    let problem = unstarted.or(unread);
    if let Some(problem) = &problem {
        tracing::error!(problem, "the engine did not start as it should");
    }
    Start { home, hub, settings, problem }
}

/// What the program is started with at login.
fn login_arguments(home: &Home) -> Vec<String> {
    if home.is_default() {
        return Vec::new();
    }
    let path = home.path().display().to_string();
    // Linux and Windows keep one line of text.
    let path = if path.contains(' ') && !cfg!(target_os = "macos") { format!("\"{path}\"") } else { path };
    vec!["--home".to_owned(), path]
}

/// Ctrl-C, and the system's request to end, are a click on Quit.
fn quit_when_told(app: &AppHandle) {
    // Listening begins here and not with the task's first step: from now on there is an engine to be stopped.
    match async_runtime::block_on(async { told_to_quit() }) {
        Ok(told) => {
            let app = app.clone();
            async_runtime::spawn(async move {
                told.await;
                app.exit(0);
            });
        }
        Err(error) => tracing::warn!(%error, "signals are not heard; Quit in the tray works"),
    }
}

#[cfg(unix)]
fn told_to_quit() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {}, _ = hang_up.recv() => {} }
    })
}

#[cfg(windows)]
fn told_to_quit() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
