//! Which of the running Mayas to work in.

use maya_mcp_session::{ClientName, SessionInfo};

use crate::{server::Shared, tools};

pub(super) fn text(shared: &Shared, client: &ClientName) -> String {
    let sessions = tools::infos(&shared.registry.snapshot(), client);
    let mut text = String::from(
        "Help me choose the Maya that you will work in. Maya is 3D animation software; each running Maya is a \"session\" with a name of its \
        own, and in each I have a scene open.\n\n",
    );
    if sessions.is_empty() {
        text.push_str(
            "No Maya is running now. Tell me to start Maya; it is found by itself within a second. Then call the tool \
            wait_for_session_change to hear of it, or list_sessions to look.",
        );
        return text;
    }
    text.push_str("Running now:\n");
    for session in &sessions {
        text.push_str(&line(session));
    }
    text.push_str(
        "\nIf I have said which scene or which Maya I mean, take the session that fits. If only one is ready, take that one. Otherwise show \
        me the list, with the scenes' names, and ask me. Do not guess: working in the wrong scene does harm.\n\
        Then call the tool use_session with the session's name; from then on your calls go there. (Or give `session` with each call.) \
        Only a session that is ready runs code at once. Where something has to be done first, the list says what; tell me. \
        The list may be out of date when you read this: the tool list_sessions gives the present one.",
    );
    text
}

fn line(session: &SessionInfo) -> String {
    let title = session.maya_version.as_ref().map_or("Maya".to_owned(), |version| format!("Maya {version}"));
    let batch = if session.batch { ", without a window" } else { "" };
    let scene = match (&session.scene_name, &session.scene_path) {
        (Some(name), _) if name.is_empty() => "a scene that was never saved".to_owned(),
        (Some(name), Some(path)) if !path.is_empty() => format!("scene {name} ({path})"),
        (Some(name), _) => format!("scene {name}"),
        (None, _) => "scene not known yet".to_owned(),
    };
    let in_use = if session.in_use { " This is the one in use." } else { "" };
    format!(
        "- {} ({title}{batch}): {scene}. Phase: {} ({}). You may: {}.{in_use}\n",
        session.session,
        session.phase,
        session.phase_text,
        may(session),
    )
}

fn may(session: &SessionInfo) -> &'static str {
    match session.access {
        maya_mcp_session::Access::Full => "run code",
        maya_mcp_session::Access::Ask => "run code, after I have allowed it",
        maya_mcp_session::Access::LookOnly => "look, but run nothing",
    }
}
