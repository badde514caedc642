//! What a script prints while it runs: gathered for its answer, and handed on to whoever wants it at once.
//!
//! Invariant: what is kept is bounded, and nobody who is slow to take it holds up the connection.

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// All that one script has printed.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub stdout: String,
    pub stderr: String,
    /// Characters that were too many.
    pub dropped: u64,
    follower: Option<mpsc::Sender<Progress>>,
    /// That it does not stop, while the follower had no room for it.
    untold: Option<Progress>,
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
        let Some(follower) = &self.follower else { return };
        if let Some(untold) = self.untold.take()
            && let Err(TrySendError::Full(untold)) = follower.try_send(untold)
        {
            self.untold = Some(untold);
        }
        if let Err(TrySendError::Full(missed @ Progress::NotStopping { .. })) = follower.try_send(progress) {
            self.untold = Some(missed);
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
}
