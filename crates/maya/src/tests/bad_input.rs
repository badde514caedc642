//! Whatever bytes come: no panic, no memory that was only announced, and an error ends that connection alone.

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, sync::oneshot};

use super::{Helper, python, soon};
use crate::{
    Link, LinkError,
    frame::{self, FRIEND, Frame},
    lines::frames_in,
    output::Output,
    request::{About, Request},
    waiting::Waiting,
};

const ROUNDS: usize = 5000;

/// Always the same numbers for the same seed, so that what fails, fails again (the generator called `SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ z >> 31) % below as u64).expect("it is below a usize")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).expect("below 256")
    }

    /// A few changes of every kind, anywhere.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len() + 1);
            match self.roll(6) {
                0 => bytes.insert(at, self.byte()),
                1 => bytes.truncate(at),
                2 => {
                    let piece: Vec<u8> = bytes[at..].iter().take(20).copied().collect();
                    bytes.splice(at..at, piece);
                }
                _ if at == bytes.len() => {}
                3 => drop(bytes.remove(at)),
                4 => bytes[at] ^= 1 << self.roll(8),
                _ => bytes[at] = self.byte(),
            }
        }
    }
}

/// One of each kind of message that a helper sends.
fn messages() -> Vec<(Value, &'static [u8])> {
    let execution =
        json!({"result": {"a": [1, null]}, "error": null, "duration_ms": 1.5, "waited_ms": 0, "dropped": 3});
    let scene = json!({"reason": "saved", "scene_name": "a.ma", "scene_path": "/a.ma", "modified": false});
    vec![
        (json!({"id": 1, "result": execution}), b""),
        (json!({"id": 2, "error": {"type": "NoViewport", "message": "none"}}), b""),
        (
            json!({"id": 3, "result": {"format": "png", "width": 1, "height": 1, "camera": "persp"}}),
            b"\x89PNG",
        ),
        (json!({"id": null, "error": {"type": "BadParams", "message": "id"}}), b""),
        (json!({"event": "output", "params": {"id": 1, "stream": "stdout"}}), "hé".as_bytes()),
        (json!({"event": "output", "params": {"id": null, "stream": "warning"}}), b"w"),
        (json!({"event": "not_stopping", "params": {"id": 1, "line": 3, "source": null}}), b""),
        (
            json!({"event": "progress", "params": {"id": 1, "progress": 0.5, "total": 2, "message": null}}),
            b"",
        ),
        (json!({"event": "scene", "params": scene}), b""),
        (json!({"event": "selection", "params": {"count": 1, "names": ["a"], "truncated": false}}), b""),
        (json!({"event": "stranger", "params": {"address": "127.0.0.1:1", "why": "no proof"}}), b""),
        (json!({"event": "goodbye", "params": {"reason": "left"}}), b""),
        (json!({"event": "main_free"}), b""),
    ]
}

fn encode(json: &[u8], binary: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u32::try_from(part.len()).expect("short").to_be_bytes();
    [&length(json)[..], &length(binary), json, binary].concat()
}

/// Somebody who waits for each of the ids that the messages answer.
fn crowd() -> (Waiting, Vec<oneshot::Receiver<crate::request::Answer>>) {
    let waiting = Waiting::default();
    let mut answers = Vec::new();
    for id in 1..=3 {
        let (reply, answer) = oneshot::channel();
        let (about, json, output) = (About::Anything, String::new(), Output::default());
        waiting.add(Request { id, about, json, output, reply });
        answers.push(answer);
    }
    (waiting, answers)
}

/// Reads to the end or to the first error, and lets everything that was understood take effect.
async fn feed(mut bytes: &[u8]) -> usize {
    let (waiting, answers) = crowd();
    let mut read = 0;
    while let Ok(Some(frame)) = frame::read(&mut bytes, FRIEND).await {
        assert!(frame.binary.capacity() <= frame.binary.len(), "not a byte more than there is");
        let _ = waiting.take_in(frame);
        read += 1;
    }
    drop((waiting, answers));
    read
}

