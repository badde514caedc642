//! Examples of everything that the window is sent, and the proof that its TypeScript types say the same.
//!
//! They are written as TypeScript, so that the type checker of the window compares every name, every null and every word.

use std::{collections::BTreeSet, env, fs, path::Path};

use maya_mcp_clients::Fingerprint;
use maya_mcp_hub::{Connect, Notices, QuietHours, Subject, Telling};
use maya_mcp_session::{
    Access, Asker, ByHand, Chooser, ClientName, Crash, EventInfo, Facts, Kind, Observation, Origin, Phase,
    Process, ProcessId, Question, QuestionId, Scene, Scope, Session, Silent, Snapshot, Wanted, Why,
    clock::Timestamp, line_to_paste,
};
use serde_json::json;

use crate::ipc::{
    ClientView, CrashView, Outcome, Preview, QuestionView, Refusal, SessionView, StartUpView, Surroundings,
    View,
};

/// No Maya, no client.
pub fn empty() -> View {
    View::new(&Snapshot::default(), Surroundings::default())
}

/// One in each phase and one that was added by hand; the first is chosen by the artist and by a client, and has rules.
pub fn sessions() -> Vec<SessionView> {
    View::new(&snapshot(), Surroundings::default()).sessions
}

/// One, in the first session.
pub fn questions() -> Vec<QuestionView> {
    View::new(&snapshot(), Surroundings::default()).questions
}

/// One that left nothing, and before it one that left a scene.
pub fn crashes() -> Vec<CrashView> {
    View::new(&snapshot(), Surroundings::default()).crashes
}

fn snapshot() -> Snapshot {
    let since = Timestamp::UNIX_EPOCH;
    let phases = [
        Phase::Ready,
        Phase::Discovered,
        Phase::AwaitingConnect,
        Phase::AwaitingPermission,
        Phase::Bootstrapping,
        Phase::Busy { since },
        Phase::NotResponding { since, silent: Silent::MainThread, recovered_scene: None },
        Phase::Unreachable { why: Why::NoCommandPort { line: line_to_paste(8460) } },
        Phase::Unreachable { why: Why::PermissionDenied },
    ];
    let mut snapshot = Snapshot::default();
    for (pid, phase) in (8453..).zip(phases) {
        let version = Some("2025".to_owned());
        let process = Process {
            maya_version: version,
            batch: phase == Phase::Discovered,
            ..Process::new(ProcessId { pid, started_at: 1 })
        };
        let linked = phase.is_linked();
        let facts = linked.then(|| Facts {
            pid,
            helper_version: "1".to_owned(),
            maya_version: "2025".to_owned(),
            python_version: "3.11.4".to_owned(),
            user: "ana".to_owned(),
            host: "desk".to_owned(),
            batch: false,
        });
        let scene = linked.then(|| Scene {
            name: "shot_010.ma".to_owned(),
            path: "/show/shot_010.ma".to_owned(),
            modified: false,
        });
        let session = session(Origin::Process(process), phase, facts, scene);
        snapshot.sessions.insert(session.id(), session.into());
    }
    let address = "10.0.0.5:7001".parse().expect("an address");
    let by_hand = Origin::ByHand(ByHand { host: "farm-12".to_owned(), by: Asker::Artist, address });
    let tried = "farm-12:7001".to_owned();
    let added = session(by_hand, Phase::Unreachable { why: Why::NoAnswer { tried } }, None, None);
    snapshot.sessions.insert(added.id(), added.into());
    let first = *snapshot.sessions.keys().next().expect("there are several");
    let cursor: ClientName = "cursor".parse().expect("a good name");
    snapshot.choices.extend([(Chooser::Artist, first), (Chooser::Client(cursor), first)]);
    let desktop: ClientName = "claude-desktop".parse().expect("a good name");
    for scope in [Scope::Session(first), Scope::Pair(desktop.clone(), first)] {
        let rule = Observation::AccessSet { scope, access: Some(Access::Ask) };
        maya_mcp_session::reduce(&mut snapshot, &rule, Timestamp::UNIX_EPOCH);
    }
    let question = Question {
        id: QuestionId(7),
        client: desktop,
        session: first,
        wanted: Wanted {
            digest: "d".to_owned(),
            what: "run Python code (2 lines)".to_owned(),
            code: "import maya.cmds as cmds\ncmds.polyCube()".to_owned(),
        },
        since: Timestamp::UNIX_EPOCH,
        answer: None,
        answered_at: None,
    };
    snapshot.questions.insert(question.id, question.into());
    let recovered = "/tmp/shot_010.20261121.1830.ma".into();
    for (session, recovered_scene) in snapshot.sessions.values().zip([Some(recovered), None]) {
        let crash = Crash { session: session.clone(), at: Timestamp::UNIX_EPOCH, recovered_scene };
        snapshot.crashes.push(crash.into());
    }
    snapshot
}

/// Without anything that could be told.
fn quiet() -> Telling {
    let at = |text: &str| text.parse().expect("a time");
    Telling {
        notices: Notices::Off,
        off: BTreeSet::from(Subject::ALL),
        quiet_hours: Some(QuietHours { from: at("22:00"), to: at("07:30") }),
        quiet_until: Some(Timestamp::UNIX_EPOCH),
    }
}

