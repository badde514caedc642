//! When what is told: over a registry, with the time passed in.

use jiff::{SignedDuration, civil::time};
use maya_mcp_session::{
    Address, Ending, Facts, Observation, Process, ProcessId, Registry, Scene, Silent, Why,
};

use super::*;
use crate::QuietHours;

/// A registry, a policy, and what is on the desktop.
struct Stage {
    registry: Registry,
    policy: Policy,
    telling: Telling,
    now: Now,
    again: Option<Instant>,
    desktop: BTreeMap<Place, Notice>,
    shown: Vec<Notice>,
    last: BTreeMap<(SessionId, Subject, String), Instant>,
    dropped: Vec<(Kind, Dropped)>,
}

/// As seldom as an engine that is awake can look.
const BEAT: Duration = SLEPT;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn maya(pid: u32) -> SessionId {
    ProcessId { pid, started_at: 1 }.into()
}

fn address() -> Address {
    Address::Tcp(([127, 0, 0, 1], 7001).into())
}

/// What can happen to a Maya.
#[derive(Debug, Clone, Copy)]
enum Do {
    Appear,
    Offer,
    Ask,
    Deny,
    Link,
    Unlink,
    Freeze,
    Free,
    Exit,
    Crash,
    CrashWithScene,
    CloseCrash,
}

const ALL: [Do; 12] = [
    Do::Appear,
    Do::Offer,
    Do::Ask,
    Do::Deny,
    Do::Link,
    Do::Unlink,
    Do::Freeze,
    Do::Free,
    Do::Exit,
    Do::Crash,
    Do::CrashWithScene,
    Do::CloseCrash,
];

fn process(pid: u32) -> Process {
    let version = Some("2025".to_owned());
    Process { maya_version: version, ..Process::new(ProcessId { pid, started_at: 1 }) }
}

fn observation(pid: u32, what: Do) -> Observation {
    let id = maya(pid);
    let ended = |scene: Option<&str>| Observation::ProcessEnded {
        id,
        ending: Ending::WithoutGoodbye { recovered_scene: scene.map(Into::into) },
    };
    match what {
        Do::Appear => Observation::ProcessFound(process(pid)),
        Do::Offer => Observation::ConnectOffered { id, offer: Offer::Asking },
        Do::Ask => Observation::PermissionAsked { id, address: address() },
        Do::Deny => Observation::ConnectFailed { id, why: Why::PermissionDenied },
        Do::Link => Observation::LinkOpened {
            id,
            address: Some(address()),
            facts: Facts {
                pid,
                helper_version: "1".to_owned(),
                maya_version: "2025".to_owned(),
                python_version: "3.11".to_owned(),
                user: "ana".to_owned(),
                host: "here".to_owned(),
                batch: false,
            },
            scene: Scene::default(),
        },
        Do::Unlink => Observation::LinkClosed { id },
        Do::Freeze => Observation::MainThreadStuck {
            id,
            since: Timestamp::UNIX_EPOCH,
            silent: Silent::MainThread,
            recovered_scene: None,
        },
        Do::Free => Observation::MainThreadFree { id },
        Do::Exit => Observation::ProcessEnded { id, ending: Ending::Goodbye },
        Do::Crash => ended(None),
        Do::CrashWithScene => ended(Some("/tmp/a[Recovered].ma")),
        Do::CloseCrash => Observation::CrashClosed { id },
    }
}

impl Stage {
    /// As the engine starts: nothing is told in the first moments.
    fn begins() -> Self {
        // Ten in the morning.
        let wall = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(10);
        let now = Now { mono: Instant::now(), wall, zone: TimeZone::UTC };
        Self {
            registry: Registry::default(),
            policy: Policy::new(now.clone()),
            telling: Telling::default(),
            now,
            again: None,
            desktop: BTreeMap::new(),
            shown: Vec::new(),
            last: BTreeMap::new(),
            dropped: Vec::new(),
        }
    }

    /// Has been running for a while.
    fn runs() -> Self {
        let mut stage = Self::begins();
        stage.pass(SETTLE);
        stage
    }

