//! What is worth a person's attention, and in which words.

use maya_mcp_session::{Event, QuestionId, Session, SessionId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// One per session and kind, or per question.
    pub key: String,
    pub title: String,
    /// As it is to be read, without markup.
    pub body: String,
    pub urgency: Urgency,
    /// What can be chosen in it, where the desktop shows buttons; it is in the tray and the window too.
    pub action: Option<Action>,
    pub lasts: Lasts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// As long as the desktop likes.
    UntilSeen,
    /// It is taken back when something else has come of it.
    UntilSettled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Connect(SessionId),
    /// Whether a client may do what it wants.
    Answer(QuestionId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Normal,
    /// Stays until it was seen.
    Critical,
}

/// Nothing for batch sessions: a render farm would flood the desktop.
pub fn notice_for(session: &Session, event: &Event) -> Option<Notice> {
    if session.is_batch() {
        return None;
    }
    let title = session.title();
    let name = session.id();
    let notice = |title: String, body: String, urgency| {
        let key = format!("{name}/{}", event.kind());
        let action = (*event == Event::AwaitingConnect).then_some(Action::Connect(name));
        let asks = matches!(event, Event::AwaitingConnect | Event::AwaitingPermission);
        let lasts = if asks { Lasts::UntilSettled } else { Lasts::UntilSeen };
        Some(Notice { key, title, body, urgency, action, lasts })
    };
    match event {
        // Nobody is there yet.
        Event::Appeared if session.by_hand().is_some() => None,
        Event::Appeared => notice(
            format!("{title} is running"),
            format!("It is called {name} for your AI clients."),
            Urgency::Normal,
        ),
        Event::AwaitingConnect => notice(
            format!("Connect {title}?"),
            match session.by_hand() {
                Some(port) => format!(
                    "An AI client asks to work in the Maya at {}:{}. If you know it, choose Connect, here or in the tray.",
                    port.host,
                    port.address.port()
                ),
                None => format!(
                    "To let your AI clients work in {name}, choose Connect, here or in the tray. Maya will ask you once."
                ),
            },
            Urgency::Normal,
        ),
        Event::AwaitingPermission => notice(
            format!("{title} is about to ask for permission"),
            "To let your AI clients work in it, choose Allow All in Maya's dialog.".to_owned(),
            Urgency::Normal,
        ),
        Event::Crashed { recovered_scene: Some(path) } => notice(
            format!("{title} closed unexpectedly"),
            format!("A recovered scene is ready to open: {}", path.display()),
            Urgency::Critical,
        ),
        Event::Crashed { recovered_scene: None } => notice(
            format!("{title} closed unexpectedly"),
            match session.scene.as_ref().filter(|scene| !scene.path.is_empty()) {
                Some(scene) => format!("It had {} open. Start Maya again to go on.", scene.name),
                None => "Start Maya again to go on.".to_owned(),
            },
            Urgency::Critical,
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maya_mcp_session::{Origin, Phase, Process, ProcessId, Scene, Session};
    use std::path::PathBuf;

    fn process(batch: bool) -> Process {
        let id = ProcessId { pid: 8453, started_at: 1 };
        Process { maya_version: Some("2025".to_owned()), batch, ..Process::new(id) }
    }

    fn told(event: Event, alter: impl FnOnce(&mut Session)) -> Option<(String, String)> {
        let at = maya_mcp_session::clock::Timestamp::UNIX_EPOCH;
        let mut session =
            Session { phase: Phase::Ready, ..Session::new(Origin::Process(process(false)), at) };
        alter(&mut session);
        notice_for(&session, &event).map(|notice| (notice.title, notice.body))
    }

    #[test]
    fn an_artist_hears_of_a_maya_that_comes_and_of_one_that_crashes() {
        let (title, body) = told(Event::Appeared, |_| ()).expect("a new Maya is news");
        assert_eq!(title, "Maya 2025 is running", "the version is known from its path");
        assert!(body.contains("maya-8453"), "the name that clients use: {body}");

        let scene = |name: &str| Scene { name: name.into(), path: format!("/show/{name}"), modified: true };
        let crash = |recovered_scene| Event::Crashed { recovered_scene };
        let (title, body) =
            told(crash(None), |session| session.scene = Some(scene("shot_010.ma"))).expect("a crash is news");
        assert_eq!(title, "Maya 2025 closed unexpectedly", "no blame");
        assert!(body.starts_with("It had shot_010.ma open."), "what was lost: {body}");
        let recovered = Some(PathBuf::from("/tmp/shot_010[Recovered-ana].ma"));
        let (_, body) = told(crash(recovered), |_| ()).expect("a crash is news");
        assert!(body.contains("/tmp/shot_010[Recovered-ana].ma"), "where the work is: {body}");
    }

    #[test]
    fn nobody_is_told_of_what_is_ordinary() {
        for event in [Event::Ready, Event::Exited, Event::Busy] {
            assert_eq!(told(event.clone(), |_| ()), None, "{event:?}");
        }
        let batch = told(Event::Appeared, |session| session.origin = Origin::Process(process(true)));
        assert_eq!(batch, None, "nor of a batch render");
    }
}
