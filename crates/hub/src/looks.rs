//! The engine's own clock: it looks for new Mayas, and beats the time at which each session is asked how it is.
//!
//! Invariant: one thread that wakes once for both. A runtime's timers wake several times for one that is far off, and an idle engine
//! costs what it wakes.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::{Duration, Instant},
};

use maya_mcp_discovery::Finder;
use maya_mcp_session::{Process, ProcessId};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use crate::Timing;

/// Dropping it ends the thread.
#[derive(Debug)]
pub struct Looks {
    forgotten: Sender<ProcessId>,
    found: mpsc::UnboundedReceiver<Process>,
}

impl Looks {
    /// The second value counts the beats.
    pub fn begin(finder: Finder, timing: &Timing, tracker: &TaskTracker) -> (Self, watch::Receiver<u64>) {
        let (forgotten, to_forget) = channel();
        let (found_in, found) = mpsc::unbounded_channel();
        let (beats, beat) = watch::channel(0);
        let (look, ping) = (timing.look, timing.ping);
        let looking = Looking { finder, to_forget, found: found_in, beats };
        tracker.spawn_blocking(move || looking.run(look, ping));
        (Self { forgotten, found }, beat)
    }

    /// A Maya that nobody has been told of. Safe to drop half-way.
    pub async fn next(&mut self) -> Process {
        match self.found.recv().await {
            Some(process) => process,
            // The thread lives as long as this; should it have failed, nothing is found any more.
            None => std::future::pending().await,
        }
    }

    /// The process has ended.
    pub fn forget(&self, id: ProcessId) {
        // As above.
        let _ = self.forgotten.send(id);
    }
}

struct Looking {
    finder: Finder,
    to_forget: Receiver<ProcessId>,
    found: mpsc::UnboundedSender<Process>,
    beats: watch::Sender<u64>,
}

impl Looking {
    fn run(mut self, look: Duration, ping: Duration) {
        let began = Instant::now();
        let (mut next_look, mut next_beat) = (began, began + ping);
        loop {
            let wait = next_look.min(next_beat).saturating_duration_since(Instant::now());
            match self.to_forget.recv_timeout(wait) {
                Ok(id) => self.finder.forget(id),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if now >= next_look {
                next_look = following(next_look, look, now);
                for process in self.finder.look() {
                    // Nobody listens only when this ends.
                    let _ = self.found.send(process);
                }
            }
            if now >= next_beat {
                next_beat = following(next_beat, ping, now);
                self.beats.send_modify(|count| *count += 1);
            }
        }
    }
}

/// In step with the one before, and never in the past: a machine that slept catches up at once.
fn following(due: Instant, every: Duration, now: Instant) -> Instant {
    let next = due + every;
    if next > now { next } else { now + every }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_stay_in_step_and_are_not_made_up_for() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!(
            following(start, second, start + second / 10),
            start + second,
            "a little late is no drift"
        );
        let woken = start + second * 3600;
        assert_eq!(following(start, second, woken), woken + second, "after a sleep, one and not thousands");
    }
}
