//! What each Maya has shown in its Script Editor, as far as somebody listened.
//!
//! Invariant: what is kept of a session is bounded, and nothing is of one that has not begun or has ended; no Maya is listened to before
//! somebody asks for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use maya_mcp_session::SessionId;
use tokio::sync::watch;

use crate::output::Stream;

/// Of each session, in bytes: some ten thousand lines.
const KEPT: usize = 1 << 20;
/// What a piece takes beside its text.
const PIECE: usize = 128;
/// Neighbours are joined up to this, so that a line costs no more than its bytes.
const JOINED: usize = 16 << 10;

/// Cheap to clone; all clones are one table.
#[derive(Debug, Clone)]
pub struct Outputs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sessions: Mutex<HashMap<SessionId, Kept>>,
    /// Counts whenever somebody wants to listen to one more session.
    wishes: watch::Sender<u64>,
    /// Counts whenever anything is shown.
    grown: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    pieces: VecDeque<Piece>,
    bytes: usize,
    /// How many bytes there have been in all.
    end: u64,
    sizes: Sizes,
    /// Up to where each reader has read: clients, and those are few.
    read: HashMap<String, u64>,
    is_wanted: bool,
    is_heard: bool,
}

#[derive(Debug)]
struct Piece {
    begin: u64,
    side: Side,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Stdout,
    Stderr,
}

/// How many bytes each side has shown in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    pub stdout: u64,
    pub stderr: u64,
}

/// What was shown after some position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    pub stdout: String,
    pub stderr: String,
    /// Bytes that are not kept any more.
    pub missed: u64,
    /// Where the next one goes on.
    pub position: u64,
}

impl Default for Outputs {
    fn default() -> Self {
        let shared =
            Shared { sessions: Mutex::default(), wishes: watch::channel(0).0, grown: watch::channel(0).0 };
        Self { shared: Arc::new(shared) }
    }
}

impl Outputs {
    /// The session has begun: only from here to `forget` is anything kept of it.
    pub fn begin(&self, id: SessionId) {
        self.sessions().insert(id, Kept::default());
    }

    /// From now on, for as long as this session is linked, all that its Script Editor shows is kept.
    pub fn listen(&self, id: SessionId) {
        if let Some(kept) = self.sessions().get_mut(&id)
            && !std::mem::replace(&mut kept.is_wanted, true)
        {
            self.shared.wishes.send_modify(|count| *count += 1);
        }
    }

    /// Returns once somebody wants to listen to this session.
    pub async fn is_wanted(&self, id: SessionId) {
        let mut wishes = self.shared.wishes.subscribe();
        while !self.sessions().get(&id).is_some_and(|kept| kept.is_wanted) {
            // The sender lives as long as we do.
            let _ = wishes.changed().await;
        }
    }

    /// Whether the Script Editor itself is heard; else only what scripts print on their own requests is known.
    pub fn set_heard(&self, id: SessionId, is_heard: bool) {
        if let Some(kept) = self.sessions().get_mut(&id) {
            kept.is_heard = is_heard;
        }
    }

    /// Keeps what the Script Editor shows.
    pub fn hear(&self, id: SessionId, stream: Stream, text: &str) {
        self.keep(id, stream, text);
    }

    /// Keeps what a script has printed, unless that is heard from the Script Editor anyway.
    pub fn printed(&self, id: SessionId, stream: Stream, text: &str) {
        if !self.sessions().get(&id).is_some_and(|kept| kept.is_heard) {
            self.keep(id, stream, text);
        }
    }

    fn keep(&self, id: SessionId, stream: Stream, text: &str) {
        if let Some(kept) = self.sessions().get_mut(&id).filter(|_| !text.is_empty()) {
            kept.push(side_of(stream), text);
            self.shared.grown.send_modify(|count| *count += 1);
        }
    }

