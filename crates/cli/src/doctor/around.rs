//! What the doctor looks at beside the engine: files, the port, the desktop, Maya's start-up files, the clients' settings.

use std::{fs, io, net::TcpListener, path::Path};

use maya_mcp_clients::{Client, State, Surroundings, status};
use maya_mcp_endpoint::{EndpointFile, Tokens};
use maya_mcp_hub::{EventLog, Home, Query, Reach, Settings, port_owner, port_owner_pid};
use maya_mcp_user_setup as user_setup;
use serde_json::Value;

use super::Check;

pub const START_AGAIN: &str = "Quit it and start it again. Run `maya-mcp doctor` again afterwards.";

/// An engine of ours that hangs, or is just starting or ending.
pub fn silent(pid: u32) -> String {
    format!("Maya MCP Tray runs (pid {pid}) but does not answer")
}

pub fn home(home: &Home) -> Check {
    let path = home.path().display();
    match is_open_to_others(home.path()) {
        Ok(false) => Check::ok("home", path.to_string()),
        Ok(true) => Check::problem(
            "home",
            format!("{path} is open to other users of this machine"),
            format!("Close it: chmod 700 {path}"),
        ),
        Err(error) => {
            Check::problem("home", format!("{path}: {error}"), "See to it that it is your own folder.")
        }
    }
}

#[cfg(unix)]
fn is_open_to_others(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(folder)?.permissions().mode() & 0o077 != 0)
}

/// It lies in the user's profile, which others cannot read.
#[cfg(not(unix))]
fn is_open_to_others(folder: &Path) -> io::Result<bool> {
    fs::metadata(folder).map(|_| false)
}

/// Of an engine that does not run: whether it could.
pub fn port(home: &Home, settings: &Settings) -> Check {
    let port = settings.port;
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Check::ok("port", format!("{port} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let own = EndpointFile::read(home.path()).ok().map(|file| file.pid);
            if let Some(pid) = port_owner_pid(port).filter(|pid| Some(*pid) == own) {
                return Check::problem("port", silent(pid), START_AGAIN);
            }
            let owner = port_owner(port).map(|owner| format!(" by {owner}")).unwrap_or_default();
            let advice = "End that program, or set another \"port\" in settings.json.";
            Check::problem("port", format!("{port} is taken{owner}"), advice)
        }
        Err(error) => {
            let advice = "Set another \"port\" in settings.json.";
            Check::problem("port", format!("{port} cannot be listened on: {error}"), advice)
        }
    }
}

/// What the engine says of its log, and what stands in the folder.
pub fn event_log(home: &Home, told: &Value) -> Check {
    let folder = home.events();
    let path = folder.display();
    if let Some(error) = told["error"].as_str() {
        let advice = "Make room on the disk, and see to it that the folder is your own.";
        return Check::problem("event log", format!("{path} is not written: {error}"), advice);
    }
    if !folder.exists() {
        return Check::ok("event log", format!("{path} begins with the first event"));
    }
    let looked = if told.is_null() { try_to_write(&folder) } else { Ok(()) };
    let page = looked.and_then(|()| EventLog::at(folder.clone()).read(&Query::default()));
    match page {
        Err(error) => {
            let advice = "See to it that the folder is your own, and can be written.";
            Check::problem("event log", format!("{path}: {error}"), advice)
        }
        Ok(page) => {
            let events = page.events.len();
            let rest = match page.unreadable {
                0 => String::new(),
                // Nothing to be done: the power failed, or an engine of another version has written.
                1 => "; 1 line cannot be read and is passed over".to_owned(),
                more => format!("; {more} lines cannot be read and are passed over"),
            };
            let word = if events == 1 { "event" } else { "events" };
            Check::ok("event log", format!("{path}, {events} {word}{rest}"))
        }
    }
}

/// Permissions alone do not tell it: the folder may be another user's, or on a file system that is full or cannot be written.
fn try_to_write(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    fs::File::create_new(&probe)?;
    fs::remove_file(&probe)
}

