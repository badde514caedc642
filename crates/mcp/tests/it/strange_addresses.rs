//! Requests that say wrong things about where they go and where they come from, and bytes that are no request.

use crate::{
    raw::{Raw, post, standing},
    support::{Running, initialize},
};

const PATHS: [&str; 4] = ["/mcp", "/prove", "/.well-known/oauth-protected-resource", "/anything"];

/// A good `initialize`, to this path, with these lines instead of its Host.
fn request(running: &Running, path: &str, lines: &str) -> String {
    let headers = standing(&running.token("cursor"));
    let request = post(running, &headers, &initialize().to_string());
    request.replacen("/mcp", path, 1).replacen(&format!("Host: {}\r\n", running.address), lines, 1)
}

async fn status(running: &Running, request: &str) -> Option<u16> {
    let mut raw = Raw::connect(running).await;
    let _ = raw.try_send(request).await;
    raw.try_answer().await.map(|answer| {
        assert!(!answer.head.to_ascii_lowercase().contains("access-control-"), "no CORS, ever");
        answer.status
    })
}

#[tokio::test]
async fn only_one_exact_host_is_ours_on_every_route() {
    let running = Running::start().await;
    let port = running.address.port();
    let other = port.wrapping_add(1).max(1);
    let strange = [
        String::new(),
        "Host:\r\n".into(),
        format!("Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.com\r\n"),
        format!("Host: evil.com\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}, 127.0.0.1:{port}\r\n"),
        "Host: 127.0.0.1\r\n".into(),
        "Host: localhost\r\n".into(),
        format!("Host: 127.0.0.1:{other}\r\n"),
        format!("Host: 127.0.0.1:0{port}\r\n"),
        format!("Host: 127.0.0.1:{port}:\r\n"),
        format!("Host: localhost.:{port}\r\n"),
        format!("Host: 127.0.0.1.:{port}\r\n"),
        format!("Host: [::1]:{port}\r\n"),
        format!("Host: [::ffff:127.0.0.1]:{port}\r\n"),
        format!("Host: 127.1:{port}\r\n"),
        format!("Host: 0.0.0.0:{port}\r\n"),
        format!("Host: 2130706433:{port}\r\n"),
        format!("Host: 127.0.0.1.evil.com:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}.evil.com\r\n"),
        format!("Host: localhost:{port}@evil.com\r\n"),
        format!("Host: evil.com@localhost:{port}\r\n"),
        format!("Host: localhost:{port}/mcp\r\n"),
        format!("Host: http://localhost:{port}\r\n"),
        format!("Host: local\u{212a}host:{port}\r\n"),
        "Host: null\r\n".into(),
    ];
    for path in PATHS {
        for lines in &strange {
            assert_eq!(
                status(&running, &request(&running, path, lines)).await,
                Some(403),
                "{path} as {lines:?}"
            );
        }
    }
    // A name is the same in capitals.
    for host in ["127.0.0.1", "localhost", "LocalHost"] {
        let lines = format!("Host: {host}:{port}\r\n");
        assert_eq!(status(&running, &request(&running, "/mcp", &lines)).await, Some(200), "{host} is ours");
    }
}

#[tokio::test]
async fn only_pages_of_this_machine_may_ask_on_every_route() {
    let running = Running::start().await;
    let (host, port) = (format!("Host: {}\r\n", running.address), running.address.port());
    let strange = [
        "null",
        "",
        "*",
        "http://evil.com",
        "http://127.0.0.1:80@evil.com",
        "http://user@127.0.0.1:80",
        "http://user:pw@localhost",
        "http://127.0.0.1:80/",
        "http://localhost:80/path",
        "http://localhost?x",
        "http://localhost#x",
        "http://localhost.",
        "http://localhost.evil.com:80",
        "http://127.0.0.1.evil.com",
        "http://evil.com#localhost",
        "http://[::1]:80",
        "http://localhost:",
        "http://localhost:99999",
        "http://localhost:+80",
        "HTTP://localhost",
        "https://localhost",
        "https://127.0.0.1",
        "file://",
        "file:///etc/passwd",
        "chrome-extension://abcdefghijklmnop",
        "moz-extension://abcdefghijklmnop",
        "vscode-webview://abcdefghijklmnop",
        "ws://localhost",
        "localhost",
        "//localhost",
        "http://localhost, http://localhost",
        "http://localhost http://evil.com",
    ]
    .map(|origin| format!("Origin: {origin}\r\n"));
    let two = [
        "Origin: http://localhost\r\nOrigin: http://evil.com\r\n".to_owned(),
        "Origin: http://evil.com\r\nOrigin: http://localhost\r\n".to_owned(),
        "Origin: http://localhost\r\nOrigin: http://localhost\r\n".to_owned(),
    ];
    for path in PATHS {
        for lines in strange.iter().chain(&two) {
            let lines = format!("{host}{lines}");
            assert_eq!(
                status(&running, &request(&running, path, &lines)).await,
                Some(403),
                "{path} {lines:?}"
            );
        }
    }
    for origin in ["http://localhost", "http://localhost:5173", &format!("http://127.0.0.1:{port}")] {
        let lines = format!("{host}Origin: {origin}\r\n");
        assert_eq!(status(&running, &request(&running, "/mcp", &lines)).await, Some(200), "{origin} is here");
    }
}

