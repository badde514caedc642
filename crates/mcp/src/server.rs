//! What the endpoint is to MCP: both protocol eras are answered from the same state.
//!
//! Invariant: nothing that has to outlive a request lives here, because rmcp makes a `Server` for each legacy session **and** for each modern request.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::http::request::Parts;
use maya_mcp_maya::{Links, Outputs};
use maya_mcp_notify::EventLog;
use maya_mcp_notify::Numbers;
use maya_mcp_session::{ClientName, Commands, Registry, clock::Timestamp};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
        Extensions, GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
        SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use tokio::{sync::watch, time::Instant};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

#[cfg(feature = "conformance-fixtures")]
use crate::fixtures;
use crate::{
    approvals::Approvals,
    audit::Audit,
    changes::Changes,
    completion,
    elicitation::{self, Answers},
    executions::Executions,
    logging::{self, Level, SetLevel},
    prompts,
    push::{self, Listener, Marks, Refusal, Subscriptions},
    reporter::Reporter,
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
    /// Cancelled when its token or its session has ended, or it has gone.
    pub ended: CancellationToken,
    /// Cancelled when this request's connection has ended, or the answer has been read.
    pub hung_up: CancellationToken,
}

/// For how long a call waits for what may take long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the artist's answer. Clients give up after a minute.
    pub artist: Duration,
    /// For a script that was told to stop: it may be in one long command of Maya's that is about to end.
    pub stubborn: Duration,
    /// For a client of the older protocol that holds nothing open and says nothing, and whose script runs. It may only have lost its
    /// connection: those that reconnect do so within seconds, and nobody wants a dead one's script to run for longer.
    pub absent: Duration,
    /// For the sessions of an engine that ran before to be found again: until then clients may subscribe to what is not there yet.
    pub returning: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            artist: Duration::from_secs(45),
            stubborn: Duration::from_secs(10),
            absent: Duration::from_secs(10),
            returning: Duration::from_secs(30),
        }
    }
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
    pub patience: Patience,
    pub began: Instant,
    /// The same by the wall clock, which goes on while the machine is suspended.
    pub since: Timestamp,
    pub audit: Audit,
    pub log: Option<EventLog>,
    pub marks: watch::Sender<Marks>,
    pub numbers: Numbers,
    pub tracker: TaskTracker,
    pub stop: CancellationToken,
    pub version: String,
}

impl Shared {
    /// What an engine that ran before knew may not have been found again yet.
    pub fn is_new(&self) -> bool {
        self.began.elapsed() < self.patience.returning
    }
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
        let listener = Mutex::new(Some(Listener::new(&shared)));
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
        .enable_completions()
        // Always the same, so nobody is told that they have changed.
        .enable_prompts()
        .enable_tools()
        .enable_tool_list_changed()
        .enable_resources()
        .enable_resources_list_changed()
        .enable_resources_subscribe()
        .build();
    let capabilities = logging::declare(capabilities);
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

/// There is one page only, so whoever asks for another has made it up.
fn first_page(params: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    if params.and_then(|params| params.cursor).is_none_or(|cursor| cursor.is_empty()) {
        return Ok(());
    }
    Err(ErrorData::invalid_params("There is no such page: ask without a cursor, and get everything.", None))
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
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        first_page(page)?;
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
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        #[cfg(feature = "conformance-fixtures")]
        if let Some(answer) = fixtures::call(&request, &context).await {
            return answer;
        }
        let Caller { client, ended, hung_up } = caller(&context.extensions)?;
        let legacy_level = *self.log_level.lock().unwrap_or_else(PoisonError::into_inner);
        let call = Call {
            shared: &self.shared,
            client,
            abandoned: context.ct.clone(),
            ended: ended.clone(),
            hung_up: hung_up.clone(),
            reporter: Reporter::new(&context, legacy_level),
            offer: elicitation::offer(&context),
            answers: Answers::of(&mut request),
            note: tools::Note::default(),
        };
        tools::call(call, &request.name, request.arguments.unwrap_or_default()).await
    }

    async fn set_level(&self, request: SetLevel, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        *self.log_level.lock().unwrap_or_else(PoisonError::into_inner) = Some(logging::least(&request));
        Ok(())
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        first_page(page)?;
        let resources = resources::list(&self.shared);
        #[cfg(feature = "conformance-fixtures")]
        let resources = fixtures::with_resources(resources);
        Ok(resources)
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        first_page(page)?;
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
        Ok(resources::read(&self.shared, client, &request.uri).await?.into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        #[cfg(feature = "conformance-fixtures")]
        if fixtures::read(&request.uri).is_some() {
            return Ok(());
        }
        self.subscriptions.add(&self.shared, &request.uri).map_err(|refusal| match refusal {
            Refusal::Unknown => resources::not_found(&request.uri),
            Refusal::TooMany => ErrorData::invalid_params(
                "There are too many subscriptions in this session. Unsubscribe from some first.",
                None,
            ),
        })
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.remove(&request.uri);
        Ok(())
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        first_page(page)?;
        let prompts = prompts::list();
        #[cfg(feature = "conformance-fixtures")]
        let prompts = fixtures::with_prompts(prompts);
        Ok(prompts)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        #[cfg(feature = "conformance-fixtures")]
        if let Some(prompt) = fixtures::prompt(&request) {
            return prompt;
        }
        let Caller { client, .. } = caller(&context.extensions)?;
        Ok(prompts::get(&self.shared, client, &request.name, request.arguments).await?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        #[cfg(feature = "conformance-fixtures")]
        if let Some(completed) = fixtures::complete(&request) {
            return Ok(completed);
        }
        Ok(completion::complete(&self.shared, &request.r#ref, &request.argument))
    }

    /// A legacy session begins: from here on it is told of changes.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let Some(listener) = self.listener() else { return };
        let pushing = push::to_legacy(context.peer, listener, self.subscriptions.clone(), self.ended.clone());
        self.shared.tracker.spawn(pushing);
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(self.subscriptions.accept(&self.shared, requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let Some(listener) = self.listener() else { return Ok(()) };
        #[cfg(feature = "conformance-fixtures")]
        self.shared.tracker.spawn(
            self.ended.clone().run_until_cancelled_owned(fixtures::pass_on_changes(context.sink().clone())),
        );
        push::to_modern(context, listener, self.subscriptions.clone(), self.shared.stop.clone()).await;
        Ok(())
    }
}
