//! A tool's result: structured content, and the same as text for the clients that do not know structured content.
//!
//! Invariant: the structured content is whole; of an answer that is too large to be read, the text is its beginning and says so.

use std::io::{self, Write};

use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::Value;

/// Of the text, in bytes: more than any model reads. The same twice would cost a large answer as much again on its way.
const READABLE: usize = 1 << 20;
/// Of what is larger, so much is shown.
const BEGINNING: usize = 16 << 10;

/// What a tool answers that has done what it should.
pub(super) fn answer(content: &impl Serialize) -> CallToolResult {
    structured(serde_json::to_value(content).expect("our own types always serialize"), Outcome::Done)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The artist's code, or one of several, raised an error.
    Raised,
}

pub(super) fn structured(value: Value, outcome: Outcome) -> CallToolResult {
    let content = vec![ContentBlock::text(text_of(&value))];
    let mut result = match outcome {
        Outcome::Done => CallToolResult::success(content),
        Outcome::Raised => CallToolResult::error(content),
    };
    result.structured_content = Some(value);
    result
}

fn text_of(value: &Value) -> String {
    let mut text = Bounded(Vec::new());
    let is_whole = serde_json::to_writer(&mut text, value).is_ok();
    let text = String::from_utf8(text.0).expect("JSON text is UTF-8, and is cut between two writings only");
    if is_whole {
        return text;
    }
    let end = text.floor_char_boundary(BEGINNING);
    format!(
        "This answer is larger than a megabyte, and whole only in the structured content. Return or print less, or write it to a file. It begins:\n{}…",
        &text[..end]
    )
}

/// Takes so much, and then fails.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() > READABLE {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // A long string comes in one piece: of that, too, no more than is needed.
        let room = READABLE + 1 - self.0.len();
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(result: &CallToolResult) -> &str {
        &result.content[0].as_text().expect("text").text
    }

    #[test]
    fn the_text_is_the_same_until_nobody_can_read_it() {
        for (length, is_whole) in
            [(10, true), (READABLE - 100, true), (READABLE + 1, false), (10 << 20, false)]
        {
            let value = json!({ "stdout": "ü".repeat(length / 2), "result": [1, 2] });
            let result = structured(value.clone(), Outcome::Done);
            assert_eq!(result.structured_content.as_ref(), Some(&value), "{length}: whole");
            let same = serde_json::from_str::<Value>(text(&result)).is_ok_and(|same| same == value);
            assert_eq!(same, is_whole, "{length}: the text as well");
            if !is_whole {
                assert!(text(&result).len() < 2 * BEGINNING, "{length}: short");
                assert!(text(&result).contains("\"stdout\":\"üü"), "{length}: it shows how it begins");
            }
        }
    }

    #[test]
    fn what_was_raised_is_an_error_of_the_tool() {
        let value = json!({ "error": { "type": "NameError" } });
        assert_eq!(structured(value.clone(), Outcome::Raised).is_error, Some(true), "it failed");
        assert_eq!(structured(value, Outcome::Done).is_error, Some(false), "it did not");
    }
}
