//! A request on its way: from the handle that makes it to the connection that carries it, and its answer back.
//!
//! Invariant: every request is answered, by the helper or by its connection's end; when its caller goes away, the helper is told.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::{
    frame::{FRIEND, FrameError},
    link::LinkError,
    output::Output,
};

/// Requests that may wait to be taken up; callers beyond it wait in their turn.
const QUEUED: usize = 64;

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Reply {
    pub result: Value,
    pub binary: Vec<u8>,
    pub output: Output,
}

pub(crate) type Answer = Result<Reply, LinkError>;

#[derive(Debug)]
pub(crate) struct Request {
    pub id: u64,
    pub about: About,
    /// As it is sent.
    pub json: String,
    /// Where what comes before the answer goes.
    pub output: Output,
    pub reply: oneshot::Sender<Answer>,
}

/// What a connection that answers some requests itself has to know of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Ping,
    Cancel(u64),
    Anything,
}

#[derive(Debug)]
pub(crate) enum Command {
    Request(Request),
    /// Nobody waits for the answer to this one any more.
    Abandoned(u64),
}

/// The callers' end: cheap to clone, used by any number of tasks at once.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    requests: mpsc::Sender<Request>,
    /// One word for each request at most, so bounded by those.
    abandoned: mpsc::UnboundedSender<u64>,
    ids: Ids,
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    requests: mpsc::Receiver<Request>,
    abandoned: mpsc::UnboundedReceiver<u64>,
    ids: Ids,
}

/// One connection's, shared by both ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids(Arc<AtomicU64>);

impl Ids {
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[derive(Serialize)]
struct Message<'a, P> {
    id: u64,
    method: &'a str,
    params: &'a P,
}

/// A request as it is sent.
pub(crate) fn message(id: u64, method: &str, params: &impl Serialize) -> String {
    serde_json::to_string(&Message { id, method, params })
        .expect("our own types with string keys always serialize")
}

pub(crate) fn channel() -> (Calls, Inbox) {
    let (requests, queue) = mpsc::channel(QUEUED);
    let (abandoned, left) = mpsc::unbounded_channel();
    let ids = Ids::default();
    let inbox = Inbox { requests: queue, abandoned: left, ids: ids.clone() };
    (Calls { requests, abandoned, ids }, inbox)
}

impl Calls {
    /// The connection has ended.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    pub async fn begin(
        &self,
        (method, about): (&str, About),
        params: &impl Serialize,
        output: Output,
    ) -> Result<Call, LinkError> {
        let id = self.ids.next();
        let json = message(id, method, params);
        if json.len() > FRIEND.json as usize {
            let json = u32::try_from(json.len()).unwrap_or(u32::MAX);
            return Err(FrameError::TooLarge { json, binary: 0 }.into());
        }
        let (reply, answer) = oneshot::channel();
        let request = Request { id, about, json, output, reply };
        self.requests.send(request).await.map_err(|_| LinkError::Closed)?;
        Ok(Call { id, abandoned: self.abandoned.clone(), answer: Some(answer) })
    }

    pub async fn ask(&self, method: (&str, About), params: &impl Serialize) -> Answer {
        self.begin(method, params, Output::default()).await?.answer().await
    }
}

/// A request that was made. Dropped before its answer has come, it is cancelled.
#[derive(Debug)]
pub(crate) struct Call {
    pub id: u64,
    abandoned: mpsc::UnboundedSender<u64>,
    answer: Option<oneshot::Receiver<Answer>>,
}

impl Call {
    /// Once: there is one answer.
    pub async fn answer(&mut self) -> Answer {
        let Some(answer) = &mut self.answer else { return Err(LinkError::Closed) };
        let answer = answer.await.unwrap_or(Err(LinkError::Closed));
        self.answer = None;
        answer
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Closed first: a request that is not taken up yet is seen to wait for nobody, and is not sent at all.
        if self.answer.take().is_some() {
            // A connection that has ended has no more use for it.
            let _ = self.abandoned.send(self.id);
        }
    }
}

impl Inbox {
    /// The next thing to do; `None` when the last handle is gone.
    pub async fn next(&mut self) -> Option<Command> {
        tokio::select! {
            // What shall stop is told before the connection is let go.
            biased;
            Some(id) = self.abandoned.recv() => Some(Command::Abandoned(id)),
            request = self.requests.recv() => request.map(Command::Request),
        }
    }

    /// For messages that nobody waits for.
    pub fn ids(&self) -> Ids {
        self.ids.clone()
    }

    /// Nothing more comes in; what came is answered as the connection's end answers it.
    pub fn close(&mut self) {
        self.requests.close();
        while self.requests.try_recv().is_ok() {}
    }

    /// Tells everybody who waits why there is no connection.
    pub fn refuse(mut self, why: &Arc<LinkError>) {
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            let _ = request.reply.send(Err(LinkError::NoConnection(why.clone())));
        }
    }
}
