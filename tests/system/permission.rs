//! Nobody's Maya shows a dialog that its artist did not expect.

use maya_mcp_hub::Connect;
use maya_mcp_session::{Asker, Chooser, Observation, Session};
use maya_mcp_system_tests::{Sim, Studio};
use serde_json::{Value, json};

use crate::engine::{PYTHON_PORT, engine_with, event, event_of, state};

/// How many security dialogs this Maya has shown in all.
async fn dialogs(sim: &mut Sim) -> usize {
    let shown = sim.control(json!({}), "state").await;
    shown["dialogs"]["history"].as_array().map_or(0, Vec::len)
}

/// The texts that its artist read in them.
async fn texts(sim: &mut Sim) -> Vec<String> {
    let shown = sim.control(json!({}), "state").await;
    let history = shown["dialogs"]["history"].as_array().cloned().unwrap_or_default();
    history.iter().map(|dialog| dialog["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_port_that_asks_waits_for_connect_and_then_gets_one_readable_message() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let mut sim = studio.start("2025", &["--dialog", "allow-all"]).await;
    let found = event(&mut news, &sim, "awaiting_connect").await.session;
    assert!(found.phase.can_connect(), "there is something to choose");
    assert_eq!(dialogs(&mut sim).await, 0, "Maya has not been asked anything");
    hub.commands().connect(found.id()).await.expect("it is there");
    event(&mut news, &sim, "awaiting_permission").await;
    event(&mut news, &sim, "ready").await;
    let texts = texts(&mut sim).await;
    assert_eq!(texts.len(), 1, "one message");
    assert!(texts[0].contains("/* Maya MCP Tray asks to connect"), "that opens readably: {}", texts[0]);
    hub.stop().await;

    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let found = event(&mut news, &sim, "awaiting_connect").await.session;
    hub.commands().connect(found.id()).await.expect("it is there");
    event(&mut news, &sim, "ready").await;
    assert_eq!(dialogs(&mut sim).await, 1, "Maya itself remembers Allow All");
    let refused = hub.commands().connect(found.id()).await.expect_err("it is connected");
    assert!(refused.to_string().contains("needs no Connect"), "{refused}");
    hub.stop().await;
}

#[tokio::test]
async fn a_port_opened_by_hand_connects_by_itself_beside_one_that_asks() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let mut sim = studio.start("2025", &["--command-port", "mel:127.0.0.1:0"]).await;
    event(&mut news, &sim, "ready").await;
    assert_eq!(dialogs(&mut sim).await, 0, "the other one was left alone");
    hub.stop().await;
}

#[tokio::test]
async fn deny_is_remembered_until_the_artist_chooses_connect() {
    let studio = Studio::new();
    let mut sim = studio.start("2025", &["--dialog", "deny,allow-all"]).await;
    for _ in 0..2 {
        let (hub, mut news) = engine_with(&studio, |settings| settings.connect = Connect::Auto).await;
        let name = format!("maya-{}", sim.pid);
        state(&hub, &name, "it was denied", |session| {
            session.phase.to_string().contains("permission was denied")
        })
        .await;
        assert_eq!(dialogs(&mut sim).await, 1, "asked once, over restarts of ours too");
        sim.control(json!({"name": "commandportDefault"}), "close_port").await;
        let spec = json!({"spec": "mel:commandportDefault+warn"});
        let opened = sim.control(spec, "open_port").await;
        assert_eq!(opened["warn"], true, "the same port, opened again: {opened}");
        let other = json!({"spec": "python:127.0.0.1:0"});
        let port: Value = sim.control(other, "open_port").await;
        event(&mut news, &sim, "ready").await;
        sim.control(json!({"name": port["name"]}), "close_port").await;
        hub.stop().await;
    }
}

#[tokio::test]
async fn after_deny_connect_asks_again() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |settings| settings.connect = Connect::Auto).await;
    let mut sim = studio.start("2025", &["--dialog", "deny,allow-all"]).await;
    let name = format!("maya-{}", sim.pid);
    state(&hub, &name, "it was denied", |session| {
        session.phase.can_connect() && session.phase.to_string().contains("permission was denied")
    })
    .await;
    let denied = hub.snapshot().find(&name).expect("it is listed").id();
    hub.commands().connect(denied).await.expect("it is there");
    event(&mut news, &sim, "ready").await;
    assert_eq!(dialogs(&mut sim).await, 2, "one message for each time the artist chose so");
    hub.stop().await;
}