/// Who shows notices; none where the system cannot be asked.
#[cfg(all(unix, not(target_os = "macos")))]
pub async fn daemon() -> Option<Result<String, String>> {
    /// One that hangs is none.
    const WITHIN: std::time::Duration = std::time::Duration::from_secs(3);
    let asking = tokio::task::spawn_blocking(maya_mcp_hub::daemon);
    Some(match tokio::time::timeout(WITHIN, asking).await {
        Ok(Ok(answer)) => answer.map(|name| format!("{name} shows them")),
        Ok(Err(panicked)) => Err(panicked.to_string()),
        Err(_) => Err("the notification daemon does not answer".to_owned()),
    })
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn daemon() -> std::future::Ready<Option<Result<String, String>>> {
    std::future::ready(None)
}

/// Whether the tray could be drawn, where that needs more than the system has.
#[cfg(target_os = "linux")]
pub fn tray() -> Vec<Check> {
    const LIBRARIES: [&str; 2] = ["libayatana-appindicator3.so.1", "libappindicator3.so.1"];
    if !crate::serve::has_display(|name| std::env::var_os(name)) {
        return vec![Check::ok("tray", "there is no display here; `maya-mcp serve` needs none")];
    }
    let found = LIBRARIES.iter().find(|name| library_folders().any(|folder| folder.join(name).exists()));
    vec![match found {
        Some(name) => Check::ok("tray", format!("there is a display, and {name}")),
        None => Check::problem(
            "tray",
            format!("neither {} nor {} is installed", LIBRARIES[0], LIBRARIES[1]),
            "Install it (libayatana-appindicator3-1 on Debian and Ubuntu, libayatana-appindicator-gtk3 on Fedora) to have the tray; the window and `maya-mcp serve` do without.",
        ),
    }]
}

#[cfg(not(target_os = "linux"))]
pub fn tray() -> Vec<Check> {
    Vec::new()
}

/// Where the loader looks, in the distributions that artists have.
#[cfg(target_os = "linux")]
fn library_folders() -> impl Iterator<Item = std::path::PathBuf> {
    let named = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let named: Vec<_> = std::env::split_paths(&named).collect();
    let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let usual = [&multiarch, "/usr/lib64", "/usr/lib", "/usr/local/lib", "/lib64", "/lib"];
    named.into_iter().chain(usual.map(std::path::PathBuf::from))
}

/// Maya's start-up files that are not as we wrote them; one line when all are well.
pub fn autoconnect(home: &Home) -> Vec<Check> {
    const NAME: &str = "autoconnect";
    let around = match user_setup::Surroundings::from_env() {
        Ok(around) => around,
        Err(error) => {
            return vec![Check::problem(NAME, error.to_string(), "Set HOME to your home folder.")];
        }
    };
    let start = user_setup::Start { boot: home.path().join("boot.py") };
    let rows = user_setup::versions(&around).into_iter();
    let rows: Vec<_> = rows.map(|version| user_setup::status(version, &around, &start)).collect();
    let problem = |row: &user_setup::Status| {
        let version = row.version;
        match &row.state {
            user_setup::State::Off | user_setup::State::On => None,
            user_setup::State::Outdated => Some(Check::problem(
                NAME,
                format!("Maya {version} starts a helper of another home, or twice: {}", row.path.display()),
                format!("Run `maya-mcp autoconnect on {version}`, or `off`."),
            )),
            user_setup::State::Unreadable { why } => Some(Check::problem(
                NAME,
                format!("Maya {version}: {}: {why}", row.path.display()),
                "See to it that Maya and you can read that file.",
            )),
        }
    };
    let problems: Vec<_> = rows.iter().filter_map(problem).collect();
    if !problems.is_empty() {
        return problems;
    }
    let on = rows.iter().filter(|row| row.state == user_setup::State::On);
    let on: Vec<_> = on.map(|row| row.version.to_string()).collect();
    let found =
        if on.is_empty() { "no version of Maya".to_owned() } else { format!("Maya {}", on.join(", ")) };
    vec![Check::ok(NAME, format!("{found} connects by itself"))]
}

/// Clients that have our entry, and cannot come in with it.
pub fn clients(home: &Home, settings: &Settings) -> Vec<Check> {
    const NAME: &str = "clients";
    let failed = |found: String| vec![Check::problem(NAME, found, "Install Maya MCP Tray again.")];
    let around = match Surroundings::from_env() {
        Ok(around) => around,
        Err(error) => return vec![Check::problem(NAME, error.to_string(), "Set HOME to your home folder.")],
    };
    let tokens = match Tokens::open(home.tokens()) {
        Ok(tokens) => tokens,
        Err(error) => return failed(format!("the clients' tokens: {error}")),
    };
    let (mut connected, mut problems) = (Vec::new(), Vec::new());
    for client in Client::ALL {
        let reach = match Reach::as_it_is(home, settings, client.id()) {
            Ok(reach) => reach,
            Err(error) => return failed(error.to_string()),
        };
        let id = client.id();
        let again = format!("Run `maya-mcp clients connect {id}`.");
        let has_token = id.parse().is_ok_and(|name| tokens.has(&name));
        match status(client, &around, &reach.connection()).state {
            State::Connected | State::Outdated if !has_token => {
                let found = format!("{} has our entry, and no token any more", client.name());
                problems.push(Check::problem(NAME, found, again));
            }
            State::Outdated => {
                let found = format!("{} has an entry of ours that is out of date", client.name());
                problems.push(Check::problem(NAME, found, again));
            }
            State::Unreadable { why } => {
                let found = format!("{}: {why}", client.name());
                problems.push(Check::problem(NAME, found, "Correct its settings file."));
            }
            State::Connected => connected.push(client.name()),
            State::NotFound | State::NotConnected | State::NameTaken => {}
        }
    }
    if problems.is_empty() {
        let connected = if connected.is_empty() { "none".to_owned() } else { connected.join(", ") };
        problems.push(Check::ok(NAME, format!("connected: {connected}")));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torn_lines_of_the_log_are_counted_and_no_reason_to_worry() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("there");
        assert!(event_log(&home, &Value::Null).ok, "there is none yet");
        let events = folder.path().join("events");
        fs::create_dir(&events).expect("made");
        let event = |kind: &str| {
            let event = serde_json::json!({
                "seq": 1, "time": "2026-11-21T12:00:00Z", "source": "maya-1", "kind": kind, "session": "maya-1",
                "detail": "", "recovered_scene": null,
            });
            format!("{event}\n")
        };
        let lines = [event("ready"), event("ready"), event("of_another_version"), "{\"se".to_owned()];
        fs::write(events.join("1.jsonl"), lines.concat()).expect("written");
        fs::write(events.join("notes.txt"), "not ours").expect("written");
        let check = event_log(&home, &Value::Null);
        assert!(
            check.ok && check.found.contains("2 events; 2 lines cannot be read"),
            "as `events` does: {check:?}"
        );
        assert_eq!(fs::read_dir(&events).expect("there").count(), 2, "what was tried is gone again");
        let broken = event_log(&home, &serde_json::json!({ "error": "no space left" }));
        assert!(!broken.ok && broken.found.contains("no space left"), "what the engine says: {broken:?}");
    }

    /// Whatever its permissions say, and whoever runs this.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_log_that_nobody_can_write_is_a_problem() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("there");
        std::os::unix::fs::symlink("/proc/self/task", home.events()).expect("ours");
        let check = event_log(&home, &Value::Null);
        assert!(!check.ok && check.advice.is_some(), "no file can be made there: {check:?}");
        let running = serde_json::json!({ "path": home.events(), "error": null });
        assert!(event_log(&home, &running).ok, "a running engine knows it by itself");
    }

    #[test]
    fn a_port_that_our_own_engine_has_is_not_called_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("there");
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let settings = Settings { port: taken.local_addr().expect("bound").port(), ..Settings::default() };
        let file = serde_json::json!({
            "endpoint": format!("http://127.0.0.1:{}/mcp", settings.port), "pid": std::process::id(),
            "secret": "0".repeat(64), "version": "1",
        });
        fs::write(EndpointFile::path(home.path()), file.to_string()).expect("written");
        let check = port(&home, &settings);
        assert!(!check.ok && check.found.contains("does not answer"), "it hangs: {check:?}");
        assert!(check.advice.is_some_and(|advice| advice.contains("Quit it")), "no other port is needed");
    }

    #[test]
    fn a_port_that_is_taken_is_a_problem() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("there");
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let settings = Settings { port: taken.local_addr().expect("bound").port(), ..Settings::default() };
        assert!(!port(&home, &settings).ok, "somebody has it");
        drop(taken);
        assert!(port(&home, &settings).ok, "and now nobody");
    }

    #[cfg(unix)]
    #[test]
    fn a_home_that_others_can_look_into_is_a_problem() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let found = Home::find(Some(folder.path().to_owned())).expect("there");
        for (mode, ok) in [(0o700, true), (0o755, false), (0o770, false)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("ours");
            assert_eq!(home(&found).ok, ok, "{mode:o}");
        }
    }
}
