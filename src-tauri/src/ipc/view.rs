//! What the tray and the window show. These types go no further than the shell; `ui/src/host/types.ts` says the same in TypeScript.

use std::collections::BTreeSet;

use maya_mcp_clients::Fingerprint;
use maya_mcp_hub::{Connect, Notices, QuietHours, Subject, Telling, client_title};
use maya_mcp_session::{
    Access, Chooser, ClientName, Crash, Origin, Phase, Question, Scope, Session, SessionId, Snapshot,
};
use serde::Serialize;

/// The state of a client that is none of the programs we know.
const ANOTHER: &str = "another";

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    pub endpoint: Option<String>,
    pub version: &'static str,
    /// What clients want to be allowed, the oldest first.
    pub questions: Vec<QuestionView>,
    /// What the person has not seen to yet, the newest first.
    pub crashes: Vec<CrashView>,
    pub sessions: Vec<SessionView>,
    pub clients: Vec<ClientView>,
    pub connect: Connect,
    /// What clients may do where there is no other rule.
    pub access: Access,
    pub notices: NoticesView,
    pub start_up: Vec<StartUpView>,
    pub start_at_login: bool,
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuestionView {
    pub question: u64,
    /// As people know it.
    pub client: String,
    pub session: String,
    pub title: String,
    pub scene_name: Option<String>,
    /// "run Python code (12 lines)"
    pub what: String,
    /// Its beginning.
    pub code: String,
    pub since: String,
}

/// A Maya that closed unexpectedly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrashView {
    pub session: String,
    pub title: String,
    /// `None` while unknown, and for a scene that was never saved.
    pub scene_name: Option<String>,
    pub at: String,
    /// What Maya left of the person's work.
    pub recovered_scene: Option<String>,
}

/// What is told on the desktop, and when not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticesView {
    pub on: bool,
    pub off: BTreeSet<Subject>,
    pub quiet_hours: Option<QuietHours>,
    /// In the future.
    pub quiet_until: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the window draws each of them by itself")]
