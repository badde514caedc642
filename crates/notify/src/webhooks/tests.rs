//! Webhooks against real servers on this machine, which fail, hang, send elsewhere and come back.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fs,
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::stream;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use maya_mcp_session::{Filter, Kind, Observation, Process, ProcessId, clock, event_info};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::{io::AsyncReadExt as _, net::TcpListener, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    backlog::{Backlog, KEPT},
    *,
};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server does with a request, once; then it takes everything.
#[derive(Debug, Clone)]
enum Reply {
    Status(u16),
    To(u16, String),
    RetryAfter(&'static str),
    Hang,
    Endless,
}

#[derive(Debug, Clone)]
struct Request {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("it is ASCII"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("it is JSON")
    }

    fn source(&self) -> String {
        self.json()["data"]["source"].as_str().expect("it has one").to_owned()
    }
}

#[derive(Debug, Default)]
struct Seen {
    requests: watch::Sender<Vec<Request>>,
    replies: Mutex<VecDeque<Reply>>,
    endless: AtomicUsize,
}

/// Ends when it is dropped.
struct Server {
    origin: String,
    seen: Arc<Seen>,
    _task: JoinSet<()>,
}

impl Server {
    async fn begin(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("it is bound"));
        let seen = Arc::new(Seen { replies: Mutex::new(replies.into_iter().collect()), ..Seen::default() });
        let router = Router::new().fallback(serve_one).with_state(seen.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { origin, seen, _task: task }
    }

    fn will(&self, reply: Reply) {
        self.seen.replies.lock().expect("nobody panicked").push_back(reply);
    }

    fn requests(&self) -> Vec<Request> {
        self.seen.requests.borrow().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Request> {
        let mut requests = self.seen.requests.subscribe();
        let enough = timeout(PATIENCE, requests.wait_for(|requests| requests.len() >= count)).await;
        enough
            .unwrap_or_else(|_| panic!("only {} of {count} requests came", self.requests().len()))
            .expect("held");
        self.requests()
    }
}

async fn serve_one(State(seen): State<Arc<Seen>>, request: axum::extract::Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("it is small");
    let request = Request { path: head.uri.path().to_owned(), headers: head.headers, body };
    let reply = seen.replies.lock().expect("nobody panicked").pop_front().unwrap_or(Reply::Status(204));
    seen.requests.send_modify(|requests| requests.push(request));
    let of = |status: u16| Response::builder().status(status);
    let empty = Body::empty();
    let response = match reply {
        Reply::Status(status) => of(status).body(Body::from("secret words of the server")),
        Reply::To(status, to) => of(status).header("location", to).body(empty),
        Reply::RetryAfter(time) => of(503).header("retry-after", time).body(empty),
        Reply::Hang => std::future::pending().await,
        Reply::Endless => of(200).body(Body::from_stream(stream::repeat_with(move || {
            seen.endless.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(vec![b' '; 1 << 16])
        }))),
    };
    response.expect("it is well formed")
}

/// One engine, as far as webhooks know it.
struct Engine {
    registry: Registry,
    numbers: Numbers,
    home: TempDir,
    history: Arc<Log>,
    pace: Pace,
}

/// The event log's part.
#[derive(Debug)]
struct Log {
    events: Mutex<Vec<EventInfo>>,
    settled: watch::Sender<u64>,
    /// How often it was read.
    reads: AtomicUsize,
}

impl Default for Log {
    fn default() -> Self {
        Self { events: Mutex::default(), settled: watch::Sender::new(u64::MAX), reads: AtomicUsize::new(0) }
    }
}

impl Log {
    fn extend(&self, events: impl IntoIterator<Item = EventInfo>) {
        self.events.lock().expect("nobody panicked").extend(events);
    }
}

impl History for Log {
    fn read(&self, query: &Query) -> io::Result<Vec<EventInfo>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let events = self.events.lock().expect("nobody panicked");
        let wanted = |event: &&EventInfo| {
            query.after.is_none_or(|after| event.seq > after)
                && query.before.is_none_or(|before| event.seq < before)
                && query.filter.admits(event.kind, &event.source)
        };
        let events = events.iter().filter(wanted).cloned().collect::<Vec<_>>();
        let surplus = query.last.map_or(0, |last| events.len().saturating_sub(last));
        Ok(events[surplus..].to_vec())
    }

