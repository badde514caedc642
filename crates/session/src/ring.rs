//! The last events, which nobody drains: whoever reads has a place of its own.
//!
//! Invariant: numbers are without gaps, so that what a reader has missed can be counted.

use std::collections::VecDeque;

use crate::Edge;

/// So many events are kept. A reader that is further behind is told how many it has missed.
pub const RING: usize = 1024;

#[derive(Debug)]
pub(crate) struct Ring {
    edges: VecDeque<Edge>,
    /// The number of the first event that ever was in it.
    first: u64,
    /// The number of the next event.
    next: u64,
}

/// What came at and after some number.
#[derive(Debug, Default)]
pub struct Since {
    pub edges: Vec<Edge>,
    /// How many there were between that number (or the first there was) and these.
    pub missed: u64,
}

impl Ring {
    pub fn new(first: u64) -> Self {
        Self { edges: VecDeque::new(), first, next: first }
    }

    /// Gives the event its number.
    pub fn push(&mut self, edge: impl FnOnce(u64) -> Edge) {
        if self.edges.len() == RING {
            self.edges.pop_front();
        }
        self.edges.push_back(edge(self.next));
        self.next += 1;
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn first(&self) -> u64 {
        self.first
    }

    pub fn oldest(&self) -> u64 {
        self.next - self.edges.len() as u64
    }

    /// None while it has not come, or when it is not here any more.
    pub fn get(&self, seq: u64) -> Option<&Edge> {
        let place = seq.checked_sub(self.oldest())?;
        self.edges.get(usize::try_from(place).ok()?)
    }

    pub fn since(&self, seq: u64) -> Since {
        let from = seq.max(self.oldest());
        let skip = usize::try_from(from - self.oldest()).unwrap_or(usize::MAX);
        let missed = self.oldest().saturating_sub(seq.max(self.first));
        Since { edges: self.edges.iter().skip(skip).cloned().collect(), missed }
    }
}
