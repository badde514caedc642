//! Starts simulated Mayas (`tests/maya_sim/`) for tests, and works their control channel.
//!
//! Invariant: a simulator ends with the value that started it, and its files are its own.

use std::{
    collections::HashMap,
    env,
    os::{linux::net::SocketAddrExt, unix::net::SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
};

/// Each control channel of this process has its own number.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A running simulator.
#[derive(Debug)]
pub struct Sim {
    pub pid: u32,
    /// `{"name", "language", "address", "warn"}` of each command port.
    pub ports: Vec<Value>,
    child: Child,
    control: (BufReader<OwnedReadHalf>, OwnedWriteHalf),
}

/// A folder in which simulators are installed; the engine is told to see only these.
#[derive(Debug)]
pub struct Studio {
    folder: TempDir,
    /// The programs that were laid out, by version.
    installed: Mutex<HashMap<String, PathBuf>>,
}

impl Studio {
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("maya-mcp-studio-").expect("a temporary folder");
        Self { folder, installed: Mutex::default() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program of this version, installed the first time.
    async fn install(&self, version: &str) -> PathBuf {
        if let Some(maya) = self.installed.lock().expect("nothing panics with it").get(version) {
            return maya.clone();
        }
        let output = program(&python())
            .args(["-m", "maya_sim.lay_out"])
            .arg(self.path())
            .arg(version)
            .env("PYTHONPATH", repository().join("tests"))
            .stderr(Stdio::inherit())
            .output()
            .await
            .expect("`cargo xtask test` makes target/venv");
        let maya = PathBuf::from(String::from_utf8(output.stdout).expect("a path of ours").trim());
        self.installed.lock().expect("nothing panics with it").insert(version.to_owned(), maya.clone());
        maya
    }

    /// Starts a Maya of this version and waits until its ports are open.
    pub async fn start(&self, version: &str, arguments: &[&str]) -> Sim {
        self.start_with(version, arguments, &[]).await
    }

    /// The same with more in its environment.
    pub async fn start_with(&self, version: &str, arguments: &[&str], environment: &[(&str, &Path)]) -> Sim {
        let maya = self.install(version).await;
        // A name without a file: the engine must not take it for a command port.
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let control = format!("maya-mcp-test.{}.{number}", std::process::id());
        let mut child = program(&maya)
            .args(["-m", "maya_sim", "--die-with-parent", "--control", &format!("@{control}")])
            .arg("--socket-dir")
            .arg(self.path())
            .arg("--temp-dir")
            .arg(self.path())
            .args(arguments)
            .env("PYTHONPATH", repository().join("tests"))
            .env("TMPDIR", self.path())
            .env("USER", "ana")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the simulator starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).await.expect("the simulator speaks");
        let ready: Value = serde_json::from_str(&line).expect("its first line is JSON");
        let control = UnixStream::from_std(connect(control)).expect("it does not block").into_split();
        Sim {
            pid: child.id().expect("it runs"),
            ports: ready["ports"].as_array().cloned().unwrap_or_default(),
            child,
            control: (BufReader::new(control.0), control.1),
        }
    }
}

impl Default for Studio {
    fn default() -> Self {
        Self::new()
    }
}

impl Sim {
    /// One request over the control channel, which is none of Maya's.
    pub async fn control(&mut self, mut request: Value, action: &str) -> Value {
        request["do"] = json!(action);
        self.control.1.write_all(format!("{request}\n").as_bytes()).await.expect("the simulator runs");
        let mut line = String::new();
        self.control.0.read_line(&mut line).await.expect("it answers");
        serde_json::from_str(&line).expect("in JSON")
    }

    /// What the artist saw in the Script Editor as errors.
    pub async fn script_editor_errors(&mut self) -> String {
        let shown = self.control(json!({}), "script_editor").await;
        shown["errors"].as_str().expect("it is a text").to_owned()
    }

    /// Waits until the process has ended and is gone from the process table.
    pub async fn gone(mut self) {
        self.child.wait().await.expect("it is ours");
    }

    /// SIGKILL: no good-bye.
    pub fn kill(&mut self) {
        self.child.start_kill().expect("it is ours");
    }

    /// The address of the first port that speaks this language.
    pub fn port(&self, language: &str) -> String {
        let port = self.ports.iter().find(|port| port["language"] == language);
        port.and_then(|port| port["address"].as_str()).expect("it has such a port").to_owned()
    }
}

fn connect(control: String) -> std::os::unix::net::UnixStream {
    let address = SocketAddr::from_abstract_name(control).expect("a short name");
    let stream = std::os::unix::net::UnixStream::connect_addr(&address).expect("it listens there");
    stream.set_nonblocking(true).expect("a socket can");
    stream
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

fn python() -> PathBuf {
    env::var_os("MAYA_MCP_VENV")
        .map_or_else(|| repository().join("target/venv"), PathBuf::from)
        .join("bin/python")
}

#[expect(clippy::disallowed_methods, reason = "the one door through which tests start programs")]
pub fn program(path: &Path) -> Command {
    Command::new(path)
}
