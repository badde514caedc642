//! Delivery to the desktop's notification daemon.
//!
//! Invariant: one task for each place on the desktop; what comes later takes the place of what is there. Nothing stays that nobody keeps:
//! not what could not be replaced, nor what comes too late.

#[cfg(not(all(unix, not(target_os = "macos"))))]
use std::future::{Pending, Ready, pending, ready};
use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
#[cfg(all(unix, not(target_os = "macos")))]
use maya_mcp_session::Answer;
use maya_mcp_session::Commands;
use notify_rust::{Notification, NotificationHandle, Timeout};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{Action, Notice, Urgency};

/// A daemon that hangs must not hold back the next notice for long.
const DELIVERY: Duration = Duration::from_secs(2);
/// One that hangs for longer is given up: each call that waits for it has a connection to the bus.
const LATE: Duration = Duration::from_mins(10);

/// Whether this desktop shows notices, as far as that was tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DesktopState {
    #[default]
    Unknown,
    Works,
    Fails(String),
}

/// This desktop did not take the notice.
#[derive(Debug, thiserror::Error)]
pub enum NotShown {
    #[error("the notification daemon did not answer in time")]
    TimedOut,
    #[error("{0}")]
    Refused(String),
}

/// What is to be shown now.
#[derive(Debug, Clone)]
pub struct Posted {
    pub number: u64,
    pub notice: Arc<Notice>,
}

/// What came of showing it.
#[derive(Debug)]
pub struct Handed {
    pub number: u64,
    pub outcome: Result<(), NotShown>,
}

/// Shows one notice, for whoever has another way to tell it.
pub async fn deliver(notice: &Notice) -> Result<(), NotShown> {
    match timeout(DELIVERY, hand_over(notice, None)).await {
        Ok(outcome) => outcome.map(drop).map_err(NotShown::Refused),
        Err(_) => Err(NotShown::TimedOut),
    }
}

/// Keeps one place of the desktop as it is wanted, until nobody wants it: then takes it back. What is chosen goes to `commands`.
pub async fn keep(mut wanted: watch::Receiver<Posted>, handed: mpsc::Sender<Handed>, commands: Commands) {
    let mut shown: Option<NotificationHandle> = None;
    let mut leaving = FuturesUnordered::new();
    loop {
        let Posted { number, notice } = wanted.borrow_and_update().clone();
        let outcome = replace(notice.clone(), &mut shown, &mut leaving).await;
        if outcome.is_ok() {
            tracing::debug!(key = notice.key, "notice shown");
        }
        // Nobody counts any more when everything stops.
        let _ = handed.send(Handed { number, outcome }).await;
        let next = {
            let mut next = pin!(next(&mut wanted, &mut shown, &notice, &commands));
            loop {
                tokio::select! {
                    next = &mut next => break next,
                    Some(()) = leaving.next() => {}
                }
            }
        };
        if next.is_err() {
            close(shown).await;
            return leaving.collect().await;
        }
    }
}

/// Puts it in the place of what is there, which is forgotten only then. If that fails, or takes too long, both are left to `leaving`.
async fn replace(
    notice: Arc<Notice>,
    shown: &mut Option<NotificationHandle>,
    leaving: &mut FuturesUnordered<BoxFuture<'static, ()>>,
) -> Result<(), NotShown> {
    let before = shown.take();
    let mut handing = async move {
        // On some systems a handle may not be looked at by two threads: only its number goes along.
        let replaced = before.as_ref().map(number_of);
        let outcome = hand_over(&notice, replaced).await;
        (outcome, before)
    }
    .boxed();
    match timeout(DELIVERY, &mut handing).await {
        Ok((Ok(new), _)) => {
            *shown = Some(new);
            Ok(())
        }
        Ok((Err(refused), before)) => {
            leaving.push(close(before).boxed());
            Err(NotShown::Refused(refused))
        }
        Err(_) => {
            let ending = async move {
                if let Ok((late, before)) = timeout(LATE, handing).await {
                    close(late.ok()).await;
                    // Where the one has replaced it there is nothing left of it.
                    close(before).await;
                }
            };
            leaving.push(ending.boxed());
            Err(NotShown::TimedOut)
        }
    }
}

/// Until something else is wanted in this place, or nothing.
async fn next(
    wanted: &mut watch::Receiver<Posted>,
    shown: &mut Option<NotificationHandle>,
    notice: &Notice,
    commands: &Commands,
) -> Result<(), watch::error::RecvError> {
    tokio::select! {
        next = wanted.changed() => next,
        button = choice(shown.as_ref()) => {
            // It has left the desktop.
            *shown = None;
            if let (Some(button), Some(action)) = (button, notice.action) {
                press(action, &button, commands).await;
            }
            wanted.changed().await
        }
    }
}

