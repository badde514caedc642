use std::{
    fs::{self, File},
    io::Write as _,
    time::{Duration, SystemTime},
};

use maya_mcp_session::{Ending, Filter, Observation, Process, ProcessId, Registry, Subscription};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Dropped, Numbers, Outlet};

const NOON: &str = "2026-11-21T12:00:00Z";

pub(super) fn noon() -> Timestamp {
    NOON.parse().expect("a time")
}

fn hours(hours: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(hours)
}

pub(super) fn event(seq: u64, session: &str, kind: Kind, at: Timestamp) -> EventInfo {
    EventInfo {
        seq,
        time: at.to_string(),
        source: session.to_owned(),
        kind,
        session: Some(session.to_owned()),
        detail: "Maya 2025 is running".to_owned(),
        recovered_scene: None,
    }
}

fn line(seq: u64, at: Timestamp) -> Line {
    Line::of(&event(seq, "maya-1", Kind::Appeared, at), at)
}

fn lines(seqs: impl IntoIterator<Item = u64>) -> Vec<Line> {
    seqs.into_iter().map(|seq| line(seq, noon())).collect()
}

pub(super) fn folder() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("events");
    (home, folder)
}

/// At noon, however late it is: files have the times of their making.
fn open(folder: &Path, limits: Limits) -> (EventLog, Found) {
    EventLog::open_at(folder.to_owned(), limits, noon()).expect("writable")
}

fn write(log: &EventLog, lines: &[Line]) {
    let appended = Writer::new(log.clone()).append(lines);
    appended.outcome.expect("writable");
    assert_eq!(appended.written, lines.len(), "all of them");
}

pub(super) fn everything() -> Query {
    Query { filter: Filter::everything(), ..Query::default() }
}

fn seqs(log: &EventLog, query: &Query) -> Vec<u64> {
    log.read(query).expect("readable").events.iter().map(|event| event.seq).collect()
}

fn names(folder: &Path) -> Vec<u64> {
    files::list(folder).expect("readable").into_iter().map(|(first, _)| first).collect()
}

fn newest(folder: &Path) -> PathBuf {
    files::list(folder).expect("readable").pop().expect("there is one").1
}

#[test]
fn what_is_written_is_read_back_as_it_was_asked_for() {
    let (_home, folder) = folder();
    let (log, found) = open(&folder, Limits::default());
    assert_eq!((found, found.begin_at()), (Found::default(), 1), "nothing is there yet");
    let rows = [
        (1, "maya-1", Kind::Appeared, 0),
        (2, "maya-2", Kind::Appeared, 1),
        (3, "maya-1", Kind::Heartbeat, 2),
        (4, "maya-1", Kind::Crashed, 3),
        (5, "maya-2", Kind::Exited, 4),
    ];
    let line = |(seq, session, kind, hour)| {
        let at = noon() + hours(hour);
        Line::of(&event(seq, session, kind, at), at)
    };
    write(&log, &rows.map(line));
    let kinds = |kinds: &[Kind]| Filter { kinds: Some(kinds.iter().copied().collect()), sources: None };
    let of = |name: &str| Filter { kinds: None, sources: Some([name.to_owned()].into()) };
    let two = Filter { kinds: None, sources: Some(["maya-1".to_owned(), "maya-2".to_owned()].into()) };
    let default = Query::default;
    for (query, expected) in [
        (default(), &[1, 2, 4, 5][..]),
        (everything(), &[1, 2, 3, 4, 5]),
        (Query { filter: kinds(&[Kind::Crashed, Kind::Heartbeat]), ..default() }, &[3, 4]),
        (Query { filter: of("maya-1"), ..default() }, &[1, 4]),
        (Query { filter: of("maya-2"), ..default() }, &[2, 5]),
        (Query { filter: two, ..default() }, &[1, 2, 4, 5]),
        (Query { after: Some(2), ..default() }, &[4, 5]),
        (Query { before: Some(4), ..default() }, &[1, 2]),
        (Query { since: Some(noon() + hours(3)), ..default() }, &[4, 5]),
        (Query { last: Some(2), ..default() }, &[4, 5]),
        (Query { last: Some(1), before: Some(5), filter: of("maya-2"), ..default() }, &[2]),
        (Query { last: Some(0), ..default() }, &[]),
    ] {
        assert_eq!(seqs(&log, &query), expected, "{query:?}");
    }
    let page = log.read(&everything()).expect("readable");
    assert_eq!((page.oldest_seq, page.newest_seq, page.unreadable), (Some(1), Some(5), 0), "and where it is");
    let (_, again) = open(&folder, Limits::default());
    assert_eq!((again.last_seq, again.begin_at()), (Some(5), 2000), "the next start begins beyond");
}

