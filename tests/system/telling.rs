//! What is told beyond a session's life: what is selected, that nothing has changed, and to code that registers for it.

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use maya_mcp_endpoint::{Tokens, call_tool};
use maya_mcp_hub::{EventLog, News, Query};
use maya_mcp_session::{Filter, Kind, Observation, Process, ProcessId, Scene, SceneReason};
use maya_mcp_system_tests::Studio;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use crate::engine::{PYTHON_PORT, SOON, engine, engine_with, event, python};

#[tokio::test]
async fn what_is_selected_is_an_event_where_the_settings_say_so() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |settings| {
        settings.connect = maya_mcp_hub::Connect::Auto;
        settings.selection_events = true;
    })
    .await;
    let sim = studio.start("2025", PYTHON_PORT).await;
    let session = event(&mut news, &sim, "ready").await.session.id();
    let link = hub.links().get(session).expect("it is ready");
    let select =
        "import maya.cmds as cmds\ncmds.select([cmds.createNode('transform', name=n) for n in ('a', 'b')])";
    // Asked for again and again, for the link is listened to from a moment after it is ready on.
    let selected = async {
        loop {
            let done = link.client("test").execute(&python(select)).await;
            assert!(done.is_ok_and(|done| done.error.is_none()), "it selects");
            let next =
                timeout(std::time::Duration::from_secs(1), event(&mut news, &sim, "selection_changed"));
            if let Ok(told) = next.await
                && let Some(selection) = &told.session.selection
                && selection.count == 2
            {
                return selection.first.clone();
            }
        }
    };
    let names = timeout(SOON, selected).await.expect("it is told");
    assert_eq!(names.len(), 2, "by name: {names:?}");
    hub.stop().await;
}

#[tokio::test]
async fn a_maya_in_which_nothing_happens_is_told_of_where_somebody_wants_that() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |settings| settings.heartbeat_s = NonZeroU64::new(1)).await;
    let sim = studio.start("2025", PYTHON_PORT).await;
    for _ in 0..2 {
        event(&mut news, &sim, "heartbeat").await;
    }
    hub.stop().await;
}

#[tokio::test]
async fn code_that_registers_hears_of_what_it_wants_until_it_lets_go() {
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let wanted = Filter { kinds: Some([Kind::Ready, Kind::Crashed].into()), sources: None };
    let registration = hub.subscribers().add("a test", wanted, move |news| {
        // The test may be over.
        let _ = tell.send(news);
        std::future::ready(())
    });
    let mut next = async || timeout(SOON, told.recv()).await.expect("soon");
    let Some(News::Snapshot { missed: 0, .. }) = next().await else { panic!("first what is true") };
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    let Some(News::Event(edge)) = next().await else { panic!("then what happens") };
    assert_eq!(
        (edge.kind(), edge.what.source()),
        (Kind::Ready, format!("maya-{}", sim.pid)),
        "of what is wanted"
    );
    sim.kill();
    let Some(News::Event(edge)) = next().await else { panic!("and so on") };
    assert_eq!(edge.kind(), Kind::Crashed, "in order");
    drop(registration);
    let other = studio.start("2026", PYTHON_PORT).await;
    event(&mut news, &other, "ready").await;
    assert!(next().await.is_none(), "what was registered is gone, with all it held");
    hub.stop().await;
}

