//! Whether a Maya's main thread runs, asked over its link.
//!
//! Invariant: only time in which this machine was awake and we asked counts as silence, so that a sleep is never taken for one.

use std::{pin::pin, time::Duration};

use maya_mcp_maya::Link;
use maya_mcp_session::{Observation, SessionId, Silent, clock};
use tokio::time::{Instant, timeout};

use crate::follow::{World, recovered_scene};

/// Between two searches for what a silent Maya may have left, in questions.
const SEARCH_EVERY: u32 = 15;

/// Never returns: asks now and then how long the main thread has been away. No answer at all means that even the helper's own thread
/// does not run, as when Maya's code holds Python's lock, or when it has crashed and shows that.
pub async fn watch_main_thread(id: SessionId, link: Link, world: &World) {
    let ping = world.timing.ping;
    let mut beat = world.beat.clone();
    let mut silence = Silence::new(ping);
    loop {
        if beat.changed().await.is_err() {
            // The engine stops, and ends this.
            return std::future::pending().await;
        }
        let asked = Instant::now();
        let mut question = pin!(link.main_thread_waiting());
        loop {
            match timeout(ping, &mut question).await {
                // A late answer tells of now and not of the time before; the next question will.
                Ok(Ok(waiting)) if asked.elapsed() < ping => {
                    let waited = silence.lasts(waiting);
                    report(id, waited, Silent::MainThread, &mut silence, world).await;
                    break;
                }
                Ok(Ok(_)) => break,
                // The link is at its end, and says so by itself.
                Ok(Err(_)) => return std::future::pending().await,
                Err(_) => {
                    let waited = silence.lasts(asked.elapsed());
                    report(id, waited, Silent::Everything, &mut silence, world).await;
                }
            }
        }
    }
}

/// How long the main thread has been away, in time that we saw pass.
struct Silence {
    step: Duration,
    seen: Duration,
    last: Instant,
    reports: u32,
}

impl Silence {
    fn new(step: Duration) -> Self {
        Self { step, seen: Duration::ZERO, last: Instant::now(), reports: 0 }
    }

    /// `told`: by the helper, or by its silence. Its clock and ours may run on while the machine sleeps; awake, we ask at most so far apart.
    fn lasts(&mut self, told: Duration) -> Duration {
        let passed = self.last.elapsed().min(self.step * 2);
        self.last = Instant::now();
        self.seen = if told < self.step / 2 { Duration::ZERO } else { self.seen + passed };
        told.min(self.seen)
    }
}

async fn report(id: SessionId, waited: Duration, silent: Silent, silence: &mut Silence, world: &World) {
    let since = clock::now() - waited;
    let observation = if waited >= world.timing.not_responding {
        silence.reports += 1;
        if silence.reports % SEARCH_EVERY != 1 {
            return;
        }
        let recovered_scene = recovered_scene(world, id).await;
        Observation::MainThreadStuck { id, since, silent, recovered_scene }
    } else if waited >= world.timing.busy {
        Observation::MainThreadBusy { id, since }
    } else {
        silence.reports = 0;
        Observation::MainThreadFree { id }
    };
    world.registry.observe(&observation);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_has_seen_no_silence() {
        let step = Duration::from_secs(2);
        let mut silence = Silence::new(step);
        let mut after = async |passed: Duration, told: Duration| {
            tokio::time::advance(passed).await;
            silence.lasts(told)
        };
        assert_eq!(after(step, Duration::ZERO).await, Duration::ZERO, "it runs");
        assert_eq!(after(step, step).await, step, "silent since the question before");
        assert_eq!(after(step, step * 2).await, step * 2, "and still");
        assert_eq!(after(step, Duration::ZERO).await, Duration::ZERO, "it runs again");
        let night = Duration::from_hours(9);
        let woken = after(night, night).await;
        assert!(woken <= step * 2, "the night does not count: {woken:?}");
        assert_eq!(after(step, Duration::ZERO).await, Duration::ZERO, "and it ran all along");
    }
}
