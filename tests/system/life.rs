//! A session's life as the engine tells it: found, ready, busy, closed, crashed.

use std::path::{Path, PathBuf};

use maya_mcp_hub::{Home, Hub, Options, Settings, Timing, TokenRule};
use maya_mcp_maya::Links;
use maya_mcp_session::{Event, Session, Update};
use maya_mcp_system_tests::{Sim, Studio, program};
use serde_json::json;
use tokio::time::timeout;

use crate::engine::{PYTHON_PORT, SOON, engine, event, phase, python};

#[tokio::test]
async fn two_mayas_are_found_and_their_ends_told_apart() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut one = studio.start("2024", PYTHON_PORT).await;
    let mut two = studio.start("2026", &["--dialog", "allow-all"]).await;
    let ready = event(&mut news, &one, "ready").await;
    assert_eq!(ready.session.title(), "Maya 2024", "its version is known");
    let ready = event(&mut news, &two, "ready").await;
    assert_eq!(ready.session.scene.as_ref().map(|s| s.name.as_str()), Some(""), "a new scene has no name");
    let shot = studio.path().join("shot_010.ma");
    two.control(json!({"op": "save", "path": shot}), "scene").await;
    let saved = event(&mut news, &two, "scene_changed").await.session;
    assert_eq!(saved.title(), "Maya 2026", "its version is known");
    assert_eq!(saved.scene.as_ref().map(|s| s.name.as_str()), Some("shot_010.ma"), "its scene is followed");

    one.kill();
    let crashed = event(&mut news, &one, "crashed").await;
    assert_eq!(phase(&hub.snapshot(), &one), None, "what has ended is listed no more");
    assert!(crashed.session.phase.is_linked(), "the event keeps the last state");
    two.control(json!({}), "quit").await;
    event(&mut news, &two, "exited").await;
    assert!(hub.snapshot().sessions.is_empty(), "nobody is left");
    hub.stop().await;
}

#[tokio::test]
async fn a_crash_tells_of_the_scene_that_maya_saved_while_it_went() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    let shot = studio.path().join("shot_010.ma");
    sim.control(json!({"op": "save", "path": shot}), "scene").await;
    event(&mut news, &sim, "scene_changed").await;
    let crashing = sim.control(json!({"signal": "SIGSEGV"}), "crash").await;
    let recovered = PathBuf::from(crashing["recovered"].as_str().expect("it writes one"));
    let crashed = event(&mut news, &sim, "crashed").await;
    assert_eq!(crashed.event, Event::Crashed { recovered_scene: Some(recovered) }, "this very one");
    hub.stop().await;
}

#[tokio::test]
async fn a_busy_maya_stays_alive_whether_or_not_python_can_run() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    for gil in [false, true] {
        sim.control(json!({"seconds": 1.5, "gil": gil}), "busy").await;
        event(&mut news, &sim, "busy").await;
        event(&mut news, &sim, "not_responding").await;
        event(&mut news, &sim, "came_back").await;
    }
    sim.control(json!({"seconds": 600}), "busy").await;
    event(&mut news, &sim, "busy").await;
    sim.kill();
    event(&mut news, &sim, "crashed").await;
    hub.stop().await;
}

#[tokio::test]
async fn a_maya_behind_its_crash_window_names_the_recovered_scene_before_it_goes() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    let shot = studio.path().join("shot_010.ma");
    sim.control(json!({"op": "save", "path": shot}), "scene").await;
    let frozen = sim.control(json!({}), "freeze_crash").await;
    let recovered = PathBuf::from(frozen["recovered"].as_str().expect("it writes one"));
    let told = event(&mut news, &sim, "not_responding").await.session.phase.to_string();
    assert!(told.contains("seems to have crashed") && told.contains("shot_010"), "what to do: {told}");
    sim.kill();
    let crashed = event(&mut news, &sim, "crashed").await;
    assert_eq!(crashed.event, Event::Crashed { recovered_scene: Some(recovered) }, "the same one");
    hub.stop().await;
}

