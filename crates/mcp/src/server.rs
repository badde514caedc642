//! What the endpoint is to MCP: both protocol eras are answered from the same state.
//!
//! Invariant: nothing that has to outlive a request lives here, because rmcp makes a `Server` for each legacy session **and** for each modern request.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::http::request::Parts;
use maya_mcp_maya::{Links, Outputs};
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

use crate::{
    approvals::Approvals,
    audit::Audit,
    changes::Changes,
    elicitation::{self, Answers},
    executions::Executions,
    logging::{self, Level, SetLevel},
    push::{self, Listener, Pulse, Subscriptions},
    reporter::Reporter,
    resources,
    tools::{self, Call, Positions},
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
    pub outputs: Outputs,
    pub commands: Commands,
    pub changes: Changes,
    pub executions: Executions,
    pub approvals: Approvals,
    pub audit: Audit,
    /// Up to where each client has read each session's output.
    pub positions: Positions,
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
    /// What a client of the older protocol wants to hear of its scripts' output.
    log_level: Mutex<Option<Level>>,
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
            log_level: Mutex::default(),
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
    logging::declare(capabilities)
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
        Ok(tools.with_ttl_ms(TOOLS_FRESH_MS).with_cache_scope(CacheScope::Private))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::list().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Caller { client, ended } = caller(&context.extensions)?;
        let legacy_level = *self.log_level.lock().unwrap_or_else(PoisonError::into_inner);
        let call = Call {
            shared: &self.shared,
            client,
            abandoned: context.ct.clone(),
            ended: ended.clone(),
            reporter: Reporter::new(&context, legacy_level),
            offer: elicitation::offer(&context),
            answers: Answers::of(&mut request),
            about: Vec::new(),
        };
        tools::call(call, &request.name, request.arguments.unwrap_or_default()).await
    }

    async fn set_level(&self, request: SetLevel, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        *self.log_level.lock().unwrap_or_else(PoisonError::into_inner) = Some(logging::least(&request));
        Ok(())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(resources::list())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let Caller { client, .. } = caller(&context.extensions)?;
        Ok(resources::read(&self.shared, client, &request.uri)?.into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if !resources::exists(&request.uri) {
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
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn get_prompt(
        &self,
        _: rmcp::model::GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<rmcp::model::GetPromptResponse, ErrorData> {
        Err(ErrorData::method_not_found::<GetPromptRequestMethod>())
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
        push::to_modern(context, listener, self.shared.stop.clone()).await;
        Ok(())
    }
}
