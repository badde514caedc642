//! Our entry: what stands in a client's settings, and how to tell it from somebody else's.
//!
//! Pure: text in, text out.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Client, Error, table::Reach};

/// The name of our server in every client.
pub(crate) const NAME: &str = "maya";

const HOME_VARIABLE: &str = "MAYA_MCP_HOME";

/// What a client shall be connected to.
#[derive(Clone, Copy)]
pub struct Connection<'a> {
    /// The program `maya-mcp`, by absolute path: desktop programs do not have the shell's PATH.
    pub bridge: &'a Path,
    pub endpoint_url: &'a str,
    /// The token of this one client.
    pub token: &'a str,
    /// A home other than `~/.maya-mcp`, which the bridge must be told.
    pub home_override: Option<&'a Path>,
}

/// The token stays out of logs.
impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bridge, endpoint_url, token: _, home_override } = self;
        f.debug_struct("Connection")
            .field("bridge", bridge)
            .field("endpoint_url", endpoint_url)
            .field("home_override", home_override)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    Stdio { command: String, args: Vec<String>, env: Vec<(&'static str, String)> },
    Http { url: String, token: String },
}

/// The token stays out of logs.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdio { command, args, env } => f
                .debug_struct("Stdio")
                .field("command", command)
                .field("args", args)
                .field("env", env)
                .finish(),
            Self::Http { url, token: _ } => f.debug_struct("Http").field("url", url).finish_non_exhaustive(),
        }
    }
}

/// Whether the entry that stands under our name came from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It leads to our program or our endpoint, wherever these were at the time.
    Us,
    SomebodyElse,
}

impl Entry {
    /// The entry that this client takes.
    pub fn new(client: Client, connection: &Connection) -> Result<Self, Error> {
        match client.facts().reach {
            Reach::Stdio => Self::stdio(client.id(), connection),
            Reach::Http => Ok(Self::http(connection)),
        }
    }

    fn stdio(client: &str, connection: &Connection) -> Result<Self, Error> {
        let text = |path: &Path| {
            let fits = path.to_str().filter(|_| path.is_absolute()).map(str::to_owned);
            fits.ok_or_else(|| Error::UnusablePath(PathBuf::from(path)))
        };
        let args = ["stdio", "--client", client].map(str::to_owned).into();
        let home = connection.home_override.map(text).transpose()?;
        let env = home.map(|home| (HOME_VARIABLE, home)).into_iter().collect();
        Ok(Self::Stdio { command: text(connection.bridge)?, args, env })
    }

    fn http(connection: &Connection) -> Self {
        Self::Http { url: connection.endpoint_url.to_owned(), token: connection.token.to_owned() }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Stdio { command, args, env } if env.is_empty() => {
                json!({ "command": command, "args": args })
            }
            Self::Stdio { command, args, env } => {
                let env = env.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
                json!({ "command": command, "args": args, "env": env.collect::<Map<_, _>>() })
            }
            Self::Http { url, token } => {
                json!({ "type": "http", "url": url, "headers": { "Authorization": format!("Bearer {token}") } })
            }
        }
    }

    /// True when the entry does what ours would. What a client or a person adds to it, a time-out say, is no difference.
    pub(crate) fn agrees_with(&self, found: &Value) -> bool {
        essence(&self.to_json()) == essence(found)
    }

    pub(crate) fn holds_token(&self) -> bool {
        matches!(self, Self::Http { .. })
    }
}

pub(crate) fn owner(found: &Value, connection: &Connection) -> Owner {
    let [command, args, _, _, url, authorization] = essence(found);
    let bridge = command.and_then(Value::as_str).is_some_and(|command| {
        let program = file_name(command);
        let ours = connection.bridge.file_name().and_then(|name| name.to_str());
        let ours = ours == Some(program) || program.trim_end_matches(".exe") == "maya-mcp";
        ours && args.and_then(|args| args.get(0)).is_some_and(|first| first == "stdio")
    });
    let endpoint = url.and_then(Value::as_str).is_some_and(|url| {
        plain_url(url) == plain_url(connection.endpoint_url)
            || (!connection.token.is_empty()
                && authorization.and_then(Value::as_str) == Some(&format!("Bearer {}", connection.token)))
    });
    if bridge || endpoint { Owner::Us } else { Owner::SomebodyElse }
}

/// The parts of an entry that decide what it does.
fn essence(entry: &Value) -> [Option<&Value>; 6] {
    let at = |pointer| entry.pointer(pointer);
    [
        at("/command"),
        at("/args"),
        at("/env/MAYA_MCP_HOME"),
        at("/type").filter(|kind| *kind != "stdio"),
        at("/url"),
        at("/headers/Authorization"),
    ]
}

/// Of a path of any platform: the settings may come from another one.
fn file_name(command: &str) -> &str {
    command.rsplit(['/', '\\']).next().unwrap_or(command)
}

fn plain_url(url: &str) -> String {
    url.trim_end_matches('/').replacen("//localhost", "//127.0.0.1", 1)
}

/// Settings for a client that has no row yet, to be copied by hand.
#[derive(Debug, Clone, Serialize)]
pub struct AnyClient {
    pub http: String,
    pub stdio: String,
}

impl fmt::Display for AnyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http, stdio } = self;
        write!(f, "For a client that calls the endpoint (streamable HTTP):\n\n{http}\n\n")?;
        write!(f, "For a client that starts a program (stdio):\n\n{stdio}\n")
    }
}

/// `client` is the name for which `connection.token` was made.
pub fn config_for_any_client(client: &str, connection: &Connection) -> Result<AnyClient, Error> {
    let text = |entry: Entry| format!("{:#}", json!({ "mcpServers": { NAME: entry.to_json() } }));
    Ok(AnyClient { http: text(Entry::http(connection)), stdio: text(Entry::stdio(client, connection)?) })
}
