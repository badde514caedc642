//! What one client may take, and that nobody else notices.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpStream, task::JoinSet};

use crate::{
    fake_maya::FakeMaya,
    raw::{Raw, modern, post, standing},
    support::{Events, Legacy, Running, in_time, initialize, modern_meta, name},
};

const CALLS: usize = 64;
const STREAMS: usize = 64;
const ARRIVING: usize = 128;
const SESSIONS: usize = 64;
const BODY_LIMIT: usize = 32 << 20;

/// For a change after the last one of all.
fn wait(running: &Running, client: &str) -> String {
    let arguments = json!({ "timeout_s": 600, "after": running.registry.watch().borrow().revision });
    let params = json!({ "name": "wait_for_session_change", "arguments": arguments });
    modern(running, client, 7, "tools/call", params)
}

fn listen(running: &Running, client: &str) -> String {
    let params = json!({ "notifications": { "resourcesListChanged": true } });
    modern(running, client, 7, "subscriptions/listen", params)
}

/// So many connections that have each sent this.
async fn send_all(running: &Running, number: usize, request: &str) -> Vec<Raw> {
    let mut all = Vec::new();
    for _ in 0..number {
        let mut raw = Raw::connect(running).await;
        raw.send(request).await;
        all.push(raw);
    }
    all
}

async fn list(running: &Running, client: &str) -> Value {
    let mut raw = Raw::connect(running).await;
    raw.send(modern(running, client, 9, "tools/list", json!({}))).await;
    raw.answer().await.json()
}

async fn list_in(legacy: &Legacy<'_>) -> Value {
    let mut raw = Raw::connect(legacy.running).await;
    let list = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/list" });
    raw.send(post(legacy.running, &session_headers(legacy), &list.to_string())).await;
    raw.answer().await.json()
}

fn session_headers(legacy: &Legacy<'_>) -> String {
    format!("{}Mcp-Session-Id: {}\r\n", standing(&legacy.token), legacy.session)
}

fn get(legacy: &Legacy<'_>) -> String {
    format!("GET /mcp HTTP/1.1\r\nHost: {}\r\n{}\r\n", legacy.running.address, session_headers(legacy))
}

/// Asks until it is answered like this: what was sent or dropped just now takes effect a moment later.
async fn until_listed(running: &Running, client: &str, is_listed: bool) -> Value {
    let what = if is_listed { "being served again" } else { "being refused" };
    let mut raw = Raw::connect(running).await;
    in_time(what, async {
        loop {
            raw.send(modern(running, client, 9, "tools/list", json!({}))).await;
            let answer = raw.answer().await;
            assert_eq!(answer.status, 200, "an error of JSON-RPC is an answer of HTTP");
            let message = answer.json();
            assert_eq!(message["id"], 9, "to the one who asked: {message}");
            if message.get("result").is_some() == is_listed {
                return message;
            }
        }
    })
    .await
}

fn check_too_many(error: &Value, words: &str, limit: usize) {
    assert_eq!(error["error"]["code"], -32010, "{error}");
    assert_eq!(error["error"]["data"]["limit"], limit, "for programs: {error}");
    let sentence = error["error"]["message"].as_str().expect("a sentence");
    assert!(sentence.contains(words) && sentence.contains(&limit.to_string()), "what to do: {sentence}");
}