    /// What was shown after that position; 0 is the beginning.
    pub fn after(&self, id: SessionId, position: u64) -> Shown {
        self.sessions().get(&id).map(|kept| kept.after(position)).unwrap_or_default()
    }

    /// What is new to this reader, who is known by a name, since it last asked.
    pub fn news_for(&self, reader: &str, id: SessionId) -> Shown {
        let sessions = &mut *self.sessions();
        let Some(kept) = sessions.get_mut(&id) else { return Shown::default() };
        let shown = kept.after(kept.read.get(reader).copied().unwrap_or_default());
        kept.read.insert(reader.to_owned(), shown.position);
        shown
    }

    pub fn sizes(&self, id: SessionId) -> Sizes {
        self.sessions().get(&id).map(|kept| kept.sizes).unwrap_or_default()
    }

    /// Changes whenever anything is shown anywhere.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.grown.subscribe()
    }

    /// The session has ended.
    pub fn forget(&self, id: SessionId) {
        self.sessions().remove(&id);
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Kept>> {
        self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As a script's answer has it.
fn side_of(stream: Stream) -> Side {
    match stream {
        Stream::Stdout | Stream::Info | Stream::Result => Side::Stdout,
        Stream::Stderr | Stream::Warning | Stream::Error => Side::Stderr,
    }
}

impl Kept {
    fn push(&mut self, side: Side, text: &str) {
        let length = text.len() as u64;
        *(match side {
            Side::Stdout => &mut self.sizes.stdout,
            Side::Stderr => &mut self.sizes.stderr,
        }) += length;
        // Of a flood only its end is kept.
        let surplus = text.ceil_char_boundary(text.len().saturating_sub(KEPT - PIECE));
        let begin = self.end + surplus as u64;
        let text = &text[surplus..];
        self.end += length;
        let joins =
            |last: &&mut Piece| surplus == 0 && last.side == side && last.text.len() + text.len() <= JOINED;
        if let Some(last) = self.pieces.back_mut().filter(joins) {
            last.text.push_str(text);
        } else {
            self.pieces.push_back(Piece { begin, side, text: text.to_owned() });
            self.bytes += PIECE;
        }
        self.bytes += text.len();
        while self.bytes > KEPT
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.bytes -= oldest.text.len() + PIECE;
        }
    }

    fn after(&self, position: u64) -> Shown {
        let first = self.pieces.front().map_or(self.end, |piece| piece.begin);
        // A position beyond the end belongs to an engine that ran before.
        let position = if position > self.end { 0 } else { position };
        let mut shown =
            Shown { missed: first.saturating_sub(position), position: self.end, ..Shown::default() };
        for piece in &self.pieces {
            let skipped = usize::try_from(position.saturating_sub(piece.begin)).unwrap_or(usize::MAX);
            // Somebody's own number may fall within a character.
            let skipped = piece.text.ceil_char_boundary(skipped.min(piece.text.len()));
            let side = match piece.side {
                Side::Stdout => &mut shown.stdout,
                Side::Stderr => &mut shown.stderr,
            };
            side.push_str(&piece.text[skipped..]);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::ProcessId;

    use super::*;

    const ID: SessionId = SessionId::Process(ProcessId { pid: 1, started_at: 1 });

    #[test]
    fn each_reader_gets_what_is_new_to_it() {
        let outputs = Outputs::default();
        outputs.begin(ID);
        assert_eq!(outputs.after(ID, 0), Shown::default(), "nothing was shown");
        outputs.hear(ID, Stream::Info, "eins\n");
        outputs.hear(ID, Stream::Warning, "Vorsicht: ü\n");
        let shown = outputs.after(ID, 0);
        assert_eq!(
            (shown.stdout.as_str(), shown.stderr.as_str(), shown.missed),
            ("eins\n", "Vorsicht: ü\n", 0),
            "all"
        );
        outputs.hear(ID, Stream::Warning, "noch einmal\n");
        let later = outputs.after(ID, shown.position);
        assert_eq!((later.stdout.as_str(), later.stderr.as_str()), ("", "noch einmal\n"), "what came since");
        assert_eq!(
            outputs.after(ID, later.position),
            Shown { position: later.position, ..Shown::default() },
            "nothing"
        );
        let odd = outputs.after(ID, shown.position - 2);
        assert_eq!(odd.stderr, "\nnoch einmal\n", "a position within a character is the next one's");
        assert_eq!(outputs.after(ID, 1 << 40), outputs.after(ID, 0), "a position of another engine");
        assert_eq!(outputs.sizes(ID), Sizes { stdout: 5, stderr: 25 }, "in bytes");
        assert_eq!(outputs.news_for("cursor", ID).stdout, "eins\n", "a reader is remembered");
        assert_eq!(outputs.news_for("cursor", ID).stdout, "", "and gets nothing twice");
        assert_eq!(outputs.news_for("zed", ID).stdout, "eins\n", "each for itself");
        outputs.forget(ID);
        outputs.hear(ID, Stream::Stdout, "late");
        assert_eq!(outputs.after(ID, 0), Shown::default(), "it has ended");
        outputs.begin(ID);
        outputs.hear(ID, Stream::Stdout, "new");
        assert_eq!(outputs.news_for("cursor", ID).stdout, "new", "the same address is another session");
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_missed_is_counted() {
        for (pieces, length) in [(300, 8 << 10), (1, 3 << 20), (40_000, 70), (3, KEPT)] {
            let outputs = Outputs::default();
            outputs.begin(ID);
            for _ in 0..pieces {
                outputs.hear(ID, Stream::Stdout, &"ü".repeat(length / 2));
            }
            let shown = outputs.after(ID, 0);
            let (kept, all) = (shown.stdout.len(), pieces * length);
            let least = KEPT - JOINED - KEPT / 64;
            assert!((least..=KEPT).contains(&kept), "{pieces} x {length}: {kept} bytes are kept");
            assert_eq!(shown.missed, (all - kept) as u64, "{pieces} x {length}: the rest is counted");
        }
    }

    #[test]
    fn many_small_pieces_take_no_more_room_than_few_large_ones() {
        let outputs = Outputs::default();
        outputs.begin(ID);
        for number in 0..40_000 {
            let stream = if number % 2 == 0 { Stream::Stdout } else { Stream::Stderr };
            outputs.hear(ID, stream, "x");
        }
        let pieces = outputs.sessions()[&ID].pieces.len();
        assert!(pieces * PIECE <= KEPT, "{pieces} are kept");
    }

    #[test]
    fn a_scripts_own_output_is_kept_while_the_script_editor_is_not_heard() {
        let outputs = Outputs::default();
        outputs.begin(ID);
        outputs.printed(ID, Stream::Stdout, "one ");
        outputs.listen(ID);
        outputs.printed(ID, Stream::Stdout, "two ");
        outputs.set_heard(ID, true);
        outputs.printed(ID, Stream::Stdout, "three ");
        outputs.hear(ID, Stream::Info, "three ");
        outputs.set_heard(ID, false);
        outputs.printed(ID, Stream::Stdout, "four");
        assert_eq!(outputs.after(ID, 0).stdout, "one two three four", "each once");
    }

    #[tokio::test]
    async fn who_can_listen_hears_of_the_wish() {
        let outputs = Outputs::default();
        outputs.begin(ID);
        let (listening, ()) = tokio::join!(
            tokio::time::timeout(std::time::Duration::from_secs(10), outputs.is_wanted(ID)),
            async {
                let other = SessionId::Process(ProcessId { pid: 2, started_at: 1 });
                outputs.begin(other);
                outputs.listen(other);
                tokio::task::yield_now().await;
                outputs.listen(ID);
            }
        );
        assert!(listening.is_ok(), "it was told");
    }
}
