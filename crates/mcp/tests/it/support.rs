//! A running endpoint, and raw clients of both eras: what is asserted is what travels.

use std::{net::SocketAddr, time::Duration};

use maya_mcp_endpoint::{
    AuditLog, AuditText, EndpointFile, EndpointSecret, Engine, FurtherStatus, Patience, Tokens, serve,
};
use maya_mcp_maya::{Links, Outputs};
use maya_mcp_notify::EventLog;
use maya_mcp_notify::Numbers;
use maya_mcp_session::{ClientName, Commands, Ending, Observation, Process, ProcessId, Registry};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Far above what anything takes; only a hang reaches it.
pub const HANG: Duration = Duration::from_secs(10);

/// The number of the engine's first event.
const BEGIN: u64 = 1000;

pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, work).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

pub fn name(text: &str) -> ClientName {
    text.parse().expect("a good name")
}

pub fn http() -> Client {
    Client::builder().no_proxy().build().expect("a plain client")
}

pub struct Running {
    pub home: TempDir,
    pub registry: Registry,
    pub links: Links,
    pub outputs: Outputs,
    pub numbers: Numbers,
    pub tokens: Tokens,
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub tracker: TaskTracker,
}

impl Running {
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// As the engine starts: bind, serve, write the endpoint file.
    pub async fn start_in(home: TempDir, address: SocketAddr) -> Self {
        Self::start_in_with(home, address, &[]).await
    }

    /// With tokens that are there before anybody looks.
    pub async fn start_in_with(home: TempDir, address: SocketAddr, clients: &[&str]) -> Self {
        Self::start_with(home, address, clients, patience()).await
    }

