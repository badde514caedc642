//! The little that must be known of Python to add lines to a file that may be in any encoding.
//!
//! Invariant: works on bytes. Every encoding that Python reads its sources in keeps ASCII as it is, UTF-16 and UTF-32 apart, which
//! it refuses.

/// The byte order mark that Python skips.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// UTF-32's little-endian mark begins with that of UTF-16.
const WIDE_MARKS: [&[u8]; 3] = [b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"];

/// Two or four bytes for each character: lines of ours would be noise in there.
pub(crate) fn is_wide(bytes: &[u8]) -> bool {
    WIDE_MARKS.iter().any(|mark| bytes.starts_with(mark))
}

/// How many bytes stand before the first line.
pub(crate) fn mark_len(bytes: &[u8]) -> usize {
    if bytes.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 }
}

/// The end that the lines of this file have.
pub(crate) fn line_end(bytes: &[u8]) -> &'static str {
    match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(at) if bytes[at..].starts_with(b"\r\n") => "\r\n",
        Some(at) if bytes[at] == b'\r' => "\r",
        _ => "\n",
    }
}

/// Without the line end at the end, if there is one.
pub(crate) fn without_line_end(bytes: &[u8]) -> &[u8] {
    let ends: [&[u8]; 3] = [b"\r\n", b"\n", b"\r"];
    ends.iter().find_map(|end| bytes.strip_suffix(*end)).unwrap_or(bytes)
}

/// True when another line can follow as it is.
pub(crate) fn ends_in_line_end(bytes: &[u8]) -> bool {
    without_line_end(bytes).len() < bytes.len() || bytes.len() == mark_len(bytes)
}

/// True when the last line asks for the next one: a line of ours would become part of it. A comment asks for nothing.
///
/// An open bracket, an open string or a statement without its block needs no such care: that file is no Python as it is, and stays so.
pub(crate) fn is_continued(bytes: &[u8]) -> bool {
    let text = without_line_end(bytes);
    let begin =
        text.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(mark_len(text), |at| at + 1);
    text.ends_with(b"\\") && !text[begin..].trim_ascii_start().starts_with(b"#")
}

/// An expression that gives this path, in ASCII, whatever encoding the file is in. On Unix a path is bytes: as text, a Maya in another
/// locale would look for others.
pub(crate) fn path(path: &str) -> String {
    if cfg!(windows) || path.is_ascii() {
        return format!("'{}'", literal(path));
    }
    format!("__import__('os').fsdecode(b'{}')", path.as_bytes().escape_ascii())
}

/// For between single quotes.
fn literal(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\'' | '\\' => format!("\\{c}"),
            ' '..='~' => c.to_string(),
            _ if u32::from(c) <= 0xffff => format!("\\u{:04x}", u32::from(c)),
            _ => format!("\\U{:08x}", u32::from(c)),
        })
        .collect()
}
