//! `GET /events`, and how the engine is: what programs without MCP read.

use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode, header::HeaderValue};
use serde_json::{Value, json};

use crate::{
    raw::Raw,
    support::{Legacy, Running, http, in_time, name},
};

const RING: u64 = 1024;
const STREAMS: usize = 64;

/// One event as it travels.
#[derive(Debug)]
struct Told {
    id: u64,
    event: String,
    data: Value,
}

struct Reader {
    response: Response,
    text: String,
}

impl Reader {
    async fn open(running: &Running, client: &str, query: &str) -> Self {
        Self::resume(running, client, query, None).await
    }

    async fn resume(running: &Running, client: &str, query: &str, last: Option<u64>) -> Self {
        let get = http().get(running.url(&format!("/events{query}"))).bearer_auth(running.token(client));
        let get = match last {
            Some(last) => get.header("last-event-id", last.to_string()),
            None => get,
        };
        let response = in_time("an answer", get.send()).await.expect("sent");
        assert_eq!(response.status(), 200, "{query}");
        assert_eq!(response.headers()["content-type"], "text/event-stream", "as every such client asks for");
        Self { response, text: String::new() }
    }

    async fn next(&mut self) -> Option<Told> {
        in_time("an event", async {
            loop {
                if let Some(end) = self.text.find("\n\n") {
                    let block: String = self.text.drain(..end + 2).collect();
                    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                    let Some(event) = field("event: ") else { continue };
                    let id = field("id: ").expect("each has one").parse().expect("a number");
                    let data = serde_json::from_str(field("data: ").expect("each has some")).expect("JSON");
                    return Some(Told { id, event: event.to_owned(), data });
                }
                let chunk = self.response.chunk().await.ok()??;
                self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
            }
        })
        .await
    }

    async fn told(&mut self) -> Told {
        self.next().await.expect("the stream goes on")
    }

    async fn sources(&mut self, count: usize) -> Vec<String> {
        let mut sources = Vec::new();
        for _ in 0..count {
            let told = self.told().await;
            sources.push(format!("{} {}", told.data["source"].as_str().unwrap_or_default(), told.event));
        }
        sources
    }
}

#[tokio::test]
async fn a_reader_gets_what_is_and_then_each_event_once() {
    let running = Running::start().await;
    let first = running.registry.first_seq();
    running.come(1);
    let mut reader = Reader::open(&running, "cursor", "").await;
    let now = reader.told().await;
    assert_eq!(
        (now.event.as_str(), now.id),
        ("snapshot", first),
        "first what is true, with its place: {now:?}"
    );
    assert_eq!(now.data["sessions"][0]["session"], "maya-1", "in the words of list_sessions");
    assert_eq!(now.data["seq"], first, "the number of the last event that is in it");
    assert_eq!(now.data["revision"], running.registry.snapshot().revision, "taken in the same moment");
    running.come(2);
    running.go(1);
    let came = reader.told().await;
    assert_eq!((came.event.as_str(), came.id), ("appeared", first + 1), "{came:?}");
    assert_eq!(
        (&came.data["seq"], &came.data["kind"], &came.data["session"]),
        (&json!(first + 1), &json!("appeared"), &json!("maya-2")),
        "in the words of the event log: {came:?}"
    );
    assert_eq!(reader.sources(1).await, ["maya-1 exited"], "in order");
    let report = running.numbers.report();
    let told: u64 = report.outlets.iter().map(|outlet| outlet.forwarded).sum();
    assert_eq!((told, report.delivery.len()), (2, 1), "each is counted, with its delay: {report:?}");
}

