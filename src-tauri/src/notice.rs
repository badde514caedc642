//! What came of a click in the tray, told on the desktop.

use std::time::Duration;

use notify_rust::Notification;
use tauri::{AppHandle, Manager as _, async_runtime};

use crate::{shell::Shell, window};

/// A daemon that does not answer counts as none.
const DELIVERY: Duration = Duration::from_secs(2);

/// Where notices are off or do not work, the window opens: it shows the same state.
pub fn tell(app: &AppHandle, title: &str, body: &str) {
    let mut notice = Notification::new();
    notice.appname("Maya MCP Tray").summary(title).body(body).icon("maya-mcp-tray");
    let app = app.clone();
    async_runtime::spawn(async move {
        if !app.state::<Shell>().notices {
            return window::show(&app);
        }
        if let Err(reason) = deliver(notice).await {
            tracing::info!(reason, "a notice was not shown; the window is opened instead");
            window::show(&app);
        }
    });
}

async fn deliver(notice: Notification) -> Result<(), String> {
    #[cfg(all(unix, not(target_os = "macos")))]
    let delivered = async move { notice.show_async().await.map(drop).map_err(|error| error.to_string()) };
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let delivered = async move {
        let shown = async_runtime::spawn_blocking(move || notice.show().map(drop));
        shown.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    };
    tokio::time::timeout(DELIVERY, delivered).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}