#[tokio::test]
async fn a_client_has_so_many_calls_and_no_more_until_one_ends() {
    let running = Running::start().await;
    let mut calls = send_all(&running, CALLS, &wait(&running, "cursor")).await;
    check_too_many(
        &until_listed(&running, "cursor", false).await,
        "Wait for one to end or cancel one",
        CALLS,
    );
    assert!(list(&running, "zed").await.get("result").is_some(), "another client has its own share");
    let mut stream = Raw::connect(&running).await;
    stream.send(listen(&running, "cursor")).await;
    assert!(stream.head().await.expect("an answer").starts_with("HTTP/1.1 200"), "streams are counted apart");
    // It hangs up.
    calls.pop();
    until_listed(&running, "cursor", true).await;
    calls.push(Raw::connect(&running).await);
    calls.last_mut().expect("just pushed").send(wait(&running, "cursor")).await;
    until_listed(&running, "cursor", false).await;
    // All are answered, and read or not.
    running.come(1);
    for call in &mut calls[..CALLS / 2] {
        assert_eq!(call.answer().await.status, 200, "answered");
    }
    until_listed(&running, "cursor", true).await;
    drop(calls);
    let again = send_all(&running, CALLS, &wait(&running, "cursor")).await;
    until_listed(&running, "cursor", false).await;
    running.tokens.revoke(&name("cursor")).expect("revoked");
    until_listed(&running, "cursor", true).await;
    drop(again);
}

#[tokio::test]
async fn a_legacy_client_at_its_limit_can_still_cancel() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let headers = session_headers(&legacy);
    let call = async |id: usize| {
        let params = json!({ "name": "wait_for_session_change", "arguments": { "timeout_s": 600 } });
        let call = json!({ "jsonrpc": "2.0", "id": 1000 + id, "method": "tools/call", "params": params });
        let mut raw = Raw::connect(&running).await;
        raw.send(post(&running, &headers, &call.to_string())).await;
        assert!(raw.head().await.expect("a head").starts_with("HTTP/1.1 200"), "it runs");
        raw
    };
    let mut calls = Vec::new();
    for id in 0..CALLS {
        calls.push(call(id).await);
    }
    check_too_many(&list_in(&legacy).await, "cancel one", CALLS);
    // To wait is done again without harm: it ends with its connection.
    calls.pop();
    until_listed(&running, "cursor", true).await;
    calls.push(call(CALLS).await);
    check_too_many(&list_in(&legacy).await, "cancel one", CALLS);
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1000 } });
    assert_eq!(legacy.send(&cancel).await.status(), 202, "taken note of, at the limit too");
    until_listed(&running, "cursor", true).await;
    let delete = format!("DELETE /mcp HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", running.address);
    let mut raw = Raw::connect(&running).await;
    raw.send(delete).await;
    assert_eq!(raw.answer().await.status, 202, "ended");
    // All are free again.
    let again = send_all(&running, CALLS - 1, &wait(&running, "cursor")).await;
    until_listed(&running, "cursor", true).await;
    drop((calls, again));
}

#[tokio::test]
async fn one_session_too_many_ends_the_longest_silent_one_and_leaves_nothing_counted() {
    let running = Running::start().await;
    let first = Legacy::connect(&running, "cursor").await;
    let other = Legacy::connect(&running, "zed").await;
    for _ in 0..SESSIONS {
        assert!(list_in(&first).await.get("result").is_some(), "it is used");
        let mut raw = Raw::connect(&running).await;
        raw.send(post(&running, &standing(&running.token("cursor")), &initialize().to_string())).await;
        assert!(raw.answer().await.json().get("result").is_some(), "a new session each time");
    }
    assert!(list_in(&first).await.get("result").is_some(), "the one that is used stays");
    for _ in 0..SESSIONS {
        let mut raw = Raw::connect(&running).await;
        raw.send(post(&running, &standing(&running.token("cursor")), &initialize().to_string())).await;
        assert!(raw.answer().await.json().get("result").is_some(), "a new session each time");
    }
    let gone = list_in(&first).await;
    assert_eq!(
        gone["message"], "There is no such session. Initialize again.",
        "and the silent one hears why"
    );
    assert!(list_in(&other).await.get("result").is_some(), "another client's stays");
    let _calls = send_all(&running, CALLS - 1, &wait(&running, "cursor")).await;
    until_listed(&running, "cursor", true).await;
}

