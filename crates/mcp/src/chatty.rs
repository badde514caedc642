//! For tests: rmcp's own sessions without sockets, around a server that signals before it answers.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, Request, Response, StatusCode},
};
use http_body_util::BodyExt as _;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{ListToolsResult, PaginatedRequestParams, ServerConfig},
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};

use crate::{endpoint::session_manager, server};

#[derive(Debug)]
struct Chatty {
    signals: usize,
}

impl ServerHandler for Chatty {
    fn get_info(&self) -> ServerConfig {
        server::info("0.0.1")
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        for _ in 0..self.signals {
            context.peer.notify_resource_list_changed().await.expect("the session lives");
        }
        Ok(ListToolsResult::with_all_items(Vec::new()))
    }
}

pub(crate) struct Client {
    service: StreamableHttpService<Chatty, LocalSessionManager>,
    pub rmcp: Arc<LocalSessionManager>,
    pub session: String,
}

impl Client {
    pub(crate) async fn connect(signals: usize) -> Self {
        let rmcp = Arc::new(session_manager());
        let mut config = StreamableHttpServerConfig::default();
        // It goes by the real clock, also while a test has stopped it.
        config.sse_keep_alive = None;
        let service = StreamableHttpService::new(move || Ok(Chatty { signals }), rmcp.clone(), config);
        let mut client = Self { service, rmcp, session: String::new() };
        let info = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info });
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let response = client.send(Method::POST, &hello).await;
        client.session = response.headers()["mcp-session-id"].to_str().expect("plain").to_owned();
        response.into_body().collect().await.expect("an answer");
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(client.send(Method::POST, &done).await.status(), StatusCode::ACCEPTED, "taken note of");
        client
    }

    /// Until its answer is complete.
    pub(crate) async fn list_tools(&mut self) -> StatusCode {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        let response = self.send(Method::POST, &list).await;
        let status = response.status();
        response.into_body().collect().await.expect("an answer");
        status
    }

    pub(crate) async fn open_stream(&mut self) -> Body {
        let response = self.send(Method::GET, &Value::Null).await;
        assert_eq!(response.status(), StatusCode::OK, "a stream");
        response.into_body()
    }

    async fn send(&mut self, method: Method, message: &Value) -> Response<Body> {
        let mut request = Request::builder().method(method).uri("/mcp").header("host", "localhost");
        request = request.header("accept", "application/json, text/event-stream");
        request = request.header("content-type", "application/json");
        if !self.session.is_empty() {
            request = request.header("mcp-session-id", &self.session);
        }
        let request = request.body(Body::from(message.to_string())).expect("a good request");
        self.service.handle(request).await.map(Body::new)
    }
}
