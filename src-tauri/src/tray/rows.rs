//! What the tray's menu says, as a list. Pure: a view comes in, rows come out.

use maya_mcp_clients::Client;
use maya_mcp_session::{Answer, QuestionId};

use crate::{
    ipc::{ClientView, CrashView, QuestionView, SessionView, View},
    sessions::AfterCrash,
};

/// More questions, or more crashes, are for the window.
const MOST: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Separator,
    /// Says something, and cannot be chosen.
    Note(String),
    Item {
        action: Action,
        text: String,
    },
    Check {
        action: Action,
        text: String,
        checked: bool,
    },
    /// Opens further rows.
    Menu {
        /// As an action's: the same while its words change.
        id: String,
        text: String,
        rows: Vec<Row>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Answer(QuestionId, Answer),
    /// The window has them all.
    ReadQuestions,
    AfterCrash(String, AfterCrash),
    ReadCrashes,
    /// Looks at the problem, in the window.
    ReadProblem,
    Choose(String),
    /// Choosing the chosen session again takes the choice back.
    Release(String),
    ConnectSession(String),
    /// The line for the session's Script Editor.
    CopyLine(String),
    OpenWindow,
    ConnectClient(Client),
    /// The window tells more about this client.
    LookAt(Client),
    CopyConfig,
    /// As [`Action::TurnStartAtLogin`].
    TurnQuiet,
    /// Turns over what is, which may be newer than what was drawn.
    TurnStartAtLogin,
    Quit,
}

impl Action {
    /// The entry's name in the menu; the same before and after it was chosen.
    pub fn id(&self) -> String {
        match self {
            Self::Answer(question, answer) => format!("question/{}/{answer:?}", question.0),
            Self::ReadQuestions => "questions".to_owned(),
            Self::AfterCrash(session, step) => format!("crash/{session}/{step:?}"),
            Self::ReadCrashes => "crashes".to_owned(),
            Self::ReadProblem => "problem".to_owned(),
            Self::Choose(session) | Self::Release(session) => format!("session/{session}"),
            Self::ConnectSession(session) => format!("connect/{session}"),
            Self::CopyLine(session) => format!("line/{session}"),
            Self::OpenWindow => "window".to_owned(),
            Self::ConnectClient(client) | Self::LookAt(client) => format!("client/{client}"),
            Self::CopyConfig => "copy-config".to_owned(),
            Self::TurnQuiet => "quiet".to_owned(),
            Self::TurnStartAtLogin => "start-at-login".to_owned(),
            Self::Quit => "quit".to_owned(),
        }
    }
}

impl Row {
    /// Of this row, or of one that it opens.
    pub fn action(&self, id: &str) -> Option<&Action> {
        match self {
            Self::Separator | Self::Note(_) => None,
            Self::Item { action, .. } | Self::Check { action, .. } => {
                Some(action).filter(|action| action.id() == id)
            }
            Self::Menu { rows, .. } => rows.iter().find_map(|row| row.action(id)),
        }
    }

    /// True when one becomes the other by changing its words or its mark.
    pub fn is_same_row(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Separator, Self::Separator) | (Self::Note(_), Self::Note(_)) => true,
            (Self::Item { action: one, .. }, Self::Item { action: two, .. })
            | (Self::Check { action: one, .. }, Self::Check { action: two, .. }) => one.id() == two.id(),
            (Self::Menu { id: one, rows: old, .. }, Self::Menu { id: two, rows: new, .. }) => {
                one == two && old == new
            }
            _ => false,
        }
    }
}

pub fn rows(view: &View) -> Vec<Row> {
    let item = |action, text: &str| Row::Item { action, text: text.to_owned() };
    let problem = view.problem.iter().flat_map(|problem| {
        [Row::Item { action: Action::ReadProblem, text: beginning(problem) }, Row::Separator]
    });
    let login = Row::Check {
        action: Action::TurnStartAtLogin,
        text: "Start at login".to_owned(),
        checked: view.start_at_login,
    };
    let quiet = view.notices.on.then(|| Row::Check {
        action: Action::TurnQuiet,
        text: "No notices until tomorrow".to_owned(),
        checked: view.notices.quiet_until.is_some(),
    });
    some_of(&view.questions, question_row, Action::ReadQuestions)
        .into_iter()
        .chain(some_of(&view.crashes, crash_row, Action::ReadCrashes))
        .chain(problem)
        .chain(session_rows(&view.sessions))
        .chain([Row::Separator, item(Action::OpenWindow, "Open Maya MCP Tray…")])
        .chain(client_row(Client::ClaudeDesktop, &view.clients))
        .chain([item(Action::CopyConfig, "Copy config for another client"), Row::Separator])
        .chain(quiet)
        .chain([login])
        .chain([item(Action::Quit, "Quit")])
        .collect()
}

