//! Our lines in the text of a `userSetup.py`: put in, found again, taken out.
//!
//! Invariant: decides on bytes alone. Lines between our marks that are not as we wrote them are never touched: somebody may have
//! put something of theirs there. The last line but one of a block remembers what stood there before it.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::python::{self, ends_in_line_end, is_continued, is_wide, line_end, mark_len, without_line_end};

const BEGIN: &str = "# >>> Maya MCP Tray >>>";
const END: &str = "# <<< Maya MCP Tray <<<";
const NOTE: &str = "# Before these lines: ";
const CHECK: &str = ". Check: ";

/// Why a file is left as it is, with the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error(
        "the lines of Maya MCP Tray in it are incomplete. Delete what is left of them (\"{BEGIN}\" to \"{END}\") in a text editor, \
         then try again"
    )]
    Incomplete,
    #[error(
        "the lines of Maya MCP Tray in it were changed by hand. Delete them (\"{BEGIN}\" to \"{END}\") in a text editor, then try again"
    )]
    Edited,
    #[error(
        "its last line ends in a backslash and would take ours along. Add an empty line at its end, then try again"
    )]
    Continued,
    #[error("it is saved as UTF-16 or UTF-32, which Python cannot read. Save it as UTF-8, then try again")]
    NotForPython,
}

/// What stood where the block was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    NoFile,
    /// Whole lines, or none.
    Lines,
    /// A last line without its end, which the block had to be given first.
    OpenLine,
}

impl Before {
    const ALL: [Self; 3] = [Self::NoFile, Self::Lines, Self::OpenLine];

    fn in_words(self) -> &'static str {
        match self {
            Self::NoFile => "no file",
            Self::Lines => "a file",
            Self::OpenLine => "a file without an end of its last line",
        }
    }

    pub fn of(bytes: Option<&[u8]>) -> Self {
        match bytes {
            None => Self::NoFile,
            Some(bytes) if ends_in_line_end(bytes) => Self::Lines,
            Some(_) => Self::OpenLine,
        }
    }
}

/// A block as it was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// With the end of its last line.
    at: Range<usize>,
    pub before: Before,
    line_end: Vec<u8>,
    /// Its lines, each with `\n` behind it.
    text: Vec<u8>,
}

impl Block {
    pub fn starts(&self, boot: &str) -> bool {
        self.text == compose(self.before, boot, "\n").as_bytes()
    }
}

/// Our lines, for a loader at `boot`.
pub(crate) fn compose(before: Before, boot: &str, line_end: &str) -> String {
    let boot = python::path(boot);
    let inside = format!(
        "# Written by Maya MCP Tray: lets this Maya connect to it by itself when it starts. To take it\n\
         # out, use its window or \"maya-mcp autoconnect off\", or delete everything from >>> to <<<.\n\
         try:\n    __import__('runpy').run_path({boot})['start_up']()\nexcept Exception:\n    pass\n"
    );
    let words = before.in_words();
    let check = check(inside.as_bytes(), before);
    format!("{BEGIN}\n{inside}{NOTE}{words}{CHECK}{check}\n{END}\n").replace('\n', line_end)
}

