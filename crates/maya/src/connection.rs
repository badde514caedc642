//! One connection to a helper, whichever way it goes.
//!
//! Invariant: it runs until it breaks or nobody holds its handle; then everybody who waits on it is answered.

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpStream, sync::mpsc};

use crate::{
    calls::PortOpened,
    command_port::end_when_the_other_side_is_gone,
    frame::Frame,
    framed::Framed,
    link::{Access, HelperAddress, LinkEnd, LinkError, LinkEvent},
    port::Port,
    protocol::WireFacts,
    request::{Calls, Inbox},
    waiting::{Incoming, Waiting},
};

#[derive(Debug)]
pub(crate) enum Connection {
    /// At the helper's own port.
    Framed(Framed),
    /// At a command port of Maya's.
    Port(Port),
}

impl Connection {
    /// The engine's own.
    pub async fn open(helper: &HelperAddress) -> Result<(Self, WireFacts), LinkError> {
        let stream = connect(helper.address).await?;
        match &helper.access {
            Access::Secret(secret) => {
                let (framed, facts) = Framed::shake_hands(stream, secret, None).await?;
                Ok((Self::Framed(framed), facts))
            }
            Access::Key(key) => {
                let (port, facts) = Port::new(stream, key).greet().await?;
                Ok((Self::Port(port), facts))
            }
        }
    }

    /// Where it goes over command ports, `link` has a further one opened.
    pub async fn open_client(helper: &HelperAddress, name: &str, link: Calls) -> Result<Self, LinkError> {
        if let Access::Secret(secret) = &helper.access {
            let stream = connect(helper.address).await?;
            return Ok(Self::Framed(Framed::shake_hands(stream, secret, Some(name)).await?.0));
        }
        let PortOpened { port, key } = link.open_port(name).await?;
        let stream = connect(SocketAddr::new(helper.address.ip(), port)).await?;
        Ok(Self::Port(Port::new(stream, &key)))
    }

    /// A client's connection has no events to tell of.
    pub async fn run(self, inbox: Inbox, events: Option<mpsc::Sender<LinkEvent>>) -> LinkEnd {
        match self {
            Self::Framed(framed) => framed.run(inbox, Desk::new(events)).await,
            Self::Port(port) => port.run(inbox, Desk::new(events)).await,
        }
    }
}

/// Where what comes over a connection goes: to who waits, or to who is told.
#[derive(Debug)]
pub(crate) struct Desk {
    pub waiting: Arc<Waiting>,
    events: Option<mpsc::Sender<LinkEvent>>,
}

impl Desk {
    pub fn new(events: Option<mpsc::Sender<LinkEvent>>) -> Self {
        Self { waiting: Arc::default(), events }
    }

    /// What ends the connection, once the helper says so.
    pub async fn take_in(&self, frame: Frame) -> Option<LinkEnd> {
        match self.waiting.take_in(frame)? {
            Incoming::Goodbye(why) => {
                self.tell(LinkEvent::Farewell(why)).await;
                Some(LinkEnd::Goodbye(why))
            }
            Incoming::Event(event) => {
                self.tell(event).await;
                None
            }
        }
    }

    pub async fn tell(&self, event: LinkEvent) {
        if let Some(events) = &self.events {
            // Whoever opened the link may have no use for them.
            let _ = events.send(event).await;
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, LinkError> {
    let stream = TcpStream::connect(address).await.map_err(LinkError::Connect)?;
    stream.set_nodelay(true).map_err(LinkError::Connect)?;
    if !address.ip().is_loopback() {
        end_when_the_other_side_is_gone(&stream).map_err(LinkError::Connect)?;
    }
    Ok(stream)
}
