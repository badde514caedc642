//! The tools of the endpoint, against real helpers in two Mayas of two versions.

use std::fs;

use futures_util::future::join;
use maya_mcp_endpoint::{Tokens, call_tool};
use maya_mcp_hub::Hub;
use maya_mcp_system_tests::{Sim, Studio};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::engine::{PYTHON_PORT, SOON, engine, event};

/// One client of the endpoint.
struct Caller<'a> {
    hub: &'a Hub,
    name: &'a str,
}

impl<'a> Caller<'a> {
    fn new(hub: &'a Hub, name: &'a str) -> Self {
        let client = name.parse().expect("a good name");
        let tokens = Tokens::open(hub.home().tokens()).expect("a folder for tokens");
        tokens.token_for(&client).expect("a token");
        Self { hub, name }
    }

    async fn result(&self, tool: &str, arguments: Value) -> Value {
        let client = self.name.parse().expect("a good name");
        let calling = call_tool(self.hub.home().path(), &client, tool, arguments);
        let result = timeout(SOON, calling).await.unwrap_or_else(|_| panic!("{tool} does not answer"));
        result.unwrap_or_else(|error| panic!("{tool}: {error}"))
    }

    /// What a tool answers that does what it should.
    async fn ok(&self, tool: &str, arguments: Value) -> Value {
        let mut result = self.result(tool, arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].take()
    }

    /// What a tool says that cannot.
    async fn problem(&self, tool: &str, arguments: Value) -> String {
        let result = self.result(tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        result["content"][0]["text"].as_str().expect("a sentence").to_owned()
    }
}

fn name(sim: &Sim) -> String {
    format!("maya-{}", sim.pid)
}

#[tokio::test(flavor = "local")]
async fn every_tool_does_what_it_says_in_two_mayas() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let one = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &one, "ready").await;
    let two = studio.start("2023", PYTHON_PORT).await;
    event(&mut news, &two, "ready").await;
    let cursor = Caller::new(&hub, "cursor");

    let ambiguous = cursor.problem("execute_code", json!({ "code": "1" })).await;
    assert!(ambiguous.contains(&name(&one)) && ambiguous.contains(&name(&two)), "the choices: {ambiguous}");
    cursor.ok("use_session", json!({ "session": name(&two) })).await;
    let version = "import maya.cmds as cmds\ncmds.about(version=True)";
    assert_eq!(
        cursor.ok("execute_code", json!({ "code": version })).await["result"],
        "2023",
        "the one in use"
    );
    cursor.ok("unuse_session", json!({})).await;
    cursor.problem("execute_code", json!({ "code": "1" })).await;

    let both = cursor.ok("run_on_sessions", json!({ "code": version })).await;
    let mut versions: Vec<_> =
        both["results"].as_array().expect("results").iter().map(|side| &side["answer"]["result"]).collect();
    versions.sort_by_key(|version| version.as_str());
    assert_eq!(versions, ["2023", "2025"], "side by side: {both}");
    let sides = json!({ "sessions": [name(&two), name(&one)], "code": "import maya.cmds as c\nassert c.about(version=True) != '2025'" });
    let sides = cursor.result("run_on_sessions", sides).await["structuredContent"].take();
    let errors: Vec<_> = [0, 1].map(|side| sides["results"][side]["answer"]["error"]["type"].clone()).into();
    assert_eq!(
        errors,
        [Value::Null, json!("AssertionError")],
        "one's error is its own, in the order asked for"
    );

    let here = |arguments: Value| {
        let mut arguments = arguments;
        arguments["session"] = json!(name(&one));
        arguments
    };
    let module = here(json!({ "name": "shots.naming", "code": "def name(n): return f'shot_{n:03}'" }));
    assert_eq!(
        cursor.ok("write_module", module).await["created"],
        json!(["shots", "shots.naming"]),
        "parents too"
    );
    let broken = cursor.problem("write_module", here(json!({ "name": "shots.naming", "code": "def" }))).await;
    assert!(broken.contains("SyntaxError") || broken.contains("syntax"), "why: {broken}");
    let used = here(json!({ "code": "import shots.naming\nshots.naming.name(7)" }));
    assert_eq!(cursor.ok("execute_code", used).await["result"], "shot_007", "the old one is still there");

    let cube = here(
        json!({ "code": "import maya.cmds as cmds\ncmds.polyCube(name='crate')[0]", "undo_name": "A crate" }),
    );
    assert_eq!(cursor.ok("execute_code", cube).await["result"], "crate", "made");
    let scene = cursor.ok("get_scene", here(json!({}))).await;
    assert_eq!((&scene["session"], &scene["modified"]), (&json!(name(&one)), &json!(true)), "{scene}");
    let meshes = scene["nodes"]["mesh"].as_u64().expect("counted");
    let other = cursor.problem("undo", here(json!({ "expected": "Something else" }))).await;
    assert!(other.contains("A crate"), "another step is left alone: {other}");
    let undone = cursor.ok("undo", here(json!({ "expected": "A crate" }))).await;
    assert_eq!(undone["next_redo"], undone["step"], "it can be done again: {undone}");
    assert_eq!(cursor.ok("get_scene", here(json!({}))).await["nodes"]["mesh"], meshes - 1, "it is gone");
    cursor.ok("redo", here(json!({}))).await;
    assert_eq!(cursor.ok("get_scene", here(json!({}))).await["nodes"]["mesh"], meshes, "and back");

    let picture = cursor
        .result("capture_viewport", here(json!({ "width": 320, "height": 200, "format": "png" })))
        .await;
    let image = &picture["content"][0];
    assert_eq!(
        (&image["type"], &image["mimeType"]),
        (&json!("image"), &json!("image/png")),
        "a picture first"
    );
    assert!(image["data"].as_str().is_some_and(|data| data.starts_with("iVBORw0KGgo")), "of PNG's own bytes");
    assert_eq!(picture["structuredContent"]["width"], 320, "{}", picture["structuredContent"]);
    let camera = cursor.problem("capture_viewport", here(json!({ "camera": "nobody" }))).await;
    assert!(camera.contains("nobody"), "{camera}");

    let info = cursor.ok("get_session_info", here(json!({}))).await;
    assert_eq!((&info["maya_version"], &info["running"]), (&json!("2025"), &json!([])), "{info}");
    hub.stop().await;
}

