//! The real programs, as scripts and clients start them: `maya-mcp serve`, `stdio`, `sessions`, `exec`, `token`, `clients`, `autoconnect`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use maya_mcp_system_tests::{Studio, program, repository};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(30);
const PYTHON_PORT: &[&str] = &["--default-port", "off", "--command-port", "python:127.0.0.1:0"];

/// `maya-mcp` with this studio's home, and with a home folder of its own for the clients' settings.
fn maya_mcp(studio: &Studio) -> Command {
    let built = repository().join("target/debug/maya-mcp");
    let path = env::var_os("MAYA_MCP").map_or(built, PathBuf::from);
    assert!(path.is_file(), "{} is built by `cargo build -p maya-mcp-cli`", path.display());
    let mut command = program(&path);
    command
        .env("HOME", studio.path())
        .env("XDG_CONFIG_HOME", studio.path().join(".config"))
        .env("MAYA_MCP_HOME", home(studio))
        .env_remove("CLAUDE_CONFIG_DIR")
        .env_remove("MAYA_APP_DIR")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("MAYA_MCP_LOG")
        .kill_on_drop(true);
    command
}

fn home(studio: &Studio) -> PathBuf {
    studio.path().join("home")
}

/// Runs one action to its end: exit code, stdout, stderr.
pub async fn run(studio: &Studio, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = timeout(SOON, maya_mcp(studio).args(arguments).output()).await;
    let output = output.expect("it ends by itself").expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A running `maya-mcp serve`.
struct Engine {
    child: Child,
    endpoint: String,
}

impl Engine {
    async fn start(studio: &Studio) -> Self {
        fs::create_dir_all(home(studio)).expect("writable");
        let settings = json!({"maya_folders": [studio.path()], "notices": false});
        fs::write(home(studio).join("settings.json"), settings.to_string()).expect("writable");
        let mut child = maya_mcp(studio)
            .args(["serve", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = timeout(SOON, lines.next_line()).await.expect("soon").expect("text").expect("one line");
        let ready: Value = serde_json::from_str(&line).expect("of JSON");
        assert_eq!(ready["pid"].as_u64(), child.id().map(u64::from), "it names itself");
        let endpoint = ready["endpoint"].as_str().expect("a URL").to_owned();
        Self { child, endpoint }
    }

    async fn send(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent =
            program(Path::new("kill")).args([signal, &pid]).status().await.expect("kill is everywhere");
        assert!(sent.success(), "the signal was sent");
    }

    async fn terminate(mut self) -> ExitStatus {
        self.send("-TERM").await;
        timeout(SOON, self.child.wait()).await.expect("it ends").expect("it is ours")
    }
}

/// Waits until this Maya is ready, asking as a script would.
async fn ready(studio: &Studio, pid: u32) {
    reached(studio, pid, "ready").await;
}

async fn reached(studio: &Studio, pid: u32, phase: &str) {
    let name = format!("maya-{pid}");
    let asked = timeout(SOON, async {
        loop {
            let (code, out, err) = run(studio, &["sessions", "--json"]).await;
            assert_eq!(code, Some(0), "{err}");
            let listed: Value = serde_json::from_str(&out).expect("JSON");
            let sessions = listed["sessions"].as_array().expect("a list").clone();
            if sessions.iter().any(|s| s["session"] == name.as_str() && s["phase"] == phase) {
                return;
            }
        }
    });
    asked.await.unwrap_or_else(|_| panic!("{name} does not become {phase}"));
}

#[tokio::test]
async fn a_script_finds_a_maya_and_runs_code_in_it() {
    let studio = Studio::new();
    let engine = Engine::start(&studio).await;
    assert!(
        engine.endpoint.starts_with("http://127.0.0.1:") && engine.endpoint.ends_with("/mcp"),
        "loopback"
    );
    let sim = studio.start("2025", PYTHON_PORT).await;
    ready(&studio, sim.pid).await;

    let (code, out, _) = run(&studio, &["sessions"]).await;
    assert!(code == Some(0) && out.contains("Maya 2025") && out.contains("Ready"), "for people: {out}");
    let (code, out, _) = run(&studio, &["exec", "print('hello')\n6 * 7"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "hello\n42\n"), "output, then the value");
    let (code, out, err) = run(&studio, &["exec", "1 / 0"]).await;
    assert_eq!((code, out.as_str()), (Some(4), ""), "an error in the script has a code of its own");
    assert!(err.contains("ZeroDivisionError") && err.contains("1 / 0"), "with its traceback: {err}");
    let close = "cmds.polyCube()\ncmds.file(new=True, force=True)";
    let close = format!("import maya.cmds as cmds\n{close}\n'a new scene'");
    let (code, out, err) = run(&studio, &["exec", &close]).await;
    assert_eq!((code, out.as_str()), (Some(4), ""), "it was kept from it");
    assert!(err.contains("UnsavedChanges: the scene has unsaved changes"), "and says why: {err}");
    let (code, out, _) = run(&studio, &["exec", "--discard-unsaved", &close]).await;
    assert_eq!((code, out.trim()), (Some(0), "a new scene"), "on purpose it may");
    let (code, out, _) = run(&studio, &["exec", "--json", "--mel", "about -v"]).await;
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &answer["result"]), (Some(0), &json!("2025")), "MEL as well");
    let (code, _, err) = run(&studio, &["exec", "--session", "maya-1", "1"]).await;
    assert_eq!(code, Some(1), "no such session");
    assert!(err.contains(&format!("maya-{}", sim.pid)), "the error lists the choices: {err}");

    assert_eq!(engine.terminate().await.code(), Some(0), "SIGTERM ends it cleanly");
    assert!(!home(&studio).join("endpoint.json").exists(), "and its address is gone");
    let (code, _, err) = run(&studio, &["sessions"]).await;
    assert_eq!(code, Some(3), "not running has a code of its own");
    assert!(err.contains("not running") && !err.contains("error"), "in plain words: {err}");
}

#[tokio::test]
async fn watching_shows_a_maya_come_ask_work_and_crash_as_it_happens() {
    let studio = Studio::new();
    let engine = Engine::start(&studio).await;
    let mut watching = maya_mcp(&studio)
        .args(["sessions", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines();
    let mut seen = Vec::new();
    let mut until = async |words: &str| loop {
        let line = timeout(SOON, lines.next_line()).await;
        let Ok(Ok(Some(line))) = line else { panic!("no {words:?} after {seen:#?}") };
        let found = line.contains(words);
        seen.push(line);
        if found {
            return;
        }
    };
    until("No Maya is running").await;
    let mut sim = studio.start("2025", &["--dialog", "allow-all"]).await;
    let name = format!("maya-{}", sim.pid);
    until(&format!("{name:<14} Maya 2025 is running")).await;
    until("choose Connect in Maya MCP Tray").await;
    let (code, _, err) = run(&studio, &["sessions", "connect", &name]).await;
    assert_eq!(code, Some(0), "{err}");
    until("choose Allow All in Maya").await;
    until("Maya 2025 is ready, with an untitled scene").await;
    sim.control(json!({"seconds": 6}), "busy").await;
    until("Maya 2025 is busy").await;
    sim.kill();
    until("Maya 2025 closed unexpectedly").await;
    drop(watching);

    let (code, out, err) = run(&studio, &["sessions", "add", "1"]).await;
    assert!(code == Some(0) && out.contains("maya-127.0.0.1:1 is on the list"), "{out}{err}");
    let (code, _, err) = run(&studio, &["sessions", "add", "192.0.2.7:7001"]).await;
    assert!(code == Some(1) && err.contains("no authentication"), "a warning, and a way: {err}");
    let (code, out, err) = run(&studio, &["sessions", "remove", "maya-127.0.0.1:1"]).await;
    assert!(code == Some(0) && out.contains("off the list"), "{out}{err}");
    assert_eq!(engine.terminate().await.code(), Some(0), "it ends cleanly");
}

#[tokio::test]
async fn a_taken_port_is_said_with_its_owner_and_never_moved() {
    let studio = Studio::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port().to_string();
    let (code, out, err) = run(&studio, &["serve", "--port", &port]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "it does not start");
    let own = std::process::id().to_string();
    assert!(err.contains(&port) && err.contains(&own), "the port and who has it: {err}");
    assert!(err.contains("settings.json"), "and what to do: {err}");
}

#[tokio::test]
async fn a_broken_settings_file_is_told_and_left_alone() {
    let studio = Studio::new();
    fs::create_dir_all(home(&studio)).expect("writable");
    let path = home(&studio).join("settings.json");
    fs::write(&path, "{\"port\": 7000,}").expect("writable");
    let (code, _, err) = run(&studio, &["serve", "--port", "0"]).await;
    assert_eq!(code, Some(1), "it does not guess");
    assert!(err.contains("settings.json") && err.contains("line 1"), "the place: {err}");
    assert_eq!(fs::read_to_string(&path).expect("there"), "{\"port\": 7000,}", "untouched");
}

#[tokio::test]
async fn a_token_is_made_once_and_kept_private() {
    let studio = Studio::new();
    let (code, first, _) = run(&studio, &["token", "cursor"]).await;
    assert_eq!(code, Some(0), "it is made");
    assert!(first.trim().len() >= 64, "256 bits: {first}");
    let (_, again, _) = run(&studio, &["token", "cursor"]).await;
    assert_eq!(first, again, "the same again");
    let (_, other, _) = run(&studio, &["token", "zed"]).await;
    assert_ne!(first, other, "each client has its own");
    let (code, _, err) = run(&studio, &["token", "../x"]).await;
    assert!(code == Some(1) && err.contains("cannot be a client's name"), "no path is made of it: {err}");
}

/// Claude Desktop, as far as we are concerned: starts the entry of its config, and speaks MCP with it.
struct Desktop {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    asked: u64,
}

impl Desktop {
    async fn start(studio: &Studio) -> Self {
        let config = studio.path().join(".config/Claude/claude_desktop_config.json");
        let config: Value = serde_json::from_slice(&fs::read(config).expect("written")).expect("JSON");
        let entry = &config["mcpServers"]["maya"];
        let mut command = program(Path::new(entry["command"].as_str().expect("a path")));
        command.args(entry["args"].as_array().expect("a list").iter().filter_map(Value::as_str));
        // A desktop program has next to nothing of a shell's environment.
        command.env_clear().env("HOME", studio.path());
        let env = entry["env"].as_object().cloned().unwrap_or_default();
        command.envs(env.iter().filter_map(|(name, value)| Some((name, value.as_str()?))));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("the entry can be started");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut desktop = Self { _child: child, input, output, asked: 0 };
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let welcome = desktop.ask("initialize", hello).await;
        assert!(welcome["result"]["capabilities"]["tools"].is_object(), "{welcome}");
        desktop.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        desktop
    }

    async fn send(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.expect("the bridge reads");
    }

    async fn next(&mut self) -> Value {
        let line = timeout(SOON, self.output.next_line()).await.expect("soon").expect("text");
        serde_json::from_str(&line.expect("the bridge lives")).expect("a JSON-RPC message")
    }

    /// The answer; what comes before it is passed over.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        loop {
            let message = self.next().await;
            if message["id"] == id {
                return message;
            }
        }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await["result"].clone()
    }

    async fn hear(&mut self, method: &str) {
        while self.next().await["method"] != method {}
    }
}

#[tokio::test]
async fn claude_desktop_starts_the_entry_that_was_written_and_works_in_two_mayas() {
    let studio = Studio::new();
    fs::create_dir_all(studio.path().join(".config/Claude")).expect("writable");
    let _engine = Engine::start(&studio).await;
    let mut one = studio.start("2024", PYTHON_PORT).await;
    let two = studio.start("2026", &["--dialog", "allow-all"]).await;
    ready(&studio, one.pid).await;
    reached(&studio, two.pid, "awaiting_connect").await;
    let (code, out, err) = run(&studio, &["sessions", "connect", &format!("maya-{}", two.pid)]).await;
    assert!(code == Some(0) && out.contains("Allow All"), "what to do next: {out}{err}");
    ready(&studio, two.pid).await;
    let (code, _, err) = run(&studio, &["clients", "connect", "claude-desktop"]).await;
    assert_eq!(code, Some(0), "{err}");

    let mut desktop = Desktop::start(&studio).await;
    let sessions = desktop.call("list_sessions", json!({})).await;
    let sessions = sessions["structuredContent"]["sessions"].as_array().expect("a list").len();
    assert_eq!(sessions, 2, "both are listed");
    let undecided = desktop.call("execute_code", json!({"code": "1"})).await;
    assert_eq!(undecided["isError"], true, "with two, one has to be chosen");
    for (sim, version) in [(&one, "2024"), (&two, "2026")] {
        let session = format!("maya-{}", sim.pid);
        let used = desktop.call("use_session", json!({"session": session})).await;
        assert_ne!(used["isError"], true, "{used}");
        let code = "import maya.cmds as cmds\ncmds.about(version=True)";
        let done = desktop.call("execute_code", json!({"code": code})).await;
        let done = &done["structuredContent"];
        assert_eq!((&done["session"], &done["result"]), (&json!(session), &json!(version)), "{done}");
    }
    desktop.ask("resources/subscribe", json!({"uri": "maya://sessions"})).await;
    one.kill();
    desktop.hear("notifications/resources/updated").await;
    let after = desktop.call("list_sessions", json!({})).await;
    let after = &after["structuredContent"];
    assert_eq!(after["sessions"].as_array().map(Vec::len), Some(1), "the killed one is gone: {after}");
    let crashes =
        after["changes"].as_array().expect("a list").iter().filter(|c| c["kind"] == "crashed").count();
    assert_eq!(crashes, 1, "and its crash is told, once: {after}");

    let (code, _, err) = run(&studio, &["clients", "disconnect", "claude-desktop"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(
        !studio.path().join(".config/Claude/claude_desktop_config.json").exists(),
        "the file was ours alone"
    );
}

#[tokio::test]
async fn a_maya_connects_by_itself_once_that_is_turned_on() {
    let studio = Studio::new();
    let scripts = studio.path().join("maya/2025/scripts");
    fs::create_dir_all(&scripts).expect("writable");
    let user_setup = scripts.join("userSetup.py");
    let theirs = b"name = 'no line end'".as_slice();
    fs::write(&user_setup, theirs).expect("writable");

    let (code, out, err) = run(&studio, &["autoconnect", "on", "--dry-run", "2025"]).await;
    assert!(code == Some(0) && out.contains("['start_up']()"), "what would be written: {out}{err}");
    assert_eq!(fs::read(&user_setup).expect("readable"), theirs, "nothing is written yet");
    let (code, out, err) = run(&studio, &["autoconnect", "on", "2025"]).await;
    assert!(code == Some(0) && out.contains("from its next start on"), "without an engine: {out}{err}");
    let (_, out, _) = run(&studio, &["autoconnect", "--json"]).await;
    let listed: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(listed["versions"][0]["state"], "on", "{listed}");

    let settings = studio.path().join("maya");
    let settings = settings.to_str().expect("a plain path");
    let mut sim = studio.start("2025", &["--default-port", "off", "--user-setup", settings]).await;
    let engine = Engine::start(&studio).await;
    ready(&studio, sim.pid).await;
    assert_eq!(engine.terminate().await.code(), Some(0), "it ends cleanly");
    let engine = Engine::start(&studio).await;
    ready(&studio, sim.pid).await;
    assert_eq!(sim.script_editor_errors().await, "", "the artist sees nothing of it");
    assert_eq!(engine.terminate().await.code(), Some(0), "it ends cleanly");

    let (code, out, err) = run(&studio, &["autoconnect", "off", "2025"]).await;
    assert!(code == Some(0) && out.contains("only our lines were taken out"), "{out}{err}");
    assert_eq!(fs::read(&user_setup).expect("readable"), theirs, "byte for byte");
    let (code, _, err) = run(&studio, &["autoconnect", "on", "2019"]).await;
    assert!(code == Some(1) && err.contains("Choose Maya 2022 or later"), "the next step comes last: {err}");
    let (code, _, err) = run(&studio, &["autoconnect", "on", "maya"]).await;
    assert!(code == Some(2) && err.contains("Give its year"), "wrong usage: {err}");
}

#[tokio::test]
async fn what_happened_is_shown_while_and_after_the_engine_runs() {
    let studio = Studio::new();
    let (code, out, err) = run(&studio, &["events"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "No event was found.\n"), "nothing is no error: {err}");
    let (code, _, err) = run(&studio, &["events", "--kind", "exploded"]).await;
    assert!(code == Some(2) && err.contains("appeared, ready,"), "the kinds are listed: {err}");
    let (code, _, err) = run(&studio, &["events", "--since", "lately"]).await;
    assert!(code == Some(2) && err.contains("30m, 2h, 3d"), "what would be understood: {err}");

    let mut follow = maya_mcp(&studio)
        .args(["events", "--follow", "--json", "--kind", "appeared", "--kind", "crashed"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts before there is anything to follow");
    let mut lines = BufReader::new(follow.stdout.take().expect("piped")).lines();
    let mut next = async || {
        let line = timeout(SOON, lines.next_line()).await.expect("soon").expect("text").expect("a line");
        serde_json::from_str::<Value>(&line).expect("of JSON")
    };
    let engine = Engine::start(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    let session = format!("maya-{}", sim.pid);
    // The program that starts Maya may have been seen before it.
    let mut next_of = async |kind: &str| {
        loop {
            let event = next().await;
            if event["session"] == session.as_str() {
                assert_eq!(event["kind"], kind, "{event}");
                return event;
            }
        }
    };
    let appeared = next_of("appeared").await;
    ready(&studio, sim.pid).await;
    sim.kill();
    let crashed = next_of("crashed").await;
    assert_eq!(engine.terminate().await.code(), Some(0), "it ends cleanly");

    let (code, out, err) = run(&studio, &["events", "--json", "--since", "1h"]).await;
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((code, err.as_str()), (Some(0), ""), "without an engine");
    assert!(events.contains(&appeared) && events.contains(&crashed), "all of it, as it was told: {out}");
    let (_, out, _) = run(&studio, &["events", "--session", "maya-1"]).await;
    assert_eq!(out, "No event was found.\n", "of another session");
    let (_, out, _) = run(&studio, &["events", "--session", &session, "--last", "1"]).await;
    assert!(out.contains("  crashed ") && out.ends_with("closed unexpectedly\n"), "for people: {out}");

    let folder = home(&studio).join("events");
    let mut files = fs::read_dir(&folder).expect("there").map(|file| file.expect("readable").path());
    let file = files.find(|file| file.extension().is_some_and(|ending| ending == "jsonl")).expect("one");
    let whole = fs::read_to_string(&file).expect("readable");
    fs::write(&file, format!("{whole}{{\"seq\": 99")).expect("ours");
    let (code, _, err) = run(&studio, &["events"]).await;
    assert!(code == Some(0) && err.contains("1 line in"), "what could not be read: {err}");
    let engine = Engine::start(&studio).await;
    let (_, out, err) = run(&studio, &["events", "--kind", "log_torn"]).await;
    assert!(
        err.is_empty() && out.contains("10 bytes, one event, are lost"),
        "and the loss is told: {out}{err}"
    );
    let sim = studio.start("2025", PYTHON_PORT).await;
    ready(&studio, sim.pid).await;
    assert!(
        next().await["seq"].as_u64() >= Some(1000),
        "numbers of a new start, for who follows all the time"
    );
    assert_eq!(engine.terminate().await.code(), Some(0), "it ends cleanly");
    follow.kill().await.expect("it goes on until then");
}

#[tokio::test]
async fn an_engine_that_cannot_write_down_what_happens_runs_all_the_same() {
    let studio = Studio::new();
    fs::create_dir_all(home(&studio)).expect("writable");
    fs::write(home(&studio).join("events"), "in its way").expect("writable");
    let engine = Engine::start(&studio).await;
    let sim = studio.start("2025", PYTHON_PORT).await;
    ready(&studio, sim.pid).await;
    let (code, _, err) = run(&studio, &["events"]).await;
    assert!(code == Some(1) && err.contains("reading the events in "), "it says what it cannot: {err}");
    assert_eq!(engine.terminate().await.code(), Some(0), "it ends cleanly");
}

#[tokio::test]
async fn whoever_reads_no_further_ends_every_command_in_peace() {
    let studio = Studio::new();
    let events = home(&studio).join("events");
    fs::create_dir_all(&events).expect("writable");
    let event = json!({
        "seq": 1, "time": "2026-11-21T12:00:00Z", "source": "maya-1", "kind": "ready", "session": "maya-1",
        "detail": "Maya 2025 is ready", "recovered_scene": null,
    });
    fs::write(events.join("00000000000000000001.jsonl"), format!("{event}\n")).expect("writable");
    let engine = Engine::start(&studio).await;
    for arguments in [
        "status",
        "status --json",
        "sessions",
        "sessions --json",
        "sessions --watch",
        "sessions add 1",
        "events",
        "events --json",
        "events --follow",
        "doctor",
        "doctor --json",
        "access",
        "clients",
        "clients config",
        "autoconnect",
        "autoconnect on 2025 --dry-run",
        "token cursor",
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = maya_mcp(&studio);
        command.args(arguments.split(' ')).stdout(writer).stderr(Stdio::piped());
        let running = command.spawn().expect("it starts");
        let output = timeout(SOON, running.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("maya-mcp {arguments} goes on")).expect("it is ours");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*err), (Some(0), ""), "maya-mcp {arguments} | true");
    }
    assert_eq!(engine.terminate().await.code(), Some(0), "it ends cleanly");
}

#[tokio::test]
async fn the_doctor_knows_an_engine_that_hangs_from_a_program_on_its_port() {
    let studio = Studio::new();
    let engine = Engine::start(&studio).await;
    engine.send("-STOP").await;
    let port = engine.endpoint.trim_end_matches("/mcp").rsplit(':').next().expect("a port");
    let port: u16 = port.parse().expect("a number");
    let settings = json!({"port": port, "notices": false});
    fs::write(home(&studio).join("settings.json"), settings.to_string()).expect("writable");
    let (code, out, err) = run(&studio, &["doctor"]).await;
    engine.send("-CONT").await;
    assert_eq!(code, Some(1), "it is a problem: {err}");
    assert!(
        out.contains("does not answer") && out.contains("Quit it and start it again."),
        "it hangs: {out}"
    );
    assert!(!out.contains("End that program"), "it is nobody else: {out}");
    assert!(
        out.contains("OK      notices        are turned off"),
        "nor is what was turned off a problem: {out}"
    );
    assert_eq!(engine.terminate().await.code(), Some(0), "it goes on where it was, and ends cleanly");
}
