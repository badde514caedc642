//! What is told beyond a session's life: what is selected, that nothing has changed, and to code that registers for it.

use std::num::NonZeroU64;

use maya_mcp_hub::News;
use maya_mcp_session::{Filter, Kind};
use maya_mcp_system_tests::Studio;
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
