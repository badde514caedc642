//! The connections of MCP clients to one helper, beside the engine's own.
//!
//! Invariant: there is one for each name, which all who speak in that name share; one that broke is opened anew when it is next used.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;

use crate::{
    connection::Connection,
    link::{HelperAddress, Link},
    request::{self, Calls, Inbox},
};

/// A client's handle on one Maya. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    link: Link,
    name: Arc<str>,
}

impl Client {
    pub(crate) fn new(link: Link, name: Arc<str>) -> Self {
        Self { link, name }
    }

    pub(crate) fn calls(&self) -> Calls {
        self.link.calls_of(&self.name)
    }
}

#[derive(Debug)]
pub(crate) struct Clients {
    open: Mutex<HashMap<Arc<str>, Calls>>,
    /// To the link's task. One for each client's connection, and those are few.
    newcomers: mpsc::UnboundedSender<Newcomer>,
}

/// A connection that is to be opened, and what waits for it already.
#[derive(Debug)]
pub(crate) struct Newcomer {
    name: Arc<str>,
    inbox: Inbox,
    /// The engine's own, over which a port may have to be opened first.
    link: Calls,
}

impl Clients {
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Newcomer>) {
        let (newcomers, opening) = mpsc::unbounded_channel();
        (Self { open: Mutex::default(), newcomers }, opening)
    }

    pub fn calls_of(&self, name: &Arc<str>, link: &Calls) -> Calls {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(calls) = open.get(name).filter(|calls| !calls.is_closed()) {
            return calls.clone();
        }
        let (calls, inbox) = request::channel();
        open.insert(name.clone(), calls.clone());
        // Where the link has ended, everything that is asked is answered so.
        let _ = self.newcomers.send(Newcomer { name: name.clone(), inbox, link: link.clone() });
        calls
    }
}

impl Newcomer {
    /// Waits for the helper as long as the link lives: it may be Python's lock that it waits for.
    pub async fn serve(self, helper: Arc<HelperAddress>) {
        let Self { name, inbox, link } = self;
        match Connection::open_client(&helper, &name, link).await {
            Ok(connection) => {
                connection.run(inbox, None).await;
            }
            Err(error) => {
                tracing::warn!(
                    client = &*name,
                    error = &error as &dyn std::error::Error,
                    "no connection for a client"
                );
                inbox.refuse(&Arc::new(error));
            }
        }
    }
}
