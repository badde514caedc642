//! Changes to a text by byte ranges: what no splice names stays.

use std::ops::Range;

use jsonc_parser::common::Ranged;

pub(crate) fn range_of(node: &impl Ranged) -> Range<usize> {
    let range = node.range();
    range.start..range.end
}

#[derive(Debug, Clone)]
pub(crate) struct Splice {
    pub at: Range<usize>,
    pub with: String,
}

/// The splices do not overlap; those at one place keep their order.
pub(crate) fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.at.start);
    let mut edited = String::with_capacity(text.len() + 512);
    let mut done = 0;
    for Splice { at, with } in splices {
        edited.push_str(&text[done..at.start]);
        edited.push_str(&with);
        done = at.end;
    }
    edited.push_str(&text[done..]);
    edited
}

pub(crate) fn insertion(at: usize, with: impl Into<String>) -> Splice {
    Splice { at: at..at, with: with.into() }
}

pub(crate) fn deletion(at: Range<usize>) -> Splice {
    Splice { at, with: String::new() }
}
