//! Running a script, from its sending to its end, and telling of it meanwhile.
//!
//! Invariant: when nobody waits for the answer any more, the script is cancelled in Maya; when its Maya dies, the call ends with what is known.

use std::time::Duration;

use maya_mcp_maya::{Execute, Execution, FrameError, LinkError, Progress, Running};
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at, sleep, timeout},
};

use super::{
    Call, Ended, Unanswered,
    target::{Target, no_connection},
};

/// Pieces of output that wait to be told; what is beyond is in the answer.
const NEWS_WAITING: usize = 256;
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// A script that was told to stop, and does not: for one long command of Maya's that is about to end.
const STUBBORN: Duration = Duration::from_secs(10);
/// Telling Maya to stop; its connection may still be opening.
const CANCELLING: Duration = Duration::from_secs(2);
/// Of what was printed, for a call that ends without its answer.
const KEPT: usize = 32 << 10;

pub(super) async fn run(
    call: &mut Call<'_>,
    target: &Target,
    script: &Execute,
) -> Result<Execution, Unanswered> {
    let shared = call.shared;
    let (id, client) = (target.id(), call.client.clone());
    tracing::trace!(%id, %client, code = script.code, "script");
    let began = Instant::now();
    let outcome = follow(call, target, script).await;
    let elapsed_ms = began.elapsed().as_millis();
    match &outcome {
        Ok(execution) => {
            let failed = execution.error.is_some();
            tracing::info!(%id, %client, elapsed_ms, failed, "script ran");
        }
        Err(_) if shared.stop.is_cancelled() => {}
        Err(why) => tracing::warn!(%id, %client, elapsed_ms, ?why, "script without an answer"),
    }
    outcome
}

async fn follow(call: &mut Call<'_>, target: &Target, script: &Execute) -> Result<Execution, Unanswered> {
    let execution = call.shared.executions.begin(call.client, target.id());
    let (follower, mut news) = mpsc::channel(NEWS_WAITING);
    let mut heard = Heard { began: Instant::now(), target, tail: String::new(), stuck: None };
    // Dropping it cancels the script in Maya.
    let mut running = tokio::select! {
        begun = target.maya.start(script, follower) => begun.map_err(|error| heard.lost(&error))?,
        over = call.over() => return Err(Heard::over(over)),
    };
    let mut alive = interval_at(Instant::now() + ALIVE_EVERY, ALIVE_EVERY);
    let mut told_to_stop = false;
    loop {
        tokio::select! {
            biased;
            Some(progress) = news.recv() => heard.take(call, progress),
            outcome = running.outcome() => {
                // What came with the answer stands before it.
                while let Ok(progress) = news.try_recv() {
                    heard.take(call, progress);
                }
                return outcome.map_err(|error| heard.lost(&error));
            }
            over = call.over() => return Err(Heard::over(over)),
            () = execution.cancel.cancelled(), if !told_to_stop => {
                told_to_stop = true;
                cancel(&running).await;
            }
            () = heard.gives_up() => return Err(heard.stubborn()),
            _ = alive.tick() => call.alive(&heard.words()),
        }
    }
}

async fn cancel(running: &Running) {
    match timeout(CANCELLING, running.cancel()).await {
        Ok(Ok(cancellation)) => tracing::debug!(?cancellation, "script told to stop"),
        Ok(Err(error)) => tracing::debug!(%error, "script not told to stop"),
        Err(_) => tracing::debug!("script not told to stop: its connection is not open yet"),
    }
}

/// What is known of a script that runs.
struct Heard<'a> {
    began: Instant,
    target: &'a Target,
    /// The end of what it has printed.
    tail: String,
    /// Since when, and where, it does not stop.
    stuck: Option<(Instant, String)>,
}

impl Heard<'_> {
    fn take(&mut self, call: &mut Call<'_>, progress: Progress) {
        let (shared, id) = (call.shared, self.target.id());
        match progress {
            Progress::Output { stream, text } => {
                shared.outputs.printed(id, stream, &text);
                call.reporter.printed(&shared.tracker, &id.to_string(), stream, &text);
                self.tail.push_str(&text);
                if self.tail.len() > 2 * KEPT {
                    let surplus = self.tail.ceil_char_boundary(self.tail.len() - KEPT);
                    self.tail.drain(..surplus);
                }
            }
            Progress::Reported { progress, total, message } => {
                call.reporter.reported(&shared.tracker, progress, total, message);
            }
            Progress::NotStopping { line, source } => {
                let place = match (line, source) {
                    (Some(line), Some(source)) => format!(" in line {line}, `{}`", source.trim()),
                    (Some(line), None) => format!(" in line {line}"),
                    _ => String::new(),
                };
                call.alive(&format!("Told to stop, and still running{place}"));
                self.stuck.get_or_insert((Instant::now(), place));
            }
        }
    }

    fn words(&self) -> String {
        format!("Running in {} for {} s", self.target.id(), self.began.elapsed().as_secs())
    }

    /// Returns when a script has had its time to stop.
    async fn gives_up(&self) {
        match &self.stuck {
            Some((since, _)) => sleep((*since + STUBBORN).saturating_duration_since(Instant::now())).await,
            None => std::future::pending().await,
        }
    }

    fn stubborn(&self) -> Unanswered {
        let place = self.stuck.as_ref().map_or("", |(_, place)| place);
        let sentence = format!(
            "The script in {} was told to stop and still runs{place}: one long command of Maya's cannot be interrupted. Maya is busy until it ends. Call list_sessions to see when, and look at the scene then: the script has run in part.",
            self.target.name()
        );
        Unanswered::Problem { sentence: self.with_output(sentence), ended: Ended::Cancelled }
    }

    /// Nobody waits any more; who comes back finds this.
    fn over(why: Unanswered) -> Unanswered {
        let Unanswered::Problem { sentence, ended } = why else { return why };
        let next = "Its script is stopped where it can be. Look at the scene before you go on: it may have run in part.";
        Unanswered::Problem { sentence: format!("{sentence} {next}"), ended }
    }

    fn lost(&self, error: &LinkError) -> Unanswered {
        let name = self.target.name();
        match error {
            LinkError::Refused { message, .. } => Unanswered::problem(format!(
                "{name} did not take the script: {}. Change the arguments and call again.",
                message.trim_end_matches('.')
            )),
            LinkError::NoConnection(why) => Unanswered::lost(no_connection(&name, why)),
            LinkError::Frame(FrameError::TooLarge { .. }) => Unanswered::problem(format!(
                "The code is too large to be sent to {name}, so it did not run. Write it to a file, and run that."
            )),
            LinkError::Frame(_) => Unanswered::lost(self.with_output(format!(
                "The script ran in {name}, but its answer could not be read. Look at the scene before you run it again."
            ))),
            _ => Unanswered::lost(self.with_output(format!(
                "The connection to {name} ended while the script ran, so nobody knows how far it got. Call list_sessions to see whether Maya is still running, and look at the scene before you run it again."
            ))),
        }
    }

    fn with_output(&self, sentence: String) -> String {
        let kept = self.tail.ceil_char_boundary(self.tail.len().saturating_sub(KEPT));
        match self.tail[kept..].trim_end() {
            "" => sentence,
            printed => format!("{sentence}\n\nIt had printed:\n{printed}"),
        }
    }
}