#[tokio::test]
async fn a_hang_says_whether_anything_in_maya_still_answers() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    for (gil, expected) in [(false, "but alive"), (true, "nothing in it answers")] {
        let mut sim = studio.start("2025", PYTHON_PORT).await;
        event(&mut news, &sim, "ready").await;
        sim.control(json!({"gil": gil}), "hang").await;
        let told = event(&mut news, &sim, "not_responding").await.session.phase.to_string();
        assert!(told.contains(expected), "{told}");
        sim.kill();
        event(&mut news, &sim, "crashed").await;
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_port_that_closes_while_maya_lives_takes_nothing_away() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    let session = event(&mut news, &sim, "ready").await.session.id();
    let name = sim.ports[0]["name"].clone();
    sim.control(json!({"name": name, "abrupt": true}), "close_port").await;
    let link = Links::get(hub.links(), session).expect("the link is still open");
    let done = timeout(SOON, link.client("test").execute(&python("6 * 7")))
        .await
        .expect("in time")
        .expect("it runs");
    assert_eq!(done.result, json!(42), "code still runs");
    let taken = json!({"code": "__import__('sys').modules['maya_mcp_helper'].stop('left')"});
    sim.control(taken, "eval").await;
    let told = event(&mut news, &sim, "unreachable").await.session.phase.clone();
    let opens = told.line().expect("what opens a port").to_owned();
    sim.control(json!({"code": format!("__import__('maya.mel').mel.eval({opens:?})")}), "eval").await;
    event(&mut news, &sim, "ready").await;
    hub.stop().await;
}

#[tokio::test]
async fn the_second_maya_on_windows_has_no_port_and_the_line_it_shows_gives_it_one() {
    let studio = Studio::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let number = port.local_addr().expect("it is bound").port().to_string();
    drop(port);
    let windows = ["--default-port", "windows", "--windows-port", &number, "--dialog", "allow-all"];
    let (hub, mut news) = engine(&studio).await;
    let first = studio.start("2024", &windows).await;
    event(&mut news, &first, "ready").await;
    let mut second = studio.start("2025", &windows).await;
    let told = event(&mut news, &second, "unreachable").await.session.phase.clone();
    assert!(told.to_string().contains("no command port open"), "{told}");
    let line = told.line().expect("what opens a port").to_owned();
    second.control(json!({"code": format!("__import__('maya.mel').mel.eval({line:?})")}), "eval").await;
    event(&mut news, &second, "ready").await;
    hub.stop().await;
}

#[tokio::test]
async fn a_maya_that_ends_before_it_was_reached_is_told_once() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    // Nobody answers its dialog: it dies in the middle of being connected.
    let mut sim = studio.start("2025", &["--dialog", "wait"]).await;
    event(&mut news, &sim, "awaiting_permission").await;
    sim.kill();
    event(&mut news, &sim, "exited").await;
    assert!(hub.snapshot().sessions.is_empty(), "nobody is left");
    hub.stop().await;
}

#[tokio::test]
async fn a_maya_that_cannot_be_reached_says_why_and_comes_back_by_itself() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    for (arguments, why) in [
        (&["--default-port", "off"][..], "no command port open"),
        (&["--dialog", "deny"], "permission was denied"),
        (&["--default-port", "off", "--other-listener", "silent"], "no answer yet"),
        (&["--default-port", "off", "--other-listener", "http"], "no command port open"),
        (&["--default-port", "off", "--other-listener", "closing"], "no command port open"),
    ] {
        let mut sim = studio.start("2025", arguments).await;
        // On a slow day it may say something else first: that it has no port yet.
        while !event(&mut news, &sim, "unreachable").await.session.phase.to_string().contains(why) {}
        sim.control(json!({"spec": "python:127.0.0.1:0"}), "open_port").await;
        event(&mut news, &sim, "ready").await;
        sim.kill();
        event(&mut news, &sim, "crashed").await;
    }
    hub.stop().await;
}

