//! The link: our own connection to a session's helper.
//!
//! Invariant: every request is answered, by the helper or by the link's end; nobody waits for a dead Maya.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use maya_mcp_session::{Facts, Scene, SceneReason};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    command_port::end_when_the_other_side_is_gone,
    frame::{self, FRIEND, Frame, FrameError, STRANGER},
    proof::{Secret, nonce},
    protocol::{Execute, Execution, PROTOCOL, WireFacts, WireScene, short},
};

/// Requests that may wait to be written; callers beyond it wait in their turn.
const REQUESTS_QUEUED: usize = 64;
/// The helper's own thread answers, so even a busy Maya is in time.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// Where a helper listens, and what to prove to it.
#[derive(Debug, Clone)]
pub struct HelperAddress {
    pub address: SocketAddr,
    pub secret: Secret,
}

/// What the helper tells at the beginning.
#[derive(Debug, Clone)]
pub struct Welcome {
    pub facts: Facts,
    pub scene: Scene,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    Scene { reason: SceneReason, scene: Scene },
    MainThreadFree,
    Stranger { address: String, why: String },
}

/// How a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    Goodbye(Farewell),
    BrokenOff,
}

/// Why a helper says good-bye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    MayaExiting,
    /// Another engine has put another build of the helper in.
    Replaced,
    /// Everybody has let it go, or somebody took it out.
    Left,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("opening the link to the helper")]
    Connect(#[source] std::io::Error),
    #[error("the helper did not answer in time")]
    Silent,
    #[error("the port does not know our secret, so it is not our helper")]
    Impostor,
    #[error("the helper's answer could not be read")]
    Frame(#[from] FrameError),
    #[error("the helper refused the request: {kind}: {message}")]
    Refused { kind: String, message: String },
    #[error("Maya or its helper went away")]
    Closed,
}

type Answer = Result<Value, LinkError>;

#[derive(Debug)]
enum Command {
    Request {
        method: &'static str,
        params: Value,
        started: oneshot::Sender<u64>,
        reply: oneshot::Sender<Answer>,
    },
    Cancel {
        id: u64,
    },
}

/// The handle: cheap to clone, used by any number of tasks at once.
#[derive(Debug, Clone)]
pub struct Link {
    commands: mpsc::Sender<Command>,
}

impl Link {
    /// Connects and proves both sides. The task must be run for the handle to do anything.
    pub async fn open(helper: &HelperAddress) -> Result<(Self, LinkTask, Welcome), LinkError> {
        timeout(HANDSHAKE, Self::shake_hands(helper)).await.map_err(|_| LinkError::Silent)?
    }

    async fn shake_hands(helper: &HelperAddress) -> Result<(Self, LinkTask, Welcome), LinkError> {
        let stream = TcpStream::connect(helper.address).await.map_err(LinkError::Connect)?;
        stream.set_nodelay(true).map_err(LinkError::Connect)?;
        if !helper.address.ip().is_loopback() {
            end_when_the_other_side_is_gone(&stream).map_err(LinkError::Connect)?;
        }
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::with_capacity(64 << 10, reader);
        let secret = &helper.secret;

        let ours = nonce();
        let hello = json!({"hello": {"protocol": PROTOCOL, "nonce": ours, "secret": secret.hint()}});
        frame::write(&mut writer, &hello).await.map_err(LinkError::Connect)?;
        let challenge = expect(&mut reader, "challenge").await?;
        let text = |field: &str| challenge.get(field).and_then(Value::as_str).unwrap_or_default();
        let theirs = text("nonce");
        if !secret.is_proof_of_helper(&ours, theirs, text("proof")) {
            return Err(LinkError::Impostor);
        }
        let proof = json!({"proof": secret.proof_of_engine(&ours, theirs)});
        frame::write(&mut writer, &proof).await.map_err(LinkError::Connect)?;
        let welcome: WireFacts = decode(expect(&mut reader, "welcome").await?)?;
        let (facts, scene) = welcome.split();

        let (commands, queue) = mpsc::channel(REQUESTS_QUEUED);
        let task = LinkTask { reader, writer, queue };
        Ok((Self { commands }, task, Welcome { facts, scene }))
    }

    /// Runs a script. When the caller stops waiting (drops this future), the script is cancelled in Maya.
    pub async fn execute(&self, request: &Execute) -> Result<Execution, LinkError> {
        let params = serde_json::to_value(request).expect("our own types always serialize");
        decode(self.request("execute", params).await?)
    }

    /// How long Maya's main thread has been away; the helper's own thread answers.
    pub async fn main_thread_waiting(&self) -> Result<Duration, LinkError> {
        let answer = self.request("ping", json!({})).await?;
        let waiting = answer.get("main_waiting_ms").and_then(Value::as_f64).unwrap_or_default();
        Ok(Duration::try_from_secs_f64(waiting / 1000.0).unwrap_or_default())
    }

    /// Asks the helper to leave Maya, unless somebody else still uses it.
    pub async fn leave(&self) -> Result<(), LinkError> {
        self.request("leave", json!({})).await.map(drop)
    }

    async fn request(&self, method: &'static str, params: Value) -> Answer {
        let (reply, answer) = oneshot::channel();
        let (started, id) = oneshot::channel();
        let command = Command::Request { method, params, started, reply };
        self.commands.send(command).await.map_err(|_| LinkError::Closed)?;
        let mut abandoned = CancelOnDrop { link: self, id: Some(id) };
        let answer = answer.await.unwrap_or(Err(LinkError::Closed));
        abandoned.id = None;
        answer
    }
}

/// Tells the helper that nobody waits any more.
struct CancelOnDrop<'a> {
    link: &'a Link,
    id: Option<oneshot::Receiver<u64>>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        let Some(mut id) = self.id.take() else { return };
        // Closed first: a request that is not written yet sees that nobody waits, and is not written at all.
        id.close();
        let Ok(id) = id.try_recv() else { return };
        // With a full queue the link is stalled, and its end will answer for the script.
        let _ = self.link.commands.try_send(Command::Cancel { id });
    }
}

