//! What each connection is for, and how they end.

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::{Helper, execution, python, soon};
use crate::{
    CancelState, Farewell, LinkEnd, LinkError, LinkEvent, Progress, Refusal, Selection, Stream, Subject,
    Viewport,
};

#[tokio::test(flavor = "local")]
async fn each_client_has_one_connection_which_all_who_speak_for_it_share() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let (first, second) = (opened.link.client("cursor"), opened.link.client("cursor"));
    let serving = async {
        let mut cursor = helper.accept().await;
        for number in [1, 2] {
            cursor.run(json!(number)).await;
        }
        let mut claude = helper.accept().await;
        claude.run(json!(3)).await;
        (cursor, claude)
    };
    let (one, two) = (python("1"), python("2"));
    let asking = async {
        let both = tokio::join!(first.execute(&one), second.execute(&two));
        let other = opened.link.client("claude").execute(&one).await;
        [both.0, both.1, other].map(|done| done.expect("it ran").result)
    };
    let ((cursor, claude), results) = tokio::join!(serving, soon("the answers", asking));
    assert_eq!(results, [json!(1), json!(2), json!(3)], "to who asked");
    assert_eq!(
        (cursor.client.as_deref(), claude.client.as_deref()),
        (Some("cursor"), Some("claude")),
        "names"
    );
}

#[tokio::test(flavor = "local")]
async fn a_clients_connection_that_broke_is_opened_anew_and_the_link_stays() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let client = opened.link.client("cursor");
    let script = python("1");
    for _ in 0..3 {
        let breaking = async {
            let mut peer = helper.accept().await;
            peer.hear().await;
        };
        let (lost, ()) = tokio::join!(soon("an answer", client.execute(&script)), breaking);
        assert!(matches!(lost, Err(LinkError::Closed)), "{lost:?}");
    }
    let serving = async { helper.accept().await.run(json!(1)).await };
    let (done, _) = tokio::join!(client.execute(&script), serving);
    assert_eq!(done.expect("it ran").result, json!(1), "the next one is served");
    assert!(!opened.end.is_finished(), "the link is another connection");
}

#[tokio::test(flavor = "local")]
async fn the_links_end_answers_everybody_on_every_connection() {
    let helper = Helper::listen().await;
    let (opened, own) = helper.open().await;
    let (one, two) = (opened.link.client("one"), opened.link.client("two"));
    let script = python("1");
    let dying = async {
        let mut peers = [helper.accept().await, helper.accept().await];
        for peer in &mut peers {
            peer.hear().await;
        }
        // These connections stay open, as a child process of Maya's may keep them.
        drop(own);
        peers
    };
    let pinged = opened.link.main_thread_waiting();
    let (one, two, pinged, _peers) =
        tokio::join!(soon("one", one.execute(&script)), soon("two", two.execute(&script)), pinged, dying);
    for answer in [one.map(drop), two.map(drop), pinged.map(drop)] {
        assert!(matches!(answer, Err(LinkError::Closed)), "{answer:?}");
    }
    assert_eq!(soon("the end", opened.end).await.expect("no panic"), LinkEnd::BrokenOff, "without good-bye");
    let late = soon("an answer", opened.link.client("three").execute(&script)).await;
    assert!(matches!(late, Err(LinkError::Closed)), "{late:?}");
}

#[tokio::test(flavor = "local")]
async fn who_cannot_be_connected_is_told_why_and_may_try_again() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let client = opened.link.client("cursor");
    let script = python("1");
    let turning_away = async { drop(helper.listener.accept().await) };
    let (refused, ()) = tokio::join!(soon("an answer", client.execute(&script)), turning_away);
    assert!(matches!(refused, Err(LinkError::NoConnection(_))), "{refused:?}");
    let serving = async { helper.accept().await.run(json!(1)).await };
    let (done, _) = tokio::join!(client.execute(&script), serving);
    assert_eq!(done.expect("it ran").result, json!(1), "the next one is served");
}

#[tokio::test(flavor = "local")]
async fn output_is_gathered_for_who_asked_and_handed_on_while_it_runs() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let client = opened.link.client("cursor");
    let (follower, mut follows) = mpsc::channel(16);
    let mut running = client.start(&python("x"), follower).await.expect("it is taken");
    let mut peer = helper.accept().await;
    let id = peer.hear().await["id"].clone();
    for (stream, text) in [("stdout", "a"), ("warning", "w"), ("info", "ü"), ("something new", "n")] {
        peer.print(&id, stream, text).await;
    }
    peer.print(&json!(999), "stdout", "somebody else's").await;
    let stuck = json!({"event": "not_stopping", "params": {"id": id, "line": 3, "source": "time.sleep(9)"}});
    peer.say(stuck).await;
    let mut heard = Vec::new();
    for _ in 0..5 {
        heard.push(soon("a piece", follows.recv()).await.expect("it runs"));
    }
    let piece = |stream, text: &str| Progress::Output { stream, text: text.to_owned() };
    let still = Progress::NotStopping { line: Some(3), source: Some("time.sleep(9)".to_owned()) };
    let told = [
        piece(Stream::Stdout, "a"),
        piece(Stream::Warning, "w"),
        piece(Stream::Info, "ü"),
        piece(Stream::Info, "n"),
        still,
    ];
    assert_eq!(heard, told, "before the answer");
    peer.say(json!({"id": id, "result": execution(&json!(7))})).await;
    let done = soon("the outcome", running.outcome()).await.expect("it ran");
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("aün", "w"), "all of it");
    assert_eq!(follows.recv().await, None, "nothing more comes");
}

