//! `maya-mcp doctor`: what is in order on this machine, and what to do where something is not.
//!
//! Invariant: changes nothing but what every command does (the home folder and our own token are made when they are missing).

mod around;

use std::{process::ExitCode, time::Instant};

use clap::Args;
use maya_mcp_endpoint::CallError;
use maya_mcp_hub::{Home, Settings};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{outcome::FAILED, status};

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

    fn line(&self) -> String {
        let mark = if self.ok { "OK     " } else { "PROBLEM" };
        let advice = self.advice.as_ref().map(|advice| format!("\n{:23}{advice}", "")).unwrap_or_default();
        format!("{mark} {:<14} {}{advice}", self.name, self.found)
    }
}

pub async fn doctor(home: &Home, options: Doctor) -> anyhow::Result<ExitCode> {
    let checks = look(home).await;
    let ok = checks.iter().all(|check| check.ok);
    if options.json {
        println!("{:#}", json!({ "ok": ok, "checks": checks }));
    } else {
        for check in &checks {
            println!("{}", check.line());
        }
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
    let status = status::ask(home).await;
    let (status, mut checks) = engine(status, began);
    if status.is_null() {
        checks.push(around::port(&settings));
    }
    let mut all = vec![around::home(home), settings_check];
    all.append(&mut checks);
    all.push(around::event_log(home, &status["event_log"]));
    all.push(notices(&status["desktop"]).await);
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
            let found = format!("{error:#}");
            let advice = match error.downcast_ref() {
                // These say by themselves what to do.
                Some(CallError::Broken(_)) | None => "Quit Maya MCP Tray and start it again.",
                Some(_) => "Then run `maya-mcp doctor` again.",
            };
            (Value::Null, vec![Check::problem("engine", found, advice)])
        }
    }
}

/// The running engine knows best; without one the desktop is asked, where it can be.
async fn notices(desktop: &Value) -> Check {
    let known = match desktop["available"].as_bool() {
        Some(true) => Some(Ok("the desktop shows them".to_owned())),
        Some(false) => Some(Err(desktop["reason"].as_str().unwrap_or("it takes none").to_owned())),
        None => around::daemon().await,
    };
    match known {
        Some(Ok(found)) => Check::ok("notices", found),
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
        let check = notices(&json!({ "available": false, "reason": "nobody is on the bus" })).await;
        assert!(!check.ok, "it is one");
        let line = check.line();
        for words in [
            "PROBLEM notices",
            "Notices cannot be shown on this desktop: nobody is on the bus",
            "Everything is in the tray and the window.",
        ] {
            assert!(line.contains(words), "{words} in {line}");
        }
        assert!(notices(&json!({ "available": true })).await.ok, "and with them all is well");
    }

    #[test]
    fn an_engine_that_does_not_run_is_a_problem_with_its_own_sentence() {
        let (status, checks) = engine(Err(CallError::NotRunning.into()), Instant::now());
        assert!(status.is_null(), "nothing is known of it");
        assert!(checks[0].line().contains("Start it, or run `maya-mcp serve`"), "{}", checks[0].line());
        let running = json!({ "version": "1", "pid": 7, "endpoint": "http://127.0.0.1:1/mcp" });
        let (_, checks) = engine(Ok(running), Instant::now());
        assert!(checks.iter().all(|check| check.ok), "both are fine: {checks:?}");
    }
}
