//! What a script prints and tells while it runs: gathered for its answer, and handed on to whoever wants it at once.
//!
//! Invariant: what is kept is bounded, and nobody who is slow to take it holds up the connection.

use std::mem;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Of each of the two, in bytes. Beyond it characters are counted and thrown away.
const LONGEST: usize = 16 << 20;

/// Where in the Script Editor a text belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Stdout,
    Stderr,
    Result,
    Warning,
    Error,
    /// Also what a later helper may call by a name of its own.
    #[serde(other)]
    Info,
}

/// News of a script that runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    Output {
        stream: Stream,
        text: String,
    },
    /// It was told to stop, and still runs: in this line of the code that was sent, or elsewhere.
    NotStopping {
        line: Option<u64>,
        source: Option<String>,
    },
    /// What it tells itself by `report_progress`: how far it is, out of how much, and what it does now.
    Reported {
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
    },
}

/// All that one script has printed.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub stdout: String,
    pub stderr: String,
    /// Characters that were too many.
    pub dropped: u64,
    follower: Option<mpsc::Sender<Progress>>,
    /// For which the follower had no room, the latest of each kind; of output nothing.
    untold: Vec<Progress>,
}

impl Output {
    /// The follower gets what is kept, so that what waits for it is bounded as well. While its channel is full it misses pieces: all is in
    /// the answer.
    pub fn followed_by(follower: mpsc::Sender<Progress>) -> Self {
        Self { follower: Some(follower), ..Self::default() }
    }

    pub fn take(&mut self, stream: Stream, mut text: String) {
        let kept = match stream {
            Stream::Stdout | Stream::Info | Stream::Result => &mut self.stdout,
            Stream::Stderr | Stream::Warning | Stream::Error => &mut self.stderr,
        };
        let fits = text.floor_char_boundary(LONGEST - kept.len());
        self.dropped += text[fits..].chars().count() as u64;
        text.truncate(fits);
        kept.push_str(&text);
        if !text.is_empty() {
            self.tell(Progress::Output { stream, text });
        }
    }

    pub fn tell(&mut self, progress: Progress) {
        self.untold.retain(|older| mem::discriminant(older) != mem::discriminant(&progress));
        self.untold.push(progress);
        self.tell_untold();
    }

    /// Once more, what there was no room for.
    pub fn tell_untold(&mut self) {
        let untold = mem::take(&mut self.untold);
        let Some(follower) = &self.follower else { return };
        for progress in untold {
            match follower.try_send(progress) {
                Ok(()) | Err(TrySendError::Closed(_) | TrySendError::Full(Progress::Output { .. })) => {}
                Err(TrySendError::Full(missed)) => self.untold.push(missed),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_its_place_and_its_order() {
        let mut output = Output::default();
        for (stream, text) in [
            (Stream::Stdout, "a"),
            (Stream::Warning, "b"),
            (Stream::Info, "c"),
            (Stream::Result, "d"),
            (Stream::Error, "e"),
            (Stream::Stderr, "f"),
        ] {
            output.take(stream, text.to_owned());
        }
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("acd", "bef"), "as they came");
    }

    #[test]
    fn what_is_too_much_is_counted_and_not_kept() {
        let mut output = Output::default();
        let almost = LONGEST - 1;
        output.take(Stream::Stdout, "x".repeat(almost));
        output.take(Stream::Stdout, "üü".to_owned());
        output.take(Stream::Stdout, "yz".to_owned());
        assert_eq!(
            (output.stdout.len(), output.dropped),
            (LONGEST, 3),
            "a character is kept whole or not at all"
        );
        output.take(Stream::Stderr, "e".to_owned());
        assert_eq!(output.stderr, "e", "the other has room of its own");
    }

    #[test]
    fn a_follower_that_does_not_take_it_misses_pieces_and_holds_nobody_up() {
        let (follower, mut follows) = mpsc::channel(1);
        let mut output = Output::followed_by(follower);
        for text in ["one", "two"] {
            output.take(Stream::Stdout, text.to_owned());
        }
        let first = Progress::Output { stream: Stream::Stdout, text: "one".to_owned() };
        assert_eq!(follows.try_recv(), Ok(first), "what it had room for");
        assert!(follows.try_recv().is_err(), "the rest it misses");
        assert_eq!(output.stdout, "onetwo", "the answer has it all");
    }

    #[test]
    fn that_a_script_does_not_stop_is_told_once_there_is_room() {
        let (follower, mut follows) = mpsc::channel(1);
        let mut output = Output::followed_by(follower);
        let stuck = || Progress::NotStopping { line: Some(3), source: None };
        output.take(Stream::Stdout, "a flood".to_owned());
        output.tell(stuck());
        follows.try_recv().expect("the flood");
        output.take(Stream::Stdout, "more".to_owned());
        assert_eq!(follows.try_recv(), Ok(stuck()), "before what comes later");
    }

    #[test]
    fn of_what_a_script_reports_only_the_latest_waits_for_room() {
        let (follower, mut follows) = mpsc::channel(2);
        let mut output = Output::followed_by(follower);
        let reported =
            |progress| Progress::Reported { progress, total: Some(9.0), message: Some("rigging".to_owned()) };
        let stuck = || Progress::NotStopping { line: None, source: None };
        for n in 0..5 {
            output.tell(reported(f64::from(n)));
        }
        output.tell(stuck());
        let mut heard = || [follows.try_recv().ok(), follows.try_recv().ok(), follows.try_recv().ok()];
        assert_eq!(heard(), [Some(reported(0.0)), Some(reported(1.0)), None], "what it had room for");
        output.tell_untold();
        assert_eq!(heard(), [Some(reported(4.0)), Some(stuck()), None], "neither takes the other's place");
        output.tell_untold();
        assert_eq!(heard(), [None, None, None], "and once");
    }

    #[test]
    fn what_a_script_reports_to_nobody_is_nowhere_and_harms_nobody() {
        let (follower, follows) = mpsc::channel(1);
        drop(follows);
        for mut output in [Output::default(), Output::followed_by(follower)] {
            output.tell(Progress::Reported { progress: 1.0, total: None, message: None });
            output.take(Stream::Stdout, "goes on".to_owned());
            assert_eq!(output.stdout, "goes on", "the answer is whole");
        }
    }
}
