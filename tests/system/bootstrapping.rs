//! The helper comes in over every kind of port, says what is known, and troubles nobody.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use maya_mcp_maya::{BootstrapError, Doorway, Farewell, HelperFiles, Link, LinkEnd, LinkKind, bootstrap};
use maya_mcp_session::Address;
use maya_mcp_system_tests::{Sim, Studio};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

use crate::engine::{SOON, python};

fn doorway(sim: &Sim, language: &str) -> Doorway {
    let address = sim.port(language);
    let address = match address.parse::<SocketAddr>() {
        Ok(socket) => Address::Tcp(socket),
        Err(_) => Address::Unix(PathBuf::from(address)),
    };
    Doorway { address, pid: Some(sim.pid) }
}

/// Brings the helper in, runs code in it, and looks at what the artist saw.
async fn check(why: &str, language: &str, arguments: &[&str]) {
    let studio = Studio::new();
    let home = studio.path().join("jörg's home");
    let files = HelperFiles::install(&home).expect("writable");
    let mut sim = studio.start("2025", arguments).await;
    let doorway = doorway(&sim, language);
    let helper = timeout(SOON, bootstrap(&doorway, &files, LinkKind::Socket, async {}))
        .await
        .unwrap_or_else(|_| panic!("{why}: no answer"))
        .unwrap_or_else(|error| panic!("{why}: {error}"));
    let (link, task, welcome) = Link::open(&helper).await.expect("the secret is known on both sides");
    assert_eq!(
        (welcome.facts.pid, welcome.facts.maya_version.as_str()),
        (sim.pid, "2025"),
        "{why}: the facts"
    );
    let (events, _keep) = mpsc::channel(8);
    let running = tokio::task::spawn_local(task.run(events));
    let done = link
        .client("test")
        .execute(&python("import maya.cmds as cmds\ncmds.polySphere()[0]"))
        .await
        .expect("it runs");
    assert_eq!((done.result, done.error), (json!("pSphere1"), None), "{why}: code runs in Maya");
    let again =
        bootstrap(&doorway, &files, LinkKind::Socket, async {}).await.expect("a second time does no harm");
    assert_eq!(again.address, helper.address, "{why}: the helper that is there is kept");
    assert_eq!(sim.script_editor_errors().await, "", "{why}: no error in the Script Editor");
    let mut left = std::fs::read_dir(home.join("run")).expect("it is there").flatten();
    assert!(
        !left.any(|entry| entry.path().extension().is_some_and(|extension| extension == "json")),
        "{why}: every invitation was used up"
    );
    sim.control(json!({}), "quit").await;
    let end = timeout(SOON, running).await.expect("a quit Maya ends the link").expect("no panic");
    assert_eq!(end, LinkEnd::Goodbye(Farewell::MayaExiting), "{why}: a quit Maya says good-bye");
}

#[tokio::test(flavor = "local")]
async fn the_helper_comes_in_over_every_kind_of_port() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("a Python port", "python", &["--default-port", "off", "--command-port", "python:127.0.0.1:0"]),
        ("a MEL port", "mel", &["--default-port", "off", "--command-port", "mel:127.0.0.1:0"]),
        ("the default socket, which asks", "mel", &["--dialog", "allow-all"]),
        (
            "a Maya that closes on long lines",
            "python",
            &["--default-port", "off", "--command-port", "python:127.0.0.1:0", "--limit-mode", "close"],
        ),
        (
            "a Maya without Qt",
            "python",
            &["--default-port", "off", "--command-port", "python:127.0.0.1:0", "--no-qt"],
        ),
    ];
    for (why, language, arguments) in rows {
        check(why, language, arguments).await;
    }
}

#[tokio::test(flavor = "local")]
async fn an_artist_who_denies_is_asked_once() {
    let studio = Studio::new();
    let files = HelperFiles::install(&studio.path().join("home")).expect("writable");
    let mut sim = studio.start("2024", &["--dialog", "deny"]).await;
    let denied = timeout(SOON, bootstrap(&doorway(&sim, "mel"), &files, LinkKind::Socket, async {}))
        .await
        .expect("an answer");
    assert!(matches!(denied, Err(BootstrapError::Denied)), "{denied:?}");
    let state = sim.control(json!({}), "state").await;
    let dialogs = state["dialogs"]["history"].as_array().expect("the simulator keeps them").clone();
    assert_eq!(dialogs.len(), 1, "one message, one dialog: {dialogs:?}");
    let text = dialogs[0].to_string();
    assert!(text.contains("Maya MCP Tray asks to connect"), "the artist can read who asks: {text}");
}

#[tokio::test(flavor = "local")]
async fn a_port_that_is_no_command_port_has_a_clear_outcome() {
    let studio = Studio::new();
    let files = HelperFiles::install(&studio.path().join("home")).expect("writable");
    for answer in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\n\0", b"7\n\0", b"{}\n\0"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = Address::Tcp(listener.local_addr().expect("it is bound"));
        let doorway = Doorway { address, pid: Some(std::process::id()) };
        let serving = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            loop {
                let (mut stream, _) = listener.accept().await.expect("somebody knocks");
                let mut question = [0; 4096];
                let _ = stream.read(&mut question).await;
                let _ = stream.write_all(answer).await;
            }
        };
        let outcome = tokio::select! {
            outcome = timeout(SOON, bootstrap(&doorway, &files, LinkKind::Socket, async {})) => outcome.expect("an end"),
            () = serving => unreachable!("it serves for ever"),
        };
        assert!(matches!(outcome, Err(BootstrapError::NotMaya { .. })), "{answer:?}: {outcome:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn another_client_that_holds_the_port_makes_us_wait_and_a_message_that_runs_late_does_nothing() {
    let studio = Studio::new();
    let files = HelperFiles::install(&studio.path().join("home")).expect("writable");
    let mut sim =
        studio.start("2025", &["--default-port", "off", "--command-port", "python:127.0.0.1:0"]).await;
    let doorway = doorway(&sim, "python");
    let another = TcpStream::connect(sim.port("python")).await.expect("it is open");
    // The port serves it, and us after it.
    let state = loop {
        let state = sim.control(json!({}), "state").await;
        if state["ports"][0]["connected"] == true {
            break state;
        }
    };
    assert_eq!(state["ports"][0]["commands"], 0, "it has said nothing");

    let impatient =
        timeout(Duration::from_millis(200), bootstrap(&doorway, &files, LinkKind::Socket, async {}));
    assert!(impatient.await.is_err(), "nobody answers us");
    drop(another);
    let late = loop {
        let state = sim.control(json!({"modules": "maya_mcp"}), "state").await;
        // Both languages' line, or what of them was sent.
        if state["ports"][0]["commands"] != 0 {
            break state;
        }
    };
    assert_eq!(late["modules"], json!([]), "what we gave up on finds its invitation gone");

    let helper = timeout(SOON, bootstrap(&doorway, &files, LinkKind::Socket, async {})).await;
    let helper = helper.expect("the port is free").expect("and the helper comes in");
    Link::open(&helper).await.expect("it is ours");
    assert_eq!(sim.script_editor_errors().await, "", "no error in the Script Editor");
}