#[tokio::test]
async fn the_first_of_two_on_one_socket_is_not_offered_what_can_only_fail() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let mut watching = hub.registry().subscribe();
    let mut first = studio.start("2024", &["--dialog", "allow-all"]).await;
    event(&mut news, &first, "awaiting_connect").await;
    let mut second = studio.start("2025", &["--dialog", "allow-all"]).await;
    let taken = event(&mut news, &first, "unreachable").await.session.phase.clone();
    assert!(taken.to_string().contains("taken over") && taken.line().is_some(), "with what helps: {taken}");
    let found = event(&mut watching, &second, "awaiting_connect").await.session;
    hub.commands().connect(found.id()).await.expect("it is there");
    event(&mut watching, &second, "ready").await;
    assert_eq!(
        (dialogs(&mut first).await, dialogs(&mut second).await),
        (0, 1),
        "only who was meant was asked"
    );
    hub.stop().await;
}

#[tokio::test]
async fn manual_connects_nothing_by_itself_and_the_setting_works_at_once() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |settings| settings.connect = Connect::Manual).await;
    let one = studio.start("2024", PYTHON_PORT).await;
    let mut two = studio.start("2026", &["--dialog", "allow-all"]).await;
    let names = [&one, &two].map(|sim| format!("maya-{}", sim.pid));
    for name in &names {
        state(&hub, name, "it waits", |session| session.phase.name() == "awaiting_connect").await;
    }
    let first = hub.snapshot().find(&names[0]).expect("it is listed").id();
    hub.commands().connect(first).await.expect("it is there");
    event(&mut news, &one, "ready").await;
    assert_eq!(dialogs(&mut two).await, 0, "the other one is not meant");
    hub.set_connect(Connect::Auto).expect("writable");
    event(&mut news, &two, "ready").await;
    let settings = std::fs::read_to_string(hub.home().settings()).expect("it was written");
    assert!(settings.contains("\"connect\": \"auto\""), "and after a restart: {settings}");
    hub.stop().await;
}

#[tokio::test]
async fn a_helper_that_was_taken_out_comes_back_where_nobody_is_asked_and_else_waits() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |settings| settings.connect = Connect::Auto).await;
    let mut plain = studio.start("2024", PYTHON_PORT).await;
    let mut asking = studio.start("2026", &["--dialog", "allow-all"]).await;
    event(&mut news, &plain, "ready").await;
    let session = event(&mut news, &asking, "ready").await.session.id();
    let taken = json!({"code": "__import__('sys').modules['maya_mcp_helper'].stop('left')"});
    plain.control(taken.clone(), "eval").await;
    event(&mut news, &plain, "ready").await;
    asking.control(taken, "eval").await;
    let told = event(&mut news, &asking, "unreachable").await.session.phase.to_string();
    assert!(told.contains("our helper was taken out"), "{told}");
    hub.commands().connect(session).await.expect("it is there");
    event(&mut news, &asking, "ready").await;
    hub.stop().await;
}

#[tokio::test]
async fn a_session_that_a_client_chose_is_chosen_again_after_a_restart() {
    let studio = Studio::new();
    let (one, two) = (studio.start("2024", PYTHON_PORT).await, studio.start("2026", PYTHON_PORT).await);
    let client = "cursor".parse().expect("a good name");
    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    event(&mut news, &one, "ready").await;
    let name = format!("maya-{}", two.pid);
    state(&hub, &name, "it is ready", |session| session.phase.name() == "ready").await;
    let session = hub.snapshot().find(&name).map(|session| session.id());
    hub.registry()
        .observe(&Observation::Chosen { by: Chooser::Client("cursor".parse().expect("good")), session });
    hub.stop().await;

    let (hub, _news) = engine_with(&studio, |_| ()).await;
    state(&hub, &name, "it is listed", |_| true).await;
    let resolved = hub.snapshot().resolve(Some(&client), None).map(|session| session.id());
    assert_eq!(resolved.ok(), session, "the same Maya, without choosing");
    hub.stop().await;
}

