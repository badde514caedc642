//! The log against SIGKILL and against a file that may not grow, in a process of its own.

use std::{
    io::{self, BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    sync::LazyLock,
};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{
    tests::{event, everything, folder, noon},
    *,
};

const ROUNDS: usize = 200;
/// For the child: the folder.
const FOLDER: &str = "MAYA_MCP_TEST_EVENTS";
/// Its lines among those of the test's own harness.
const MARK: &str = "log ";
/// Batches of so many events, and files of a few of those, so that it is killed in all of its ways.
const MOST: u64 = 1000;
const LIMITS: Limits = Limits { file_bytes: 4 << 20, files: u64::MAX, days: 30 };

/// This very program, as the child that writes.
struct Writing {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Writing {
    #[expect(clippy::disallowed_methods, reason = "the door for this test")]
    fn start(folder: &Path, before: &str) -> Self {
        let own = std::env::current_exe().expect("it runs");
        let mut child = Command::new("sh")
            .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
            .arg(own)
            .args(["--exact", "log::killed_tests::the_child_writes", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    /// What it says next.
    fn hears(&mut self) -> Option<String> {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        lines.find_map(|line| line.strip_prefix(MARK).map(str::to_owned))
    }

    fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
        // A last line without its end was said in full or not at all: the parts are written at once.
        std::iter::from_fn(|| self.hears()).collect()
    }
}

/// So that most of the child's time goes into writing.
fn long_line(seq: u64) -> Line {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let long = EventInfo { detail: "x".repeat(2000), ..event(0, "maya-1", Kind::Appeared, noon()) };
        Line::of(&long, noon()).text
    });
    Line { seq, at: noon(), text: TEXT.replacen("\"seq\":0", &format!("\"seq\":{seq}"), 1) }
}

/// Not a test of its own: what the others start.
#[test]
fn the_child_writes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (log, found) = EventLog::open(folder.into(), LIMITS).expect("writable");
    // Behind what the harness has begun to say.
    println!();
    println!("{MARK}torn {}", found.torn.map_or(0, |torn| torn.bytes));
    let mut next = found.last_seq.map_or(1, |last| last + 1);
    let mut writer = Writer::new(log);
    loop {
        let batch: Vec<_> = (next..next + 1 + next % MOST).map(long_line).collect();
        println!("{MARK}begins");
        let appended = writer.append(&batch);
        let written = &batch[..appended.written];
        let outcome = if appended.outcome.is_ok() { "whole" } else { "failed" };
        println!("{MARK}{outcome} {}", written.last().map_or(0, |line| line.seq));
        if appended.outcome.is_err() {
            // Until there is room again.
            io::stdin().read_line(&mut String::new()).expect("somebody waits for this");
        }
        next += batch.len() as u64;
    }
}

fn acknowledged(said: &str) -> u64 {
    said.strip_prefix("whole ").and_then(|seq| seq.parse().ok()).expect("the disk has room")
}

#[test]
fn killed_at_any_moment_it_has_all_that_it_has_acknowledged() {
    let (_home, folder) = folder();
    let (mut verified, mut torn_before, mut torn_rounds) = (0, 0, 0);
    for round in 0..=ROUNDS {
        let mut writing = Writing::start(&folder, "");
        let torn = writing.hears().expect("it has opened the log");
        assert_eq!(torn, format!("torn {torn_before}"), "round {round}: what the kill before has left");
        let mut said: Vec<_> = std::iter::from_fn(|| writing.hears()).take(1 + round * 7 % 6).collect();
        // Anywhere in what it does next: while it writes, or prepares to.
        for _ in 0..round * 7919 % 5000 {
            std::hint::spin_loop();
        }
        said.extend(writing.kill());
        let last = said.iter().rfind(|said| *said != "begins").map_or(0, |said| acknowledged(said));
        let query = Query { after: Some(verified), ..everything() };
        let page = EventLog::at(folder.clone()).read(&query).expect("readable");
        let told: Vec<u64> = page.events.iter().map(|event| event.seq).collect();
        assert!(told.iter().copied().eq(verified + 1..=verified + told.len() as u64), "each once, in order");
        let news = page.events.iter().map(|event| event.kind).collect::<Vec<_>>();
        let told_torn = news.iter().filter(|kind| **kind == Kind::LogTorn).count();
        assert_eq!(told_torn, usize::from(torn_before > 0), "round {round}: that is told, once, and first");
        verified += told.len() as u64;
        assert!(verified >= last, "round {round}: {last} was acknowledged, {verified} is there");
        let mut files = files::list(&folder).expect("readable");
        let content =
            files.pop().map(|(_, newest)| std::fs::read(newest).expect("readable")).unwrap_or_default();
        torn_before = content.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
        assert_eq!(
            page.unreadable,
            u64::from(torn_before > 0),
            "round {round}: at most the last line is torn"
        );
        torn_rounds += u64::from(torn_before > 0);
        // They are as they will be.
        for (_, path) in files {
            std::fs::remove_file(path).expect("ours");
        }
    }
    println!("{verified} events, {torn_rounds} times torn");
}

/// The system writes a part of what is asked for, as on a disk that becomes full.
#[test]
fn a_line_that_had_no_room_is_taken_back_and_the_next_one_begins_anew() {
    use std::io::Write as _;
    const ROOM: u64 = 100_000;
    let (_home, folder) = folder();
    let mut writing = Writing::start(&folder, "trap '' XFSZ;");
    writing.hears().expect("it has opened the log");
    let pid = Pid::from_child(&writing.child);
    let limited = |room| Rlimit { current: room, maximum: None };
    let whole = prlimit(Some(pid), Resource::Fsize, limited(Some(ROOM))).expect("it is ours");
    let failed = std::iter::from_fn(|| writing.hears()).find(|said| said.starts_with("failed"));
    assert!(failed.is_some(), "it says so");
    let log = EventLog::at(folder.clone());
    let before = log.read(&everything()).expect("readable");
    assert_eq!(before.unreadable, 0, "the part is taken back");
    prlimit(Some(pid), Resource::Fsize, whole).expect("it may");
    let mut input = writing.child.stdin.take().expect("piped");
    input.write_all(b"go on\n").expect("it waits");
    let said = std::iter::from_fn(|| writing.hears()).find(|said| said != "begins");
    let last = acknowledged(&said.expect("it goes on"));
    writing.kill();
    let after = log.read(&Query { before: Some(last + 1), ..everything() }).expect("readable");
    assert!(after.events.len() > before.events.len(), "what came then is there");
    assert_eq!(after.events[..before.events.len()], before.events, "behind what was");
    assert_eq!(after.events.last().map(|event| event.seq), Some(last), "up to the last one");
}
