//! Who may come in: the right `Host`, no foreign `Origin`, a good token, and no more than its share.
//!
//! Invariant: every route is checked for Host and Origin before anything else happens; nothing but a proof and a refusal comes
//! without a known client and outside of its share.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    arriving::{self, Bodies},
    asked::{self, Asked, Asker},
    connections::{Connection, Connections, InUse},
    legacy_sessions::{Entrance, LegacySessions, Open, OpenBody},
    server::Caller,
    shares::{Kind, Share, Shares},
    slow_readers,
    tokens::{Grant, Tokens},
};

const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";

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
    pub shares: Shares,
    pub connections: Connections,
    pub tracker: TaskTracker,
}

/// The same for what is only read, and is no MCP.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub guard: Guard,
    /// Of its client's share.
    pub takes: Kind,
}

/// A request that may go on, and what it takes of its client's share.
struct Admitted {
    request: Request,
    asker: Asker,
    share: Option<Arc<Share>>,
}

impl Guard {
    async fn admit(&self, headers: &HeaderMap) -> Option<Grant> {
        if let Some(tokens) = &self.tokens {
            return tokens.admit(bearer(headers)?).await;
        }
        let client = "local".parse().expect("a good name");
        Some(Grant { client, hash: [0; 32], ended: CancellationToken::new() })
    }

    /// Takes in what is asked, and counts it.
    async fn weigh(&self, request: Request, grant: &Grant) -> Result<Admitted, Box<Response>> {
        let (method, version) = (request.method().clone(), request.headers().get(VERSION).cloned());
        let mut asker = Asker { method, version, id: Value::Null };
        if asker.method == Method::GET {
            let share = self.shares.take(&grant.client, Kind::Stream);
            let share = share.ok_or_else(|| asked::too_many(Kind::Stream, None))?;
            return Ok(Admitted { request, asker, share: Some(Arc::new(share)) });
        }
        if asker.method != Method::POST {
            return Ok(Admitted { request, asker, share: None });
        }
        let arriving = self.shares.take(&grant.client, Kind::Arriving);
        let (parts, body) = request.into_parts();
        let Some(arriving) = arriving else {
            return Err(refuse_unread(asked::too_many(Kind::Arriving, None), body).await);
        };
        let arrived = grant.ended.run_until_cancelled(self.bodies.take_in(&grant.client, body)).await;
        let arrived = arrived.ok_or_else(|| closing(unauthorized()))?;
        let arrived = arrived.map_err(|failed| closing(asked::failed_to_arrive(failed)))?;
        drop(arriving);
        let message = Asked::of(&arrived.bytes)?;
        let mut request = Request::from_parts(parts, arrived.into_body());
        // Also at the limit: it is how a client says that it wants no answer to one of its requests.
        let Asked::Request { id, kind } = message else {
            return Ok(Admitted { request, asker, share: None });
        };
        let share = self.shares.take(&grant.client, kind).map(Arc::new);
        let share = share.ok_or_else(|| asked::too_many(kind, Some(&id)))?;
        // rmcp keeps it for as long as it works on the request, also when its client has hung up.
        request.extensions_mut().insert(share.clone());
        asker.id = id;
        Ok(Admitted { request, asker, share: Some(share) })
    }

    fn enter(&self, headers: &HeaderMap, grant: &Grant) -> Result<Option<(String, Open)>, Box<Response>> {
        let Some(id) = session_of(headers) else { return Ok(None) };
        match self.sessions.enter(&id, grant) {
            Entrance::Open(open) => Ok(Some((id, open))),
            // As for a session that does not exist: whose it is, is nobody's business.
            Entrance::NotYours | Entrance::Unknown => Err(Box::new(no_such_session())),
        }
    }

    /// Its connection is in use from here on.
    async fn occupy(
        &self,
        request: Request,
        grant: &Grant,
    ) -> Result<(Request, Option<InUse>), Box<Response>> {
        let connection = request.extensions().get::<Arc<Connection>>();
        match connection.map(|one| self.connections.answers(one, grant)) {
            None => Ok((request, None)),
            Some(Some(in_use)) => Ok((request, Some(in_use))),
            Some(None) => {
                let refusal = closing(asked::too_many_connections());
                Err(refuse_unread(refusal, request.into_body()).await)
            }
        }
    }

