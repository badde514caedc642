//! Where clients are looked for, what is ours, and what a person gets to see.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{Home, TOKEN, URL, bridge, connection};
use crate::{
    Client, Connection, Entry, Error, Platform, State, Surroundings, config_for_any_client,
    entry::{Owner, owner},
    preview, status,
};

const OPT: &str = if cfg!(windows) { "C:/opt/maya-mcp" } else { "/opt/maya-mcp" };

#[test]
fn every_client_has_its_row_and_its_name_reads_back() {
    for client in Client::ALL {
        assert_eq!(client.facts().client, client, "the row is its own");
        assert_eq!(client.id().parse::<Client>().expect("a known name"), client, "the name reads back");
        assert_eq!(json!(client), json!(client.id()), "the same word on the wire");
    }
    "netscape".parse::<Client>().expect_err("nobody knows it");
}

#[test]
fn clients_are_found_where_they_live() {
    use Client::{ClaudeCode, ClaudeDesktop};
    use Platform::{Linux, MacOs, Windows};

    /// `there`: folders end with a slash.
    fn check(client: Client, platform: Platform, there: &[&str], found: Option<&str>) {
        let home = tempfile::tempdir().expect("a temporary folder");
        for path in there {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().expect("below the home")).expect("a folder");
            if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
                fs::create_dir_all(path).expect("a folder");
            } else {
                fs::write(path, "{}").expect("a file");
            }
        }
        let located = client.locate(&Surroundings::at(home.path(), platform));
        assert_eq!(
            located,
            found.map(|found| home.path().join(found)),
            "{client} on {platform:?} with {there:?}"
        );
    }
    const FILE: &str = "claude_desktop_config.json";
    let roaming = format!("AppData/Roaming/Claude/{FILE}");
    let package = |id: &str| format!("AppData/Local/Packages/Claude_{id}/LocalCache/Roaming/Claude/{FILE}");

    check(ClaudeDesktop, Linux, &[], None);
    check(ClaudeDesktop, Linux, &[".config/Claude/"], Some(&format!(".config/Claude/{FILE}")));
    check(ClaudeDesktop, Linux, &["AppData/Roaming/Claude/"], None);
    check(
        ClaudeDesktop,
        MacOs,
        &["Library/Application Support/Claude/"],
        Some(&format!("Library/Application Support/Claude/{FILE}")),
    );
    check(ClaudeDesktop, Windows, &["AppData/Roaming/Claude/"], Some(&roaming));
    check(ClaudeDesktop, Windows, &[&roaming, &package("abc")], Some(&package("abc")));
    check(
        ClaudeDesktop,
        Windows,
        &["AppData/Local/Packages/Claude_abc/LocalCache/Roaming/Claude/", &roaming],
        Some(&package("abc")),
    );
    check(
        ClaudeDesktop,
        Windows,
        &["AppData/Local/Packages/Claude_abc/LocalCache/Roaming/Claude/", &package("xyz")],
        Some(&package("xyz")),
    );
    check(ClaudeDesktop, Windows, &["AppData/Local/Packages/Claude_abc/", &roaming], Some(&roaming));
    check(ClaudeDesktop, Windows, &["AppData/Local/Packages/Other_abc/"], None);
    for platform in [Linux, MacOs, Windows] {
        check(ClaudeCode, platform, &[], None);
        check(ClaudeCode, platform, &[".claude/"], Some(".claude.json"));
        check(ClaudeCode, platform, &[".claude.json"], Some(".claude.json"));
    }
}

#[test]
fn the_environment_moves_the_folders() {
    let home = Home::new();
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(elsewhere.path().join("Claude")).expect("a folder");
    let around = Surroundings {
        config_dir: Some(elsewhere.path().into()),
        claude_config_dir: Some(elsewhere.path().into()),
        ..home.around.clone()
    };
    let desktop = elsewhere.path().join("Claude/claude_desktop_config.json");
    assert_eq!(Client::ClaudeDesktop.locate(&around), Some(desktop), "$XDG_CONFIG_HOME counts");
    let code = elsewhere.path().join(".claude.json");
    assert_eq!(Client::ClaudeCode.locate(&around), Some(code), "$CLAUDE_CONFIG_DIR counts");
    let around = Surroundings { claude_config_dir: Some(elsewhere.path().join("gone")), ..around };
    assert_eq!(Client::ClaudeCode.locate(&around), None, "the home no longer counts then");
}