    /// That gives a client that has gone a second to come back.
    pub async fn start_impatient() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let patience = Patience { absent: Duration::from_secs(1), ..patience() };
        Self::start_with(home, SocketAddr::from(([127, 0, 0, 1], 0)), &[], patience).await
    }

    async fn start_with(home: TempDir, address: SocketAddr, clients: &[&str], patience: Patience) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let tokens = Tokens::open(home.path().join("tokens")).expect("a folder for tokens");
        for client in clients {
            tokens.token_for(&name(client)).expect("a token");
        }
        let (registry, links, stop) =
            (Registry::beginning_at(BEGIN), Links::default(), CancellationToken::new());
        let outputs = Outputs::default();
        let numbers = Numbers::default();
        let proof = EndpointSecret::random();
        let engine = Engine {
            registry: registry.clone(),
            links: links.clone(),
            outputs: outputs.clone(),
            patience,
            audit: Some(AuditLog { path: home.path().join("logs/audit.jsonl"), text: AuditText::Digest }),
            log: Some(EventLog::at(home.path().join("events"))),
            // Nobody carries out what is asked for.
            commands: Commands::new().0,
            tokens: Some(tokens.clone()),
            numbers: numbers.clone(),
            further_status: FurtherStatus::default(),
            proof: proof.clone(),
            version: "0.0.1".to_owned(),
        };
        EndpointFile::new(address, proof, "0.0.1").write(home.path()).expect("written");
        let tracker = TaskTracker::new();
        let stopping = stop.clone();
        tracker.spawn(async move { serve(listener, engine, stopping).await.expect("it serves") });
        Self { home, registry, links, outputs, numbers, tokens, address, stop, tracker }
    }

    /// Ends it, and gives the home back.
    pub async fn end(self) -> (TempDir, SocketAddr) {
        self.stop.cancel();
        self.tracker.close();
        in_time("the end", self.tracker.wait()).await;
        (self.home, self.address)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn token(&self, client: &str) -> String {
        self.tokens.token_for(&name(client)).expect("a token")
    }

    pub fn post(&self, token: &str, message: &Value) -> RequestBuilder {
        http()
            .post(self.url("/mcp"))
            .bearer_auth(token)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .body(message.to_string())
    }

    /// A modern request, from sending to its answer.
    pub async fn modern(&self, client: &str, method: &str, params: Value) -> Value {
        let response = self.send_modern(client, method, params).await;
        in_time(method, Events::of(response).answer()).await
    }

    pub async fn send_modern(&self, client: &str, method: &str, mut params: Value) -> Response {
        params["_meta"] = modern_meta();
        let name =
            params.get("name").or(params.get("uri")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let post = self.post(&self.token(client), &request);
        let post = post.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
        post.header("mcp-name", name).send().await.expect("sent")
    }

    pub async fn call(&self, client: &str, tool: &str, arguments: Value) -> Value {
        let answer = self.modern(client, "tools/call", json!({ "name": tool, "arguments": arguments })).await;
        answer.get("result").cloned().unwrap_or_else(|| panic!("no result in {answer}"))
    }

    /// An engine before this one has written this down: the pid and the kind of each.
    pub fn remembers(&self, events: &[(u32, &str)]) {
        let line = |(seq, (pid, kind)): (usize, &(u32, &str))| {
            let session = format!("maya-{pid}");
            let detail = format!("{session} {kind} long ago");
            json!({"seq": seq + 1, "time": "2026-11-20T08:00:00Z", "source": session, "kind": kind, "session": session, "detail": detail})
        };
        let lines: Vec<_> = events.iter().enumerate().map(line).map(|line| format!("{line}\n")).collect();
        let folder = self.home.path().join("events");
        std::fs::create_dir_all(&folder).expect("writable");
        std::fs::write(folder.join("00000000000000000001.jsonl"), lines.concat()).expect("writable");
    }

    pub fn come(&self, pid: u32) {
        self.outputs.begin(process(pid).id.into());
        self.registry.observe(&Observation::ProcessFound(process(pid)));
    }

    pub fn go(&self, pid: u32) {
        self.registry
            .observe(&Observation::ProcessEnded { id: process(pid).id.into(), ending: Ending::Goodbye });
    }
}

/// The artist answers at once, or not at all.
fn patience() -> Patience {
    Patience {
        artist: Duration::from_millis(300),
        stubborn: Duration::from_millis(300),
        returning: Duration::ZERO,
        ..Patience::default()
    }
}

pub fn process(pid: u32) -> Process {
    let id = ProcessId { pid, started_at: 1 };
    Process { maya_version: Some("2025".to_owned()), ..Process::new(id) }
}

pub fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

pub fn initialize() -> Value {
    let client = json!({ "name": "test", "version": "1" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

/// A client of the older protocol, with its session.
pub struct Legacy<'a> {
    pub running: &'a Running,
    pub token: String,
    pub session: String,
}

impl<'a> Legacy<'a> {
    pub async fn connect(running: &'a Running, client: &str) -> Self {
        Self::connect_with(running, client, json!({})).await
    }

    /// A client that can do so much.
    pub async fn connect_with(running: &'a Running, client: &str, capabilities: Value) -> Self {
        let token = running.token(client);
        let mut initialize = initialize();
        initialize["params"]["capabilities"] = capabilities;
        let response = running.post(&token, &initialize).send().await.expect("sent");
        let session = response.headers()["mcp-session-id"].to_str().expect("plain").to_owned();
        let answer = in_time("initialize", Events::of(response).answer()).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "the client's own version");
        let legacy = Self { running, token, session };
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(legacy.send(&done).await.status(), 202, "taken note of");
        legacy
    }

    pub async fn send(&self, message: &Value) -> Response {
        let post = self.running.post(&self.token, message).header("mcp-session-id", &self.session);
        post.header("mcp-protocol-version", "2025-11-25").send().await.expect("sent")
    }

    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        in_time(method, Events::of(self.send(&request).await).answer()).await
    }

    pub async fn open_stream(&self) -> Response {
        let get = http()
            .get(self.running.url("/mcp"))
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream");
        let get = get.header("mcp-session-id", &self.session).header("mcp-protocol-version", "2025-11-25");
        let response = get.send().await.expect("sent");
        assert_eq!(response.status(), 200, "a stream");
        response
    }
}

/// The messages of a response, be it JSON or a stream of events.
pub struct Events {
    response: Response,
    text: String,
}

impl Events {
    pub fn of(response: Response) -> Self {
        Self { response, text: String::new() }
    }

    pub async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.text.find('\n') {
                let line: String = self.text.drain(..=end).collect();
                let message = line.strip_prefix("data:").unwrap_or(&line).trim();
                if message.starts_with('{') {
                    return Some(serde_json::from_str(message).expect("JSON"));
                }
            }
            let Some(chunk) = self.response.chunk().await.ok()? else {
                let rest = std::mem::take(&mut self.text);
                return rest.starts_with('{').then(|| serde_json::from_str(&rest).expect("JSON"));
            };
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    pub async fn answer(mut self) -> Value {
        while let Some(message) = self.next().await {
            if message.get("method").is_none() {
                return message;
            }
        }
        panic!("the response ended without an answer");
    }

    /// The next message with this method.
    pub async fn notification(&mut self, method: &str) -> Value {
        let waiting = async {
            while let Some(message) = self.next().await {
                if message.get("method").and_then(Value::as_str) == Some(method) {
                    return message;
                }
            }
            panic!("the stream ended before {method}");
        };
        in_time(method, waiting).await
    }
}
