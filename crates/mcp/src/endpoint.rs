//! The endpoint itself: one listener, one router, both protocol eras.
//!
//! Invariant: the caller binds and this serves; within a second of `stop` it has let go of everything, whatever clients hold open.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use hyper::{
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use maya_mcp_maya::{Links, Outputs};
use maya_mcp_notify::EventLog;
use maya_mcp_notify::Numbers;
use maya_mcp_session::{Commands, Registry, clock};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    approvals::{self, Approvals},
    arriving::{BODY_LIMIT, Bodies},
    audit::{self, Audit, AuditLog, AuditText},
    changes::Changes,
    connections::{CONNECTIONS, Connection, Connections, Leave},
    events,
    executions::Executions,
    gate::{self, Door, Guard, Reading, refuse},
    legacy_sessions::{self, LegacySessions},
    push::{self, Marks},
    secret::{EndpointSecret, is_nonce},
    server::{Patience, Server, Shared},
    shares::{Kind, Shares},
    slow_readers::Patient,
    status::{self, FurtherStatus, Status},
    tokens::Tokens,
};

/// For a client that keeps an unused connection. Who has shown no token has far less time.
const SILENT_CONNECTION: Duration = Duration::from_mins(5);
/// Between looks for an idle connection, when there is no place for one more.
const MAKE_ROOM: Duration = Duration::from_millis(50);
/// A request line and its headers; ours have a few hundred bytes.
const HEADERS: usize = 64 << 10;
/// After `stop`: for answers that are being written.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// After that: for streams that have been told to end.
const CUT_OFF: Duration = Duration::from_millis(350);

/// What the endpoint serves from.
#[derive(Debug, Clone)]
pub struct Engine {
    pub registry: Registry,
    pub links: Links,
    /// What their Script Editors show.
    pub outputs: Outputs,
    /// To whoever carries out what is asked for beside choosing.
    pub commands: Commands,
    /// `None`: no token is asked for, and every client is "local". For conformance runs only.
    pub tokens: Option<Tokens>,
    pub proof: EndpointSecret,
    pub patience: Patience,
    /// Where each call is written down.
    pub audit: Option<AuditLog>,
    /// Where older events are read from.
    pub log: Option<EventLog>,
    /// What was told to whom.
    pub numbers: Numbers,
    /// Of the parts that only the caller knows.
    pub further_status: FurtherStatus,
    pub version: String,
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, engine: Engine, stop: CancellationToken) -> io::Result<()> {
    #[cfg(feature = "conformance-fixtures")]
    tracing::warn!("this program has the conformance fixtures: it is for tests and must not be shipped");
    let port = listener.local_addr()?.port();
    // Cancelled a moment after `stop`: open streams end then.
    let cut = CancellationToken::new();
    let tracker = TaskTracker::new();
    let (audit, audit_lines) = Audit::new(engine.audit.as_ref().map_or(AuditText::Digest, |log| log.text));
    let shared = Arc::new(Shared {
        changes: Changes::new(&engine.registry, &engine.numbers),
        executions: Executions::default(),
        approvals: Approvals::default(),
        audit,
        log: engine.log,
        patience: engine.patience,
        began: tokio::time::Instant::now(),
        since: clock::now(),
        marks: watch::Sender::new(Marks::default()),
        registry: engine.registry,
        links: engine.links,
        outputs: engine.outputs,
        commands: engine.commands,
        numbers: engine.numbers,
        tracker: tracker.clone(),
        stop: stop.clone(),
        version: engine.version,
    });
    let sessions = Arc::new(session_manager());
    let legacy = Arc::new(LegacySessions::new(sessions.clone()));
    let connections = Connections::default();
    let guard = Guard {
        tokens: engine.tokens.clone(),
        sessions: legacy.clone(),
        bodies: Bodies::default(),
        shares: Shares::default(),
        connections: connections.clone(),
        tracker: tracker.clone(),
    };
    let door = Arc::new(Door::new(port));
    let mcp = mcp(shared.clone(), sessions, &door, cut.clone());
    let status = Status {
        shared: shared.clone(),
        sessions: legacy.clone(),
        shares: guard.shares.clone(),
        endpoint: format!("http://127.0.0.1:{port}/mcp"),
        further: engine.further_status,
    };
    let router = router(mcp, status, guard, door, engine.proof);

    tracker.spawn(push::beat(&shared.registry, shared.marks.clone(), stop.clone()));
    tracker.spawn(approvals::expire(shared.registry.clone(), stop.clone()));
    if let Some(AuditLog { path, .. }) = engine.audit {
        tracker.spawn(audit::write(path, audit_lines, stop.clone()));
    }
    let stopped = stop.clone();
    let (leaving, left) = (legacy.clone(), stop.clone());
    tracker.spawn(async move { leaving.clear_up(engine.patience.absent, left).await });
    tracker.spawn(async move { legacy.reap(legacy_sessions::Patience::default(), stopped).await });
    if let Some(tokens) = engine.tokens {
        let stopped = stop.clone();
        tracker.spawn(async move { tokens.watch(stopped).await });
    }

    let kill = CancellationToken::new();
    accept(listener, router, &connections, &tracker, &stop, &kill).await;
    tracker.close();
    if tokio::time::timeout(LAST_WORDS, tracker.wait()).await.is_err() {
        cut.cancel();
        if tokio::time::timeout(CUT_OFF, tracker.wait()).await.is_err() {
            kill.cancel();
            tracker.wait().await;
        }
    }
    cut.cancel();
    Ok(())
}