#[test]
fn a_start_begins_beyond_all_that_were_written() {
    for (last_seq, begin) in
        [(None, 1), (Some(1), 2000), (Some(999), 2000), (Some(1000), 3000), (Some(2345), 4000)]
    {
        assert_eq!(Found { last_seq, torn: None }.begin_at(), begin, "after {last_seq:?}");
    }
}

#[test]
fn no_number_is_given_twice_though_the_log_is_gone() {
    let (home, folder) = folder();
    let begin = |begin_at, furthest| Mark::begin(folder.clone(), begin_at, furthest).1;
    assert_eq!(begin(1, None), 1, "nothing ever was, and no folder is no error");
    fs::create_dir_all(&folder).expect("writable");
    assert_eq!(begin(1, None), 1, "nor could it be written down");
    assert_eq!(begin(1, None), 3000, "beyond what the start before had reserved, killed or not");
    assert_eq!(begin(9000, None), 9000, "the log knows better");
    assert_eq!(begin(1, Some(20_500)), 21_000, "or a webhook does");
    for damaged in ["", "x", "18446744073709551615"] {
        fs::write(folder.join("next"), damaged).expect("writable");
        assert_eq!(begin(4000, Some(u64::MAX)), 4000, "{damaged:?} is no number of an event");
    }
    drop(home);
}

#[tokio::test]
async fn numbers_are_reserved_before_they_are_given_out() {
    let (_home, folder) = folder();
    fs::create_dir_all(&folder).expect("writable");
    let (mark, first) = Mark::begin(folder.clone(), 1, None);
    let registry = Registry::beginning_at(first);
    let reserved = || -> u64 {
        fs::read_to_string(folder.join("next")).expect("written").trim().parse().expect("a number")
    };
    let happens = async {
        for pid in 0..4000 {
            registry.observe(&Observation::ProcessFound(Process::new(ProcessId { pid, started_at: 1 })));
            if pid % 500 > 0 {
                continue;
            }
            assert!(reserved() > registry.next_seq(), "the next one is reserved");
            // A storm is no quicker than this.
            while reserved() < registry.next_seq() + 1000 {
                tokio::task::yield_now().await;
            }
        }
    };
    let both = async {
        tokio::select! {
            () = mark.keep(registry.clone()) => panic!("the registry is there"),
            () = happens => {}
        }
    };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("it ends");
}

#[test]
fn files_are_bounded_and_the_oldest_events_go_first() {
    let (_home, folder) = folder();
    let length = line(1000, noon()).text.len() as u64;
    let limits = Limits { file_bytes: length * 10, files: 3, ..Limits::default() };
    let (log, _) = open(&folder, limits);
    write(&log, &lines(1000..1025));
    assert_eq!(names(&folder), [1000, 1010, 1020], "one batch over several files, named by their first");
    write(&log, &lines(1025..1045));
    assert_eq!(names(&folder), [1020, 1030, 1040], "so many, and no more");
    let length = |first: &u64| fs::metadata(files::path(&folder, *first)).expect("there").len();
    assert!(names(&folder).iter().map(length).sum::<u64>() <= 3 * limits.file_bytes, "nor more bytes");
    assert_eq!(seqs(&log, &everything()), (1020..1045).collect::<Vec<_>>(), "in order, without a gap");
    assert_eq!(log.read(&everything()).expect("readable").oldest_seq, Some(1020), "as told");
    let last = seqs(&log, &Query { last: Some(7), ..everything() });
    assert_eq!(last, (1038..1045).collect::<Vec<_>>(), "over the end of a file");
    let after = seqs(&log, &Query { after: Some(1028), ..everything() });
    assert_eq!(after, (1029..1045).collect::<Vec<_>>(), "over two of them");
}

