//! What is told to a person, in which words.

use maya_mcp_session::{Crash, Phase, QuestionId, Session, SessionId};

use crate::Subject;

/// So many are named in one notice; the rest is counted.
const NAMED: usize = 6;

#[cfg(all(unix, not(target_os = "macos")))]
const HERE: &str = "here, in the tray or in the window";
/// On this system notices have no buttons.
#[cfg(not(all(unix, not(target_os = "macos"))))]
const HERE: &str = "in the tray or in the window";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about, for the log.
    pub key: String,
    pub title: String,
    /// As it is to be read, without markup.
    pub body: String,
    pub urgency: Urgency,
    /// What can be chosen in it, where the desktop shows buttons; it is in the tray and the window too.
    pub action: Option<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Connect(SessionId),
    /// What a crashed Maya left: to be opened, or shown where it lies.
    Recover(SessionId),
    /// Whether a client may do what it wants.
    Answer(QuestionId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Normal,
    /// Stays until it was seen.
    Critical,
}

/// Who a notice is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who<'a> {
    Running(&'a Session),
    Crashed(&'a Crash),
}

impl Who<'_> {
    pub fn session(&self) -> &Session {
        match self {
            Self::Running(session) => session,
            Self::Crashed(crash) => &crash.session,
        }
    }
}

pub(crate) fn of_one(subject: Subject, who: Who) -> Notice {
    let session = who.session();
    let name = session.id();
    let (title, body) = words(subject, who);
    let action = match (subject, who) {
        (Subject::AwaitingConnect, _) => Some(Action::Connect(name)),
        (Subject::Crashed, Who::Crashed(Crash { recovered_scene: Some(_), .. })) => {
            Some(Action::Recover(name))
        }
        _ => None,
    };
    Notice { key: format!("{name}/{}", subject.name()), title, body, urgency: urgency(subject), action }
}

fn urgency(subject: Subject) -> Urgency {
    if subject == Subject::Crashed { Urgency::Critical } else { Urgency::Normal }
}

fn words(subject: Subject, who: Who) -> (String, String) {
    let session = who.session();
    let (title, name) = (session.title(), session.id());
    match subject {
        Subject::Appeared => {
            (format!("{title} is running"), format!("It is called {name} for your AI clients."))
        }
        Subject::Ready => {
            (format!("{title} is ready"), format!("Your AI clients can work in it. They call it {name}."))
        }
        Subject::AwaitingConnect => (
            format!("Connect {title}?"),
            match session.by_hand() {
                Some(port) => format!(
                    "An AI client asks to work in the Maya at {}:{}. If you know it, choose Connect, {HERE}.",
                    port.host,
                    port.address.port()
                ),
                None => format!(
                    "To let your AI clients work in {name}, choose Connect, {HERE}. Maya will ask you once."
                ),
            },
        ),
        Subject::AwaitingPermission => (
            format!("{title} is about to ask for permission"),
            "To let your AI clients work in it, choose Allow All in Maya's dialog.".to_owned(),
        ),
        Subject::NotResponding => (format!("{title} is not responding"), format!("{}.", trouble(session))),
        Subject::CameBack => {
            (format!("{title} responds again"), format!("Your AI clients can go on in {name}."))
        }
        Subject::Crashed => (format!("{title} closed unexpectedly"), what_is_left(who)),
        Subject::Question => unreachable!("what clients ask has words of its own"),
    }
}

fn trouble(session: &Session) -> String {
    match &session.phase {
        Phase::NotResponding { recovered_scene: Some(_), .. } => session.phase.to_string(),
        // Which of its threads are silent may change from one moment to the next.
        _ => "It works on something long, shows a dialog, or hangs. Please look at Maya".to_owned(),
    }
}

fn what_is_left(who: Who) -> String {
    if let Who::Crashed(Crash { recovered_scene: Some(path), .. }) = who {
        return format!("A recovered scene is ready to open, {HERE}: {}", path.display());
    }
    match who.session().scene.as_ref().filter(|scene| !scene.path.is_empty()) {
        Some(scene) => format!("It had {} open. Start Maya again to go on.", scene.name),
        None => "Start Maya again to go on.".to_owned(),
    }
}

/// Several of one subject.
pub(crate) fn of_several(subject: Subject, all: &[Who]) -> Notice {
    let count = all.len();
    let (title, next) = match subject {
        Subject::Appeared => return found(&all.iter().map(|who| (subject, *who)).collect::<Vec<_>>()),
        Subject::Ready => (format!("{count} Mayas are ready"), "Your AI clients can work in them."),
        Subject::AwaitingConnect => {
            (format!("Connect {count} Mayas?"), "Choose Connect for each, in the tray or in the window.")
        }
        Subject::AwaitingPermission => {
            (format!("{count} Mayas are about to ask for permission"), "Choose Allow All in their dialogs.")
        }
        Subject::NotResponding => (format!("{count} Mayas are not responding"), "Please look at them."),
        Subject::CameBack => (format!("{count} Mayas respond again"), "Your AI clients can go on in them."),
        Subject::Crashed => (
            format!("{count} Mayas closed unexpectedly"),
            if all.iter().any(|who| matches!(who, Who::Crashed(Crash { recovered_scene: Some(_), .. }))) {
                "Recovered scenes can be opened in the tray or in the window."
            } else {
                "Start Maya again to go on."
            },
        ),
        Subject::Question => unreachable!("what clients ask has words of its own"),
    };
    let names = names(all.iter().map(|who| {
        let recovered = matches!(who, Who::Crashed(Crash { recovered_scene: Some(_), .. }));
        format!("{}{}", name(*who), if recovered { ", with a recovered scene" } else { "" })
    }));
    let key = format!("several/{}", subject.name());
    Notice { key, title, body: format!("{names}\n{next}"), urgency: urgency(subject), action: None }
}

