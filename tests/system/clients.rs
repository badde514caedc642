//! Several clients in one Maya, each by a connection of its own: what is one's reaches no other, and nobody waits for another's.

use std::{fs, time::Duration};

use maya_mcp_maya::LinkError;
use maya_mcp_maya::{
    CancelState, Client, Execute, Execution, Link, PictureFormat, Progress, Refusal, SelectMode, Stream,
    Unsaved, Viewport, WriteModule,
};
use maya_mcp_system_tests::Studio;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    engine::{SOON, python},
    executing::link,
};

const ENDLESS: &str = "import time\nwhile True: time.sleep(0.01)";

async fn run(client: &Client, code: &str) -> Execution {
    run_as(client, &python(code)).await
}

async fn run_as(client: &Client, script: &Execute) -> Execution {
    let done = timeout(SOON, client.execute(script)).await;
    done.unwrap_or_else(|_| panic!("no answer to {}", script.code)).expect("it is taken")
}

fn kind(execution: &Execution) -> Option<&str> {
    execution.error.as_ref().map(|error| error.r#type.as_str())
}

#[tokio::test(flavor = "local")]
async fn two_clients_have_two_connections_and_two_namespaces() {
    let studio = Studio::new();
    let (mut sim, link) = link(&studio, &[]).await;
    let (one, two) = (link.client("one"), link.client("two"));
    run(&one, "kept = 'of one'").await;
    assert_eq!(kind(&run(&two, "kept").await), Some("NameError"), "it is another's");
    assert_eq!(run(&link.client("one"), "kept").await.result, json!("of one"), "and stays");
    let named =
        "sorted(l.client for l in __import__('sys').modules['maya_mcp_helper'].running._server.links())";
    let links = sim.control(json!({"code": named}), "eval").await;
    assert_eq!(links["value"], "['', 'one', 'two']", "three connections: {links}");
}

#[tokio::test(flavor = "local")]
async fn output_arrives_while_the_script_runs() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let client = link.client("one");
    let seen = studio.path().join("seen");
    let code = format!(
        "import os, sys, time\nprint('first')\nwhile not os.path.exists({seen:?}): time.sleep(0.01)\nsys.stderr.write('last')\n7"
    );
    let (follower, mut follows) = mpsc::channel(16);
    let mut running = client.start(&python(&code), follower).await.expect("it is taken");
    let mut printed = String::new();
    while printed != "first\n" {
        let piece = timeout(SOON, follows.recv()).await.expect("it is told while it runs");
        let Some(Progress::Output { stream: Stream::Stdout, text }) = piece else { panic!("{piece:?}") };
        printed += &text;
    }
    fs::write(&seen, "").expect("writable");
    let done = timeout(SOON, running.outcome()).await.expect("in time").expect("it ran");
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("first\n", "last"), "all of it");
    assert_eq!(done.result, json!(7), "and the result");
}

#[tokio::test(flavor = "local")]
async fn a_script_is_cancelled_in_the_queue_and_in_a_loop() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let (one, two) = (link.client("one"), link.client("two"));
    let (follower, mut follows) = mpsc::channel(16);
    let looping = format!("print('on')\n{ENDLESS}");
    let mut running = one.start(&python(&looping), follower.clone()).await.expect("it is taken");
    timeout(SOON, follows.recv()).await.expect("it runs").expect("and says so");
    for client in [&one, &two] {
        let mut waiting = client.start(&python("1"), follower.clone()).await.expect("it is taken");
        let cancelled = timeout(SOON, waiting.cancel()).await.expect("at once").expect("answered");
        assert_eq!(cancelled.state, CancelState::Waiting, "behind the other one");
        let done = timeout(SOON, waiting.outcome()).await.expect("at once").expect("answered");
        assert_eq!(kind(&done), Some("Cancelled"), "it never ran");
    }
    let cancelled = timeout(SOON, running.cancel()).await.expect("at once").expect("answered");
    assert_eq!((cancelled.state, cancelled.stoppable), (CancelState::Running, true), "it can be stopped");
    let done = timeout(SOON, running.outcome()).await.expect("soon").expect("answered");
    assert_eq!(kind(&done), Some("Cancelled"), "it was stopped");
    assert_eq!(run(&two, "2").await.result, json!(2), "and Maya is free");
}

#[tokio::test(flavor = "local")]
async fn what_one_client_has_too_much_of_keeps_no_other() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let (one, two) = (link.client("one"), link.client("two"));
    let large = run(&one, "'x' * (10 << 20)").await;
    assert_eq!(large.result.as_str().map(str::len), Some(10 << 20), "ten megabytes");
    // Nobody takes what follows.
    let (follower, follows) = mpsc::channel(1);
    let much = "for n in range(20000): print(n)\n'x' * (10 << 20)";
    let mut running = one.start(&python(much), follower).await.expect("it is taken");
    assert_eq!(run(&two, "2").await.result, json!(2), "another is answered");
    timeout(SOON, link.main_thread_waiting()).await.expect("at once").expect("a ping as well");
    let done = timeout(SOON, running.outcome()).await.expect("soon").expect("it ran");
    assert_eq!((done.stdout.lines().count(), done.dropped), (20000, 0), "and nothing is missing");
    drop(follows);
}

