//! Running a script, from its sending to its end, and telling of it meanwhile.
//!
//! Invariant: when nobody waits for the answer any more, the script is cancelled in Maya; when its Maya dies, the call ends with what is known.

use std::{sync::Arc, time::Duration};

use maya_mcp_maya::{Execute, Execution as Outcome, FrameError, LinkError, Progress, Running};
use maya_mcp_session::{Access, ClientName, Registry, SessionId, Snapshot};
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Call, Ended, OUR_CLIENT, Unanswered,
    target::{Target, no_connection},
};
use crate::executions::Execution;

/// Pieces of output that wait to be told; what is beyond is in the answer.
const NEWS_WAITING: usize = 256;
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// For the helper's own thread, which answers at once if it runs.
const CANCELLING: Duration = Duration::from_secs(2);
/// By which two clocks may differ.
const SURELY: Duration = Duration::from_millis(100);
/// As good as none.
const LONGEST: Duration = Duration::from_hours(24 * 365);
/// Of what was printed, for a call that ends without its answer.
const KEPT: usize = 32 << 10;

pub(super) async fn run(
    call: &mut Call<'_>,
    target: &Target,
    script: &Execute,
) -> Result<Outcome, Unanswered> {
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
        Err(_) if call.shared.stop.is_cancelled() => {}
        // The sentence may hold what was printed.
        Err(why) => {
            tracing::warn!(%id, %client, elapsed_ms, ended = ?why.ended(), "script without an answer");
        }
    }
    outcome
}

async fn follow(call: &mut Call<'_>, target: &Target, script: &Execute) -> Result<Outcome, Unanswered> {
    let stubborn = call.shared.patience.stubborn;
    let execution = call.shared.executions.begin(call.client, target.id());
    let (follower, mut news) = mpsc::channel(NEWS_WAITING);
    let mut heard = Heard { began: Instant::now(), target, tail: String::new(), stuck: None };
    let outputs = call.shared.outputs.clone();
    // Dropping it cancels the script in Maya.
    let mut running = tokio::select! {
        begun = target.maya.start_kept(script, follower, outputs, target.id()) => {
            begun.map_err(|error| heard.not_begun(&error))?
        }
        over = call.over() => return Err(Heard::over(over)),
    };
    let mut alive = interval_at(Instant::now() + ALIVE_EVERY, ALIVE_EVERY);
    // Maya ends the script by itself at its limit, if anything in it still runs.
    let limit = script.timeout_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let mut looking = interval_at(Instant::now() + limit.unwrap_or(LONGEST) + stubborn, stubborn);
    let mut told_to_stop = false;
    let mut forbidden =
        std::pin::pin!(forbidden(call.shared.registry.clone(), call.client.clone(), target.id()));
    loop {
        let gives_up = heard.gives_up(stubborn);
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
                heard.stuck.get_or_insert((Instant::now(), String::new()));
            }
            () = gives_up => {
                let why = heard.stubborn();
                let ending = until_it_ends(running, execution, call.shared.stop.clone());
                call.shared.tracker.spawn(ending);
                return Err(why);
            }
            _ = looking.tick() => match away(target).await {
                None => return Err(heard.silent()),
                Some(away) => {
                    // It was away before the script was sent, and has not come back since.
                    let was_away = away > heard.began.elapsed() + SURELY;
                    if was_away || call.shared.executions.is_behind(&execution) {
                        return Err(heard.waited());
                    }
                }
            },
            () = &mut forbidden, if !told_to_stop => execution.cancel.cancel(),
            _ = alive.tick() => call.alive(&heard.words()),
        }
    }
}

async fn cancel(running: &Running) {
    match timeout(CANCELLING, running.cancel()).await {
        Ok(Ok(cancellation)) => tracing::debug!(?cancellation, "script told to stop"),
        Ok(Err(error)) => tracing::debug!(%error, "script not told to stop"),
        Err(_) => tracing::debug!("script not told to stop: nothing in Maya answers"),
    }
}

/// How long Maya's main thread has been away, as the helper's own thread says; none where not even that runs.
async fn away(target: &Target) -> Option<Duration> {
    timeout(CANCELLING, target.link.main_thread_waiting()).await.ok()?.ok()
}

/// Returns when the artist lets this client only look any more.
async fn forbidden(registry: Registry, client: ClientName, session: SessionId) {
    // The artist's own command line is not one of those.
    let is_ours = client.as_str() == OUR_CLIENT;
    let looks_only = |now: &Arc<Snapshot>| !is_ours && now.rules.access(&client, session) == Access::LookOnly;
    if registry.watch().wait_for(looks_only).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A script that nobody waits for any more, and that goes on in Maya: it is told of as long as it does.
async fn until_it_ends(mut running: Running, execution: Execution, stop: CancellationToken) {
    stop.run_until_cancelled(running.outcome()).await;
    drop(execution);
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
                let since = self.stuck.as_ref().map_or_else(Instant::now, |(since, _)| *since);
                self.stuck = Some((since, place));
            }
        }
    }

    fn words(&self) -> String {
        format!("Running in {} for {} s", self.target.id(), self.began.elapsed().as_secs())
    }

    /// Returns when a script that was told to stop has had its time.
    fn gives_up(&self, patience: Duration) -> impl Future<Output = ()> + use<> {
        let until = self.stuck.as_ref().map(|(since, _)| *since + patience);
        async move {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        }
    }

    fn stubborn(&self) -> Unanswered {
        let place = self.stuck.as_ref().map_or("", |(_, place)| place);
        let sentence = format!(
            "The script in {} was told to stop and still runs{place}: one long command of Maya's cannot be interrupted, and a window that the script has opened waits for the artist: ask them to look at Maya. get_session_info tells when it has ended (`running`); look at the scene then, for the script has run in part.",
            self.target.name()
        );
        Unanswered::Problem { sentence: self.with_output(sentence), ended: Ended::Cancelled }
    }

    fn silent(&self) -> Unanswered {
        Unanswered::lost(self.with_output(format!(
            "The script in {} is over its time, and nothing in that Maya answers any more. Ask the artist to look at it: it may be in one long command, or it may hang. It is told to stop as soon as it answers.",
            self.target.name()
        )))
    }

    /// Its time is over before it began: it is taken back.
    fn waited(&self) -> Unanswered {
        Unanswered::problem(format!(
            "{} is busy with something else and had no time for the script in {} s, so it did not run. Call list_sessions and get_session_info to see what it does, and call again when it is ready.",
            self.target.name(),
            self.began.elapsed().as_secs()
        ))
    }

    /// Nothing has run.
    fn not_begun(&self, error: &LinkError) -> Unanswered {
        let name = self.target.name();
        match error {
            LinkError::NoConnection(why) => no_connection(&name, why),
            LinkError::Frame(FrameError::TooLarge { .. }) => Unanswered::problem(format!(
                "The code is too large to be sent to {name}, so it did not run. Write it to a file, and run that."
            )),
            _ => Unanswered::problem(format!(
                "The connection to {name} ended before the script was sent, so it did not run. Call list_sessions to see whether Maya is still running."
            )),
        }
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
            LinkError::NoConnection(_) | LinkError::Frame(FrameError::TooLarge { .. }) => self.not_begun(error),
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
