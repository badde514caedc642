//! Log messages, as both protocol eras still have them.
//!
//! Invariant: the one place that knows the protocol's own types for them, which are on their way out.
#![expect(
    deprecated,
    reason = "the protocol of 2025-11-25 has nothing else, and that of 2026-07-28 still has it"
)]

use maya_mcp_maya::Stream;
use rmcp::{
    RoleServer, ServiceError,
    model::{
        LoggingLevel, LoggingMessageNotificationParam, RequestMetaObject, ServerCapabilities,
        SetLevelRequestParams,
    },
    service::Peer,
};

pub(crate) type SetLevel = SetLevelRequestParams;

/// How much a message weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
}

impl From<LoggingLevel> for Level {
    fn from(level: LoggingLevel) -> Self {
        match level {
            LoggingLevel::Debug => Self::Debug,
            LoggingLevel::Info => Self::Info,
            LoggingLevel::Notice => Self::Notice,
            LoggingLevel::Warning => Self::Warning,
            LoggingLevel::Error => Self::Error,
            // Nothing of ours weighs more.
            _ => Self::Critical,
        }
    }
}

impl From<Stream> for Level {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Stdout | Stream::Info | Stream::Result => Self::Info,
            Stream::Warning => Self::Warning,
            Stream::Stderr | Stream::Error => Self::Error,
        }
    }
}

/// The least that a client of the older protocol wants to hear.
pub(crate) fn least(request: &SetLevel) -> Level {
    request.level.into()
}

/// The least that a client of the newer protocol wants to hear of this request.
pub(crate) fn wanted(meta: &RequestMetaObject) -> Option<Level> {
    meta.log_level().map(Level::from)
}

pub(crate) async fn tell(
    peer: &Peer<RoleServer>,
    level: Level,
    logger: String,
    text: String,
) -> Result<(), ServiceError> {
    let level = match level {
        Level::Debug => LoggingLevel::Debug,
        Level::Info => LoggingLevel::Info,
        Level::Notice => LoggingLevel::Notice,
        Level::Warning => LoggingLevel::Warning,
        Level::Error => LoggingLevel::Error,
        Level::Critical => LoggingLevel::Critical,
    };
    let message = LoggingMessageNotificationParam::new(level, text.into()).with_logger(logger);
    peer.notify_logging_message(message).await
}

/// Adds that there are log messages to what the endpoint can do.
pub(crate) fn declare(capabilities: ServerCapabilities) -> ServerCapabilities {
    let mut capabilities = capabilities;
    capabilities.logging = Some(serde_json::Map::new());
    capabilities
}
