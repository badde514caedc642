//! The bodies of requests on their way in.
//!
//! Invariant: no body takes longer than its time, and all together hold no more memory than there is room for.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
};
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// A scene's worth of text in one argument, and no more.
pub(crate) const BODY_LIMIT: usize = 32 << 20;
/// On this machine a body arrives at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// 128 MiB in all.
const ROOM_KIB: usize = 128 << 10;

#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    room: Arc<Semaphore>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(ROOM_KIB)) }
    }
}

impl Bodies {
    /// Waits for room.
    pub(crate) async fn take_in(&self, request: Request) -> Request {
        if request.body().is_end_stream() {
            return request;
        }
        let size = request.body().size_hint().upper().unwrap_or(u64::MAX);
        let kib = size.min(BODY_LIMIT as u64).div_ceil(1024).max(1);
        let kib = u32::try_from(kib).expect("the limit is far below");
        let place = self.room.clone().acquire_many_owned(kib).await.expect("the semaphore is never closed");
        request.map(|body| Body::new(Arriving { body, patience: Box::pin(sleep(PATIENCE)), _place: place }))
    }
}

#[derive(Debug)]
struct Arriving {
    body: Body,
    patience: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let late = || axum::Error::new(io::Error::from(io::ErrorKind::TimedOut));
        self.patience.as_mut().poll(context).map(|()| Some(Err(late())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn stalled() -> Request {
        let never = futures_util::stream::pending::<Result<Bytes, io::Error>>();
        Request::new(Body::from_stream(never))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up_and_makes_room() {
        let bodies = Bodies::default();
        let mut stalling = Vec::new();
        for _ in 0..4 {
            stalling.push(bodies.take_in(stalled()).await);
        }
        let next = bodies.take_in(stalled());
        tokio::pin!(next);
        let waiting = tokio::time::timeout(PATIENCE / 2, next.as_mut()).await;
        assert!(waiting.is_err(), "there is no room for a fifth");
        let one = stalling.pop().expect("four are there");
        assert!(one.into_body().collect().await.is_err(), "too late");
        next.await;
    }
}
