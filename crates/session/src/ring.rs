//! The last events, which nobody drains: whoever reads has a place of its own.
//!
//! Invariant: numbers are without gaps, so that what a reader has missed can be counted; chatter never pushes out anything else.

use std::{cmp::Ordering, collections::VecDeque};

use crate::Edge;

/// So many events are kept. A reader that is further behind is told how many it has missed.
pub const RING: usize = 1024;

/// And so many beside them that are chatter.
const CHATTER: usize = 256;

#[derive(Debug)]
pub(crate) struct Ring {
    edges: VecDeque<Edge>,
    chatter: VecDeque<Edge>,
    /// From this number on everything is there but, maybe, chatter.
    oldest: u64,
    /// The number of the first event that ever was in it.
    first: u64,
    /// The number of the next event.
    next: u64,
}

/// What came at and after some number.
#[derive(Debug, Default)]
pub struct Since {
    pub edges: Vec<Edge>,
    /// How many there were between that number (or the first there was) and these, chatter included.
    pub missed: u64,
}

/// What there is for a reader that has all before some number.
#[derive(Debug)]
pub enum Next {
    Edge(Edge),
    /// What came next is not kept any more; it can go on from this number.
    Missed {
        oldest: u64,
    },
    /// It has not come yet.
    Nothing,
}

impl Ring {
    pub fn new(first: u64) -> Self {
        Self { edges: VecDeque::new(), chatter: VecDeque::new(), oldest: first, first, next: first }
    }

    /// Gives the event its number.
    pub fn push(&mut self, edge: impl FnOnce(u64) -> Edge) {
        let edge = edge(self.next);
        self.next += 1;
        if edge.kind().is_chatter() {
            if self.chatter.len() == CHATTER {
                self.chatter.pop_front();
            }
            self.chatter.push_back(edge);
            return;
        }
        if self.edges.len() == RING
            && let Some(gone) = self.edges.pop_front()
        {
            self.oldest = gone.seq + 1;
            while self.chatter.pop_front_if(|chatter| chatter.seq < gone.seq).is_some() {}
        }
        self.edges.push_back(edge);
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn first(&self) -> u64 {
        self.first
    }

    pub fn oldest(&self) -> u64 {
        self.oldest
    }

    pub fn next_from(&self, seq: u64) -> Next {
        if seq < self.oldest {
            return Next::Missed { oldest: self.oldest };
        }
        self.at_or_after(seq).map_or(Next::Nothing, |edge| Next::Edge(edge.clone()))
    }

    fn at_or_after(&self, seq: u64) -> Option<&Edge> {
        let first = |edges: &VecDeque<Edge>| edges.partition_point(|edge| edge.seq < seq);
        let edge = self.edges.get(first(&self.edges));
        let chatter = self.chatter.get(first(&self.chatter));
        edge.into_iter().chain(chatter).min_by_key(|edge| edge.seq)
    }

    pub fn since(&self, seq: u64) -> Since {
        let from = |edges: &VecDeque<Edge>| edges.partition_point(|edge| edge.seq < seq);
        let mut edges = self.edges.range(from(&self.edges)..).peekable();
        let mut chatter = self.chatter.range(from(&self.chatter)..).peekable();
        let merged = std::iter::from_fn(|| match (edges.peek(), chatter.peek()) {
            (Some(edge), Some(chat)) if edge.seq.cmp(&chat.seq) == Ordering::Greater => chatter.next(),
            (None, Some(_)) => chatter.next(),
            _ => edges.next(),
        });
        let missed = self.oldest.saturating_sub(seq.max(self.first));
        Since { edges: merged.cloned().collect(), missed }
    }
}