    /// With these Mayas, ready and told.
    fn with(pids: &[u32]) -> Self {
        let mut stage = Self::runs();
        for pid in pids {
            stage.happens(*pid, &[Do::Appear, Do::Link]);
        }
        stage.pass(ms(1000));
        stage.shown.clear();
        stage
    }

    fn happens(&mut self, pid: u32, all: &[Do]) {
        for what in all {
            self.registry.observe(&observation(pid, *what));
        }
        self.look();
    }

    fn look(&mut self) {
        let step = self.policy.step(&self.registry.snapshot(), &self.telling, &self.now);
        for place in &step.withdraw {
            assert!(self.desktop.remove(place).is_some(), "{place:?} is withdrawn and was not there");
        }
        for Show { place, notice, news } in step.show {
            let corrects = self.desktop.contains_key(&place);
            assert!(corrects || !news.is_empty(), "it tells something: {notice:?}");
            self.shown.push(notice.clone());
            self.desktop.insert(place, notice);
        }
        for (said, at) in self.policy.limits.iter().filter(|(_, at)| **at == self.now.mono) {
            let before = self.last.insert(said.clone(), *at).filter(|before| before != at);
            let apart = before.map(|before| *at - before);
            assert!(apart.is_none_or(|apart| apart >= LIMIT), "said again after {apart:?}: {said:?}");
        }
        self.dropped.extend(step.dropped);
        assert!(step.again.is_none_or(|again| again > self.now.mono), "it does not look at once again");
        self.again = step.again;
    }

    fn clocks(&mut self, passed: Duration) {
        self.now.mono += passed;
        self.now.wall += SignedDuration::try_from(passed).expect("not so long");
    }

    /// Time passes: it looks when it wanted to, and at each beat.
    fn pass(&mut self, mut left: Duration) {
        while left > Duration::ZERO {
            let wanted = self.again.map_or(left, |again| again - self.now.mono);
            let step = wanted.min(BEAT).min(left);
            self.clocks(step);
            left -= step;
            self.look();
        }
    }

    /// The titles that were shown since the last time.
    fn told(&mut self) -> Vec<String> {
        self.shown.drain(..).map(|notice| notice.title).collect()
    }

    fn titles(&self) -> Vec<&str> {
        self.desktop.values().map(|notice| notice.title.as_str()).collect()
    }

    fn dropped(&self, why: Dropped) -> Vec<Kind> {
        self.dropped.iter().filter(|(_, other)| *other == why).map(|(kind, _)| *kind).collect()
    }
}

const RUNNING: &str = "Maya 2025 is running";
const READY: &str = "Maya 2025 is ready";
const STUCK: &str = "Maya 2025 is not responding";
const BACK: &str = "Maya 2025 responds again";
const CRASHED: &str = "Maya 2025 closed unexpectedly";
const CONNECT: &str = "Connect Maya 2025?";
const ASKS: &str = "Maya 2025 is about to ask for permission";
const NOTHING: [&str; 0] = [];

#[test]
fn a_maya_that_is_soon_ready_is_told_once() {
    let mut stage = Stage::runs();
    stage.happens(1, &[Do::Appear]);
    stage.pass(ms(700));
    stage.happens(1, &[Do::Link]);
    stage.pass(ms(2000));
    assert_eq!(stage.told(), [READY], "the better news in place of the first");
    assert_eq!(stage.dropped(Dropped::Outdated), [Kind::Appeared], "which is counted");
    stage.happens(2, &[Do::Appear]);
    stage.pass(ms(1000));
    assert_eq!(stage.told(), [RUNNING], "one that takes its time is told of");
    stage.happens(2, &[Do::Link]);
    stage.pass(ms(250));
    assert_eq!((stage.told(), stage.titles().len()), (vec![READY.to_owned()], 2), "and again, in its place");
    stage.happens(2, &[Do::Unlink]);
    stage.pass(ms(5000));
    stage.happens(2, &[Do::Link]);
    stage.pass(LIMIT);
    assert_eq!(stage.told(), NOTHING, "a link that broke and came back is no news");
}

