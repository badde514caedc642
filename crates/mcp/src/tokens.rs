//! The tokens of clients: one file each, in a folder that only this user can read.
//!
//! Invariant: memory holds only hashes; whether a token is good is decided in the same time for every wrong one, and a token whose
//! file is gone is refused at once, and what it had opened ends within two seconds.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use maya_mcp_notify::private_file::{self, OnConflict};
use maya_mcp_session::ClientName;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::secret::{hex, random};

/// So that a token is recognised as ours, by people and by programs that look for leaked secrets.
const PREFIX: &str = "maya_";

/// A token has 69 characters; whatever is much longer is none.
const LONGEST_FILE: u64 = 1024;
/// Between readings of the folder for tokens that are not known.
const READ_EVERY: Duration = Duration::from_millis(100);
/// Between looks whether the files of known tokens are still the same.
const LOOK_EVERY: Duration = Duration::from_millis(1800);

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Tokens {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    known: Mutex<Vec<Known>>,
    /// Held while the folder is read; when that last began.
    reading: Mutex<Option<Instant>>,
}

struct Known {
    grant: Grant,
    stamp: Stamp,
}

/// What a good token gives, as long as it is good.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub client: ClientName,
    pub hash: [u8; 32],
    /// Cancelled when the token is revoked or replaced.
    pub ended: CancellationToken,
}

/// Tells one state of a file from another.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Tokens {
    /// Makes the folder if it is not there.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        private_file::make_secret_dir(&dir)?;
        let shared = Arc::new(Shared { dir, known: Mutex::default(), reading: Mutex::default() });
        let tokens = Self { shared };
        tokens.load()?;
        Ok(tokens)
    }

    /// The client's token, made the first time. Safe while other processes do the same.
    pub fn token_for(&self, client: &ClientName) -> io::Result<String> {
        let path = self.path(client);
        match read_token(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => return read,
        }
        let token = format!("{PREFIX}{}", hex(&random::<32>()));
        match private_file::write(&path, token.as_bytes(), OnConflict::Keep) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Another process may have been first: what the file says is what holds.
        read_token(&path)
    }

    /// Whose token this is. Tokens made or revoked by other processes count at once.
    #[cfg(test)]
    fn client_of(&self, token: &str) -> Option<ClientName> {
        let hash = hash(token);
        // A new token, a changed one, a revoked one or a wrong one: the folder knows.
        self.good(&hash)
            .or_else(|| self.load().ok().and_then(|()| self.good(&hash)))
            .map(|grant| grant.client)
    }

    /// What this token gives. Tokens made or revoked by other processes count at once; who tries many wrong ones waits.
    pub(crate) async fn admit(&self, token: &str) -> Option<Grant> {
        let hash = hash(token);
        if let Some(grant) = self.good(&hash) {
            return Some(grant);
        }
        // A new token, a changed one, a revoked one or a wrong one: the folder knows.
        let asked = Instant::now();
        let last = *self.reading();
        if let Some(last) = last {
            sleep_until(last + READ_EVERY).await;
        }
        self.load_unless_read_since(asked)
            .inspect_err(|error| tracing::warn!(%error, "the folder of tokens cannot be read"))
            .ok()?;
        self.good(&hash)
    }

    /// Ends what was granted to tokens that are revoked or replaced.
    pub(crate) async fn watch(&self, stop: CancellationToken) {
        let watching = async {
            loop {
                sleep(LOOK_EVERY).await;
                if self.known().iter().all(|known| self.is_current(known)) {
                    continue;
                }
                if let Err(error) = self.load() {
                    tracing::warn!(%error, "the folder of tokens cannot be read");
                    self.known().retain(|known| {
                        let is_current = self.is_current(known);
                        if !is_current {
                            known.grant.ended.cancel();
                        }
                        is_current
                    });
                }
            }
        };
        stop.run_until_cancelled(watching).await;
    }

    /// False when there was none.
    pub fn revoke(&self, client: &ClientName) -> io::Result<bool> {
        let removed = match fs::remove_file(self.path(client)) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        self.known().retain(|known| {
            let stays = known.grant.client != *client;
            if !stays {
                known.grant.ended.cancel();
            }
            stays
        });
        Ok(removed)
    }

    /// True while the client has a token.
    pub fn has(&self, client: &ClientName) -> bool {
        self.path(client).exists()
    }

    /// Reads a client's token without making one: what a bridge may do.
    pub(crate) fn read(dir: &Path, client: &ClientName) -> io::Result<String> {
        read_token(&dir.join(client.as_str()))
    }

    fn path(&self, client: &ClientName) -> PathBuf {
        self.shared.dir.join(client.as_str())
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self) -> MutexGuard<'_, Option<Instant>> {
        self.shared.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_current(&self, known: &Known) -> bool {
        Stamp::of(&self.path(&known.grant.client)).is_ok_and(|now| now == known.stamp)
    }

    fn good(&self, hash: &[u8; 32]) -> Option<Grant> {
        let (grant, stamp) = self.find(hash)?;
        let is_current = Stamp::of(&self.path(&grant.client)).is_ok_and(|now| now == stamp);
        is_current.then_some(grant)
    }

    fn find(&self, hash: &[u8; 32]) -> Option<(Grant, Stamp)> {
        let known = self.known();
        let mut place = u32::MAX;
        for (index, one) in (0..).zip(known.iter()) {
            let same: Choice = one.grant.hash.ct_eq(hash);
            place.conditional_assign(&index, same);
        }
        known.get(place as usize).map(|one| (one.grant.clone(), one.stamp.clone()))
    }

    fn load(&self) -> io::Result<()> {
        self.load_unless_read_since(Instant::now())
    }

    fn load_unless_read_since(&self, time: Instant) -> io::Result<()> {
        let mut reading = self.reading();
        if reading.is_some_and(|last| last > time) {
            return Ok(());
        }
        *reading = Some(Instant::now());
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.shared.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(client) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let stamp = Stamp::of(&entry.path());
            let token = read_token(&entry.path());
            match (stamp, token) {
                (Ok(stamp), Ok(token)) => {
                    let grant = Grant { client, hash: hash(&token), ended: CancellationToken::new() };
                    found.push(Known { grant, stamp });
                }
                // A file that vanishes or is no token concerns nobody else.
                (Err(error), _) | (_, Err(error)) if is_final(&error) => {}
                (stamp, _) => unread.push((client, stamp.ok())),
            }
        }
        // Held back for a moment, by a scanner for one: what is known of the same file holds.
        let is_unread = |old: &Known| {
            let is_same = |stamp: &Option<Stamp>| stamp.as_ref().is_none_or(|stamp| *stamp == old.stamp);
            unread.iter().any(|(client, stamp)| *client == old.grant.client && is_same(stamp))
        };
        let mut known = self.known();
        for old in known.drain(..) {
            let is_same =
                |new: &&mut Known| new.grant.client == old.grant.client && new.grant.hash == old.grant.hash;
            match found.iter_mut().find(is_same) {
                Some(new) => new.grant.ended = old.grant.ended,
                None if is_unread(&old) => found.push(old),
                None => old.grant.ended.cancel(),
            }
        }
        *known = found;
        Ok(())
    }
}

