//! Helpers that were started with their Maya, and left word of where they are: `run/announced/<pid>.json`.
//!
//! Invariant: a file counts only when nobody but this user can have written or read it; that the helper is the one who wrote it is
//! proven by the link's handshake.

use std::{
    fs,
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use serde::Deserialize;

use crate::{Access, HelperAddress, HelperFiles, proof::Secret};

/// What is written there has some 150 bytes.
const LONGEST: u64 = 4096;

#[derive(Debug, Deserialize)]
struct Announcement {
    maya_mcp: u32,
    pid: u32,
    port: u16,
    secret: String,
}

impl HelperFiles {
    /// Where the helper listens that was started with the Maya of this pid; `None` when there is no word of it.
    pub fn announced(&self, pid: u32) -> Option<HelperAddress> {
        let path = self.announcement(pid);
        match read(&path) {
            Ok(text) => {
                let helper = understand(&text, pid);
                if helper.is_none() {
                    tracing::warn!(pid, path = %path.display(), "an announcement cannot be read as one");
                }
                helper
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(pid, path = %path.display(), %error, "an announcement is left alone");
                None
            }
        }
    }

    /// Takes away what a Maya left that ended without doing so itself.
    pub fn forget_announcement(&self, pid: u32) {
        remove(&self.announcement(pid));
    }

    /// The same for every process that is gone, half written ones included.
    pub fn forget_old_announcements(&self, is_alive: impl Fn(u32) -> bool) {
        for entry in fs::read_dir(self.announcements()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.split('.').next()?.parse().ok());
            if pid.is_some_and(|pid| !is_alive(pid)) {
                remove(&entry.path());
            }
        }
    }
}

fn understand(text: &[u8], pid: u32) -> Option<HelperAddress> {
    let told = serde_json::from_slice::<Announcement>(text).ok()?;
    let secret = Secret::from_hex(&told.secret)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, told.port));
    (told.maya_mcp == 1 && told.pid == pid && told.port != 0)
        .then_some(HelperAddress { address, access: Access::Secret(secret) })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_private(&metadata) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not this user's alone"));
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}

/// Follows no link, and does not wait for the writer of a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    fs::OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<fs::File> {
    fs::File::open(path)
}

#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    const OTHERS: u32 = 0o077;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & OTHERS == 0
}

/// It lies below the user's profile, where others have no access.
#[cfg(not(unix))]
fn is_private(_metadata: &fs::Metadata) -> bool {
    true
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(path = %path.display(), %error, "an old announcement stays");
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;

    const PID: u32 = 8453;

    struct Home {
        _folder: tempfile::TempDir,
        files: HelperFiles,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let files = HelperFiles::install(folder.path()).expect("the folder is writable");
            Self { _folder: folder, files }
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.files.announcements().join(name);
            fs::write(&path, text).expect("written");
            #[cfg(unix)]
            set_mode(&path, 0o600);
            path
        }
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    fn good() -> Value {
        json!({"maya_mcp": 1, "pid": PID, "port": 51234, "secret": "0f".repeat(32), "helper": "abc"})
    }

    #[test]
    fn an_announcement_says_where_and_with_what_secret() {
        let home = Home::new();
        assert!(home.files.announced(PID).is_none(), "nobody said anything yet");
        home.write("8453.json", &good().to_string());
        let helper = home.files.announced(PID).expect("it is of the agreed form");
        assert_eq!(helper.address.to_string(), "127.0.0.1:51234", "on loopback, always");
        let Access::Secret(secret) = helper.access else { panic!("a port of the helper's own") };
        assert_eq!(secret.to_hex(), "0f".repeat(32), "the secret");
        assert!(home.files.announced(PID + 1).is_none(), "each Maya has its own");
    }

    #[test]
    fn whatever_is_not_of_the_agreed_form_does_not_count() {
        let home = Home::new();
        let with = |field: &str, value: Value| {
            let mut told = good();
            told[field] = value;
            told.to_string()
        };
        for (why, text) in [
            ("nothing", String::new()),
            ("no JSON", "{".to_owned()),
            ("a list", "[]".to_owned()),
            ("another version", with("maya_mcp", json!(2))),
            ("another process", with("pid", json!(1))),
            ("no port", with("port", json!(0))),
            ("a port beyond all ports", with("port", json!(65536))),
            ("a port in words", with("port", json!("51234"))),
            ("a short secret", with("secret", json!("0f".repeat(31)))),
            ("a long secret", with("secret", json!("0f".repeat(33)))),
            ("a secret that is not hexadecimal", with("secret", json!("+f".repeat(32)))),
            ("a secret of wide letters", with("secret", json!("é".repeat(32)))),
            ("more than one reads", with("helper", json!("a".repeat(5000)))),
        ] {
            home.write("8453.json", &text);
            assert!(home.files.announced(PID).is_none(), "{why}");
        }
    }

    #[test]
    fn what_a_crash_left_is_forgotten_and_nothing_else() {
        let home = Home::new();
        let stays = [home.write("8453.json", "{}"), home.write("notes.json", "{}")];
        let goes = [home.write("77.json", "{}"), home.write("77.json.0a1b2c3d.new", "")];
        home.files.forget_old_announcements(|pid| pid == PID);
        assert!(stays.iter().all(|path| path.exists()), "of a living process, or not ours");
        assert!(!goes.iter().any(|path| path.exists()), "of a process that is gone");
        home.files.forget_announcement(PID);
        home.files.forget_announcement(PID);
        assert!(!stays[0].exists(), "once it is known to have ended");
    }

    #[cfg(unix)]
    #[test]
    fn what_others_could_have_seen_does_not_count() {
        let home = Home::new();
        let path = home.write("8453.json", &good().to_string());
        for mode in [0o640, 0o604, 0o620, 0o602] {
            set_mode(&path, mode);
            assert!(home.files.announced(PID).is_none(), "mode {mode:o}");
        }
        set_mode(&path, 0o600);
        assert!(home.files.announced(PID).is_some(), "this user's alone");
        let elsewhere = home.files.announcements().join("elsewhere");
        fs::rename(&path, &elsewhere).expect("moved");
        std::os::unix::fs::symlink(&elsewhere, &path).expect("linked");
        assert!(home.files.announced(PID).is_none(), "a link may lead anywhere");
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a folder of that name");
        assert!(home.files.announced(PID).is_none(), "a folder");
    }
}
