//! The bridge over in-memory pipes, with an endpoint and without.

#[cfg(unix)]
mod again;
mod carrying;
mod frozen;
mod garbled;

use std::{path::Path, time::Duration};

use maya_mcp_endpoint::{BridgeError, BridgeOptions, StartCommand, bridge};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines},
    net::TcpListener,
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    fake_maya::FakeMaya,
    stub::Stub,
    support::{Running, in_time, initialize, modern_meta, name},
};

/// What a client sees of it.
struct Bridged {
    input: DuplexStream,
    output: Lines<BufReader<DuplexStream>>,
    task: JoinHandle<Result<(), BridgeError>>,
    stop: CancellationToken,
}

impl Bridged {
    fn start(home: &Path) -> Self {
        Self::start_with(home, None)
    }

    fn start_with(home: &Path, start: Option<StartCommand>) -> Self {
        Self::start_knowing(home, start, |_| true)
    }

    fn start_knowing(home: &Path, start: Option<StartCommand>, is_running: fn(u32) -> bool) -> Self {
        let (input, their_input) = tokio::io::duplex(1 << 16);
        let (their_output, output) = tokio::io::duplex(1 << 16);
        let (stop, client) = (CancellationToken::new(), name("claude-desktop"));
        let options = BridgeOptions { home: home.to_owned(), client, start, is_running, stop: stop.clone() };
        let task = TaskTracker::new().spawn(bridge(their_input, their_output, options));
        Self { input, output: BufReader::new(output).lines(), task, stop }
    }

    async fn say(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.expect("it listens");
    }

    async fn hear(&mut self) -> Value {
        let line =
            in_time("a line", self.output.next_line()).await.expect("readable").expect("it still speaks");
        serde_json::from_str(&line).expect("one whole message")
    }

    async fn hear_of(&mut self, method: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message.get("method").and_then(Value::as_str) == Some(method) {
                return message;
            }
        }
    }

    async fn answer_to(&mut self, id: u64) -> Value {
        loop {
            let message = self.hear().await;
            if message.get("method").is_none() && message["id"] == id {
                return message;
            }
        }
    }

    async fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        self.answer_to(id).await
    }

    async fn shake_hands(&mut self) -> Value {
        self.say(&initialize()).await;
        let answer = self.answer_to(0).await;
        self.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        answer
    }

    async fn end(self) {
        drop(self.input);
        in_time("the end", self.task).await.expect("no panic").expect("a clean end");
    }
}

#[tokio::test]
async fn it_carries_everything_of_a_legacy_client_both_ways() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut client = Bridged::start(running.home.path());
    let hello = client.shake_hands().await;
    assert_eq!(hello["result"]["serverInfo"]["version"], "0.0.1", "the endpoint's own answer");
    let tools = client.ask(1, "tools/list", json!({})).await;
    assert_eq!(tools["result"]["tools"][0]["name"], "list_sessions", "{tools}");
    assert!(
        client
            .ask(2, "resources/subscribe", json!({ "uri": "maya://sessions" }))
            .await
            .get("result")
            .is_some(),
        "subscribed"
    );
    running.come(1);
    client.hear_of("notifications/resources/list_changed").await;
    client.hear_of("notifications/resources/updated").await;
    let listing = client.ask(3, "tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
    assert_eq!(listing["result"]["structuredContent"]["sessions"][0]["session"], "maya-1", "{listing}");
    assert_eq!(client.ask(4, "nonsense/method", json!({})).await["error"]["code"], -32601, "errors too");
    client.end().await;
}

#[tokio::test]
async fn it_carries_everything_of_a_modern_client_both_ways() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut client = Bridged::start(running.home.path());
    let found = client.ask(1, "server/discover", json!({ "_meta": modern_meta() })).await;
    assert!(found["result"]["supportedVersions"].to_string().contains("2026-07-28"), "{found}");
    let filter = json!({ "resourcesListChanged": true });
    client.say(&json!({ "jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen", "params": { "notifications": filter, "_meta": modern_meta() } })).await;
    client.hear_of("notifications/subscriptions/acknowledged").await;
    running.come(1);
    let changed = client.hear_of("notifications/resources/list_changed").await;
    assert_eq!(changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 2, "tagged");
    let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
    let listing = client.ask(3, "tools/call", call).await;
    assert_eq!(listing["result"]["structuredContent"]["sessions"][0]["session"], "maya-1", "{listing}");
    let unknown = client.ask(4, "nonsense/method", json!({ "_meta": modern_meta() })).await;
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    client.end().await;
}

