//! A message to a helper as lines for a Python command port, and its answer out of the lines that come back.
//!
//! Invariant: a line is ASCII and shorter than Maya's buffer; of an answer no more is kept than its frames may weigh.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::watch,
    time::Instant,
};

use crate::{
    bootstrap::python_literal,
    frame::{FRIEND, Frame, FrameError},
    link::LinkError,
    proof::Key,
};

/// As agreed: well below what makes Maya wait, or break it.
const LONGEST_LINE: usize = 4000;
/// The helper sends 3,000 bytes at most, and Maya two more.
const LONGEST_PART: u64 = 16 << 10;
/// The frames of one answer together, the binary parts in base64.
const LONGEST_ANSWER: usize = FRIEND.json as usize + (FRIEND.binary as usize / 3 + 1) * 4;

/// What is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    More,
    Last,
}

/// Kept open: Maya serves one connection of each port at a time.
#[derive(Debug)]
pub(crate) struct Lines {
    stream: BufReader<TcpStream>,
    key: Key,
    sent: watch::Sender<Instant>,
}

impl Lines {
    /// With when the last line was sent.
    pub fn new(stream: TcpStream, key: &Key) -> (Self, watch::Receiver<Instant>) {
        let (sent, last) = watch::channel(Instant::now());
        (Self { stream: BufReader::new(stream), key: key.clone(), sent }, last)
    }

    /// What a message is answered: every frame since the last answer. After an error it is of no more use. One that is not `wanted` any more
    /// before its last piece is sent never runs.
    pub async fn exchange(
        &mut self,
        message: &str,
        wanted: impl Fn(Piece) -> bool,
    ) -> Result<Vec<Frame>, LinkError> {
        let (first, mut last) = pieces(message, &self.key);
        for piece in first {
            if !wanted(Piece::More) {
                break;
            }
            if self.ask(&call("piece", &self.key, Some(&piece))).await? != "ok" {
                return Err(LinkError::Closed);
            }
        }
        if !wanted(Piece::Last) {
            // Without an end, the helper drops what it has of it.
            last.clear();
        }
        let mut part = self.ask(&call("port", &self.key, Some(&last))).await?;
        let mut answer = String::new();
        while let Some(text) = part.strip_prefix('+') {
            answer.push_str(text);
            if answer.len() > LONGEST_ANSWER {
                return Err(too_large(answer.len()));
            }
            part = self.ask(&call("more", &self.key, None)).await?;
        }
        // Anything else is Maya's own answer: the helper has gone.
        answer.push_str(part.strip_prefix('=').ok_or(LinkError::Closed)?);
        frames_in(&answer)
    }

    async fn ask(&mut self, line: &str) -> Result<String, LinkError> {
        self.sent.send_replace(Instant::now());
        self.stream.write_all(line.as_bytes()).await.map_err(LinkError::Connect)?;
        let mut answer = Vec::new();
        let mut limited = (&mut self.stream).take(LONGEST_PART);
        limited.read_until(0, &mut answer).await.map_err(LinkError::Connect)?;
        let answer = answer.strip_suffix(b"\n\0").ok_or(LinkError::Closed)?;
        String::from_utf8(answer.to_vec()).map_err(|_| LinkError::Impostor)
    }
}

fn call(function: &str, key: &Key, text: Option<&str>) -> String {
    let text = text.map(|text| format!(",'{text}'")).unwrap_or_default();
    // A helper that has gone is no error, which Maya would show to the artist.
    let helper = "__import__('sys').modules.get('maya_mcp_helper')";
    format!("getattr({helper},'{function}',lambda *_:'!')('{}'{text})", key.as_str())
}

/// The message in the words of Python literals that each fit a line, the last one by itself.
fn pieces(message: &str, key: &Key) -> (Vec<String>, String) {
    let room = LONGEST_LINE - call("piece", key, Some("")).len();
    let (mut full, mut piece) = (Vec::new(), String::new());
    for c in message.chars() {
        let escaped = python_literal(c.encode_utf8(&mut [0; 4]));
        if piece.len() + escaped.len() > room {
            full.push(std::mem::take(&mut piece));
        }
        piece.push_str(&escaped);
    }
    (full, piece)
}

pub(crate) fn frames_in(answer: &str) -> Result<Vec<Frame>, LinkError> {
    let malformed = |source| LinkError::Frame(FrameError::Malformed(source));
    let messages: Vec<Map<String, Value>> = serde_json::from_str(answer).map_err(malformed)?;
    let frame = |mut json: Map<String, Value>| {
        let binary = match json.remove("binary") {
            Some(Value::String(text)) => STANDARD.decode(text).map_err(|_| LinkError::Impostor)?,
            _ => Vec::new(),
        };
        Ok(Frame { json, binary })
    };
    messages.into_iter().map(frame).collect()
}

fn too_large(length: usize) -> LinkError {
    FrameError::TooLarge { json: u32::try_from(length).unwrap_or(u32::MAX), binary: 0 }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_line_is_ascii_and_fits_whatever_the_message_holds() {
        let key = serde_json::from_value(json!("0f".repeat(32))).expect("a text");
        for text in ["short", "it's \"quoted\" \\ and\nbroken\0\u{7f}", "ü𝕏".repeat(5000).as_str()] {
            let message = json!({"code": text}).to_string();
            let (first, last) = pieces(&message, &key);
            for piece in first.iter().chain([&last]) {
                for function in ["piece", "port"] {
                    let line = call(function, &key, Some(piece));
                    assert!(line.len() <= LONGEST_LINE && line.is_ascii(), "{} bytes", line.len());
                    assert!(!line.contains(char::is_control), "one line");
                }
            }
        }
        assert_eq!(pieces("{}", &key), (Vec::new(), "{}".to_owned()), "what fits one line is one");
    }

    #[test]
    fn frames_come_with_their_binary_parts() {
        let answer = json!([
            {"event": "output", "params": {"id": 1, "stream": "stdout"}, "binary": "aGk="},
            {"id": 1, "result": null},
        ]);
        let frames = frames_in(&answer.to_string()).expect("as agreed");
        assert_eq!((frames[0].binary.as_slice(), frames[1].binary.len()), (&b"hi"[..], 0), "base64");
        for bad in ["", "{}", "[1]", "[[]]", r#"[{"binary": "?"}]"#] {
            assert!(frames_in(bad).is_err(), "{bad}");
        }
    }
}