#[tokio::test]
async fn streams_have_a_limit_of_their_own() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut streams = send_all(&running, STREAMS, &listen(&running, "cursor")).await;
    for stream in &mut streams {
        assert!(stream.head().await.expect("a head").starts_with("HTTP/1.1 200"), "it is open");
    }
    let mut one_more = Raw::connect(&running).await;
    one_more.send(listen(&running, "cursor")).await;
    let refused = one_more.answer().await;
    assert_eq!((refused.status, &refused.json()["id"]), (200, &json!(7)), "an answer to what was asked");
    check_too_many(&refused.json(), "Close one", STREAMS);
    one_more.send(get(&legacy)).await;
    let refused = one_more.answer().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")), "a GET asks in HTTP");
    assert_eq!(refused.json()["error"], "too_many", "ours");
    assert!(list(&running, "cursor").await.get("result").is_some(), "calls go on");
    streams.pop();
    in_time("a free place", async {
        loop {
            one_more.send(get(&legacy)).await;
            let head = one_more.head().await.expect("an answer");
            if head.starts_with("HTTP/1.1 200") {
                return;
            }
            one_more = Raw::connect(&running).await;
        }
    })
    .await;
}

#[tokio::test]
async fn bodies_that_do_not_arrive_are_no_reason_to_wait() {
    let running = Running::start().await;
    let headers = standing(&running.token("cursor"));
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\n{headers}", running.address);
    let part = format!("{head}Content-Length: 99\r\nExpect: 100-continue\r\n\r\n");
    let mut arriving = Vec::new();
    for _ in 0..ARRIVING {
        let mut raw = Raw::connect(&running).await;
        raw.send(&part).await;
        assert!(raw.head().await.expect("an answer").starts_with("HTTP/1.1 100"), "it is waited for");
        raw.send("{").await;
        arriving.push(raw);
    }
    let mut raw = Raw::connect(&running).await;
    raw.send(modern(&running, "cursor", 9, "tools/list", json!({}))).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 429, "one too many: {}", answer.text());
    let said = answer.json()["message"].as_str().expect("a sentence").to_owned();
    assert!(said.contains("128 requests at once"), "{said}");
    assert!(list(&running, "zed").await.get("result").is_some(), "another client does not wait");
    arriving.pop();
    in_time("a free place", async {
        loop {
            let mut raw = Raw::connect(&running).await;
            raw.send(modern(&running, "cursor", 9, "tools/list", json!({}))).await;
            if raw.answer().await.status == 200 {
                return;
            }
        }
    })
    .await;
    // The others have had their time.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    let answer = arriving[0].answer().await;
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert!(answer.json()["error"]["message"].as_str().expect("a sentence").contains("in time"), "and why");
}

#[tokio::test]
async fn large_bodies_that_do_not_arrive_keep_no_other_client_waiting() {
    let running = Running::start().await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\n{}Content-Length: {BODY_LIMIT}\r\n\r\n",
        running.address,
        standing(&running.token("cursor"))
    );
    let part = head + &" ".repeat(300 << 10);
    let stalled = send_all(&running, 12, &part).await;
    let padded = initialize().to_string() + &" ".repeat(300 << 10);
    let mut raw = Raw::connect(&running).await;
    raw.send(post(&running, &standing(&running.token("zed")), &padded)).await;
    assert_eq!(raw.answer().await.status, 200, "there is room for another client");
    drop(stalled);
}

#[tokio::test]
async fn clients_that_use_all_they_may_lock_nobody_out() {
    let running = Running::start().await;
    let mut used = Vec::new();
    for client in ["one", "two", "three", "four"] {
        used.extend(send_all(&running, CALLS, &wait(&running, client)).await);
        used.extend(send_all(&running, STREAMS, &listen(&running, client)).await);
    }
    let mut newcomers = Vec::new();
    for number in 0..8 {
        let mut raw = Raw::connect(&running).await;
        raw.send(modern(&running, "cursor", 9, "tools/list", json!({}))).await;
        assert_eq!(raw.answer().await.status, 200, "the {number}th connection of another client");
        newcomers.push(raw);
    }
    let mut refused = used.pop().expect("many");
    let answer = refused.answer().await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (429, Some("close")),
        "the last of the greedy ones"
    );
    assert!(answer.text().contains("share of all connections"), "it hears why: {}", answer.text());
}