#[tokio::test(flavor = "local")]
async fn what_a_script_reports_is_handed_on_and_what_is_not_as_agreed_is_not() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let client = opened.link.client("cursor");
    let (follower, mut follows) = mpsc::channel(16);
    let mut running = client.start(&python("x"), follower).await.expect("it is taken");
    let mut peer = helper.accept().await;
    let id = peer.hear().await["id"].clone();
    for params in [
        json!({"id": id, "progress": 1, "total": 4, "message": "Reading"}),
        json!({"id": id}),
        json!({"id": id, "progress": null}),
        json!({"id": id, "progress": "1"}),
        json!({"id": id, "progress": 1, "total": true}),
        json!({"id": id, "progress": 1, "message": 7}),
        json!({"id": null, "progress": 1}),
        json!({"id": 999, "progress": 1}),
        json!([1]),
        json!({"id": id, "progress": 2.5, "total": null, "message": null}),
        json!({"id": id, "progress": -3}),
    ] {
        peer.say(json!({"event": "progress", "params": params})).await;
    }
    peer.say(json!({"id": id, "result": execution(&json!(7))})).await;
    let done = soon("the outcome", running.outcome()).await.expect("the connection stands");
    assert_eq!(done.result, json!(7), "it ran to its end");
    let reported = |progress, total, message: Option<&str>| {
        Some(Progress::Reported { progress, total, message: message.map(str::to_owned) })
    };
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(follows.recv().await);
    }
    let told = [
        reported(1.0, Some(4.0), Some("Reading")),
        reported(2.5, None, None),
        reported(-3.0, None, None),
        None,
    ];
    assert_eq!(heard, told, "in its order, and nothing else");
}

#[tokio::test(flavor = "local")]
async fn the_last_that_a_script_reports_reaches_a_follower_that_was_behind() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let client = opened.link.client("cursor");
    let (follower, mut follows) = mpsc::channel(1);
    let mut running = client.start(&python("x"), follower).await.expect("it is taken");
    let mut peer = helper.accept().await;
    let id = peer.hear().await["id"].clone();
    for progress in 1..=3 {
        peer.say(json!({"event": "progress", "params": {"id": id, "progress": progress}})).await;
    }
    // What comes behind them, so that they have been taken in.
    let pinged = client.scene();
    let answering = async {
        let request = peer.hear().await;
        peer.say(json!({"id": request["id"], "error": {"type": "MayaError", "message": "no"}})).await;
    };
    let (refused, ()) = tokio::join!(pinged, answering);
    assert!(matches!(refused, Err(LinkError::Refused { .. })), "{refused:?}");
    let reported = |progress| Some(Progress::Reported { progress, total: None, message: None });
    assert_eq!(soon("a report", follows.recv()).await, reported(1.0), "what it had room for");
    peer.say(json!({"id": id, "result": execution(&json!(7))})).await;
    soon("the outcome", running.outcome()).await.expect("it ran");
    assert_eq!(follows.recv().await, reported(3.0), "the latest, with the answer");
    assert_eq!(follows.recv().await, None, "and nothing else");
}

