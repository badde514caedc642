//! The endpoint as another program reaches it.
//!
//! Invariant: the token goes only over a connection that has proved, itself, that the engine of endpoint.json is at its other end.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use maya_mcp_session::ClientName;
use sse_stream::SseStream;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{
    endpoint_file::{EndpointFile, EndpointFileError},
    secret::{EndpointSecret, nonce},
    tokens::Tokens,
};

/// On this machine a connection is made at once, or there is nobody. Windows tries a closed port again and again before it says so:
/// that takes it 2.01 seconds, and with less a killed engine would pass for one that runs and is silent.
const CONNECT: Duration = Duration::from_secs(if cfg!(windows) { 5 } else { 2 });
/// The system takes a connection at once for a process that listens, however busy that is.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Unused connections kept for the next request,
const KEPT: usize = 4;
/// so long: well before the endpoint closes them.
const KEPT_FOR: Duration = Duration::from_mins(1);

#[derive(Debug, thiserror::Error)]
pub(crate) enum FindError {
    #[error("Maya MCP Tray is not running")]
    Nobody,
    /// Where endpoint.json leads there is nobody: who ends in order takes the file away first.
    #[error("Maya MCP Tray has ended unexpectedly")]
    Gone,
    /// A starting one, perhaps; starting another does not help.
    #[error("Maya MCP Tray runs (pid {pid}) but does not answer")]
    Silent { pid: u32 },
    /// It was started, and ended again. What it said last.
    #[error("Maya MCP Tray could not start: {said}")]
    Failed { said: String },
    #[error("something else than Maya MCP Tray answers at {0}")]
    Impostor(SocketAddr),
    #[error("the client \"{client}\" has no token")]
    NoToken { client: ClientName },
    #[error("the token of \"{client}\" cannot be read")]
    TokenUnreadable { client: ClientName, source: io::Error },
    #[error(transparent)]
    File(EndpointFileError),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Nothing has reached the endpoint: sending again cannot do anything twice.
    #[error("the endpoint could not be reached")]
    NotSent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody knows how far it got.
    #[error("the connection to the endpoint ended")]
    BrokenOff(#[source] hyper::Error),
}

#[derive(Debug)]
pub(crate) struct Proven {
    address: SocketAddr,
    pid: u32,
    is_running: fn(u32) -> bool,
    host: HeaderValue,
    bearer: HeaderValue,
    secret: EndpointSecret,
    idle: Idle,
    tracker: TaskTracker,
}

type Connection = SendRequest<Full<Bytes>>;
type Idle = Arc<Mutex<Vec<(Connection, Instant)>>>;

impl Proven {
    /// Reads where the endpoint is and what its token is, and proves it. Writes nothing anywhere.
    pub(crate) async fn find(
        home: &Path,
        client: &ClientName,
        is_running: fn(u32) -> bool,
        tracker: &TaskTracker,
    ) -> Result<Self, FindError> {
        let file = match EndpointFile::read(home) {
            Err(EndpointFileError::Missing(_)) => return Err(FindError::Nobody),
            read => read.map_err(FindError::File)?,
        };
        let address = file.address().ok_or(FindError::Nobody)?;
        let found = Self {
            address,
            pid: file.pid,
            is_running,
            host: HeaderValue::from_str(&address.to_string()).expect("an address is plain ASCII"),
            bearer: bearer(&home.join("tokens"), client)?,
            secret: file.secret,
            idle: Idle::default(),
            tracker: tracker.clone(),
        };
        // An engine that is just ending breaks the connection off; a moment later there is nobody.
        let connected = match found.connect().await {
            Err(Refusal::Silent(_)) => found.connect().await,
            connected => connected,
        };
        match connected {
            Ok(connection) => keep(&found.idle, connection),
            Err(Refusal::Impostor) => return Err(FindError::Impostor(address)),
            Err(Refusal::Nobody(_)) => return Err(FindError::Gone),
            Err(Refusal::Silent(_) | Refusal::TimedOut) => {
                return Err(FindError::Silent { pid: file.pid });
            }
        }
        Ok(found)
    }