#[test]
fn each_day_has_files_of_its_own_and_what_is_too_old_goes() {
    let (_home, folder) = folder();
    let limits = Limits { days: 2, ..Limits::default() };
    let (log, _) = open(&folder, limits);
    let mut writer = Writer::new(log.clone());
    for day in 0..5 {
        let at = noon() + hours(24 * day);
        let first = 1000 + 2 * u64::try_from(day).expect("small");
        let batch = [line(first, at), line(first + 1, at)];
        writer.append(&batch).outcome.expect("writable");
        // As it would be if it had been written then.
        let file = File::options().append(true).open(newest(&folder)).expect("there");
        file.set_modified(SystemTime::from(at)).expect("ours");
    }
    log.tidy(noon() + hours(24 * 4));
    assert_eq!(names(&folder), [1004, 1006, 1008], "the day before yesterday is kept");
    let later = noon() + hours(24 * 40);
    let (log, found) = EventLog::open_at(folder.clone(), limits, later).expect("writable");
    assert_eq!((found.last_seq, found.begin_at()), (Some(1009), 3000), "the last number is known");
    assert_eq!(seqs(&log, &everything()), (1004..1010).collect::<Vec<_>>(), "nothing is newer than these");
    write(&log, &[line(2000, later)]);
    log.tidy(later);
    assert_eq!(seqs(&log, &everything()), [2000], "and now they are of long ago");
}

#[test]
fn a_clock_that_is_ahead_for_one_start_costs_no_event() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits::default());
    write(&log, &lines(1..=10));
    let ahead = noon() + hours(24 * 366);
    let (log, _) = EventLog::open_at(folder.clone(), Limits::default(), ahead).expect("writable");
    assert_eq!(seqs(&log, &everything()).len(), 10, "nothing newer is there");
    write(&log, &[line(1000, ahead)]);
    assert_eq!(seqs(&log, &everything()).len(), 11, "nor does the next file take them away");
    let (log, _) = open(&folder, Limits::default());
    assert_eq!(seqs(&log, &everything()).len(), 11, "and now the clock is right again");
}

#[test]
fn after_days_without_an_event_the_log_goes_on_in_order() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits { days: 1, ..Limits::default() });
    let mut writer = Writer::new(log.clone());
    writer.append(&lines(1..=3)).outcome.expect("writable");
    let days_ago = SystemTime::from(noon() - hours(24 * 4));
    let file = File::options().append(true).open(newest(&folder)).expect("there");
    file.set_modified(days_ago).expect("ours");
    log.tidy(noon());
    writer.append(&lines(4..=3000)).outcome.expect("writable");
    for after in [3, 4] {
        let query = Query { after: Some(after), ..everything() };
        assert_eq!(seqs(&log, &query), (after + 1..=3000).collect::<Vec<_>>(), "all after {after}");
    }
    let mut file = File::options().append(true).open(newest(&folder)).expect("there");
    file.write_all(b"{\"seq\": 3001").expect("ours");
    let (_, found) = open(&folder, log.limits);
    assert_eq!(found.torn, Some(Torn { bytes: 12 }), "the last line is found where it was written");
    assert!(found.begin_at() > 3001, "and the numbers go on behind it");
}

#[test]
fn an_empty_newest_file_hides_none_before_it() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits::default());
    write(&log, &lines(1..=10));
    fs::write(files::path(&folder, 4), "").expect("writable");
    let after = seqs(&log, &Query { after: Some(6), ..everything() });
    assert_eq!(after, [7, 8, 9, 10], "what a file without events is named is no answer");
}

#[test]
fn numbers_go_on_after_lines_of_a_newer_program_and_damaged_ones_are_none() {
    let (_home, folder) = folder();
    open(&folder, Limits::default());
    let newer = line(5000, noon()).text.replace("\"appeared\"", "\"later_kind\"");
    for (name, text, begin) in [
        (1, newer.clone(), 7000),
        (1, format!("{newer}{{\"seq\":{}}}\n", u64::MAX), 7000),
        (u64::MAX, String::new(), 7000),
        (u64::MAX - 1, format!("{{\"seq\":{}}}\n", u64::MAX), 7000),
    ] {
        fs::write(files::path(&folder, name), text).expect("writable");
        let (_, found) = open(&folder, Limits::default());
        assert_eq!(found.begin_at(), begin, "with a file named {name}");
    }
}

