//! Who may come in: the right `Host`, no foreign `Origin`, a good token.
//!
//! Invariant: every route is checked for Host and Origin before anything else happens; nothing behind `/mcp` runs without a known client.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    arriving::Bodies,
    legacy_sessions::{Entrance, LegacySessions, OpenBody},
    newcomers::Newcomer,
    server::Caller,
    tokens::{Grant, Tokens},
};

const SESSION: &str = "mcp-session-id";

/// What the address of a request must say. A page in a browser that tricks DNS sends its own name here.
#[derive(Debug)]
pub(crate) struct Door {
    hosts: [String; 2],
}

impl Door {
    pub(crate) fn new(port: u16) -> Self {
        Self { hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")] }
    }

    pub(crate) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    fn admits(&self, request: &Request) -> Result<(), &'static str> {
        let ours = |host: &str| self.hosts.iter().any(|one| one.eq_ignore_ascii_case(host));
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        if !host.is_some_and(ours) || hosts.next().is_some() {
            return Err("This endpoint answers only under its own address, 127.0.0.1 or localhost.");
        }
        if !request.uri().authority().is_none_or(|authority| ours(authority.as_str())) {
            return Err("This endpoint is no proxy.");
        }
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        if !origins.next().is_none_or(is_local_origin) || origins.next().is_some() {
            return Err("This endpoint does not answer web pages of other sites.");
        }
        Ok(())
    }
}

/// A page that this machine itself serves, on any port; `null` is nobody in particular.
fn is_local_origin(origin: &HeaderValue) -> bool {
    let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
    let Some(host) = host else { return false };
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    // Parsing alone would take a sign.
    let is_port = port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_port && (name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost"))
}

pub(crate) async fn check_address(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    match door.admits(&request) {
        Ok(()) => next.run(request).await,
        Err(why) => {
            tracing::warn!(host = ?request.headers().get(header::HOST), origin = ?request.headers().get(header::ORIGIN), "request refused");
            refuse(StatusCode::FORBIDDEN, "forbidden", why)
        }
    }
}

/// What the check of tokens needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    /// `None`: everybody on this machine is welcome.
    pub tokens: Option<Tokens>,
    pub sessions: Arc<LegacySessions>,
    pub bodies: Bodies,
}

impl Guard {
    async fn admit(&self, headers: &HeaderMap) -> Option<Grant> {
        if let Some(tokens) = &self.tokens {
            return tokens.admit(bearer(headers)?).await;
        }
        let client = "local".parse().expect("a good name");
        Some(Grant { client, hash: [0; 32], ended: CancellationToken::new() })
    }
}

/// One header, and never the address: addresses are written into logs.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = shown.next()?.to_str().ok()?.split_once(' ')?;
    let is_one = shown.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    is_one.then_some(token.trim())
}

pub(crate) async fn check_token(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let Some(grant) = guard.admit(request.headers()).await else { return unauthorized() };
    if let Some(newcomer) = request.extensions().get::<Arc<Newcomer>>() {
        newcomer.is_known();
    }
    let open = match session_of(request.headers()) {
        None => None,
        Some(id) => match guard.sessions.enter(&id, &grant) {
            Entrance::Open(open) => Some((id, open)),
            // As for a session that does not exist: whose it is, is nobody's business.
            Entrance::NotYours | Entrance::Unknown => return no_such_session(),
        },
    };
    let mut ended = open.as_ref().map_or_else(|| grant.ended.clone(), |(_, open)| open.ended.clone());
    if let (&Method::DELETE, Some((id, _))) = (request.method(), &open) {
        guard.sessions.end(id);
        ended = grant.ended.clone();
    }
    request.extensions_mut().insert(Caller { client: grant.client.clone(), ended: ended.clone() });
    let request = guard.bodies.take_in(request).await;
    let response = next.run(request).await;
    if let (None, Some(id)) = (&open, session_of(response.headers())) {
        guard.sessions.begin(&id, &grant).await;
    }
    response.map(|body| Body::new(OpenBody::new(body, ended, open.map(|(_, open)| open))))
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(SESSION)?;
    Some(String::from_utf8_lossy(id.as_bytes()).into_owned())
}

fn no_such_session() -> Response {
    refuse(StatusCode::NOT_FOUND, "not_found", "There is no such session. Initialize again.")
}

fn unauthorized() -> Response {
    let why = "This endpoint needs a token. Run `maya-mcp token NAME`, with the client's name for NAME, and send what it prints as the header \"Authorization: Bearer TOKEN\".";
    let mut response = refuse(StatusCode::UNAUTHORIZED, "unauthorized", why);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

pub(crate) fn refuse(status: StatusCode, error: &str, message: &str) -> Response {
    let body = json!({ "error": error, "message": message }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_machine_have_a_local_origin() {
        for (origin, local) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:1", true),
            ("http://localhost", true),
            ("null", false),
            ("", false),
            ("https://localhost:1", false),
            ("http://localhost.evil.com", false),
            ("http://127.0.0.1:80.evil.com", false),
            ("http://evil.com:127", false),
            ("http://localhost:1/x", false),
        ] {
            assert_eq!(is_local_origin(&HeaderValue::from_static(origin)), local, "{origin:?}");
        }
    }
}
