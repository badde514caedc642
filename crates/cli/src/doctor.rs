//! `maya-mcp doctor`: what is in order on this machine, and what to do where something is not.
//!
//! Invariant: changes nothing but what every command does (the home folder and our own token are made when they are missing),
//! and, where no engine runs, a file in the folder of the events that is gone again at once.

mod around;

use std::{process::ExitCode, time::Instant};

use clap::Args;
use maya_mcp_endpoint::CallError;
use maya_mcp_hub::{Home, Settings};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{outcome::FAILED, printing, serve::has_display, status};

#[derive(Debug, Args)]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was looked at, and what was found.
#[derive(Debug, Serialize)]
pub struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    /// What to do; null where nothing needs to be done.
    advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, ok: true, found: found.into(), advice: None }
    }

    fn problem(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, ok: false, found: found.into(), advice: Some(advice.into()) }
    }

    fn lines(&self) -> Vec<String> {
        let mark = if self.ok { "OK     " } else { "PROBLEM" };
        let found = format!("{mark} {:<14} {}", self.name, self.found);
        let advice = self.advice.as_ref().map(|advice| format!("{:23}{advice}", ""));
        std::iter::once(found).chain(advice).collect()
    }
}

pub async fn doctor(home: &Home, options: Doctor) -> anyhow::Result<ExitCode> {
    let checks = look(home).await;
    let ok = checks.iter().all(|check| check.ok);
    if options.json {
        printing::json(&json!({ "ok": ok, "checks": checks }))?;
    } else {
        checks.iter().flat_map(Check::lines).try_for_each(|line| printing::line(&line))?;
    }
    Ok(if ok { ExitCode::SUCCESS } else { FAILED.into() })
}

async fn look(home: &Home) -> Vec<Check> {
    let (settings, settings_check) = match Settings::read(home.settings()) {
        Ok(settings) => (settings, Check::ok("settings", home.settings().display().to_string())),
        Err(error) => {
            let advice = "Correct the file, or remove it to have the defaults.";
            (Settings::default(), Check::problem("settings", error.to_string(), advice))
        }
    };
    let began = Instant::now();
    let asked = status::ask(home).await;
    // Whoever runs and does not answer has the port itself.
    let is_running =
        !matches!(asked.as_ref().err().and_then(|error| error.downcast_ref()), Some(CallError::NotRunning));
    let (status, mut checks) = engine(asked, began);
    if !is_running {
        checks.push(around::port(home, &settings));
    }
    let mut all = vec![around::home(home), settings_check];
    all.append(&mut checks);
    all.push(around::event_log(home, &status["event_log"]));
    all.push(if settings.notices {
        notices(&status["desktop"], screen()).await
    } else {
        Check::ok("notices", "are turned off in the settings; everything is in the tray and the window")
    });
    all.extend(around::tray());
    all.extend(around::autoconnect(home));
    all.extend(around::clients(home, &settings));
    all
}

/// What the engine says of itself; null when it says nothing.
fn engine(status: anyhow::Result<Value>, began: Instant) -> (Value, Vec<Check>) {
    match status {
        Ok(status) => {
            let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
            let found = format!(
                "version {} runs (pid {}), has proved itself, and took our token",
                text("version"),
                status["pid"]
            );
            let answered = format!("{} answered in {} ms", text("endpoint"), began.elapsed().as_millis());
            (status, vec![Check::ok("engine", found), Check::ok("endpoint", answered)])
        }
        Err(error) => {
            let (found, advice) = match error.downcast_ref() {
                Some(CallError::NotRunning) => (
                    "Maya MCP Tray is not running".to_owned(),
                    "Start it: open Maya MCP Tray, or run `maya-mcp serve`. Run `maya-mcp doctor` again afterwards.",
                ),
                Some(CallError::Silent { pid }) => (around::silent(*pid), around::START_AGAIN),
                Some(CallError::Broken(_)) | None => (format!("{error:#}"), around::START_AGAIN),
                // These say by themselves what to do.
                Some(_) => (format!("{error:#}"), "Run `maya-mcp doctor` again afterwards."),
            };
            (Value::Null, vec![Check::problem("engine", found, advice)])
        }
    }
}

/// Whether there is one here to show notices on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    There,
    Missing,
}

fn screen() -> Screen {
    if has_display(|name| std::env::var_os(name)) { Screen::There } else { Screen::Missing }
}

/// The running engine knows best; without one the desktop is asked, where it can be.
async fn notices(desktop: &Value, screen: Screen) -> Check {
    let known = match desktop["available"].as_bool() {
        Some(true) => Some(Ok("the desktop shows them".to_owned())),
        Some(false) => Some(Err(desktop["reason"].as_str().unwrap_or("it takes none").to_owned())),
        None => around::daemon().await,
    };
    match known {
        Some(Ok(found)) => Check::ok("notices", found),
        Some(Err(_)) if screen == Screen::Missing => Check::ok(
            "notices",
            "there is no display here, so none are shown; `maya-mcp events` lists what happened",
        ),
        Some(Err(why)) => Check::problem(
            "notices",
            format!("Notices cannot be shown on this desktop: {}", why.trim_end_matches('.')),
            "Everything is in the tray and the window. To have notices, start a notification daemon.",
        ),
        None => Check::ok("notices", "this system cannot be asked; everything is in the tray and the window"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_desktop_without_notices_is_a_problem_that_says_where_everything_is() {
        let check =
            notices(&json!({ "available": false, "reason": "nobody is on the bus" }), Screen::There).await;
        assert!(!check.ok, "it is one");
        let line = check.lines().join("\n");
        for words in [
            "PROBLEM notices",
            "Notices cannot be shown on this desktop: nobody is on the bus",
            "Everything is in the tray and the window.",
        ] {
            assert!(line.contains(words), "{words} in {line}");
        }
        assert!(notices(&json!({ "available": true }), Screen::There).await.ok, "and with them all is well");
    }

    #[tokio::test]
    async fn where_there_is_no_display_nobody_misses_notices() {
        let check = notices(&json!({ "available": false, "reason": "no bus" }), Screen::Missing).await;
        assert!(check.ok && check.found.contains("there is no display here"), "a render box: {check:?}");
        let check = notices(&json!({ "available": true }), Screen::Missing).await;
        assert!(check.ok && check.found.contains("shows them"), "the engine knows better: {check:?}");
    }

    #[test]
    fn an_engine_that_hangs_is_not_called_another_program() {
        let (status, checks) = engine(Err(CallError::Silent { pid: 7 }.into()), Instant::now());
        assert!(status.is_null() && checks.len() == 1 && !checks[0].ok, "a problem: {checks:?}");
        let lines = checks[0].lines().join("\n");
        assert!(lines.contains("pid 7") && lines.contains("Quit it and start it again"), "{lines}");
    }

    #[test]
    fn an_engine_that_does_not_run_is_a_problem_with_its_own_sentence() {
        let (status, checks) = engine(Err(CallError::NotRunning.into()), Instant::now());
        assert!(status.is_null(), "nothing is known of it");
        let lines = checks[0].lines();
        assert!(lines[0].ends_with("engine         Maya MCP Tray is not running"), "what is: {lines:?}");
        assert!(
            lines[1].trim().starts_with("Start it: ") && lines[1].ends_with('.'),
            "what to do: {lines:?}"
        );
        let running = json!({ "version": "1", "pid": 7, "endpoint": "http://127.0.0.1:1/mcp" });
        let (_, checks) = engine(Ok(running), Instant::now());
        assert!(checks.iter().all(|check| check.ok), "both are fine: {checks:?}");
    }
}