#[tokio::test]
async fn the_target_of_a_request_is_ours_or_refused() {
    let running = Running::start().await;
    let (address, host) = (running.address, format!("Host: {}\r\n", running.address));
    for (target, wanted) in [
        ("http://evil.com/mcp".to_owned(), Some(403)),
        (format!("http://evil.com@{address}/mcp"), Some(403)),
        ("http://127.0.0.1:1/mcp".to_owned(), Some(403)),
        (format!("http://{address}/mcp"), Some(200)),
        (format!("http://{address}/../mcp"), Some(404)),
        ("/mcp/../mcp".to_owned(), Some(404)),
        ("/mcp/".to_owned(), Some(404)),
        ("/MCP".to_owned(), Some(404)),
        ("//mcp".to_owned(), Some(404)),
        ("/%6dcp".to_owned(), Some(404)),
        ("/.well-known/mcp".to_owned(), Some(404)),
        ("*".to_owned(), Some(404)),
        ("mcp".to_owned(), Some(403)),
        (format!("/mcp?{}", "x".repeat(70_000)), Some(414)),
    ] {
        let request = request(&running, &target, &host);
        let status = status(&running, &request).await;
        let what = &target[..target.len().min(40)];
        // A request line that is too long is cut off by the size of the headers first.
        assert!(status == wanted || (wanted == Some(414) && status == Some(431)), "{what}: {status:?}");
    }
    let connect = format!("CONNECT {address} HTTP/1.1\r\n{host}\r\n");
    let status = status(&running, &connect).await;
    assert!(matches!(status, Some(400 | 403 | 404 | 405)), "no tunnel: {status:?}");
}

#[tokio::test]
async fn older_and_newer_http_gets_no_further() {
    let running = Running::start().await;
    let good = request(&running, "/mcp", &format!("Host: {}\r\n", running.address));
    let old = good.replacen("HTTP/1.1", "HTTP/1.0", 1);
    assert_eq!(status(&running, &old.replacen("Host", "X-Host", 1)).await, Some(403), "1.0 without a Host");
    assert_eq!(status(&running, &old).await, Some(200), "1.0 with the right one");
    for preface in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        "GET /mcp HTTP/3.0\r\n\r\n",
        "GET /mcp\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
        "\0\0\0\0",
    ] {
        let status = status(&running, preface).await;
        assert!(matches!(status, None | Some(400)), "{preface:?}: {status:?}");
    }
    assert_eq!(status(&running, &good).await, Some(200), "and others are served as ever");
}

/// Whoever stands in front of nobody can smuggle nothing past anybody: each request of a connection is judged by itself.
#[tokio::test]
async fn a_request_hidden_in_another_is_judged_by_itself() {
    let running = Running::start().await;
    let (address, token) = (running.address, running.token("cursor"));
    let body = initialize().to_string();
    let standing = standing(&token);
    let hidden = format!("GET /mcp HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for lengths in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ] {
        let mut raw = Raw::connect(&running).await;
        raw.send(format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\n{standing}{lengths}\r\n{chunk}{hidden}"))
            .await;
        assert_eq!(raw.answer().await.status, 200, "{lengths:?}: the chunks count, and only they");
        if let Some(second) = raw.try_answer().await {
            assert_eq!(second.status, 401, "{lengths:?}: what follows has no token");
        }
    }
    for lines in [
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 4, 5\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X: 1\r\n Transfer-Encoding: chunked\r\n",
        "X: 1\r\n\tfolded\r\n",
        "X\r\n",
        ": x\r\n",
        "X: \0\r\n",
    ] {
        let request =
            format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\n{standing}{lines}\r\n{{}}{{}}{hidden}");
        let status = status(&running, &request).await;
        assert!(matches!(status, None | Some(400 | 413)), "{lines:?}: {status:?}");
    }
    let bad_chunk = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\n{standing}Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    );
    let status = status(&running, &bad_chunk).await;
    assert!(matches!(status, None | Some(400)), "a chunk without a length: {status:?}");
}

#[tokio::test]
async fn headers_have_a_limit() {
    let running = Running::start().await;
    let host = format!("Host: {}\r\n", running.address);
    let large = format!("{host}X: {}\r\n", "x".repeat(1 << 20));
    let many = (0..200).fold(host.clone(), |lines, number| format!("{lines}X-{number}: 1\r\n"));
    for lines in [large, many] {
        let status = status(&running, &request(&running, "/mcp", &lines)).await;
        assert!(matches!(status, None | Some(431)), "{status:?}");
    }
    let some = format!("{host}X: {}\r\n", "x".repeat(8 << 10));
    assert_eq!(
        status(&running, &request(&running, "/mcp", &some)).await,
        Some(200),
        "what clients send fits"
    );
}