#[tokio::test]
async fn cancelling_reaches_maya_in_both_eras() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut maya = FakeMaya::connect(&running).await;
    let mut client = Bridged::start(running.home.path());
    client.shake_hands().await;
    let legacy = json!({ "name": "execute_code", "arguments": { "code": "1" } });
    let mut modern = legacy.clone();
    modern["_meta"] = modern_meta();
    for (id, params) in [(1, legacy), (2, modern)] {
        client.say(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })).await;
        assert_eq!(in_time("execute", maya.request()).await["method"], "execute", "call {id} has arrived");
        client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } })).await;
        assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "call {id} is cancelled");
    }
    client.end().await;
}

#[tokio::test]
async fn without_an_endpoint_it_says_what_to_do_and_connects_when_there_is_one() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Bridged::start(home.path());
    let hello = client.shake_hands().await;
    assert_eq!(hello["result"]["protocolVersion"], "2025-11-25", "the handshake succeeds");
    assert_eq!(client.ask(1, "ping", json!({})).await["result"], json!({}), "alive");
    let tools = client.ask(2, "tools/list", json!({})).await;
    assert_eq!(tools["result"]["tools"].as_array().map(Vec::len), Some(15), "the tools are there");
    let call = client.ask(3, "tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
    assert_eq!(call["result"]["isError"], true, "nobody to ask");
    assert!(
        call["result"]["content"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("Start Maya MCP Tray")),
        "{call}"
    );

    let running = Running::start_in(home, ([127, 0, 0, 1], 0).into()).await;
    running.token("claude-desktop");
    client.hear_of("notifications/tools/list_changed").await;
    client.hear_of("notifications/resources/list_changed").await;
    let call = client.ask(4, "tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
    assert_eq!(call["result"]["isError"], false, "now there is: {call}");
    client.end().await;
}

#[tokio::test]
async fn without_an_endpoint_a_modern_client_is_told_what_to_do_as_well() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Bridged::start(home.path());
    let with_meta = |mut params: Value| {
        params["_meta"] = modern_meta();
        params
    };
    let found = client.ask(1, "server/discover", with_meta(json!({}))).await;
    assert!(found["result"]["supportedVersions"].to_string().contains("2026-07-28"), "{found}");
    assert!(found["result"]["capabilities"]["tools"].is_object(), "the endpoint's own capabilities: {found}");
    let tools = client.ask(2, "tools/list", with_meta(json!({}))).await;
    assert_eq!(tools["result"]["ttlMs"], 0, "asked for again when there is an endpoint: {tools}");
    let call = json!({ "name": "list_sessions", "arguments": {} });
    let told = client.ask(3, "tools/call", with_meta(call.clone())).await;
    let text = told["result"]["content"][0]["text"].as_str().expect("text");
    assert!(text.contains("Start Maya MCP Tray"), "{told}");
    assert_eq!(told["result"]["resultType"], "complete", "in this era's form: {told}");
    let read = client.ask(4, "resources/read", with_meta(json!({ "uri": "maya://sessions" }))).await;
    let text = read["error"]["message"].as_str().expect("text");
    assert!(text.contains("Start Maya MCP Tray"), "{read}");

    let running = Running::start_in_with(home, ([127, 0, 0, 1], 0).into(), &["claude-desktop"]).await;
    let told = client.ask(5, "tools/call", with_meta(call)).await;
    assert_eq!(told["result"]["isError"], false, "now there is one: {told}");
    client.end().await;
    running.end().await;
}

#[tokio::test]
async fn an_engine_that_restarts_is_found_again_and_the_client_keeps_its_session() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut client = Bridged::start(running.home.path());
    client.shake_hands().await;
    client.ask(1, "resources/subscribe", json!({ "uri": "maya://sessions" })).await;
    let filter = json!({ "resourceSubscriptions": ["maya://sessions"] });
    client.say(&json!({ "jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen", "params": { "notifications": filter, "_meta": modern_meta() } })).await;
    client.hear_of("notifications/subscriptions/acknowledged").await;

    let (home, address) = running.end().await;
    let running = Running::start_in(home, address).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let message = client.hear_of("notifications/resources/updated").await;
        told.push(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].as_u64());
    }
    told.sort_unstable();
    assert_eq!(told, [None, Some(2)], "both eras are told to look again");
    let listing = client.ask(3, "tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
    assert_eq!(listing["result"]["isError"], false, "{listing}");
    running.come(1);
    client.hear_of("notifications/resources/updated").await;
    client.end().await;
}

