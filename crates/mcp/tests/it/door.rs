//! Who comes in, and what everybody else is told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    fake_maya::FakeMaya,
    raw::{Raw, post, standing},
    support::{Events, Legacy, Running, http, in_time, initialize, name},
};

#[tokio::test]
async fn without_a_good_token_nobody_gets_further_than_the_door() {
    let running = Running::start().await;
    let good = running.token("cursor");
    for (token, why) in
        [("", "none"), ("maya_0", "a short one"), (&good.replace("maya_", "maya_0"), "a wrong one")]
    {
        let response = running.post(token, &initialize()).send().await.expect("sent");
        assert_eq!(response.status(), 401, "{why}");
        let body: Value = response.json().await.expect("JSON");
        let message = body["message"].as_str().expect("a sentence");
        assert!(message.contains("maya-mcp token"), "{why}: it says what to do");
    }
    assert_eq!(running.post(&good, &initialize()).send().await.expect("sent").status(), 200, "a good one");
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_a_new_one_works_at_once() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    running.tokens.revoke(&name("cursor")).expect("revoked");
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(legacy.send(&request).await.status(), 401, "also within a session");
    let other_process =
        maya_mcp_endpoint::Tokens::open(running.home.path().join("tokens")).expect("the same folder");
    let token = other_process.token_for(&name("zed")).expect("made");
    assert_eq!(
        running.post(&token, &initialize()).send().await.expect("sent").status(),
        200,
        "made elsewhere"
    );
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_as_good_as_it_was() {
    let running = Running::start().await;
    let good = standing(&running.token("cursor"));
    let unknown = format!("{good}Mcp-Session-Id: nobody\r\n");
    let strange = standing("maya_0");
    for padding in [0, 300 << 10] {
        let padded = initialize().to_string() + &" ".repeat(padding);
        for (headers, status) in [(&unknown, 404), (&strange, 401)] {
            let mut raw = Raw::connect(&running).await;
            for attempt in 0..20 {
                raw.send(post(&running, headers, &padded)).await;
                let refused = raw.answer().await;
                assert_eq!(refused.status, status, "attempt {attempt} with {padding} more bytes");
                assert_eq!(refused.header("connection"), None, "it is kept");
                raw.send(post(&running, &good, &initialize().to_string())).await;
                assert_eq!(raw.answer().await.status, 200, "{status}, attempt {attempt}: the next one");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_of_what_does_not_arrive_says_that_the_connection_ends() {
    let running = Running::start().await;
    for (token, session, status) in
        [(running.token("cursor"), "Mcp-Session-Id: nobody\r\n", 404), ("maya_0".to_owned(), "", 401)]
    {
        let headers = standing(&token);
        let host = running.address;
        let mut raw = Raw::connect(&running).await;
        raw.send(format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\n{headers}{session}Content-Length: 99\r\n\r\n{{"
        ))
        .await;
        let refused = raw.answer().await;
        assert_eq!((refused.status, refused.header("connection")), (status, Some("close")), "in a moment");
        in_time("the end", raw.closed()).await;
    }
}

#[tokio::test]
async fn every_route_wants_the_right_host_and_no_foreign_origin() {
    let running = Running::start().await;
    let token = running.token("cursor");
    let port = running.address.port();
    for path in ["/mcp", "/prove", "/.well-known/oauth-protected-resource", "/", "/anything"] {
        for host in ["evil.com", "127.0.0.1", "127.0.0.1:1", &format!("evil.com:{port}")] {
            let get = http().get(running.url(path)).bearer_auth(&token).header("host", host);
            assert_eq!(get.send().await.expect("sent").status(), 403, "{path} as {host}");
        }
        for origin in ["http://evil.com", "null", "https://localhost", "http://localhost.evil.com:80"] {
            let get = http().get(running.url(path)).bearer_auth(&token).header("origin", origin);
            let response = get.send().await.expect("sent");
            assert_eq!(response.status(), 403, "{path} from {origin}");
            assert!(response.headers().get("access-control-allow-origin").is_none(), "no CORS");
        }
    }
    for (host, origin) in [
        (format!("localhost:{port}"), "http://localhost:3000"),
        (running.address.to_string(), "http://127.0.0.1:5173"),
    ] {
        let request =
            running.post(&token, &initialize()).header("host", host.clone()).header("origin", origin);
        assert_eq!(request.send().await.expect("sent").status(), 200, "{host} from {origin}");
    }
}

#[tokio::test]
async fn everything_but_the_endpoint_is_not_found_without_asking_for_a_token() {
    let running = Running::start().await;
    for path in [
        "/",
        "/mcp/",
        "/sse",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
    ] {
        let response = http().get(running.url(path)).send().await.expect("sent");
        assert_eq!(response.status(), 404, "{path}");
        assert!(response.headers().get("www-authenticate").is_none(), "{path}: no way to log in");
    }
}

#[tokio::test]
async fn the_endpoint_proves_itself_and_tells_nothing_else() {
    let running = Running::start().await;
    let file = maya_mcp_endpoint::EndpointFile::read(running.home.path()).expect("there");
    let nonce = "ab".repeat(32);
    let response = http().get(running.url(&format!("/prove?nonce={nonce}"))).send().await.expect("sent");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body, json!({ "proof": file.secret.prove(&nonce) }), "only who has the secret can say this");
    for bad in ["", "?nonce=1", &format!("?nonce={nonce}&x=1"), &format!("?nonce={}", "zz".repeat(32))] {
        let response = http().get(running.url(&format!("/prove{bad}"))).send().await.expect("sent");
        assert_eq!(response.status(), 400, "{bad:?} gets no answer");
    }
}

#[tokio::test]
async fn a_session_belongs_to_the_client_that_began_it() {
    let running = Running::start().await;
    let mut legacy = Legacy::connect(&running, "cursor").await;
    legacy.token = running.token("zed");
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(legacy.send(&request).await.status(), 404, "another's token, as if there were no session");
}

#[tokio::test]
async fn it_ends_within_a_second_whatever_is_open() {
    let running = Running::start().await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let (_unread, _also_unread) = (legacy.open_stream().await, legacy.open_stream().await);
    let filter = json!({ "notifications": { "resourcesListChanged": true } });
    let _listening = running.send_modern("zed", "subscriptions/listen", filter).await;
    let began = Instant::now();
    running.stop.cancel();
    running.tracker.close();
    in_time("the end", running.tracker.wait()).await;
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
}

#[tokio::test]
async fn strangers_that_say_nothing_lock_nobody_out() {
    let running = Running::start().await;
    let mut silent = Vec::new();
    for _ in 0..420 {
        silent.push(tokio::net::TcpStream::connect(running.address).await.expect("connected"));
    }
    let sent = running.post(&running.token("cursor"), &initialize()).send();
    assert_eq!(in_time("an answer", sent).await.expect("sent").status(), 200, "a client comes in");
}

#[tokio::test]
async fn what_a_token_had_opened_ends_with_it() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let mut stream = Events::of(legacy.open_stream().await);
    let filter = json!({ "notifications": { "resourcesListChanged": true } });
    let mut listening = Events::of(running.send_modern("cursor", "subscriptions/listen", filter).await);
    listening.notification("notifications/subscriptions/acknowledged").await;
    let call = json!({ "name": "execute_code", "arguments": { "code": "1" } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
    let revoking = async {
        assert_eq!(in_time("execute", maya.request()).await["method"], "execute", "it runs");
        // Another process: the engine only sees the folder.
        let path = running.home.path().join("tokens").join("cursor");
        std::fs::remove_file(&path).expect("there");
        running.token("cursor");
        assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "it is cancelled");
    };
    let began = Instant::now();
    let _answer = tokio::join!(legacy.send(&call), revoking);
    let ends = async {
        while stream.next().await.is_some() {}
        while listening.next().await.is_some() {}
    };
    in_time("the end of the streams", ends).await;
    assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());
    let anew = Legacy { token: running.token("cursor"), ..legacy };
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    assert_eq!(anew.send(&ping).await.status(), 404, "the new token has no part in the old session");
}

#[tokio::test]
async fn ending_a_session_cancels_what_runs_in_it() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    let legacy = Legacy::connect(&running, "cursor").await;
    let call = json!({ "name": "execute_code", "arguments": { "code": "1" } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
    let ending = async {
        assert_eq!(in_time("execute", maya.request()).await["method"], "execute", "it runs");
        let began = Instant::now();
        let delete = http()
            .delete(running.url("/mcp"))
            .bearer_auth(&legacy.token)
            .header("mcp-session-id", &legacy.session);
        let deleting = delete.header("mcp-protocol-version", "2025-11-25").send();
        let cancelling = async {
            assert_eq!(in_time("cancel", maya.request()).await["method"], "cancel", "it is cancelled");
            assert!(began.elapsed() < Duration::from_secs(1), "at once, not after {:?}", began.elapsed());
        };
        tokio::join!(deleting, cancelling).0.expect("sent")
    };
    let (_answer, deleted) = tokio::join!(legacy.send(&call), ending);
    assert!(deleted.status().is_success(), "ended");
}

#[tokio::test]
async fn a_session_that_nobody_began_is_not_found() {
    let running = Running::start().await;
    let mut legacy = Legacy::connect(&running, "cursor").await;
    legacy.session = "00000000-0000-0000-0000-000000000000".to_owned();
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(legacy.send(&request).await.status(), 404, "unknown");
}