#[tokio::test]
async fn the_first_of_two_on_one_socket_is_told_that_it_was_taken_over() {
    let studio = Studio::new();
    let first = studio.start("2024", &["--dialog", "allow-all"]).await;
    let second = studio.start("2025", &["--dialog", "allow-all"]).await;
    let (hub, mut news) = engine(&studio).await;
    let mut other = hub.registry().subscribe();
    event(&mut news, &second, "ready").await;
    let taken = |session: &Session| session.phase.to_string().contains("taken over");
    let already = other.snapshot.sessions.values().any(|session| taken(session));
    while !already && !taken(&event(&mut other, &first, "unreachable").await.session) {}
    hub.stop().await;
}

#[tokio::test]
async fn the_engine_leaves_every_maya_as_it_was() {
    let studio = Studio::new();
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    let state = |state: serde_json::Value| {
        json!([state["modules"], state["callbacks"], state["stdout"], state["stderr"], state["threads"]])
    };
    let before = state(sim.control(json!({}), "state").await);
    for _ in 0..2 {
        let (hub, mut news) = engine(&studio).await;
        event(&mut news, &sim, "ready").await;
        let during = state(sim.control(json!({}), "state").await);
        assert_ne!(during, before, "the helper is in");
        hub.stop().await;
        let after = timeout(SOON, async {
            loop {
                let after = state(sim.control(json!({}), "state").await);
                if after == before {
                    return;
                }
                // Its main thread tidies up in its own time; asking is a turn of that very thread.
                sim.control(json!({"code": "0"}), "eval").await;
            }
        });
        after.await.expect("the helper takes itself out");
    }
}

#[tokio::test]
async fn a_helper_of_an_older_version_is_replaced() {
    let studio = Studio::new();
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    let plant = "import sys, types; m = types.ModuleType('maya_mcp_helper'); m.build = 'old'; \
                 m.stop = lambda reason: setattr(sys, 'old_helper', reason); sys.modules['maya_mcp_helper'] = m";
    sim.control(json!({"code": plant}), "eval").await;
    let (hub, mut news) = engine(&studio).await;
    event(&mut news, &sim, "ready").await;
    let asked = sim.control(json!({"code": "__import__('sys').old_helper"}), "eval").await;
    assert_eq!(asked["value"], "replaced", "the old one was told to go");
    hub.stop().await;
}

#[tokio::test]
async fn a_stranger_on_the_helpers_port_troubles_nobody() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let sim = studio.start("2025", PYTHON_PORT).await;
    let session = event(&mut news, &sim, "ready").await.session.id();
    let command_port = sim.port("python");
    let helper = maya_mcp_discovery::listening(sim.pid)
        .expect("it can be seen")
        .into_iter()
        .map(|address| address.to_string())
        .find(|address| *address != command_port && !address.starts_with('/'))
        .expect("the helper listens");
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0; 8], b""] {
        let mut stranger = tokio::net::TcpStream::connect(&helper).await.expect("it listens");
        stranger.write_all(garbage).await.expect("it takes bytes");
        stranger.shutdown().await.expect("nothing more to say");
        let mut answer = Vec::new();
        let _ = timeout(SOON, stranger.read_to_end(&mut answer)).await.expect("cut off");
        assert_eq!(answer, b"", "without a word");
    }
    let link = Links::get(hub.links(), session).expect("the link is still open");
    let done = timeout(SOON, link.client("test").execute(&python("6 * 7")))
        .await
        .expect("in time")
        .expect("it runs");
    assert_eq!(done.result, json!(42), "code still runs");
    hub.stop().await;
}

#[tokio::test]
async fn a_dead_maya_that_nobody_waited_for_is_not_found_again() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    // Nobody waits for it until the test is over: it stays in the process table.
    sim.kill();
    event(&mut news, &sim, "crashed").await;
    let second = studio.start("2026", PYTHON_PORT).await;
    let ready = async {
        let mut again = 0;
        while let Some(Update::Edge(edge)) = news.next().await {
            again += usize::from(edge.what.source() == format!("maya-{}", sim.pid));
            if edge.what.source() == format!("maya-{}", second.pid) && edge.kind().name() == "ready" {
                break;
            }
        }
        again
    };
    assert_eq!(timeout(SOON, ready).await.expect("the living one is found"), 0, "the dead one is not");
    hub.stop().await;
}