    /// Sends one request of MCP with the token, over a connection that is free or a new one.
    pub(crate) async fn send(
        &self,
        method: Method,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Reply, SendError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static("/mcp");
        request.headers_mut().extend(self.standing_headers());
        request.headers_mut().extend(headers.iter().cloned());
        self.send_request(request).await
    }

    /// Reads what is no MCP.
    pub(crate) async fn get(&self, path: Uri) -> Result<Reply, SendError> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = path;
        request
            .headers_mut()
            .extend([(header::HOST, self.host.clone()), (header::AUTHORIZATION, self.bearer.clone())]);
        self.send_request(request).await
    }

    async fn send_request(&self, mut request: Request<Full<Bytes>>) -> Result<Reply, SendError> {
        loop {
            let (mut connection, is_new) = match self.take_idle().await {
                Some(connection) => (connection, false),
                None => (self.connect().await.map_err(|refusal| SendError::NotSent(refusal.into()))?, true),
            };
            let mut error = match connection.try_send_request(request).await {
                Ok(response) => return Ok(Reply { response, connection, idle: self.idle.clone() }),
                Err(error) => error,
            };
            match error.take_message() {
                // A kept connection had ended meanwhile.
                Some(unsent) if !is_new => request = unsent,
                Some(_) => return Err(SendError::NotSent(error.into_error().into())),
                None => return Err(SendError::BrokenOff(error.into_error())),
            }
        }
    }

    /// The same run of the same engine, so that what was begun there is still there.
    pub(crate) fn is_same_engine(&self, other: &Self) -> bool {
        self.secret == other.secret
    }

    fn standing_headers(&self) -> HeaderMap {
        HeaderMap::from_iter([
            (header::HOST, self.host.clone()),
            (header::AUTHORIZATION, self.bearer.clone()),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
        ])
    }

    async fn take_idle(&self) -> Option<Connection> {
        loop {
            let (mut connection, since) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() > KEPT_FOR {
                continue;
            }
            // It may still be finishing its last answer; if that takes time, a new one is quicker.
            let ready = timeout(Duration::from_millis(20), connection.ready()).await;
            if matches!(ready, Ok(Ok(()))) {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Refusal> {
        timeout(CONNECT, self.connect_and_prove()).await.map_err(|_| Refusal::TimedOut)?
    }

    async fn connect_and_prove(&self) -> Result<Connection, Refusal> {
        let silent = |error: hyper::Error| Refusal::Silent(error.into());
        let connecting = unless_killed(TcpStream::connect(self.address), || !(self.is_running)(self.pid));
        let stream = connecting.await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Refusal::Nobody(error),
            _ => Refusal::Silent(error.into()),
        })?;
        stream.set_nodelay(true).map_err(|error| Refusal::Silent(error.into()))?;
        let (mut connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(silent)?;
        self.tracker.spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "a connection to the endpoint ended");
            }
        });
        let nonce = nonce();
        let request = Request::get(format!("/prove?nonce={nonce}"))
            .header(header::HOST, self.host.clone())
            .body(Full::default())
            .expect("a good request");
        let response = connection.send_request(request).await.map_err(silent)?;
        let body = Limited::new(response.into_body(), 4096).collect().await.map_err(|_| Refusal::Impostor)?;
        let answer: serde_json::Value =
            serde_json::from_slice(&body.to_bytes()).map_err(|_| Refusal::Impostor)?;
        let proof = answer.get("proof").and_then(serde_json::Value::as_str).unwrap_or_default();
        if !self.secret.is_proof(&nonce, proof) {
            return Err(Refusal::Impostor);
        }
        connection.ready().await.map_err(silent)?;
        Ok(connection)
    }
}

