//! A Maya that is only a command port and a helper that speaks the protocol: enough to see what the endpoint asks of it.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use maya_mcp_maya::{Doorway, HelperFiles, Link, LinkKind, bootstrap};
use maya_mcp_session::{Address, Facts, Observation, Scene};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::support::{Running, process};

pub struct FakeMaya {
    helper: TcpListener,
    key: Vec<u8>,
    /// The engine's own connection.
    link: TcpStream,
    /// That of the one client who asks something, and its name.
    client: Option<(TcpStream, String)>,
}

const PID: u32 = 77;

impl FakeMaya {
    /// Brought in over its command port, as a real one is.
    pub async fn connect(running: &Running) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let helper = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = Address::Tcp(port.local_addr().expect("bound"));
        let helper_port = helper.local_addr().expect("bound").port();
        let home = running.home.path().to_owned();
        let (secret_in, mut secret) = mpsc::channel(1);
        running.tracker.spawn(async move {
            let key = answer_bootstrap(&port, &home, helper_port).await;
            secret_in.send(key).await.expect("somebody waits");
        });
        let files = HelperFiles::install(running.home.path()).expect("written");
        let doorway = Doorway { address: address.clone(), pid: Some(PID) };
        let found = bootstrap(&doorway, &files, LinkKind::Socket, async {}).await.expect("it answers");
        let key = secret.recv().await.expect("the bootstrap told it");
        let (opened, (own, _)) = tokio::join!(Link::open(&found), shake_hands(&helper, &key));
        let (link, task, _) = opened.expect("it proves itself");
        let (events, mut heard) = mpsc::channel(8);
        running.tracker.spawn(async move { while heard.recv().await.is_some() {} });
        let stop = running.stop.clone();
        running.tracker.spawn(async move {
            stop.run_until_cancelled(task.run(events)).await;
        });
        let process = process(PID);
        running.outputs.begin(process.id.into());
        running.links.insert(process.id.into(), link);
        running.registry.observe(&Observation::ProcessFound(process.clone()));
        let (facts, scene) = (facts(), Scene::default());
        running.registry.observe(&Observation::LinkOpened {
            id: process.id.into(),
            address: Some(address),
            facts,
            scene,
        });
        Self { helper, key, link: own, client: None }
    }

    pub async fn request(&mut self) -> Value {
        read(self.client().await).await
    }

    /// Who asks.
    pub fn client_name(&self) -> Option<&str> {
        self.client.as_ref().map(|(_, name)| name.as_str())
    }

    async fn client(&mut self) -> &mut TcpStream {
        if self.client.is_none() {
            let (stream, proof) = shake_hands(&self.helper, &self.key).await;
            let name = proof["client"].as_str().expect("a client's connection says whose it is").to_owned();
            self.client = Some((stream, name));
        }
        &mut self.client.as_mut().expect("it has come").0
    }

    /// What a script prints: its text is the frame's binary part.
    pub async fn print(&mut self, request: &Value, stream: &str, text: &str) {
        let event = json!({ "event": "output", "params": { "id": request["id"], "stream": stream } });
        write_with(self.client().await, &event, text.as_bytes()).await;
    }

    /// Whether anything was asked of it that it has not read, a moment later.
    pub async fn is_asked(&mut self) -> bool {
        let moment = std::time::Duration::from_millis(50);
        tokio::time::timeout(moment, self.request()).await.is_ok()
    }

    /// The engine's next question on its own connection.
    pub async fn ping(&mut self) -> Value {
        let ping = read(&mut self.link).await;
        assert_eq!(ping["method"], "ping", "how the main thread is");
        ping
    }

    pub async fn answer_on_the_link(&mut self, request: &Value, result: Value) {
        write(&mut self.link, &json!({ "id": request["id"], "result": result })).await;
    }

    pub async fn tell(&mut self, event: &str, params: Value) {
        write(self.client().await, &json!({ "event": event, "params": params })).await;
    }

    pub async fn answer(&mut self, request: &Value, result: Value) {
        write(self.client().await, &json!({ "id": request["id"], "result": result })).await;
    }

    /// Answers the next request with an execution like this one.
    pub async fn answer_with(&mut self, part: Value) -> Value {
        let request = self.request().await;
        self.answer(&request, execution(&part)).await;
        request
    }
}

