//! The two that stay: the engine, and the bridge.

use std::{ffi::OsString, io::Write as _, path::Path, process::ExitCode};

use anyhow::Context;
use clap::Args;
use maya_mcp_endpoint::{BridgeOptions, OUR_CLIENT, StartCommand, bridge, keep_log};
use maya_mcp_hub::{Home, Hub, Options, Settings, Timing, TokenRule, is_running};
use maya_mcp_session::ClientName;
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Args)]
pub struct Serve {
    /// The endpoint's port; 0 takes a free one [default: "port" in settings.json, else 6292]
    #[arg(long)]
    port: Option<u16>,
    /// Serve without tokens: for conformance runs only
    #[arg(long)]
    insecure_no_token: bool,
    /// Started by a client's bridge: once it runs, it logs to logs/start.log in its home
    #[arg(long)]
    for_a_client: bool,
}

pub async fn serve(home: Home, options: Serve) -> anyhow::Result<ExitCode> {
    let mut settings = Settings::read(home.settings())?;
    settings.port = options.port.unwrap_or(settings.port);
    let tokens = if options.insecure_no_token { TokenRule::Insecure } else { TokenRule::Required };
    if tokens == TokenRule::Insecure {
        tracing::warn!("no token is asked for: every program on this machine may run code in your Mayas");
    }
    let stop = stop_signal()?;
    let engine = Options { home: home.clone(), settings, tokens, timing: Timing::default() };
    let hub = Hub::start(engine).await?;
    if options.for_a_client {
        // Until here the bridge has heard what is wrong.
        if let Err(error) = keep_log(home.path()) {
            tracing::warn!(%error, "what is logged is lost");
        }
    }
    // Whoever started us may not listen; the engine is for others too.
    let _ = writeln!(std::io::stdout(), "{}", json!({"endpoint": hub.endpoint(), "pid": std::process::id()}));
    stop.await;
    hub.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM, both caught from now on.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("listening for SIGTERM")?;
    #[cfg(unix)]
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
        .context("listening for Ctrl-C")?;
    #[cfg(unix)]
    return Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    });
    #[cfg(windows)]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c().context("listening for Ctrl-C")?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}

pub async fn stdio(home: &Home, client: &str) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let options = BridgeOptions {
        home: home.path().to_owned(),
        client: of_a_program(client)?,
        start: start_command(home),
        is_running,
        stop: stop.clone(),
    };
    let signal = async {
        stop_signal()?.await;
        // What runs in Maya for this client is cancelled, and its session ended, before we go.
        stop.cancel();
        std::future::pending().await
    };
    tokio::select! {
        bridged = bridge(tokio::io::stdin(), tokio::io::stdout(), options) => bridged?,
        failed = signal => return failed,
    }
    Ok(ExitCode::SUCCESS)
}

/// The name that our own command line has is the artist's: it is nobody else's to bear.
fn of_a_program(client: &str) -> anyhow::Result<ClientName> {
    let name: ClientName = client.parse()?;
    anyhow::ensure!(
        name.as_str() != OUR_CLIENT,
        "{OUR_CLIENT} is the artist's own command line. Give the client another name."
    );
    Ok(name)
}

/// What to start when nothing runs: the tray application beside this program if it can be shown, else this program's own engine.
fn start_command(home: &Home) -> Option<StartCommand> {
    let own = std::env::current_exe().ok()?;
    let tray =
        own.parent().unwrap_or(Path::new("/")).join(format!("maya-mcp-tray{}", std::env::consts::EXE_SUFFIX));
    let options: [OsString; 3] = ["--for-a-client".into(), "--home".into(), home.path().into()];
    Some(if tray.is_file() && has_display(|name| std::env::var_os(name)) {
        StartCommand { program: tray, args: options.into() }
    } else {
        StartCommand { program: own, args: ["serve".into()].into_iter().chain(options).collect() }
    })
}

/// Where a display has to be named there may be none: many clients start us with hardly any environment.
pub fn has_display(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_named = |name| variable(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || is_named("WAYLAND_DISPLAY") || is_named("DISPLAY")
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;

    #[test]
    fn the_tray_has_a_display_when_either_variable_names_one() {
        for (x11, wayland, is_there) in [
            (None, None, false),
            (Some(""), Some(""), false),
            (Some(":0"), None, true),
            (None, Some("wayland-0"), true),
            (Some(""), Some("wayland-0"), true),
        ] {
            let variable = |name: &str| if name == "DISPLAY" { x11 } else { wayland }.map(OsString::from);
            assert_eq!(has_display(variable), is_there, "DISPLAY {x11:?}, WAYLAND_DISPLAY {wayland:?}");
        }
    }
}
