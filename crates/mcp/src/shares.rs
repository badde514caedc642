//! How much each client may have open at once.
//!
//! Invariant: whatever is counted is counted down when it is dropped, by whomever and for whatever reason; and streams, which stay open
//! for hours, never take the place of calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use maya_mcp_session::ClientName;

/// Ten models that work side by side ask less. (How many connections that may take is another matter.)
const CALLS: usize = 64;
/// One for each conversation that a client has open, and as many again for those it has just let go of.
const STREAMS: usize = 64;
/// Requests that are still arriving, whose ids nobody knows yet: a client at its limit of calls must be able to cancel some.
const ARRIVING: usize = 2 * CALLS;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Arriving,
    Call,
    Stream,
}

impl Kind {
    pub(crate) const fn limit(self) -> usize {
        match self {
            Self::Arriving => ARRIVING,
            Self::Call => CALLS,
            Self::Stream => STREAMS,
        }
    }
}

/// All clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shares {
    taken: Arc<Mutex<HashMap<ClientName, [usize; 3]>>>,
}

/// One of what the client may have, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    client: ClientName,
    kind: Kind,
}

impl Shares {
    /// `None` when the client has as many as it may.
    pub(crate) fn take(&self, client: &ClientName, kind: Kind) -> Option<Share> {
        let mut taken = self.taken();
        let count = match taken.get_mut(client) {
            Some(counts) => &mut counts[kind as usize],
            None => &mut taken.entry(client.clone()).or_default()[kind as usize],
        };
        if *count >= kind.limit() {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Share { shares: self.clone(), client: client.clone(), kind })
    }

    /// Who has how many streams open.
    pub(crate) fn streams(&self) -> Vec<(ClientName, usize)> {
        let taken = self.taken();
        let streams = taken.iter().map(|(client, counts)| (client.clone(), counts[Kind::Stream as usize]));
        streams.filter(|(_, count)| *count > 0).collect()
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<ClientName, [usize; 3]>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        let counts = taken.get_mut(&self.client).expect("it was counted");
        counts[self.kind as usize] -= 1;
        if *counts == [0; 3] {
            taken.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_share_of_each_kind_and_gives_it_back() {
        let shares = Shares::default();
        let (one, two) = ("one".parse().expect("a good name"), "two".parse().expect("a good name"));
        for kind in [Kind::Arriving, Kind::Call, Kind::Stream] {
            let all: Vec<_> = std::iter::from_fn(|| shares.take(&one, kind)).collect();
            assert_eq!(all.len(), kind.limit(), "{kind:?}: so many and no more, whatever else is taken");
            assert!(shares.take(&two, kind).is_some(), "{kind:?}: another client has its own");
            drop(all);
            assert!(shares.take(&one, kind).is_some(), "{kind:?}: given back");
        }
        assert!(shares.taken().is_empty(), "nothing is kept of who has nothing open");
    }
}
