//! What happened lately, also before a restart.

use maya_mcp_notify::{Recent, recent};
use maya_mcp_session::Filter;
use tokio::task::spawn_blocking;

use crate::server::Shared;

/// So many, the newest.
pub(crate) async fn history(shared: &Shared, filter: Filter, last: usize) -> Recent {
    let (registry, log) = (shared.registry.clone(), shared.log.clone());
    let reading = spawn_blocking(move || recent(&registry, log.as_ref(), filter, last));
    reading.await.unwrap_or_else(|failed| {
        tracing::error!(%failed, "what happened could not be read");
        Recent { events: Vec::new(), older: true }
    })
}
