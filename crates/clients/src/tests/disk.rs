//! What is on the disk after each way through, the bad ones included.

use std::{fs, path::Path};

use super::{Home, TOKEN, bridge, connection};
use crate::{
    Client, Connection, Error, Outcome, State, connect, disconnect,
    file::{Found, Readers},
    preview, status,
};

const ELSEWHERE: &str = if cfg!(windows) { "C:/new/maya-mcp.exe" } else { "/new/maya-mcp" };
const DESKTOP: Client = Client::ClaudeDesktop;
const CODE: Client = Client::ClaudeCode;

#[test]
fn the_first_bytes_come_back() {
    fn check(before: Option<&str>, outcome: Outcome) {
        let bridge = bridge();
        for client in Client::ALL {
            let home = Home::new();
            if let Some(text) = before {
                fs::write(home.file(client), text).expect("written");
            }
            let connected = home.connect(client, &connection(&bridge));
            assert_eq!(
                connected.backup.is_some(),
                before.is_some(),
                "a backup of what was there: {before:?}"
            );
            let state = status(client, &home.around, &connection(&bridge)).state;
            assert_eq!(state, State::Connected, "{client} from {before:?}");
            // An update on the way changes nothing about the way back.
            let moved = Connection { bridge: Path::new(ELSEWHERE), token: "new", ..connection(&bridge) };
            home.connect(client, &moved);
            assert_eq!(home.disconnect(client, &moved).outcome, outcome, "{client} from {before:?}");
            assert_eq!(home.bytes(client).as_deref(), before.map(str::as_bytes), "{client}: byte for byte");
        }
    }
    check(None, Outcome::FileRemoved);
    for before in [
        "",
        "\n",
        "\u{feff}",
        "{}",
        "{}\n",
        "{ }",
        "{\n}",
        "{\r\n\r\n}\r\n",
        "// note",
        "{ // note\n }",
        "{\"mcpServers\":{}}",
        "{\"mcpServers\": { }}",
        "{\n  \"mcpServers\": {\n  }\n}",
        "{\n\t\"mcpServers\": {\n\t\t// none yet\n\t},\n}\n",
        "{\"a\":1}",
        "{\"a\":1,}",
        "\u{feff}{\r\n\t\"big\": 123456789012345678901234567890,\r\n\t\"mcpServers\": {\"x\": {\"args\": [\",}\"]}}\r\n}",
        "{\n  \"mcpServers\": {\n    \"maya\": { \"command\": \"uvx\", \"args\": [\"theirs\"] } // mine\n  }\n}",
    ] {
        check(Some(before), Outcome::Restored);
    }
}

#[test]
fn after_other_changes_only_our_entry_goes() {
    fn check(why: &str, before: Option<&str>, change: (&str, &str), after: Option<&str>) {
        let bridge = bridge();
        let home = Home::new();
        if let Some(before) = before {
            fs::write(home.file(CODE), before).expect("written");
        }
        home.connect(CODE, &connection(&bridge));
        let text = home.text(CODE);
        assert!(text.contains(change.0), "{why}: nothing to change in {text}");
        fs::write(home.file(CODE), text.replacen(change.0, change.1, 1)).expect("written");
        home.disconnect(CODE, &connection(&bridge));
        assert_eq!(
            home.bytes(CODE).map(|bytes| String::from_utf8(bytes).expect("text")).as_deref(),
            after,
            "{why}"
        );
    }
    check(
        "a section that we made goes",
        Some("{\n  \"starts\": 1\n}\n"),
        ("\"starts\": 1", "\"starts\": 2"),
        Some("{\n  \"starts\": 2\n}\n"),
    );
    check(
        "an empty section that was there stays",
        Some("{\n  \"starts\": 1,\n  \"mcpServers\": {}\n}\n"),
        ("\"starts\": 1", "\"starts\": 2"),
        Some("{\n  \"starts\": 2,\n  \"mcpServers\": {}\n}\n"),
    );
    check("a file of ours that was reformatted goes", None, ("{\n  ", "{\n        "), None);
    check(
        "a file of ours that got more in it stays",
        None,
        ("{\n  \"mcp", "{\n  \"starts\": 1,\n  \"mcp"),
        Some("{\n  \"starts\": 1\n}\n"),
    );
}

