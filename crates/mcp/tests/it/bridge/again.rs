//! An application that is killed, ends in order, or cannot start: when the bridge starts it again, and when it does not.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use maya_mcp_endpoint::{EndpointFile, EndpointSecret, StartCommand};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::Bridged;
use crate::{stub::Stub, support::modern_meta};

/// By then it has to be there again.
const AGAIN: Duration = Duration::from_secs(2);

/// Every start is a line in this file.
const STARTS: &str = "starts";

fn start(home: &Path, what_it_does: &str) -> StartCommand {
    let script = format!("cd '{}' && echo started >> {STARTS}; {what_it_does}", home.display());
    StartCommand { program: "sh".into(), args: vec!["-c".into(), script.into()] }
}

fn starts(home: &Path) -> usize {
    fs::read_to_string(home.join(STARTS)).unwrap_or_default().lines().count()
}

/// What starting the application comes to, seen from here: its endpoint file appears.
const IT_COMES: &str = "mv waiting.json endpoint.json";

/// One endpoint that runs, and one that runs when the application has been started.
fn now_and_then() -> (TempDir, Stub, Stub) {
    let home = tempfile::tempdir().expect("a folder");
    let then = Stub::start(home.path(), "then");
    fs::rename(home.path().join("endpoint.json"), home.path().join("waiting.json")).expect("moved");
    let now = Stub::start(home.path(), "now");
    (home, now, then)
}

async fn listen(client: &mut Bridged, stub: &mut Stub) {
    let filter = json!({ "toolsListChanged": true });
    let params = json!({ "notifications": filter, "_meta": modern_meta() });
    client
        .say(&json!({ "jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen", "params": params }))
        .await;
    acknowledge(stub).await;
    client.hear_of("notifications/subscriptions/acknowledged").await;
}

async fn acknowledge(stub: &mut Stub) {
    stub.hear("subscriptions/listen").await;
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": 2 });
    let params = json!({ "_meta": meta, "notifications": { "toolsListChanged": true } });
    stub.say(
        "2",
        &json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": params }),
    );
}

async fn shake_hands(client: &mut Bridged, stub: &mut Stub) {
    client.shake_hands().await;
    stub.hear("GET").await;
}

#[tokio::test]
async fn an_idle_bridge_starts_a_killed_application_again_for_a_legacy_client() {
    let (home, mut now, mut then) = now_and_then();
    let mut client = Bridged::start_with(home.path(), Some(start(home.path(), IT_COMES)));
    shake_hands(&mut client, &mut now).await;
    let killed = Instant::now();
    now.die();
    then.hear("GET").await;
    client.hear_of("notifications/tools/list_changed").await;
    assert!(killed.elapsed() < AGAIN, "took {:?}", killed.elapsed());
    assert_eq!(starts(home.path()), 1, "once");
    client.end().await;
}

#[tokio::test]
async fn an_idle_bridge_starts_a_killed_application_again_for_a_modern_client() {
    let (home, mut now, mut then) = now_and_then();
    let mut client = Bridged::start_with(home.path(), Some(start(home.path(), IT_COMES)));
    listen(&mut client, &mut now).await;
    let killed = Instant::now();
    now.die();
    acknowledge(&mut then).await;
    client.hear_of("notifications/tools/list_changed").await;
    assert!(killed.elapsed() < AGAIN, "took {:?}", killed.elapsed());
    assert_eq!(starts(home.path()), 1, "once");
    client.end().await;
}

#[tokio::test]
async fn a_killed_application_is_known_by_its_pid_where_its_address_refuses_nobody() {
    for is_running in [false, true] {
        let (home, now, mut then) = now_and_then();
        now.die();
        // As an address at which there is nobody looks on Windows: nothing is taken, and for two seconds nothing refused.
        let full = TcpSocket::new_v4().expect("a socket");
        full.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = full.local_addr().expect("bound");
        let _nobody_accepts = full.listen(0).expect("it listens");
        let mut waiting = Vec::new();
        while let Ok(taken) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            waiting.push(taken.expect("it waits to be accepted"));
        }
        EndpointFile::new(address, EndpointSecret::random(), "1").write(home.path()).expect("written");
        let is_known: fn(u32) -> bool = if is_running { |_| true } else { |pid| pid != std::process::id() };
        let began = Instant::now();
        let start = start(home.path(), IT_COMES);
        let mut client = Bridged::start_knowing(home.path(), Some(start), is_known);
        let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
        client.say(&json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call })).await;
        if is_running {
            let answer = client.answer_to(3).await;
            let text = answer["result"]["content"][0]["text"].as_str().expect("text");
            assert!(text.contains("does not answer"), "it may be busy: {text}");
            assert_eq!(starts(home.path()), 0, "and another one would not help");
        } else {
            then.hear("tools/call").await;
            assert!(began.elapsed() < AGAIN, "took {:?}", began.elapsed());
            assert_eq!(starts(home.path()), 1, "it was killed");
        }
        client.end().await;
    }
}