#[tokio::test]
async fn no_bytes_make_the_reader_panic_or_reserve_what_has_not_come() {
    let mut dice = Dice(1);
    let all = messages();
    let mut understood = 0;
    for _ in 0..ROUNDS {
        let mut bytes = Vec::new();
        for _ in 0..=dice.roll(3) {
            let (json, binary) = &all[dice.roll(all.len())];
            bytes.extend(encode(json.to_string().as_bytes(), binary));
        }
        dice.mutate(&mut bytes);
        understood += feed(&bytes).await;
        let random: Vec<u8> = (0..dice.roll(64)).map(|_| dice.byte()).collect();
        understood += feed(&random).await;
    }
    assert!(understood > ROUNDS / 10, "many frames survive, else nothing was tried: {understood}");
}

#[tokio::test]
async fn no_json_makes_the_part_that_takes_it_in_panic() {
    let mut dice = Dice(2);
    let all = messages();
    let mut understood = 0;
    for _ in 0..ROUNDS {
        let (waiting, _answers) = crowd();
        let (json, binary) = &all[dice.roll(all.len())];
        let (mut json, mut binary) = (json.to_string().into_bytes(), binary.to_vec());
        dice.mutate(&mut json);
        dice.mutate(&mut binary);
        if let Ok(json) = serde_json::from_slice(&json) {
            let _ = waiting.take_in(Frame { json, binary });
            understood += 1;
        }
    }
    assert!(understood > ROUNDS / 20, "some are still JSON, else nothing was tried: {understood}");
}

#[tokio::test(flavor = "local")]
async fn bytes_that_are_no_frame_end_that_connection_and_no_other() {
    let helper = Helper::listen().await;
    let (opened, mut own) = helper.open().await;
    let (bad, good) = (opened.link.client("bad"), opened.link.client("good"));
    let script = python("1");
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[0xff; 64],
        b"\0\0\0\x02\0\0\0\0[]",
        b"\0\0\0\x04\0\0\0\0nope",
    ] {
        let breaking = async {
            let mut peer = helper.accept().await;
            for _ in 0..2 {
                peer.hear().await;
            }
            peer.stream.write_all(garbage).await.expect("it listens");
            peer
        };
        let both = async { tokio::join!(bad.execute(&script), bad.execute(&script)) };
        let ((one, two), _peer) = tokio::join!(soon("answers to all who wait", both), breaking);
        for lost in [one, two] {
            assert!(matches!(lost, Err(LinkError::Closed)), "{lost:?}");
        }
    }
    let serving = async {
        helper.accept().await.run(json!(1)).await;
        let ping = own.hear().await;
        own.say(json!({"id": ping["id"], "result": {"main_waiting_ms": 0}})).await;
    };
    let asking = async {
        good.execute(&script).await.expect("another client's connection stays");
        opened.link.main_thread_waiting().await.expect("and the link");
    };
    tokio::join!(serving, soon("answers", asking));
}

#[tokio::test]
async fn no_line_of_a_command_port_makes_the_reader_panic() {
    let mut dice = Dice(3);
    let all: Vec<Value> = messages().into_iter().map(|(json, _)| json).collect();
    let mut understood = 0;
    for _ in 0..ROUNDS {
        let mut told = all[dice.roll(all.len())].clone();
        told["binary"] = json!("aMOp");
        let mut line = json!([told]).to_string().into_bytes();
        dice.mutate(&mut line);
        let Ok(frames) = frames_in(&String::from_utf8_lossy(&line)) else { continue };
        let (waiting, _answers) = crowd();
        for frame in frames {
            let _ = waiting.take_in(frame);
            understood += 1;
        }
    }
    assert!(understood > ROUNDS / 20, "some are still frames, else nothing was tried: {understood}");
}

#[tokio::test(flavor = "local")]
async fn whoever_answers_the_handshake_with_nonsense_is_no_helper() {
    let mut dice = Dice(4);
    let challenge = json!({"challenge": {"protocol": 1, "nonce": "0".repeat(64), "proof": "0".repeat(64)}});
    for _ in 0..200 {
        let helper = Helper::listen().await;
        let mut bytes = encode(challenge.to_string().as_bytes(), b"");
        dice.mutate(&mut bytes);
        let answering = async {
            let (mut stream, _) = helper.listener.accept().await.expect("somebody comes");
            stream.write_all(&bytes).await.expect("it listens");
            stream.shutdown().await.expect("it is open");
            stream
        };
        let address = helper.address();
        let (opened, _stream) = tokio::join!(soon("an outcome", Link::open(&address)), answering);
        assert!(opened.is_err(), "nobody has proved anything");
    }
}
