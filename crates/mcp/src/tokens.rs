//! The tokens of clients: one file each, in a folder that only this user can read.
//!
//! Invariant: memory holds only hashes; whether a token is good is decided in the same time for every wrong one, and a token whose
//! file is gone is refused at once.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use maya_mcp_session::ClientName;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::{
    private_file::{self, OnConflict},
    secret::{hex, random},
};

/// So that a token is recognised as ours, by people and by programs that look for leaked secrets.
const PREFIX: &str = "maya_";

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Tokens {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    known: Mutex<Vec<Known>>,
}

struct Known {
    client: ClientName,
    hash: [u8; 32],
    stamp: Stamp,
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
        private_file::make_dir(&dir)?;
        let shared = Arc::new(Shared { dir, known: Mutex::default() });
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
    pub fn client_of(&self, token: &str) -> Option<ClientName> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some((client, stamp)) = self.find(&hash)
            && Stamp::of(&self.path(&client)).is_ok_and(|now| now == stamp)
        {
            return Some(client);
        }
        // A new token, a changed one, a revoked one or a wrong one: the folder knows.
        self.load()
            .inspect_err(|error| tracing::warn!(%error, "the folder of tokens cannot be read"))
            .ok()?;
        self.find(&hash).map(|(client, _)| client)
    }

    /// False when there was none.
    pub fn revoke(&self, client: &ClientName) -> io::Result<bool> {
        let removed = match fs::remove_file(self.path(client)) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        self.known().retain(|known| known.client != *client);
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

    fn find(&self, hash: &[u8; 32]) -> Option<(ClientName, Stamp)> {
        let known = self.known();
        let mut place = u32::MAX;
        for (index, one) in (0..).zip(known.iter()) {
            let same: Choice = one.hash.ct_eq(hash);
            place.conditional_assign(&index, same);
        }
        known.get(place as usize).map(|one| (one.client.clone(), one.stamp.clone()))
    }

    fn load(&self) -> io::Result<()> {
        let mut known = Vec::new();
        for entry in fs::read_dir(&self.shared.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(client) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // A file that vanishes or is no token concerns nobody else.
            let Ok(stamp) = Stamp::of(&entry.path()) else { continue };
            let Ok(token) = read_token(&entry.path()) else { continue };
            known.push(Known { client, hash: Sha256::digest(token.as_bytes()).into(), stamp });
        }
        *self.known() = known;
        Ok(())
    }
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
    let text = fs::read_to_string(path)?;
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
}