#[cfg(all(unix, not(target_os = "macos")))]
#[tokio::test]
async fn a_recovered_scene_is_opened_once_however_often_that_is_pressed() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let studio = Studio::new();
    let (hub, mut news) = engine(&studio).await;
    let mut sim = studio.start("2025", PYTHON_PORT).await;
    let exe = event(&mut news, &sim, "ready").await.session.process().and_then(|process| process.exe.clone());
    let shot = studio.path().join("shot_010.ma");
    sim.control(json!({"op": "save", "path": shot}), "scene").await;
    event(&mut news, &sim, "scene_changed").await;
    sim.control(json!({"signal": "SIGSEGV"}), "crash").await;
    let id = event(&mut news, &sim, "crashed").await.session.id();

    // What sets up a Maya and starts it, which writes down what it was given.
    let launcher = exe.expect("it has a program").with_file_name("maya");
    let given = studio.path().join("given");
    fs::write(&launcher, format!("#!/bin/sh\necho \"$@\" >> {}\n", given.display())).expect("writable");
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let commands = hub.commands();
    let pressed = tokio::join!(commands.open_recovered(id), commands.open_recovered(id));
    assert_eq!(pressed, (Ok(()), Ok(())), "both presses are heard");
    let written = timeout(SOON, async {
        loop {
            let text = fs::read_to_string(&given).unwrap_or_default();
            if text.ends_with('\n') {
                return text;
            }
            tokio::task::yield_now().await;
        }
    });
    let written = written.await.expect("it is started");
    assert!(written.starts_with("-file ") && written.contains("shot_010[Recovered-"), "with it: {written}");
    assert_eq!(commands.open_recovered(id).await, Ok(()), "once more");
    assert!(hub.snapshot().crash(id).is_some(), "it stays until the scene is open");
    hub.stop().await;
    assert_eq!(fs::read_to_string(&given).expect("readable").lines().count(), 1, "one Maya");
}

#[tokio::test]
async fn a_storm_ends_in_the_right_state_everywhere() {
    const SESSIONS: u32 = 10;
    const SAVED: u32 = 1000;
    let studio = Studio::new();
    let (hub, _) = engine(&studio).await;
    let (home, events) = (hub.home().path().to_owned(), hub.home().events());
    let client = "cursor".parse().expect("a good name");
    Tokens::open(hub.home().tokens()).expect("a folder").token_for(&client).expect("a token");
    let listed =
        async || call_tool(&home, &client, "list_sessions", json!({})).await.expect("the engine runs");
    listed().await;
    let heard = Arc::new(AtomicU64::new(0));
    let counted = heard.clone();
    let _registration = hub.subscribers().add("a test", Filter::default(), move |news| {
        counted.fetch_add(u64::from(matches!(news, News::Event(_))), Ordering::Relaxed);
        std::future::ready(())
    });

    // Nobody looks for these processes: they are the registry's alone.
    let id = |number: u32| ProcessId { pid: 4_000_000 + number, started_at: 1 };
    for number in 0..SESSIONS {
        hub.registry().observe(&Observation::ProcessFound(Process::new(id(number))));
    }
    for round in 0..SAVED {
        let scene = Scene { name: format!("shot_{round:04}.ma"), ..Scene::default() };
        let id = id(round % SESSIONS).into();
        hub.registry().observe(&Observation::SceneSeen { id, reason: SceneReason::Saved, scene });
    }
    let all = u64::from(SESSIONS + SAVED);
    let answer = listed().await["structuredContent"].clone();
    let told = answer["changes"].as_array().expect("a list").len() as u64;
    assert_eq!(told + answer["missed"].as_u64().expect("a number"), all, "a client: each is told or counted");
    let scenes = answer["sessions"].as_array().expect("a list").iter();
    let last = scenes.filter_map(|session| session["scene_name"].as_str()).max();
    assert_eq!(last, Some("shot_0999.ma"), "a client: what is true in the end");
    let everybody = timeout(SOON, async {
        while heard.load(Ordering::Relaxed) < all {
            tokio::task::yield_now().await;
        }
    });
    everybody.await.expect("code that has registered hears each");
    hub.stop().await;
    let query = Query { filter: Filter::everything(), ..Query::default() };
    let written = EventLog::at(events).read(&query).expect("readable").events;
    assert_eq!(written.len() as u64, all, "the log: each is a line");
    assert!(written.is_sorted_by_key(|event| event.seq), "the log: in order");
}
