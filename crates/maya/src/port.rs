//! A connection at a command port of Maya's own, where nothing else may listen: one line out, one line in.
//!
//! Invariant: never more than one line is unanswered, each is written at once and shorter than Maya's buffer, and what waits behind it can still
//! be taken back.

use std::{collections::VecDeque, pin::pin, time::Duration};

use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep},
};

use crate::{
    calls::decode,
    connection::Desk,
    frame::Frame,
    lines::{Lines, Piece},
    link::{LinkEnd, LinkError, LinkEvent},
    output::Output,
    proof::Key,
    protocol::{Refusal, WireFacts},
    request::{About, Command, Inbox, Reply, Request, message},
};

/// What could not be done at once (code that lets Maya's event loop run was under way) is asked for so often.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// The last handle is gone: the engine leaves on purpose.
const LEFT: LinkEnd = LinkEnd::BrokenOff;
/// A main thread that was told to be away for so long is told to be back.
const AWAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Port {
    lines: Lines,
    /// When the last line was sent.
    sent: watch::Receiver<Instant>,
}

impl Port {
    pub fn new(stream: TcpStream, key: &Key) -> Self {
        let (lines, sent) = Lines::new(stream, key);
        Self { lines, sent }
    }

    /// The first answer to the engine begins with the helper's facts.
    pub async fn greet(mut self) -> Result<(Self, WireFacts), LinkError> {
        let frames = self.lines.exchange(&probe(0), |_| true).await?;
        let welcome = frames.into_iter().find_map(|mut frame| frame.json.remove("welcome"));
        Ok((self, decode(welcome.ok_or(LinkError::Impostor)?)?))
    }

    pub async fn run(self, mut inbox: Inbox, desk: Desk) -> LinkEnd {
        let Self { mut lines, sent } = self;
        let ids = inbox.ids();
        let mut queue = Queue { desk, waiting: VecDeque::new(), sent, told_away: false };
        loop {
            let (id, message) = if let Some((id, message)) = queue.next() {
                (Some(id), message)
            } else {
                tokio::select! {
                    command = inbox.next() => {
                        let Some(command) = command else { return LEFT };
                        let Some(Probe) = queue.take(command, Main::Free) else { continue };
                        (None, probe(ids.next()))
                    }
                    () = sleep(ASK_AGAIN), if queue.desk.waiting.is_some() => (None, probe(ids.next())),
                }
            };
            let waiting = queue.desk.waiting.clone();
            let wanted = move |piece| match (id, piece) {
                (None, _) => true,
                (Some(id), Piece::Last) => waiting.begin(id),
                (Some(id), Piece::More) => waiting.has(id),
            };
            let mut exchange = pin!(lines.exchange(&message, wanted));
            let answer = loop {
                tokio::select! {
                    command = inbox.next() => {
                        let Some(command) = command else { return LEFT };
                        queue.take(command, Main::Asked);
                    }
                    answer = &mut exchange => break answer,
                }
            };
            match answer {
                Ok(frames) => {
                    if let Some(end) = queue.answered(frames).await {
                        return end;
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(error, "a command port of Maya's has ended");
                    return LinkEnd::PortClosed;
                }
            }
        }
    }
}

/// Whether Maya's main thread has something of ours to answer.
#[derive(Clone, Copy, PartialEq)]
enum Main {
    Free,
    Asked,
}

/// Something is to be asked, so that the next question knows how long it has waited.
struct Probe;

/// What waits to be sent, and what is answered without sending it.
struct Queue {
    desk: Desk,
    waiting: VecDeque<Request>,
    sent: watch::Receiver<Instant>,
    told_away: bool,
}

impl Queue {
    fn next(&mut self) -> Option<(u64, String)> {
        while let Some(request) = self.waiting.pop_front() {
            let id = request.id;
            if let Some(message) = self.desk.waiting.add(request) {
                return Some((id, message));
            }
        }
        None
    }

    fn take(&mut self, command: Command, main: Main) -> Option<Probe> {
        match command {
            Command::Abandoned(id) => {
                if self.withdraw(id).is_none() {
                    self.desk.waiting.forget(id);
                }
            }
            Command::Request(request) => match request.about {
                About::Ping => return self.say_how_long(request, main),
                About::Cancel(id) => {
                    let state = self.cancel(id);
                    answer(request, json!({"state": state, "stoppable": state == "waiting"}));
                }
                About::Anything => self.waiting.push_back(request),
            },
        }
        None
    }

    /// The oldest unanswered line is the only one.
    fn say_how_long(&mut self, request: Request, main: Main) -> Option<Probe> {
        let away = if main == Main::Asked { self.sent.borrow().elapsed() } else { Duration::ZERO };
        self.told_away |= away >= AWAY;
        answer(request, json!({"main_waiting_ms": away.as_secs_f64() * 1000.0}));
        (main == Main::Free).then_some(Probe)
    }

    fn cancel(&mut self, id: u64) -> &'static str {
        let (kind, message) = (Refusal::Cancelled, "it had not begun".to_owned());
        let cancelled = Err(LinkError::Refused { kind, message });
        match self.withdraw(id) {
            Some(request) => {
                let _ = request.reply.send(cancelled);
                "waiting"
            }
            None if self.desk.waiting.withdraw(id, cancelled) => "waiting",
            None if self.desk.waiting.has(id) => "running",
            None => "unknown",
        }
    }

    fn withdraw(&mut self, id: u64) -> Option<Request> {
        let place = self.waiting.iter().position(|request| request.id == id)?;
        self.waiting.remove(place)
    }

    async fn answered(&mut self, frames: Vec<Frame>) -> Option<LinkEnd> {
        if std::mem::take(&mut self.told_away) {
            self.desk.tell(LinkEvent::MainThreadFree).await;
        }
        let mut end = None;
        for frame in frames {
            end = self.desk.take_in(frame).await.or(end);
        }
        end
    }
}

fn answer(request: Request, result: Value) {
    let _ = request.reply.send(Ok(Reply { result, binary: Vec::new(), output: Output::default() }));
}

/// Nobody waits for what it answers.
fn probe(id: u64) -> String {
    message(id, "ping", &json!({}))
}