pub struct SessionView {
    pub session: String,
    pub title: String,
    pub phase: &'static str,
    /// Without the line that it may end in: that one is `line`.
    pub phase_text: String,
    pub since: String,
    /// Of the machine it runs on; `None` while unknown.
    pub pid: Option<u32>,
    pub maya_version: Option<String>,
    pub python_version: Option<String>,
    /// `None` while unknown, and for a scene that was never saved.
    pub scene_name: Option<String>,
    pub scene_path: Option<String>,
    pub batch: bool,
    /// The artist chose it.
    pub in_use: bool,
    /// The clients that chose it, by name.
    pub used_by: Vec<String>,
    /// Connecting it is for the artist to choose.
    pub can_connect: bool,
    /// For the Script Editor of a Maya without a port of its own.
    pub line: Option<String>,
    /// It was added by hand.
    pub removable: bool,
    /// What everybody may do here; `None` where each client's own rule counts.
    pub access: Option<Access>,
    /// The clients that have a rule of their own here.
    pub exceptions: Vec<ExceptionView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExceptionView {
    pub client: String,
    pub name: String,
    pub access: Access,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientView {
    pub client: String,
    pub name: String,
    pub state: &'static str,
    pub path: Option<String>,
    pub running: bool,
    pub note: Option<String>,
    /// What it may do; `None` where it has no rule of its own.
    pub access: Option<Access>,
    /// There is something to be allowed: it is connected, or was heard of.
    pub choosable: bool,
}

/// Whether a version of Maya connects by itself when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StartUpView {
    /// "2025"
    pub version: String,
    pub state: &'static str,
    pub path: String,
    pub note: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Preview {
    pub client: String,
    pub name: String,
    pub path: String,
    pub fingerprint: Fingerprint,
    pub before: String,
    pub after: String,
    pub creates_file: bool,
    pub note: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Outcome {
    pub message: String,
    pub backup: Option<String>,
}

/// What is shown beside the sessions.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub endpoint: Option<String>,
    pub problem: Option<String>,
    pub clients: Vec<ClientView>,
    pub connect: Connect,
    /// Without a time that has passed.
    pub telling: Telling,
    pub start_up: Vec<StartUpView>,
    pub start_at_login: bool,
}

impl View {
    pub fn new(snapshot: &Snapshot, around: Surroundings) -> Self {
        let Surroundings { endpoint, problem, clients, connect, telling, start_up, start_at_login } = around;
        let questions = snapshot.open_questions();
        let crashes = snapshot.crashes.iter().rev();
        Self {
            endpoint,
            version: env!("CARGO_PKG_VERSION"),
            questions: questions.filter_map(|question| question_view(question, snapshot)).collect(),
            crashes: crashes.map(|crash| crash_view(crash)).collect(),
            sessions: snapshot.sessions.values().map(|session| session_view(session, snapshot)).collect(),
            clients: with_access(clients, snapshot),
            connect,
            access: snapshot.rules.get(&Scope::Everywhere).unwrap_or_default(),
            notices: notices_view(telling),
            start_up,
            start_at_login,
            problem,
        }
    }
}

fn session_view(session: &Session, snapshot: &Snapshot) -> SessionView {
    let facts = session.facts.as_ref();
    let saved = session.scene.as_ref().filter(|scene| !scene.name.is_empty());
    let users = snapshot.choices.iter().filter(|(_, id)| **id == session.id());
    SessionView {
        session: session.id().to_string(),
        title: session.title(),
        phase: session.phase.name(),
        phase_text: words(&session.phase),
        since: session.since.to_string(),
        pid: facts.map(|facts| facts.pid).or_else(|| session.id().pid()),
        maya_version: session.maya_version().map(str::to_owned),
        python_version: facts.map(|facts| facts.python_version.clone()),
        scene_name: saved.map(|scene| scene.name.clone()),
        scene_path: saved.map(|scene| scene.path.clone()),
        batch: session.is_batch(),
        in_use: snapshot.choices.get(&Chooser::Artist) == Some(&session.id()),
        used_by: users.filter_map(|(chooser, _)| client_name(chooser)).collect(),
        can_connect: session.phase.can_connect(),
        line: session.phase.line().map(str::to_owned),
        removable: matches!(session.origin, Origin::ByHand(_)),
        access: snapshot.rules.get(&Scope::Session(session.id())),
        exceptions: exceptions(session.id(), snapshot),
    }
}

fn exceptions(session: SessionId, snapshot: &Snapshot) -> Vec<ExceptionView> {
    let exception = |(scope, access): (&Scope, Access)| match scope {
        Scope::Pair(client, id) if *id == session => {
            Some(ExceptionView { client: client.to_string(), name: client_title(client), access })
        }
        _ => None,
    };
    snapshot.rules.iter().filter_map(exception).collect()
}

fn question_view(question: &Question, snapshot: &Snapshot) -> Option<QuestionView> {
    let session = snapshot.sessions.get(&question.session)?;
    let scene = session.scene.as_ref().filter(|scene| !scene.name.is_empty());
    Some(QuestionView {
        question: question.id.0,
        client: client_title(&question.client),
        session: question.session.to_string(),
        title: session.title(),
        scene_name: scene.map(|scene| scene.name.clone()),
        what: question.wanted.what.clone(),
        code: question.wanted.code.clone(),
        since: question.since.to_string(),
    })
}

fn crash_view(crash: &Crash) -> CrashView {
    let scene = crash.session.scene.as_ref().filter(|scene| !scene.name.is_empty());
    CrashView {
        session: crash.session.id().to_string(),
        title: crash.session.title(),
        scene_name: scene.map(|scene| scene.name.clone()),
        at: crash.at.to_string(),
        recovered_scene: crash.recovered_scene.as_ref().map(|path| path.display().to_string()),
    }
}

fn notices_view(telling: Telling) -> NoticesView {
    let Telling { notices, off, quiet_hours, quiet_until } = telling;
    let quiet_until = quiet_until.map(|until| until.to_string());
    NoticesView { on: notices == Notices::On, off, quiet_hours, quiet_until }
}

/// The programs that we know, and whoever else has a rule or asks.
fn with_access(mut clients: Vec<ClientView>, snapshot: &Snapshot) -> Vec<ClientView> {
    let ruled = snapshot.rules.iter().filter_map(|(scope, _)| match scope {
        Scope::Client(client) => Some(client),
        _ => None,
    });
    let asking = snapshot.open_questions().map(|question| &question.client);
    let heard_of: BTreeSet<&ClientName> = ruled.chain(asking).collect();
    for name in heard_of {
        let known = clients.iter_mut().find(|client| client.client == name.as_str());
        if let Some(client) = known {
            client.access = snapshot.rules.get(&Scope::Client(name.clone()));
            client.choosable = true;
            // Its settings are not on this machine; a token of its name is used all the same.
            client.state = if client.state == "not_found" { ANOTHER } else { client.state };
            continue;
        }
        clients.push(ClientView {
            client: name.to_string(),
            name: client_title(name),
            state: ANOTHER,
            path: None,
            running: false,
            note: None,
            access: snapshot.rules.get(&Scope::Client(name.clone())),
            choosable: true,
        });
    }
    for client in &mut clients {
        client.choosable |= matches!(client.state, "connected" | "outdated");
    }
    clients
}

/// A line to paste, and the sentence that leads to it, are drawn as a box of their own.
fn words(phase: &Phase) -> String {
    let text = phase.to_string();
    let before =
        phase.line().and_then(|line| text.strip_suffix(line)).and_then(|text| text.rsplit_once(". "));
    before.map(|(reason, _)| reason.to_owned()).unwrap_or(text)
}

fn client_name(chooser: &Chooser) -> Option<String> {
    let Chooser::Client(name) = chooser else { return None };
    Some(client_title(name))
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::{
        Answer, Observation, Process, ProcessId, Registry, Wanted, Why, clock::Timestamp,
    };

    use super::*;

    fn view_of(phase: Phase) -> SessionView {
        let process = Process::new(ProcessId { pid: 8453, started_at: 1 });
        let session = Session { phase, ..Session::new(Origin::Process(process), Timestamp::UNIX_EPOCH) };
        session_view(&session, &Snapshot::default())
    }

    #[test]
    fn a_line_to_paste_stands_apart_from_the_words() {
        let line = "commandPort -name \"127.0.0.1:7443\";".to_owned();
        for (why, words) in [
            (
                Why::NoCommandPort { line: line.clone() },
                "Running, not reachable: it has no command port open",
            ),
            (
                Why::TakenOver { line: line.clone() },
                "Running, not reachable: another Maya has taken over its command port",
            ),
        ] {
            let view = view_of(Phase::Unreachable { why });
            assert_eq!(view.phase_text, words, "neither the line nor what leads to it");
            assert_eq!(view.line.as_ref(), Some(&line), "it is there by itself");
        }
        let denied = Phase::Unreachable { why: Why::PermissionDenied };
        let view = view_of(denied.clone());
        assert_eq!(
            (view.phase_text, view.line),
            (denied.to_string(), None),
            "without a line every word stays"
        );
    }

    fn client(id: &str, state: &'static str) -> ClientView {
        let name = client_title(&id.parse().expect("a good name"));
        ClientView {
            client: id.to_owned(),
            name,
            state,
            path: None,
            running: false,
            note: None,
            access: None,
            choosable: false,
        }
    }

    #[test]
    fn who_has_a_rule_or_asks_is_listed_beside_the_connected_programs() {
        let registry = Registry::default();
        let maya = ProcessId { pid: 8453, started_at: 1 };
        registry.observe(&Observation::ProcessFound(Process::new(maya)));
        let rule = |scope, access| registry.observe(&Observation::AccessSet { scope, access: Some(access) });
        let name = |text: &str| text.parse::<ClientName>().expect("a good name");
        rule(Scope::Client(name("other")), Access::LookOnly);
        rule(Scope::Session(maya.into()), Access::Ask);
        rule(Scope::Pair(name("claude-desktop"), maya.into()), Access::Full);
        rule(Scope::Everywhere, Access::Ask);
        for asker in ["cursor", "claude-code"] {
            let wanted = Wanted { digest: "d".to_owned(), what: "run MEL".to_owned(), code: "ls".to_owned() };
            let client = name(asker);
            registry.observe(&Observation::QuestionAsked { client, session: maya.into(), wanted });
        }
        let known = vec![client("claude-desktop", "connected"), client("claude-code", "not_found")];
        let view = |registry: &Registry| {
            let around = Surroundings { clients: known.clone(), ..Surroundings::default() };
            View::new(&registry.snapshot(), around)
        };
        let listed = |view: &View| -> Vec<_> {
            let row =
                |client: &ClientView| (client.name.clone(), client.state, client.access, client.choosable);
            view.clients.iter().map(row).collect()
        };
        let before = view(&registry);
        let row = |name: &str, state, access| (name.to_owned(), state, access, true);
        let expected = [
            row("Claude Desktop", "connected", None),
            row("Claude Code", "another", None),
            row("cursor", "another", None),
            row("other", "another", Some(Access::LookOnly)),
        ];
        assert_eq!(listed(&before), expected, "each with its own rule");
        assert_eq!(before.access, Access::Ask, "and the one for everywhere");
        let session = &before.sessions[0];
        assert_eq!(session.access, Some(Access::Ask), "the session's own rule");
        assert_eq!(session.exceptions[0].name, "Claude Desktop", "and what is excepted from it");
        let asked: Vec<_> = before.questions.iter().map(|question| question.client.as_str()).collect();
        assert_eq!(asked, ["cursor", "Claude Code"], "the oldest first");

        for id in registry.snapshot().questions.keys() {
            registry.observe(&Observation::QuestionAnswered { id: *id, answer: Answer::Once });
        }
        let after = view(&registry);
        assert!(after.questions.is_empty(), "what is settled is not shown");
        let names: Vec<_> = listed(&after).into_iter().map(|(name, state, ..)| (name, state)).collect();
        let row = |name: &str, state| (name.to_owned(), state);
        let expected =
            [row("Claude Desktop", "connected"), row("Claude Code", "not_found"), row("other", "another")];
        assert_eq!(names, expected, "nor who asked once");
    }

    #[test]
    fn connect_is_offered_where_it_makes_a_difference() {
        for (phase, can_connect) in [
            (Phase::AwaitingConnect, true),
            (Phase::Unreachable { why: Why::PermissionDenied }, true),
            (Phase::Unreachable { why: Why::AnotherUser }, false),
            (Phase::AwaitingPermission, false),
            (Phase::Ready, false),
        ] {
            assert_eq!(view_of(phase.clone()).can_connect, can_connect, "{phase}");
        }
    }
}