async fn hand_over(notice: &Notice, replaced: Option<u32>) -> Result<NotificationHandle, String> {
    let mut shown = Notification::new();
    shown.appname("Maya MCP Tray").summary(&notice.title).body(&body(notice)).icon("maya-mcp-tray");
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        shown.urgency(match notice.urgency {
            Urgency::Normal => notify_rust::Urgency::Normal,
            Urgency::Critical => notify_rust::Urgency::Critical,
        });
        for (name, words) in buttons(notice.action) {
            shown.action(name, words);
        }
        if let Some(replaced) = replaced {
            shown.id(replaced);
        }
    }
    shown.timeout(match notice.urgency {
        Urgency::Normal => Timeout::Default,
        Urgency::Critical => Timeout::Never,
    });
    #[cfg(all(unix, not(target_os = "macos")))]
    let outcome = shown.show_async().await;
    // These systems' calls return at once; a thread keeps even a slow one away from the engine. They replace nothing.
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let outcome = {
        let _ = replaced;
        match tokio::task::spawn_blocking(move || shown.show()).await {
            Ok(outcome) => outcome,
            Err(panicked) => return Err(panicked.to_string()),
        }
    };
    outcome.map_err(|error| error.to_string())
}

/// By which the daemon knows it.
#[cfg(all(unix, not(target_os = "macos")))]
fn number_of(shown: &NotificationHandle) -> u32 {
    shown.id()
}

/// Here it has none that others could use.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn number_of(_shown: &NotificationHandle) -> u32 {
    0
}

/// Here a body is markup.
#[cfg(all(unix, not(target_os = "macos")))]
fn body(notice: &Notice) -> String {
    notice.body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn body(notice: &Notice) -> String {
    notice.body.clone()
}

/// The buttons' names on the bus.
#[cfg(all(unix, not(target_os = "macos")))]
const CONNECT: &str = "connect";
#[cfg(all(unix, not(target_os = "macos")))]
const OPEN: &str = "open";
#[cfg(all(unix, not(target_os = "macos")))]
const FOLDER: &str = "folder";
#[cfg(all(unix, not(target_os = "macos")))]
const ANSWERS: [(&str, &str, Answer); 3] = [
    ("once", "Allow once", Answer::Once),
    ("always", "Always for this client", Answer::Always),
    ("no", "Deny", Answer::No),
];

#[cfg(all(unix, not(target_os = "macos")))]
fn buttons(action: Option<Action>) -> Vec<(&'static str, &'static str)> {
    match action {
        None => Vec::new(),
        Some(Action::Connect(_)) => vec![(CONNECT, "Connect")],
        Some(Action::Recover(_)) => vec![(OPEN, "Open recovered scene"), (FOLDER, "Show folder")],
        Some(Action::Answer(_)) => ANSWERS.map(|(name, words, _)| (name, words)).into(),
    }
}

/// Waits for a person's choice; none where the notice was only closed.
#[cfg(all(unix, not(target_os = "macos")))]
async fn choice(shown: Option<&NotificationHandle>) -> Option<String> {
    let Some(shown) = shown else { return std::future::pending().await };
    let mut pressed = None;
    let choosing = shown.wait_for_action_async(|response| {
        if let notify_rust::NotificationResponse::Action(name) = response {
            pressed = Some(name.clone());
        }
    });
    choosing.await;
    pressed
}

#[cfg(all(unix, not(target_os = "macos")))]
async fn close(shown: Option<NotificationHandle>) {
    if let Some(shown) = shown
        && timeout(DELIVERY, shown.close_async()).await.is_err()
    {
        tracing::debug!("a notice stays on the desktop");
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
async fn press(action: Action, button: &str, commands: &Commands) {
    match action {
        Action::Connect(session) if button == CONNECT => {
            if let Err(error) = commands.connect(session).await {
                tracing::warn!(%session, %error, "Connect was chosen in a notice too late");
            }
        }
        Action::Recover(session) => {
            let done = match button {
                OPEN => commands.open_recovered(session).await.map_err(|error| ("opened", error)),
                FOLDER => commands.show_recovered(session).await.map_err(|error| ("shown", error)),
                _ => return,
            };
            if let Err((what, error)) = done {
                tracing::warn!(%session, %error, "what was recovered could not be {what}");
                not_recovered(session, what, &error.to_string()).await;
            }
        }
        Action::Answer(question) => {
            let answer = ANSWERS.iter().find(|(name, ..)| *name == button);
            if let Some((_, _, answer)) = answer
                && let Err(error) = commands.answer(question, *answer).await
            {
                tracing::info!(%question, %error, "an answer was chosen in a notice too late");
            }
        }
        Action::Connect(_) => {}
    }
}

/// The artist waits for something to happen.
#[cfg(all(unix, not(target_os = "macos")))]
async fn not_recovered(session: maya_mcp_session::SessionId, what: &str, why: &str) {
    let notice = Notice {
        key: format!("{session}/not_{what}"),
        title: format!("The recovered scene could not be {what}"),
        body: why.to_owned(),
        urgency: Urgency::Normal,
        action: None,
    };
    if let Err(error) = deliver(&notice).await {
        tracing::debug!(%error, "nor could that be told");
    }
}

/// Here notices have no buttons; the tray and the window have them.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn choice(_shown: Option<&NotificationHandle>) -> Pending<Option<String>> {
    pending()
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn close(_shown: Option<NotificationHandle>) -> Ready<()> {
    ready(())
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn press(_action: Action, _button: &str, _commands: &Commands) -> Ready<()> {
    ready(())
}
