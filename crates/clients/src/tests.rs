//! Whole ways through, on temporary homes: what is on the disk before, and what after.

mod disk;
mod documents;
mod facts;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Client, Connection, Fingerprint, Platform, Surroundings, preview};

const TOKEN: &str = "tok-0123456789abcdef";
const URL: &str = "http://127.0.0.1:6292/mcp";

fn connection(bridge: &Path) -> Connection<'_> {
    Connection { bridge, endpoint_url: URL, token: TOKEN, home_override: None }
}

fn bridge() -> PathBuf {
    PathBuf::from(if cfg!(windows) {
        r"C:\Program Files\Maya MCP\maya-mcp.exe"
    } else {
        "/opt/maya mcp/maya-mcp"
    })
}

/// A home in which both clients are installed and have no settings yet.
struct Home {
    folder: tempfile::TempDir,
    around: Surroundings,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let around = Surroundings::at(folder.path(), Platform::Linux);
        fs::create_dir_all(folder.path().join(".config/Claude")).expect("Claude Desktop's folder");
        fs::create_dir_all(folder.path().join(".claude")).expect("Claude Code's folder");
        Self { folder, around }
    }

    fn file(&self, client: Client) -> PathBuf {
        self.folder.path().join(match client {
            Client::ClaudeDesktop => ".config/Claude/claude_desktop_config.json",
            Client::ClaudeCode => ".claude.json",
        })
    }

    fn with(client: Client, text: impl AsRef<[u8]>) -> Self {
        let home = Self::new();
        fs::write(home.file(client), text).expect("the settings are written");
        home
    }

    fn fingerprint(&self, client: Client, connection: &Connection) -> Fingerprint {
        preview(client, &self.around, connection).expect("a preview").fingerprint
    }

    fn connect(&self, client: Client, connection: &Connection) -> crate::Connected {
        let previewed = self.fingerprint(client, connection);
        crate::connect(client, &self.around, connection, &previewed).expect("connects")
    }

    fn disconnect(&self, client: Client, connection: &Connection) -> crate::Disconnected {
        crate::disconnect(client, &self.around, connection).expect("disconnects")
    }

    fn bytes(&self, client: Client) -> Option<Vec<u8>> {
        fs::read(self.file(client)).ok()
    }

    fn text(&self, client: Client) -> String {
        String::from_utf8(self.bytes(client).expect("the file is there")).expect("it is text")
    }

    /// The names beside the settings file that carry our mark, sorted.
    fn ours_beside(&self, client: Client) -> Vec<String> {
        let file = self.file(client);
        let entries = fs::read_dir(file.parent().expect("a folder")).expect("it can be listed");
        let names =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
        let mut names = names.filter(|name| name.contains("maya-mcp")).collect::<Vec<_>>();
        names.sort();
        names
    }
}
