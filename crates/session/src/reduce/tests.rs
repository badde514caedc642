//! The life of a session as tables: what was seen, and what must be true and told after each sight.

use std::path::{Path, PathBuf};

use crate::{
    Address, Asker, BackendEvent, BackendName, ByHand, Chooser, Ending, Facts, Kind, Observation, Offer,
    Phase, Process, ProcessId, Scene, SceneReason, SessionId, Silent, Snapshot, What, Why, reduce,
};
use jiff::Timestamp;

const PROCESS: ProcessId = ProcessId { pid: 8453, started_at: 1_700_000_000 };
const ID: SessionId = SessionId::Process(PROCESS);

fn found() -> Observation {
    let process = Process { maya_version: Some("2025".to_owned()), ..Process::new(PROCESS) };
    Observation::ProcessFound(process)
}

fn address() -> Address {
    Address::Tcp(([127, 0, 0, 1], 7001).into())
}

fn linked() -> Observation {
    let facts = Facts {
        pid: 8453,
        helper_version: "0.1.0".to_owned(),
        maya_version: "2025".to_owned(),
        python_version: "3.11.4".to_owned(),
        user: "ana".to_owned(),
        host: "ws1".to_owned(),
        batch: false,
    };
    Observation::LinkOpened { id: ID, address: Some(address()), facts, scene: Scene::default() }
}

fn ended(ending: Ending) -> Observation {
    Observation::ProcessEnded { id: ID, ending }
}

fn busy(second: i64) -> Observation {
    Observation::MainThreadBusy { id: ID, since: at(second) }
}