/// What waits for the artist comes first.
fn some_of<T>(all: &[T], row: fn(&T) -> Row, read_all: Action) -> Vec<Row> {
    if all.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<_> = all.iter().take(MOST).map(row).collect();
    if let Some(more) = all.len().checked_sub(MOST).filter(|more| *more > 0) {
        let text = format!("… and {more} more in the window");
        rows.push(Row::Item { action: read_all, text });
    }
    rows.push(Row::Separator);
    rows
}

/// "Claude Desktop wants to run Python code (12 lines) in Maya 2025 (maya-8453)"
fn question_row(question: &QuestionView) -> Row {
    let QuestionView { question: number, client, what, title, session, .. } = question;
    let id = QuestionId(*number);
    let item = |answer, text: &str| Row::Item { action: Action::Answer(id, answer), text: text.to_owned() };
    Row::Menu {
        id: format!("question/{number}"),
        text: format!("{client} wants to {what} in {title} ({session})"),
        rows: vec![
            item(Answer::Once, "Allow once"),
            item(Answer::Always, "Always for this client"),
            item(Answer::No, "Deny"),
        ],
    }
}

/// "Maya 2025 closed unexpectedly: hero.ma"
fn crash_row(crash: &CrashView) -> Row {
    let CrashView { session, title, scene_name, recovered_scene, at } = crash;
    let scene = scene_name.as_ref().map(|scene| format!(": {scene}")).unwrap_or_default();
    let item = |(step, text): (AfterCrash, &str)| Row::Item {
        action: Action::AfterCrash(session.clone(), step),
        text: text.to_owned(),
    };
    let recovered =
        [(AfterCrash::OpenScene, "Open recovered scene"), (AfterCrash::ShowFolder, "Show folder")];
    let recovered = recovered.into_iter().filter(|_| recovered_scene.is_some());
    Row::Menu {
        id: format!("crash/{session}/{at}"),
        text: format!("{title} closed unexpectedly{scene}"),
        rows: recovered.chain([(AfterCrash::Dismiss, "Dismiss")]).map(item).collect(),
    }
}

/// Each session, and below it what the artist can do about it.
fn session_rows(sessions: &[SessionView]) -> Vec<Row> {
    if sessions.is_empty() {
        return vec![Row::Note("No Maya is running".to_owned())];
    }
    let is_only_one = sessions.len() == 1;
    let rows = |session: &SessionView| {
        [Some(choice_row(session, is_only_one)), connect_row(session), line_row(session)]
            .into_iter()
            .flatten()
    };
    sessions.iter().flat_map(|session| rows(session).collect::<Vec<_>>()).collect()
}

/// The session in use is marked: the artist's choice, or the only one.
fn choice_row(session: &SessionView, is_only_one: bool) -> Row {
    let name = session.session.clone();
    let action = if session.in_use { Action::Release(name) } else { Action::Choose(name) };
    Row::Check { action, text: session_text(session), checked: session.in_use || is_only_one }
}

fn connect_row(session: &SessionView) -> Option<Row> {
    let SessionView { title, session: name, .. } = session;
    let again = if session.phase == "awaiting_connect" { "" } else { " again" };
    let text = format!("Connect {title}{again} — {name}");
    session.can_connect.then(|| Row::Item { action: Action::ConnectSession(name.clone()), text })
}

fn line_row(session: &SessionView) -> Option<Row> {
    session.line.as_ref()?;
    let text = format!("Copy the line for {}'s Script Editor", session.title);
    Some(Row::Item { action: Action::CopyLine(session.session.clone()), text })
}

