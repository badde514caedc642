//! *Make Maya connect by itself*: no command port, no question, and nothing left when it is turned off.

use std::{fs, path::Path};

use maya_mcp_maya::{HelperAddress, HelperFiles, Link};
use maya_mcp_system_tests::{Sim, Studio};
use maya_mcp_user_setup::{Platform, Start, Surroundings, turn_off, turn_on};
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use crate::engine::{SOON, engine_with, event, phase, python};

const NO_PORT: &[&str] = &["--default-port", "off"];

#[tokio::test]
async fn a_maya_that_starts_our_helper_itself_leaves_nothing_however_it_ends() {
    let studio = Studio::new();
    let home = studio.path().join("home");
    let files = HelperFiles::install(&home).expect("writable");
    let app = studio.path().join("maya");
    let scripts = app.join("2025/scripts");
    fs::create_dir_all(&scripts).expect("writable");
    let setup = scripts.join("userSetup.py");
    let artists = b"print('good morning')\r\nimport maya.cmds  # no last line end";
    fs::write(&setup, artists).expect("writable");
    let around =
        Surroundings { maya_app_dir: Some(app.clone()), ..Surroundings::at(studio.path(), Platform::Linux) };
    let version = "2025".parse().expect("a year");
    let start = Start { boot: files.boot().to_owned() };
    turn_on(version, &around, &start).expect("writable");

    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let mut sim = studio.start_with("2025", NO_PORT, &[("MAYA_APP_DIR", &app)]).await;
    let ready = event(&mut news, &sim, "ready").await.session;
    assert_eq!(ready.address, None, "there is no command port");
    assert_eq!(sim.script_editor_errors().await, "", "no error in the Script Editor");
    sim.control(json!({}), "quit").await;
    event(&mut news, &sim, "exited").await;
    let mut killed = studio.start_with("2025", NO_PORT, &[("MAYA_APP_DIR", &app)]).await;
    event(&mut news, &killed, "ready").await;
    killed.kill();
    event(&mut news, &killed, "crashed").await;
    let left = fs::read_dir(home.join("run/announced")).expect("it is there").count();
    assert_eq!(left, 0, "what a crash leaves is taken away");
    hub.stop().await;

    turn_off(version, &around).expect("writable");
    assert_eq!(fs::read(&setup).expect("it is there"), artists, "byte for byte as it was");
}

/// As an engine of another version leaves it.
fn lay_down_another_build(home: &Path, ours: &HelperFiles) {
    let helpers = home.join("helper");
    let (from, to) = (helpers.join(ours.build()), helpers.join("00another"));
    fs::create_dir_all(to.join("maya_mcp_helper")).expect("writable");
    for entry in fs::read_dir(from.join("maya_mcp_helper")).expect("it is there").flatten() {
        fs::copy(entry.path(), to.join("maya_mcp_helper").join(entry.file_name())).expect("writable");
    }
    fs::write(helpers.join("current"), "00another").expect("writable");
}

/// A Maya that another build of the helper has announced itself in.
async fn start_with_another_build(studio: &Studio) -> (Sim, HelperFiles, HelperAddress) {
    let home = studio.path().join("home");
    let files = HelperFiles::install(&home).expect("writable");
    lay_down_another_build(&home, &files);
    let app = studio.path().join("maya");
    fs::create_dir_all(app.join("2025/scripts")).expect("writable");
    let around =
        Surroundings { maya_app_dir: Some(app.clone()), ..Surroundings::at(studio.path(), Platform::Linux) };
    turn_on("2025".parse().expect("a year"), &around, &Start { boot: files.boot().to_owned() })
        .expect("writable");
    let mut sim = studio.start_with("2025", NO_PORT, &[("MAYA_APP_DIR", &app)]).await;
    let announced = timeout(SOON, async {
        loop {
            // Whatever the helper waits for on the main thread comes before the answer.
            sim.control(json!({"code": "1"}), "eval").await;
            if let Some(helper) = files.announced(sim.pid) {
                return helper;
            }
        }
    });
    let helper = announced.await.expect("it leaves word of itself");
    (sim, files, helper)
}

#[tokio::test]
async fn a_busy_maya_with_another_build_is_connecting_for_as_long_as_it_takes() {
    let studio = Studio::new();
    let (mut sim, _, _) = start_with_another_build(&studio).await;
    sim.control(json!({"seconds": 3}), "busy").await;
    let (hub, _news) = engine_with(&studio, |_| ()).await;
    let mut level = hub.watch();
    let mut told = Vec::new();
    let reached = timeout(SOON, async {
        loop {
            told.extend(phase(&level.borrow_and_update(), &sim));
            if told.last() == Some(&"ready") {
                return;
            }
            level.changed().await.expect("the registry lives");
        }
    });
    let in_time = reached.await.is_ok();
    told.dedup();
    assert_eq!(told, ["discovered", "bootstrapping", "ready"], "nothing else is true; in time: {in_time}");
    hub.stop().await;
}

#[tokio::test(flavor = "local")]
async fn a_helper_of_another_build_makes_way_and_the_session_goes_on() {
    let studio = Studio::new();
    let (mut sim, files, helper) = start_with_another_build(&studio).await;
    let (link, task, welcome) = Link::open(&helper).await.expect("it is there");
    assert_eq!(welcome.build.as_deref(), Some("00another"), "it is another's");
    let running = tokio::task::spawn_local(task.run(mpsc::channel(8).0));
    let before = link.client("cursor").execute(&python("kept = 'all along'")).await.expect("it runs");
    assert_eq!(before.error, None, "a client works in it");
    drop(link);
    running.await.expect("no panic");

    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let session = event(&mut news, &sim, "ready").await.session;
    let client = hub.links().get(session.id()).expect("the link is open").client("cursor");
    let code = "(kept, __import__('sys').modules['maya_mcp_helper'].build)";
    let done = timeout(SOON, client.execute(&python(code))).await.expect("in time").expect("it runs");
    assert_eq!(
        done.result,
        json!(["all along", files.build()]),
        "ours, with what was there: {:?}",
        done.error
    );
    assert_eq!(sim.script_editor_errors().await, "", "no error in the Script Editor");
    let announced = files.announced(sim.pid).expect("it left word of itself again");
    assert_ne!(announced.address, helper.address, "at its own port");
    hub.stop().await;
    assert!(files.announced(sim.pid).is_some(), "and stays for the next engine");
}
