//! What came of a click in the tray, told on the desktop.

use maya_mcp_hub::{Notice, Notices, Urgency, deliver};
use tauri::{AppHandle, Manager as _, async_runtime};

use crate::{shell::Shell, window};

/// Also in quiet hours: whoever clicks is there. Where notices are off or do not work, the window opens: it shows the same state.
pub fn tell(app: &AppHandle, title: &str, body: &str) {
    let notice = Notice {
        key: "click".to_owned(),
        title: title.to_owned(),
        body: body.to_owned(),
        urgency: Urgency::Normal,
        action: None,
    };
    let app = app.clone();
    async_runtime::spawn(async move {
        if app.state::<Shell>().telling().notices == Notices::Off {
            return window::show(&app);
        }
        if let Err(error) = deliver(&notice).await {
            tracing::info!(%error, "the window is opened instead");
            window::show(&app);
        }
    });
}