#[tokio::test]
async fn a_body_has_a_limit_with_and_without_a_length() {
    let running = Running::start().await;
    let headers = standing(&running.token("cursor"));
    let large = |length: usize| {
        let ends = (
            r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":""#,
            r#"","version":"1"}}}"#,
        );
        let name = "x".repeat(length - ends.0.len() - ends.1.len());
        format!("{}{name}{}", ends.0, ends.1)
    };
    let chunked = |body: &str| {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n{headers}\r\n",
            running.address
        );
        let chunks = body
            .as_bytes()
            .chunks(1 << 20)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).expect("plain")));
        head + &chunks.collect::<String>() + "0\r\n\r\n"
    };
    let just_small_enough = large(BODY_LIMIT);
    for request in [post(&running, &headers, &just_small_enough), chunked(&just_small_enough)] {
        let mut raw = Raw::connect(&running).await;
        raw.send(request).await;
        assert_eq!(raw.answer().await.json()["result"]["protocolVersion"], "2025-11-25", "32 MiB are fine");
    }
    let one_more = large(BODY_LIMIT + 1);
    for request in [post(&running, &headers, &one_more), chunked(&one_more)] {
        let mut raw = Raw::connect(&running).await;
        raw.send(request).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 413, "one too many");
        let said = answer.json()["error"]["message"].as_str().expect("a sentence").to_owned();
        assert!(said.contains("32 MiB") && said.contains("file"), "what to do: {said}");
    }
    let endless = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: 99999999999\r\n{headers}\r\n",
        running.address
    );
    let mut raw = Raw::connect(&running).await;
    raw.send(endless).await;
    let piece = vec![b'x'; 1 << 20];
    let sent = in_time("an end", async {
        let mut sent = 0;
        while sent < 1000 && raw.try_send(&piece).await.is_ok() {
            sent += 1;
        }
        sent
    });
    assert!(sent.await < 300, "nobody reads so much");
    assert!(list(&running, "cursor").await.get("result").is_some(), "and all goes on");
}

/// Connects and keeps each for as long as the endpoint does.
async fn knock(running: &Running, strangers: &mut JoinSet<()>, says: &'static [u8]) {
    let address = running.address;
    let mut stream = TcpStream::connect(address).await.expect("connected");
    strangers.spawn(async move {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, says).await;
        let _ = stream.read(&mut [0; 64]).await;
    });
}

#[tokio::test]
async fn two_thousand_strangers_keep_nobody_waiting() {
    let running = Running::start().await;
    let request = modern(&running, "cursor", 9, "tools/list", json!({}));
    let mut strangers = JoinSet::new();
    let mut longest = Duration::ZERO;
    for number in 0..1000 {
        knock(&running, &mut strangers, b"").await;
        knock(&running, &mut strangers, b"POST /mcp HTTP/1.1\r\nHost: loc").await;
        if number % 50 == 0 {
            let began = Instant::now();
            let mut raw = Raw::connect(&running).await;
            raw.send(&request).await;
            assert_eq!(raw.answer().await.status, 200, "served among {number}");
            longest = longest.max(began.elapsed());
        }
    }
    assert!(longest < Duration::from_secs(1), "the longest wait was {longest:?}");
    // Those that are left have had their time.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    in_time("the end of all of them", async { while strangers.join_next().await.is_some() {} }).await;
}