#[tokio::test(flavor = "local")]
async fn output_is_heard_whoever_prints_it() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    let (one, two) = (Caller::new(&hub, "one"), Caller::new(&hub, "two"));
    one.ok("execute_code", json!({ "code": "print('before anybody listens')" })).await;
    let first = two.ok("get_output", json!({})).await;
    assert_eq!(first["stdout"], "before anybody listens\n", "what ran through here is known: {first}");
    let heard = async {
        let mut stdout = String::new();
        let mut stderr = String::new();
        while !(stdout.contains("by the artist") && stderr.contains("careful")) {
            sim.control(json!({ "code": "print('by the artist') or __import__('maya.cmds').cmds.warning('careful')" }), "eval").await;
            let more = two.ok("get_output", json!({})).await;
            stdout += more["stdout"].as_str().expect("text");
            stderr += more["stderr"].as_str().expect("text");
        }
        stdout
    };
    let stdout = timeout(SOON, heard).await.expect("the Script Editor is heard");
    assert!(!stdout.contains("before anybody"), "nothing twice: {stdout}");
    one.ok("execute_code", json!({ "code": "print('once')" })).await;
    let all = two.ok("get_output", json!({ "after": 0 })).await;
    assert_eq!(all["stdout"].as_str().expect("text").matches("once").count(), 1, "a script's own too: {all}");
    hub.stop().await;
}

#[tokio::test(flavor = "local")]
async fn a_busy_maya_is_not_waited_for_by_those_who_ask_another() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let busy = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &busy, "ready").await;
    let free = studio.start("2024", PYTHON_PORT).await;
    event(&mut news, &free, "ready").await;
    let (one, two) = (Caller::new(&hub, "one"), Caller::new(&hub, "two"));
    let goes_on = studio.path().join("goes on");
    let code = format!("import os, time\nwhile not os.path.exists({goes_on:?}): time.sleep(0.01)\n'done'");
    let waiting = one.ok("execute_code", json!({ "session": name(&busy), "code": code }));
    let meanwhile = async {
        for _ in 0..20 {
            let quick = two.ok("execute_code", json!({ "session": name(&free), "code": "1" })).await;
            assert_eq!(quick["result"], 1, "the other one answers");
        }
        let stopped = two.problem("cancel_execution", json!({})).await;
        assert!(stopped.contains("Nothing of yours"), "{stopped}");
        let info = two.ok("get_session_info", json!({ "session": name(&busy) })).await;
        assert_eq!(info["running"][0]["yours"], false, "it can be seen that somebody works there: {info}");
        fs::write(&goes_on, "").expect("writable");
    };
    let (done, ()) = join(waiting, meanwhile).await;
    assert_eq!(done["result"], "done", "and it ends as it should");
    hub.stop().await;
}

#[tokio::test(flavor = "local")]
async fn a_maya_that_is_killed_ends_the_call_with_what_is_known() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    let (one, two) = (Caller::new(&hub, "one"), Caller::new(&hub, "two"));
    let calling = one.problem(
        "execute_code",
        json!({ "code": "import time\nprint('frame 41')\nwhile True: time.sleep(0.01)" }),
    );
    let killing = async {
        let shown = async { while two.ok("get_output", json!({})).await["stdout"] != "frame 41\n" {} };
        timeout(SOON, shown).await.expect("it prints");
        sim.kill();
    };
    let (problem, ()) = join(calling, killing).await;
    assert!(problem.contains("ended while the script ran") && problem.contains("frame 41"), "{problem}");
    hub.stop().await;
}
