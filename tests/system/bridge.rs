//! The real bridge with the real engine: who starts it, who starts it again, and what the bridge leaves behind.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use maya_mcp_system_tests::{Studio, program, repository};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::engine::{SOON, engine};

/// After a kill the engine has to be there again by then.
const AGAIN: Duration = Duration::from_secs(2);

/// A home, and `maya-mcp` without a tray application beside it, so that the bridge starts `maya-mcp serve`.
struct Desk {
    studio: Studio,
    program: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let studio = Studio::new();
        let built = repository().join("target/debug/maya-mcp");
        let built = env::var_os("MAYA_MCP").map_or(built, PathBuf::from);
        assert!(built.is_file(), "{} is built by `cargo build -p maya-mcp-cli`", built.display());
        let program = studio.path().join("maya-mcp");
        fs::hard_link(&built, &program)
            .or_else(|_| fs::copy(&built, &program).map(|_| ()))
            .expect("it can be placed there");
        let desk = Self { studio, program };
        fs::create_dir_all(desk.home()).expect("writable");
        let settings = json!({"port": 0, "maya_folders": [desk.studio.path()], "notices": false});
        fs::write(desk.home().join("settings.json"), settings.to_string()).expect("writable");
        desk
    }

    fn home(&self) -> PathBuf {
        self.studio.path().join("home")
    }

    fn maya_mcp(&self, home: &Path) -> Command {
        let mut command = program(&self.program);
        command.env("HOME", home).env("MAYA_MCP_HOME", home).env_remove("MAYA_MCP_LOG");
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").kill_on_drop(true);
        command
    }

    async fn bridge(&self, client: &str) -> Bridge {
        let made = self.maya_mcp(&self.home()).args(["token", client]).output().await.expect("it starts");
        assert!(made.status.success(), "the client has a token");
        Bridge::start(self.maya_mcp(&self.home()), client)
    }

    fn endpoint_file(&self) -> PathBuf {
        self.home().join("endpoint.json")
    }

    fn start_log(&self) -> PathBuf {
        self.home().join("logs").join("start.log")
    }

    fn engine(&self) -> String {
        let text = fs::read(self.endpoint_file()).expect("an engine runs");
        let file: Value = serde_json::from_slice(&text).expect("JSON");
        file["pid"].to_string()
    }

    /// What the bridge takes for the tray application where it finds a display.
    fn lay_out_a_tray(&self, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;

        let tray = self.studio.path().join("maya-mcp-tray");
        fs::write(&tray, format!("#!/bin/sh\n{script}\n")).expect("writable");
        fs::set_permissions(&tray, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    /// The engine that this was sent to.
    async fn send(&self, signal: &str) -> String {
        let pid = self.engine();
        let sent = program(Path::new("kill")).args([signal, &pid]).status().await;
        assert!(sent.expect("kill is everywhere").success(), "the signal was sent");
        pid
    }

    /// In order, to the end: the engine holds its lock until then.
    async fn end_engine(&self) {
        self.send("-TERM").await;
        let ended = program(Path::new("flock")).arg(self.home().join("lock")).arg("true").status();
        let ended = timeout(SOON, ended).await.expect("it ends").expect("flock is everywhere");
        assert!(ended.success(), "nobody holds the lock");
        assert!(!self.endpoint_file().exists(), "it took its address away");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // A test that failed half-way.
        if self.endpoint_file().exists() {
            let _ = program(Path::new("kill")).args(["-KILL", &self.engine()]).spawn();
        }
    }
}

/// A client, as far as the bridge is concerned.
struct Bridge {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    asked: u64,
}

impl Bridge {
    fn start(mut maya_mcp: Command, client: &str) -> Self {
        maya_mcp.args(["stdio", "--client", client]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = maya_mcp.spawn().expect("it starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, input, output, asked: 0 }
    }

    async fn say(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.expect("it reads");
    }

    async fn next(&mut self) -> Value {
        let line = timeout(SOON, self.output.next_line()).await.expect("soon").expect("text");
        serde_json::from_str(&line.expect("it lives")).expect("a JSON-RPC message")
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        loop {
            let message = self.next().await;
            if message.get("method").is_none() && message["id"] == id {
                return message;
            }
        }
    }

    async fn hear(&mut self, method: &str) {
        while self.next().await["method"] != method {}
    }

    async fn shake_hands(&mut self) {
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let welcome = self.ask("initialize", hello).await;
        assert!(welcome["result"]["capabilities"]["tools"].is_object(), "{welcome}");
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    }

    async fn listen(&mut self) {
        let filter = json!({"toolsListChanged": true, "resourcesListChanged": true, "resourceSubscriptions": ["maya://sessions"]});
        let params = json!({"notifications": filter, "_meta": meta()});
        self.say(&json!({"jsonrpc": "2.0", "id": "l", "method": "subscriptions/listen", "params": params}))
            .await;
        self.hear("notifications/subscriptions/acknowledged").await;
    }

    async fn list_sessions(&mut self, meta: Value) {
        let listed = self.ask("tools/call", list_sessions(meta)).await;
        assert_eq!(
            listed["result"]["structuredContent"]["sessions"],
            json!([]),
            "an engine answers: {listed}"
        );
    }

    async fn hang_up(mut self) {
        drop(self.input);
        let ended = timeout(SOON, self.child.wait()).await.expect("soon").expect("it is ours");
        assert!(ended.success(), "a clean end");
    }
}

fn list_sessions(meta: Value) -> Value {
    let mut params = json!({"name": "list_sessions", "arguments": {}});
    if meta.is_object() {
        params["_meta"] = meta;
    }
    params
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[tokio::test]
async fn two_idle_bridges_have_a_killed_engine_back_in_two_seconds_and_leave_an_ended_one_alone() {
    let desk = Desk::new();
    let (mut legacy, mut modern) = (desk.bridge("one").await, desk.bridge("two").await);
    legacy.shake_hands().await;
    legacy.ask("resources/subscribe", json!({"uri": "maya://sessions"})).await;
    let found = modern.ask("server/discover", json!({"_meta": meta()})).await;
    assert!(found["result"]["supportedVersions"].is_array(), "{found}");
    modern.listen().await;
    for _ in 0..2 {
        let killed = Instant::now();
        let last = desk.send("-KILL").await;
        for list in ["tools", "prompts", "resources"] {
            legacy.hear(&format!("notifications/{list}/list_changed")).await;
        }
        legacy.hear("notifications/resources/updated").await;
        for list in ["tools", "resources"] {
            modern.hear(&format!("notifications/{list}/list_changed")).await;
        }
        modern.hear("notifications/resources/updated").await;
        assert!(killed.elapsed() < AGAIN, "took {:?}", killed.elapsed());
        assert_ne!(desk.engine(), last, "another engine");
        legacy.list_sessions(Value::Null).await;
        modern.list_sessions(meta()).await;
    }

    desk.end_engine().await;
    for _ in 0..5 {
        legacy.ask("ping", json!({})).await;
        let tools = modern.ask("tools/list", json!({"_meta": meta()})).await;
        assert!(tools["result"]["tools"].is_array(), "the bridge answers by itself: {tools}");
    }
    assert!(!desk.endpoint_file().exists(), "whoever ended it wants it to stay so");
    modern.list_sessions(meta()).await;
    legacy.hear("notifications/tools/list_changed").await;
    legacy.list_sessions(Value::Null).await;
    legacy.hang_up().await;
    modern.hang_up().await;
    desk.end_engine().await;
}

/// As clients start us that hand on hardly any of their environment.
#[cfg(all(unix, not(target_os = "macos")))]
#[tokio::test]
async fn without_a_display_the_engine_is_started_and_not_the_tray_beside_it() {
    let desk = Desk::new();
    let shown = desk.studio.path().join("shown");
    desk.lay_out_a_tray(&format!("touch '{}'\nexit 1", shown.display()));
    let made = desk.maya_mcp(&desk.home()).args(["token", "one"]).output().await.expect("it starts");
    assert!(made.status.success(), "the client has a token");
    let mut maya_mcp = desk.maya_mcp(&desk.home());
    maya_mcp.env_remove("WAYLAND_DISPLAY").env("DISPLAY", "");
    let mut bridge = Bridge::start(maya_mcp, "one");
    bridge.list_sessions(meta()).await;
    assert!(!shown.exists(), "the tray was left alone");
    bridge.hang_up().await;
    desk.end_engine().await;
}

/// Everything below this folder, with what would change if it were written to.
fn seen(folder: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let about = entry.metadata()?;
        let _ = writeln!(text, "{} {} {:?}", entry.path().display(), about.len(), about.modified()?);
        if about.is_dir() {
            text += &seen(&entry.path())?;
        }
    }
    Ok(text)
}

#[tokio::test]
async fn the_bridge_reads_the_endpoint_file_and_its_token_and_writes_nothing() {
    let desk = Desk::new();
    let (hub, _news) = engine(&desk.studio).await;
    let made = desk.maya_mcp(&desk.home()).args(["token", "one"]).output().await.expect("it starts");
    assert!(made.status.success(), "the client has a token");
    let home = desk.studio.path().join("bridge");
    fs::create_dir_all(home.join("tokens")).expect("writable");
    for file in ["endpoint.json", "tokens/one"] {
        fs::copy(desk.home().join(file), home.join(file)).expect("writable");
    }
    // Whoever opens one of these waits for ever.
    for file in ["settings.json", "remembered.json", "lock", "tokens/two"] {
        let made = program(Path::new("mkfifo")).arg(home.join(file)).status().await;
        assert!(made.expect("mkfifo is everywhere").success(), "{file}");
    }
    let before = seen(&home).expect("readable");
    for era in [Value::Null, meta()] {
        let mut bridge = Bridge::start(desk.maya_mcp(&home), "one");
        if era.is_null() {
            bridge.shake_hands().await;
        } else {
            bridge.listen().await;
        }
        bridge.list_sessions(era).await;
        bridge.hang_up().await;
    }
    assert_eq!(seen(&home).expect("readable"), before, "as if it had never run");
    hub.stop().await;
}

#[tokio::test]
async fn a_bridge_without_a_home_makes_none_and_says_why_nothing_could_be_started() {
    let desk = Desk::new();
    let home = desk.studio.path().join("not").join("there");
    let tray = desk.studio.path().join("maya-mcp-tray");
    fs::write(&tray, "no program").expect("writable");
    let before = seen(desk.studio.path()).expect("readable");
    let mut maya_mcp = desk.maya_mcp(&home);
    maya_mcp.env("DISPLAY", ":0");
    let mut bridge = Bridge::start(maya_mcp, "one");
    let answer = bridge.ask("tools/call", list_sessions(meta())).await;
    let text = answer["result"]["content"][0]["text"].as_str().expect("text");
    assert!(text.contains(&format!("could not be started: {}: Permission denied", tray.display())), "{text}");
    bridge.hang_up().await;
    assert_eq!(seen(desk.studio.path()).expect("readable"), before, "as if it had never run");
}

#[tokio::test]
async fn an_engine_that_cannot_start_says_why_through_the_bridge_and_leaves_no_log() {
    let desk = Desk::new();
    fs::write(desk.home().join("settings.json"), "{\"port\": \"none\"}").expect("writable");
    let mut bridge = desk.bridge("one").await;
    let answer = bridge.ask("tools/call", list_sessions(meta())).await;
    let text = answer["result"]["content"][0]["text"].as_str().expect("text");
    assert!(text.contains("could not be started") && text.contains("settings.json"), "{text}");
    bridge.hang_up().await;
    assert!(!desk.start_log().exists(), "the log is for one that runs");
}

/// A line from this pipe, as soon as there is one.
async fn line(pipe: &Path) -> String {
    let read = program(Path::new("head")).arg("-n1").arg(pipe).output();
    let read = timeout(SOON, read).await.expect("soon").expect("head is everywhere");
    String::from_utf8(read.stdout).expect("text")
}

#[tokio::test]
async fn an_application_whose_bridge_dies_while_it_starts_comes_up_all_the_same() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = Desk::new();
    let [begun, go, up] = ["begun", "go", "up"].map(|name| desk.studio.path().join(name));
    for pipe in [&begun, &go, &up] {
        let made = program(Path::new("mkfifo")).arg(pipe).status().await;
        assert!(made.expect("mkfifo is everywhere").success(), "{}", pipe.display());
    }
    let (begun_at, go_at, up_at, serve) =
        (begun.display(), go.display(), up.display(), desk.program.display());
    desk.lay_out_a_tray(&format!(
        "echo begun > '{begun_at}'; read go < '{go_at}'; exec '{serve}' serve \"$@\" > '{up_at}'"
    ));
    let mut maya_mcp = desk.maya_mcp(&desk.home());
    // It says a lot from the very beginning, and there is nobody to hear it.
    maya_mcp.env("DISPLAY", ":0").env("MAYA_MCP_LOG", "trace").stderr(Stdio::null());
    let mut bridge = Bridge::start(maya_mcp, "one");
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": list_sessions(meta())});
    bridge.say(&call).await;
    assert_eq!(line(&begun).await, "begun\n", "it has been started");
    bridge.child.kill().await.expect("it is ours");
    fs::write(&go, "go\n").expect("somebody reads");
    assert!(line(&up).await.contains("\"endpoint\""), "it is up");

    let log = fs::metadata(desk.start_log()).expect("it logs to its home");
    assert_eq!(log.permissions().mode() & 0o777, 0o600, "for its owner alone");
    let folder = fs::metadata(desk.home().join("logs")).expect("it is there");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700, "as is its folder");
    let first = desk.engine();
    let mut other = desk.bridge("two").await;
    other.list_sessions(meta()).await;
    other.hang_up().await;
    assert_eq!(desk.engine(), first, "it serves others");
    desk.end_engine().await;
    let log = fs::read_to_string(desk.start_log()).expect("text");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "what it said since: {log}");
}