/// One of each kind.
fn events() -> Vec<EventInfo> {
    let crash = |kind| (kind == Kind::Crashed).then(|| "/tmp/shot_010.20261121.1830.ma".to_owned());
    let event = |(seq, kind): (u64, Kind)| EventInfo {
        seq,
        time: "1970-01-01T00:00:00Z".to_owned(),
        source: "maya-8453".to_owned(),
        kind,
        session: (!kind.name().starts_with("backend")).then(|| "maya-8453".to_owned()),
        detail: format!("Maya 2025: {kind}"),
        recovered_scene: crash(kind),
    };
    (1..).zip(Kind::ALL).map(event).collect()
}

fn session(origin: Origin, phase: Phase, facts: Option<Facts>, scene: Option<Scene>) -> Session {
    let since = Timestamp::UNIX_EPOCH;
    Session { phase, facts, scene, ..Session::new(origin, since) }
}

/// One in each state.
fn start_up() -> Vec<StartUpView> {
    ["off", "on", "outdated", "unreadable"]
        .map(|state| StartUpView {
            version: "2025".to_owned(),
            state,
            path: "/home/ana/maya/2025/scripts/userSetup.py".to_owned(),
            note: (state == "unreadable").then(|| "It is read-only.".to_owned()),
        })
        .into()
}

fn start_up_preview() -> maya_mcp_user_setup::Preview {
    maya_mcp_user_setup::Preview {
        version: "2025".parse().expect("a year"),
        path: "/home/ana/maya/2025/scripts/userSetup.py".into(),
        block: "# >>> Maya MCP Tray >>>\n".to_owned(),
        creates_file: true,
        changes: true,
    }
}

/// One in each state.
pub fn clients() -> Vec<ClientView> {
    ["not_connected", "connected", "outdated", "unreadable", "not_found", "another"]
        .map(|state| ClientView {
            client: "claude-desktop".to_owned(),
            name: "Claude Desktop".to_owned(),
            state,
            path: (!matches!(state, "not_found" | "another"))
                .then(|| "/home/ana/.config/Claude/claude_desktop_config.json".to_owned()),
            running: state == "connected",
            note: (state == "unreadable").then(|| "It is not valid JSON.".to_owned()),
            access: (state == "another").then_some(Access::LookOnly),
            choosable: matches!(state, "connected" | "outdated" | "another"),
        })
        .into()
}

fn full() -> View {
    let around = Surroundings { telling: quiet(), ..Surroundings::default() };
    View {
        endpoint: Some("http://127.0.0.1:6292/mcp".to_owned()),
        version: "0.1.0",
        questions: questions(),
        crashes: crashes(),
        sessions: sessions(),
        clients: clients(),
        connect: Connect::Ask,
        access: Access::Full,
        notices: View::new(&Snapshot::default(), around).notices,
        start_up: start_up(),
        start_at_login: true,
        problem: Some("Port 6292 on this machine is taken.".to_owned()),
    }
}

fn preview(note: Option<&str>) -> Preview {
    let fingerprint: Fingerprint = serde_json::from_value(json!("0123abcd")).expect("it is a text");
    Preview {
        client: "claude-code".to_owned(),
        name: "Claude Code".to_owned(),
        path: "/home/ana/.claude.json".to_owned(),
        fingerprint,
        before: "{}\n".to_owned(),
        after: "{ \"mcpServers\": {} }\n".to_owned(),
        creates_file: false,
        note: note.map(str::to_owned),
    }
}

fn outcome(backup: Option<&str>) -> Outcome {
    Outcome { message: "Claude Code is connected.".to_owned(), backup: backup.map(str::to_owned) }
}

fn as_typescript() -> String {
    let of = |name: &str, kind: &str, value: serde_json::Value| {
        format!("\nexport const {name}: {kind} = {value:#};\n")
    };
    let choices = [(Connect::Auto, Access::Ask), (Connect::Manual, Access::LookOnly)]
        .map(|(connect, access)| View { connect, access, ..empty() });
    let views = json!([empty(), full(), choices[0], choices[1]]);
    let previews = json!([preview(None), preview(Some("Quit it first."))]);
    let start_up_previews = json!([start_up_preview()]);
    let outcomes = json!([outcome(None), outcome(Some("/home/ana/.claude.json.maya-mcp-1"))]);
    let refusal = json!(Refusal::NoSuchSession("maya-8453".to_owned()));
    [
        "// Written by `cargo test -p maya-mcp-tray` with MAYA_MCP_CODEGEN=1: what the shell really sends. Not to be edited.\n\
         import type { EventInfo, Outcome, Preview, StartUpPreview, View } from \"./types\";\n"
            .to_owned(),
        of("views", "View[]", views),
        of("events", "EventInfo[]", json!(events())),
        of("previews", "Preview[]", previews),
        of("startUpPreviews", "StartUpPreview[]", start_up_previews),
        of("outcomes", "Outcome[]", outcomes),
        of("refusal", "{ kind: string; message: string }", refusal),
    ]
    .concat()
}

#[test]
fn the_samples_of_the_window_are_what_the_shell_sends() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/host/samples.ts");
    if env::var_os("MAYA_MCP_CODEGEN").is_some() {
        fs::write(&path, as_typescript()).expect("the window's folder can be written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, as_typescript(), "run this test with MAYA_MCP_CODEGEN=1, then the checks of ui/");
}