/// A connection that hangs to a process that has gone is as good as refused. Its pid alone says nothing: within a container an engine that
/// runs may have a pid that is nobody's, and another process may have had it since.
async fn unless_killed<T>(
    connecting: impl Future<Output = io::Result<T>>,
    is_gone: impl Fn() -> bool,
) -> io::Result<T> {
    let mut connecting = pin!(connecting);
    loop {
        if let Ok(connected) = timeout(AT_ONCE, &mut connecting).await {
            return connected;
        }
        // It lets go of its sockets first, and has gone a moment later.
        if is_gone() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("what answers there does not know the secret of endpoint.json")]
    Impostor,
    #[error("nobody is there")]
    Nobody(#[source] io::Error),
    #[error("the connection was broken off")]
    Silent(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer in time")]
    TimedOut,
}

fn bearer(tokens: &Path, client: &ClientName) -> Result<HeaderValue, FindError> {
    let token = Tokens::read(tokens, client).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FindError::NoToken { client: client.clone() },
        _ => FindError::TokenUnreadable { client: client.clone(), source },
    })?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is plain ASCII");
    bearer.set_sensitive(true);
    Ok(bearer)
}

fn keep(idle: &Idle, connection: Connection) {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    idle.retain(|(connection, since)| !connection.is_closed() && since.elapsed() <= KEPT_FOR);
    if !connection.is_closed() && idle.len() < KEPT {
        idle.push((connection, Instant::now()));
    }
}

/// An answer whose body is still to come. Dropping it hangs up, which cancels a modern request.
#[derive(Debug)]
pub(crate) struct Reply {
    response: Response<Incoming>,
    connection: Connection,
    idle: Idle,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    BrokenOff,
}

impl Reply {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.response.headers().get(name)
    }

    fn is_stream(&self) -> bool {
        let kind = self.header(header::CONTENT_TYPE.as_str()).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// Gives every message of the body to `take` in order, be it one JSON text or a stream of events.
    pub(crate) async fn messages<F: Future<Output = ()>>(self, take: impl FnMut(String) -> F) -> End {
        self.messages_after(&mut None, take).await
    }

    /// As `messages`, of a stream that may be opened again: `last` is the id of the last event that was taken.
    pub(crate) async fn messages_after<F: Future<Output = ()>>(
        self,
        last: &mut Option<HeaderValue>,
        mut take: impl FnMut(String) -> F,
    ) -> End {
        let is_stream = self.is_stream();
        let Self { response, connection, idle } = self;
        if is_stream {
            let mut events = SseStream::new(response.into_body());
            while let Some(event) = events.next().await {
                let Ok(event) = event else { return End::BrokenOff };
                // An event without data only opens the stream, and has an id of its own that another may have as well.
                let Some(data) = event.data.filter(|data| !data.is_empty()) else { continue };
                let id = event.id.and_then(|id| HeaderValue::try_from(id).ok());
                if id.is_some() && id == *last {
                    // rmcp goes on with the very event that was the last one.
                    continue;
                }
                take(data).await;
                if id.is_some() {
                    *last = id;
                }
            }
        } else {
            let Ok(body) = response.into_body().collect().await else { return End::BrokenOff };
            let text = String::from_utf8(body.to_bytes().into());
            let text = text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            if !text.trim().is_empty() {
                take(text).await;
            }
        }
        keep(&idle, connection);
        End::Complete
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_hangs_is_given_up_at_once_only_when_its_engine_has_gone() {
        let began = Instant::now();
        let refused = unless_killed(pending::<io::Result<()>>(), || true).await.expect_err("nobody");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "as the system would say it");
        assert!(
            began.elapsed() < Duration::from_millis(200),
            "long before Windows does: {:?}",
            began.elapsed()
        );

        let there = unless_killed(ready(io::Result::Ok(1)), || panic!("there was no doubt")).await;
        assert_eq!(there.expect("connected"), 1, "who answers runs, whatever its pid looks like from here");

        let late = async {
            sleep(CONNECT / 2).await;
            Err::<(), _>(io::ErrorKind::ConnectionRefused.into())
        };
        let began = Instant::now();
        unless_killed(late, || false).await.expect_err("refused in the end");
        assert_eq!(began.elapsed(), CONNECT / 2, "where the pid is another's now, the system decides");
    }
}
