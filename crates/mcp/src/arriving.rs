//! The bodies of requests on their way in.
//!
//! Invariant: no body takes longer than its time, nor waits longer for its place; all large ones together hold no more memory than
//! there is room for, those of one client no more than half of it, and a small one never waits for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody as _};
use http_body_util::{BodyExt as _, Full};
use maya_mcp_session::ClientName;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A scene's worth of text in one argument, and no more.
pub(crate) const BODY_LIMIT: usize = 32 << 20;
/// On this machine a body arrives at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// For what nobody will look at. A stranger's connection stays hardly longer.
const PATIENCE_IN_VAIN: Duration = Duration::from_secs(2);
/// Nearly every request; as many of these as there can be connections are no burden.
const SMALL: usize = 256 << 10;
/// 128 MiB for the large ones. (rmcp copies each once more, for as long as it takes to read it.)
const ROOM_KIB: usize = 128 << 10;
/// Large ones of one client at a time: whatever it announces and does not send, there is room for another's.
const LARGE_EACH: usize = 2;
/// What is read and thrown away of a body that is too large: most clients look for an answer only when they have sent everything.
const THROWN_AWAY: usize = 4 * BODY_LIMIT;

#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    room: Arc<Semaphore>,
    each: Arc<Mutex<HashMap<ClientName, Arc<Semaphore>>>>,
}

/// A whole body, and its place among the large ones.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub bytes: Bytes,
    place: Option<Place>,
}

/// Among those of its client, and among all.
#[derive(Debug)]
struct Place {
    _own: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    TooLarge,
    TooSlow,
    /// Others are arriving that take all the room.
    NoRoom,
    BrokenOff,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(ROOM_KIB)), each: Arc::default() }
    }
}

impl Bodies {
    /// Waits for room if the body turns out to be large.
    pub(crate) async fn take_in(&self, client: &ClientName, mut body: Body) -> Result<Arrived, Failed> {
        let announced = body.size_hint().lower();
        let mut bytes = Vec::new();
        if announced > BODY_LIMIT as u64 {
            throw_away(body, PATIENCE).await;
            return Err(Failed::TooLarge);
        }
        if fill(&mut body, &mut bytes, SMALL).await? == Filled::Whole {
            return Ok(Arrived { bytes: bytes.into(), place: None });
        }
        let size = body.size_hint().upper().unwrap_or(u64::MAX).saturating_add(bytes.len() as u64);
        let kib = u32::try_from(size.min(BODY_LIMIT as u64).div_ceil(1024)).expect("the limit is far below");
        let Ok(place) = timeout(PATIENCE, self.place(client, kib)).await else {
            throw_away(body, PATIENCE_IN_VAIN).await;
            return Err(Failed::NoRoom);
        };
        match fill(&mut body, &mut bytes, BODY_LIMIT).await? {
            Filled::Whole => Ok(Arrived { bytes: bytes.into(), place: Some(place) }),
            Filled::More => {
                drop((bytes, place));
                throw_away(body, PATIENCE).await;
                Err(Failed::TooLarge)
            }
        }
    }

    async fn place(&self, client: &ClientName, kib: u32) -> Place {
        // First its own: whoever waits for that keeps no other client waiting.
        let own = self.own(client).acquire_owned().await.expect("the semaphore is never closed");
        let room = self.room.clone().acquire_many_owned(kib).await.expect("the semaphore is never closed");
        Place { _own: own, _room: room }
    }

    fn own(&self, client: &ClientName) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for are as new.
        each.retain(|_, own| Arc::strong_count(own) > 1);
        each.entry(client.clone()).or_insert_with(|| Arc::new(Semaphore::new(LARGE_EACH))).clone()
    }
}

impl Arrived {
    /// It keeps its place until its reader has done with it.
    pub(crate) fn into_body(self) -> Body {
        let Self { bytes, place } = self;
        Body::new(Full::new(bytes).map_frame(move |frame| {
            let _held = &place;
            frame
        }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    Whole,
    More,
}

/// Up to the limit, and at most one piece beyond it.
async fn fill(body: &mut Body, bytes: &mut Vec<u8>, limit: usize) -> Result<Filled, Failed> {
    let filling = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failed::BrokenOff)?;
            if let Ok(data) = frame.into_data() {
                bytes.extend_from_slice(&data);
            }
            if bytes.len() > limit {
                return Ok(Filled::More);
            }
        }
        Ok(Filled::Whole)
    };
    timeout(PATIENCE, filling).await.unwrap_or(Err(Failed::TooSlow))
}

/// False when it did not come to its end.
async fn throw_away(mut body: Body, patience: Duration) -> bool {
    let throwing = async {
        let mut thrown = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            thrown += frame.data_ref().map_or(0, Bytes::len);
            if thrown > THROWN_AWAY {
                return false;
            }
        }
        true
    };
    timeout(patience, throwing).await.unwrap_or(false)
}