#[tokio::test]
async fn a_reader_may_want_some_only() {
    let running = Running::start().await;
    running.come(1);
    let mut by_kind = Reader::open(&running, "cursor", "?kind=exited&kind=crashed").await;
    let mut by_session = Reader::open(&running, "zed", "?session=maya-2").await;
    let mut by_both = Reader::open(&running, "zed", "?session=maya-2&kind=exited").await;
    assert_eq!(by_kind.told().await.data["sessions"][0]["session"], "maya-1", "all that is there");
    assert_eq!(by_session.told().await.data["sessions"], json!([]), "of the others nothing");
    by_both.told().await;
    running.come(2);
    running.go(1);
    running.go(2);
    assert_eq!(by_kind.sources(2).await, ["maya-1 exited", "maya-2 exited"], "of these kinds");
    assert_eq!(by_session.sources(2).await, ["maya-2 appeared", "maya-2 exited"], "of this session");
    assert_eq!(by_both.sources(1).await, ["maya-2 exited"], "of both");
}

#[tokio::test]
async fn who_connects_again_goes_on_where_it_was() {
    let running = Running::start().await;
    let first = running.registry.first_seq();
    for pid in 1..=3 {
        running.come(pid);
    }
    let mut reader = Reader::resume(&running, "cursor", "", Some(first)).await;
    assert_eq!(reader.sources(2).await, ["maya-2 appeared", "maya-3 appeared"], "without a snapshot");
    let mut reader = Reader::open(&running, "cursor", &format!("?after={}", first + 1)).await;
    assert_eq!(reader.sources(1).await, ["maya-3 appeared"], "also by the address");
    let mut reader = Reader::resume(&running, "cursor", &format!("?after={first}"), Some(first + 1)).await;
    assert_eq!(reader.sources(1).await, ["maya-3 appeared"], "the header is the newer word");
    drop(reader);
    running.come(4);
    let mut reader = Reader::resume(&running, "cursor", "", Some(first + 2)).await;
    assert_eq!(reader.sources(1).await, ["maya-4 appeared"], "what came in between");
    running.come(5);
    assert_eq!(reader.sources(1).await, ["maya-5 appeared"], "and what comes");
}

#[tokio::test]
async fn what_is_not_kept_any_more_is_told_as_missed() {
    let running = Running::start().await;
    let first = running.registry.first_seq();
    let many = RING + 10;
    for pid in 1..=u32::try_from(many).expect("a small constant") {
        running.come(pid);
    }
    let mut reader = Reader::resume(&running, "cursor", "", Some(first + 2)).await;
    let missed = reader.told().await;
    assert_eq!((missed.event.as_str(), missed.id), ("missed", first + 9), "{missed:?}");
    assert_eq!(missed.data, json!({ "missed": 7, "oldest": first + 10 }), "from the fourth to the tenth");
    assert_eq!(reader.told().await.id, first + 10, "and then the oldest that is kept");
    let mut kept = Vec::new();
    while kept.last() != Some(&"snapshot".to_owned()) {
        kept.push(reader.told().await.event);
    }
    assert_eq!(kept.len() as u64, RING, "each of them, and then what is true now");
    for stranger in [first + many + 500, u64::MAX] {
        let mut reader = Reader::resume(&running, "cursor", "", Some(stranger)).await;
        let missed = reader.told().await;
        assert_eq!(
            missed.data,
            json!({ "missed": null, "oldest": first + 10 }),
            "{stranger} was never given by this engine: nobody knows how many"
        );
    }
    let missed = running.numbers.report().missed.into_values().collect::<Vec<_>>();
    assert_eq!(missed, [7], "it is counted");
}

