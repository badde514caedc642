//! Lines from the client and to it.
//!
//! Invariant: a line holds at most so much memory, however long it is, and what comes after it is read.

use std::io;

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
};

/// Twice what the endpoint takes: of anything shorter the request's id is known, and the refusal finds who waits for it.
const KEPT: usize = 2 * crate::arriving::BODY_LIMIT;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Without its end.
    pub(super) text: Vec<u8>,
    /// More than the text if not all was kept.
    pub(super) length: usize,
}

/// The next line; the last one may lack its end. `None` when the client has hung up.
pub(super) async fn next(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Line>> {
    let (mut text, mut length) = (Vec::new(), 0);
    loop {
        let buffer = input.fill_buf().await?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let is_over = end.is_some() || buffer.is_empty();
        let room = KEPT - text.len();
        text.extend_from_slice(&part[..part.len().min(room)]);
        length += part.len();
        let read = part.len() + usize::from(end.is_some());
        input.consume(read);
        if is_over {
            let has_hung_up = read == 0 && length == 0;
            return Ok((!has_hung_up).then_some(Line { text, length }));
        }
    }
}

pub(super) async fn write(output: impl AsyncWrite, mut lines: mpsc::Receiver<String>) -> io::Result<()> {
    let mut output = std::pin::pin!(output);
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        output.write_all(line.as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    #[tokio::test]
    async fn every_line_comes_whole_the_last_without_its_end_and_of_an_endless_one_the_beginning() {
        let mut input = b"one\r\n\nthree\n".to_vec();
        input.extend(vec![b'x'; KEPT + 5]);
        input.extend(b"\nhalf");
        let mut input = BufReader::with_capacity(1000, input.as_slice());
        let mut seen = Vec::new();
        while let Some(line) = next(&mut input).await.expect("memory can be read") {
            let text = String::from_utf8(line.text).expect("ASCII");
            seen.push((text.chars().take(5).collect::<String>(), text.len(), line.length));
        }
        let wanted =
            [("one\r", 4, 4), ("", 0, 0), ("three", 5, 5), ("xxxxx", KEPT, KEPT + 5), ("half", 4, 4)];
        let wanted = wanted.map(|(start, kept, length)| (start.to_owned(), kept, length));
        assert_eq!(seen, wanted, "beginning, kept and real length of each");
    }
}