#[tokio::test]
async fn no_token_goes_to_a_stranger() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let file = maya_mcp_endpoint::EndpointFile::new(
        running.address,
        maya_mcp_endpoint::EndpointSecret::random(),
        "1",
    );
    file.write(running.home.path()).expect("written");
    let mut client = Bridged::start(running.home.path());
    client.shake_hands().await;
    let call = client.ask(1, "tools/call", json!({ "name": "list_sessions", "arguments": {} })).await;
    let text = call["result"]["content"][0]["text"].as_str().expect("text");
    assert!(text.contains("Another program answers"), "{text}");
    client.end().await;
}

/// Answers every request with a proof that is none, and keeps what it was sent.
async fn stranger(listener: TcpListener, heard: mpsc::UnboundedSender<Vec<u8>>) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        let mut request = vec![0; 1 << 16];
        let length = stream.read(&mut request).await.expect("readable");
        request.truncate(length);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"proof\":\"00\"}").await;
        // Whatever is said after it.
        let _ = stream.read_to_end(&mut request).await;
        let _ = heard.send(request);
    }
}

#[tokio::test]
async fn a_stranger_sees_a_challenge_and_no_token() {
    let home = tempfile::tempdir().expect("a folder");
    let tokens = maya_mcp_endpoint::Tokens::open(home.path().join("tokens")).expect("a folder");
    let token = tokens.token_for(&name("claude-desktop")).expect("made");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let secret = maya_mcp_endpoint::EndpointSecret::random();
    maya_mcp_endpoint::EndpointFile::new(address, secret, "1").write(home.path()).expect("written");
    let (to_us, mut heard) = mpsc::unbounded_channel();
    TaskTracker::new().spawn(stranger(listener, to_us));
    let mut client = Bridged::start(home.path());
    client.shake_hands().await;
    let call = json!({ "name": "list_sessions", "arguments": {} });
    let mut modern = call.clone();
    modern["_meta"] = modern_meta();
    for (id, params) in [(1, call), (2, modern)] {
        let answer = client.ask(id, "tools/call", params).await;
        let text = answer["result"]["content"][0]["text"].as_str().expect("text");
        assert!(text.contains("Another program answers"), "{text}");
    }
    client.end().await;
    let mut seen = Vec::new();
    while let Ok(request) = heard.try_recv() {
        seen.push(String::from_utf8_lossy(&request).into_owned());
    }
    assert!(!seen.is_empty(), "it was asked for its proof");
    for request in seen {
        assert!(request.starts_with("GET /prove?nonce="), "nothing else is asked: {request}");
        assert!(!request.contains(&token) && !request.contains("Bearer"), "no token in {request}");
    }
}

#[tokio::test]
async fn a_client_without_a_token_is_told_how_to_get_one() {
    let running = Running::start().await;
    let mut client = Bridged::start(running.home.path());
    client.shake_hands().await;
    let call = json!({ "name": "list_sessions", "arguments": {} });
    let text = |answer: &Value| answer["result"]["content"][0]["text"].as_str().expect("text").to_owned();
    let answer = client.ask(1, "tools/call", call.clone()).await;
    assert!(text(&answer).contains("maya-mcp token claude-desktop"), "{answer}");
    running.token("claude-desktop");
    client.hear_of("notifications/tools/list_changed").await;
    let answer = client.ask(2, "tools/call", call.clone()).await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    running.tokens.revoke(&name("claude-desktop")).expect("revoked");
    let answer = client.ask(3, "tools/call", call).await;
    assert_eq!(answer["result"]["isError"], true, "cut off: {answer}");
    client.end().await;
}

#[tokio::test]
async fn what_is_no_message_is_answered_as_such() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Bridged::start(home.path());
    client.input.write_all(b"nonsense\n\n[]\n").await.expect("written");
    assert_eq!(client.hear().await["error"]["code"], -32700, "no JSON");
    assert_eq!(client.hear().await["error"]["code"], -32600, "no message");
    let began = std::time::Instant::now();
    client.end().await;
    assert!(began.elapsed() < Duration::from_secs(1), "nothing to wait for");
}