#[test]
fn what_stops_being_true_leaves_the_desktop() {
    for (comes, goes, title) in [
        (&[Do::Offer][..], Do::Deny, CONNECT),
        (&[Do::Ask], Do::Deny, ASKS),
        (&[Do::Link], Do::Exit, READY),
        (&[Do::Link, Do::Freeze], Do::Exit, STUCK),
        (&[Do::CrashWithScene], Do::CloseCrash, CRASHED),
    ] {
        let mut stage = Stage::runs();
        stage.happens(1, &[Do::Appear]);
        stage.happens(1, comes);
        stage.pass(ms(250));
        assert_eq!(stage.titles(), [title], "{comes:?}");
        stage.happens(1, &[goes]);
        assert_eq!(stage.titles(), NOTHING, "{comes:?}, then {goes:?}");
    }
}

#[test]
fn a_session_has_one_place_on_the_desktop() {
    let mut stage = Stage::with(&[1]);
    assert_eq!(stage.titles(), [READY], "it is there");
    for (what, title) in [(Do::Freeze, STUCK), (Do::Free, BACK), (Do::Crash, CRASHED)] {
        stage.happens(1, &[what]);
        assert_eq!(
            stage.titles().len(),
            1,
            "{what:?}: what was there stays until what comes takes its place"
        );
        stage.pass(ms(250));
        assert_eq!(stage.titles(), [title], "after {what:?}");
    }
}

#[test]
fn mayas_dialog_is_announced_at_once() {
    let mut stage = Stage::begins();
    stage.happens(1, &[Do::Appear, Do::Ask]);
    assert_eq!(stage.told(), [ASKS], "not even the start holds it up: it is about to open");
}

#[test]
fn what_is_there_at_the_start_is_one_notice() {
    let mut stage = Stage::begins();
    stage.happens(1, &[Do::Appear, Do::Link]);
    stage.happens(2, &[Do::Appear, Do::Offer]);
    stage.happens(3, &[Do::Appear]);
    stage.pass(ms(2990));
    assert_eq!(stage.told(), NOTHING, "it waits for what else there is");
    stage.pass(ms(10));
    assert_eq!(stage.told(), ["3 Maya sessions found"], "all in one");
    let body = &stage.desktop.values().next().expect("one").body;
    for name in ["(maya-1): ready", "(maya-2): not connected", "(maya-3): running"] {
        assert!(body.contains(name), "{name} in {body}");
    }
    let mut alone = Stage::begins();
    alone.happens(2, &[Do::Appear, Do::Offer]);
    alone.pass(SETTLE);
    assert_eq!(alone.told(), [CONNECT], "a single one keeps its own words");
    for pid in [1, 2, 3] {
        stage.happens(pid, &[Do::Exit]);
    }
    assert_eq!(stage.titles(), NOTHING, "when the last one is gone, so is the notice");
}

#[test]
fn after_a_sleep_what_comes_back_is_no_storm() {
    for suspended in [true, false] {
        let mut stage = Stage::with(&[1, 2]);
        // On some systems the one clock stands still meanwhile.
        stage.now.wall += SignedDuration::from_hours(9);
        if !suspended {
            stage.now.mono += Duration::from_hours(9);
        }
        stage.happens(1, &[Do::Unlink]);
        stage.happens(2, &[Do::Crash]);
        stage.pass(ms(2000));
        assert_eq!(stage.told(), [CRASHED], "what cannot come back is told at once");
        stage.happens(1, &[Do::Link, Do::Freeze]);
        stage.pass(ms(2900));
        assert_eq!(stage.told(), NOTHING, "the rest settles first");
        stage.happens(1, &[Do::Free]);
        stage.pass(ms(200));
        assert_eq!(stage.told(), NOTHING, "and came back");
    }
}

