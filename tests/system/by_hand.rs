//! Mayas that are not found by themselves are added by their address.

use std::net::{IpAddr, UdpSocket};

use maya_mcp_maya::Links;
use maya_mcp_session::{AddError, Asker, Refused, SessionId};
use maya_mcp_system_tests::Studio;
use serde_json::json;
use tokio::time::timeout;

use crate::engine::{PYTHON_PORT, SOON, engine_with, event, event_of, python, state};

/// An address of this machine that others could use; connecting sends nothing.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

#[tokio::test]
async fn a_maya_elsewhere_is_used_with_nothing_of_ours_on_its_disk() {
    let (ours, theirs) = (Studio::new(), Studio::new());
    // Where the machine has no network, its loopback address stands in: the way through is the same.
    let ip = own_address().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    for language in ["python", "mel"] {
        let (hub, mut news) = engine_with(&ours, |settings| settings.remote_hosts = true).await;
        let port = format!("{language}:{ip}:0");
        let mut sim = theirs.start("2025", &["--default-port", "off", "--command-port", &port]).await;
        let address = sim.port(language);
        let number = address.rsplit_once(':').expect("host and port").1.parse().expect("a number");
        let added = hub.commands().add(ip.to_string(), number, Asker::Artist).await.expect("it is allowed");
        assert_eq!(added.remote, !ip.is_loopback(), "the warning is for other machines");
        let name = format!("maya-{address}");
        let ready = event_of(&mut news, &name, "ready").await.session;
        assert_eq!(ready.title(), "Maya 2025", "it says what it is");
        let link = Links::get(hub.links(), added.id).expect("the link is open");
        let done = timeout(SOON, link.client("test").execute(&python("6 * 7")))
            .await
            .expect("in time")
            .expect("it runs");
        assert_eq!(done.result, json!(42), "code runs there");
        assert_eq!(sim.script_editor_errors().await, "", "no error in the Script Editor");
        let left = std::fs::read_dir(theirs.path()).expect("it is there").flatten();
        let left: Vec<_> =
            left.filter(|entry| entry.file_name().to_string_lossy().starts_with("maya-mcp-")).collect();
        assert!(left.is_empty(), "what was unpacked is gone: {left:?}");

        sim.control(json!({}), "quit").await;
        event_of(&mut news, &name, "unreachable").await;
        assert!(hub.snapshot().find(&name).is_some(), "it stays on the list");
        hub.commands().remove(added.id).await.expect("it is there");
        assert!(hub.snapshot().find(&name).is_none(), "until it is removed");
        assert_eq!(hub.commands().remove(added.id).await, Err(Refused::Gone), "once");
        hub.stop().await;
    }
}

#[tokio::test]
async fn another_machine_needs_leave_and_the_reason_is_told() {
    let studio = Studio::new();
    let (hub, _news) = engine_with(&studio, |_| ()).await;
    let refused =
        hub.commands().add("192.0.2.7".to_owned(), 7001, Asker::Artist).await.expect_err("it is elsewhere");
    let told = refused.to_string();
    assert!(
        told.contains("no authentication") && told.contains("remote_hosts"),
        "why, and what to do: {told}"
    );
    assert_eq!(
        hub.commands().add("127.0.0.1".to_owned(), 0, Asker::Artist).await,
        Err(AddError::NoPort),
        "no such port"
    );
    assert!(hub.snapshot().sessions.is_empty(), "nothing was added");
    hub.stop().await;
}

#[tokio::test]
async fn what_was_added_is_there_after_a_restart_and_connects_when_its_maya_comes() {
    let (ours, theirs) = (Studio::new(), Studio::new());
    let number = {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        probe.local_addr().expect("it is bound").port()
    };
    let name = format!("maya-127.0.0.1:{number}");
    let (hub, _news) = engine_with(&ours, |_| ()).await;
    hub.commands()
        .add("localhost".to_owned(), number, Asker::Artist)
        .await
        .expect("this machine needs no leave");
    state(&hub, &name, "nobody is there", |session| session.phase.name() == "unreachable").await;
    hub.stop().await;

    let (hub, mut news) = engine_with(&ours, |_| ()).await;
    state(&hub, &name, "it is remembered", |_| true).await;
    let port = format!("python:127.0.0.1:{number}");
    let mut sim = theirs.start("2026", &["--default-port", "off", "--command-port", &port]).await;
    event_of(&mut news, &name, "ready").await;
    sim.kill();
    event_of(&mut news, &name, "unreachable").await;
    hub.commands().remove(SessionId::Added(([127, 0, 0, 1], number).into())).await.expect("it is there");
    hub.stop().await;
    let (hub, _news) = engine_with(&ours, |_| ()).await;
    assert!(hub.snapshot().sessions.is_empty(), "what was removed is forgotten");
    hub.stop().await;
}

#[tokio::test]
async fn a_maya_that_was_found_is_not_listed_twice() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let sim = studio.start("2025", PYTHON_PORT).await;
    let session = event(&mut news, &sim, "ready").await.session.id();
    let number = sim.port("python").rsplit_once(':').expect("host and port").1.parse().expect("a number");
    let added = hub.commands().add("127.0.0.1".to_owned(), number, Asker::Artist).await;
    assert_eq!(added, Err(AddError::Listed { port: number, id: session }), "it says under which name");
    let refused = hub.commands().remove(session).await;
    assert_eq!(refused, Err(Refused::NotAddedByHand(session)), "what was found stays while it runs");
    hub.stop().await;
}
