//! Bytes on a socket, for what no HTTP library would send.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpSocket, TcpStream},
};

use crate::support::{Running, in_time, modern_meta};

pub struct Raw {
    stream: BufReader<TcpStream>,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    /// The one message, be it JSON or an event.
    pub fn json(&self) -> Value {
        let text = self.text();
        let message = text.lines().map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
        let message = message.into_iter().find(|line| line.starts_with('{'));
        let message = message.unwrap_or_else(|| panic!("no JSON in {:?} {text:?}", self.head));
        serde_json::from_str(message).expect("JSON")
    }
}

impl Raw {
    pub async fn connect(running: &Running) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(running.address).await.expect("connected")) }
    }

    /// Its system keeps next to nothing for a reader that does not read.
    pub async fn connect_narrow(running: &Running) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        Self { stream: BufReader::new(socket.connect(running.address).await.expect("connected")) }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("written");
    }

    /// Like `send`, for a peer that may have closed.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    pub async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("an answer")
    }

    /// `None` when the connection ends without one.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        in_time("an answer", async {
            let head = self.head().await?;
            let status = head.split(' ').nth(1)?.parse().ok()?;
            let mut answer = Answer { status, head, body: Vec::new() };
            if answer.header("transfer-encoding").is_some() {
                self.chunks(&mut answer.body).await?;
            } else if let Some(length) = answer.header("content-length") {
                answer.body.resize(length.parse().ok()?, 0);
                self.stream.read_exact(&mut answer.body).await.ok()?;
            }
            Some(answer)
        })
        .await
    }

    /// The head alone: the body is left unread.
    pub async fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.ok()?);
        }
        String::from_utf8(head).ok()
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.stream.read_u8().await.ok()?);
            }
            let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
            let start = body.len();
            body.resize(start + length + 2, 0);
            self.stream.read_exact(&mut body[start..]).await.ok()?;
            body.truncate(start + length);
            if length == 0 {
                return Some(());
            }
        }
    }

    /// Reads on until this has come, and gives all of it.
    pub async fn until(&mut self, words: &str) -> String {
        let (mut text, mut some) = (Vec::new(), vec![0; 64 << 10]);
        loop {
            let read = self.stream.read(&mut some).await.expect("it goes on");
            assert!(read > 0, "the end came before {words:?}");
            text.extend_from_slice(&some[..read]);
            let new = text.len().saturating_sub(read + words.len());
            if text[new..].windows(words.len()).any(|part| part == words.as_bytes()) {
                return String::from_utf8(text).expect("UTF-8");
            }
        }
    }

    /// Waits until the other side has closed.
    pub async fn closed(&mut self) {
        in_time("the end of the connection", async {
            let mut rest = vec![0; 4096];
            while self.stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        })
        .await;
    }
}

/// A POST as text, with these headers beside Host and the length.
pub fn post(running: &Running, headers: &str, body: &str) -> String {
    let (host, length) = (running.address, body.len());
    format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// The headers that every client sends.
pub fn standing(token: &str) -> String {
    format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
    )
}

/// A whole request that a good client would send.
pub fn modern(running: &Running, client: &str, id: u64, method: &str, mut params: Value) -> String {
    params["_meta"] = modern_meta();
    let name = params.get("name").and_then(Value::as_str).map(|name| format!("Mcp-Name: {name}\r\n"));
    let headers = format!(
        "{}MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{}",
        standing(&running.token(client)),
        name.unwrap_or_default()
    );
    let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    post(running, &headers, &message.to_string())
}