/// Reads and writes until the connection or every handle is gone.
#[derive(Debug)]
pub struct LinkTask {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    queue: mpsc::Receiver<Command>,
}

impl LinkTask {
    pub async fn run(self, events: mpsc::Sender<LinkEvent>) -> LinkEnd {
        let Self { mut reader, mut writer, mut queue } = self;
        let (frames_in, mut frames) = mpsc::channel(16);
        // Reading a frame takes several steps, so it must not be cut off by select: it has a future of its own.
        let reading = async move {
            let frames_in = frames_in;
            while let Ok(Some(frame)) = frame::read(&mut reader, FRIEND).await {
                if frames_in.send(frame).await.is_err() {
                    return;
                }
            }
        };
        let mut waiting = Waiting::default();
        let routing = async {
            let mut end = LinkEnd::BrokenOff;
            loop {
                tokio::select! {
                    frame = frames.recv() => match frame {
                        None => return end,
                        Some(frame) => match waiting.take_in(frame) {
                            Some(Incoming::Goodbye(why)) => end = LinkEnd::Goodbye(why),
                            Some(Incoming::Event(event)) => { let _ = events.send(event).await; }
                            None => {}
                        },
                    },
                    command = queue.recv() => match command {
                        // The last handle is gone: the engine leaves on purpose.
                        None => return end,
                        Some(command) => if let Some(bytes) = waiting.send_out(command)
                            && writer.write_all(&bytes).await.is_err()
                        {
                            // What the helper said before it went must still be read.
                            queue.close();
                            while let Some(frame) = frames.recv().await {
                                if let Some(Incoming::Goodbye(why)) = waiting.take_in(frame) { end = LinkEnd::Goodbye(why); }
                            }
                            return end;
                        },
                    },
                }
            }
        };
        tokio::pin!(routing, reading);
        let mut ended_reading = false;
        loop {
            tokio::select! {
                end = &mut routing => return end,
                () = &mut reading, if !ended_reading => ended_reading = true,
            }
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    replies: HashMap<u64, oneshot::Sender<Answer>>,
}

enum Incoming {
    Event(LinkEvent),
    Goodbye(Farewell),
}

impl Waiting {
    /// The frame to write; none for a request that nobody waits for any more.
    fn send_out(&mut self, command: Command) -> Option<Vec<u8>> {
        self.last += 1;
        match command {
            Command::Request { method, params, started, reply } => {
                started.send(self.last).ok()?;
                self.replies.insert(self.last, reply);
                Some(frame::encode(&json!({"id": self.last, "method": method, "params": params})))
            }
            Command::Cancel { id } => {
                self.replies.remove(&id);
                Some(frame::encode(&json!({"id": self.last, "method": "cancel", "params": {"id": id}})))
            }
        }
    }

    fn take_in(&mut self, frame: Frame) -> Option<Incoming> {
        let mut message = frame.json;
        if let Some(id) = message.get("id").and_then(Value::as_u64) {
            // An answer that nobody asked for, or asked for no longer, is dropped.
            let reply = self.replies.remove(&id)?;
            let _ = reply.send(answer_in(&mut message));
            return None;
        }
        let params = message.remove("params").unwrap_or_default();
        let text = |field: &str| params.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        match message.get("event").and_then(Value::as_str)? {
            "goodbye" => Some(Incoming::Goodbye(match text("reason").as_str() {
                "replaced" => Farewell::Replaced,
                "left" => Farewell::Left,
                _ => Farewell::MayaExiting,
            })),
            "main_free" => Some(Incoming::Event(LinkEvent::MainThreadFree)),
            "stranger" => {
                let (address, why) = (short(text("address")), short(text("why")));
                Some(Incoming::Event(LinkEvent::Stranger { address, why }))
            }
            "scene" => {
                let (reason, scene) = serde_json::from_value::<WireScene>(params).ok()?.split();
                Some(Incoming::Event(LinkEvent::Scene { reason, scene }))
            }
            unknown => {
                tracing::debug!(event = unknown, "the helper sent an event that this engine does not know");
                None
            }
        }
    }
}

fn answer_in(message: &mut serde_json::Map<String, Value>) -> Answer {
    match message.get("error") {
        Some(error) if !error.is_null() => {
            let text = |field: &str| error.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            Err(LinkError::Refused { kind: text("type"), message: text("message") })
        }
        _ => Ok(message.remove("result").unwrap_or_default()),
    }
}

async fn expect(reader: &mut BufReader<OwnedReadHalf>, step: &str) -> Result<Value, LinkError> {
    let frame = frame::read(reader, STRANGER).await?.ok_or(LinkError::Impostor)?;
    frame.json.get(step).cloned().ok_or(LinkError::Impostor)
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T, LinkError> {
    serde_json::from_value(value).map_err(|source| LinkError::Frame(FrameError::Malformed(source)))
}