#[test]
fn each_client_gets_the_entry_that_it_takes() {
    let bridge = bridge();
    let told = Connection { home_override: Some(&bridge), ..connection(&bridge) };
    let entry = |client, connection: &Connection| Entry::new(client, connection).expect("an entry").to_json();
    assert_eq!(
        entry(Client::ClaudeDesktop, &connection(&bridge)),
        json!({ "command": bridge, "args": ["stdio", "--client", "claude-desktop"] }),
        "stdio, without a token: the bridge finds it at home"
    );
    assert_eq!(
        entry(Client::ClaudeDesktop, &told)["env"],
        json!({ "MAYA_MCP_HOME": bridge }),
        "the bridge is told of another home"
    );
    assert_eq!(
        entry(Client::ClaudeCode, &told),
        json!({ "type": "http", "url": URL, "headers": { "Authorization": format!("Bearer {TOKEN}") } }),
        "http with the token"
    );
    let relative = Entry::new(Client::ClaudeDesktop, &connection(Path::new("maya-mcp")));
    assert!(matches!(relative, Err(Error::UnusablePath(_))), "desktop programs have no PATH: {relative:?}");
}

#[test]
fn ours_is_told_from_somebody_elses() {
    fn check(found: Value, expected: Owner) {
        assert_eq!(owner(&found, &connection(&bridge())), expected, "{found}");
    }
    let bearer = format!("Bearer {TOKEN}");
    check(json!({ "command": "/old/place/maya-mcp", "args": ["stdio", "--client", "x"] }), Owner::Us);
    check(json!({ "command": r"D:\old\maya-mcp.exe", "args": ["stdio"] }), Owner::Us);
    check(json!({ "type": "http", "url": URL }), Owner::Us);
    check(json!({ "url": "http://localhost:6292/mcp/" }), Owner::Us);
    check(json!({ "url": "http://127.0.0.1:9999/mcp", "headers": { "Authorization": bearer } }), Owner::Us);
    check(json!({ "command": "uvx", "args": ["maya-mcp"] }), Owner::SomebodyElse);
    check(json!({ "command": "maya-mcp", "args": ["--stdio"] }), Owner::SomebodyElse);
    check(json!({ "command": "maya-mcp" }), Owner::SomebodyElse);
    check(json!({ "url": "http://127.0.0.1:8000/mcp" }), Owner::SomebodyElse);
    check(json!("maya-mcp"), Owner::SomebodyElse);
    check(json!(null), Owner::SomebodyElse);
    let blank = Connection { token: "", ..connection(Path::new("/m")) };
    let theirs = json!({ "url": "http://x", "headers": { "Authorization": "Bearer " } });
    assert_eq!(owner(&theirs, &blank), Owner::SomebodyElse, "an empty token proves nothing");
}

