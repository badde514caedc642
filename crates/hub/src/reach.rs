//! How a client on this machine reaches us: which bridge, which endpoint, which token.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use maya_mcp_clients::Connection;
use maya_mcp_endpoint::{EndpointFile, Tokens};
use maya_mcp_session::{ClientName, InvalidClientName};

use crate::{Home, Settings};

/// Stands where a token will be; no endpoint takes it.
const NO_TOKEN: &str = "maya_not_made_yet";

/// Everything that goes into one client's settings.
#[derive(Clone)]
pub struct Reach {
    bridge: PathBuf,
    endpoint: String,
    token: String,
    home: Option<PathBuf>,
}

/// The token stays out of logs.
impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach")
            .field("bridge", &self.bridge)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    #[error(transparent)]
    Name(#[from] InvalidClientName),
    #[error("finding this program's own folder")]
    OwnFolder(#[source] io::Error),
    #[error("{0} is missing; it belongs beside this program: please install Maya MCP Tray again")]
    NoBridge(PathBuf),
    #[error("making the token of client {client}")]
    Token { client: String, source: io::Error },
}

impl Reach {
    /// For writing it into the client's settings: its token is made the first time.
    pub fn for_client(home: &Home, settings: &Settings, client: &str) -> Result<Self, ReachError> {
        Self::new(home, settings, client, Tokens::token_for)
    }

    /// For looking only: a client without a token does not get one by being looked at.
    pub fn as_it_is(home: &Home, settings: &Settings, client: &str) -> Result<Self, ReachError> {
        Self::new(home, settings, client, |tokens, name| {
            if tokens.has(name) { tokens.token_for(name) } else { Ok(NO_TOKEN.to_owned()) }
        })
    }

    fn new(
        home: &Home,
        settings: &Settings,
        client: &str,
        token: impl FnOnce(&Tokens, &ClientName) -> io::Result<String>,
    ) -> Result<Self, ReachError> {
        let name: ClientName = client.parse()?;
        let token = Tokens::open(home.tokens())
            .and_then(|tokens| token(&tokens, &name))
            .map_err(|source| ReachError::Token { client: client.to_owned(), source })?;
        let endpoint = match EndpointFile::read(home.path()) {
            Ok(running) => running.endpoint,
            // Not running now: where it will be.
            Err(_) => format!("http://127.0.0.1:{}/mcp", settings.port),
        };
        let home = (!home.is_default()).then(|| home.path().to_owned());
        Ok(Self { bridge: bridge()?, endpoint, token, home })
    }

    pub fn connection(&self) -> Connection<'_> {
        let Self { bridge, endpoint, token, home } = self;
        Connection { bridge, endpoint_url: endpoint, token, home_override: home.as_deref() }
    }
}

/// The program `maya-mcp` beside the running one (or the running one itself).
fn bridge() -> Result<PathBuf, ReachError> {
    let own = std::env::current_exe().map_err(ReachError::OwnFolder)?;
    let bridge =
        own.parent().unwrap_or(Path::new("/")).join(format!("maya-mcp{}", std::env::consts::EXE_SUFFIX));
    if bridge.is_file() { Ok(bridge) } else { Err(ReachError::NoBridge(bridge)) }
}