/// The answer to `execute`, as far as nothing else is said.
pub fn execution(part: &Value) -> Value {
    let mut result =
        json!({ "result": null, "error": null, "duration_ms": 1.0, "waited_ms": 0.0, "dropped": 0 });
    for (field, value) in part.as_object().expect("an object") {
        result[field] = value.clone();
    }
    result
}

async fn answer_bootstrap(port: &TcpListener, home: &Path, helper_port: u16) -> Vec<u8> {
    let (mut stream, _) = port.accept().await.expect("somebody comes");
    let mut line = vec![0; 4096];
    let length = stream.read(&mut line).await.expect("a line");
    let line = String::from_utf8_lossy(&line[..length]).into_owned();
    let nonce =
        line.rsplit("('").next().and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned();
    let invitation = std::fs::read(home.join("run").join(format!("{nonce}.json"))).expect("an invitation");
    let invitation: Value = serde_json::from_slice(&invitation).expect("JSON");
    let answer = json!({ "maya_mcp": 1, "nonce": nonce, "pid": PID, "port": helper_port, "helper": "0.1.0" });
    stream.write_all(format!("{answer}\n\0").as_bytes()).await.expect("it listens");
    let secret = invitation["secret"].as_str().expect("a secret");
    (0..32).map(|i| u8::from_str_radix(&secret[i * 2..i * 2 + 2], 16).expect("hex")).collect()
}

/// With the engine's proof.
async fn shake_hands(helper: &TcpListener, key: &[u8]) -> (TcpStream, Value) {
    let (mut stream, _) = helper.accept().await.expect("the engine comes");
    let hello = read(&mut stream).await;
    let (theirs, ours) = (hello["hello"]["nonce"].as_str().expect("a nonce"), "00".repeat(32));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(format!("helper:{theirs}:{ours}").as_bytes());
    let proof =
        mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    write(&mut stream, &json!({ "challenge": { "protocol": 1, "nonce": ours, "proof": proof } })).await;
    let proof = read(&mut stream).await;
    let welcome = json!({
        "helper_version": "0.1.0", "maya_version": "2025", "python_version": "3.11.4", "qt": null, "pid": PID, "user": "ana",
        "host": "ws1", "batch": false, "scene_name": "", "scene_path": "", "modified": false,
    });
    write(&mut stream, &json!({ "welcome": welcome })).await;
    (stream, proof)
}

fn facts() -> Facts {
    Facts {
        pid: 1,
        helper_version: "0.1.0".to_owned(),
        maya_version: "2025".to_owned(),
        python_version: "3.11.4".to_owned(),
        user: "ana".to_owned(),
        host: "ws1".to_owned(),
        batch: false,
    }
}

async fn read(stream: &mut TcpStream) -> Value {
    let json = stream.read_u32().await.expect("a frame");
    let binary = stream.read_u32().await.expect("a frame");
    let mut body = vec![0; (json + binary) as usize];
    stream.read_exact(&mut body).await.expect("a whole frame");
    serde_json::from_slice(&body[..json as usize]).expect("JSON")
}

async fn write(stream: &mut TcpStream, message: &Value) {
    write_with(stream, message, b"").await;
}

async fn write_with(stream: &mut TcpStream, message: &Value, binary: &[u8]) {
    let text = message.to_string();
    for length in [text.len(), binary.len()] {
        stream.write_u32(u32::try_from(length).expect("small")).await.expect("written");
    }
    stream.write_all(text.as_bytes()).await.expect("written");
    stream.write_all(binary).await.expect("written");
}
