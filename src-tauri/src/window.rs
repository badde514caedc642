//! The one window: made when it is wanted, gone when it is closed, because a hidden web view frees nothing.

use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder, async_runtime};
use tokio::sync::oneshot;

use crate::shell::Shell;

pub const LABEL: &str = "main";

/// Whether it is open, and not put away.
pub async fn is_seen(app: &AppHandle) -> bool {
    if app.get_webview_window(LABEL).is_none() {
        return false;
    }
    // Only the main thread knows. No thread may stand still for it: when the program ends, it waits for them.
    let (answer, seen) = oneshot::channel();
    let main = app.clone();
    let asked = app.run_on_main_thread(move || {
        let is_seen = main.get_webview_window(LABEL).is_some_and(|window| {
            window.is_visible().unwrap_or(true) && !window.is_minimized().unwrap_or(false)
        });
        let _ = answer.send(is_seen);
    });
    asked.is_ok() && seen.await.unwrap_or(false)
}

/// Opens it, or brings it to the front.
pub fn show(app: &AppHandle) {
    let app = app.clone();
    // Not from here: on Windows, making a window inside an event of the main loop never returns.
    async_runtime::spawn(async move {
        if let Err(error) = open(&app) {
            tracing::error!(%error, "the window did not open");
        }
    });
}

fn open(app: &AppHandle) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(LABEL) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    app.state::<Shell>().look_again();
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Maya MCP Tray")
        .inner_size(460.0, 640.0)
        .min_inner_size(380.0, 420.0)
        .build()?
        .set_focus()
}