#[test]
fn what_cannot_be_edited_is_left_untouched() {
    fn check(bytes: &[u8], expected: &str) {
        let home = Home::with(DESKTOP, bytes);
        let bridge = bridge();
        let connection = connection(&bridge);
        let previewed = Home::new().fingerprint(DESKTOP, &connection);
        let errors = [
            preview(DESKTOP, &home.around, &connection).map(drop),
            connect(DESKTOP, &home.around, &connection, &previewed).map(drop),
            disconnect(DESKTOP, &home.around, &connection).map(drop),
        ];
        for error in [&errors[0], &errors[2]] {
            let error = error.as_ref().expect_err("it must not be written").to_string();
            assert!(error.contains(expected) && error.contains("claude_desktop_config.json"), "{error}");
        }
        assert!(matches!(errors[1], Err(Error::Changed(_))), "{:?}", errors[1]);
        assert_eq!(home.bytes(DESKTOP).as_deref(), Some(bytes), "untouched");
        assert_eq!(home.ours_beside(DESKTOP), [""; 0], "and nothing beside it");
    }
    check(b"{\"mcpServers\": {", "line 1");
    check(b"{\"mcpServers\": 3}", "other than a list of servers");
    check(b"\xff\xfe{\0}\0", "UTF-8");
    check(b"{\"a\": \"\xe9\"}", "UTF-8");
}

#[test]
fn a_folder_in_place_of_the_file_is_an_error_and_stays() {
    let home = Home::new();
    let bridge = bridge();
    fs::create_dir_all(home.file(DESKTOP).join("inside")).expect("a folder");
    let error = preview(DESKTOP, &home.around, &connection(&bridge)).expect_err("no file");
    assert!(matches!(error, Error::NotAFile(_)), "{error}");
    disconnect(DESKTOP, &home.around, &connection(&bridge)).expect_err("no file");
    assert!(home.file(DESKTOP).join("inside").is_dir(), "untouched");
}