#[test]
fn the_status_says_how_things_stand() {
    fn check(client: Client, servers: &str, expected: &State) {
        let home = Home::with(client, format!("{{\"mcpServers\": {servers}}}"));
        let state = status(client, &home.around, &connection(Path::new(OPT))).state;
        assert_eq!(state, *expected, "{client} with {servers}");
    }
    use Client::{ClaudeCode, ClaudeDesktop};
    let ours = r#""args":["stdio","--client","claude-desktop"]"#;
    check(ClaudeDesktop, "{}", &State::NotConnected);
    check(ClaudeDesktop, &format!(r#"{{"maya":{{"command":"{OPT}",{ours}}}}}"#), &State::Connected);
    check(
        ClaudeDesktop,
        &format!(r#"{{"maya":{{"type":"stdio",{ours},"env":{{"A":"b"}},"timeout":9,"command":"{OPT}"}}}}"#),
        &State::Connected,
    );
    check(ClaudeDesktop, &format!(r#"{{"maya":{{"command":"/old/maya-mcp",{ours}}}}}"#), &State::Outdated);
    check(
        ClaudeDesktop,
        &format!(r#"{{"maya":{{"command":"{OPT}",{ours},"env":{{"MAYA_MCP_HOME":"/x"}}}}}}"#),
        &State::Outdated,
    );
    check(ClaudeDesktop, r#"{"maya":{"command":"uvx","args":["maya"]}}"#, &State::NameTaken);
    let http = |token: &str| {
        format!(
            r#"{{"maya":{{"type":"http","url":"{URL}","headers":{{"Authorization":"Bearer {token}"}}}}}}"#
        )
    };
    check(ClaudeCode, &http(TOKEN), &State::Connected);
    check(ClaudeCode, &http("old"), &State::Outdated);

    let nobody = tempfile::tempdir().expect("a temporary folder");
    let status_there =
        status(ClaudeCode, &Surroundings::at(nobody.path(), Platform::Linux), &connection(&bridge()));
    assert_eq!((status_there.path, status_there.state), (None, State::NotFound), "no client, no path");

    let home = Home::with(ClaudeCode, "{");
    let state = status(ClaudeCode, &home.around, &connection(&bridge()));
    let shown = json!(state);
    assert_eq!(shown["state"], "unreadable", "{shown}");
    assert_eq!(shown["client"], "claude-code", "{shown}");
    assert!(shown["why"].as_str().is_some_and(|why| why.contains("line 1")), "it says where: {shown}");
}

#[test]
fn a_preview_shows_the_change_and_no_secret() {
    const SETTINGS: &str = r#"{
  // our token in a comment: tok-0123456789abcdef
  "primaryApiKey": "sk-hidden-1",
  "mcpServers": {
    "maya": { "url": "http://127.0.0.1:6292/mcp", "headers": { "Authorization": "Bearer hidden-2" } },
    "x": { "command": "x", "args": ["--token", "hidden-3", "--verbose", "--api-key=hidden-4", "shown-1"], "env": { "ANY": "hidden-5", "N": 123456 } }
  },
  "theme": "shown-2"
}"#;
    let home = Home::with(Client::ClaudeCode, SETTINGS);
    let bridge = bridge();
    let shown = preview(Client::ClaudeCode, &home.around, &connection(&bridge)).expect("a preview");
    for text in [&shown.before, &shown.after] {
        for secret in ["hidden", TOKEN, "123456"] {
            assert!(!text.contains(secret), "{secret} is shown in {text}");
        }
        for plain in ["shown-1", "shown-2", "--verbose", "\"Bearer •••\"", "--api-key=•••", URL] {
            assert!(text.contains(plain), "{plain} is not shown in {text}");
        }
    }
    assert!(!shown.creates_file && shown.changes, "it changes the file that is there");
    assert!(shown.notes[0].contains("up to date"), "{:?}", shown.notes);
    assert!(shown.notes[1].contains("Close running Claude Code"), "{:?}", shown.notes);
    assert_eq!(home.text(Client::ClaudeCode), SETTINGS, "a preview writes nothing");
}

#[test]
fn any_other_client_gets_both_forms_to_copy() {
    let bridge = bridge();
    let texts = config_for_any_client("cursor", &connection(&bridge)).expect("two texts");
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("plain JSON");
    assert_eq!(parse(&texts.http)["mcpServers"]["maya"]["url"], URL, "{texts}");
    assert_eq!(
        parse(&texts.stdio)["mcpServers"]["maya"]["args"],
        json!(["stdio", "--client", "cursor"]),
        "{texts}"
    );
}

#[test]
fn tokens_stay_out_of_debug_texts() {
    let bridge = bridge();
    let entry = Entry::new(Client::ClaudeCode, &connection(&bridge)).expect("an entry");
    let text = format!("{entry:?} {:?}", connection(&bridge));
    assert!(!text.contains(TOKEN), "{text}");
}
