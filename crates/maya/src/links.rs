//! The open links, by session.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use maya_mcp_session::SessionId;

use crate::Link;

/// Cheap to clone; all clones are one table. Only a session's own task puts its link in and takes it out.
#[derive(Debug, Clone, Default)]
pub struct Links {
    open: Arc<RwLock<HashMap<SessionId, Link>>>,
}

impl Links {
    pub fn get(&self, id: SessionId) -> Option<Link> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub fn insert(&self, id: SessionId, link: Link) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(id, link);
    }

    pub fn remove(&self, id: SessionId) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