/// "Maya 2025 — hero.ma (maya-8453), busy"
fn session_text(session: &SessionView) -> String {
    let SessionView { title, session: name, scene_name, .. } = session;
    let (phase, is_linked) = match session.phase {
        "ready" => ("", true),
        "awaiting_connect" => (", not connected", false),
        "awaiting_permission" => (", waits for your permission", false),
        "busy" => (", busy", true),
        "not_responding" => (", not responding", true),
        "unreachable" => (", not reachable", false),
        // Found or being brought in: a moment later it is something else.
        _ => (", connecting", false),
    };
    let scene = match scene_name {
        Some(scene) => format!(" — {scene}"),
        None if is_linked => " — untitled scene".to_owned(),
        None => String::new(),
    };
    format!("{title}{scene} ({name}){phase}")
}

/// Claude Desktop alone: one click for what most people come for. Not where something is to be read first.
fn client_row(client: Client, clients: &[ClientView]) -> Option<Row> {
    let ClientView { name, state, note, .. } = clients.iter().find(|view| view.client == client.id())?;
    let item = |action, text| Some(Row::Item { action, text });
    match (*state, note) {
        ("not_connected", None) => item(Action::ConnectClient(client), format!("Connect {name}")),
        ("not_connected", Some(_)) => item(Action::LookAt(client), format!("Connect {name}…")),
        ("outdated", _) => item(Action::ConnectClient(client), format!("Connect {name} again")),
        ("connected", _) => Some(Row::Check {
            action: Action::LookAt(client),
            text: format!("{name} is connected"),
            checked: true,
        }),
        ("unreadable", _) => item(Action::LookAt(client), format!("{name}: settings cannot be read…")),
        _ => None,
    }
}