fn stuck(second: i64) -> Observation {
    Observation::MainThreadStuck {
        id: ID,
        since: at(second),
        silent: Silent::MainThread,
        recovered_scene: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("in range")
}

/// Each row: what is seen, the phase after it ("" = no such session), the event's kind ("" = none).
fn check(life: &str, rows: &[(Observation, &str, &str)]) {
    let mut snapshot = Snapshot::default();
    for (row, (observation, phase, kind)) in rows.iter().enumerate() {
        let before = snapshot.clone();
        let news = reduce(&mut snapshot, observation, at(i64::try_from(row).expect("few rows")));
        let told = news.first().map_or("", |what| what.kind().name());
        let now = snapshot.sessions.get(&ID).map_or("", |session| session.phase.name());
        assert_eq!((now, told), (*phase, *kind), "{life}, row {row}: {observation:?}");
        let changed = before.sessions != snapshot.sessions || before.choices != snapshot.choices;
        assert_eq!(
            snapshot.revision - before.revision,
            u64::from(changed),
            "{life}, row {row}: the revision follows the change"
        );
        assert!(changed || news.is_empty(), "{life}, row {row}: no event without a change");
    }
}

#[test]
fn a_session_that_is_found_used_and_closed() {
    check(
        "an ordinary day",
        &[
            (found(), "discovered", "appeared"),
            (found(), "discovered", ""),
            (Observation::Connecting { id: ID, address: address() }, "bootstrapping", ""),
            (linked(), "ready", "ready"),
            (linked(), "ready", ""),
            (ended(Ending::Goodbye), "", "exited"),
            (ended(Ending::Goodbye), "", ""),
        ],
    );
}

#[test]
fn a_session_that_asks_first() {
    let asked = || Observation::PermissionAsked { id: ID, address: address() };
    check(
        "allowed",
        &[
            (found(), "discovered", "appeared"),
            (asked(), "awaiting_permission", "awaiting_permission"),
            (asked(), "awaiting_permission", ""),
            (linked(), "ready", "ready"),
        ],
    );
    check(
        "denied",
        &[
            (found(), "discovered", "appeared"),
            (asked(), "awaiting_permission", "awaiting_permission"),
            (Observation::ConnectFailed { id: ID, why: Why::PermissionDenied }, "unreachable", "unreachable"),
            (Observation::ConnectFailed { id: ID, why: Why::PermissionDenied }, "unreachable", ""),
        ],
    );
}

#[test]
fn a_session_that_crashes_is_told_from_one_that_is_closed() {
    let crash = || ended(Ending::WithoutGoodbye { recovered_scene: None });
    check(
        "linked",
        &[(found(), "discovered", "appeared"), (linked(), "ready", "ready"), (crash(), "", "crashed")],
    );
    check(
        "busy",
        &[
            (found(), "discovered", "appeared"),
            (linked(), "ready", "ready"),
            (busy(1), "busy", "busy"),
            (crash(), "", "crashed"),
        ],
    );
    check("never linked", &[(found(), "discovered", "appeared"), (ended(Ending::Unwitnessed), "", "exited")]);
}

#[test]
fn busy_is_never_dead_and_comes_back() {
    check(
        "a long render",
        &[
            (found(), "discovered", "appeared"),
            (linked(), "ready", "ready"),
            (busy(1), "busy", "busy"),
            (busy(1), "busy", ""),
            (stuck(1), "not_responding", "not_responding"),
            (busy(1), "not_responding", ""),
            (stuck(1), "not_responding", ""),
            (Observation::MainThreadFree { id: ID }, "ready", "came_back"),
            (Observation::MainThreadFree { id: ID }, "ready", ""),
            (busy(9), "busy", "busy"),
            (Observation::MainThreadFree { id: ID }, "ready", "ready"),
        ],
    );
}

#[test]
fn a_link_that_closes_while_maya_lives_is_looked_for_again() {
    check(
        "helper removed",
        &[
            (found(), "discovered", "appeared"),
            (linked(), "ready", "ready"),
            (Observation::LinkClosed { id: ID }, "discovered", ""),
            (busy(2), "discovered", ""),
            (stuck(2), "discovered", ""),
            (Observation::MainThreadFree { id: ID }, "discovered", ""),
            (linked(), "ready", "ready"),
        ],
    );
}

#[test]
fn a_scene_is_followed() {
    let seen = |name: &str, reason| Observation::SceneSeen {
        id: ID,
        reason,
        scene: Scene { name: name.to_owned(), path: format!("/show/{name}"), modified: false },
    };
    check(
        "opened, saved twice, renamed",
        &[
            (found(), "discovered", "appeared"),
            (linked(), "ready", "ready"),
            (seen("a.ma", SceneReason::Opened), "ready", "scene_changed"),
            (seen("a.ma", SceneReason::Saved), "ready", "scene_changed"),
            (seen("b.ma", SceneReason::Renamed), "ready", "scene_changed"),
        ],
    );
}

#[test]
fn news_of_an_unknown_session_changes_nothing() {
    let rows: Vec<_> =
        [linked(), busy(0), stuck(0), ended(Ending::Unwitnessed), Observation::LinkClosed { id: ID }]
            .into_iter()
            .map(|observation| (observation, "", ""))
            .collect();
    check("nobody there", &rows);
}

#[test]
fn a_session_that_waits_for_its_artist() {
    let offered = |offer| Observation::ConnectOffered { id: ID, offer };
    check(
        "asked on the desktop",
        &[
            (found(), "discovered", "appeared"),
            (offered(Offer::Asking), "awaiting_connect", "awaiting_connect"),
            (offered(Offer::Asking), "awaiting_connect", ""),
            (Observation::Connecting { id: ID, address: address() }, "bootstrapping", ""),
            (linked(), "ready", "ready"),
        ],
    );
    check(
        "not asked",
        &[(found(), "discovered", "appeared"), (offered(Offer::Quiet), "awaiting_connect", "")],
    );
}

#[test]
fn a_session_added_by_hand_stays_until_it_is_removed() {
    let address = ([10, 0, 0, 5], 7001).into();
    let by_hand = ByHand { host: "render01".to_owned(), by: Asker::Artist, address };
    let id = SessionId::Added(address);
    let mut snapshot = Snapshot::default();
    let mut see = |observation: Observation| {
        let news = reduce(&mut snapshot, &observation, at(0));
        let phase = snapshot.sessions.get(&id).map_or("", |session| session.phase.name());
        (phase, news.first().map_or("", |what| what.kind().name()))
    };
    assert_eq!(see(Observation::AddedByHand(by_hand.clone())), ("discovered", "appeared"), "added");
    assert_eq!(see(Observation::AddedByHand(by_hand)), ("discovered", ""), "once");
    let silent = || Why::NoAnswer { tried: address.to_string() };
    let failed = see(Observation::ConnectFailed { id, why: silent() });
    assert_eq!(failed, ("unreachable", "unreachable"), "its Maya is not there, and it stays");
    assert_eq!(see(Observation::Removed { id }), ("", "removed"), "until it is removed");
    assert_eq!(see(Observation::Removed { id }), ("", ""), "once");
}

#[test]
fn what_is_learned_of_a_silence_is_added_to_it_without_another_event() {
    let mut snapshot = Snapshot::default();
    let stuck_more = |second, silent, recovered_scene| Observation::MainThreadStuck {
        id: ID,
        since: at(second),
        silent,
        recovered_scene,
    };
    for (row, seen) in [found(), linked(), stuck(5)].iter().enumerate() {
        reduce(&mut snapshot, seen, at(i64::try_from(row).expect("few rows")));
    }
    let scene = PathBuf::from("/tmp/a[Recovered-ana.1].ma");
    let news = reduce(&mut snapshot, &stuck_more(9, Silent::Everything, Some(scene.clone())), at(70));
    assert!(news.is_empty(), "it did not respond before either");
    let session = &snapshot.sessions[&ID];
    let expected =
        Phase::NotResponding { since: at(5), silent: Silent::Everything, recovered_scene: Some(scene) };
    assert_eq!((&session.phase, session.since), (&expected, at(2)), "one silence, better known");
    assert!(session.phase.to_string().contains("seems to have crashed"), "{}", session.phase);
}

#[test]
fn a_clock_that_is_set_back_changes_times_and_nothing_else() {
    let mut snapshot = Snapshot::default();
    let life = [(found(), 0), (linked(), -7200), (busy(-7200), -7100), (stuck(-7200), -9000)];
    let kinds: Vec<_> = life
        .iter()
        .flat_map(|(seen, second)| reduce(&mut snapshot, seen, at(*second)))
        .map(|what| what.kind().name())
        .collect();
    assert_eq!(kinds, ["appeared", "ready", "busy", "not_responding"], "in the order of what was seen");
    assert_eq!(snapshot.revision, 4, "and each counts");
}

#[test]
fn a_choice_lasts_as_long_as_its_session() {
    let choose = |session| Observation::Chosen { by: Chooser::Artist, session };
    let mut snapshot = Snapshot::default();
    let chosen = |snapshot: &Snapshot| snapshot.choices.get(&Chooser::Artist).copied();
    reduce(&mut snapshot, &choose(Some(ID)), at(0));
    assert_eq!(chosen(&snapshot), None, "a session that is not there cannot be chosen");
    reduce(&mut snapshot, &found(), at(1));
    reduce(&mut snapshot, &choose(Some(ID)), at(2));
    assert_eq!(chosen(&snapshot), Some(ID), "a live one can");
    let reused = ProcessId { started_at: PROCESS.started_at + 9, ..PROCESS };
    reduce(&mut snapshot, &ended(Ending::Goodbye), at(3));
    let Observation::ProcessFound(mut process) = found() else { unreachable!("found() finds") };
    process.id = reused;
    reduce(&mut snapshot, &Observation::ProcessFound(process), at(4));
    assert_eq!(chosen(&snapshot), None, "another Maya under the same pid does not inherit it");
}

#[test]
fn a_call_goes_to_the_clients_choice_then_the_artists_then_the_only_one() {
    let second = ProcessId { pid: 9000, started_at: 1 };
    let client = "cursor".parse().expect("a good name");
    let mut snapshot = Snapshot::default();
    let resolve = |snapshot: &Snapshot, wanted: Option<&str>| {
        snapshot.resolve(Some(&client), wanted).map(|s| s.id().to_string()).map_err(|e| e.to_string())
    };
    assert!(resolve(&snapshot, None).is_err_and(|e| e.contains("No Maya is running")), "nothing to go to");
    reduce(&mut snapshot, &found(), at(0));
    assert_eq!(resolve(&snapshot, None), Ok("maya-8453".to_owned()), "the only one needs no choice");
    let Observation::ProcessFound(mut process) = found() else { unreachable!("found() finds") };
    process.id = second;
    reduce(&mut snapshot, &Observation::ProcessFound(process), at(1));
    assert!(
        resolve(&snapshot, None).is_err_and(|e| e.contains("maya-8453") && e.contains("maya-9000")),
        "with two, the error lists them"
    );
    reduce(&mut snapshot, &Observation::Chosen { by: Chooser::Artist, session: Some(second.into()) }, at(2));
    assert_eq!(
        resolve(&snapshot, None),
        Ok("maya-9000".to_owned()),
        "the artist's choice holds for everyone"
    );
    let by = Chooser::Client(client.clone());
    reduce(&mut snapshot, &Observation::Chosen { by, session: Some(ID) }, at(3));
    assert_eq!(resolve(&snapshot, None), Ok("maya-8453".to_owned()), "the client's own choice goes first");
    assert_eq!(
        resolve(&snapshot, Some("maya-9000")),
        Ok("maya-9000".to_owned()),
        "what is asked for by name goes before all"
    );
    assert!(resolve(&snapshot, Some("maya-1")).is_err(), "an unknown name is never replaced by a guess");
}

#[test]
fn another_users_maya_is_in_nobodys_way() {
    let mut snapshot = Snapshot::default();
    let foreign = Process { foreign: true, ..Process::new(ProcessId { pid: 9000, started_at: 1 }) };
    reduce(&mut snapshot, &Observation::ProcessFound(foreign), at(0));
    assert!(snapshot.resolve(None, None).is_err_and(|e| e.to_string().contains("No Maya")), "none of ours");
    reduce(&mut snapshot, &found(), at(1));
    assert_eq!(snapshot.resolve(None, None).map(|s| s.id()), Ok(ID), "the only one of ours");
}

#[test]
fn what_was_added_by_hand_is_found_by_the_name_that_was_given() {
    let mut snapshot = Snapshot::default();
    let address = ([10, 0, 0, 5], 7001).into();
    let by_hand = ByHand { host: "render01".to_owned(), by: Asker::Artist, address };
    reduce(&mut snapshot, &Observation::AddedByHand(by_hand), at(0));
    for name in ["maya-10.0.0.5:7001", "render01:7001"] {
        assert_eq!(snapshot.find(name).map(|s| s.id()), Some(SessionId::Added(address)), "{name}");
    }
    assert!(snapshot.find("render01:7002").is_none(), "another port is another Maya");
}

#[test]
fn a_crash_is_kept_until_the_artist_has_seen_to_it() {
    let mut snapshot = Snapshot::default();
    let crash = || ended(Ending::WithoutGoodbye { recovered_scene: Some(PathBuf::from("/tmp/a.ma")) });
    for observation in [found(), linked(), crash()] {
        reduce(&mut snapshot, &observation, at(0));
    }
    let known = snapshot.crash(ID).expect("its session has gone, and it is known");
    assert_eq!(known.recovered_scene.as_deref(), Some(Path::new("/tmp/a.ma")), "with what it left");
    let revision = snapshot.revision;
    for _ in 0..2 {
        reduce(&mut snapshot, &Observation::CrashClosed { id: ID }, at(1));
        assert!(snapshot.crash(ID).is_none(), "seen to");
    }
    assert_eq!(snapshot.revision, revision + 1, "once");
    for pid in 0..100 {
        let id = ProcessId { pid, started_at: 1 };
        reduce(
            &mut snapshot,
            &Observation::ProcessFound(Process { batch: pid >= 50, ..Process::new(id) }),
            at(2),
        );
        let ending = Ending::WithoutGoodbye { recovered_scene: None };
        reduce(&mut snapshot, &Observation::ProcessEnded { id: id.into(), ending }, at(2));
    }
    let kept: Vec<_> = snapshot.crashes.iter().filter_map(|crash| crash.session.id().pid()).collect();
    assert_eq!(kept, (42..50).collect::<Vec<_>>(), "the last ones, and none of a farm's");
}

#[test]
fn a_crash_is_closed_when_its_recovered_scene_is_open_and_not_before() {
    const NEW: ProcessId = ProcessId { pid: 8460, started_at: 1_700_000_100 };
    let opened = |id: ProcessId, path: &str| {
        let Observation::LinkOpened { address, facts, .. } = linked() else { unreachable!("it is one") };
        let scene = Scene { path: path.to_owned(), ..Scene::default() };
        Observation::LinkOpened { id: id.into(), address, facts, scene }
    };
    let seen = |path: &str| Observation::SceneSeen {
        id: NEW.into(),
        reason: SceneReason::Opened,
        scene: Scene { path: path.to_owned(), ..Scene::default() },
    };
    let windows = r"C:\Users\ana\a[Recovered-ana.1].ma";
    for (recovered, sight, is_kept, why) in [
        ("/tmp/a.ma", Observation::ProcessFound(Process::new(NEW)), true, "started is not open"),
        ("/tmp/a.ma", opened(NEW, ""), true, "an untitled scene"),
        ("", opened(NEW, ""), true, "an untitled scene is no recovered one"),
        ("/tmp/a.ma", opened(NEW, "/work/a.ma"), true, "another scene of that name"),
        ("/tmp/a.ma", opened(NEW, "/tmp/a.ma"), false, "opened with it"),
        ("/tmp/a.ma", seen("/tmp/a.ma"), false, "opened later"),
        (windows, seen("C:/Users/ana/a[Recovered-ana.1].ma"), false, "as Maya writes it"),
        ("/tmp/a.ma", opened(PROCESS, "/tmp/a.ma"), true, "late news of the one that crashed"),
    ] {
        let mut snapshot = Snapshot::default();
        let crash = ended(Ending::WithoutGoodbye { recovered_scene: Some(PathBuf::from(recovered)) });
        let new = Observation::ProcessFound(Process::new(NEW));
        for observation in [found(), linked(), crash, new] {
            reduce(&mut snapshot, &observation, at(0));
        }
        let before = snapshot.clone();
        reduce(&mut snapshot, &sight, at(1));
        assert_eq!(snapshot.crash(ID).is_some(), is_kept, "{why}");
        let changed = u64::from(before.sessions != snapshot.sessions || !is_kept);
        assert_eq!(snapshot.revision - before.revision, changed, "one change at most: {why}");
    }
}

#[test]
fn a_crash_of_a_scene_that_is_open_already_is_closed_by_the_next_sight_of_it() {
    const OTHER: ProcessId = ProcessId { pid: 8460, started_at: 1_700_000_100 };
    let Observation::LinkOpened { address, facts, .. } = linked() else { unreachable!("it is one") };
    let scene = Scene { path: "/tmp/a.ma".to_owned(), ..Scene::default() };
    let opened = Observation::LinkOpened { id: OTHER.into(), address, facts, scene };
    let crash = ended(Ending::WithoutGoodbye { recovered_scene: Some(PathBuf::from("/tmp/a.ma")) });
    let mut snapshot = Snapshot::default();
    for observation in [Observation::ProcessFound(Process::new(OTHER)), opened.clone(), found(), crash] {
        reduce(&mut snapshot, &observation, at(0));
    }
    let before = snapshot.revision;
    assert!(snapshot.crash(ID).is_some(), "it has just crashed");
    for _ in 0..2 {
        assert!(reduce(&mut snapshot, &opened, at(0)).is_empty(), "nothing about the other is new");
        assert!(snapshot.crash(ID).is_none(), "and its crash is seen to");
    }
    assert_eq!(snapshot.revision, before + 1, "which is a change, once");
}

#[test]
fn another_version_behind_the_same_address_is_told_beside_its_being_ready() {
    let mut snapshot = Snapshot::default();
    reduce(&mut snapshot, &found(), at(0));
    let Observation::LinkOpened { id, address, facts, scene } = linked() else { unreachable!("it links") };
    let mut kinds = |version: &str| {
        let facts = Facts { maya_version: version.to_owned(), ..facts.clone() };
        let opened = Observation::LinkOpened { id, address: address.clone(), facts, scene: scene.clone() };
        let news = reduce(&mut snapshot, &opened, at(1));
        reduce(&mut snapshot, &Observation::LinkClosed { id }, at(1));
        news.iter().map(What::kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("2025"), [Kind::Ready], "as its path said");
    assert_eq!(kinds("2026"), [Kind::Ready, Kind::VersionChanged], "another one");
}

#[test]
fn what_changes_nothing_is_an_event_only_where_it_is_asked_for() {
    let mut snapshot = Snapshot::default();
    reduce(&mut snapshot, &found(), at(0));
    let before = snapshot.clone();
    let told = reduce(&mut snapshot, &Observation::Beat, at(1));
    assert_eq!(told.iter().map(What::kind).collect::<Vec<_>>(), [Kind::Heartbeat], "of each session");
    let backend = "files".parse().expect("a good name");
    let told = reduce(&mut snapshot, &Observation::Backend { backend, event: BackendEvent::Changed }, at(1));
    assert_eq!(told.iter().map(What::source).collect::<Vec<_>>(), ["files"], "of another server");
    assert_eq!(snapshot.sessions, before.sessions, "no session is otherwise than before");
    assert_eq!(snapshot.revision, before.revision + 2, "each has its place in the order of things");
    assert!("maya-1".parse::<BackendName>().is_err(), "which cannot be taken for a session");
}
