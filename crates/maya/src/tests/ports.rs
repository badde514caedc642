//! A helper behind command ports of Maya's, which answer one line at a time, and only while its main thread is free.

use std::{collections::VecDeque, net::Ipv4Addr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{Opened, execution, facts, open, python, soon};
use crate::{
    Access, CancelState, Farewell, HelperAddress, LinkEnd, LinkError, LinkEvent, Refusal, proof::Key,
};

const KEY: &str = "0123456789abcdef";

/// One connection at one port; what it is sent is taken apart as Python would.
struct Port {
    stream: TcpStream,
    pieces: String,
    parts: VecDeque<String>,
    lines: usize,
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

/// A link, and its port.
async fn opened() -> (Opened, Port) {
    let (listener, port) = listen().await;
    let address = HelperAddress {
        address: (Ipv4Addr::LOCALHOST, port).into(),
        access: Access::Key(serde_json::from_value(json!(KEY)).expect("a text")),
    };
    let greeting = async {
        let mut port = Port::accept(&listener).await;
        let probe = port.hear().await;
        assert_eq!(probe["method"], "ping", "nothing is changed by the first line");
        port.say(&[
            json!({"welcome": facts()}),
            json!({"id": probe["id"], "result": {"main_waiting_ms": 0}}),
        ])
        .await;
        port
    };
    tokio::join!(open(&address), greeting)
}

impl Port {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = soon("a connection", listener.accept()).await.expect("it listens");
        Self { stream, pieces: String::new(), parts: VecDeque::new(), lines: 0 }
    }

    /// One line, which must have come with one write.
    async fn line(&mut self) -> (String, Option<String>) {
        let mut buffer = [0; 4096];
        let length = soon("a line", self.stream.read(&mut buffer)).await.expect("it is open");
        let line = str::from_utf8(&buffer[..length]).expect("ASCII");
        assert!(line.is_ascii() && length <= 4000, "{length} bytes: {line}");
        self.lines += 1;
        let call = line.strip_prefix("getattr(__import__('sys').modules.get('maya_mcp_helper'),'");
        let (function, arguments) = call.expect("as agreed").split_once("',lambda *_:'!')(").expect("a call");
        let arguments = arguments.strip_prefix(&format!("'{KEY}'")).expect("the key");
        let text = arguments.strip_prefix(",'").and_then(|rest| rest.strip_suffix("')"));
        (function.to_owned(), text.map(plain))
    }

    /// The next request, however many lines it takes.
    async fn hear(&mut self) -> Value {
        loop {
            match self.line().await {
                (function, Some(piece)) if function == "piece" => {
                    self.pieces.push_str(&piece);
                    self.reply("ok").await;
                }
                (function, Some(last)) if function == "port" => {
                    let whole = std::mem::take(&mut self.pieces) + &last;
                    return serde_json::from_str(&whole).expect("JSON");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    async fn reply(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\n\0").as_bytes()).await.expect("it listens");
    }

    /// In parts of three thousand bytes, as they are fetched.
    async fn say(&mut self, frames: &[Value]) {
        let text = json!(frames).to_string();
        assert!(text.is_ascii(), "cut anywhere");
        self.parts =
            text.as_bytes().chunks(3000).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        loop {
            let part = self.parts.pop_front().expect("one at least");
            if self.parts.is_empty() {
                return self.reply(&format!("={part}")).await;
            }
            self.reply(&format!("+{part}")).await;
            assert_eq!(self.line().await, ("more".to_owned(), None), "the next part is fetched");
        }
    }

    async fn run(&mut self, before: &[Value], result: Value) -> Value {
        let request = self.hear().await;
        assert_eq!(request["method"], "execute", "{request}");
        let answer = json!({"id": request["id"], "result": execution(&result)});
        self.say(&[before, &[answer]].concat()).await;
        request
    }
}

/// What a Python literal stands for.
fn plain(literal: &str) -> String {
    let mut text = String::new();
    let mut rest = literal.chars();
    while let Some(c) = rest.next() {
        let digits = match (c, c == '\\') {
            (c, false) => {
                text.push(c);
                continue;
            }
            _ => match rest.next().expect("something is escaped") {
                'u' => 4,
                'U' => 8,
                c => {
                    text.push(c);
                    continue;
                }
            },
        };
        let code: String = rest.by_ref().take(digits).collect();
        let code = u32::from_str_radix(&code, 16).expect("hexadecimal");
        text.push(char::from_u32(code).expect("a character"));
    }
    text
}

/// The client's own port, opened over the link's.
async fn port_of_client(own: &mut Port, name: &str) -> Port {
    let (listener, port) = listen().await;
    let request = own.hear().await;
    assert_eq!(
        (&request["method"], &request["params"]["client"]),
        (&json!("open_port"), &json!(name)),
        "{request}"
    );
    own.say(&[json!({"id": request["id"], "result": {"port": port, "key": KEY}})]).await;
    Port::accept(&listener).await
}

#[tokio::test(flavor = "local")]
async fn what_is_long_goes_in_pieces_and_comes_in_parts() {
    let (opened, mut own) = opened().await;
    let code = "print('ü𝕏\\n')  # \"quoted\" and 'quoted'\n".repeat(2000);
    let script = python(&code);
    let client = opened.link.client("cursor");
    let serving = async {
        let mut port = port_of_client(&mut own, "cursor").await;
        let printed = json!({"event": "output", "params": {"id": 1, "stream": "stdout"}, "binary": "aMOp"});
        let request = port.run(&[printed], json!("y".repeat(50_000))).await;
        assert_eq!(request["params"]["code"], code, "as it was sent");
        assert!(port.lines > 20, "in pieces: {}", port.lines);
        port
    };
    let (done, _port) = tokio::join!(soon("the answer", client.execute(&script)), serving);
    let done = done.expect("it ran");
    assert_eq!((done.stdout.as_str(), done.result.as_str().map(str::len)), ("hé", Some(50_000)), "all of it");
}

#[tokio::test(flavor = "local")]
async fn a_line_without_an_answer_tells_how_long_the_main_thread_is_away() {
    let (mut opened, mut own) = opened().await;
    tokio::time::pause();
    let waiting = opened.link.main_thread_waiting().await.expect("answered at once");
    assert_eq!(waiting, Duration::ZERO, "nothing was unanswered");
    let probe = own.hear().await;
    assert_eq!(probe["method"], "ping", "but now something is");
    tokio::time::advance(Duration::from_secs(3)).await;
    let waiting = opened.link.main_thread_waiting().await.expect("answered at once");
    assert!(waiting >= Duration::from_secs(3), "{waiting:?}");
    let saved = json!({"reason": "saved", "scene_name": "a.ma", "scene_path": "/a.ma", "modified": false});
    own.say(&[json!({"event": "scene", "params": saved}), json!({"id": probe["id"], "result": {}})]).await;
    assert_eq!(opened.events.recv().await, Some(LinkEvent::MainThreadFree), "it is back");
    let told = opened.events.recv().await;
    assert!(matches!(&told, Some(LinkEvent::Scene { scene, .. }) if scene.name == "a.ma"), "{told:?}");
}

#[tokio::test(flavor = "local")]
async fn what_has_not_been_sent_can_be_taken_back() {
    let (opened, mut own) = opened().await;
    let client = opened.link.client("cursor");
    let (follower, _follows) = mpsc::channel(1);
    let mut first = client.start(&python("first"), follower.clone()).await.expect("taken");
    let mut second = client.start(&python("second"), follower.clone()).await.expect("taken");
    let third = client.start(&python("third"), follower.clone()).await.expect("taken");
    let mut fourth = client.start(&python("fourth"), follower).await.expect("taken");
    let mut port = port_of_client(&mut own, "cursor").await;
    let running = port.hear().await;
    assert_eq!(running["params"]["code"], "first", "one at a time");
    let cancelled = soon("an answer", second.cancel()).await.expect("answered");
    assert_eq!((cancelled.state, cancelled.stoppable), (CancelState::Waiting, true), "it had not begun");
    let outcome = soon("the outcome", second.outcome()).await.expect("it is answered");
    assert_eq!(
        outcome.error.map(|error| error.r#type).as_deref(),
        Some("Cancelled"),
        "as the helper says it"
    );
    let cancelled = soon("an answer", first.cancel()).await.expect("answered");
    assert_eq!((cancelled.state, cancelled.stoppable), (CancelState::Running, false), "it has");
    drop(third);
    port.say(&[json!({"id": running["id"], "result": execution(&json!(1))})]).await;
    assert_eq!(soon("the first", first.outcome()).await.expect("it ran").result, json!(1), "its answer came");
    assert_eq!(port.run(&[], json!(4)).await["params"]["code"], "fourth", "nothing of those between is sent");
    assert_eq!(soon("the fourth", fourth.outcome()).await.expect("it ran").result, json!(4), "and its own");
}

#[tokio::test(flavor = "local")]
async fn what_was_cancelled_between_two_pieces_never_runs() {
    let (opened, mut own) = opened().await;
    let client = opened.link.client("cursor");
    let (follower, _follows) = mpsc::channel(1);
    let long = "x = 1\n".repeat(5000);
    let mut script = client.start(&python(&long), follower).await.expect("taken");
    let mut port = port_of_client(&mut own, "cursor").await;
    assert_eq!(port.line().await.0, "piece", "the first of many");
    assert_eq!(script.cancel().await.expect("answered").state, CancelState::Waiting, "it has not begun");
    let done = soon("its end", script.outcome()).await.expect("as any that was cancelled");
    assert_eq!(done.error.map(|error| error.r#type).as_deref(), Some("Cancelled"), "at once");
    port.reply("ok").await;
    assert_eq!(port.line().await, ("port".to_owned(), Some(String::new())), "the pieces are taken back");
    port.say(&[]).await;
    let next = python("2");
    let (done, _) = tokio::join!(client.execute(&next), port.run(&[], json!(2)));
    assert_eq!(done.expect("it ran").result, json!(2), "and the next one goes as ever");
}

#[tokio::test(flavor = "local")]
async fn an_error_about_a_request_that_could_not_be_read_reaches_whoever_made_it() {
    let (opened, mut own) = opened().await;
    let client = opened.link.client("cursor");
    let serving = async {
        let mut port = port_of_client(&mut own, "cursor").await;
        port.hear().await;
        port.say(&[json!({"id": null, "error": {"type": "BadParams", "message": "no JSON"}})]).await;
        port
    };
    let script = python("1");
    let (refused, _port) = tokio::join!(soon("an answer", client.execute(&script)), serving);
    assert!(matches!(refused, Err(LinkError::Refused { kind: Refusal::BadParams, .. })), "{refused:?}");
}

#[test]
fn a_key_is_one() {
    for bad in [json!(""), json!("x"), json!("0".repeat(65)), json!(7)] {
        assert!(serde_json::from_value::<Key>(bad.clone()).is_err(), "{bad}");
    }
}

#[tokio::test(flavor = "local")]
async fn an_answer_that_does_not_come_with_its_line_is_fetched() {
    let (opened, mut own) = opened().await;
    let client = opened.link.client("cursor");
    let serving = async {
        let mut port = port_of_client(&mut own, "cursor").await;
        let request = port.hear().await;
        port.say(&[]).await;
        let probe = port.hear().await;
        assert_eq!(probe["method"], "ping", "it asks again");
        let answer = json!({"id": request["id"], "result": execution(&json!(5))});
        port.say(&[answer, json!({"id": probe["id"], "result": {}})]).await;
    };
    let script = python("1");
    let (done, ()) = tokio::join!(soon("the answer", client.execute(&script)), serving);
    assert_eq!(done.expect("it ran").result, json!(5), "later");
}

#[tokio::test(flavor = "local")]
async fn an_end_says_what_is_known_of_it_and_answers_everybody() {
    let goodbye = json!([{"event": "goodbye", "params": {"reason": "left"}}]);
    for (why, answer, wanted) in [
        ("closed without a word", None, LinkEnd::PortClosed),
        ("something else answers", Some("'maya_mcp_helper'\n\0".to_owned()), LinkEnd::PortClosed),
        ("a key of before", Some("!\n\0".to_owned()), LinkEnd::PortClosed),
        ("bytes without an end", Some("x".repeat(20 << 10)), LinkEnd::PortClosed),
        ("no JSON", Some("=[{]\n\0".to_owned()), LinkEnd::PortClosed),
        ("nothing but a part", Some("+[\n\0!\n\0".to_owned()), LinkEnd::PortClosed),
        ("a good-bye", Some(format!("={goodbye}\n\0")), LinkEnd::Goodbye(Farewell::Left)),
    ] {
        let (opened, mut own) = opened().await;
        let ending = async {
            own.hear().await;
            if let Some(answer) = answer {
                own.stream.write_all(answer.as_bytes()).await.expect("it listens");
            }
            drop(own);
        };
        let (left, ()) = tokio::join!(soon("an answer", opened.link.leave()), ending);
        assert!(matches!(left, Err(LinkError::Closed)), "{why}: {left:?}");
        assert_eq!(soon("the end", opened.end).await.expect("no panic"), wanted, "{why}");
    }
}