    async fn serve(&self, request: Request, grant: Grant, next: Next) -> Result<Response, Box<Response>> {
        let (request, in_use) = self.occupy(request, &grant).await?;
        let open = match self.enter(request.headers(), &grant) {
            Ok(open) => open,
            Err(refusal) => return Err(refuse_unread(*refusal, request.into_body()).await),
        };
        let mut ended = open.as_ref().map_or_else(|| grant.ended.clone(), |(_, open)| open.ended.clone());
        let Admitted { mut request, asker, share } = self.weigh(request, &grant).await?;
        // What rmcp will refuse ends nothing.
        if let (true, Some((id, _))) = (asker.ends_session(), &open) {
            self.sessions.end(id);
            ended = grant.ended.clone();
        }
        let hung_up = CancellationToken::new();
        // Dropped with the answer, or before there is one.
        let heard = hung_up.clone().drop_guard();
        let caller = Caller { client: grant.client.clone(), ended: ended.clone(), hung_up };
        request.extensions_mut().insert(caller);
        let is_get = asker.method == Method::GET;
        let response = asked::explain(next.run(request).await, asker).await;
        if let (None, Some(id)) = (&open, session_of(response.headers())) {
            self.sessions.begin(&id, &grant).await;
        }
        let is_stream = is_get && response.status().is_success();
        let held = (open.map(|(_, open)| open), share, heard);
        Ok(response.map(|body| {
            if is_stream {
                let signals = Body::new(OpenBody::new(body, ended, held));
                return slow_readers::read_ahead(signals, in_use, &self.tracker);
            }
            Body::new(OpenBody::new(body, ended, (held, in_use)))
        }))
    }
}

impl Reading {
    /// What is sent is not read ahead: whoever does not read is waited for, and in the end its connection is given up.
    async fn serve(&self, request: Request, grant: Grant, next: Next) -> Result<Response, Box<Response>> {
        let Self { guard, takes } = self;
        if request.method() != Method::GET {
            return Err(refuse_unread(only_get(), request.into_body()).await);
        }
        let (mut request, in_use) = guard.occupy(request, &grant).await?;
        let Some(share) = guard.shares.take(&grant.client, *takes) else {
            return Err(refuse_unread(asked::too_many(*takes, None), request.into_body()).await);
        };
        let (client, hung_up) = (grant.client, CancellationToken::new());
        request.extensions_mut().insert(Caller { client, ended: grant.ended.clone(), hung_up });
        let response = next.run(request).await;
        Ok(response.map(|body| Body::new(OpenBody::new(body, grant.ended, (share, in_use)))))
    }
}

/// One header, and never the address: addresses are written into logs.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = shown.next()?.to_str().ok()?.split_once(' ')?;
    let is_one = shown.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    is_one.then_some(token.trim())
}

pub(crate) async fn check_token(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let Some(grant) = guard.admit(request.headers()).await else {
        return *refuse_unread(unauthorized(), request.into_body()).await;
    };
    guard.serve(request, grant, next).await.unwrap_or_else(|refusal| *refusal)
}

pub(crate) async fn check_reader(State(reading): State<Reading>, request: Request, next: Next) -> Response {
    let Some(grant) = reading.guard.admit(request.headers()).await else {
        return *refuse_unread(unauthorized(), request.into_body()).await;
    };
    reading.serve(request, grant, next).await.unwrap_or_else(|refusal| *refusal)
}

fn only_get() -> Response {
    let why = "This can only be read: send a GET.";
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", why);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    response
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

/// Clients go on with the connection, and some look for an answer only when they have sent everything.
async fn refuse_unread(refusal: Response, body: Body) -> Box<Response> {
    Box::new(if arriving::is_out_of_the_way(body).await { refusal } else { closing(refusal) })
}

/// What is left of the request is not read: nothing can follow it.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
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
