use std::{sync::Arc, time::Duration};

use maya_mcp_maya::{Links, Stream};
use maya_mcp_notify::Numbers;
use maya_mcp_session::{
    Chooser, Commands, Ending, Facts, Observation, Process, ProcessId, Registry, Scene, SceneReason,
    SessionId, Wanted, clock,
};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{
    approvals::Approvals,
    audit::{Audit, AuditText},
    changes::Changes,
    executions::Executions,
    server::Patience,
};

/// One listener, and what it listens to.
struct Rig {
    shared: Arc<Shared>,
    listener: Listener,
    subscriptions: Subscriptions,
}

impl Rig {
    /// With these sessions from before.
    async fn new(pids: &[u32]) -> Self {
        Self::returning(pids, Duration::ZERO).await
    }

    /// An engine that is to find others again.
    async fn returning(pids: &[u32], returning: Duration) -> Self {
        let registry = Registry::default();
        let shared = Arc::new(Shared {
            changes: Changes::new(&registry, &Numbers::default()),
            executions: Executions::default(),
            approvals: Approvals::default(),
            audit: Audit::new(AuditText::Digest).0,
            log: None,
            patience: Patience { returning, ..Patience::default() },
            began: Instant::now(),
            since: clock::now(),
            links: Links::default(),
            outputs: Outputs::default(),
            commands: Commands::new().0,
            marks: watch::Sender::new(Marks::default()),
            numbers: Numbers::default(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            version: String::new(),
            registry,
        });
        shared.tracker.spawn(beat(&shared.registry, shared.marks.clone(), shared.stop.clone()));
        for pid in pids {
            come(&shared, *pid);
        }
        // Until that is over.
        tokio::time::sleep(BURST * 3).await;
        let listener = Listener::new(&shared);
        Self { shared, listener, subscriptions: Subscriptions::default() }
    }

    fn subscribe(&self, uri: &str) {
        self.subscriptions.add(&self.shared, uri).unwrap_or_else(|refusal| panic!("{uri}: {refusal:?}"));
    }

    /// The next that there is to tell, and how long it took.
    async fn hear(&mut self) -> (News, Duration) {
        let began = Instant::now();
        let news = timeout(BURST * 4, self.next()).await.expect("there is something to tell");
        (news, began.elapsed())
    }

    async fn hears_nothing(&mut self) -> bool {
        timeout(BURST * 4, self.next()).await.is_err()
    }

    async fn next(&mut self) -> News {
        loop {
            let mut news = self.listener.next(&self.subscriptions).await.expect("the engine runs");
            self.listener.count(&news);
            // Only for counting.
            news.topics.clear();
            if news != News::default() {
                return news;
            }
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

fn id(pid: u32) -> SessionId {
    ProcessId { pid, started_at: 1 }.into()
}

fn come(shared: &Shared, pid: u32) {
    let process = Process::new(ProcessId { pid, started_at: 1 });
    shared.outputs.begin(process.id.into());
    shared.registry.observe(&Observation::ProcessFound(process));
}

fn go(shared: &Shared, pid: u32) {
    shared.registry.observe(&Observation::ProcessEnded { id: id(pid), ending: Ending::Goodbye });
    shared.outputs.forget(id(pid));
}

fn save(shared: &Shared, pid: u32) {
    let (reason, scene) = (SceneReason::Saved, Scene::default());
    shared.registry.observe(&Observation::SceneSeen { id: id(pid), reason, scene });
}

fn news(uris: &[&str]) -> News {
    News { uris: uris.iter().map(|uri| (*uri).to_owned()).collect(), ..News::default() }
}

fn list(uris: &[&str]) -> News {
    News { list: true, ..news(uris) }
}

const AT_ONCE: Duration = Duration::from_millis(5);
/// As long as a burst, measured from a moment after its beginning.
const NEARLY_A_BURST: Duration = Duration::from_millis(290);
const SCENE: &str = "maya://sessions/maya-1/scene";
const INFO: &str = "maya://sessions/maya-1/info";
const STDOUT: &str = "maya://sessions/maya-1/stdout";
const STDERR: &str = "maya://sessions/maya-1/stderr";

#[tokio::test(start_paused = true)]
async fn each_event_is_counted_once_for_whoever_is_told() {
    let mut rig = Rig::new(&[1]).await;
    rig.subscribe(INFO);
    save(&rig.shared, 1);
    assert_eq!(rig.hear().await.0, news(&[INFO]), "at once");
    for _ in 0..3 {
        save(&rig.shared, 1);
        tokio::task::yield_now().await;
    }
    // Nothing that this listener wants.
    come(&rig.shared, 2);
    save(&rig.shared, 2);
    rig.hear().await;
    while !rig.hears_nothing().await {}
    let counts = rig.shared.numbers.report().outlets.into_iter();
    let counts: Vec<_> = counts.map(|told| (told.kind, told.forwarded, told.coalesced)).collect();
    assert_eq!(
        counts,
        [(Kind::Appeared, 1, 0), (Kind::SceneChanged, 2, 2)],
        "the first, the last of the burst, and two that are in its signal; the list is told to everybody"
    );
}

#[tokio::test(start_paused = true)]
async fn a_burst_becomes_two_signals_the_first_at_once() {
    let mut rig = Rig::new(&[]).await;
    rig.subscribe("maya://sessions");
    come(&rig.shared, 1);
    let (first, after) = rig.hear().await;
    assert_eq!(first, list(&["maya://sessions"]), "a session came");
    assert!(after <= AT_ONCE, "the first signal does not wait: {after:?}");
    for pid in 2..20 {
        come(&rig.shared, pid);
        tokio::task::yield_now().await;
    }
    let (rest, after) = rig.hear().await;
    assert_eq!(rest, list(&["maya://sessions"]), "all of them");
    assert!(after >= NEARLY_A_BURST && after <= BURST + AT_ONCE, "the rest come together: {after:?}");
    assert!(rig.hears_nothing().await, "and nothing is left over");
}

#[tokio::test(start_paused = true)]
async fn a_burst_in_one_session_delays_no_other() {
    let mut rig = Rig::new(&[1, 2]).await;
    rig.subscribe(SCENE);
    rig.subscribe("maya://sessions/maya-2/scene");
    save(&rig.shared, 1);
    assert_eq!(rig.hear().await.0, news(&[SCENE]), "saved");
    save(&rig.shared, 1);
    save(&rig.shared, 2);
    let (other, after) = rig.hear().await;
    assert_eq!(other, news(&["maya://sessions/maya-2/scene"]), "the other's first");
    assert!(after <= AT_ONCE, "at once: {after:?}");
    let (again, after) = rig.hear().await;
    assert_eq!(again, news(&[SCENE]), "and then the second of the first");
    assert!(after >= NEARLY_A_BURST, "in its turn: {after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_output_is_told_now_and_then_and_delays_no_change_of_a_session() {
    let mut rig = Rig::new(&[1]).await;
    rig.subscribe(STDOUT);
    rig.subscribe(INFO);
    let shared = rig.shared.clone();
    let flood = async {
        loop {
            shared.outputs.hear(id(1), Stream::Stdout, "line\n");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let hearing = async {
        let (first, after) = rig.hear().await;
        assert_eq!(first, news(&[STDOUT]), "it has shown something");
        assert!(after <= AT_ONCE, "at once: {after:?}");
        for _ in 0..5 {
            let (next, after) = rig.hear().await;
            assert_eq!(next, news(&[STDOUT]), "more");
            assert!(after >= NEARLY_A_BURST, "not more often: {after:?}");
        }
        save(&rig.shared, 1);
        let (change, after) = rig.hear().await;
        assert_eq!(change, news(&[INFO]), "a session change in the midst of it");
        assert!(after <= AT_ONCE, "at once: {after:?}");
    };
    tokio::select! { () = hearing => {}, () = flood => {} }
}

#[tokio::test(start_paused = true)]
async fn output_is_told_to_who_has_subscribed_to_just_that() {
    let mut rig = Rig::new(&[1]).await;
    rig.shared.outputs.hear(id(1), Stream::Stdout, "before\n");
    assert!(rig.hears_nothing().await, "nobody wants to know");
    rig.subscribe(STDERR);
    assert!(rig.hears_nothing().await, "what was shown before can be read");
    rig.shared.outputs.hear(id(1), Stream::Stdout, "after\n");
    assert!(rig.hears_nothing().await, "no error");
    rig.shared.outputs.hear(id(1), Stream::Error, "oh\n");
    assert_eq!(rig.hear().await.0, news(&[STDERR]), "an error");
    rig.subscriptions.remove(STDERR);
    rig.shared.outputs.hear(id(1), Stream::Error, "oh\n");
    assert!(rig.hears_nothing().await, "not any more");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_told_once_more_and_then_it_is_forgotten() {
    let mut rig = Rig::new(&[1]).await;
    for uri in [INFO, SCENE, STDOUT, STDERR, "maya://sessions/%6Daya-1/info"] {
        rig.subscribe(uri);
    }
    save(&rig.shared, 1);
    rig.hear().await;
    go(&rig.shared, 1);
    let (mut end, after) = rig.hear().await;
    end.uris.sort();
    let all = ["maya://sessions/%6Daya-1/info", INFO, SCENE, STDERR, STDOUT];
    assert_eq!(end, list(&all), "each under the name that was asked for");
    assert!(after <= AT_ONCE, "even right after another change: {after:?}");
    come(&rig.shared, 1);
    save(&rig.shared, 1);
    assert_eq!(rig.hear().await.0, list(&[]), "a later one with the same number is not meant");
    assert!(rig.hears_nothing().await, "nor heard of");
    assert_eq!(rig.subscriptions.add(&rig.shared, INFO), Ok(()), "it can be subscribed to in turn");
    go(&rig.shared, 1);
    assert_eq!(rig.subscriptions.add(&rig.shared, INFO), Err(Refusal::Unknown), "and now it has ended");
}

#[tokio::test(start_paused = true)]
async fn who_subscribes_in_the_midst_of_changes_hears_of_the_later_ones() {
    let mut rig = Rig::new(&[]).await;
    // None of this has been marked yet.
    come(&rig.shared, 1);
    rig.subscribe(SCENE);
    assert!(rig.subscriptions.changed(&Marks::default()).is_empty(), "it has not ended: it is new");
    save(&rig.shared, 1);
    rig.subscribe(INFO);
    rig.subscribe("maya://events");
    assert_eq!(rig.hear().await.0, list(&[SCENE]), "saved after the one and before the others");
    assert!(rig.hears_nothing().await, "that was all");
    let mut newcomer = Listener::new(&rig.shared);
    go(&rig.shared, 1);
    let news = newcomer.next(&Subscriptions::default()).await.expect("the engine runs");
    assert_eq!(news, list(&[]), "only what came after");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_reads_of_a_session_differs_with_choices_and_rules_too() {
    let mut rig = Rig::new(&[1, 2]).await;
    for uri in ["maya://sessions", "maya://events", INFO, SCENE] {
        rig.subscribe(uri);
    }
    let client: maya_mcp_session::ClientName = "cursor".parse().expect("a good name");
    let wanted = Wanted { digest: "1".to_owned(), what: "run".to_owned(), code: "1".to_owned() };
    rig.shared.registry.observe(&Observation::QuestionAsked {
        client: client.clone(),
        session: id(1),
        wanted,
    });
    assert!(rig.hears_nothing().await, "a question to the artist is nobody else's");
    let chosen = Observation::Chosen { by: Chooser::Client(client), session: Some(id(2)) };
    rig.shared.registry.observe(&chosen);
    assert_eq!(rig.hear().await.0, news(&["maya://sessions", INFO]), "`in_use` may differ");
    assert!(rig.hears_nothing().await, "and nothing else");
    save(&rig.shared, 1);
    let mut told = rig.hear().await.0.uris;
    while told.len() < 4 {
        told.extend(rig.hear().await.0.uris);
    }
    told.sort();
    assert_eq!(told, ["maya://events", "maya://sessions", INFO, SCENE], "each once");
    assert!(rig.hears_nothing().await, "and not again");
}

#[tokio::test(start_paused = true)]
async fn that_a_scene_can_be_looked_at_or_not_any_more_is_told() {
    let mut rig = Rig::new(&[1]).await;
    rig.subscribe(SCENE);
    let facts = Facts {
        pid: 1,
        helper_version: String::new(),
        maya_version: "2025".to_owned(),
        python_version: String::new(),
        user: "ana".to_owned(),
        host: String::new(),
        batch: false,
    };
    let (opened, closed) = (
        Observation::LinkOpened { id: id(1), address: None, facts, scene: Scene::default() },
        Observation::LinkClosed { id: id(1) },
    );
    for (observation, what) in [(&opened, "linked"), (&closed, "unlinked"), (&opened, "linked again")] {
        rig.shared.registry.observe(observation);
        assert_eq!(rig.hear().await.0, news(&[SCENE]), "{what}");
    }
    rig.shared.registry.observe(&Observation::MainThreadBusy { id: id(1), since: clock::now() });
    assert!(rig.hears_nothing().await, "a busy Maya has the same scene");
}

#[tokio::test(start_paused = true)]
async fn a_listener_has_no_more_than_its_share_of_subscriptions() {
    let rig = Rig::new(&[]).await;
    let pids = 0..u32::try_from(SUBSCRIPTIONS).expect("a small constant");
    for pid in pids.clone() {
        come(&rig.shared, pid);
        rig.subscribe(&Part::Info.uri(id(pid)));
    }
    assert_eq!(rig.subscriptions.add(&rig.shared, SCENE), Err(Refusal::TooMany), "one more");
    assert_eq!(rig.subscriptions.add(&rig.shared, INFO), Ok(()), "the same again is none more");
    rig.subscriptions.remove(INFO);
    assert_eq!(rig.subscriptions.add(&rig.shared, SCENE), Ok(()), "there is room again");
}

#[test]
fn only_what_is_there_and_promised_is_accepted() {
    let requested = SubscriptionFilter::builder()
        .prompts_list_changed()
        .resources_list_changed()
        .resource_subscriptions(["maya://sessions", "maya://nothing"])
        .build();
    let accepted = accept(&requested, |uri| uri == "maya://sessions");
    assert_eq!(accepted.prompts_list_changed, None, "they never change");
    assert_eq!(accepted.resources_list_changed, Some(true), "these do");
    assert_eq!(accepted.resource_subscriptions, Some(vec!["maya://sessions".to_owned()]), "what exists");
}

#[tokio::test(start_paused = true)]
async fn what_was_subscribed_to_before_a_restart_is_told_of_once_it_is_found_again() {
    let minute = Duration::from_mins(1);
    let mut rig = Rig::returning(&[], minute).await;
    let uri = "maya://sessions/maya-1/scene";
    rig.subscribe(uri);
    rig.subscribe("maya://sessions/maya-2/scene");
    assert_eq!(
        rig.subscriptions.add(&rig.shared, "maya://nothing"),
        Err(Refusal::Unknown),
        "that never comes"
    );
    come(&rig.shared, 1);
    assert_eq!(rig.hear().await.0, list(&[uri]), "it is there");
    save(&rig.shared, 1);
    assert_eq!(rig.hear().await.0, news(&[uri]), "and is watched from now on");
    tokio::time::advance(minute).await;
    come(&rig.shared, 3);
    rig.hear().await;
    come(&rig.shared, 2);
    assert_eq!(rig.hear().await.0, list(&[]), "what does not come in time is forgotten");
    let late = rig.subscriptions.add(&rig.shared, "maya://sessions/maya-4/scene");
    assert_eq!(late, Err(Refusal::Unknown), "and nothing more is waited for");
}