#[tokio::test(flavor = "local")]
async fn unsaved_changes_are_kept_unless_they_are_given_up() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let client = link.client("one");
    run(&client, "import maya.cmds as cmds; cmds.polyCube()").await;
    let new_scene = python("cmds.file(new=True, force=True)");
    assert_eq!(kind(&run_as(&client, &new_scene).await), Some("UnsavedChanges"), "it is kept from it");
    assert_eq!(run(&client, "cmds.objExists('pCube1')").await.result, json!(true), "nothing is lost");
    let done = run_as(&client, &Execute { unsaved: Unsaved::Discard, ..new_scene }).await;
    assert_eq!(kind(&done), None, "{:?}", done.error);
    assert_eq!(run(&client, "cmds.objExists('pCube1')").await.result, json!(false), "it was wanted");
}

#[tokio::test(flavor = "local")]
async fn every_method_does_in_maya_what_it_says() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let soon = timeout(SOON, methods(&link));
    soon.await.expect("in time").expect("each is answered");
}

async fn methods(link: &Link) -> Result<(), LinkError> {
    let client = link.client("one");
    let mut module = WriteModule {
        name: "studio.shots".to_owned(),
        code: "SHOT = 10\nprint(SHOT)".to_owned(),
        overwrite: false,
    };
    let written = client.write_module(&module).await?;
    assert_eq!((written.created.len(), written.replaced), (2, false), "with its parent: {written:?}");
    assert_eq!(written.stdout, "10\n", "what it printed");
    let again = client.write_module(&module).await;
    assert!(matches!(again, Err(LinkError::Refused { kind: Refusal::ModuleExists, .. })), "{again:?}");
    module.overwrite = true;
    assert!(client.write_module(&module).await?.replaced, "as asked");
    assert_eq!(run(&client, "import studio.shots; studio.shots.SHOT").await.result, json!(10), "it is there");

    run_as(
        &client,
        &Execute {
            undo_name: Some("Two cubes".to_owned()),
            ..python("import maya.cmds as cmds\ncmds.polyCube(); cmds.polyCube()")
        },
    )
    .await;
    let another = client.undo(Some("A sphere")).await;
    assert!(matches!(another, Err(LinkError::Refused { kind: Refusal::AnotherStep, .. })), "{another:?}");
    assert_eq!(client.undo(Some("Two cubes")).await?.name, "Two cubes", "the whole call");
    assert_eq!(run(&client, "cmds.ls('pCube*', type='transform')").await.result, json!([]), "both are gone");
    assert_eq!(client.redo(None).await?.name, "Two cubes", "and back");

    let names = ["pCube1".to_owned(), "pCube2".to_owned()];
    assert_eq!(client.select(&names, SelectMode::Replace).await?.count, 2, "both");
    assert_eq!(client.select(&names[..1], SelectMode::Remove).await?.names, ["pCube2"], "one");
    let missing = client.select(&["nobody".to_owned()], SelectMode::Add).await;
    assert!(matches!(missing, Err(LinkError::Refused { kind: Refusal::NoSuchNode, .. })), "{missing:?}");

    let scene = client.scene().await?;
    assert_eq!((scene.file.as_str(), scene.modified), ("", true), "{scene:?}");
    assert_eq!(scene.selection.names, ["pCube2"], "what is selected");
    assert!(scene.cameras.names.contains(&"persp".to_owned()), "{scene:?}");

    let picture =
        client.viewport(&Viewport { width: Some(64), height: Some(48), ..Viewport::default() }).await?;
    assert_eq!((picture.format, picture.width, picture.height), (PictureFormat::Png, 64, 48), "as asked");
    assert!(picture.bytes.starts_with(b"\x89PNG"), "a picture");
    let nobody = Viewport { camera: Some("nobody".to_owned()), ..Viewport::default() };
    let missing = client.viewport(&nobody).await;
    assert!(matches!(missing, Err(LinkError::Refused { kind: Refusal::NoSuchCamera, .. })), "{missing:?}");
    Ok(())
}

#[tokio::test(flavor = "local")]
async fn a_client_that_went_away_finds_its_variables_again() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let client = link.client("one");
    run(&client, "kept = 1").await;
    let impatient = python(ENDLESS);
    let gone = timeout(Duration::from_millis(200), client.execute(&impatient)).await;
    assert!(gone.is_err(), "it never ends by itself");
    assert_eq!(run(&link.client("one"), "kept").await.result, json!(1), "its own");
}

#[tokio::test(flavor = "local")]
async fn a_client_that_comes_while_nothing_in_maya_answers_is_served_afterwards() {
    let studio = Studio::new();
    let (mut sim, link) = link(&studio, &[]).await;
    // Longer than the helper gives a stranger for his proof.
    sim.control(json!({"seconds": 3, "gil": true}), "busy").await;
    assert_eq!(run(&link.client("one"), "1").await.result, json!(1), "it waited");
}
