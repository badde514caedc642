//! What the endpoint is to MCP: both protocol eras are answered from the same state.
//!
//! Invariant: nothing that has to outlive a request lives here, because rmcp makes a `Server` for each legacy session **and** for each modern request.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::http::request::Parts;
use maya_mcp_maya::Links;
use maya_mcp_session::{ClientName, Commands, Registry};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, Extensions, GetPromptRequestMethod,
        Implementation, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
        SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use tokio::sync::watch;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

#[cfg(feature = "conformance-fixtures")]
use crate::fixtures;
use crate::{
    changes::Changes,
    push::{self, Listener, Pulse, Subscriptions},
    resources,
    tools::{self, Call},
};

/// Tools change only with the program itself, and a signal goes out when they do.
const TOOLS_FRESH_MS: u64 = 60_000;

pub(crate) const NAME: &str = "maya-mcp";
pub(crate) const TITLE: &str = "Maya MCP Tray";
pub(crate) const INSTRUCTIONS: &str = "\
Works with Autodesk Maya (3D animation software) on this workstation: it finds every running Maya by itself. Call list_sessions first, then \
execute_code to run Python or MEL in one of them. An artist is working in the same Maya at the same time.";

/// Who is calling, as the token says. The gate puts it into every request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub client: ClientName,
    /// Cancelled when its token or its session has ended.
    pub ended: CancellationToken,
}

/// What all requests of all clients share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub registry: Registry,
    pub links: Links,
    pub commands: Commands,
    pub changes: Changes,
    pub pulse: watch::Sender<Pulse>,
    pub tracker: TaskTracker,
    pub stop: CancellationToken,
    pub version: String,
}

#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    /// Listens from before the handshake on; taken by whoever pushes.
    listener: Mutex<Option<Listener>>,
    subscriptions: Subscriptions,
    ended: CancellationToken,
    _end: DropGuard,
}

impl Server {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let listener = Mutex::new(Some(Listener::new(&shared.pulse)));
        let ended = shared.stop.child_token();
        Self {
            listener,
            subscriptions: Subscriptions::default(),
            _end: ended.clone().drop_guard(),
            ended,
            shared,
        }
    }

    fn listener(&self) -> Option<Listener> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(crate) fn capabilities() -> ServerCapabilities {
    let capabilities = ServerCapabilities::builder()
        .enable_tools()
        .enable_tool_list_changed()
        .enable_resources()
        .enable_resources_list_changed()
        .enable_resources_subscribe()
        .build();
    #[cfg(feature = "conformance-fixtures")]
    let capabilities = fixtures::capabilities(capabilities);
    capabilities
}

pub(crate) fn info(version: &str) -> ServerConfig {
    let server = Implementation::new(NAME, version).with_title(TITLE);
    ServerConfig::new(capabilities())
        .with_server_info(server)
        .with_instructions(INSTRUCTIONS)
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
}

/// Without a token there is one client for all.
fn caller(extensions: &Extensions) -> Result<&Caller, ErrorData> {
    let caller = extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Caller>());
    caller.ok_or_else(|| ErrorData::internal_error("the request came past the gate", None))
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        info(&self.shared.version)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = ListToolsResult::with_all_items(tools::list().to_vec());
        #[cfg(feature = "conformance-fixtures")]
        let tools = fixtures::with_tools(tools);
        Ok(tools.with_ttl_ms(TOOLS_FRESH_MS).with_cache_scope(CacheScope::Private))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        #[cfg(feature = "conformance-fixtures")]
        if let Some(tool) = fixtures::tool(name) {
            return Some(tool);
        }
        tools::list().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        #[cfg(feature = "conformance-fixtures")]
        if let Some(answer) = fixtures::call(&request, &context).await {
            return answer;
        }
        let Caller { client, ended } = caller(&context.extensions)?;
        let call = Call { shared: &self.shared, client, abandoned: context.ct.clone(), ended };
        let arguments = request.arguments.unwrap_or_default();
        Ok(tools::call(call, &request.name, arguments).await?.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = resources::list();
        #[cfg(feature = "conformance-fixtures")]
        let resources = fixtures::with_resources(resources);
        Ok(resources)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = resources::templates();
        #[cfg(feature = "conformance-fixtures")]
        let templates = fixtures::with_templates(templates);
        Ok(templates)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        #[cfg(feature = "conformance-fixtures")]
        if let Some(contents) = fixtures::read(&request.uri) {
            return Ok(contents.into());
        }
        let Caller { client, .. } = caller(&context.extensions)?;
        Ok(resources::read(&self.shared, client, &request.uri)?.into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let exists = resources::exists(&request.uri);
        #[cfg(feature = "conformance-fixtures")]
        let exists = exists || fixtures::read(&request.uri).is_some();
        if !exists {
            return Err(resources::not_found(&request.uri));
        }
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).insert(request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.uri);
        Ok(())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompts = Err(ErrorData::method_not_found::<ListPromptsRequestMethod>());
        #[cfg(feature = "conformance-fixtures")]
        let prompts = prompts.or_else(|_| Ok(fixtures::with_prompts(ListPromptsResult::default())));
        prompts
    }

    async fn get_prompt(
        &self,
        request: rmcp::model::GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<rmcp::model::GetPromptResponse, ErrorData> {
        #[cfg(feature = "conformance-fixtures")]
        if let Some(prompt) = fixtures::prompt(&request) {
            return prompt;
        }
        let _ = request;
        Err(ErrorData::method_not_found::<GetPromptRequestMethod>())
    }

    #[cfg(feature = "conformance-fixtures")]
    async fn complete(
        &self,
        request: rmcp::model::CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<rmcp::model::CompleteResult, ErrorData> {
        Ok(fixtures::complete(&request).unwrap_or_default())
    }

    #[cfg(feature = "conformance-fixtures")]
    #[expect(deprecated, reason = "clients of before 2026-07-28 have no other way to ask for log messages")]
    async fn set_level(
        &self,
        _: rmcp::model::SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    /// A legacy session begins: from here on it is told of changes.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let Some(listener) = self.listener() else { return };
        let pushing = push::to_legacy(context.peer, self.subscriptions.clone(), listener, self.ended.clone());
        self.shared.tracker.spawn(pushing);
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(push::accept(requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let Some(listener) = self.listener() else { return Ok(()) };
        #[cfg(feature = "conformance-fixtures")]
        self.shared.tracker.spawn(
            self.ended.clone().run_until_cancelled_owned(fixtures::pass_on_changes(context.sink().clone())),
        );
        push::to_modern(context, listener, self.shared.stop.clone()).await;
        Ok(())
    }
}
