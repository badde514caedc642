//! Frames of the link: two lengths, then JSON, then bytes.
//!
//! Invariant: what is reserved for a frame is bounded by what of it has arrived, and never more than the frame needs.

use std::io::{self, IoSlice};

use serde_json::{Map, Value};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    task::spawn_blocking,
};

/// What a frame may weigh, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub json: u32,
    pub binary: u32,
}

/// Until both sides have proved that they know the secret.
pub const STRANGER: Limits = Limits { json: 4096, binary: 0 };
pub const FRIEND: Limits = Limits { json: 64 << 20, binary: 256 << 20 };
const LARGE: usize = 256 << 10;
/// What is reserved before anything has arrived.
const AT_FIRST: usize = 64 << 10;

#[derive(Debug, PartialEq)]
pub struct Frame {
    pub json: Map<String, Value>,
    pub binary: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("reading a frame")]
    Io(#[from] io::Error),
    #[error("a frame of {json} + {binary} bytes is over the limit")]
    TooLarge { json: u32, binary: u32 },
    #[error("a frame's JSON part is not an object")]
    Malformed(#[source] serde_json::Error),
}

/// Reads one frame; `None` at the end of the stream between two frames.
pub async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    limits: Limits,
) -> Result<Option<Frame>, FrameError> {
    let mut head = [0; 8];
    if stream.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut head[1..]).await?;
    let (json, binary) = head.split_at(4);
    let length = |bytes: &[u8]| bytes.iter().fold(0, |length, byte| length << 8 | u32::from(*byte));
    let (json, binary) = (length(json), length(binary));
    if json > limits.json || binary > limits.binary {
        return Err(FrameError::TooLarge { json, binary });
    }
    let json = parse(take(stream, json).await?).await?;
    Ok(Some(Frame { json, binary: take(stream, binary).await? }))
}

/// A large one on a thread where nobody else waits: five megabytes of small numbers take a second.
async fn parse(text: Vec<u8>) -> Result<Map<String, Value>, FrameError> {
    let small = text.len() < LARGE;
    let parse = move || serde_json::from_slice(&text).map_err(FrameError::Malformed);
    if small { parse() } else { spawn_blocking(parse).await.map_err(io::Error::other)? }
}

async fn take(stream: &mut (impl AsyncRead + Unpin), length: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fill(&mut bytes, stream, length as usize).await?;
    Ok(bytes)
}