#[test]
fn several_at_once_are_one_notice() {
    let mut stage = Stage::with(&[1, 2, 3]);
    for pid in [1, 2, 3] {
        stage.happens(pid, &[Do::Freeze]);
        stage.pass(ms(50));
    }
    stage.pass(ms(250));
    assert_eq!(stage.told(), ["3 Mayas are not responding"], "one for all");
    for pid in [1, 2, 3] {
        stage.happens(pid, &[Do::CrashWithScene]);
    }
    stage.pass(ms(100));
    assert_eq!(stage.told(), ["3 Mayas closed unexpectedly"], "one for all");
    assert_eq!(stage.titles(), ["3 Mayas closed unexpectedly"], "in place of what was true before");
}

#[test]
fn the_same_is_not_said_again_within_five_minutes_and_not_forgotten() {
    let mut stage = Stage::with(&[1]);
    stage.happens(1, &[Do::Freeze]);
    stage.pass(ms(250));
    stage.happens(1, &[Do::Free]);
    stage.pass(ms(250));
    assert_eq!(stage.told(), [STUCK, BACK], "once each");
    for _ in 0..3 {
        stage.happens(1, &[Do::Freeze]);
        stage.pass(ms(1000));
        stage.happens(1, &[Do::Free]);
        stage.pass(ms(1000));
    }
    stage.happens(1, &[Do::Freeze]);
    stage.pass(ms(1000));
    assert_eq!((stage.told().len(), stage.titles()), (0, vec![]), "back and forth is no news");
    assert_eq!(stage.dropped(Dropped::Repeated), [Kind::NotResponding; 4], "each is counted");
    stage.pass(LIMIT);
    assert_eq!((stage.told(), stage.titles()), (vec![STUCK.to_owned()], vec![STUCK]), "it is so still");
}

#[test]
fn only_who_was_said_to_be_away_comes_back() {
    let mut stage = Stage::with(&[1]);
    stage.happens(1, &[Do::Freeze]);
    stage.pass(ms(200));
    stage.happens(1, &[Do::Free]);
    stage.pass(ms(1000));
    assert_eq!(stage.told(), NOTHING, "nobody had heard of it");
}

#[test]
fn a_scene_that_a_silent_maya_left_is_told_too() {
    let mut stage = Stage::with(&[1]);
    stage.happens(1, &[Do::Freeze]);
    stage.pass(ms(250));
    stage.registry.observe(&Observation::MainThreadStuck {
        id: maya(1),
        since: Timestamp::UNIX_EPOCH,
        silent: Silent::Everything,
        recovered_scene: Some("/tmp/a[Recovered].ma".into()),
    });
    stage.look();
    stage.pass(ms(250));
    assert_eq!(stage.told(), [STUCK, STUCK], "in other words");
    assert!(
        stage.desktop.values().all(|notice| notice.body.contains("/tmp/a[Recovered].ma")),
        "with the file"
    );
}

#[test]
fn what_is_turned_off_is_not_told() {
    let mut stage = Stage::runs();
    stage.telling.off = [Subject::Ready].into();
    stage.happens(1, &[Do::Appear, Do::Link]);
    stage.pass(ms(1000));
    assert_eq!(stage.told(), NOTHING, "it is not wanted");
    assert_eq!(stage.dropped(Dropped::Muted), [Kind::Ready], "and counted");
    stage.telling.off.clear();
    stage.pass(ms(2000));
    assert_eq!(stage.told(), NOTHING, "nor told late");
    stage.happens(1, &[Do::Freeze]);
    stage.pass(ms(250));
    assert_eq!(stage.told(), [STUCK], "the rest is told");
    stage.telling.notices = Notices::Off;
    stage.look();
    assert_eq!(stage.titles(), NOTHING, "turned off, all of them go");
}