#[test]
fn a_read_only_file_is_an_error_and_stays() {
    let home = Home::with(DESKTOP, "{}");
    let bridge = bridge();
    let previewed = home.fingerprint(DESKTOP, &connection(&bridge));
    let mut permissions = fs::metadata(home.file(DESKTOP)).expect("it is there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(home.file(DESKTOP), permissions).expect("read-only");
    let error = connect(DESKTOP, &home.around, &connection(&bridge), &previewed).expect_err("read-only");
    assert!(matches!(error, Error::ReadOnly(_)), "{error}");
    preview(DESKTOP, &home.around, &connection(&bridge)).expect_err("the preview says so already");
    assert_eq!(home.text(DESKTOP), "{}", "untouched");
    assert_eq!(home.ours_beside(DESKTOP), [""; 0], "and nothing beside it");
}

#[test]
fn a_file_that_cannot_be_written_beside_stays() {
    let home = Home::with(DESKTOP, "{}");
    let bridge = bridge();
    // A folder where the temporary file goes fails for root as well.
    fs::create_dir(home.file(DESKTOP).with_file_name("claude_desktop_config.json.maya-mcp.tmp"))
        .expect("a folder");
    let previewed = home.fingerprint(DESKTOP, &connection(&bridge));
    let error = connect(DESKTOP, &home.around, &connection(&bridge), &previewed).expect_err("in the way");
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert_eq!(home.text(DESKTOP), "{}", "untouched");
}

#[test]
fn nothing_is_written_when_the_file_changed_since_the_preview() {
    fn check(before: Option<&str>, meanwhile: Option<&str>) {
        let home = Home::new();
        let put = |text: Option<&str>| match text {
            Some(text) => fs::write(home.file(DESKTOP), text).expect("written"),
            None => drop(fs::remove_file(home.file(DESKTOP))),
        };
        let bridge = bridge();
        put(before);
        let previewed = home.fingerprint(DESKTOP, &connection(&bridge));
        put(meanwhile);
        let error = connect(DESKTOP, &home.around, &connection(&bridge), &previewed).expect_err("it changed");
        assert!(matches!(error, Error::Changed(_)), "{error}");
        assert_eq!(home.bytes(DESKTOP).as_deref(), meanwhile.map(str::as_bytes), "untouched");
        assert_eq!(home.ours_beside(DESKTOP), [""; 0], "and nothing beside it");
    }
    check(Some("{}"), Some("{ }"));
    check(Some("{}"), Some("{"));
    check(Some("{}"), None);
    check(None, Some(""));
    check(Some(""), None);
}

#[test]
fn nothing_is_written_when_the_file_changes_at_the_last_moment() {
    let home = Home::with(DESKTOP, "{}");
    let file = Found::read(&home.file(DESKTOP)).expect("it is there");
    fs::write(home.file(DESKTOP), "{ }").expect("written");
    let written = file.replace(b"{\"ours\": 1}", Readers::AsBefore, |_| true);
    assert!(matches!(written, Err(Error::Changed(_))), "{written:?}");
    let removed = file.remove();
    assert!(matches!(removed, Err(Error::Changed(_))), "{removed:?}");
    assert_eq!(home.text(DESKTOP), "{ }", "untouched");
    let beside = home.ours_beside(DESKTOP);
    assert_eq!(beside, ["claude_desktop_config.json.maya-mcp-1.bak"], "no half-written file is left");
}

#[test]
fn the_fingerprint_of_one_client_does_not_open_another() {
    let home = Home::with(DESKTOP, "{}");
    fs::write(home.file(CODE), "{}").expect("written");
    let bridge = bridge();
    let desktop = home.fingerprint(DESKTOP, &connection(&bridge));
    let error = connect(CODE, &home.around, &connection(&bridge), &desktop).expect_err("another file");
    assert!(matches!(error, Error::Changed(_)), "{error}");
}

#[test]
fn somebody_elses_entry_is_replaced_with_a_word_and_never_removed() {
    const THEIRS: &str = r#"{"mcpServers": {"maya": {"command": "uvx", "args": ["maya-thing"]}}}"#;
    let home = Home::with(DESKTOP, THEIRS);
    let bridge = bridge();
    let error = disconnect(DESKTOP, &home.around, &connection(&bridge)).expect_err("not ours");
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");
    assert_eq!(home.text(DESKTOP), THEIRS, "untouched");
    let shown = preview(DESKTOP, &home.around, &connection(&bridge)).expect("a preview");
    assert!(shown.notes[0].contains("will be replaced"), "{:?}", shown.notes);
    home.connect(DESKTOP, &connection(&bridge));
    assert!(!home.text(DESKTOP).contains("uvx"), "replaced, as previewed");
    home.disconnect(DESKTOP, &connection(&bridge));
    assert_eq!(home.text(DESKTOP), THEIRS, "and back again");
}

#[test]
fn connecting_twice_writes_once() {
    let home = Home::with(CODE, "{}");
    let bridge = bridge();
    home.connect(CODE, &connection(&bridge));
    let text = home.text(CODE);
    assert!(text.contains(TOKEN), "the token is in it: {text}");
    let shown = preview(CODE, &home.around, &connection(&bridge)).expect("a preview");
    assert!(!shown.changes && shown.notes.is_empty(), "nothing to do: {shown:?}");
    assert_eq!(home.connect(CODE, &connection(&bridge)).backup, None, "nothing was done");
    assert_eq!(home.text(CODE), text, "the same");
    assert_eq!(home.ours_beside(CODE), [".claude.json.maya-mcp-1.bak"], "one backup");
}

#[test]
fn five_backups_are_kept_and_the_origin_among_them() {
    let home = Home::with(CODE, "{\"origin\": true}");
    let bridge = bridge();
    // A backup of somebody else's is not ours to prune.
    fs::write(home.file(CODE).with_file_name(".claude.json.maya-mcp-old.bak"), "x").expect("written");
    for round in 0..9 {
        home.connect(CODE, &Connection { token: &format!("token-{round}"), ..connection(&bridge) });
    }
    let backups = [1, 6, 7, 8, 9].map(|number| format!(".claude.json.maya-mcp-{number}.bak"));
    let expected =
        backups.iter().map(String::as_str).chain([".claude.json.maya-mcp-old.bak"]).collect::<Vec<_>>();
    assert_eq!(home.ours_beside(CODE), expected, "the newest four and the origin");
    let last = Connection { token: "token-8", ..connection(&bridge) };
    assert_eq!(home.disconnect(CODE, &last).outcome, Outcome::Restored, "so the way back is still open");
    assert_eq!(home.text(CODE), "{\"origin\": true}", "byte for byte");
}

#[test]
fn what_a_killed_write_left_is_cleared_away() {
    let home = Home::with(CODE, "{}");
    let bridge = bridge();
    let leftover = home.file(CODE).with_file_name(".claude.json.maya-mcp.tmp");
    fs::write(&leftover, "{\"half\": ").expect("written");
    home.connect(CODE, &connection(&bridge));
    assert!(!leftover.exists(), "it is gone");
    assert!(home.text(CODE).contains(TOKEN), "and the file is whole");
    home.disconnect(CODE, &connection(&bridge));
    assert_eq!(home.text(CODE), "{}", "byte for byte");
    let again = home.disconnect(CODE, &connection(&bridge));
    assert_eq!((again.outcome, again.backup), (Outcome::WasNotConnected, None), "twice is no harm");
}

#[test]
fn a_file_that_we_made_leaves_nothing_behind() {
    let home = Home::new();
    let bridge = bridge();
    assert!(preview(CODE, &home.around, &connection(&bridge)).expect("a preview").creates_file, "it says so");
    home.connect(CODE, &connection(&bridge));
    home.disconnect(CODE, &connection(&bridge));
    assert_eq!(
        (home.bytes(CODE), home.ours_beside(CODE)),
        (None, Vec::new()),
        "as if we had never been there"
    );
}

#[test]
fn an_old_backup_does_not_stand_in_for_the_absence_of_a_file() {
    let home = Home::with(CODE, "{}\n");
    let bridge = bridge();
    home.connect(CODE, &connection(&bridge));
    home.disconnect(CODE, &connection(&bridge));
    fs::remove_file(home.file(CODE)).expect("the person removes the file");
    home.connect(CODE, &connection(&bridge));
    assert_eq!(home.disconnect(CODE, &connection(&bridge)).outcome, Outcome::FileRemoved, "there was none");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_with_a_token_is_for_its_owner_only() {
        fn check(client: Client, before: Option<u32>, after: u32) {
            let home = Home::new();
            let file = home.file(client);
            if let Some(before) = before {
                fs::write(&file, "{}").expect("written");
                fs::set_permissions(&file, fs::Permissions::from_mode(before)).expect("set");
            }
            let bridge = bridge();
            let connected = home.connect(client, &connection(&bridge));
            assert_eq!(mode(&file), after, "{client} with {before:?}");
            if let Some(backup) = connected.backup {
                assert_eq!(mode(&backup), 0o600, "a backup of {client} with {before:?}");
            }
        }
        check(CODE, None, 0o600);
        check(CODE, Some(0o644), 0o600);
        check(CODE, Some(0o600), 0o600);
        check(CODE, Some(0o700), 0o700);
        check(DESKTOP, None, 0o600);
        check(DESKTOP, Some(0o644), 0o644);
        check(DESKTOP, Some(0o640), 0o640);
    }

    #[test]
    fn a_link_stays_a_link() {
        let home = Home::new();
        let bridge = bridge();
        let dotfiles = home.folder.path().join("dotfiles");
        fs::create_dir(&dotfiles).expect("a folder");
        fs::write(dotfiles.join("claude"), "{}").expect("written");
        symlink("../../dotfiles/claude", home.file(DESKTOP)).expect("a link");
        home.connect(DESKTOP, &connection(&bridge));
        assert!(fs::symlink_metadata(home.file(DESKTOP)).expect("there").is_symlink(), "still a link");
        assert!(
            fs::read_to_string(dotfiles.join("claude")).expect("there").contains("maya"),
            "its target is written"
        );
        assert_eq!(fs::read_dir(&dotfiles).expect("listed").count(), 1, "no backup among linked settings");
        assert_eq!(home.ours_beside(DESKTOP).len(), 1, "but beside the link");
        home.disconnect(DESKTOP, &connection(&bridge));
        assert_eq!(fs::read_to_string(dotfiles.join("claude")).expect("there"), "{}", "byte for byte");
    }

    #[test]
    fn a_link_to_nothing_is_an_error_and_stays() {
        let home = Home::new();
        let bridge = bridge();
        symlink("gone", home.file(DESKTOP)).expect("a link");
        let error = preview(DESKTOP, &home.around, &connection(&bridge)).expect_err("nothing there");
        assert!(matches!(error, Error::DanglingLink(_)), "{error}");
        assert_eq!(fs::read_link(home.file(DESKTOP)).expect("still a link"), Path::new("gone"), "untouched");
    }

    #[test]
    fn a_folder_that_takes_no_files_leaves_everything_as_it_was() {
        let home = Home::with(DESKTOP, "{}");
        let bridge = bridge();
        let folder = home.folder.path().join(".config/Claude");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("set");
        if fs::write(folder.join("probe"), "").is_ok() {
            return; // root may write anywhere
        }
        let previewed = home.fingerprint(DESKTOP, &connection(&bridge));
        let error =
            connect(DESKTOP, &home.around, &connection(&bridge), &previewed).expect_err("no new files");
        assert!(matches!(error, Error::Write { .. }), "{error}");
        assert_eq!(home.text(DESKTOP), "{}", "untouched");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("so that it can be removed");
    }

    #[test]
    fn a_pipe_in_place_of_the_file_does_not_block() {
        let home = Home::new();
        let bridge = bridge();
        let socket = std::os::unix::net::UnixListener::bind(home.file(CODE)).expect("a socket");
        let error = preview(CODE, &home.around, &connection(&bridge)).expect_err("no file");
        assert!(matches!(error, Error::NotAFile(_)), "{error}");
        drop(socket);
    }
}