/// Tells our own lines from those that somebody changed.
fn check(inside: &[u8], before: Before) -> String {
    let hash = Sha256::new().chain_update(inside).chain_update(before.in_words()).finalize();
    format!("{:08x}", u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

/// With one block that starts `boot`: in the place of the first that is there, else at the end.
pub(crate) fn with_block(bytes: Option<&[u8]>, boot: &str) -> Result<Vec<u8>, Fault> {
    let before = Before::of(bytes);
    let bytes = bytes.unwrap_or_default();
    if is_wide(bytes) {
        return Err(Fault::NotForPython);
    }
    let mut edited = bytes.to_vec();
    let blocks = find(bytes)?;
    let Some((first, copies)) = blocks.split_first() else {
        if is_continued(bytes) {
            return Err(Fault::Continued);
        }
        let end = line_end(bytes);
        if before == Before::OpenLine {
            edited.extend(end.bytes());
        }
        edited.extend(compose(before, boot, end).bytes());
        return Ok(edited);
    };
    for copy in copies.iter().rev() {
        edited.drain(copy.at.clone());
    }
    if !first.starts(boot) {
        edited.splice(first.at.clone(), compose(first.before, boot, line_end(bytes)).bytes());
    }
    Ok(edited)
}

/// What is left without our blocks; `None` when that is a file that was not there before us.
pub(crate) fn without_blocks(bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let blocks = find(bytes)?;
    let mut left = bytes.to_vec();
    for block in blocks.iter().rev() {
        let mut at = block.at.clone();
        // What somebody wrote behind us needs the line end that we gave, and of a copied block nobody knows whose it is.
        let is_needed = left.get(at.end).is_some_and(|next| !matches!(next, b'\n' | b'\r'));
        if block.before == Before::OpenLine && blocks.len() == 1 && !is_needed {
            let above = &left[..at.start];
            at.start = above.strip_suffix(&*block.line_end).unwrap_or(without_line_end(above)).len();
        }
        left.drain(at);
    }
    let is_ours_alone = blocks.iter().any(|block| block.before == Before::NoFile);
    Ok(if is_ours_alone && left.len() == mark_len(&left) { None } else { Some(left) })
}

/// Every block, in order.
pub(crate) fn find(bytes: &[u8]) -> Result<Vec<Block>, Fault> {
    let mut blocks = Vec::new();
    let mut open: Option<Vec<Range<usize>>> = None;
    for line in lines(bytes) {
        let text = bytes[line.clone()].trim_ascii();
        match &mut open {
            None if text == BEGIN.as_bytes() => open = Some(vec![line]),
            None if text == END.as_bytes() => return Err(Fault::Incomplete),
            None => {}
            Some(_) if text == BEGIN.as_bytes() => return Err(Fault::Incomplete),
            Some(found) => {
                found.push(line);
                if text == END.as_bytes() {
                    blocks.push(understand(bytes, found)?);
                    open = None;
                }
            }
        }
    }
    if open.is_some() { Err(Fault::Incomplete) } else { Ok(blocks) }
}

/// From the line of the one mark to that of the other.
fn understand(bytes: &[u8], lines: &[Range<usize>]) -> Result<Block, Fault> {
    let mut text = Vec::new();
    for line in lines {
        text.extend(bytes[line.clone()].trim_ascii_end());
        text.push(b'\n');
    }
    let inside = text.strip_prefix(format!("{BEGIN}\n").as_bytes());
    let inside = inside.and_then(|text| text.strip_suffix(format!("{END}\n").as_bytes()));
    let before = inside.and_then(remembered).ok_or(Fault::Edited)?;
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    let line_end = bytes[without_line_end(&bytes[..first.end]).len()..first.end].to_vec();
    // Behind a lone CR of ours, an LF of theirs looks like a part of it.
    let rest = &bytes[without_line_end(&bytes[..last.end]).len()..];
    let end = if rest.starts_with(&line_end) { bytes.len() - rest.len() + line_end.len() } else { last.end };
    Ok(Block { at: first.start..end, before, line_end, text })
}

/// What the note says, if everything is as we wrote it.
fn remembered(inside: &[u8]) -> Option<Before> {
    let is_its_note = |before: &Before| {
        let words = before.in_words();
        let note = inside.len().checked_sub(format!("{NOTE}{words}{CHECK}00000000\n").len());
        note.and_then(|at| inside.split_at_checked(at)).is_some_and(|(inside, note)| {
            note == format!("{NOTE}{words}{CHECK}{}\n", check(inside, *before)).as_bytes()
        })
    };
    Before::ALL.into_iter().find(is_its_note)
}

/// The ranges of the lines, their ends included; a byte order mark belongs to none.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = mark_len(bytes);
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let line = start..start + end;
        start = line.end;
        Some(line)
    })
}
