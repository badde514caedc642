//! An endpoint that says what the test wants said, also what ours never says by itself.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, Response, StatusCode},
    routing::get,
};
use maya_mcp_endpoint::{EndpointFile, EndpointSecret, Tokens};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, sync::mpsc};
use tokio_util::task::TaskTracker;

use crate::support::{in_time, name};

/// What a client has sent: its session, and the message; of a GET, the last event that it has.
pub type Heard = (Option<String>, Value);

/// A status, and a text of this type.
pub type Refusal = (u16, &'static str, &'static str);

type Stream = mpsc::UnboundedSender<String>;

/// Takes every message, answers the handshakes, and leaves the rest to the test.
pub struct Stub {
    heard: mpsc::UnboundedReceiver<Heard>,
    /// What came while the test waited for something else.
    before: VecDeque<Heard>,
    shared: Arc<Shared>,
    /// Its own, so that a kill takes everything at once.
    runtime: Option<Runtime>,
}

struct Shared {
    secret: EndpointSecret,
    heard: mpsc::UnboundedSender<Heard>,
    /// The open streams: of requests by their id, of a session by its name.
    streams: Mutex<HashMap<String, Stream>>,
    /// What the next requests get in place of an answer.
    refusals: Mutex<VecDeque<Refusal>>,
    name: String,
}

impl Stub {
    /// Its session has its name, and so has that session's stream.
    pub fn start(home: &Path, name_of_it: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let _inside = runtime.enter();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket can");
        let listener = TcpListener::from_std(listener).expect("it does not block");
        let address = listener.local_addr().expect("bound");
        let secret = EndpointSecret::random();
        let tokens = Tokens::open(home.join("tokens")).expect("a folder");
        tokens.token_for(&name("claude-desktop")).expect("a token");
        EndpointFile::new(address, secret.clone(), "1").write(home).expect("written");
        let (hear, heard) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            secret,
            heard: hear,
            streams: Mutex::default(),
            refusals: Mutex::default(),
            name: name_of_it.to_owned(),
        });
        let router = Router::new()
            .route("/prove", get(prove))
            .route("/mcp", get(open).post(take).delete(StatusCode::NO_CONTENT))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared.clone());
        TaskTracker::new().spawn(axum::serve(listener, router).into_future());
        Self { heard, before: VecDeque::new(), shared, runtime: Some(runtime) }
    }

    /// The first message with this method, or the first answer for "".
    pub async fn hear(&mut self, method: &str) -> Heard {
        let is_it = |heard: &Heard| heard.1["method"].as_str().unwrap_or_default() == method;
        if let Some(place) = self.before.iter().position(is_it) {
            return self.before.remove(place).expect("it is there");
        }
        let waiting = async {
            loop {
                let heard = self.heard.recv().await.expect("it runs");
                if is_it(&heard) {
                    return heard;
                }
                self.before.push_back(heard);
            }
        };
        in_time(method, waiting).await
    }

    /// What has come and nobody has waited for.
    pub fn left_over(&mut self) -> Vec<Value> {
        self.before.extend(std::iter::from_fn(|| self.heard.try_recv().ok()));
        self.before.drain(..).map(|(_, message)| message).collect()
    }

    /// On the stream of this request or session.
    pub fn say(&self, stream: &str, message: &Value) {
        self.write(stream, format!("data: {message}\n\n"));
    }

    /// As an event that a stream that is opened again can go on after.
    pub fn say_as(&self, event: &str, stream: &str, message: &Value) {
        self.write(stream, format!("id: {event}\ndata: {message}\n\n"));
    }

    fn write(&self, stream: &str, event: String) {
        let streams = self.shared.streams.lock().expect("nothing panics with it");
        let stream = streams.get(stream).unwrap_or_else(|| panic!("no stream {stream}"));
        stream.send(event).expect("somebody reads");
    }

    pub fn answer(&self, id: &Value, result: &Value) {
        self.say(&id.to_string(), &json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        self.end(&id.to_string());
    }

    /// The next request, in the order of these.
    pub fn refuse(&self, refusal: Refusal) {
        self.shared.refusals.lock().expect("nothing panics with it").push_back(refusal);
    }

    /// Ends a stream.
    pub fn end(&self, stream: &str) {
        self.shared.streams.lock().expect("nothing panics with it").remove(stream);
    }

    /// As a kill: every connection is cut, and endpoint.json stays.
    pub fn die(self) {
        drop(self);
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn prove(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> String {
    let query = query.unwrap_or_default();
    let nonce = query.strip_prefix("nonce=").expect("a nonce");
    json!({ "proof": shared.secret.prove(nonce) }).to_string()
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("mcp-session-id")?.to_str().expect("plain").to_owned())
}

impl Shared {
    fn next_refusal(&self) -> Option<Refusal> {
        self.refusals.lock().expect("nothing panics with it").pop_front()
    }

    fn stream(&self, key: String) -> Response<Body> {
        let (say, said) = mpsc::unbounded_channel::<String>();
        self.streams.lock().expect("nothing panics with it").insert(key, say);
        let lines = futures_util::stream::unfold(said, async |mut said| {
            Some((Ok::<_, Infallible>(said.recv().await?), said))
        });
        let response = Response::builder().header("content-type", "text/event-stream");
        response.body(Body::from_stream(lines)).expect("a good response")
    }
}

async fn open(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response<Body> {
    let session = session_of(&headers);
    let stream = shared.stream(session.clone().expect("of a session"));
    let last = headers.get("last-event-id").map(|last| last.to_str().expect("plain"));
    let _ = shared.heard.send((session, json!({ "method": "GET", "last": last })));
    stream
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let message: Value = serde_json::from_slice(&body).expect("JSON");
    let (session, id) = (session_of(&headers), message.get("id").cloned());
    let is_question = id.is_some() && message.get("method").is_some();
    let response = match (id, message["method"].as_str()) {
        (Some(id), Some("initialize")) => {
            let result = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "stub", "version": "1" } });
            let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
            Response::builder()
                .header("content-type", "application/json")
                .header("mcp-session-id", shared.name.as_str())
                .body(answer.into())
        }
        (Some(_), Some(_)) if is_question && let Some(refusal) = shared.next_refusal() => {
            let (status, kind, text) = refusal;
            Response::builder().status(status).header("content-type", kind).body(text.into())
        }
        (Some(id), Some(_)) if is_question => Ok(shared.stream(id.to_string())),
        _ => Response::builder().status(StatusCode::ACCEPTED).body(Body::empty()),
    };
    let _ = shared.heard.send((session, message));
    response.expect("a good response")
}