#[tokio::test]
async fn an_application_that_ended_in_order_is_started_only_for_work() {
    let (home, mut now, mut then) = now_and_then();
    let mut client = Bridged::start_with(home.path(), Some(start(home.path(), IT_COMES)));
    shake_hands(&mut client, &mut now).await;
    listen(&mut client, &mut now).await;
    // As the engine does when somebody clicks Quit.
    fs::remove_file(home.path().join("endpoint.json")).expect("removed");
    now.die();
    for id in 10..20 {
        assert_eq!(client.ask(id, "ping", json!({})).await["result"], json!({}), "answered without it");
        let tools = client.ask(id + 10, "tools/list", json!({ "_meta": modern_meta() })).await;
        assert!(tools["result"]["tools"].is_array(), "so are the lists: {tools}");
    }
    assert_eq!(starts(home.path()), 0, "it was ended on purpose");
    let call = json!({ "name": "list_sessions", "arguments": {} });
    client.say(&json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call })).await;
    then.hear("tools/call").await;
    then.answer(&json!(3), &json!({ "content": [] }));
    assert_eq!(client.answer_to(3).await["result"]["content"], json!([]), "the application's own answer");
    assert_eq!(starts(home.path()), 1, "somebody wanted to work");
    acknowledge(&mut then).await;
    client.hear_of("notifications/tools/list_changed").await;
    client.end().await;
}

#[tokio::test]
async fn a_start_that_fails_is_not_repeated_at_every_question() {
    let (home, mut now, _then) = now_and_then();
    let fails = start(home.path(), "echo 'maya-mcp: the port is taken.' >&2; exit 1");
    let mut client = Bridged::start_with(home.path(), Some(fails));
    shake_hands(&mut client, &mut now).await;
    let killed = Instant::now();
    now.die();
    let call = json!({ "name": "list_sessions", "arguments": {} });
    let answer = client.ask(1, "tools/call", call.clone()).await;
    // It may have been on its way when the connection broke: then nobody tries for it.
    let is_told = |answer: &Value| answer["result"]["content"][0]["text"].as_str().map(str::to_owned);
    let mut told = is_told(&answer).expect("text");
    for id in 2..30 {
        told = is_told(&client.ask(id, "tools/call", call.clone()).await).expect("text");
    }
    assert!(told.contains("could not be started: the port is taken. Mend"), "{told}");
    // After a second, two, four and so on.
    let most = 1 + (1 + killed.elapsed().as_secs()).ilog2() as usize;
    let tried = starts(home.path());
    assert!((1..=most).contains(&tried), "{tried} starts in {:?}", killed.elapsed());
    client.end().await;
}

#[tokio::test]
async fn whose_application_comes_second_waits_for_the_first_one() {
    let (home, mut now, mut then) = now_and_then();
    // Another bridge was quicker, and its application is about to be there.
    let too_late = start(home.path(), &format!("(sleep 0.4; {IT_COMES}) & exit 5"));
    let mut client = Bridged::start_with(home.path(), Some(too_late));
    shake_hands(&mut client, &mut now).await;
    now.die();
    let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
    client.say(&json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": call })).await;
    then.hear("tools/list").await;
    then.answer(&json!(3), &json!({ "tools": [] }));
    assert_eq!(client.answer_to(3).await["result"]["tools"], json!([]), "the other one's own answer");
    assert_eq!(starts(home.path()), 1, "once");
    client.end().await;
}

#[tokio::test]
async fn what_finds_an_engine_that_is_about_to_go_is_started_once_more() {
    let (home, now, mut then) = now_and_then();
    let its_second_time = format!("[ $(wc -l < {STARTS}) = 2 ] || exit 5; {IT_COMES}");
    let mut client = Bridged::start_with(home.path(), Some(start(home.path(), &its_second_time)));
    fs::remove_file(home.path().join("endpoint.json")).expect("removed");
    now.die();
    let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
    client.say(&json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call })).await;
    then.hear("tools/call").await;
    assert_eq!(starts(home.path()), 2, "the first one found the home in use");
    client.end().await;
}

#[tokio::test]
async fn an_application_that_is_started_does_not_keep_the_clients_folder() {
    let home = tempfile::tempdir().expect("a folder");
    let start = StartCommand {
        program: "sh".into(),
        args: vec!["-c".into(), "echo \"it is in $(pwd -P)\" >&2; exit 1".into()],
    };
    let mut client = Bridged::start_with(home.path(), Some(start));
    let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
    let answer = client.ask(1, "tools/call", call).await;
    let text = answer["result"]["content"][0]["text"].as_str().expect("text");
    let folder = fs::canonicalize(home.path()).expect("it is there");
    assert!(text.contains(&format!("it is in {}. Mend", folder.display())), "its own home: {text}");
    client.end().await;
}

#[tokio::test]
async fn where_there_is_no_home_the_bridge_makes_none_and_says_why_a_start_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("not").join("there");
    let place = fs::canonicalize(folder.path()).expect("it is there").display().to_string();
    for (program, script, said) in [
        // More than a pipe holds, and its end is what counts.
        (
            "sh",
            "head -c 1000000 /dev/zero >&2; echo >&2; echo \"from $(pwd -P)\" >&2; exit 1",
            format!("from {place}. Mend"),
        ),
        ("/not/there", "", "/not/there: No such file".to_owned()),
        // What it leaves behind has its pipe too.
        ("sh", "sleep 5 & echo 'no room.' >&2; exit 1", "no room. Mend".to_owned()),
    ] {
        let start = StartCommand { program: program.into(), args: vec!["-c".into(), script.into()] };
        let mut client = Bridged::start_with(&home, Some(start));
        let call = json!({ "name": "list_sessions", "arguments": {}, "_meta": modern_meta() });
        let answer = client.ask(1, "tools/call", call).await;
        let text = answer["result"]["content"][0]["text"].as_str().expect("text");
        assert!(text.contains(&said), "{script}: {text}");
        client.end().await;
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0, "{script}: nothing was made");
    }
}