/// There is no token, now and at the next look.
fn is_final(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        })
    }
}

fn read_token(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for somebody to write into it.
    let metadata = fs::metadata(path)?;
    let mut text = String::new();
    if metadata.is_file() && metadata.len() <= LONGEST_FILE {
        fs::File::open(path)?.take(LONGEST_FILE).read_to_string(&mut text)?;
    }
    let token = text.trim();
    let digits = token.strip_prefix(PREFIX).unwrap_or_default();
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(token.to_owned());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} holds no token. Delete it, and a new one is made", path.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ClientName {
        text.parse().expect("a good name")
    }

    fn folder() -> (tempfile::TempDir, Tokens) {
        let dir = tempfile::tempdir().expect("a folder");
        let tokens = Tokens::open(dir.path().join("tokens")).expect("it can be made");
        (dir, tokens)
    }

    #[test]
    fn a_client_keeps_its_token_and_is_known_by_it() {
        let (_dir, tokens) = folder();
        let first = tokens.token_for(&name("cursor")).expect("made");
        let other = tokens.token_for(&name("zed")).expect("made");
        assert_eq!(tokens.token_for(&name("cursor")).expect("read"), first, "it stays the same");
        assert_ne!(first, other, "each client has its own");
        assert_eq!(tokens.client_of(&first), Some(name("cursor")), "it tells who calls");
        assert_eq!(tokens.client_of(&other), Some(name("zed")), "it tells who calls");
        for wrong in ["", "maya_", &first[..first.len() - 1], &first.to_uppercase()] {
            assert_eq!(tokens.client_of(wrong), None, "{wrong:?} is nobody's token");
        }
    }

    #[test]
    fn what_another_process_makes_or_revokes_counts_at_once() {
        let (_dir, engine) = folder();
        let other_process = Tokens::open(engine.shared.dir.clone()).expect("the same folder");
        let token = other_process.token_for(&name("cursor")).expect("made");
        assert_eq!(engine.client_of(&token), Some(name("cursor")), "new to the engine, and good");
        assert!(other_process.revoke(&name("cursor")).expect("removed"), "there was one");
        assert_eq!(engine.client_of(&token), None, "revoked means refused");
        let second = other_process.token_for(&name("cursor")).expect("made anew");
        assert_ne!(second, token, "a new token after revoking");
        assert_eq!(engine.client_of(&token), None, "the old one stays refused");
        assert_eq!(engine.client_of(&second), Some(name("cursor")), "the new one is good");
        assert!(!engine.revoke(&name("nobody")).expect("no fault"), "there was none");
    }

    #[test]
    fn two_that_race_get_the_same_token() {
        let (_dir, tokens) = folder();
        let made: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| tokens.token_for(&name("cursor")))).collect();
            racers.into_iter().map(|racer| racer.join().expect("no panic").expect("a token")).collect()
        });
        assert!(made.iter().all(|token| *token == made[0]), "one file, one token");
        let files = fs::read_dir(&tokens.shared.dir).expect("readable").count();
        assert_eq!(files, 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_a_token() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, tokens) = folder();
        tokens.token_for(&name("cursor")).expect("made");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&tokens.shared.dir), 0o700, "the folder");
        assert_eq!(mode(&tokens.path(&name("cursor"))), 0o600, "the file");
    }

    #[test]
    fn a_file_without_a_token_is_left_alone_and_grants_nothing() {
        let (_dir, tokens) = folder();
        fs::write(tokens.path(&name("cursor")), "").expect("written");
        assert_eq!(tokens.client_of(""), None, "an empty token is none");
        let error = tokens.token_for(&name("cursor")).expect_err("nothing to give");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "and it says so");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_token_gave_ends_when_its_file_goes_or_changes() {
        let (_dir, tokens) = folder();
        let (cursor, zed) = (tokens.token_for(&name("cursor")), tokens.token_for(&name("zed")));
        let cursor = tokens.admit(&cursor.expect("made")).await.expect("good");
        let zed = tokens.admit(&zed.expect("made")).await.expect("good");
        fs::remove_file(tokens.path(&name("cursor"))).expect("there");
        let watching = async {
            cursor.ended.cancelled().await;
            assert!(!zed.ended.is_cancelled(), "the other one stays");
            let other = format!("{PREFIX}{}", "0".repeat(64));
            private_file::write(&tokens.path(&name("zed")), other.as_bytes(), OnConflict::Replace)
                .expect("replaced");
            zed.ended.cancelled().await;
            assert!(tokens.admit(&other).await.is_some(), "the new one is good");
        };
        tokio::select! {
            () = watching => {}
            () = tokens.watch(CancellationToken::new()) => unreachable!("it watches for ever"),
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_cannot_be_read_for_a_moment_ends_nothing() {
        let (dir, tokens) = folder();
        let token = tokens.token_for(&name("cursor")).expect("made");
        let before = tokens.admit(&token).await.expect("good");
        let (path, aside) = (tokens.path(&name("cursor")), dir.path().join("aside"));
        fs::rename(&path, &aside).expect("moved");
        // No system reads a link to itself, whoever asks.
        std::os::unix::fs::symlink(&path, &path).expect("linked");
        assert!(tokens.admit(&token).await.is_none(), "nobody comes in while it cannot be read");
        assert!(!before.ended.is_cancelled(), "what was opened goes on");
        fs::rename(&aside, &path).expect("moved back");
        let after = tokens.admit(&token).await.expect("good again");
        before.ended.cancel();
        assert!(after.ended.is_cancelled(), "and it is the same grant");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_no_small_file_is_not_even_opened() {
        let (_dir, tokens) = folder();
        let good = tokens.token_for(&name("cursor")).expect("made");
        #[expect(clippy::disallowed_methods, reason = "there is no call for it in the standard library")]
        let made = std::process::Command::new("mkfifo").arg(tokens.path(&name("pipe"))).status();
        assert!(made.expect("mkfifo is there").success(), "a pipe");
        fs::write(tokens.path(&name("long")), vec![b'a'; 4096]).expect("written");
        assert_eq!(tokens.client_of(&good), Some(name("cursor")), "nobody waits for the pipe");
        assert!(tokens.token_for(&name("pipe")).is_err(), "a pipe is no token");
    }
}