pub(crate) fn session_manager() -> LocalSessionManager {
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = None;
    sessions
}

type Mcp = StreamableHttpService<Server, LocalSessionManager>;

fn mcp(shared: Arc<Shared>, sessions: Arc<LocalSessionManager>, door: &Door, cut: CancellationToken) -> Mcp {
    let mut config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(door.hosts().iter().cloned())
        .with_allowed_origins(["http://127.0.0.1:*", "http://localhost:*"]);
    config.sse_keep_alive = Some(Duration::from_secs(15));
    config.legacy_session_mode = true;
    // What is told before the answer makes it a stream; an answer alone is spared the copies of one.
    config.json_response = true;
    config.max_request_body_bytes = BODY_LIMIT;
    config.cancellation_token = cut;
    StreamableHttpService::new(move || Ok(Server::new(shared.clone())), sessions, config)
}

fn router(mcp: Mcp, status: Status, guard: Guard, door: Arc<Door>, proof: EndpointSecret) -> Router {
    let check_reader = |takes| {
        let reading = Reading { guard: guard.clone(), takes };
        middleware::from_fn_with_state(reading, gate::check_reader)
    };
    let events = Router::new()
        .route("/events", any(events::stream).with_state(status.shared.clone()))
        .route_layer(check_reader(Kind::Stream));
    let reports = Router::new()
        .route("/status", any(status::json))
        .route("/metrics", any(status::metrics))
        .with_state(status)
        .route_layer(check_reader(Kind::Call));
    // The token is asked for where there is something only: a 401 under /.well-known/ makes clients look for a way to log in.
    Router::new()
        .route_service("/mcp", mcp)
        .route_layer(middleware::from_fn_with_state(guard, gate::check_token))
        .merge(events)
        .merge(reports)
        .route("/prove", get(prove).with_state(proof))
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(door, gate::check_address))
}

/// Lets a program that knows the secret make sure of us before it tells us its token.
async fn prove(State(secret): State<EndpointSecret>, request: Request) -> Response {
    let nonce =
        request.uri().query().and_then(|query| query.strip_prefix("nonce=")).filter(|nonce| is_nonce(nonce));
    let Some(nonce) = nonce else {
        return refuse(StatusCode::BAD_REQUEST, "bad_nonce", "Ask with ?nonce= and 64 hexadecimal digits.");
    };
    let body = json!({ "proof": secret.prove(nonce) }).to_string();
    ([("content-type", "application/json"), ("cache-control", "no-store")], body).into_response()
}

async fn nothing_here() -> Response {
    refuse(StatusCode::NOT_FOUND, "not_found", "There is nothing here. The MCP endpoint is at /mcp.")
}

async fn accept(
    listener: TcpListener,
    router: Router,
    connections: &Connections,
    tracker: &TaskTracker,
    stop: &CancellationToken,
    kill: &CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let arrival = async {
            let place = place(&room, connections).await;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        let Some(arrived) = stop.run_until_cancelled(arrival).await else { return };
        let (stream, place) = match arrived {
            Ok(arrived) => arrived,
            Err(error) => {
                // Out of files, most likely: give others the time to close theirs.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let connection = serve_connection(stream, router.clone(), connections.come(), stop.clone());
        let kill = kill.clone();
        tracker.spawn(async move {
            kill.run_until_cancelled(connection).await;
            drop(place);
        });
    }
}

/// There is always one: a connection that is not in use goes for one more.
async fn place(room: &Arc<Semaphore>, connections: &Connections) -> OwnedSemaphorePermit {
    while room.available_permits() == 0 {
        connections.make_room();
        if let Ok(place) = tokio::time::timeout(MAKE_ROOM, room.clone().acquire_owned()).await {
            return place.expect("the semaphore is never closed");
        }
    }
    room.clone().acquire_owned().await.expect("the semaphore is never closed")
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    newcomer: Arc<Connection>,
    stop: CancellationToken,
) {
    // Small answers must not wait for more.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let known_by = newcomer.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(known_by.clone());
        router.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENT_CONNECTION)
        .max_buf_size(HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        leave = newcomer.has_to_go() => {
            if leave == Leave::AtOnce {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}
