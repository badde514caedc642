//! *Make Maya connect by itself*: no command port, no question, and nothing left when it is turned off.

use std::fs;

use maya_mcp_maya::HelperFiles;
use maya_mcp_system_tests::Studio;
use maya_mcp_user_setup::{Platform, Start, Surroundings, turn_off, turn_on};
use serde_json::json;

use crate::engine::{engine_with, event};

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