#[tokio::test]
async fn nobody_reads_without_the_right_address_and_token_or_by_another_method() {
    let running = Running::start().await;
    let token = running.token("cursor");
    for path in ["/events", "/status", "/metrics"] {
        let get = || http().get(running.url(path)).bearer_auth(&token);
        for (request, status, why) in [
            (http().get(running.url(path)), StatusCode::UNAUTHORIZED, "no token"),
            (http().get(running.url(path)).bearer_auth("maya_0"), StatusCode::UNAUTHORIZED, "a wrong one"),
            (http().post(running.url(path)), StatusCode::UNAUTHORIZED, "first who, then what"),
            (get().header("host", "evil.com"), StatusCode::FORBIDDEN, "a page that tricks DNS"),
            (get().header("origin", "http://evil.com"), StatusCode::FORBIDDEN, "a page of another site"),
            (http().post(running.url(path)).bearer_auth(&token), StatusCode::METHOD_NOT_ALLOWED, "POST"),
            (http().delete(running.url(path)).bearer_auth(&token), StatusCode::METHOD_NOT_ALLOWED, "DELETE"),
            (http().head(running.url(path)).bearer_auth(&token), StatusCode::METHOD_NOT_ALLOWED, "HEAD"),
        ] {
            let response = in_time(why, request.send()).await.expect("sent");
            assert_eq!(response.status(), status, "{path}: {why}");
            let allow = response.headers().get("allow").map(HeaderValue::as_bytes);
            let is_method = status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(allow, is_method.then_some(b"GET".as_slice()), "{path}: {why}");
        }
    }
    for query in ["?kind=boom", "?after=x", "?token=maya_1"] {
        let get = http().get(running.url(&format!("/events{query}"))).bearer_auth(&token);
        let refused = get.send().await.expect("sent");
        assert_eq!(refused.status(), 400, "{query}");
        let why: Value = refused.json().await.expect("JSON");
        assert!(why["message"].as_str().is_some_and(|why| why.ends_with('.')), "{query}: a sentence: {why}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let running = Running::start().await;
    let mut reader = Reader::open(&running, "cursor", "").await;
    let mut other = Reader::open(&running, "zed", "").await;
    reader.told().await;
    other.told().await;
    let began = Instant::now();
    // Another process: the engine only sees the folder.
    std::fs::remove_file(running.home.path().join("tokens").join("cursor")).expect("there");
    assert!(reader.next().await.is_none(), "it has ended");
    assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());
    running.come(1);
    assert_eq!(other.sources(1).await, ["maya-1 appeared"], "another's goes on");
    running.tokens.revoke(&name("zed")).expect("there was one");
    assert!(other.next().await.is_none(), "revoked in this very process, at once");
}

#[tokio::test]
async fn a_stream_ends_with_the_engine_at_once() {
    let running = Running::start().await;
    let mut reader = Reader::open(&running, "cursor", "").await;
    reader.told().await;
    let began = Instant::now();
    running.stop.cancel();
    assert!(reader.next().await.is_none(), "it has ended");
    assert!(began.elapsed() < Duration::from_millis(200), "took {:?}", began.elapsed());
    running.tracker.close();
    in_time("the end", running.tracker.wait()).await;
}

#[tokio::test]
async fn streams_of_events_count_among_the_clients_streams() {
    let running = Running::start().await;
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        open.push(Reader::open(&running, "cursor", "").await);
    }
    let get = || http().get(running.url("/events")).bearer_auth(running.token("cursor")).send();
    let refused = get().await.expect("sent");
    assert_eq!(refused.status(), 429, "and no more");
    let why: Value = refused.json().await.expect("JSON");
    assert!(why["message"].as_str().is_some_and(|why| why.contains("Close one")), "what to do: {why}");
    assert_eq!(Reader::open(&running, "zed", "").await.told().await.event, "snapshot", "another has its own");
    let status = read(&running, "cursor", "/status").await.json::<Value>().await.expect("JSON");
    assert_eq!(status["clients"][0]["streams"], STREAMS, "the status is no stream: {status}");
    open.pop();
    in_time("a free place", async { while get().await.expect("sent").status() != 200 {} }).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_harms_nobody_and_hears_how_much_it_missed() {
    let running = Running::start().await;
    let mut stalled = Raw::connect_narrow(&running).await;
    let (host, token) = (running.address, running.token("stalled"));
    let get = format!("GET /events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stalled.send(get).await;
    assert!(stalled.head().await.expect("a head").starts_with("HTTP/1.1 200"), "it is open");
    let mut other = Reader::open(&running, "cursor", "?session=maya-7").await;
    other.told().await;
    let told = || running.numbers.report().outlets.iter().map(|row| row.forwarded).sum::<u64>();
    let mut rounds_without_it = 0;
    // Until its connection has taken all that it can, and what the other gets is all that goes out.
    while rounds_without_it < 3 {
        let before = told();
        for pid in 1000..1200 {
            running.come(pid);
            running.go(pid);
        }
        running.come(7);
        running.go(7);
        assert_eq!(other.sources(2).await, ["maya-7 appeared", "maya-7 exited"], "whoever reads has each");
        rounds_without_it = if told() == before + 2 { rounds_without_it + 1 } else { 0 };
    }
    let missed = running.numbers.report().missed;
    assert!(missed.is_empty(), "nobody who reads has missed anything: {missed:?}");
    for pid in 1000..1000 + u32::try_from(RING).expect("a small constant") {
        running.come(pid);
        running.go(pid);
    }
    let text = in_time("what is left", stalled.until("event: missed")).await;
    assert!(text.contains("event: appeared"), "first what was on its way");
    running.come(8);
    in_time("what comes then", stalled.until("\"source\":\"maya-8\"")).await;
}

async fn read(running: &Running, client: &str, path: &str) -> Response {
    let get = http().get(running.url(path)).bearer_auth(running.token(client));
    let response = in_time(path, get.send()).await.expect("sent");
    assert_eq!(response.status(), 200, "{path}");
    response
}

#[tokio::test]
async fn the_status_says_how_the_engine_is() {
    let running = Running::start().await;
    running.come(1);
    let legacy = Legacy::connect(&running, "cursor").await;
    let _stream = legacy.open_stream().await;
    let status = read(&running, "prometheus", "/status").await.json::<Value>().await.expect("JSON");
    assert_eq!(status["endpoint"], running.url("/mcp"), "{status}");
    assert_eq!(
        (&status["version"], &status["pid"]),
        (&json!("0.0.1"), &json!(std::process::id())),
        "who it is: {status}"
    );
    assert_eq!(
        (&status["sessions"]["discovered"], &status["sessions"]["ready"]),
        (&json!(1), &json!(0)),
        "by phase, each of them: {status}"
    );
    assert_eq!(
        status["clients"],
        json!([{ "name": "cursor", "sessions": 1, "streams": 1 }]),
        "who has something open; a question is nothing that stays open"
    );
    assert_eq!(
        (&status["webhooks"], &status["event_log"], &status["desktop"]),
        (&json!([]), &Value::Null, &Value::Null),
        "the place for what others know: {status}"
    );
}

#[tokio::test]
async fn the_numbers_can_be_scraped() {
    let running = Running::start().await;
    running.come(1);
    running.call("cursor", "list_sessions", json!({})).await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let response = read(&running, "prometheus", "/metrics").await;
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8",
        "as Prometheus knows it"
    );
    let text = response.text().await.expect("text");
    for line in [
        r#"maya_mcp_events_told_total{outlet="mcp",kind="appeared",fate="forwarded"} 1"#,
        r#"maya_mcp_sessions{phase="discovered"} 1"#,
        r#"maya_mcp_sessions{phase="ready"} 0"#,
        "maya_mcp_clients_connected 1",
        r#"maya_mcp_client_sessions{client="cursor"} 1"#,
        r#"maya_mcp_build_info{version="0.0.1"} 1"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        assert!(name.starts_with("maya_mcp_") && value.parse::<f64>().is_ok(), "{line}");
    }
    drop(legacy);
}

#[tokio::test]
async fn the_command_line_reads_over_a_proven_connection() {
    let running = Running::start().await;
    let cli = name("cli");
    let get = || maya_mcp_endpoint::get(running.home.path(), &cli, "/status");
    let error = get().await.expect_err("it has no token");
    assert!(matches!(error, maya_mcp_endpoint::CallError::NoToken { .. }), "{error}");
    running.token("cli");
    let status: Value = serde_json::from_str(&get().await.expect("it is there")).expect("JSON");
    assert_eq!(status["version"], "0.0.1", "the whole of it");
    let (home, _) = running.end().await;
    let gone = maya_mcp_endpoint::get(home.path(), &cli, "/status").await;
    assert!(matches!(gone, Err(maya_mcp_endpoint::CallError::NotRunning)), "{gone:?}");
}
