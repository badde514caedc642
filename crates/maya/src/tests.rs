//! Links and their clients' connections against a helper that does what each test tells it.

mod bad_input;
mod connections;
mod ports;
mod replacing;

use std::{net::Ipv4Addr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    Access, Execute, HelperAddress, Language, Link, LinkEnd, LinkEvent, ResultType, Unsaved,
    frame::{self, FRIEND},
    proof::{Secret, nonce},
};

const SOON: Duration = Duration::from_secs(10);

/// What is waited for comes, or the test says what did not.
async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    timeout(SOON, coming).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

fn python(code: &str) -> Execute {
    Execute {
        code: code.to_owned(),
        language: Language::Python,
        result_type: ResultType::Auto,
        undo_name: None,
        timeout_s: None,
        unsaved: Unsaved::Refuse,
    }
}

fn facts() -> Value {
    json!({
        "build": "abc", "helper_version": "0.1.0", "maya_version": "2025", "python_version": "3.11.4", "qt": null, "pid": 77,
        "user": "ana", "host": "ws1", "batch": false, "scene_name": "", "scene_path": "", "modified": false,
    })
}

/// An execution that gave this.
fn execution(result: &Value) -> Value {
    json!({"result": result, "error": null, "duration_ms": 1.0, "waited_ms": 0.0, "dropped": 0})
}

struct Helper {
    listener: TcpListener,
    secret: Secret,
}

/// One proven connection, seen from the helper.
struct Peer {
    /// None: the engine's own.
    client: Option<String>,
    stream: TcpStream,
}

/// A link whose task runs.
struct Opened {
    link: Link,
    events: mpsc::Receiver<LinkEvent>,
    end: JoinHandle<LinkEnd>,
}

impl Helper {
    async fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        Self { listener, secret: Secret::random() }
    }

    fn address(&self) -> HelperAddress {
        let address = self.listener.local_addr().expect("it is bound");
        HelperAddress { address, access: Access::Secret(self.secret.clone()) }
    }

    async fn open(&self) -> (Opened, Peer) {
        let address = self.address();
        let (opened, own) = tokio::join!(open(&address), self.accept());
        assert_eq!(own.client, None, "the engine's own connection is nobody's");
        (opened, own)
    }

    /// The next connection, once it has proved itself.
    async fn accept(&self) -> Peer {
        let (stream, _) = soon("a connection", self.listener.accept()).await.expect("it listens");
        let mut peer = Peer { client: None, stream };
        let hello = peer.hear().await;
        let (theirs, ours) = (hello["hello"]["nonce"].as_str().expect("a nonce").to_owned(), nonce());
        let proof = self.secret.proof_of_helper(&theirs, &ours);
        peer.say(json!({"challenge": {"protocol": 1, "nonce": ours, "proof": proof}})).await;
        let proof = peer.hear().await;
        assert_eq!(proof["proof"], self.secret.proof_of_engine(&theirs, &ours), "it knows the secret");
        peer.client = proof["client"].as_str().map(str::to_owned);
        peer.say(json!({"welcome": facts()})).await;
        peer
    }
}

async fn open(address: &HelperAddress) -> Opened {
    let (link, task, welcome) = Link::open(address).await.expect("it is there");
    assert_eq!(welcome.build.as_deref(), Some("abc"), "it says which build it is");
    let (told, events) = mpsc::channel(64);
    Opened { link, events, end: tokio::task::spawn_local(task.run(told)) }
}

impl Peer {
    async fn hear(&mut self) -> Value {
        let frame = soon("a frame", frame::read(&mut self.stream, FRIEND)).await;
        Value::Object(frame.expect("well formed").expect("and not the end").json)
    }

    async fn say(&mut self, message: Value) {
        frame::write(&mut self.stream, &message.to_string()).await.expect("it listens");
    }

    async fn say_with(&mut self, message: Value, binary: &[u8]) {
        let json = message.to_string();
        self.stream.write_u32(u32::try_from(json.len()).expect("short")).await.expect("it listens");
        self.stream.write_u32(u32::try_from(binary.len()).expect("short")).await.expect("it listens");
        self.stream.write_all(json.as_bytes()).await.expect("it listens");
        self.stream.write_all(binary).await.expect("it listens");
    }

    async fn print(&mut self, id: &Value, stream: &str, text: &str) {
        let event = json!({"event": "output", "params": {"id": id, "stream": stream}});
        self.say_with(event, text.as_bytes()).await;
    }

    /// Answers the next request, which must be an `execute`.
    async fn run(&mut self, result: Value) -> Value {
        let request = self.hear().await;
        assert_eq!(request["method"], "execute", "{request}");
        self.say(json!({"id": request["id"], "result": execution(&result)})).await;
        request
    }
}