/// What was there when the engine started, or the machine woke.
pub(crate) fn found(all: &[(Subject, Who)]) -> Notice {
    let names = names(all.iter().map(|(subject, who)| {
        let state = match subject {
            Subject::Ready => "ready",
            Subject::AwaitingConnect => "not connected",
            _ => "running",
        };
        format!("{}: {state}", name(*who))
    }));
    let next = if all.iter().any(|(subject, _)| *subject == Subject::AwaitingConnect) {
        "\nTo let your AI clients work in one, choose Connect in the tray or in the window."
    } else {
        ""
    };
    Notice {
        key: "several/found".to_owned(),
        title: format!("{} Maya sessions found", all.len()),
        body: format!("{names}{next}"),
        urgency: Urgency::Normal,
        action: None,
    }
}

fn name(who: Who) -> String {
    let session = who.session();
    let scene = session.scene.as_ref().map(|scene| scene.name.as_str()).filter(|name| !name.is_empty());
    let scene = scene.map(|scene| format!(", {scene}")).unwrap_or_default();
    format!("{} ({}{scene})", session.title(), session.id())
}

fn names(mut all: impl ExactSizeIterator<Item = String>) -> String {
    let mut lines: Vec<_> = all.by_ref().take(NAMED).collect();
    if all.len() > 0 {
        lines.push(format!("… and {} more", all.len()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use maya_mcp_session::{Origin, Process, ProcessId, Scene, clock::Timestamp};

    use super::*;

    fn maya(pid: u32) -> Session {
        let id = ProcessId { pid, started_at: 1 };
        let process = Process { maya_version: Some("2025".to_owned()), ..Process::new(id) };
        Session::new(Origin::Process(process), Timestamp::UNIX_EPOCH)
    }

    fn crash(session: Session, recovered: Option<&str>) -> Crash {
        let recovered_scene = recovered.map(PathBuf::from);
        Crash { session: Arc::new(session), at: Timestamp::UNIX_EPOCH, recovered_scene }
    }

    #[test]
    fn a_notice_says_what_is_and_what_to_do() {
        let maya = maya(8453);
        for (subject, title, body) in [
            (Subject::Appeared, "Maya 2025 is running", "maya-8453"),
            (Subject::Ready, "Maya 2025 is ready", "maya-8453"),
            (Subject::AwaitingConnect, "Connect Maya 2025?", "choose Connect"),
            (Subject::AwaitingPermission, "Maya 2025 is about to ask for permission", "choose Allow All"),
            (Subject::NotResponding, "Maya 2025 is not responding", "look at Maya."),
            (Subject::CameBack, "Maya 2025 responds again", "go on in maya-8453"),
        ] {
            let notice = of_one(subject, Who::Running(&maya));
            assert_eq!(notice.title, title, "{subject:?}");
            assert!(notice.body.contains(body), "{subject:?}: {}", notice.body);
            assert_eq!(notice.urgency, Urgency::Normal, "{subject:?} goes by itself");
        }
    }

    #[test]
    fn a_crash_is_told_without_blame_and_with_what_is_left() {
        let mut session = maya(8453);
        session.scene =
            Some(Scene { name: "shot_010.ma".into(), path: "/show/shot_010.ma".into(), modified: true });
        let told = |crash: Crash| of_one(Subject::Crashed, Who::Crashed(&crash));
        let lost = told(crash(session.clone(), None));
        assert_eq!(lost.title, "Maya 2025 closed unexpectedly", "no blame");
        assert!(lost.body.starts_with("It had shot_010.ma open."), "what was lost: {}", lost.body);
        assert_eq!((lost.action, lost.urgency), (None, Urgency::Critical), "there is nothing to open");
        let left = told(crash(session, Some("/tmp/shot_010[Recovered-ana].ma")));
        assert!(left.body.contains("/tmp/shot_010[Recovered-ana].ma"), "where the work is: {}", left.body);
        assert!(matches!(left.action, Some(Action::Recover(_))), "it can be opened right there");
    }

    #[test]
    fn several_are_named_and_those_beyond_are_counted() {
        let mayas: Vec<_> = (1..=8).map(maya).collect();
        let all: Vec<_> = mayas.iter().map(Who::Running).collect();
        let notice = of_several(Subject::Ready, &all);
        assert_eq!(notice.title, "8 Mayas are ready", "how many");
        assert!(notice.body.starts_with("Maya 2025 (maya-1)\n"), "which: {}", notice.body);
        assert!(notice.body.contains("\n… and 2 more\n"), "within the room of a notice: {}", notice.body);
        let notice = found(&[
            (Subject::Ready, Who::Running(&mayas[0])),
            (Subject::AwaitingConnect, Who::Running(&mayas[1])),
        ]);
        assert_eq!(notice.title, "2 Maya sessions found", "how many");
        assert!(notice.body.contains("(maya-2): not connected"), "how each is: {}", notice.body);
        assert!(notice.body.ends_with("in the tray or in the window."), "the next step: {}", notice.body);
        let crashes = [crash(maya(1), None), crash(maya(2), Some("/tmp/a.ma"))];
        let all: Vec<_> = crashes.iter().map(Who::Crashed).collect();
        let notice = of_several(Subject::Crashed, &all);
        assert!(notice.body.contains("(maya-2), with a recovered scene"), "what is left: {}", notice.body);
        assert_eq!((notice.action, notice.urgency), (None, Urgency::Critical), "the tray has the buttons");
    }
}