#[cfg(unix)]
#[tokio::test]
async fn it_starts_the_application_and_waits_for_it() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let file = running.home.path().join("endpoint.json");
    let waiting = running.home.path().join("waiting.json");
    std::fs::rename(&file, &waiting).expect("moved");
    // What starting an application comes to, seen from here: the endpoint file appears.
    let start = StartCommand { program: "mv".into(), args: vec![waiting.into(), file.into()] };
    let mut client = Bridged::start_with(running.home.path(), Some(start));
    let hello = client.shake_hands().await;
    assert_eq!(hello["result"]["serverInfo"]["version"], "0.0.1", "the application's own answer");
    client.end().await;
}

#[tokio::test]
async fn a_handshake_in_one_breath_gets_what_is_pushed() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut client = Bridged::start(running.home.path());
    let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    client
        .input
        .write_all(format!("{}\n{done}\n{ping}\n", initialize()).as_bytes())
        .await
        .expect("it listens");
    client.answer_to(1).await;
    running.come(1);
    client.hear_of("notifications/resources/list_changed").await;
    client.end().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing_running_in_maya() {
    for told_to_stop in [false, true] {
        let running = Running::start().await;
        running.token("claude-desktop");
        let mut maya = FakeMaya::connect(&running).await;
        let mut client = Bridged::start(running.home.path());
        client.shake_hands().await;
        let call = json!({ "name": "execute_code", "arguments": { "code": "1" } });
        client.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call })).await;
        assert_eq!(in_time("execute", maya.request()).await["method"], "execute", "it runs");
        let began = std::time::Instant::now();
        if told_to_stop {
            client.stop.cancel();
        } else {
            client.input.shutdown().await.expect("hung up");
        }
        assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "it is cancelled");
        assert!(client.answer_to(1).await.get("result").is_some(), "and answered");
        in_time("the end", client.task).await.expect("no panic").expect("a clean end");
        assert!(began.elapsed() < Duration::from_millis(1600), "took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_second_hello_ends_the_first_session_and_is_followed() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut client = Bridged::start(running.home.path());
    client.shake_hands().await;
    running.come(1);
    client.hear_of("notifications/resources/list_changed").await;
    client.shake_hands().await;
    client.ask(1, "ping", json!({})).await;
    running.come(2);
    client.hear_of("notifications/resources/list_changed").await;
    client.end().await;
}

#[tokio::test]
async fn who_listens_before_there_is_an_engine_is_told_when_there_is_one() {
    let home = tempfile::tempdir().expect("a folder");
    let mut client = Bridged::start(home.path());
    let filter = json!({ "resourcesListChanged": true });
    let listen = json!({ "jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen", "params": { "notifications": filter, "_meta": modern_meta() } });
    client.say(&listen).await;
    let acknowledged = client.hear_of("notifications/subscriptions/acknowledged").await;
    assert_eq!(acknowledged["params"]["notifications"], filter, "as wished");
    let running = Running::start_in_with(home, ([127, 0, 0, 1], 0).into(), &["claude-desktop"]).await;
    client.hear_of("notifications/resources/list_changed").await;
    running.tokens.revoke(&name("claude-desktop")).expect("revoked");
    let error = client.answer_to(2).await;
    assert!(
        error["error"]["message"].as_str().is_some_and(|text| text.contains("maya-mcp token")),
        "{error}"
    );
    client.end().await;
}

fn listen_for_resources(id: u64) -> Value {
    let params = json!({ "notifications": { "resourcesListChanged": true }, "_meta": modern_meta() });
    json!({ "jsonrpc": "2.0", "id": id, "method": "subscriptions/listen", "params": params })
}

