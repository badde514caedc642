//! Where a studio forbids other listeners: everything goes over Maya's own command ports, and they are closed again.

use std::collections::BTreeSet;

use maya_mcp_discovery as discovery;
use maya_mcp_hub::{Connect, Hub};
use maya_mcp_maya::{Client, LinkKind, Progress};
use maya_mcp_session::{Phase, Session, Subscription};
use maya_mcp_system_tests::{Sim, Studio};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    engine::{SOON, engine_with, event, python, state},
    life::fork,
};

async fn engine(studio: &Studio) -> (Hub, Subscription) {
    engine_with(studio, |settings| {
        settings.connect = Connect::Auto;
        settings.link = LinkKind::CommandPort;
    })
    .await
}

/// The names of the command ports that Maya says are open.
async fn ports(sim: &mut Sim) -> BTreeSet<String> {
    let state = sim.control(json!({}), "state").await;
    let named = |port: &Value| port["name"].as_str().expect("each has one").to_owned();
    state["ports"].as_array().expect("the simulator keeps them").iter().map(named).collect()
}

fn client(hub: &Hub, session: &Session, name: &str) -> Client {
    hub.links().get(session.id()).expect("the link is open").client(name)
}

async fn run(client: &Client, code: &str) -> Value {
    let script = python(code);
    let done = timeout(SOON, client.execute(&script)).await.expect("in time").expect("it runs");
    assert_eq!(done.error, None, "{code}");
    done.result
}

#[tokio::test]
async fn a_session_lives_on_mayas_own_ports_and_leaves_none() {
    let studio = Studio::new();
    for language in ["python", "mel"] {
        let (hub, mut news) = engine(&studio).await;
        let port = format!("{language}:127.0.0.1:0");
        let mut sim = studio.start("2025", &["--default-port", "off", "--command-port", &port]).await;
        let before = ports(&mut sim).await;
        let session = event(&mut news, &sim, "ready").await.session;
        let (one, two) = (client(&hub, &session, "one"), client(&hub, &session, "two"));
        run(&one, "kept = 1").await;
        run(&two, "kept = 2").await;
        assert_eq!(run(&one, "kept").await, json!(1), "each client has its own");
        let open = ports(&mut sim).await;
        assert_eq!(open.len(), before.len() + 3, "the engine's, and one for each client: {open:?}");
        let listening = discovery::listening(sim.pid).expect("it is ours").len();
        assert_eq!(listening, open.len(), "and no other listener");

        let large = run(&one, "'ü' * 100000").await;
        assert_eq!(large.as_str().map(|text| text.chars().count()), Some(100_000), "in many parts");
        let long = format!("{}\n'end'", "# a long comment, it's \"quoted\" \\ ü\n".repeat(500));
        assert_eq!(run(&two, &long).await, json!("end"), "in many pieces");
        let (follower, mut follows) = mpsc::channel(16);
        let mut running =
            one.start(&python("print('hé'); report_progress(3, 4)"), follower).await.expect("it is taken");
        let done = timeout(SOON, running.outcome()).await.expect("in time").expect("it runs");
        assert_eq!(done.stdout, "hé\n", "what it printed");
        let mut told = Vec::new();
        while let Some(progress) = follows.recv().await {
            told.push(progress);
        }
        assert!(told.iter().any(|told| matches!(told, Progress::Output { .. })), "piece by piece: {told:?}");
        let reported = Progress::Reported { progress: 3.0, total: Some(4.0), message: None };
        assert!(told.contains(&reported), "and how far it was: {told:?}");

        let shot = studio.path().join("shot_010.ma");
        sim.control(json!({"op": "save", "path": shot}), "scene").await;
        let saved = event(&mut news, &sim, "scene_changed").await.session;
        assert_eq!(saved.scene.as_ref().map(|s| s.name.as_str()), Some("shot_010.ma"), "with a ping");
        sim.control(json!({"seconds": 1.5}), "busy").await;
        event(&mut news, &sim, "busy").await;
        let name = format!("maya-{}", sim.pid);
        state(&hub, &name, "it has time again", |session| session.phase == Phase::Ready).await;
        assert_eq!(sim.script_editor_errors().await, "", "no error in the Script Editor");

        hub.stop().await;
        let closed = timeout(SOON, async {
            while ports(&mut sim).await != before {
                tokio::task::yield_now().await;
            }
        });
        assert!(closed.await.is_ok(), "{:?} are left open", ports(&mut sim).await);
    }
}

#[tokio::test]
async fn its_ends_are_told_as_far_as_they_can_be_known() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let start = ["--default-port", "off", "--command-port", "python:127.0.0.1:0"];
    let mut sim = studio.start("2025", &start).await;
    event(&mut news, &sim, "ready").await;
    sim.control(json!({}), "quit").await;
    event(&mut news, &sim, "exited").await;
    let mut sim = studio.start("2025", &start).await;
    event(&mut news, &sim, "ready").await;
    let child = fork(&mut sim).await;
    sim.control(json!({}), "quit").await;
    event(&mut news, &sim, "exited").await;
    child.end().await;
    let mut sim = studio.start("2025", &start).await;
    let session = event(&mut news, &sim, "ready").await.session;
    let endless = python("import time\nwhile True: time.sleep(0.01)");
    let client = client(&hub, &session, "one");
    let killing = async {
        event(&mut news, &sim, "busy").await;
        sim.control(json!({"signal": "SIGSEGV"}), "crash").await;
    };
    let (lost, ()) = tokio::join!(timeout(SOON, client.execute(&endless)), killing);
    assert!(lost.expect("nobody waits for a dead Maya").is_err(), "it did not run to its end");
    event(&mut news, &sim, "crashed").await;
    hub.stop().await;
}

#[tokio::test]
async fn two_engines_on_mayas_own_ports_do_not_fight_over_it() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let start = ["--default-port", "off", "--command-port", "python:127.0.0.1:0"];
    let mut sim = studio.start("2025", &start).await;
    // Another engine's build, as far as this one can see.
    let taken = "__import__('sys').modules['maya_mcp_helper'].stop('replaced')";
    for _ in 0..2 {
        event(&mut news, &sim, "ready").await;
        sim.control(json!({"code": taken}), "eval").await;
    }
    let session = event(&mut news, &sim, "unreachable").await.session;
    let told = session.phase.to_string();
    assert!(told.contains("another Maya MCP Tray"), "{told}");
    hub.commands().connect(session.id()).await.expect("that is the artist's to choose");
    event(&mut news, &sim, "ready").await;
    sim.control(json!({"code": taken}), "eval").await;
    event(&mut news, &sim, "ready").await;
    hub.stop().await;
}
