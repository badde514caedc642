//! Puts one named entry into a JSONC text, and takes it out again.
//!
//! Invariant: an edit is a list of splices that only insert, or only cut what an insertion left, so every other byte stays, be it a
//! comment, a trailing comma, a byte order mark or a big number. A text that is not a plain object of objects is a [`Fault`].

use std::ops::Range;

use jsonc_parser::{
    CollectOptions, CommentCollectionStrategy,
    ast::{Object, ObjectProp, Value as Node},
    errors::ParseError,
    parse_to_ast, parse_to_serde_value,
    tokens::Token,
};
use serde_json::{Value, json};

use crate::{
    dialect::{dialect, readable, split_mark},
    splice::{Splice, apply, deletion, insertion, range_of},
};

/// Where the entry belongs: `{"section": {"name": entry}}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub section: &'static str,
    pub name: &'static str,
}

/// Why a text cannot be edited safely.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("it is not text in UTF-8")]
    NotText(#[from] std::str::Utf8Error),
    #[error("it cannot be read as settings ({0})")]
    Syntax(#[from] ParseError),
    #[error("it holds something other than a list of settings")]
    NotAnObject,
    #[error("\"{0}\" in it is something other than a list of servers")]
    SectionNotAnObject(&'static str),
    #[error("\"{0}\" stands in it twice")]
    Twice(&'static str),
    /// A proof that failed: better a refusal than a spoilt file.
    #[error("our entry could not be placed in it safely")]
    Misplaced,
}

/// What to do with a section that becomes empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Keep,
    Drop,
}

/// The entry that stands there now.
pub(crate) fn entry(text: &str, key: Key) -> Result<Option<Value>, Fault> {
    let body = readable(split_mark(text).1);
    let document = Document::parse(&body)?;
    let Some(section) = document.section(key)? else { return Ok(None) };
    let Some(property) = only(section, key.name)? else { return Ok(None) };
    let range = range_of(&property.value);
    Ok(Some(parse_to_serde_value(&body[range], &dialect())?))
}

pub(crate) fn has_section(text: &str, key: Key) -> Result<bool, Fault> {
    let body = readable(split_mark(text).1);
    Ok(Document::parse(&body)?.section(key)?.is_some())
}

/// True when the text says nothing: no setting and no comment.
pub(crate) fn says_nothing(text: &str) -> bool {
    let body = readable(split_mark(text).1);
    Document::parse(&body)
        .is_ok_and(|document| document.tokens.iter().all(|token| matches!(&body[token.range()], "{" | "}")))
}

pub(crate) fn with_entry(text: &str, key: Key, value: &Value) -> Result<String, Fault> {
    let (mark, body) = split_mark(text);
    let readable = readable(body);
    let document = Document::parse(&readable)?;
    let section = document.section(key)?;
    let splices = match (&document.root, section) {
        (None, _) => vec![document.begin(&json!({ key.section: { key.name: value } }))],
        (Some(root), None) => document.insert(root, key.section, &json!({ key.name: value })),
        (Some(_), Some(section)) => match only(section, key.name)? {
            Some(property) => vec![document.replace(section, property, value)],
            None => document.insert(section, key.name, value),
        },
    };
    let edited = format!("{mark}{}", apply(body, splices));
    let placed = entry(&edited, key)?.is_some_and(|found| found == *value);
    if placed && rest(&edited, key)? == rest(text, key)? { Ok(edited) } else { Err(Fault::Misplaced) }
}

pub(crate) fn without_entry(text: &str, key: Key, empty: Section) -> Result<String, Fault> {
    let (mark, body) = split_mark(text);
    let readable = readable(body);
    let document = Document::parse(&readable)?;
    let Some(section) = document.section(key)? else { return Ok(text.to_owned()) };
    let Some(property) = only(section, key.name)? else { return Ok(text.to_owned()) };
    let mut edited = apply(body, document.cut(section, property));
    if empty == Section::Drop {
        edited = without_bare_section(&edited, key)?;
    }
    let edited = format!("{mark}{edited}");
    if rest(&edited, key)? == rest(text, key)? { Ok(edited) } else { Err(Fault::Misplaced) }
}

/// A section that holds a comment stays.
fn without_bare_section(body: &str, key: Key) -> Result<String, Fault> {
    let readable = readable(body);
    let document = Document::parse(&readable)?;
    let bare = document.section(key)?.is_some_and(|section| {
        section.properties.is_empty() && document.comments_in(section).next().is_none()
    });
    match document
        .root
        .as_ref()
        .map(|root| only(root, key.section).map(|property| (root, property)))
        .transpose()?
    {
        Some((root, Some(property))) if bare => Ok(apply(body, document.cut(root, property))),
        _ => Ok(body.to_owned()),
    }
}

/// Everything that the text says besides our entry, to prove that an edit left it alone.
fn rest(text: &str, key: Key) -> Result<Value, Fault> {
    let body = readable(split_mark(text).1);
    let mut rest = parse_to_serde_value::<Option<Value>>(&body, &dialect())?.unwrap_or_else(|| json!({}));
    if let Some(section) = rest.get_mut(key.section).and_then(Value::as_object_mut) {
        section.shift_remove(key.name);
        if section.is_empty()
            && let Some(rest) = rest.as_object_mut()
        {
            rest.shift_remove(key.section);
        }
    }
    Ok(rest)
}

fn only<'d, 'a>(object: &'d Object<'a>, name: &'static str) -> Result<Option<&'d ObjectProp<'a>>, Fault> {
    let mut found = object.properties.iter().filter(|property| property.name.as_str() == name);
    let first = found.next();
    if found.next().is_some() { Err(Fault::Twice(name)) } else { Ok(first) }
}

fn has_line_break(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

struct Document<'a> {
    text: &'a str,
    /// `None` for a text of white space and comments.
    root: Option<Object<'a>>,
    tokens: Vec<Piece>,
}

struct Piece {
    start: usize,
    end: usize,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Comma,
    Comment,
    Other,
}

impl Piece {
    fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// How an object is set.
enum Layout {
    /// Each property on a line of its own, this far in.
    Lines {
        indent: String,
    },
    Inline,
}

impl<'a> Document<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        let collect = CollectOptions { comments: CommentCollectionStrategy::AsTokens, tokens: true };
        let parsed = parse_to_ast(text, &collect, &dialect())?;
        let root = match parsed.value {
            None => None,
            Some(Node::Object(root)) => Some(root),
            Some(_) => return Err(Fault::NotAnObject),
        };
        let tokens = parsed.tokens.unwrap_or_default();
        let pieces = tokens.iter().map(|token| Piece {
            start: token.range.start,
            end: token.range.end,
            kind: match token.token {
                Token::Comma => Kind::Comma,
                Token::CommentLine(_) | Token::CommentBlock(_) => Kind::Comment,
                _ => Kind::Other,
            },
        });
        Ok(Self { text, root, tokens: pieces.collect() })
    }

    fn section(&self, key: Key) -> Result<Option<&Object<'a>>, Fault> {
        let Some(root) = &self.root else { return Ok(None) };
        match only(root, key.section)?.map(|property| &property.value) {
            None => Ok(None),
            Some(Node::Object(section)) => Ok(Some(section)),
            Some(_) => Err(Fault::SectionNotAnObject(key.section)),
        }
    }

    /// A first object for a text that has none.
    fn begin(&self, value: &Value) -> Splice {
        let line = self.line_end();
        let gap = if self.text.is_empty() || self.text.ends_with(['\n', '\r']) { "" } else { line };
        let first = self.render(value, &Layout::Lines { indent: String::new() });
        insertion(self.text.len(), format!("{gap}{first}{line}"))
    }

    /// Behind the last property, its comma and the comments on its line.
    fn insert(&self, object: &Object, name: &str, value: &Value) -> Vec<Splice> {
        let layout = self.layout(object);
        let close = object.range.end - 1;
        let mut entry =
            format!("{}{}", json!(name), if matches!(layout, Layout::Inline) { ":" } else { ": " });
        entry.push_str(&self.render(value, &layout));
        let before = match &layout {
            Layout::Lines { indent } => format!("{}{indent}", self.line_end()),
            Layout::Inline => String::new(),
        };
        let Some(last) = object.properties.last() else {
            let anchor =
                self.comments_in(object).last().map_or(object.range.start + 1, |comment| comment.end);
            let open = matches!(layout, Layout::Lines { .. }) && !has_line_break(&self.text[anchor..close]);
            let after = if open { self.closing_line(object) } else { String::new() };
            return vec![insertion(anchor, before + &entry + &after)];
        };
        match self.comma_after(last.range.end) {
            Some(comma) => vec![insertion(self.line_comments_after(comma.end, close), before + &entry + ",")],
            None => vec![
                insertion(last.range.end, ","),
                insertion(self.line_comments_after(last.range.end, close), before + &entry),
            ],
        }
    }

    fn replace(&self, object: &Object, property: &ObjectProp, value: &Value) -> Splice {
        let layout = match self.layout(object) {
            Layout::Lines { .. } => {
                Layout::Lines { indent: self.line_indent(property.range.start).to_owned() }
            }
            Layout::Inline => Layout::Inline,
        };
        Splice { at: range_of(&property.value), with: self.render(value, &layout) }
    }

    /// The inverse of `insert`, and as careful when the text was changed since.
    fn cut(&self, object: &Object, property: &ObjectProp) -> Vec<Splice> {
        let (start, end) = (property.range.start, property.range.end);
        let comma = self.comma_after(end);
        let before = self.tokens.iter().rev().find(|token| token.end <= start);
        // What follows on our line must not slip into a line comment above.
        let under_comment = before.is_some_and(|token| self.text[token.range()].starts_with("//"));
        let keeps_line = under_comment && !self.ends_line(comma.map_or(end, |comma| comma.end));
        let from = before.filter(|_| !keeps_line).map_or(start, |token| token.end);
        if let Some(comma) = comma {
            return vec![deletion(from..end), deletion(comma.range())];
        }
        let mut tokens =
            self.tokens.iter().rev().filter(|token| token.end <= start && token.kind != Kind::Comment);
        match tokens.next() {
            Some(comma) if comma.kind == Kind::Comma => vec![deletion(comma.range()), deletion(from..end)],
            _ if under_comment => vec![deletion(from..end)],
            _ => vec![deletion(from..end + self.own_closing_line(object, from..end))],
        }
    }

    /// The length of the line end and indent that `insert` puts before the brace of an object that was empty.
    fn own_closing_line(&self, object: &Object, cut: Range<usize>) -> usize {
        let rest = &self.text[cut.end..object.range.end - 1];
        let closing = self.closing_line(object);
        let stood_alone = has_line_break(&self.text[cut.start..cut.end]);
        match rest.strip_prefix(&closing) {
            Some(rest) if stood_alone && !has_line_break(rest) => closing.len(),
            _ => 0,
        }
    }

    fn closing_line(&self, object: &Object) -> String {
        format!("{}{}", self.line_end(), self.line_indent(object.range.start))
    }

    fn layout(&self, object: &Object) -> Layout {
        let (open, close) = (object.range.start + 1, object.range.end - 1);
        let Some((first, last)) = object.properties.first().zip(object.properties.last()) else {
            let root = self.root.as_ref().filter(|root| root.range != object.range);
            let parent_inline = root.is_some_and(|root| matches!(self.layout(root), Layout::Inline));
            if parent_inline && !has_line_break(&self.text[open..close]) {
                return Layout::Inline;
            }
            return Layout::Lines { indent: self.inner_indent(object) };
        };
        let breaks = [open..first.range.start, last.range.end..close];
        if self.begins_line(last.range.start) {
            return Layout::Lines { indent: self.line_indent(last.range.start).to_owned() };
        }
        if breaks.into_iter().any(|gap| has_line_break(&self.text[gap])) {
            return Layout::Lines { indent: self.inner_indent(object) };
        }
        Layout::Inline
    }

    fn inner_indent(&self, object: &Object) -> String {
        format!("{}{}", self.line_indent(object.range.start), self.indent_step())
    }

    /// One step of indentation: how far in the first setting stands.
    fn indent_step(&self) -> &str {
        let Some(root) = &self.root else { return "  " };
        let first = root.properties.iter().find(|property| self.begins_line(property.range.start));
        let step = first.and_then(|first| {
            self.line_indent(first.range.start).strip_prefix(self.line_indent(root.range.start))
        });
        step.filter(|step| !step.is_empty()).unwrap_or("  ")
    }

    fn line_end(&self) -> &'static str {
        let first = self.text.find('\n').unwrap_or(0);
        if self.text[..first].ends_with('\r') { "\r\n" } else { "\n" }
    }

    fn line_indent(&self, at: usize) -> &'a str {
        let line = self.line(at);
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    fn begins_line(&self, at: usize) -> bool {
        self.line(at).chars().all(|c| matches!(c, ' ' | '\t'))
    }

    fn ends_line(&self, at: usize) -> bool {
        let after = self.text[at..].trim_start_matches([' ', '\t']);
        after.is_empty() || after.starts_with(['\n', '\r'])
    }

    /// The line up to there.
    fn line(&self, at: usize) -> &'a str {
        let before = &self.text[..at];
        &before[before.rfind(['\n', '\r']).map_or(0, |line_break| line_break + 1)..]
    }

    fn comments_in(&self, object: &Object) -> impl Iterator<Item = &Piece> {
        let inside = object.range.start..object.range.end;
        self.tokens.iter().filter(move |token| token.kind == Kind::Comment && inside.contains(&token.start))
    }

    fn comma_after(&self, end: usize) -> Option<&Piece> {
        let mut tokens = self.tokens.iter().filter(|token| token.start >= end && token.kind != Kind::Comment);
        tokens.next().filter(|token| token.kind == Kind::Comma)
    }

    /// The end of the comments that follow on the same line.
    fn line_comments_after(&self, mut at: usize, close: usize) -> usize {
        let begin = at;
        for token in self.tokens.iter().filter(|token| token.start >= begin && token.start < close) {
            if token.kind != Kind::Comment || has_line_break(&self.text[at..token.start]) {
                break;
            }
            at = token.end;
        }
        at
    }

    fn render(&self, value: &Value, layout: &Layout) -> String {
        let Layout::Lines { indent } = layout else { return value.to_string() };
        let mut out = Vec::new();
        let style = serde_json::ser::PrettyFormatter::with_indent(self.indent_step().as_bytes());
        serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, style))
            .expect("a JSON value goes into memory");
        let text = String::from_utf8(out).expect("serde_json writes UTF-8");
        // Line breaks in strings are escaped, so each one here is the formatter's.
        text.replace('\n', &format!("{}{indent}", self.line_end()))
    }
}
