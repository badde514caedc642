//! Code runs in a real helper as the shared fixtures say, seen from the engine's side of the link.

use std::{fs, time::Duration};

use maya_mcp_maya::{
    Doorway, Execute, Execution, HelperFiles, Language, Link, LinkKind, Progress, ResultType, Unsaved,
    bootstrap,
};
use maya_mcp_session::Address;
use maya_mcp_system_tests::{Sim, Studio, repository};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

const SOON: Duration = Duration::from_secs(30);

/// A Maya, and an open link to its helper.
pub async fn link(studio: &Studio, arguments: &[&str]) -> (Sim, Link) {
    let files = HelperFiles::install(&studio.path().join("home")).expect("writable");
    let ports = ["--default-port", "off", "--command-port", "python:127.0.0.1:0"];
    let sim = studio.start("2025", &[&ports[..], arguments].concat()).await;
    let address = Address::Tcp(sim.port("python").parse().expect("a TCP port"));
    let doorway = Doorway { address, pid: Some(sim.pid) };
    let helper = bootstrap(&doorway, &files, LinkKind::Socket, async {}).await.expect("it comes in");
    let (link, task, _) = Link::open(&helper).await.expect("it is ours");
    let (events, mut unread) = mpsc::channel(8);
    tokio::task::spawn_local(async move {
        let drain = async { while unread.recv().await.is_some() {} };
        tokio::join!(task.run(events), drain)
    });
    (sim, link)
}

/// The rows of a fixture that pytest reads as well.
pub fn shared_rows(fixture: &str) -> Vec<Value> {
    let path = repository().join("tests/fixtures/helper-protocol").join(fixture);
    let text = fs::read_to_string(path).expect("it is there");
    let fixtures: Value = serde_json::from_str(&text).expect("JSON");
    let rows = fixtures["rows"].as_array().expect("rows").clone();
    assert!(rows.len() > 10, "there is something to check");
    rows
}

fn request(params: &Value) -> Execute {
    let text = |field: &str| params[field].as_str().map(str::to_owned);
    let parse = |field: &str| params.get(field).cloned();
    Execute {
        code: text("code").expect("every row has one"),
        language: parse("language").map_or(Language::Python, |v| serde_json::from_value(v).expect("known")),
        result_type: parse("result_type")
            .map_or(ResultType::Auto, |v| serde_json::from_value(v).expect("known")),
        undo_name: text("undo_name"),
        timeout_s: params["timeout_s"].as_f64(),
        unsaved: Unsaved::default(),
    }
}

fn check(name: &str, done: &Execution, expected: &Value) {
    let stdout = match expected["stdout"].as_object() {
        Some(repeated) => {
            let times = usize::try_from(repeated["times"].as_u64().expect("a number")).expect("it fits");
            repeated["repeat"].as_str().expect("a text").repeat(times)
        }
        None => expected["stdout"].as_str().expect("a text").to_owned(),
    };
    assert!(done.stdout == stdout, "{name}: stdout of {} characters", done.stdout.chars().count());
    assert_eq!(done.result, expected["result"], "{name}");
    if let Some(stderr) = expected["stderr"].as_str() {
        assert_eq!(done.stderr, stderr, "{name}");
    }
    assert_eq!(json!(done.dropped), expected["dropped"], "{name}: dropped");
    let told = done.error.as_ref().map(|error| error.r#type.as_str());
    assert_eq!(told.is_some(), !expected["error"].is_null(), "{name}: {:?}", done.error);
    if let (Some(told), Some(wanted)) = (told, expected["error"]["type"].as_str()) {
        assert_eq!(told, wanted, "{name}: the kind of error");
    }
}

#[tokio::test(flavor = "local")]
async fn every_shared_row_runs_as_agreed_with_qt_and_without() {
    let rows = shared_rows("execute.json");
    for arguments in [&[][..], &["--no-qt"]] {
        let studio = Studio::new();
        let (_sim, link) = link(&studio, arguments).await;
        for row in &rows {
            let name = row["name"].as_str().expect("a text");
            let client = link.client(row["client"].as_str().unwrap_or("one"));
            let done = timeout(SOON, client.execute(&request(&row["params"]))).await;
            let done = done.unwrap_or_else(|_| panic!("{name}: no answer"));
            check(name, &done.unwrap_or_else(|error| panic!("{name}: {error}")), &row["expect"]);
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_script_tells_how_far_it_is_while_it_runs() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let client = link.client("one");
    let seen = studio.path().join("seen");
    let code = format!(
        "import os, time\nreport_progress(1, 4, 'Reading')\nwhile not os.path.exists({seen:?}): time.sleep(0.01)\n\
         for n in range(1000): report_progress(n / 999 * 4)\nreport_progress.__name__"
    );
    let (follower, mut follows) = mpsc::channel(16);
    let mut running = client.start(&request(&json!({"code": code})), follower).await.expect("it is taken");
    let first = timeout(SOON, follows.recv()).await.expect("it is told while it runs");
    let reading = Progress::Reported { progress: 1.0, total: Some(4.0), message: Some("Reading".to_owned()) };
    assert_eq!(first, Some(reading), "as it was told");
    fs::write(&seen, "").expect("writable");
    let done = timeout(SOON, running.outcome()).await.expect("in time").expect("it ran");
    assert_eq!((&done.error, &done.result), (&None, &json!("report_progress")), "to its end");
    let mut last = None;
    while let Some(progress) = timeout(SOON, follows.recv()).await.expect("the channel ends") {
        last = Some(progress);
    }
    let whole = Progress::Reported { progress: 4.0, total: None, message: None };
    assert_eq!(last, Some(whole), "the last is never left out");
}

#[tokio::test(flavor = "local")]
async fn a_caller_that_goes_away_stops_its_script() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let client = link.client("one");
    let endless = request(&json!({"code": "import time\nwhile True: time.sleep(0.01)"}));
    let impatient = timeout(Duration::from_millis(300), client.execute(&endless)).await;
    assert!(impatient.is_err(), "it never ends by itself");
    let next = timeout(SOON, client.execute(&request(&json!({"code": "1 + 1"})))).await;
    let next = next.expect("Maya is free again").expect("it runs");
    assert_eq!(next.result, json!(2), "and runs what comes next");
}

#[tokio::test(flavor = "local")]
async fn every_waiting_call_is_answered_when_maya_dies() {
    let studio = Studio::new();
    let (mut sim, link) = link(&studio, &[]).await;
    let client = link.client("one");
    let endless = request(&json!({"code": "import time\nwhile True: time.sleep(0.01)"}));
    let waiting = [client.execute(&endless), client.execute(&endless)];
    let calls = async {
        let [one, two] = waiting;
        tokio::join!(one, two)
    };
    tokio::pin!(calls);
    let early = timeout(Duration::from_millis(300), &mut calls).await;
    assert!(early.is_err(), "both wait");
    sim.kill();
    let (one, two) = timeout(SOON, calls).await.expect("nobody waits for a dead Maya");
    assert!(one.is_err() && two.is_err(), "{one:?} {two:?}");
}