#[tokio::test]
async fn a_dialog_that_nobody_answered_is_not_opened_again_after_a_restart() {
    let studio = Studio::new();
    let mut sim = studio.start("2025", &["--dialog", "wait"]).await;
    let (hub, mut news) = engine_with(&studio, |settings| settings.connect = Connect::Auto).await;
    event(&mut news, &sim, "awaiting_permission").await;
    sim.control(json!({"count": 1}), "wait_dialog").await;
    hub.stop().await;
    let (hub, mut news) = engine_with(&studio, |settings| settings.connect = Connect::Auto).await;
    let name = format!("maya-{}", sim.pid);
    state(&hub, &name, "it was asked before", |session| session.phase.to_string().contains("asked before"))
        .await;
    sim.control(json!({"answer": "allow-all"}), "answer").await;
    let session = hub.snapshot().find(&name).expect("it is listed").id();
    hub.commands().connect(session).await.expect("it waits for that");
    event(&mut news, &sim, "ready").await;
    assert_eq!(dialogs(&mut sim).await, 1, "one dialog over two engines");
    hub.stop().await;
}

#[tokio::test]
async fn what_a_client_adds_waits_for_the_artist() {
    let (ours, theirs) = (Studio::new(), Studio::new());
    let sim = theirs.start("2025", PYTHON_PORT).await;
    let number = sim.port("python").rsplit_once(':').expect("host and port").1.parse().expect("a number");
    let (hub, _news) = engine_with(&ours, |settings| settings.connect = Connect::Auto).await;
    let added =
        hub.commands().add("127.0.0.1".to_owned(), number, Asker::Client).await.expect("it is listed");
    let name = added.id.to_string();
    let waits = |session: &Session| session.phase.name() == "awaiting_connect";
    state(&hub, &name, "it waits", waits).await;
    hub.stop().await;
    let (hub, mut news) = engine_with(&ours, |_| ()).await;
    assert!(hub.snapshot().sessions.is_empty(), "what no artist let in is not remembered");
    hub.commands().add("127.0.0.1".to_owned(), number, Asker::Client).await.expect("it is listed");
    state(&hub, &name, "it waits", waits).await;
    hub.commands().connect(added.id).await.expect("it waits for that");
    event_of(&mut news, &name, "ready").await;
    hub.stop().await;
}

#[tokio::test]
async fn a_port_added_by_hand_that_asks_opens_one_readable_dialog_and_deny_is_remembered() {
    let (ours, theirs) = (Studio::new(), Studio::new());
    let port =
        ["--default-port", "off", "--command-port", "mel:127.0.0.1:0+warn", "--dialog", "deny,allow-all"];
    let mut sim = theirs.start("2025", &port).await;
    let number = sim.port("mel").rsplit_once(':').expect("host and port").1.parse().expect("a number");
    let name = format!("maya-127.0.0.1:{number}");
    let denied = |session: &Session| session.phase.to_string().contains("permission was denied");
    let (hub, _news) = engine_with(&ours, |_| ()).await;
    hub.commands().add("127.0.0.1".to_owned(), number, Asker::Artist).await.expect("it is listed");
    state(&hub, &name, "denied", denied).await;
    hub.stop().await;
    let (hub, mut news) = engine_with(&ours, |_| ()).await;
    state(&hub, &name, "still denied", denied).await;
    let session = hub.snapshot().find(&name).expect("it is listed").id();
    hub.commands().connect(session).await.expect("it waits for that");
    event_of(&mut news, &name, "ready").await;
    let texts = texts(&mut sim).await;
    assert_eq!(texts.len(), 2, "one each time: {texts:?}");
    assert!(texts.iter().all(|text| text.contains("/* Maya MCP Tray asks")), "readable: {texts:?}");
    hub.stop().await;
}
