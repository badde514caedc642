//! Delivery to the desktop's notification daemon.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
#[cfg(all(unix, not(target_os = "macos")))]
use maya_mcp_session::Answer;
use maya_mcp_session::{Commands, Event, SessionId};
use notify_rust::{Notification, NotificationHandle, Timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Action, Lasts, Notice, Urgency};

/// A daemon that hangs must not hold back the next notice for long.
const DELIVERY: Duration = Duration::from_secs(2);

/// The desktop, and what is open on it.
#[derive(Debug)]
pub struct Desktop {
    commands: Commands,
    failed_before: bool,
    /// The notice that something is still to come of, by session; dropping the guard takes it off the desktop.
    questions: HashMap<SessionId, DropGuard>,
    waiting: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Desktop {
    /// What is chosen in a notice goes to `commands`.
    pub fn new(commands: Commands) -> Self {
        let waiting = FuturesUnordered::new();
        // So that there is always something to wait for.
        waiting.push(Box::pin(std::future::pending()) as BoxFuture<'static, ()>);
        Self { commands, failed_before: false, questions: HashMap::new(), waiting }
    }

    /// Never fails: a notice that cannot be shown is logged, the first one as a warning.
    pub async fn show(&mut self, notice: &Notice, session: SessionId) {
        match hand_over_in_time(notice).await {
            Ok(shown) => {
                self.failed_before = false;
                tracing::debug!(key = notice.key, "notice shown");
                if notice.lasts == Lasts::UntilSettled {
                    let withdrawn = CancellationToken::new();
                    self.questions.insert(session, withdrawn.clone().drop_guard());
                    let answered = follow(shown, notice.action, self.commands.clone(), withdrawn);
                    self.waiting.push(Box::pin(answered));
                }
            }
            Err(NotShown(reason)) if self.failed_before => {
                tracing::debug!(key = notice.key, reason, "notice not shown");
            }
            Err(NotShown(reason)) => {
                self.failed_before = true;
                tracing::warn!(key = notice.key, reason, "notices cannot be shown on this desktop");
            }
        }
    }

    /// A question that has been settled otherwise is taken off the desktop.
    pub fn withdraw_for(&mut self, session: SessionId, event: &Event) {
        if !matches!(event, Event::Appeared | Event::AwaitingConnect) {
            self.questions.remove(&session);
        }
    }

    /// Never returns: carries out what is chosen in notices meanwhile.
    pub async fn wait_for_actions<T>(&mut self) -> T {
        loop {
            self.waiting.next().await;
        }
    }
}

/// This desktop did not take the notice.
#[derive(Debug, thiserror::Error)]
#[error("the notice was not shown: {0}")]
pub struct NotShown(String);

/// Shows one notice, for whoever has another way to tell it.
pub async fn deliver(notice: &Notice) -> Result<(), NotShown> {
    hand_over_in_time(notice).await.map(drop)
}

/// Shows a notice until it was answered or `withdrawn`.
pub async fn ask(notice: Notice, withdrawn: CancellationToken, commands: Commands) -> Result<(), NotShown> {
    let shown = hand_over_in_time(&notice).await?;
    tracing::debug!(key = notice.key, "notice shown");
    follow(shown, notice.action, commands, withdrawn).await;
    Ok(())
}

async fn hand_over_in_time(notice: &Notice) -> Result<NotificationHandle, NotShown> {
    match tokio::time::timeout(DELIVERY, hand_over(notice)).await {
        Ok(outcome) => outcome.map_err(NotShown),
        Err(_) => Err(NotShown("the notification daemon did not answer in time".to_owned())),
    }
}

async fn hand_over(notice: &Notice) -> Result<NotificationHandle, String> {
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
    }
    shown.timeout(match notice.urgency {
        Urgency::Normal => Timeout::Default,
        Urgency::Critical => Timeout::Never,
    });
    #[cfg(all(unix, not(target_os = "macos")))]
    let outcome = shown.show_async().await;
    // These systems' calls return at once; a thread keeps even a slow one away from the engine.
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let outcome = match tokio::task::spawn_blocking(move || shown.show()).await {
        Ok(outcome) => outcome,
        Err(panicked) => return Err(panicked.to_string()),
    };
    outcome.map_err(|error| error.to_string())
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
        Some(Action::Answer(_)) => ANSWERS.map(|(name, words, _)| (name, words)).into(),
    }
}

/// Waits for a person's choice, or until there is nothing to choose any more.
#[cfg(all(unix, not(target_os = "macos")))]
async fn follow(
    shown: NotificationHandle,
    action: Option<Action>,
    commands: Commands,
    withdrawn: CancellationToken,
) {
    let mut pressed = None;
    let choosing = shown.wait_for_action_async(|response| {
        if let notify_rust::NotificationResponse::Action(name) = response {
            pressed = Some(name.clone());
        }
    });
    tokio::select! {
        () = choosing => {}
        () = withdrawn.cancelled() => {
            shown.close_async().await;
            return;
        }
    }
    if let (Some(button), Some(action)) = (pressed, action) {
        press(action, &button, &commands).await;
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

/// Here notices have no buttons; the tray and the window have them.
#[cfg(not(all(unix, not(target_os = "macos"))))]
async fn follow(
    _shown: NotificationHandle,
    _action: Option<Action>,
    _commands: Commands,
    withdrawn: CancellationToken,
) {
    withdrawn.cancelled().await;
}
