//! How settings files are written: JSON with comments and trailing commas, as JavaScript programs write it.

use std::borrow::Cow;

use jsonc_parser::ParseOptions;

/// The looser ways of JSON5 are faults.
pub(crate) fn dialect() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The byte order mark, and the rest.
pub(crate) fn split_mark(text: &str) -> (&str, &str) {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    text.split_at(mark)
}

/// A text to parse in place of `text`, in which every byte has the same position.
///
/// JavaScript writes half a character, where it cut a text in the middle of an emoji, as `\ud83d`. That is JSON, but no text in
/// UTF-8, so the parser refuses it; Claude Code's history of prompts is full of such. Each becomes `\ufffd` here.
pub(crate) fn readable(text: &str) -> Cow<'_, str> {
    let mut halves = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match (unit(text, at), unit(text, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                halves.push(at);
                at += 6;
            }
            // The backslash and what it escapes.
            _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    if halves.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut readable = text.to_owned();
    for at in halves {
        readable.replace_range(at..at + 6, "\\ufffd");
    }
    Cow::Owned(readable)
}

/// The `\uXXXX` that stands there.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}
