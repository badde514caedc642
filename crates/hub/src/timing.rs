//! Every waiting time of the engine, in one place; tests shorten them.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Timing {
    /// Between two looks for new processes.
    pub look: Duration,
    /// Between two looks at a session's sockets: the first, and the longest; in between a tenth of the time waited so far.
    pub ports_soon: Duration,
    pub ports_late: Duration,
    /// A port that asks the artist is tried only after others had this long to answer.
    pub ask_after: Duration,
    /// Without an answer for so long, a session counts as not reachable; trying goes on.
    pub patience: Duration,
    /// For so long after its start, a Maya may still open its port.
    pub no_port: Duration,
    /// Between two tries at a port that failed.
    pub retry: Duration,
    /// Between two questions for the main thread.
    pub ping: Duration,
    /// Away for so long, the main thread is busy.
    pub busy: Duration,
    /// Away for so long, a person should look.
    pub not_responding: Duration,
    /// Between two heartbeats, whatever the settings say.
    pub least_heartbeat: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(250),
            ports_soon: Duration::from_millis(100),
            ports_late: Duration::from_secs(2),
            ask_after: Duration::from_secs(1),
            patience: Duration::from_secs(5),
            no_port: Duration::from_mins(1),
            retry: Duration::from_secs(10),
            // A multiple of `look`, so that both wake the machine once.
            ping: Duration::from_secs(2),
            // A little less than two questions are apart, so that the second one tells.
            busy: Duration::from_millis(1900),
            not_responding: Duration::from_mins(1),
            least_heartbeat: Duration::from_secs(10),
        }
    }
}