#[tokio::test]
async fn who_listens_where_there_is_no_room_is_let_in_later() {
    let home = tempfile::tempdir().expect("a folder");
    let mut stub = Stub::start(home.path(), "full");
    for status in [429, 503] {
        stub.refuse((status, "application/json", r#"{"error":"too_many","message":"No room."}"#));
    }
    let mut client = Bridged::start(home.path());
    client.say(&listen_for_resources(5)).await;
    let first = client.hear().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "nothing but MCP: {first}");
    for _ in 0..3 {
        stub.hear("subscriptions/listen").await;
    }
    let params = json!({ "notifications": { "resourcesListChanged": true } });
    let acknowledged = "notifications/subscriptions/acknowledged";
    stub.say("5", &json!({ "jsonrpc": "2.0", "method": acknowledged, "params": params }));
    let next = client.hear().await;
    assert_eq!(next["method"], "notifications/resources/list_changed", "what it may have missed: {next}");
    client.end().await;
}

#[tokio::test]
async fn a_refusal_to_listen_answers_the_request_whatever_it_is_written_in() {
    let home = tempfile::tempdir().expect("a folder");
    let stub = Stub::start(home.path(), "strict");
    let mut client = Bridged::start(home.path());
    let (json, plain) = ("application/json", "text/plain");
    for (id, status, kind, text, said) in [
        (1, 403, json, r#"{"error":"host","message":"Not from there."}"#, "Not from there."),
        (
            2,
            400,
            json,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Not so."}}"#,
            "Not so.",
        ),
        (3, 500, plain, "it broke", "it broke"),
        (4, 500, plain, "", "500"),
        (5, 500, json, r#"{"jsonrpc":"2.0","method":"notifications/strange"}"#, "500"),
    ] {
        stub.refuse((status, kind, text));
        client.say(&listen_for_resources(id)).await;
        let answer = client.hear().await;
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(id)), "{text:?}: {answer}");
        let message = answer["error"]["message"].as_str().expect("an error with words");
        assert!(message.contains(said), "{text:?}: {message}");
    }
    client.end().await;
}

#[tokio::test]
async fn one_that_runs_but_does_not_answer_is_not_started_again() {
    let home = tempfile::tempdir().expect("a folder");
    // It accepts, because the system does, and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("bound");
    let secret = maya_mcp_endpoint::EndpointSecret::random();
    maya_mcp_endpoint::EndpointFile::new(address, secret, "1").write(home.path()).expect("written");
    let tokens = maya_mcp_endpoint::Tokens::open(home.path().join("tokens")).expect("a folder");
    tokens.token_for(&name("claude-desktop")).expect("made");
    let start = StartCommand { program: "touch".into(), args: vec![home.path().join("started").into()] };
    let mut client = Bridged::start_with(home.path(), Some(start));
    let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
    let answer = client.ask(1, "tools/call", call).await;
    let text = answer["result"]["content"][0]["text"].as_str().expect("text");
    assert!(text.contains(&format!("runs (pid {})", std::process::id())), "{text}");
    assert!(!home.path().join("started").exists(), "not started");
    client.end().await;
}

#[cfg(unix)]
#[tokio::test]
async fn what_an_application_that_could_not_start_said_is_passed_on() {
    let home = tempfile::tempdir().expect("a folder");
    let script = "echo 'maya-mcp: port 6292 is taken by houdini (pid 5).' >&2; exit 1";
    let start = StartCommand { program: "sh".into(), args: vec!["-c".into(), script.into()] };
    std::fs::write(home.path().join("endpoint.json"), "{").expect("written");
    let mut client = Bridged::start_with(home.path(), Some(start));
    let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
    for id in [1, 2] {
        let answer = client.ask(id, "tools/call", call.clone()).await;
        let text = answer["result"]["content"][0]["text"].as_str().expect("text");
        assert!(
            text.contains("could not be started: port 6292 is taken by houdini (pid 5). Mend"),
            "{id}: {text}"
        );
    }
    client.end().await;
}

#[tokio::test]
async fn a_lost_session_is_begun_anew_once_however_many_notice() {
    let running = Running::start().await;
    running.token("claude-desktop");
    let mut client = Bridged::start(running.home.path());
    client.shake_hands().await;
    client.ask(1, "ping", json!({})).await;
    // The new token has no part in the session that the old one began.
    running.tokens.revoke(&name("claude-desktop")).expect("revoked");
    running.token("claude-desktop");
    let lines: Vec<_> = (10..18)
        .map(|id| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list" }).to_string() + "\n")
        .collect();
    client.input.write_all(lines.concat().as_bytes()).await.expect("it listens");
    let (mut answers, mut announced) = (0, 0);
    while answers < 8 {
        let message = client.hear().await;
        answers += usize::from(message.get("result").is_some());
        announced += usize::from(message["method"] == "notifications/tools/list_changed");
    }
    running.come(1);
    loop {
        let message = client.hear().await;
        announced += usize::from(message["method"] == "notifications/tools/list_changed");
        if message["method"] == "notifications/resources/list_changed" {
            break;
        }
    }
    assert_eq!(announced, 1, "one new session");
    client.end().await;
}