#[test]
fn what_is_still_wrong_when_quiet_ends_is_told_as_it_is_then() {
    let mut stage = Stage::with(&[1, 2, 3, 4, 5]);
    stage.telling.quiet_hours = Some(QuietHours { from: time(9, 0, 0, 0), to: time(11, 0, 0, 0) });
    stage.happens(1, &[Do::Freeze]);
    stage.happens(2, &[Do::Freeze]);
    stage.happens(3, &[Do::Crash]);
    stage.happens(4, &[Do::CrashWithScene]);
    stage.happens(5, &[Do::CrashWithScene]);
    stage.happens(6, &[Do::Appear]);
    stage.happens(7, &[Do::Appear, Do::Ask]);
    stage.pass(Duration::from_mins(30));
    stage.happens(2, &[Do::Free]);
    stage.happens(5, &[Do::CloseCrash]);
    stage.pass(Duration::from_mins(20));
    assert_eq!(stage.told(), NOTHING, "it is quiet");
    assert_eq!(stage.dropped(Dropped::Muted).len(), 7, "each is counted once: {:?}", stage.dropped);
    stage.pass(Duration::from_mins(15));
    let mut told = stage.told();
    told.sort();
    assert_eq!(told, [CRASHED, ASKS, STUCK], "and nothing that is past, or only news");
}

#[test]
fn what_the_desktop_did_not_take_is_tried_again_if_it_is_still_wrong() {
    let mut stage = Stage::with(&[1]);
    stage.happens(1, &[Do::Freeze]);
    stage.pass(ms(250));
    assert_eq!(stage.told(), [STUCK], "it is tried");
    let (place, _) = stage.desktop.pop_first().expect("it would be there");
    stage.policy.not_shown(place);
    stage.pass(Duration::from_secs(299));
    assert_eq!(stage.told(), NOTHING, "not at once: the desktop has its trouble");
    stage.pass(ms(1000));
    assert_eq!((stage.told(), stage.titles()), (vec![STUCK.to_owned()], vec![STUCK]), "but then");
}

#[test]
fn nobody_is_told_of_batch_renders_and_of_other_peoples_mayas() {
    let mut stage = Stage::runs();
    stage.registry.observe(&Observation::ProcessFound(Process { batch: true, ..process(1) }));
    stage.registry.observe(&Observation::ProcessFound(Process { foreign: true, ..process(2) }));
    stage.happens(1, &[Do::Ask, Do::Crash]);
    stage.pass(ms(5000));
    assert_eq!(stage.told(), NOTHING, "a render farm would flood the desktop");
}

#[test]
fn a_storm_is_a_handful_of_notices_and_ends_in_what_is_true() {
    let pids: Vec<_> = (1..=10).collect();
    let mut stage = Stage::with(&pids);
    for round in 0..100 {
        for pid in &pids {
            stage.happens(*pid, &[if round % 2 == 0 { Do::Freeze } else { Do::Free }]);
            stage.pass(ms(1));
        }
    }
    for pid in &pids {
        stage.happens(*pid, &[Do::Freeze]);
    }
    stage.pass(ms(1000));
    assert_eq!(stage.told(), ["10 Mayas are not responding"], "what came of it");
    for round in 0..100 {
        for pid in &pids {
            stage.happens(*pid, if round % 2 == 0 { &[Do::Crash] } else { &[Do::Appear, Do::Link] });
            stage.pass(ms(1));
        }
    }
    stage.pass(ms(1000));
    let told = stage.told();
    assert!(told.len() <= 8, "a handful: {told:?}");
}

/// Numbers that look thrown, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ z >> 31) % below as u64).expect("it is below a usize")
    }
}

/// At rest: what lasts is shown, and nothing is shown that is not so.
fn check(stage: &Stage, story: &str) {
    let snapshot = stage.registry.snapshot();
    let there = who_is_there(&snapshot);
    let mut places = BTreeSet::new();
    for (id, who) in &there {
        let said = stage.policy.heard[id].said.as_ref();
        let place = said.and_then(|said| said.place);
        places.extend(place);
        if let Some(said) = said {
            assert!(is_true(said.subject, *who), "{id} is not {:?}: {story}", said.subject);
        }
        let wrong =
            [Subject::AwaitingConnect, Subject::AwaitingPermission, Subject::NotResponding, Subject::Crashed];
        for subject in wrong.into_iter().filter(|subject| is_true(*subject, *who)) {
            assert_eq!(said.map(|said| said.subject), Some(subject), "{id}: {story}");
            assert!(
                place.is_some_and(|place| stage.desktop.contains_key(&place)),
                "{id}, {subject:?}: {story}"
            );
        }
    }
    for (place, notice) in &stage.desktop {
        let said = stage.policy.heard.values().filter_map(|heard| heard.said.as_ref());
        let told = said.filter(|said| said.place == Some(*place) && lasts(said.subject)).count();
        if told > 0 && notice.key.starts_with("several/") && notice.key != "several/found" {
            let is_right = notice.title.contains(&format!("{told} Mayas"));
            assert!(is_right, "it is about {told}: {notice:?}: {story}");
        }
    }
    assert_eq!(places, stage.desktop.keys().copied().collect(), "nothing else is there: {story}");
}

