//! What a call tells its client while it is under way: progress, and lines of output, where the client asked for them.
//!
//! Invariant: nobody waits for a client that does not read; what it misses of the output is in the answer. Progress only grows.

use std::time::Duration;

use maya_mcp_maya::Stream;
use rmcp::{
    RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::{Peer, RequestContext},
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::logging::{self, Level};

/// Pieces that wait for a slow reader.
const WAITING: usize = 64;
/// Lines that come together travel together, up to so many bytes: what a client does not read is kept for it for a while.
const LARGEST: usize = 8 << 10;
/// Between two of them: whoever wants all of a flood has it in the answer.
const PACE: Duration = Duration::from_millis(25);
/// At the end of a call, for what still waits.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// By which progress grows where nothing better is known.
const STEP: f64 = 1e-6;

#[derive(Debug)]
pub(crate) struct Reporter {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    /// Of what is wanted, the least that counts.
    level: Option<Level>,
    telling: Option<Telling>,
    meter: Meter,
    /// What the script said last of how far it is.
    words: Option<String>,
}

#[derive(Debug)]
struct Telling {
    news: mpsc::Sender<News>,
    done: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
enum News {
    Progress(ProgressNotificationParam),
    Line { level: Level, logger: String, text: String },
}

impl Reporter {
    /// `legacy_level`: what a client of the older protocol has set for its whole session.
    pub fn new(context: &RequestContext<RoleServer>, legacy_level: Option<Level>) -> Self {
        let level = logging::wanted(&context.meta).or(legacy_level);
        let token = context.meta.get_progress_token();
        Self { peer: context.peer.clone(), token, level, telling: None, meter: Meter::default(), words: None }
    }

    /// For a part of the call: only the whole has a progress.
    pub fn beside(&self) -> Self {
        Self {
            peer: self.peer.clone(),
            token: None,
            level: self.level,
            telling: None,
            meter: Meter::default(),
            words: None,
        }
    }

    /// Whether the client keeps waiting because it hears of the call.
    pub fn wants_progress(&self) -> bool {
        self.token.is_some()
    }

    /// It is still under way.
    pub fn alive(&mut self, tracker: &TaskTracker, words: &str) {
        let Some(token) = self.token.clone() else { return };
        let (progress, total) = self.meter.still();
        // What the script has said of itself is worth more.
        let words = self.words.clone().unwrap_or_else(|| words.to_owned());
        self.progress(tracker, token, progress, total, Some(words));
    }

    /// What the script itself says of its progress.
    pub fn reported(
        &mut self,
        tracker: &TaskTracker,
        progress: f64,
        total: Option<f64>,
        words: Option<String>,
    ) {
        let Some(token) = self.token.clone() else { return };
        let (progress, total) = self.meter.at(progress, total);
        self.words.clone_from(&words);
        self.progress(tracker, token, progress, total, words);
    }

    fn progress(
        &mut self,
        tracker: &TaskTracker,
        token: ProgressToken,
        progress: f64,
        total: Option<f64>,
        words: Option<String>,
    ) {
        let mut param = ProgressNotificationParam::new(token, progress);
        param.total = total;
        param.message = words;
        self.tell(tracker, News::Progress(param));
    }

    /// What was printed.
    pub fn printed(&mut self, tracker: &TaskTracker, logger: &str, stream: Stream, text: &str) {
        let level = Level::from(stream);
        if self.level.is_some_and(|least| level >= least) {
            self.tell(tracker, News::Line { level, logger: logger.to_owned(), text: short(text) });
        }
    }

    fn tell(&mut self, tracker: &TaskTracker, news: News) {
        let telling = self.telling.get_or_insert_with(|| {
            let (news, heard) = mpsc::channel(WAITING);
            let done = tracker.spawn(tell_all(self.peer.clone(), heard));
            Telling { news, done }
        });
        // A full channel means that nobody reads: everything is in the answer.
        let _ = telling.news.try_send(news);
    }

    /// Everything that was told leaves before the answer does, unless nobody reads it.
    pub async fn finish(&mut self) {
        let Some(Telling { news, mut done }) = self.telling.take() else { return };
        drop(news);
        if timeout(LAST_WORDS, &mut done).await.is_err() {
            done.abort();
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some(telling) = &self.telling {
            telling.done.abort();
        }
    }
}

async fn tell_all(peer: Peer<RoleServer>, mut heard: mpsc::Receiver<News>) {
    let mut next = heard.recv().await;
    while let Some(news) = next {
        let told = match news {
            News::Progress(progress) => {
                next = heard.recv().await;
                peer.notify_progress(progress).await
            }
            News::Line { level, logger, mut text } => {
                next = join(level, &mut text, &mut heard);
                let told = logging::tell(&peer, level, logger, text).await;
                // At the end of the call what is left goes at once.
                if !heard.is_closed() {
                    sleep(PACE).await;
                }
                if next.is_none() {
                    next = heard.recv().await;
                }
                told
            }
        };
        if told.is_err() {
            return;
        }
    }
}

/// Adds what waits already, if it is of the same kind. Gives what is not.
fn join(level: Level, text: &mut String, heard: &mut mpsc::Receiver<News>) -> Option<News> {
    while text.len() < LARGEST {
        match heard.try_recv().ok()? {
            News::Line { level: same, text: more, .. } if same == level => text.push_str(&more),
            other => return Some(other),
        }
    }
    None
}

fn short(text: &str) -> String {
    let end = text.floor_char_boundary(LARGEST);
    match &text[end..] {
        "" => text.to_owned(),
        rest => format!("{}… ({} more bytes in the answer)\n", &text[..end], rest.len()),
    }
}

/// Where the progress stands: it has to grow with each telling, whatever a script says.
#[derive(Debug, Default)]
struct Meter {
    last: f64,
    total: Option<f64>,
}

impl Meter {
    fn still(&mut self) -> (f64, Option<f64>) {
        self.at(self.last, self.total)
    }

    fn at(&mut self, progress: f64, total: Option<f64>) -> (f64, Option<f64>) {
        // Beyond some ten thousand million, a step is less than the next number.
        self.last = progress.max(self.last.next_up().max(self.last + STEP));
        self.total = total;
        (self.last, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_grows_with_each_telling() {
        let mut meter = Meter::default();
        let told = [
            meter.still(),
            meter.still(),
            meter.at(1.0, Some(10.0)),
            meter.still(),
            meter.at(0.5, Some(10.0)),
            meter.at(10.0, Some(10.0)),
            meter.at(5e15, None),
            meter.still(),
        ];
        assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "{told:?}");
        assert_eq!((told[1].1, told[3].1), (None, Some(10.0)), "the total is the script's own");
        assert!(
            (told[5].0 - 10.0).abs() < f64::EPSILON,
            "what a script says is told as it is where it grows"
        );
    }

    #[test]
    fn neighbouring_lines_travel_together() {
        let (news, mut heard) = mpsc::channel(8);
        let line = |level, text: &str| News::Line { level, logger: String::new(), text: text.to_owned() };
        for (level, text) in [(Level::Info, "b"), (Level::Info, "c"), (Level::Error, "d"), (Level::Info, "e")]
        {
            news.try_send(line(level, text)).expect("room");
        }
        let mut text = "a".to_owned();
        let other = join(Level::Info, &mut text, &mut heard);
        assert_eq!(text, "abc", "of one kind");
        assert!(matches!(other, Some(News::Line { level: Level::Error, .. })), "up to the next kind");
    }
}
