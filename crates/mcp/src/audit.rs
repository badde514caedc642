//! Who called what: one line of JSON for each call of a tool.
//!
//! Invariant: no call waits for the disk; what cannot be written is counted, and the file's size is bounded.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use maya_mcp_notify::private_file;
use maya_mcp_session::{ClientName, clock};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Lines on their way to the disk. More means that it does not take any.
const WAITING: usize = 256;
/// Of the arguments, in bytes, where they are wanted.
const LONGEST: usize = 64 << 10;
/// Of one file, in bytes; then the next one begins,
const LARGEST: u64 = 8 << 20;
/// and so many earlier ones are kept.
const KEPT: usize = 4;
/// After the engine's end: for the lines of the calls that ended with it.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Where the lines go.
#[derive(Debug, Clone)]
pub struct AuditLog {
    pub path: PathBuf,
    pub text: AuditText,
}

/// Whether a line holds the arguments themselves beside their digest: an artist's scripts are nobody's business by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditText {
    #[default]
    Digest,
    Arguments,
}

/// One call, as it is written.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// When it ended (RFC 3339, UTC).
    pub time: String,
    pub client: ClientName,
    pub tool: String,
    /// Those that it was about; empty where it was about none.
    pub sessions: Vec<String>,
    /// SHA-256 of the arguments' JSON text, of all of it.
    pub digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    pub duration_ms: f64,
    /// `ok`, `error` (in the artist's code or scene), `refused`, `asked`, `cancelled`, `abandoned`, `lost`.
    pub ended: &'static str,
}

#[derive(Debug)]
pub(crate) struct Audit {
    lines: mpsc::Sender<Line>,
    text: AuditText,
    lost: AtomicU64,
}

impl Audit {
    pub fn new(text: AuditText) -> (Self, mpsc::Receiver<Line>) {
        let (lines, written) = mpsc::channel(WAITING);
        (Self { lines, text, lost: AtomicU64::new(0) }, written)
    }

    pub fn record(&self, line: Line) {
        if self.lines.try_send(line).is_err() && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("a call could not be put into the audit log");
        }
    }

    /// What of the arguments is written down.
    pub fn text_of(&self, arguments: &str) -> Option<String> {
        let end = arguments.floor_char_boundary(LONGEST);
        (self.text == AuditText::Arguments).then(|| arguments[..end].to_owned())
    }

    pub fn now() -> String {
        clock::now().to_string()
    }
}

/// Writes until `stop`, and then what is left.
pub(crate) async fn write(path: PathBuf, mut lines: mpsc::Receiver<Line>, stop: CancellationToken) {
    let mut batch = Vec::new();
    let mut failed_before = false;
    loop {
        batch.clear();
        let next = async {
            if lines.recv_many(&mut batch, WAITING).await == 0 {
                std::future::pending::<()>().await;
            }
        };
        let stopping = tokio::select! {
            biased;
            () = next => false,
            () = stop.cancelled() => true,
        };
        if stopping && timeout(LAST_LINES, lines.recv_many(&mut batch, WAITING)).await.is_err() {
            return;
        }
        let text: String = batch.iter().map(text_of).collect();
        let path = path.clone();
        let writing = spawn_blocking(move || append(&path, &text));
        // A disk that does not answer must not keep the engine from its end.
        let given_up = async {
            stop.cancelled().await;
            sleep(LAST_LINES).await;
        };
        let written = tokio::select! {
            written = writing => written.unwrap_or_else(|panicked| Err(io::Error::other(panicked))),
            () = given_up => Err(io::ErrorKind::TimedOut.into()),
        };
        let failed = written.err();
        if let (Some(error), false) = (&failed, failed_before) {
            tracing::warn!(%error, lines = batch.len(), "the audit log cannot be written");
        }
        failed_before = failed.is_some();
    }
}

fn text_of(line: &Line) -> String {
    serde_json::to_string(line).expect("our own types always serialize") + "\n"
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|about| about.len() >= LARGEST) {
        // A file that somebody holds open (on Windows) is written on.
        let _ = make_room(path);
    }
    private_file::append(path)?.write_all(text.as_bytes())
}

/// `audit.jsonl` becomes `audit.jsonl.1`, and so on; the oldest goes.
fn make_room(path: &Path) -> io::Result<()> {
    let numbered = |number: usize| PathBuf::from(format!("{}.{number}", path.display()));
    for number in (1..KEPT).rev() {
        match std::fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(path, numbered(1))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(tool: &str) -> Line {
        Line {
            time: Audit::now(),
            client: "cursor".parse().expect("a good name"),
            tool: tool.to_owned(),
            sessions: vec!["maya-1".to_owned()],
            digest: "00".to_owned(),
            arguments: None,
            duration_ms: 1.5,
            ended: "ok",
        }
    }

    #[tokio::test]
    async fn every_call_is_a_line_also_those_that_end_with_the_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("logs").join("audit.jsonl");
        let (audit, lines) = Audit::new(AuditText::Digest);
        let stop = CancellationToken::new();
        audit.record(line("one"));
        let ending = async {
            stop.cancel();
            audit.record(line("two"));
        };
        tokio::join!(write(path.clone(), lines, stop.clone()), ending);
        let text = fs::read_to_string(&path).expect("written");
        let tools: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["tool"].to_string())
            .collect();
        assert_eq!(tools, ["\"one\"", "\"two\""], "in their order");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "for its owner alone");
        }
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_holds_up_nobody_and_is_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        fs::create_dir(&path).expect("in its way");
        let (audit, lines) = Audit::new(AuditText::Digest);
        for _ in 0..WAITING * 2 {
            audit.record(line("lost"));
        }
        assert_eq!(audit.lost.load(Ordering::Relaxed), WAITING as u64, "what has no room is counted");
        let stop = CancellationToken::new();
        let mending = async {
            while audit.lines.capacity() < WAITING {
                tokio::task::yield_now().await;
            }
            while fs::remove_dir(&path).is_err() {
                tokio::task::yield_now().await;
            }
            audit.record(line("kept"));
            stop.cancel();
        };
        tokio::join!(write(path.clone(), lines, stop.clone()), mending);
        assert!(fs::read_to_string(&path).expect("written").contains("kept"), "it goes on");
    }

    #[test]
    fn old_lines_make_room_for_new_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let large = "x".repeat(usize::try_from(LARGEST).expect("some megabytes"));
        for round in 0..KEPT + 3 {
            append(&path, &format!("{round}")).expect("written");
            append(&path, &large).expect("written");
        }
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .expect("readable")
            .map(|entry| entry.expect("readable").file_name().into_string().expect("plain"))
            .collect();
        names.sort();
        let wanted: Vec<String> = (0..=KEPT)
            .map(
                |number| if number == 0 { "audit.jsonl".to_owned() } else { format!("audit.jsonl.{number}") },
            )
            .collect();
        assert_eq!(names, wanted, "so many, and no more");
        let newest = fs::read(&path).expect("readable");
        assert!(
            newest.starts_with(format!("{}", KEPT + 2).as_bytes()),
            "the newest lines are in the plain name"
        );
    }
}