#[test]
fn wherever_the_last_line_was_torn_only_it_is_lost_and_that_is_told() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits::default());
    write(&log, &lines([1000, 1001]));
    let content = fs::read(newest(&folder)).expect("there");
    let whole = content.len() / 2;
    for end in whole..=content.len() {
        let file = newest(&folder);
        fs::write(&file, &content[..end]).expect("ours");
        let (log, found) = open(&folder, Limits::default());
        let torn = (end != whole && end != content.len()).then(|| Torn { bytes: (end - whole) as u64 });
        assert_eq!(found.torn, torn, "cut at {end}");
        let events = log.read(&everything()).expect("readable").events;
        let told: Vec<_> = events.iter().map(|event| (event.seq, event.kind)).collect();
        let second = match torn {
            Some(_) => Some((1001, Kind::LogTorn)),
            None => (end == content.len()).then_some((1001, Kind::Appeared)),
        };
        let expected: Vec<_> = [(1000, Kind::Appeared)].into_iter().chain(second).collect();
        assert_eq!(told, expected, "cut at {end}");
        assert_eq!(found.last_seq, expected.last().map(|(seq, _)| *seq), "it goes on after that");
        if let Some(torn) = torn {
            let detail = &events[1].detail;
            assert!(detail.contains(&format!("{} bytes", torn.bytes)), "in words: {detail}");
            assert_eq!((events[1].source.as_str(), &events[1].session), ("engine", &None), "of no session");
        }
    }
}

#[test]
fn a_damaged_line_costs_no_other() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits::default());
    write(&log, &lines([1000]));
    let mut file = File::options().append(true).open(newest(&folder)).expect("there");
    file.write_all(b"{\"seq\": 1001, \"time\n\xff\xfe\n\0\0\0\0\n\n").expect("ours");
    write(&log, &lines([1002]));
    file.write_all(b"{\"seq\": 10").expect("ours");
    let page = log.read(&everything()).expect("readable");
    let seqs: Vec<_> = page.events.iter().map(|event| event.seq).collect();
    assert_eq!((seqs, page.unreadable), (vec![1000, 1002], 4), "each of them is counted");
    let page = log.read(&Query { last: Some(1), ..everything() }).expect("readable");
    assert_eq!((page.events.len(), page.unreadable), (1, 1), "of those that were looked at");
    let (_, found) = open(&folder, Limits::default());
    assert_eq!(
        (found.torn, found.last_seq),
        (Some(Torn { bytes: 10 }), Some(1003)),
        "the last one is mended"
    );
}

#[test]
fn who_follows_hears_of_each_event_once_also_when_the_next_file_begins() {
    let (_home, folder) = folder();
    let nobody = EventLog::at(folder.clone()).read(&everything()).expect("no folder is no error");
    assert_eq!((nobody.events.len(), nobody.oldest_seq), (0, None), "it is empty");
    let mut follow = Follow::new(EventLog::at(folder.clone()), None, Filter::default());
    assert!(follow.poll().expect("readable").is_empty(), "nor is it one here");
    let length = line(1000, noon()).text.len() as u64;
    let limits = Limits { file_bytes: length * 3, files: 3, ..Limits::default() };
    let (log, _) = open(&folder, limits);
    let mut heard = Vec::new();
    for first in (1000..1040).step_by(4) {
        write(&log, &lines(first..first + 4));
        heard.extend(follow.poll().expect("readable").iter().map(|event| event.seq));
        assert!(follow.poll().expect("readable").is_empty(), "nothing twice");
    }
    assert_eq!(heard, (1000..1040).collect::<Vec<_>>(), "in order");
    let last = line(1040, noon()).text;
    let (half, rest) = last.as_bytes().split_at(20);
    let mut file = File::options().append(true).open(newest(&folder)).expect("there");
    file.write_all(half).expect("ours");
    assert!(follow.poll().expect("readable").is_empty(), "it is being written");
    file.write_all(rest).expect("ours");
    assert_eq!(follow.poll().expect("readable").len(), 1, "and now it is whole");
}

#[test]
fn a_look_at_the_end_of_a_full_log_is_quick() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits { file_bytes: 1 << 20, files: 4, days: 30 });
    write(&log, &lines(100_000..120_000));
    let some = log.read(&Query { last: Some(50), ..everything() }).expect("readable");
    assert_eq!(some.events.first().map(|event| event.seq), Some(119_950), "the last fifty");
    let last = newest(&folder);
    for (_, path) in files::list(&folder).expect("readable") {
        if path != last {
            fs::remove_file(&path).expect("ours");
            fs::create_dir(&path).expect("nobody can read that");
        }
    }
    let again = log.read(&Query { last: Some(50), ..everything() }).expect("older files are not even opened");
    assert_eq!(again.events, some.events, "the same");
}

#[cfg(unix)]
#[test]
fn it_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_home, folder) = folder();
    fs::create_dir_all(&folder).expect("writable");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("ours");
    let (log, _) = open(&folder, Limits::default());
    write(&log, &lines([1]));
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&newest(&folder))), (0o700, 0o600), "closed to others");
}