#[test]
fn whatever_happens_what_is_shown_in_the_end_is_what_is_true() {
    for seed in 0..200 {
        let (mut dice, mut stage) = (Dice(seed), Stage::begins());
        for _ in 0..150 {
            let pid = u32::try_from(dice.roll(5)).expect("small") + 1;
            stage.registry.observe(&observation(pid, ALL[dice.roll(ALL.len())]));
            // Often several changes are seen as one; that nothing is said twice is looked at meanwhile.
            match dice.roll(8) {
                0..3 => {}
                3 => stage.pass(ms(dice.roll(400_000) as u64 + 1)),
                _ => stage.pass(ms(dice.roll(400) as u64 + 1)),
            }
        }
        // Everything has had its turn then, also what would have repeated something.
        stage.pass(LIMIT * 2);
        check(&stage, &format!("seed {seed}"));
    }
}

#[test]
fn what_is_told_of_several_is_told_of_those_that_are_left() {
    for (comes, goes, one, subject) in [
        (Do::Ask, Do::Link, ASKS, Subject::AwaitingPermission),
        (Do::Offer, Do::Link, CONNECT, Subject::AwaitingConnect),
        (Do::CrashWithScene, Do::CloseCrash, CRASHED, Subject::Crashed),
        (Do::Freeze, Do::Exit, STUCK, Subject::NotResponding),
    ] {
        let mut stage = Stage::runs();
        for pid in [1, 2, 3] {
            stage.registry.observe(&observation(pid, Do::Appear));
            if matches!(comes, Do::Freeze) {
                stage.registry.observe(&observation(pid, Do::Link));
            }
            stage.registry.observe(&observation(pid, comes));
        }
        stage.look();
        stage.pass(ms(2000));
        let of = |stage: &Stage| {
            let key = format!("several/{}", subject.name());
            let mut lasting = stage.desktop.values().filter(|notice| notice.key == key);
            lasting.next().map(|notice| notice.title.clone()).unwrap_or_default()
        };
        assert!(of(&stage).contains('3'), "{comes:?}: one for all: {:?}", stage.titles());
        stage.telling.quiet_until = Some(stage.now.wall + SignedDuration::from_mins(1));
        stage.happens(1, &[goes]);
        stage.pass(Duration::from_secs(30));
        assert!(of(&stage).contains('3'), "{comes:?}: in quiet nothing comes, not even this");
        stage.pass(Duration::from_secs(35));
        assert!(of(&stage).contains('2'), "{comes:?}: two are left: {:?}", stage.titles());
        let limits = stage.policy.limits.clone();
        stage.happens(2, &[goes]);
        stage.pass(ms(249));
        assert!(stage.policy.limits.keys().all(|said| limits.contains_key(said)), "{comes:?}: it is no news");
        stage.pass(ms(100));
        assert!(
            stage.titles().contains(&one),
            "{comes:?}: the last has words of its own: {:?}",
            stage.titles()
        );
        let left = stage.desktop.values().find(|notice| notice.title == one).expect("it is there");
        let buttons = matches!(comes, Do::Offer | Do::CrashWithScene);
        assert_eq!(left.action.is_some(), buttons, "{comes:?}: and buttons");
        assert!(left.key.starts_with("maya-3/"), "{comes:?}: it is about the last: {}", left.key);
        stage.happens(3, &[goes]);
        stage.pass(ms(1000));
        assert!(!stage.titles().contains(&one), "{comes:?}: and goes with it: {:?}", stage.titles());
    }
}