/// Whether the body of a refused request is out of the way, so that its connection can go on with the next one.
pub(crate) async fn is_out_of_the_way(body: Body) -> bool {
    body.is_end_stream() || throw_away(body, PATIENCE_IN_VAIN).await
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    fn name(text: &str) -> ClientName {
        text.parse().expect("a good name")
    }

    /// So much of it comes, and then nothing more.
    fn stalled(some: usize) -> Body {
        let some = stream::once(async move { Ok::<_, io::Error>(Bytes::from(vec![b' '; some])) });
        Body::from_stream(some.chain(stream::pending()))
    }

    fn whole(length: usize) -> Body {
        let pieces = (0..length).step_by(SMALL).map(move |start| (length - start).min(SMALL));
        let pieces = pieces.map(|piece| Ok::<_, io::Error>(Bytes::from(vec![b' '; piece])));
        Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_that_stalls_keeps_no_small_one_waiting_and_is_given_up() {
        let (bodies, zed) = (Bodies::default(), name("zed"));
        let taking = |client| {
            let bodies = bodies.clone();
            Box::pin(async move { bodies.take_in(&name(client), stalled(SMALL + 1)).await })
        };
        let mut stalling: Vec<_> = ["one", "one", "two", "two"].map(taking).into();
        for one in &mut stalling {
            assert!(one.now_or_never().is_none(), "it is still arriving");
        }
        assert!(bodies.take_in(&zed, whole(SMALL)).await.is_ok(), "a small one needs no room");
        let large = bodies.take_in(&zed, whole(SMALL + 1));
        tokio::pin!(large);
        assert!(timeout(PATIENCE / 2, large.as_mut()).await.is_err(), "there is no room for a fifth");
        for one in &mut stalling {
            assert_eq!(one.await.expect_err("too late"), Failed::TooSlow, "it has had its time");
        }
        let large = large.await.expect("there is room again");
        assert_eq!(bodies.room.available_permits(), ROOM_KIB - BODY_LIMIT / 1024, "it has its place");
        drop(large.into_body());
        assert_eq!(bodies.room.available_permits(), ROOM_KIB, "until its reader has done with it");
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_of_one_client_wait_for_each_other_and_not_for_ever() {
        let bodies = Bodies::default();
        let (greedy, other) = (name("greedy"), name("other"));
        let taking = |_| {
            let (bodies, greedy) = (bodies.clone(), greedy.clone());
            Box::pin(async move { bodies.take_in(&greedy, stalled(SMALL + 1)).await })
        };
        let mut stalling: Vec<_> = (0..12).map(taking).collect();
        for one in &mut stalling {
            assert!(one.now_or_never().is_none(), "it is arriving, or waits to");
        }
        let quick = bodies.take_in(&other, whole(SMALL + 1)).now_or_never();
        assert!(quick.expect("it does not wait").is_ok(), "another's has its place");
        let mut failed = Vec::new();
        let began = tokio::time::Instant::now();
        for taken in futures_util::future::join_all(stalling).await {
            failed.push(taken.expect_err("none of them comes"));
        }
        assert!(began.elapsed() <= PATIENCE * 2 + PATIENCE_IN_VAIN, "after {:?}", began.elapsed());
        assert_eq!(failed.iter().filter(|one| **one == Failed::TooSlow).count(), 4, "two had a turn, twice");
        assert_eq!(failed.iter().filter(|one| **one == Failed::NoRoom).count(), 8, "the others had none");
        assert_eq!(bodies.room.available_permits(), ROOM_KIB, "nothing is held");
        drop(bodies.own(&other));
        assert_eq!(bodies.each.lock().expect("not poisoned").len(), 1, "nothing is kept of who has none");
    }

    #[tokio::test(start_paused = true)]
    async fn no_body_is_longer_than_the_limit() {
        let (bodies, zed) = (Bodies::default(), name("zed"));
        let exact = bodies.take_in(&zed, whole(BODY_LIMIT)).await.expect("just small enough");
        assert_eq!(exact.bytes.len(), BODY_LIMIT, "all of it");
        drop(exact);
        let one_more = bodies.take_in(&zed, whole(BODY_LIMIT + 1)).await;
        assert_eq!(one_more.expect_err("one too many"), Failed::TooLarge, "without a length");
        let announced = bodies.take_in(&zed, Body::from(vec![b' '; BODY_LIMIT + 1])).await;
        assert_eq!(announced.expect_err("one too many"), Failed::TooLarge, "with one");
        let piece = Bytes::from(vec![b' '; SMALL]);
        let endless = stream::repeat_with(move || Ok::<_, io::Error>(piece.clone()));
        let endless = bodies.take_in(&zed, Body::from_stream(endless)).await;
        assert_eq!(endless.expect_err("without end"), Failed::TooLarge, "even that ends");
        assert_eq!(
            bodies.take_in(&zed, stalled(0)).await.expect_err("nothing comes"),
            Failed::TooSlow,
            "after a while"
        );
        let broken = Body::from_stream(stream::once(async { Err::<Bytes, _>(io::Error::other("gone")) }));
        assert_eq!(bodies.take_in(&zed, broken).await.expect_err("it broke"), Failed::BrokenOff, "as it is");
        assert_eq!(bodies.room.available_permits(), ROOM_KIB, "nothing is held");
    }
}