#[tokio::test]
async fn a_client_that_keeps_every_connection_open_locks_nobody_out() {
    let running = Running::start().await;
    let request = modern(&running, "greedy", 9, "tools/list", json!({}));
    let mut kept = Vec::new();
    for _ in 0..450 {
        let mut raw = Raw::connect(&running).await;
        raw.send(&request).await;
        assert_eq!(raw.answer().await.status, 200, "served");
        kept.push(raw);
    }
    assert!(list(&running, "cursor").await.get("result").is_some(), "there is a place for another");
    in_time("the oldest is closed", kept[0].closed()).await;
    let newest = kept.last_mut().expect("many");
    newest.send(&request).await;
    assert_eq!(newest.answer().await.status, 200, "the newest are kept");
}

#[tokio::test]
async fn an_answer_that_is_not_read_keeps_nobody_waiting_and_is_thrown_away_in_the_end() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let headers = session_headers(&legacy);
    let call = json!({ "name": "execute_code", "arguments": { "code": "'x' * 10_000_000" } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
    let mut stalled = Raw::connect_narrow(&running).await;
    stalled.send(post(&running, &headers, &call.to_string())).await;
    in_time("execute", maya.answer_with(json!({ "result": "x".repeat(10_000_000) }))).await;
    assert!(stalled.head().await.expect("a head").starts_with("HTTP/1.1 200"), "it is coming");
    for _ in 0..20 {
        let listed = list_in(&legacy).await;
        assert!(listed.get("result").is_some(), "the client's own calls go on");
        assert!(list(&running, "zed").await.get("result").is_some(), "and everybody else's");
    }
    tokio::time::pause();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(31)).await;
    }
    tokio::time::resume();
    in_time("the connection is given up", stalled.closed()).await;
    assert!(list_in(&legacy).await.get("result").is_some(), "its session goes on");
}

#[tokio::test]
async fn a_listener_that_does_not_read_keeps_nobody_waiting_in_either_version() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut stream = Raw::connect_narrow(&running).await;
    stream.send(get(&legacy)).await;
    let mut listener = Raw::connect_narrow(&running).await;
    listener.send(listen(&running, "cursor")).await;
    for stream in [&mut stream, &mut listener] {
        assert!(stream.head().await.expect("a head").starts_with("HTTP/1.1 200"), "open");
    }
    let mut other = Events::of(
        running
            .send_modern(
                "zed",
                "subscriptions/listen",
                json!({ "notifications": { "resourcesListChanged": true } }),
            )
            .await,
    );
    other.notification("notifications/subscriptions/acknowledged").await;
    // Far more than the sixteen that rmcp keeps for a stream.
    for pid in 0..50 {
        tokio::time::pause();
        running.come(pid);
        other.notification("notifications/resources/list_changed").await;
        tokio::time::resume();
        let listed = list_in(&legacy).await;
        assert!(listed.get("result").is_some(), "its own calls go on");
    }
}

#[tokio::test]
async fn a_revoked_token_ends_what_runs_and_what_nobody_reads() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let mut calling = Raw::connect(&running).await;
    let params = json!({ "name": "execute_code", "arguments": { "code": "1" }, "_meta": modern_meta() });
    calling.send(modern(&running, "cursor", 7, "tools/call", params)).await;
    assert_eq!(in_time("execute", maya.request()).await["method"], "execute", "it runs");
    let mut unread = Raw::connect_narrow(&running).await;
    unread.send(listen(&running, "cursor")).await;
    assert!(unread.head().await.expect("a head").starts_with("HTTP/1.1 200"), "open");
    let token = running.token("cursor");
    let mut arriving = Raw::connect(&running).await;
    let body = initialize().to_string();
    let request = post(&running, &standing(&token), &body);
    let (first, rest) = request.split_at(request.len() - 10);
    arriving.send(first).await;
    running.tokens.revoke(&name("cursor")).expect("there was one");
    assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "it is cancelled in Maya");
    in_time("the end of the stream", unread.closed()).await;
    let _ = arriving.try_send(rest).await;
    assert_eq!(arriving.answer().await.status, 401, "what was still arriving");
    let mut anew = Raw::connect(&running).await;
    anew.send(&request).await;
    assert_eq!(anew.answer().await.status, 401, "and whatever comes next");
}