#[tokio::test(flavor = "local")]
async fn who_stops_waiting_cancels_and_who_cancels_is_still_answered() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let client = opened.link.client("cursor");
    let mut peer = {
        let scene = client.scene();
        tokio::pin!(scene);
        let asked = async {
            let mut peer = helper.accept().await;
            assert_eq!(peer.hear().await["method"], "scene", "it has arrived");
            peer
        };
        tokio::select! { peer = asked => peer, _ = &mut scene => panic!("nobody answered") }
    };
    let cancel = peer.hear().await;
    assert_eq!((&cancel["method"], &cancel["params"]["id"]), (&json!("cancel"), &json!(1)), "{cancel}");

    let (follower, _follows) = mpsc::channel(1);
    let mut running = client.start(&python("x"), follower).await.expect("it is taken");
    let id = peer.hear().await["id"].clone();
    let stopping = async {
        let cancel = peer.hear().await;
        assert_eq!(cancel["params"]["id"], id, "this one");
        peer.say(json!({"id": cancel["id"], "result": {"state": "running", "stoppable": false}})).await;
        peer.say(json!({"id": id, "error": {"type": "Cancelled", "message": "stopped"}})).await;
    };
    let (cancelled, ()) = tokio::join!(running.cancel(), stopping);
    let cancelled = cancelled.expect("it is answered");
    assert_eq!((cancelled.state, cancelled.stoppable), (CancelState::Running, false), "what becomes of it");
    let outcome = soon("the outcome", running.outcome()).await.expect("it is answered");
    assert_eq!(outcome.error.map(|error| error.r#type).as_deref(), Some("Cancelled"), "it was stopped");
}

#[tokio::test(flavor = "local")]
async fn a_picture_comes_as_it_was_sent_and_a_refusal_by_its_name() {
    let helper = Helper::listen().await;
    let (opened, _own) = helper.open().await;
    let client = opened.link.client("cursor");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let serving = async {
        let mut peer = helper.accept().await;
        let request = peer.hear().await;
        let shown = json!({"camera": null, "format": "png", "width": null, "height": null});
        assert_eq!(request["params"], shown, "the view's own");
        let about = json!({"format": "png", "width": 640, "height": 480, "camera": "persp"});
        peer.say_with(json!({"id": request["id"], "result": about}), &bytes).await;
        for kind in ["NoViewport", "SomethingLater"] {
            let id = peer.hear().await["id"].clone();
            peer.say(json!({"id": id, "error": {"type": kind, "message": "none is open"}})).await;
        }
    };
    let asking = async {
        let picture = client.viewport(&Viewport::default()).await.expect("it is there");
        assert_eq!((picture.width, picture.camera.as_str()), (640, "persp"), "what it shows");
        assert!(picture.bytes == bytes, "byte for byte");
        for wanted in [Refusal::NoViewport, Refusal::Other("SomethingLater".to_owned())] {
            let refused = client.viewport(&Viewport::default()).await;
            assert!(
                matches!(&refused, Err(LinkError::Refused { kind, .. }) if *kind == wanted),
                "{refused:?}"
            );
        }
    };
    tokio::join!(serving, soon("the answers", asking));
}

#[tokio::test(flavor = "local")]
async fn the_link_tells_what_it_subscribed_to_and_how_it_ends() {
    let helper = Helper::listen().await;
    let (mut opened, mut own) = helper.open().await;
    let serving = async {
        let request = own.hear().await;
        assert_eq!(request["params"], json!({"events": ["selection", "output"]}), "{request}");
        own.say(json!({"id": request["id"], "result": {}})).await;
        let params = json!({"count": 250, "names": ["pCube1"], "truncated": true});
        own.say(json!({"event": "selection", "params": params})).await;
        own.print(&Value::Null, "result", "// 1").await;
        own.say(json!({"event": "goodbye", "params": {"reason": "replaced"}})).await;
        drop(own);
    };
    let subscribed = opened.link.subscribe(&[Subject::Selection, Subject::Output]);
    let (subscribed, ()) = tokio::join!(subscribed, serving);
    subscribed.expect("it is taken");
    let selection = Selection { count: 250, names: vec!["pCube1".to_owned()], truncated: true };
    let told = soon("the selection", opened.events.recv()).await;
    assert_eq!(told, Some(LinkEvent::Selection(selection)), "the last state");
    let told = soon("the output", opened.events.recv()).await;
    assert_eq!(
        told,
        Some(LinkEvent::Output { stream: Stream::Result, text: "// 1".to_owned() }),
        "all that Maya shows"
    );
    let end = soon("the end", opened.end).await.expect("no panic");
    assert_eq!(end, LinkEnd::Goodbye(Farewell::Replaced), "it said so");
}

#[tokio::test(flavor = "local")]
async fn what_one_client_takes_long_to_get_keeps_nobody_else() {
    let helper = Helper::listen().await;
    let (opened, mut own) = helper.open().await;
    let (slow, quick) = (opened.link.client("slow"), opened.link.client("quick"));
    let script = python("1");
    let mut large = std::pin::pin!(slow.execute(&script));
    let begun = async {
        let mut peer = helper.accept().await;
        let id = peer.hear().await["id"].clone();
        // The first half of an answer of ten megabytes.
        let text = json!({"id": id, "result": execution(&json!("x".repeat(10 << 20)))}).to_string();
        (peer, text)
    };
    let (mut peer, text) = tokio::select! { begun = begun => begun, _ = &mut large => panic!("too early") };
    let (first, second) = text.split_at(text.len() / 2);
    peer.stream.write_u32(u32::try_from(text.len()).expect("short")).await.expect("it listens");
    peer.stream.write_u32(0).await.expect("it listens");
    peer.stream.write_all(first.as_bytes()).await.expect("it reads on");
    let others = async {
        let serving = async {
            let request = own.hear().await;
            own.say(json!({"id": request["id"], "result": {"main_waiting_ms": 5}})).await;
            helper.accept().await.run(json!(2)).await;
        };
        let asking = async {
            opened.link.main_thread_waiting().await.expect("a ping is answered");
            quick.execute(&script).await.expect("it runs").result
        };
        tokio::join!(serving, asking).1
    };
    assert_eq!(soon("the others' answers", others).await, json!(2), "meanwhile");
    let rest = peer.stream.write_all(second.as_bytes());
    let (wrote, done) = tokio::join!(rest, soon("the large answer", large));
    wrote.expect("it listens");
    assert_eq!(done.expect("it ran").result.as_str().map(str::len), Some(10 << 20), "all of it");
}
