//! Standard output, and what people read there.
//!
//! Invariant: a closed pipe is an error and never a panic, and what others have named cannot steer the terminal.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, Write as _},
};

use jiff::tz::TimeZone;
use maya_mcp_endpoint::StandardError;
use maya_mcp_session::clock::Timestamp;
use serde_json::Value;

/// One line for people.
pub fn line(text: &str) -> io::Result<()> {
    raw(format_args!("{}\n", visible(text)))
}

/// Every line of it for itself.
pub fn lines(text: &str) -> io::Result<()> {
    text.lines().try_for_each(line)
}

pub fn json(value: &Value) -> io::Result<()> {
    raw(format_args!("{value:#}\n"))
}

/// As it is, and at once, for whoever reads along through a pipe.
pub fn raw(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = write!(out, "{text}").and_then(|()| out.flush());
    written.map_err(|error| io::Error::new(error.kind(), format!("writing to standard output: {error}")))
}

/// On standard error, where nobody may listen.
pub fn warn(text: &str) {
    for line in text.lines() {
        let _ = writeln!(StandardError, "{}", visible(line));
    }
}

/// Scenes and files are named by others. A tab harms nothing.
fn visible(text: &str) -> Cow<'_, str> {
    let steers = |letter: char| {
        let turns = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || (letter.is_control() && letter != '\t')
    };
    if !text.contains(steers) {
        return text.into();
    }
    let shown =
        |letter: char| if steers(letter) { letter.escape_default().to_string() } else { letter.into() };
    text.chars().map(shown).collect()
}

/// To the second, where the reader is; `maya-mcp events --since` understands it.
pub fn time(time: Timestamp, zone: &TimeZone) -> String {
    format!("{:.0}", time.to_zoned(zone.clone()).datetime()).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_the_terminal_is_shown_as_what_it_is() {
        for (named, expected) in [
            ("shot_010.ma", "shot_010.ma"),
            ("C:\\work\\\"hero\"\tv2 – Überblick 山.ma", "C:\\work\\\"hero\"\tv2 – Überblick 山.ma"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\r\nPROBLEM", "a\\r\\nPROBLEM"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}am.b\u{2066}", "a\\u{202e}am.b\\u{2066}"),
        ] {
            assert_eq!(visible(named), expected, "{named:?}");
        }
    }

    #[test]
    fn a_time_is_shown_where_the_reader_is() {
        let there = TimeZone::fixed(jiff::tz::offset(-8));
        let at: Timestamp = "2026-11-21T02:03:04.999Z".parse().expect("a time");
        assert_eq!(time(at, &there), "2026-11-20 18:03:04", "the evening before");
    }
}