/// As much as fits in a menu.
fn beginning(text: &str) -> String {
    const WIDTH: usize = 60;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    let cut: String = text.chars().take(WIDTH).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{}…", whole_words.trim_end_matches([',', ';', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::samples;

    /// One line per row: "[x] …" and "[ ] …" are marks, "(…)" cannot be chosen.
    fn drawn(view: &View) -> Vec<String> {
        let line = |row: &Row| match row {
            Row::Separator => "---".to_owned(),
            Row::Note(text) => format!("({text})"),
            Row::Item { text, .. } => text.clone(),
            Row::Check { text, checked, .. } => format!("[{}] {text}", if *checked { "x" } else { " " }),
            Row::Menu { text, .. } => format!("{text} >"),
        };
        rows(view).iter().map(line).collect()
    }

    fn action_of(view: &View, id: &str) -> Option<Action> {
        rows(view).iter().find_map(|row| row.action(id).cloned())
    }

    fn chosen(sessions: &mut [SessionView], name: &str) {
        for session in sessions {
            session.in_use = session.session == name;
        }
    }

    #[test]
    fn an_empty_workstation_says_so_and_offers_the_rest() {
        let view = View { start_at_login: true, ..samples::empty() };
        let expected = [
            "(No Maya is running)",
            "---",
            "Open Maya MCP Tray…",
            "Copy config for another client",
            "---",
            "[ ] No notices until tomorrow",
            "[x] Start at login",
            "Quit",
        ];
        assert_eq!(drawn(&view), expected, "a client that is not on this machine has no row");
    }

    #[test]
    fn the_session_in_use_is_marked_and_choosing_it_again_takes_the_choice_back() {
        let mut view = View { sessions: samples::sessions()[..2].to_vec(), ..samples::empty() };
        chosen(&mut view.sessions, "nobody");
        let [first, second] = [0, 1].map(|index| view.sessions[index].session.clone());
        let marks = |view: &View| -> Vec<bool> {
            let mark = |row: &Row| matches!(row, Row::Check { checked: true, .. });
            rows(view)[..view.sessions.len()].iter().map(mark).collect()
        };
        assert_eq!(marks(&view), [false, false], "of several, none is in use before somebody chooses");
        let second_id = format!("session/{second}");
        assert_eq!(action_of(&view, &second_id), Some(Action::Choose(second.clone())), "a click chooses");
        chosen(&mut view.sessions, &second);
        assert_eq!(marks(&view), [false, true], "the chosen one is in use");
        assert_eq!(action_of(&view, &second_id), Some(Action::Release(second)), "a click takes it back");
        assert_eq!(
            action_of(&view, &format!("session/{first}")),
            Some(Action::Choose(first)),
            "or goes to the other"
        );
        chosen(&mut view.sessions, "nobody");
        view.sessions.truncate(1);
        assert_eq!(marks(&view), [true], "the only one is in use by itself");
    }

    #[test]
    fn a_session_says_what_is_open_in_it_and_what_keeps_it() {
        let mut session = samples::sessions()[0].clone();
        session.scene_name = Some("shot_010.ma".to_owned());
        for (phase, end) in [
            ("ready", ""),
            ("discovered", ", connecting"),
            ("bootstrapping", ", connecting"),
            ("awaiting_permission", ", waits for your permission"),
            ("busy", ", busy"),
            ("not_responding", ", not responding"),
            ("unreachable", ", not reachable"),
        ] {
            session.phase = phase;
            assert_eq!(
                session_text(&session),
                format!("Maya 2025 — shot_010.ma (maya-8453){end}"),
                "{phase}"
            );
        }
        for (phase, text) in [
            ("ready", "Maya 2025 — untitled scene (maya-8453)"),
            ("awaiting_connect", "Maya 2025 (maya-8453), not connected"),
        ] {
            (session.phase, session.scene_name) = (phase, None);
            assert_eq!(session_text(&session), text, "a scene is never saved, or not known: {phase}");
        }
    }

    #[test]
    fn what_can_be_done_about_a_session_stands_right_below_it() {
        let line = "commandPort -name \"127.0.0.1:7443\";";
        for (phase, can_connect, line, below, action) in [
            ("ready", false, None, None, None),
            (
                "awaiting_connect",
                true,
                None,
                Some("Connect Maya 2025 — maya-8453"),
                Some(Action::ConnectSession("maya-8453".to_owned())),
            ),
            (
                "unreachable",
                true,
                None,
                Some("Connect Maya 2025 again — maya-8453"),
                Some(Action::ConnectSession("maya-8453".to_owned())),
            ),
            (
                "unreachable",
                false,
                Some(line),
                Some("Copy the line for Maya 2025's Script Editor"),
                Some(Action::CopyLine("maya-8453".to_owned())),
            ),
        ] {
            let mut sessions = samples::sessions()[..2].to_vec();
            (sessions[0].phase, sessions[0].can_connect) = (phase, can_connect);
            sessions[0].line = line.map(str::to_owned);
            let view = View { sessions, ..samples::empty() };
            let row = drawn(&view)[1].clone();
            assert_eq!(Some(row.as_str()).filter(|row| !row.starts_with('[')), below, "{phase}");
            let act = action.as_ref().and_then(|action| action_of(&view, &action.id()));
            assert_eq!(act, action, "a click does what the row says: {phase}");
        }
    }

    #[test]
    fn claude_desktop_is_connected_by_one_click_unless_something_is_to_be_read_first() {
        let client = Client::ClaudeDesktop;
        for (state, note, text, action) in [
            ("not_connected", None, "Connect Claude Desktop", Action::ConnectClient(client)),
            ("not_connected", Some("read me"), "Connect Claude Desktop…", Action::LookAt(client)),
            ("outdated", None, "Connect Claude Desktop again", Action::ConnectClient(client)),
            ("connected", None, "[x] Claude Desktop is connected", Action::LookAt(client)),
            ("unreadable", Some("why"), "Claude Desktop: settings cannot be read…", Action::LookAt(client)),
        ] {
            let mut desktop = samples::clients()[0].clone();
            (desktop.state, desktop.note) = (state, note.map(str::to_owned));
            let view = View { clients: vec![desktop], ..samples::empty() };
            assert_eq!(drawn(&view)[3], text, "{state} with {note:?}");
            assert_eq!(action_of(&view, "client/claude-desktop"), Some(action), "{state} with {note:?}");
        }
    }

    #[test]
    fn a_problem_comes_first_cut_at_a_word_and_opens_the_window() {
        let problem = "Port 6292 on this machine is taken by maya-mcp (process 12345); end that program.";
        let view = View { problem: Some(problem.to_owned()), ..samples::empty() };
        let expected =
            ["Port 6292 on this machine is taken by maya-mcp (process…", "---", "(No Maya is running)"];
        assert_eq!(drawn(&view)[..3], expected, "as much as fits");
        assert_eq!(action_of(&view, "problem"), Some(Action::ReadProblem), "the rest is in the window");
    }

    #[test]
    fn what_clients_ask_comes_first_and_is_answered_in_the_menu() {
        let [question] = &samples::questions()[..] else { panic!("there is one sample") };
        let numbered = |number| QuestionView { question: number, ..question.clone() };
        let text = "Claude Desktop wants to run Python code (2 lines) in Maya 2025 (maya-8453) >";
        let view = View { questions: vec![numbered(7)], ..samples::empty() };
        assert_eq!(drawn(&view)[..3], [text, "---", "(No Maya is running)"], "before everything else");
        let id = QuestionId(7);
        for answer in [Answer::Once, Answer::Always, Answer::No] {
            let action = Action::Answer(id, answer);
            assert_eq!(action_of(&view, &action.id()), Some(action), "one click below it answers");
        }
        let view = View { questions: (1..=7).map(numbered).collect(), ..samples::empty() };
        let expected = [text, text, text, text, text, "… and 2 more in the window", "---"];
        assert_eq!(drawn(&view)[..7], expected, "no more than a menu has room for");
        assert_eq!(action_of(&view, "questions"), Some(Action::ReadQuestions), "which opens the window");
    }

    #[test]
    fn a_crash_is_seen_to_in_the_menu_and_only_what_is_there_can_be_opened() {
        let crashes = samples::crashes();
        let [first, second] = &crashes[..] else { panic!("there are two samples") };
        let view = View { questions: samples::questions(), crashes: crashes.clone(), ..samples::empty() };
        let drawn_now = drawn(&view);
        let expected = [
            "---",
            "Maya 2025 closed unexpectedly >",
            "Maya 2025 closed unexpectedly: shot_010.ma >",
            "---",
            "(No Maya is running)",
        ];
        assert_eq!(drawn_now[1..6], expected, "below the questions, the newest first");
        let done = |session: &str, step| {
            let action = Action::AfterCrash(session.to_owned(), step);
            action_of(&view, &action.id()) == Some(action)
        };
        for (crash, is_recovered) in [(first, false), (second, true)] {
            let session = &crash.session;
            assert_eq!(done(session, AfterCrash::OpenScene), is_recovered, "{session}: the scene");
            assert_eq!(done(session, AfterCrash::ShowFolder), is_recovered, "{session}: its folder");
            assert!(done(session, AfterCrash::Dismiss), "{session}: it can always be dismissed");
        }
        let many = View { crashes: vec![first.clone(); 8], ..samples::empty() };
        assert_eq!(drawn(&many)[5], "… and 3 more in the window", "no more than a menu has room for");
        assert_eq!(action_of(&many, "crashes"), Some(Action::ReadCrashes), "which opens the window");
    }

    #[test]
    fn the_quiet_until_tomorrow_is_marked_and_offered_where_there_are_notices() {
        let mut view = samples::empty();
        let row = |view: &View| drawn(view).into_iter().find(|row| row.contains("tomorrow"));
        assert_eq!(row(&view).as_deref(), Some("[ ] No notices until tomorrow"), "it can be chosen");
        assert_eq!(action_of(&view, "quiet"), Some(Action::TurnQuiet), "a click turns it over");
        view.notices.quiet_until = Some("2026-11-22T06:00:00Z".to_owned());
        assert_eq!(row(&view).as_deref(), Some("[x] No notices until tomorrow"), "as long as it holds");
        view.notices.on = false;
        assert_eq!(row(&view), None, "where none are shown, there is nothing to be quiet");
    }

    #[test]
    fn words_and_marks_change_in_place_and_nothing_else_does() {
        let check = |session: &str, checked| Row::Check {
            action: if checked { Action::Release(session.into()) } else { Action::Choose(session.into()) },
            text: format!("{session} {checked}"),
            checked,
        };
        assert!(check("maya-1", true).is_same_row(&check("maya-1", false)), "one session, other words");
        assert!(!check("maya-1", true).is_same_row(&check("maya-2", true)), "another session");
        let item = Row::Item { action: Action::Choose("maya-1".into()), text: String::new() };
        assert!(!check("maya-1", true).is_same_row(&item), "an entry cannot grow a mark");
    }
}