/// Reads straight into `bytes`, which doubles as it fills: a length alone cannot make us reserve memory.
async fn fill(bytes: &mut Vec<u8>, stream: &mut (impl AsyncRead + Unpin), length: usize) -> io::Result<()> {
    while bytes.len() < length {
        if bytes.len() == bytes.capacity() {
            bytes.reserve_exact(bytes.len().max(AT_FIRST).min(length - bytes.len()));
        }
        let missing = (length - bytes.len()) as u64;
        if (&mut *stream).take(missing).read_buf(bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// A frame without a binary part, which only helpers send. Its head is not joined to what follows.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), json: &str) -> io::Result<()> {
    let length = u32::try_from(json.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut head = [0; 8];
    head[..4].copy_from_slice(&length.to_be_bytes());
    let mut parts = [IoSlice::new(&head), IoSlice::new(json.as_bytes())];
    let mut parts = &mut parts[..];
    while !parts.is_empty() {
        let written = stream.write_vectored(parts).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut parts, written);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    pub async fn encode(json: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, &json.to_string()).await.expect("a Vec takes everything");
        bytes
    }

    async fn read_bytes(bytes: &[u8], limits: Limits) -> Result<Option<Frame>, FrameError> {
        read(&mut &bytes[..], limits).await
    }

    #[tokio::test]
    async fn a_frame_comes_back_as_it_was() {
        let bytes = encode(&json!({"id": 7, "text": "ü"})).await;
        let frame = read_bytes(&bytes, STRANGER).await.expect("it is well formed").expect("and there");
        assert_eq!(Value::Object(frame.json), json!({"id": 7, "text": "ü"}), "what was written is read");
        assert!(read_bytes(&[], STRANGER).await.expect("an end is no fault").is_none(), "the end is told");
    }

    #[tokio::test]
    async fn every_shared_frame_is_read_as_agreed() {
        let fixtures = crate::fixtures::read("frames.json");
        let rows = |part: &str| fixtures[part].as_array().expect("rows").clone();
        let (good, bad) = (rows("good"), rows("bad"));
        assert!(!good.is_empty() && !bad.is_empty(), "there is something to check");
        for row in good {
            let frame = read_bytes(&crate::fixtures::bytes(&row["frame"]), FRIEND).await;
            let frame = frame.unwrap_or_else(|error| panic!("{}: {error}", row["name"])).expect("a frame");
            let whole = (Value::Object(frame.json), frame.binary);
            assert_eq!(
                whole,
                (row["json"].clone(), crate::fixtures::bytes(&row["binary"])),
                "{}",
                row["name"]
            );
        }
        for row in bad {
            let limits = if row["when"] == "before_welcome" { STRANGER } else { FRIEND };
            let read = read_bytes(&crate::fixtures::bytes(&row["frame"]), limits).await;
            assert!(read.is_err(), "{}: {read:?}", row["name"]);
        }
    }

    #[tokio::test]
    async fn a_bad_frame_is_an_error_and_reserves_nothing() {
        let whole = encode(&json!({"a": 1})).await;
        for (why, bytes) in [
            ("half a head", &whole[..5]),
            ("half a body", &whole[..12]),
            ("four gigabytes announced", &[0xff; 8][..]),
            ("a binary part from a stranger", &[0, 0, 0, 2, 0, 0, 0, 1, b'{', b'}', 0]),
            ("no object", &[0, 0, 0, 2, 0, 0, 0, 0, b'[', b']']),
            ("no JSON", &[0, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xfe]),
        ] {
            assert!(read_bytes(bytes, STRANGER).await.is_err(), "{why}");
        }
    }

    #[tokio::test]
    async fn the_largest_binary_part_comes_whole_and_one_byte_more_is_refused() {
        let frame = |binary: u32| [&2u32.to_be_bytes()[..], &binary.to_be_bytes(), b"{}"].concat();
        let head = frame(FRIEND.binary);
        let mut stream = head.as_slice().chain(tokio::io::repeat(7));
        let read_whole = read(&mut stream, FRIEND).await.expect("it is allowed").expect("and there");
        assert_eq!(read_whole.binary.len(), FRIEND.binary as usize, "whole");
        assert_eq!(read_whole.binary.capacity(), read_whole.binary.len(), "and not a byte too many");
        assert!(read_whole.binary.iter().all(|byte| *byte == 7), "as it was");
        let more = read(&mut frame(FRIEND.binary + 1).as_slice(), FRIEND).await;
        assert!(matches!(more, Err(FrameError::TooLarge { .. })), "{more:?}");
    }

    #[tokio::test]
    async fn what_is_reserved_is_bounded_by_what_arrived() {
        const ANNOUNCED: usize = FRIEND.binary as usize;
        for arrived in [0, 1, 100_000, 3 << 20] {
            let mut bytes = Vec::new();
            let ended = fill(&mut bytes, &mut &vec![7; arrived][..], ANNOUNCED).await;
            assert!(ended.is_err(), "{arrived} bytes are not all");
            assert_eq!(bytes.len(), arrived, "they came");
            assert!(bytes.capacity() <= 2 * arrived + AT_FIRST, "{arrived}: {}", bytes.capacity());
        }
        let mut bytes = Vec::new();
        let whole = vec![7; 3 << 20];
        fill(&mut bytes, &mut &whole[..], whole.len()).await.expect("all is there");
        assert!(bytes == whole && bytes.capacity() == whole.len(), "and in the end no byte too many");
    }
}
