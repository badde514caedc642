//! What the doctor looks at beside the engine: files, the port, the desktop, Maya's start-up files, the clients' settings.

use std::{fs, io, net::TcpListener, path::Path, time::Duration};

use maya_mcp_clients::{Client, State, Surroundings, status};
use maya_mcp_endpoint::Tokens;
use maya_mcp_hub::{Home, Reach, Settings, port_owner};
use maya_mcp_user_setup as user_setup;
use serde_json::Value;

use super::Check;

/// A daemon that hangs is none.
const DAEMON: Duration = Duration::from_secs(3);

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
pub fn port(settings: &Settings) -> Check {
    let port = settings.port;
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Check::ok("port", format!("{port} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
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
    let folder = home.path().join("events");
    let path = folder.display();
    if let Some(error) = told["error"].as_str() {
        let advice = "Make room on the disk, and see to it that the folder is your own.";
        return Check::problem("event log", format!("{path} is not written: {error}"), advice);
    }
    if !folder.exists() {
        return Check::ok("event log", format!("{path} begins with the first event"));
    }
    match look_into(&folder) {
        Err(error) => {
            let advice = "See to it that the folder is your own, and can be written.";
            Check::problem("event log", format!("{path}: {error}"), advice)
        }
        Ok(Lines { whole, torn: 0 }) => Check::ok("event log", format!("{path}, {whole} lines")),
        // Nothing to be done: it happens when the power fails, and nothing else of the log is touched.
        Ok(Lines { whole, torn }) => {
            Check::ok("event log", format!("{path}, {whole} lines; {torn} torn ones are passed over"))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Lines {
    whole: usize,
    torn: usize,
}

fn look_into(folder: &Path) -> io::Result<Lines> {
    if fs::metadata(folder)?.permissions().readonly() {
        return Err(io::ErrorKind::ReadOnlyFilesystem.into());
    }
    let mut lines = Lines { whole: 0, torn: 0 };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let bytes = fs::read(path)?;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
                Ok(_) => lines.whole += 1,
                Err(_) => lines.torn += 1,
            }
        }
    }
    Ok(lines)
}

/// Who shows notices; none where the system cannot be asked.
#[cfg(all(unix, not(target_os = "macos")))]
pub async fn daemon() -> Option<Result<String, String>> {
    let asking = tokio::task::spawn_blocking(maya_mcp_hub::daemon);
    Some(match tokio::time::timeout(DAEMON, asking).await {
        Ok(Ok(answer)) => answer.map(|name| format!("{name} shows them")),
        Ok(Err(panicked)) => Err(panicked.to_string()),
        Err(_) => Err("the notification daemon does not answer".to_owned()),
    })
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
pub async fn daemon() -> Option<Result<String, String>> {
    None
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
        fs::write(events.join("1.jsonl"), "{\"seq\":1}\n{\"seq\":2}\n{\"se").expect("written");
        fs::write(events.join("notes.txt"), "not ours").expect("written");
        assert_eq!(look_into(&events).expect("readable"), Lines { whole: 2, torn: 1 }, "of our files only");
        let check = event_log(&home, &Value::Null);
        assert!(check.ok && check.found.contains("2 lines; 1 torn"), "{check:?}");
        let broken = event_log(&home, &serde_json::json!({ "error": "no space left" }));
        assert!(!broken.ok && broken.found.contains("no space left"), "what the engine says: {broken:?}");
    }

    #[test]
    fn a_port_that_is_taken_is_a_problem() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let settings = Settings { port: taken.local_addr().expect("bound").port(), ..Settings::default() };
        assert!(!port(&settings).ok, "somebody has it");
        drop(taken);
        assert!(port(&settings).ok, "and now nobody");
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