    fn settled(&self) -> watch::Receiver<u64> {
        self.settled.subscribe()
    }
}

struct Running {
    webhooks: Webhooks,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Engine {
    fn new() -> Self {
        let quick = Duration::from_millis(5);
        Self {
            registry: Registry::beginning_at(1000),
            numbers: Numbers::default(),
            home: tempfile::tempdir().expect("a folder"),
            history: Arc::default(),
            pace: Pace { first: quick, most: quick * 4, most_asked: quick * 2, ..Pace::default() },
        }
    }

    /// What happened is in the log, and the next start has numbers of its own.
    fn restart(&mut self) {
        let (first, next) = (self.registry.oldest_seq(), self.registry.next_seq());
        let edges = self.registry.since(first).edges;
        self.history.extend(edges.iter().map(event_info));
        self.registry = Registry::beginning_at(next.next_multiple_of(1000));
    }

    fn options(&self) -> WebhookOptions {
        WebhookOptions {
            registry: self.registry.clone(),
            history: Some(self.history.clone()),
            numbers: self.numbers.clone(),
            folder: self.home.path().join("webhooks"),
            pace: self.pace,
        }
    }

    fn begin(&self, settings: Value) -> Running {
        let configured = webhooks_in_settings(settings).expect("the settings are right");
        let (webhooks, couriers) = Webhooks::open(configured, &self.options());
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for courier in couriers {
            tasks.spawn(courier.run(stop.clone()));
        }
        Running { webhooks, stop, tasks }
    }

    fn happens(&self, pids: impl IntoIterator<Item = u32>) {
        for pid in pids {
            self.registry.observe(&Observation::ProcessFound(Process::new(ProcessId { pid, started_at: 1 })));
        }
    }

    /// How many events of this fate.
    fn count(&self, fate: &str) -> u64 {
        let text = self.numbers.prometheus();
        let lines = text
            .lines()
            .filter(|line| line.contains(&format!(r#"outlet="webhook",kind="appeared",fate="{fate}""#)));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    fn place(&self) -> PathBuf {
        let mut files = fs::read_dir(self.home.path().join("webhooks")).expect("it is there");
        files.next().expect("one webhook").expect("readable").path()
    }
}

impl Running {
    async fn wait_until(&self, wanted: impl Fn(&WebhookState) -> bool) -> WebhookState {
        let mut state = self.webhooks.0[0].clone();
        let reached =
            timeout(PATIENCE, state.wait_for(&wanted)).await.map(|state| state.expect("it runs").clone());
        reached.unwrap_or_else(|_| panic!("it stays at {:?}", self.webhooks.states()))
    }

    async fn stop(mut self) {
        self.stop.cancel();
        let ended =
            timeout(Duration::from_secs(2), async { while self.tasks.join_next().await.is_some() {} });
        ended.await.expect("it ends at once, whatever it was doing");
    }
}

fn sources(requests: &[Request]) -> Vec<String> {
    requests.iter().map(Request::source).collect()
}

fn names(pids: impl IntoIterator<Item = u32>) -> Vec<String> {
    pids.into_iter().map(|pid| format!("maya-{pid}")).collect()
}

#[tokio::test]
async fn an_event_arrives_signed_as_the_specification_has_it() {
    let (server, engine) = (Server::begin([]).await, Engine::new());
    engine.happens([1]);
    let url = format!("{}/hook?key=word", server.origin);
    let running = engine.begin(json!([{ "url": url, "secret": SECRET }]));
    engine.happens([2]);
    let requests = server.wait_for(1).await;
    let state = running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    let [request] = &requests[..] else { panic!("what was before is not told: {requests:?}") };

    let mut mac =
        Hmac::<Sha256>::new_from_slice(&BASE64.decode(&SECRET[6..]).expect("base64")).expect("any length");
    let (id, time) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    mac.update(&[id.as_bytes(), b".", time.as_bytes(), b".", &request.body].concat());
    let signature = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
    assert_eq!(request.header("webhook-signature"), signature, "over what was received");
    let age = clock::now().as_second() - time.parse::<i64>().expect("whole seconds");
    assert!((0..60).contains(&age), "the time of the try: {time}");
    assert!(id.starts_with("evt_1001_") && !id.contains('.'), "of one event: {id}");
    assert_eq!(request.header("content-type"), "application/json", "what it is");

    let body = request.json();
    assert_eq!((&body["type"], &body["data"]["kind"]), (&json!("appeared"), &json!("appeared")), "{body}");
    assert_eq!(
        (&body["timestamp"], &body["data"]["session"]),
        (&body["data"]["time"], &json!("maya-2")),
        "{body}"
    );
    assert_eq!(state.url, server.origin, "without its path and query, which may be secrets");
    assert_eq!((state.waiting, state.last_error), (0, None), "all is well");
    assert_eq!(engine.numbers.report().delivery[0].count, 1, "and how long it took is known");
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed_and_only_what_is_wanted_is_sent() {
    let (server, engine) = (Server::begin([]).await, Engine::new());
    let running = engine
        .begin(json!([{ "url": server.origin, "kinds": ["appeared"], "sessions": ["maya-2", "maya-4"] }]));
    engine.happens(1..=5);
    let requests = server.wait_for(2).await;
    running.wait_until(|state| state.delivered == 2).await;
    running.stop().await;
    assert_eq!(sources(&requests), names([2, 4]), "those of these two");
    assert_eq!(requests[0].header("webhook-signature"), "", "there is no key to sign with");
    assert_eq!(requests[0].path, "/", "where it was to go");
}

#[tokio::test]
async fn a_server_that_fails_gets_the_same_again_until_it_is_back() {
    let failures = [
        Reply::Status(500),
        Reply::Status(503),
        Reply::Status(429),
        Reply::Status(408),
        Reply::Status(425),
        Reply::Status(401),
        Reply::Status(403),
        Reply::Status(404),
        Reply::Status(405),
        Reply::Status(407),
        Reply::RetryAfter("3600"),
        Reply::RetryAfter("nonsense"),
    ];
    let failed = failures.len();
    let (server, engine) = (Server::begin(failures).await, Engine::new());
    let running = engine.begin(json!([{ "url": server.origin }]));
    engine.happens(1..=3);
    let requests = server.wait_for(failed + 3).await;
    let state = running.wait_until(|state| state.delivered == 3).await;
    running.stop().await;
    let first = requests[0].header("webhook-id");
    assert!(requests[..=failed].iter().all(|one| one.header("webhook-id") == first), "one id for all tries");
    assert_eq!(sources(&requests[failed..]), names(1..=3), "each once, in order");
    assert_eq!((state.last_error, state.next_try_at), (None, None), "it is over");
    assert_eq!((engine.count("forwarded"), engine.count("failed")), (3, 0), "none was lost");
}

#[tokio::test]
async fn a_server_that_hangs_is_tried_again_and_stopping_does_not_wait_for_it() {
    let server = Server::begin([Reply::Hang]).await;
    let mut engine = Engine::new();
    engine.pace.limit = Duration::from_millis(100);
    let running = engine.begin(json!([{ "url": server.origin }]));
    engine.happens([1]);
    let state = running.wait_until(|state| state.last_error.is_some()).await;
    assert_eq!(state.last_error.as_deref(), Some("no answer within 100ms"), "in plain words");
    assert!(state.next_try_at.is_some(), "and when it is tried again");
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;

    engine.pace.limit = Duration::from_hours(1);
    server.will(Reply::Hang);
    let running = engine.begin(json!([{ "url": server.origin }]));
    engine.happens([2]);
    server.wait_for(3).await;
    running.stop().await;
}

#[tokio::test]
async fn a_restart_loses_nothing_repeats_nothing_and_keeps_the_order() {
    let server = Server::begin([]).await;
    let mut engine = Engine::new();
    let settings = json!([{ "url": server.origin }]);
    let running = engine.begin(settings.clone());
    engine.happens([1, 2]);
    running.wait_until(|state| state.delivered == 2).await;
    (0..1000).for_each(|_| server.will(Reply::Status(500)));
    engine.happens([3, 4]);
    running.wait_until(|state| state.last_error.is_some() && state.waiting == 2).await;
    running.stop().await;
    // Nobody listens, and the application goes on.
    engine.happens([5]);
    engine.restart();
    server.seen.replies.lock().expect("nobody panicked").clear();
    let tried = server.requests();
    engine.happens([6]);
    let running = engine.begin(settings);
    engine.happens([7]);
    let requests = server.wait_for(tried.len() + 5).await;
    running.wait_until(|state| state.delivered == 5).await;
    running.stop().await;
    let after = &requests[tried.len()..];
    assert_eq!(sources(after), names([3, 4, 5, 6, 7]), "what waited first, then what is new");
    let last_try = tried.last().expect("it was tried").header("webhook-id");
    assert_eq!(after[0].header("webhook-id"), last_try, "the same id after the restart");
    assert_eq!(engine.count("forwarded"), 7, "each counted once");
    assert_eq!(engine.numbers.report().delivery[0].count, 4, "delays of those that happened in this run");
}

#[tokio::test]
async fn what_was_delivered_just_before_a_crash_comes_again_with_its_id() {
    let server = Server::begin([]).await;
    let mut engine = Engine::new();
    let settings = json!([{ "url": server.origin }]);
    let running = engine.begin(settings.clone());
    let before = fs::read(engine.place()).expect("written at once");
    engine.happens([1]);
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    assert_ne!(fs::read(engine.place()).expect("there"), before, "it is written down");
    fs::write(engine.place(), before).expect("writable");
    engine.restart();
    let running = engine.begin(settings.clone());
    let requests = server.wait_for(2).await;
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    let ids = requests.iter().map(|request| request.header("webhook-id")).collect::<Vec<_>>();
    assert_eq!(ids[0], ids[1], "whoever counts can tell that it is the same");

    engine.happens([2]);
    engine.restart();
    fs::write(engine.place(), "{").expect("writable");
    let running = engine.begin(settings);
    engine.happens([3]);
    let requests = server.wait_for(5).await;
    running.wait_until(|state| state.delivered == 3).await;
    running.stop().await;
    assert_eq!(sources(&requests[2..]), names([1, 2, 3]), "a torn file loses nothing of the last day");
    assert_eq!(requests[2].header("webhook-id"), ids[0], "and what comes again can be told");
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_server_only() {
    let (other, engine) = (Server::begin([]).await, Engine::new());
    let to = |status, to: &str| Reply::To(status, to.to_owned());
    let server = Server::begin([
        to(307, "/a"),
        to(308, "/b"),
        to(307, "/c"),
        // That was the third: here it is delivered.
        Reply::Status(200),
        // Each of these fails, and the event is sent again.
        to(307, &format!("{}/stolen", other.origin)),
        to(308, "https://farm.example.com/"),
        to(302, "/question"),
        to(303, "/question"),
        Reply::Status(304),
    ])
    .await;
    let running = engine.begin(json!([{ "url": format!("{}/hook", server.origin), "secret": SECRET }]));
    engine.happens([1]);
    let requests = server.wait_for(4).await;
    running.wait_until(|state| state.delivered == 1).await;
    let paths = |requests: &[Request]| requests.iter().map(|one| one.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&requests), ["/hook", "/a", "/b", "/c"], "three steps");
    assert_eq!(requests[3].body, requests[0].body, "with all it has to say");
    assert_eq!(
        requests[3].header("webhook-signature"),
        requests[0].header("webhook-signature"),
        "and its proof"
    );

    engine.happens([2]);
    let state = running.wait_until(|state| state.last_error.is_some()).await;
    let why = state.last_error.expect("just seen");
    assert!(
        why.contains(&other.origin) && why.contains("set the right address"),
        "it is told where to: {why}"
    );
    let requests = server.wait_for(10).await;
    running.wait_until(|state| state.delivered == 2).await;
    (0..4).for_each(|_| server.will(to(307, "/round")));
    engine.happens([3]);
    running.wait_until(|state| state.delivered == 3).await;
    running.stop().await;
    assert_eq!(paths(&requests[4..]), ["/hook"; 6], "never to the other path, as that would be a GET");
    assert_eq!(
        paths(&server.requests()[10..]),
        ["/hook", "/round", "/round", "/round", "/hook"],
        "no fourth step"
    );
    assert_eq!(other.requests().len(), 0, "nothing arrives where it was not to go");
}

#[tokio::test]
async fn an_event_that_is_refused_is_given_up_and_one_that_is_gone_ends_it() {
    let refusals = [400, 500, 413, 422, 200].map(Reply::Status);
    let (server, mut engine) = (Server::begin(refusals).await, Engine::new());
    let settings = json!([{ "url": server.origin }]);
    let running = engine.begin(settings.clone());
    engine.happens([1, 2]);
    let requests = server.wait_for(5).await;
    running.wait_until(|state| state.delivered == 1).await;
    assert_eq!(
        sources(&requests),
        names([1, 1, 1, 1, 2]),
        "three refusals, and a failure that counts for nothing"
    );
    assert_eq!((engine.count("forwarded"), engine.count("failed")), (1, 1), "both counted");

    server.will(Reply::Status(410));
    engine.happens([3]);
    let state = running.wait_until(|state| state.last_error.is_some()).await;
    assert!(state.last_error.expect("just seen").contains("410 Gone"), "the artist can read why");
    engine.happens([4]);
    running.stop().await;
    assert_eq!(server.requests().len(), 6, "not for this run");
    engine.restart();
    let running = engine.begin(settings);
    let requests = server.wait_for(8).await;
    running.wait_until(|state| state.delivered == 2).await;
    running.stop().await;
    assert_eq!(sources(&requests[6..]), names([3, 4]), "the next may be welcome again");
}

#[tokio::test]
async fn of_an_endless_answer_only_the_beginning_is_read() {
    let (server, engine) = (Server::begin([Reply::Endless]).await, Engine::new());
    let running = engine.begin(json!([{ "url": server.origin }]));
    engine.happens([1, 2]);
    server.wait_for(2).await;
    running.wait_until(|state| state.delivered == 2).await;
    running.stop().await;
    let sent = server.seen.endless.load(Ordering::Relaxed) << 16;
    assert!(sent < 32 << 20, "what fits into the system's buffers, no 100 MB: {sent}");
}

#[tokio::test]
async fn one_dead_server_holds_up_no_other() {
    let (dead, well) = (Server::begin([Reply::Hang]).await, Server::begin([]).await);
    let engine = Engine::new();
    let running = engine.begin(json!([{ "url": dead.origin }, { "url": well.origin }]));
    engine.happens(1..=20);
    let requests = well.wait_for(20).await;
    assert_eq!(sources(&requests), names(1..=20), "all of them");
    dead.wait_for(1).await;
    assert_eq!(running.webhooks.states()[0].delivered, 0, "and the other one waits alone");
    running.stop().await;
}

#[tokio::test]
async fn https_is_spoken_where_it_is_asked_for() {
    let (listener, engine) = (TcpListener::bind("127.0.0.1:0").await.expect("a free port"), Engine::new());
    let address = listener.local_addr().expect("it is bound");
    let running = engine.begin(json!([{ "url": format!("https://{address}/") }]));
    engine.happens([1]);
    let (mut stream, _) =
        timeout(PATIENCE, listener.accept()).await.expect("it comes").expect("a connection");
    let first = stream.read_u8().await.expect("it says something");
    assert_eq!(first, 0x16, "a TLS handshake, nothing in the clear");
    drop(stream);
    running.wait_until(|state| state.last_error.is_some()).await;
    running.stop().await;
}

fn event(seq: u64, time: Timestamp) -> EventInfo {
    EventInfo {
        seq,
        time: time.to_string(),
        source: format!("maya-{seq}"),
        kind: Kind::Appeared,
        session: Some(format!("maya-{seq}")),
        detail: String::new(),
        recovered_scene: None,
    }
}

#[tokio::test]
async fn what_waits_is_bounded_in_number_and_age_and_the_rest_is_counted() {
    let (mut engine, now) = (Engine::new(), clock::now());
    let old = now - SignedDuration::from_hours(25);
    let events = (1..=900).map(|seq| event(seq, old)).chain((901..=999).map(|seq| event(seq, now)));
    engine.history.extend(events);
    let mut backlog = Backlog::new(&engine.options(), Filter::default(), 0);
    backlog.top_up().await;
    assert_eq!(
        (backlog.len(), engine.count("missed"), backlog.place()),
        (99, 900, 900),
        "the old ones are not sent"
    );

    engine.happens(1..=1500);
    backlog.top_up().await;
    let before_the_last = engine.registry.next_seq() - 1 - KEPT as u64;
    assert_eq!((backlog.len(), backlog.place()), (KEPT, before_the_last), "the last thousand");
    let lost = engine.registry.oldest_seq() - 1000;
    assert_eq!(
        engine.count("missed") + lost,
        900 + 99 + 500,
        "all others are counted, but those that nobody has"
    );

    engine.restart();
    let mut backlog = Backlog::new(&engine.options(), Filter::everything(), 1999);
    backlog.top_up().await;
    assert_eq!(
        backlog.first().map(|first| first.event.seq),
        Some(2000),
        "the log goes on where the ring ended"
    );
    assert_eq!((backlog.len(), backlog.take_given_up()), (500, 0), "across the pages of the log");
}

#[tokio::test]
async fn a_webhook_that_was_taken_out_begins_anew_and_numbers_that_begin_anew_are_news() {
    let (server, mut engine) = (Server::begin([]).await, Engine::new());
    let settings = json!([{ "url": server.origin }]);
    engine.begin(settings.clone()).stop().await;
    engine.happens([1]);
    engine.begin(json!([])).stop().await;
    let running = engine.begin(settings.clone());
    engine.happens([2]);
    server.wait_for(1).await;
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    // Somebody has emptied the event log.
    engine.registry = Registry::default();
    engine.happens([3]);
    let running = engine.begin(settings);
    let requests = server.wait_for(2).await;
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    assert_eq!(sources(&requests), names([2, 3]), "not what happened while it was not set");
}

#[tokio::test]
async fn a_log_that_is_a_moment_late_loses_nothing() {
    let engine = Engine::new();
    engine.history.settled.send_replace(1000);
    let wanted = Filter { kinds: None, sources: Some((1..=10).map(|pid| format!("maya-{pid}")).collect()) };
    let mut backlog = Backlog::new(&engine.options(), wanted, 999);
    engine.happens(1..=10);
    let edges = engine.registry.since(1000).edges;
    engine.happens(11..=1500);
    let late = async {
        tokio::task::yield_now().await;
        assert_eq!(engine.history.reads.load(Ordering::Relaxed), 0, "they are not there yet");
        engine.history.extend(edges.iter().map(event_info));
        engine.history.settled.send_replace(engine.registry.next_seq());
    };
    let both = async { tokio::join!(backlog.top_up(), late) };
    timeout(PATIENCE, both).await.expect("it waits for the log, and no longer");
    assert_eq!(backlog.len(), 10, "they are in the log by then");
    assert_eq!(engine.history.reads.load(Ordering::Relaxed), 1, "which is read once");
}

#[tokio::test]
async fn a_clock_that_jumps_empties_no_queue() {
    let (engine, now) = (Engine::new(), clock::now());
    let long_ago = now - SignedDuration::from_hours(24 * 366);
    engine.history.extend((1..=10).map(|seq| event(seq, long_ago)));
    let mut backlog = Backlog::new(&engine.options(), Filter::default(), 0);
    engine.happens([1]);
    backlog.top_up().await;
    assert_eq!((backlog.len(), engine.count("missed")), (11, 0), "for the log, it was a moment ago");
}

#[tokio::test]
async fn numbers_that_begin_anew_for_one_start_repeat_nothing_after_it() {
    let (server, mut engine) = (Server::begin([]).await, Engine::new());
    let settings = json!([{ "url": server.origin }]);
    let running = engine.begin(settings.clone());
    engine.happens(1..=3);
    running.wait_until(|state| state.delivered == 3).await;
    running.stop().await;
    engine.restart();
    let next = engine.registry.next_seq();
    assert_eq!(furthest(&engine.home.path().join("webhooks")), Some(1002), "as the next start can read");
    engine.registry = Registry::beginning_at(1);
    let history = std::mem::take(&mut engine.history);
    let running = engine.begin(settings.clone());
    engine.happens([4]);
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    engine.history = history;
    engine.registry = Registry::beginning_at(next);
    let running = engine.begin(settings);
    engine.happens([5]);
    let requests = server.wait_for(5).await;
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    assert_eq!(sources(&requests), names(1..=5), "each once");
}

#[tokio::test]
async fn the_place_moves_on_though_nothing_was_wanted() {
    let (server, engine) = (Server::begin([]).await, Engine::new());
    let running = engine.begin(json!([{ "url": server.origin, "kinds": ["crashed"] }]));
    let place = engine.place();
    engine.happens(1..=900);
    let moved = async {
        while fs::read_to_string(&place).is_ok_and(|text| text == r#"{"seq":999}"#) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, moved).await.expect("what was looked at is written down before the end, too");
    running.stop().await;
}

/// What is logged.
#[derive(Debug, Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_and_an_outage_is_told_once() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let (server, engine) = (Server::begin([500, 500, 400, 400, 400].map(Reply::Status)).await, Engine::new());
    let url = format!("{}/path-word?query-word", server.origin);
    let running = engine.begin(json!([{ "url": url, "secret": SECRET }]));
    engine.happens([1, 2]);
    running.wait_until(|state| state.delivered == 1).await;
    running.stop().await;
    let logged = String::from_utf8(logged.0.lock().expect("nobody panicked").clone()).expect("text");
    let ours = logged.lines().filter(|line| line.contains("maya_mcp_notify")).collect::<Vec<_>>();
    for word in [&SECRET[6..], "path-word", "query-word", "secret words"] {
        assert!(ours.iter().all(|line| !line.contains(word)), "{word} in {ours:#?}");
    }
    let told = ours.iter().filter(|line| line.contains("WARN") && line.contains("tried again")).count();
    assert_eq!(told, 1, "not at each try: {ours:#?}");
    assert!(!logged.contains(&SECRET[6..]), "nor does a library log it");
}
