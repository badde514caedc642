//! Getting back to work after Maya has crashed.

use maya_mcp_session::{Filter, Kind, Phase, Snapshot};
use rmcp::ErrorData;

use super::unfit;
use crate::{history::history, server::Shared};

/// Nobody asks for one that was long before these.
const CRASHES: usize = 32;

/// A Maya that has crashed.
#[derive(Debug, PartialEq, Eq)]
struct Crash {
    session: String,
    /// In a sentence, with the place of the recovered scene where there is one.
    what: String,
}

/// The sessions that are known to have crashed since the engine was started, the latest first.
pub(crate) fn crashed(shared: &Shared, snapshot: &Snapshot) -> Vec<String> {
    let edges = shared.registry.since(0).edges.into_iter().rev();
    let dead = edges.filter(|edge| edge.kind() == Kind::Crashed).map(|edge| edge.what.source());
    dying(snapshot).map(|crash| crash.session).chain(dead).collect()
}

/// A Maya that has crashed may still show its error window.
fn dying(snapshot: &Snapshot) -> impl Iterator<Item = Crash> {
    snapshot.sessions.values().filter_map(|session| match &session.phase {
        phase @ Phase::NotResponding { recovered_scene: Some(_), .. } => {
            let what = format!("{}: {phase} (not responding since {})", session.title(), session.since);
            Some(Crash { session: session.id().to_string(), what })
        }
        _ => None,
    })
}

/// The latest first, those before a restart of the engine too.
async fn crashes(shared: &Shared, snapshot: &Snapshot) -> Vec<Crash> {
    let filter = Filter { kinds: Some([Kind::Crashed].into()), sources: None };
    let events = history(shared, filter, CRASHES).await.events.into_iter().rev();
    let dead = events
        .map(|event| Crash { what: format!("{} ({})", event.detail, event.time), session: event.source });
    dying(snapshot).chain(dead).collect()
}

const MANNER: &str = "\
Maya (3D animation software) has crashed, and I want to go on without losing anything more. When Maya crashes it often saves the scene as it \
was to another file, the recovered scene, in the temporary folder.
";

const STEPS: &str = "
Go on like this, one step at a time, and stop where something is not as expected:
1. Call the tool list_sessions. If no Maya is running, or only one that has crashed, ask me to start Maya again (and to close the crash's error \
window, if there is one); then call wait_for_session_change. It is found by itself.
2. Look whether the recovered scene is there, without opening it: its size and its time, and those of the original scene beside it. (In execute_code: \
Python's os.path and os.stat.) Tell me which is newer.
3. Ask me before you open anything. If another scene with unsaved changes is open, say so; it must not be lost.
4. When I agree, open the recovered scene. Never save over the original scene, and never move or delete the recovered file.
5. Save it at once under a new name beside the original, for example `shot_010_recovered.ma` for `shot_010.ma`, choosing a name that does not exist yet \
(cmds.file(rename=...), then cmds.file(save=True)).
6. Compare it with the original as far as that is possible without opening both (the tool get_scene describes what is open): file, references that are missing, unknown nodes, how many nodes of \
each type, the frame range. Tell me what is missing or different. A recovered scene can be incomplete.
7. Leave it to me which file becomes the real one.
";

pub(super) async fn text(shared: &Shared, wanted: Option<&str>) -> Result<String, ErrorData> {
    let snapshot = shared.registry.snapshot();
    let mut crashes = crashes(shared, &snapshot).await.into_iter();
    let Some(wanted) = wanted else {
        let known = crashes.next().map_or_else(not_known, |crash| told(&crash));
        return Ok(format!("{MANNER}\n{known}\n{STEPS}"));
    };
    let mut others = Vec::new();
    for crash in crashes {
        if crash.session == wanted {
            return Ok(format!("{MANNER}\n{}\n{STEPS}", told(&crash)));
        }
        others.push(crash.session);
    }
    let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
    Err(unfit(format!(
        "No crash of \"{wanted}\" is known. Known to have crashed: {others}. Leave `session` empty for the last crash."
    )))
}

fn told(crash: &Crash) -> String {
    format!("What is known of the crash, of session {}: {}.", crash.session, crash.what)
}

fn not_known() -> String {
    "No crash has been seen as far back as is known. Ask me what happened and which scene it was. Recovered scenes are in Maya's temporary \
    folder (in execute_code: `cmds.internalVar(userTmpDir=True)`), named after the user, the date and the time; the newest `.ma` or `.mb` file there \
    is the likely one."
        .to_owned()
}