#[tokio::test]
async fn a_dead_maya_is_dead_while_a_child_of_it_holds_its_connections_open() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    let child = fork(&mut sim).await;
    sim.kill();
    event(&mut news, &sim, "crashed").await;
    child.end().await;
    hub.stop().await;
}

#[tokio::test]
async fn a_good_bye_counts_while_a_child_of_maya_holds_its_connections_open() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    let session = event(&mut news, &sim, "ready").await.session.id();
    // As where Maya is gone before its helper can end the connections by itself.
    let unfinished = json!({"code": "setattr(__import__('sys').modules['maya_mcp_helper.link'].Link, '_take_what_came', id)"});
    sim.control(unfinished.clone(), "eval").await;
    let child = fork(&mut sim).await;
    let taken = json!({"code": "__import__('sys').modules['maya_mcp_helper'].stop('left')"});
    sim.control(taken, "eval").await;
    // The child is found as well, for it looks like a Maya.
    let next = timeout(SOON, async {
        loop {
            let Some(Update::Edge(edge)) = news.next().await else { panic!("the registry lives") };
            if edge.what.source() == session.to_string() {
                return edge.kind().name();
            }
        }
    });
    assert_eq!(next.await, Ok("ready"), "nothing is told but that it came in again");
    sim.control(unfinished, "eval").await;
    let another = fork(&mut sim).await;
    sim.control(json!({}), "quit").await;
    event(&mut news, &sim, "exited").await;
    child.end().await;
    another.end().await;
    hub.stop().await;
}

#[tokio::test]
async fn a_link_that_only_broke_is_opened_again_and_the_artist_is_not_asked() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", &["--dialog", "allow-all"]).await;
    let first = event(&mut news, &sim, "ready").await.session;
    let breaks = "[link.connection.shutdown(2) for link in __import__('gc').get_objects() if type(link).__name__ == 'Link']";
    sim.control(json!({"code": breaks}), "eval").await;
    let again = event(&mut news, &sim, "ready").await.session;
    assert_eq!(again.address, first.address, "by the same way as before");
    let state = sim.control(json!({}), "state").await;
    let dialogs = state["dialogs"]["history"].as_array().expect("the simulator keeps them").len();
    assert_eq!(dialogs, 1, "one message, for all");
    sim.kill();
    event(&mut news, &sim, "crashed").await;
    hub.stop().await;
}

/// A program that an artist's script started by `fork`: all that Maya has open is its own as well.
pub struct Child(String);

pub async fn fork(sim: &mut Sim) -> Child {
    let fork = "(lambda os, time: os.fork() or (time.sleep(600), os._exit(0)))(__import__('os'), __import__('time'))";
    Child(sim.control(json!({"code": fork}), "eval").await["value"].to_string())
}

impl Child {
    pub async fn end(self) {
        let ended =
            program(Path::new("kill")).args(["-KILL", &self.0]).status().await.expect("kill is everywhere");
        assert!(ended.success(), "the child lived on");
    }
}

#[tokio::test]
async fn two_engines_do_not_fight_over_a_maya() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    event(&mut news, &sim, "ready").await;
    let taken = "__import__('sys').modules['maya_mcp_helper'].stop('replaced')";
    sim.control(json!({"code": taken}), "eval").await;
    let told = event(&mut news, &sim, "unreachable").await.session.phase.to_string();
    assert!(told.contains("another Maya MCP Tray"), "{told}");
    sim.kill();
    event(&mut news, &sim, "exited").await;
    hub.stop().await;
}

#[tokio::test]
async fn one_home_has_one_engine() {
    let studio = Studio::new();
    let (hub, _news) = engine(&studio).await;
    let again = Hub::start(Options {
        home: Home::find(Some(studio.path().join("home"))).expect("it is there"),
        settings: Settings { port: 0, ..Settings::default() },
        tokens: TokenRule::Required,
        timing: Timing::default(),
    });
    let refused = again.await.expect_err("the first one has it").to_string();
    assert!(
        refused.contains(hub.endpoint()) && refused.contains("--home"),
        "who has it, what to do: {refused}"
    );
    hub.stop().await;
    let (hub, _news) = engine(&studio).await;
    hub.stop().await;
}