/// Brings Mayas, and takes them away.
struct World {
    registry: Registry,
    numbers: Numbers,
    stop: CancellationToken,
}

impl World {
    fn new() -> (Self, Subscription) {
        let registry = Registry::beginning_at(1000);
        let news = registry.subscribe();
        (Self { registry, numbers: Numbers::default(), stop: CancellationToken::new() }, news)
    }

    fn come(&self, pid: u32) {
        let process = Process::new(ProcessId { pid, started_at: 1 });
        self.registry.observe(&Observation::ProcessFound(process));
    }

    fn go(&self, pid: u32, ending: Ending) {
        let id = ProcessId { pid, started_at: 1 }.into();
        self.registry.observe(&Observation::ProcessEnded { id, ending });
    }

    /// Runs the log while `act` does.
    async fn log(&self, log: &EventLog, news: Subscription, act: impl Future<Output = ()>) {
        let writing = write_log(log.clone(), news, self.numbers.clone(), self.stop.clone());
        let ending = async {
            act.await;
            self.stop.cancel();
        };
        let both = async { tokio::join!(writing, ending) };
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("it ends");
    }

    fn forwarded(&self) -> u64 {
        let report = self.numbers.report();
        report.outlets.iter().filter(|one| one.outlet == Outlet::Log).map(|one| one.forwarded).sum()
    }

    fn failed(&self) -> u64 {
        let report = self.numbers.report();
        report.outlets.iter().filter_map(|one| one.dropped.get(&Dropped::Failed)).sum()
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        while !reached(self) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn every_event_is_written_also_those_that_come_with_the_end() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits::default());
    let (world, news) = World::new();
    world.come(1);
    let act = async {
        world.until(|world| world.forwarded() == 1).await;
        world.come(2);
        world.go(2, Ending::WithoutGoodbye { recovered_scene: None });
        world.stop.cancel();
        world.go(1, Ending::Goodbye);
    };
    world.log(&log, news, act).await;
    let page = log.read(&everything()).expect("readable");
    let told: Vec<_> = page.events.iter().map(|event| (event.seq, event.kind)).collect();
    let expected =
        [(1000, Kind::Appeared), (1001, Kind::Appeared), (1002, Kind::Crashed), (1003, Kind::Exited)];
    assert_eq!(told, expected, "in order, once");
    assert_eq!(world.forwarded(), 4, "and counted");
}

#[tokio::test]
async fn a_storm_is_written_whole() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits::default());
    let (world, news) = World::new();
    let act = async {
        for pid in 0..5000 {
            world.come(pid);
            world.go(pid, Ending::Goodbye);
            // The log has its turn before the ring is full.
            if pid % 200 == 0 {
                tokio::task::yield_now().await;
            }
        }
        world.until(|world| world.forwarded() == 10_000).await;
    };
    world.log(&log, news, act).await;
    assert!(seqs(&log, &everything()).into_iter().eq(1000..11_000), "in order, without a gap");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_costs_what_came_meanwhile_and_then_it_goes_on() {
    let (_home, folder) = folder();
    let (log, _) = open(&folder, Limits::default());
    let (world, news) = World::new();
    let full = files::path(&folder, 1000);
    std::os::unix::fs::symlink("/dev/full", &full).expect("writable");
    let act = async {
        world.come(1);
        world.until(|world| world.failed() == 1).await;
        world.come(2);
        world.until(|world| world.failed() == 2).await;
        fs::remove_file(&full).expect("ours");
        world.come(3);
        world.until(|world| world.forwarded() == 1).await;
        let events = log.read(&everything()).expect("readable").events;
        let told: Vec<_> = events.iter().map(|event| (event.seq, event.kind)).collect();
        let expected = [(1001, Kind::LogTorn), (1002, Kind::Appeared)];
        assert_eq!(told, expected, "what is not there is told, in its place");
        assert!(events[0].detail.contains("2 events"), "and how much it is: {}", events[0].detail);
        fs::remove_dir_all(&folder).expect("ours");
        world.come(4);
        world.until(|world| world.forwarded() == 2).await;
    };
    world.log(&log, news, act).await;
    assert_eq!(seqs(&log, &everything()), [1003], "also after somebody took the folder away");
    assert_eq!(log.read(&everything()).expect("readable").unreadable, 0, "and no line is broken");
}
