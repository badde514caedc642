//! The house rules that a machine can check.

use std::collections::BTreeSet;

use maya_mcp_system_tests::{program, repository};
use serde_json::Value;

async fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = program(cargo.as_ref())
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(repository())
        .output()
        .await
        .expect("cargo runs this test");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Everything that this package needs to run, however far away.
fn reached<'a>(metadata: &'a Value, package: &'a str) -> BTreeSet<&'a str> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("cargo resolves");
    let mut found = BTreeSet::new();
    let mut open = vec![package];
    while let Some(id) = open.pop() {
        let node = nodes.iter().find(|node| node["id"] == id).expect("every id has its node");
        for dependency in node["deps"].as_array().expect("a list") {
            let kinds = dependency["dep_kinds"].as_array().expect("a list");
            if kinds.iter().all(|kind| kind["kind"] == "dev") {
                continue;
            }
            let id = dependency["pkg"].as_str().expect("a text");
            if found.insert(id) {
                open.push(id);
            }
        }
    }
    found
}

#[tokio::test]
async fn nothing_below_crates_knows_tauri() {
    let metadata = metadata().await;
    let packages = metadata["packages"].as_array().expect("a list");
    let ours: Vec<_> = packages
        .iter()
        .filter(|p| {
            p["manifest_path"].as_str().is_some_and(|path| path.contains("/crates/") && p["source"].is_null())
        })
        .collect();
    assert!(ours.len() >= 9, "the crates are found");
    for package in ours {
        let id = package["id"].as_str().expect("a text");
        let reached = reached(&metadata, id);
        // tauri-winrt-notification is a part of notify-rust and has nothing else of Tauri.
        let ours_or_theirs = ["#tauri@", "#tauri-runtime", "#tauri-plugin", "#maya-mcp-tray@"];
        let shell = reached.iter().find(|id| ours_or_theirs.iter().any(|name| id.contains(name)));
        assert_eq!(shell, None, "{} builds without a window", package["name"]);
    }
}

#[tokio::test]
async fn a_crate_uses_only_those_below_it() {
    let allowed: &[(&str, &[&str])] = &[
        ("maya-mcp-session", &[]),
        ("maya-mcp-clients", &[]),
        ("maya-mcp-user-setup", &[]),
        ("maya-mcp-discovery", &["session"]),
        ("maya-mcp-maya", &["session"]),
        ("maya-mcp-notify", &["session"]),
        ("maya-mcp-endpoint", &["session", "maya", "notify"]),
        ("maya-mcp-hub", &["session", "discovery", "maya", "notify", "endpoint", "clients"]),
    ];
    let metadata = metadata().await;
    for (name, below) in allowed {
        let packages = metadata["packages"].as_array().expect("a list");
        let package = packages.iter().find(|p| p["name"] == *name).expect("it is in the workspace");
        for dependency in package["dependencies"].as_array().expect("a list") {
            let used = dependency["name"].as_str().expect("a text");
            let Some(used) = used.strip_prefix("maya-mcp-") else { continue };
            assert!(below.contains(&used) || dependency["kind"] == "dev", "{name} must not use {used}");
        }
    }
}

/// What the conformance suite wants of a server is built for tests alone.
#[tokio::test]
async fn nothing_that_is_shipped_has_the_conformance_fixtures() {
    const FIXTURES: &str = "conformance-fixtures";
    let metadata = metadata().await;
    let packages = metadata["packages"].as_array().expect("a list");
    let mut having = BTreeSet::new();
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().expect("a text");
        for (feature, enables) in package["features"].as_object().expect("a map") {
            let passes_on = enables.as_array().expect("a list").iter().filter_map(Value::as_str);
            let passes_on = passes_on.filter(|enabled| enabled.ends_with(FIXTURES)).count() > 0;
            assert!(feature == FIXTURES || !passes_on, "{name}: {feature} does not bring them along");
        }
        if package["features"].get(FIXTURES).is_some() {
            having.insert(name);
        }
        for dependency in package["dependencies"].as_array().expect("a list") {
            let asked = dependency["features"].as_array().expect("a list");
            assert!(!asked.iter().any(|feature| feature == FIXTURES), "{name} does not ask for them");
        }
    }
    let ours = BTreeSet::from(["maya-mcp-cli", "maya-mcp-endpoint", "maya-mcp-hub"]);
    assert_eq!(having, ours, "the feature is found, and the tray application has none of that name");
}
