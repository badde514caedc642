//! Readers that do not read.
//!
//! Invariant: they hold up nobody and nothing but themselves, and what is kept for them is bounded: a stream that is not read ends, and
//! so does a connection that takes nothing for long.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use futures_util::stream::poll_fn;
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    time::{Sleep, sleep},
};
use tokio_util::task::TaskTracker;

/// Signals of a hundred bytes each, beyond what the sockets hold: whoever lets so many lie does not read at all.
const UNREAD: usize = 256;
/// For a client that is stopped in a debugger; nothing that runs takes so long to read a single byte.
const TAKES_NOTHING: Duration = Duration::from_mins(1);

/// Reads the stream on whether or not its reader does. (rmcp's worker of a legacy session waits for a stream that is not read, and with it
/// every call of the session.) What is held is held for the reader.
pub(crate) fn read_ahead<T: Send + 'static>(mut stream: Body, held: T, tracker: &TaskTracker) -> Body {
    let (unread, mut reader) = mpsc::channel::<Bytes>(UNREAD);
    tracker.spawn(async move {
        loop {
            let frame = tokio::select! {
                frame = stream.frame() => frame,
                () = unread.closed() => return,
            };
            let Some(Ok(frame)) = frame else { return };
            let Ok(data) = frame.into_data() else { continue };
            if unread.try_send(data).is_err() {
                tracing::info!("a stream ended: nobody reads it");
                return;
            }
        }
    });
    Body::from_stream(poll_fn(move |context| {
        let _held = &held;
        reader.poll_recv(context).map(|data| data.map(Ok::<_, io::Error>))
    }))
}

/// A connection that fails when its other side takes nothing for long.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    /// While something waits to be taken.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, patience: None }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.patience = None;
            return progress;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(TAKES_NOTHING)));
        ready!(patience.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::Instant,
    };

    use axum::http::StatusCode;

    use super::*;
    use crate::chatty::Client;

    #[tokio::test]
    async fn a_stream_is_read_on_without_its_reader_and_ends_when_too_much_lies_unread() {
        let tracker = TaskTracker::new();
        let (sender, mut source) = mpsc::channel::<Bytes>(1);
        let source =
            poll_fn(move |context| source.poll_recv(context).map(|data| data.map(Ok::<_, io::Error>)));
        let body = read_ahead(Body::from_stream(source), (), &tracker);
        for _ in 0..UNREAD {
            sender.send(Bytes::from_static(b"data: 1\n\n")).await.expect("it is read on");
        }
        let more = async { while sender.send(Bytes::from_static(b"data: 2\n\n")).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(10), more).await.expect("too much ends it");
        let read = body.collect().await.expect("no error").to_bytes();
        assert_eq!(read.len(), UNREAD * 9, "what was kept can still be read, and then it ends");
        tracker.close();
        tracker.wait().await;
    }

    #[tokio::test]
    async fn a_stream_that_is_not_read_holds_up_no_call_of_its_session() {
        let tracker = TaskTracker::new();
        let mut client = Client::connect(100).await;
        let stream = client.open_stream().await;
        let unread = read_ahead(stream, (), &tracker);
        // Without reading ahead, rmcp's worker waits at the seventeenth signal for ever.
        let answer = tokio::time::timeout(Duration::from_secs(10), client.list_tools()).await;
        assert_eq!(answer.expect("it is answered"), StatusCode::OK, "after a hundred signals");
        drop(unread);
        tracker.close();
        tracker.wait().await;
    }

    #[tokio::test]
    async fn a_reader_that_hangs_up_ends_the_reading_ahead() {
        let tracker = TaskTracker::new();
        drop(read_ahead(Body::from_stream(stream::pending::<io::Result<Bytes>>()), (), &tracker));
        tracker.close();
        tokio::time::timeout(Duration::from_secs(10), tracker.wait()).await.expect("its task ends");
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_connection_that_takes_nothing_at_all_is_given_up() {
        let (near, mut far) = duplex(8);
        let mut near = Patient::new(near);
        let began = Instant::now();
        let reading = async {
            let mut some = [0; 8];
            for _ in 0..3 {
                sleep(TAKES_NOTHING * 2 / 3).await;
                far.read_exact(&mut some).await.expect("it is there");
            }
        };
        let (written, ()) = tokio::join!(near.write_all(&[0; 32]), reading);
        written.expect("a slow reader is a reader");
        let error = near.write_all(&[0; 8]).await.expect_err("nobody reads any more");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "it took nothing");
        assert!(began.elapsed() >= TAKES_NOTHING * 3, "after its time");
    }
}
