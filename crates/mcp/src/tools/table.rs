//! The tools as a client sees them: names, descriptions, schemas and hints.
//!
//! Invariant: always in the same order.

use std::sync::{Arc, LazyLock};

use maya_mcp_session::ClientName;
use rmcp::model::{JsonObject, Tool as Listed, ToolAnnotations};
use schemars::JsonSchema;

use super::{
    OUR_CLIENT, Unanswered, arguments::Where, execute, history, module, output, quoted, scene, sessions,
    several,
};
use crate::schema;

/// Every tool there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    ListSessions,
    UseSession,
    UnuseSession,
    GetSessionInfo,
    AddSession,
    WaitForSessionChange,
    ExecuteCode,
    RunOnSessions,
    CancelExecution,
    WriteModule,
    GetOutput,
    GetScene,
    CaptureViewport,
    Undo,
    Redo,
    /// For our own program in a shell alone, as the next ones.
    ConnectSession,
    RemoveSession,
    ListAccess,
    SetAccess,
    AnswerQuestion,
}

/// What a call of it may do, for clients that ask people first.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Nothing to anything; asking twice gives the same.
    Look,
    /// Nothing to anything; but what was told once is not told again.
    LookOnce,
    /// It changes which session is used, and nothing in Maya.
    Choose,
    /// The same, and it may reach another machine.
    Add,
    /// Anything a program can do.
    Run,
    /// Something in Maya's memory that can be changed back.
    Change,
}

struct Row {
    tool: Tool,
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input: fn() -> Arc<JsonObject>,
    output: fn() -> Arc<JsonObject>,
    does: Does,
}

fn row<I: JsonSchema, O: JsonSchema>(
    tool: Tool,
    name: &'static str,
    title: &'static str,
    does: Does,
    description: &'static str,
) -> Row {
    Row { tool, name, title, description, input: schema::of_input::<I>, output: schema::of_output::<O>, does }
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    use Does::{Add, Change, Choose, Look, LookOnce, Run};
    use sessions::{
        AddParams, AddedSession, Chosen, Details, InUse, Listing, News, NoParams, UseParams, WaitParams,
    };
    vec![
        row::<News, Listing>(Tool::ListSessions, "list_sessions", "List Maya sessions", LookOnce, LIST),
        row::<UseParams, Chosen>(
            Tool::UseSession,
            "use_session",
            "Choose the Maya session to work in",
            Choose,
            USE,
        ),
        row::<NoParams, InUse>(Tool::UnuseSession, "unuse_session", "Choose no Maya session", Choose, UNUSE),
        row::<Where, Details>(
            Tool::GetSessionInfo,
            "get_session_info",
            "Look at one Maya session",
            Look,
            INFO,
        ),
        row::<AddParams, AddedSession>(
            Tool::AddSession,
            "add_session",
            "Add a Maya by its address",
            Add,
            ADD,
        ),
        row::<WaitParams, Listing>(
            Tool::WaitForSessionChange,
            "wait_for_session_change",
            "Wait for a change in the Maya sessions",
            LookOnce,
            WAIT,
        ),
        row::<execute::Params, execute::Answer>(
            Tool::ExecuteCode,
            "execute_code",
            "Run Python or MEL in Maya",
            Run,
            EXECUTE,
        ),
        row::<several::Params, several::Results>(
            Tool::RunOnSessions,
            "run_on_sessions",
            "Run the same code in several Mayas",
            Run,
            SEVERAL,
        ),
        row::<execute::CancelParams, execute::Cancelled>(
            Tool::CancelExecution,
            "cancel_execution",
            "Stop code that is running",
            Change,
            CANCEL,
        ),
        row::<module::Params, module::Written>(
            Tool::WriteModule,
            "write_module",
            "Write a Python module into Maya",
            Run,
            MODULE,
        ),
        row::<output::Params, output::Output>(
            Tool::GetOutput,
            "get_output",
            "Read what Maya has printed",
            LookOnce,
            OUTPUT,
        ),
        row::<Where, scene::Scene>(Tool::GetScene, "get_scene", "Look at the scene in numbers", Look, SCENE),
        row::<scene::CaptureParams, scene::Taken>(
            Tool::CaptureViewport,
            "capture_viewport",
            "Take a picture of the scene",
            Look,
            CAPTURE,
        ),
        row::<history::Params, history::Stepped>(Tool::Undo, "undo", "Undo a step in Maya", Change, UNDO),
        row::<history::Params, history::Stepped>(Tool::Redo, "redo", "Redo a step in Maya", Change, REDO),
    ]
});

/// What is not in any list.
const OUR_OWN: [(&str, Tool); 5] = [
    ("connect_session", Tool::ConnectSession),
    ("remove_session", Tool::RemoveSession),
    ("list_access", Tool::ListAccess),
    ("set_access", Tool::SetAccess),
    ("answer_question", Tool::AnswerQuestion),
];

pub(super) fn find(name: &str, client: &ClientName) -> Option<Tool> {
    let listed = ROWS.iter().find(|row| row.name == name).map(|row| row.tool);
    let ours = || OUR_OWN.iter().find(|(own, _)| *own == name).map(|(_, tool)| *tool);
    listed.or_else(|| ours().filter(|_| client.as_str() == OUR_CLIENT))
}

/// An argument that the tool does not have may be one that was meant otherwise: code must not run in another Maya than the one that was named.
pub(super) fn check_names(tool: Tool, arguments: &JsonObject) -> Result<(), Unanswered> {
    let Some(row) = ROWS.iter().position(|row| row.tool == tool) else { return Ok(()) };
    let known = list()[row].input_schema["properties"].as_object().expect("every tool has its arguments");
    let unknown = arguments.iter().find(|(name, value)| !known.contains_key(*name) && !value.is_null());
    let Some((unknown, _)) = unknown else { return Ok(()) };
    let known: Vec<_> = known.keys().map(String::as_str).collect();
    let takes = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Unanswered::problem(format!("There is no argument {}. This tool takes: {takes}.", quoted(unknown))))
}

/// The same for everybody, and made only once.
pub(crate) fn list() -> &'static [Listed] {
    static LISTED: LazyLock<Vec<Listed>> = LazyLock::new(|| ROWS.iter().map(listed).collect());
    &LISTED
}

fn listed(row: &Row) -> Listed {
    Listed::new(row.name, row.description, (row.input)())
        .with_title(row.title)
        .with_raw_output_schema((row.output)())
        .with_annotations(hints(row))
}

fn hints(row: &Row) -> ToolAnnotations {
    let hints = ToolAnnotations::with_title(row.title);
    match row.does {
        Does::Look => hints.read_only(true).idempotent(true).open_world(false),
        Does::LookOnce => hints.read_only(true).open_world(false),
        Does::Choose => hints.read_only(false).destructive(false).idempotent(true).open_world(false),
        Does::Add => hints.read_only(false).destructive(false).idempotent(true).open_world(true),
        Does::Run => hints.read_only(false).destructive(true).idempotent(false).open_world(true),
        Does::Change => hints.read_only(false).destructive(true).idempotent(false).open_world(false),
    }
}

const LIST: &str = "\
Lists the Autodesk Maya programs running on this workstation (each is a \"session\"), and what changed since you last asked: started, \
closed, crashed, another scene, busy. Maya is 3D animation software; an artist works in it at the same time as you. Start with this tool. \
Only a session whose phase is \"ready\" runs code at once; `phase_text` says what to do about the others. `in_use` marks the session that the \
other tools use when you name none.";

const USE: &str = "\
Chooses the Maya session that your later calls go to when they name none. Needed only when several Mayas are running. The choice is yours \
alone: it changes nothing in Maya and nothing for anybody else.";

const UNUSE: &str = "\
Takes back your use_session. Your later calls go to the session that the artist chose in Maya MCP Tray, or to the only one that is running.";

const INFO: &str = "\
Tells all that is known of one Maya session without asking Maya itself, so it answers at once even while Maya is busy: versions, scene, \
its scene as of when that was last opened or saved, what code is running in it, and what you may do there.";

const ADD: &str = "\
Adds a Maya by the address of its command port, for a Maya that is not found by itself, as on another machine. Mayas on this workstation are \
found without it. Use it only when the artist gives you the address. The artist has to choose Connect in Maya MCP Tray before it is used, and \
other machines have to be allowed in the settings.";

const WAIT: &str = "\
Waits until something changes in the Maya sessions (one appears, becomes ready, opens another scene, is busy, closes, crashes), and answers as \
list_sessions does. Answers at once when something has changed since you last asked. Use it after telling the artist to do something, for example \
to start Maya or to choose Connect.";

const EXECUTE: &str = "\
Runs Python (or MEL) code inside a running Autodesk Maya, on its main thread, in the scene that the artist has open. Use it for everything: \
reading the scene, making, changing, animating, rendering, importing, exporting. In Python, `import maya.cmds as cmds` gives Maya's commands, for \
example `cmds.ls(selection=True)`, `cmds.polyCube()`, `cmds.file(query=True, sceneName=True)`. Variables you define stay defined for your next \
call to the same session, and are yours alone. The value of the last expression comes back as `result`, printed text as `stdout`. In a long loop \
call `report_progress(done, total, \"what is done\")`, so that the artist sees how far it is. The whole \
call is one step of Maya's undo. The artist is working in this scene: look before you change, never open, close or overwrite a \
scene without being asked, and avoid code that opens dialogs or runs for long, because Maya cannot be used meanwhile. If `error` is not null, your code \
raised it: read the traceback, correct the code and call again.";

const SEVERAL: &str = "\
Runs the same code in several Mayas at the same time, as execute_code does in one, and answers with what came of it in each, side by side. Use it \
to compare scenes or to do the same thing everywhere. It ends when the slowest one has. Where the artist has to allow it and \
does not in one of them, it runs in none.";

const CANCEL: &str = "\
Stops code of yours that is still running: in one session, or in all when you name none. What the code has done until then stays done; it is one \
step of Maya's undo. One long command inside Maya itself cannot be interrupted and ends first.";

const MODULE: &str = "\
Puts a Python module into Maya's memory, so that later code can `import` it: for helper functions that you need more than once. It is not written \
to disk and is gone when Maya closes. A module that does not compile, or raises when it runs, leaves the old one in place.";

const OUTPUT: &str = "\
Gives what Maya has printed since you last asked: by code of yours and of others, by Maya's own commands, by the artist's scripts. execute_code \
already answers with what its own code printed; use this for what happens in between and afterwards, for example in callbacks or in a render. The first \
call begins to listen; what came before that is there only as far as code run through here printed it.";

const SCENE: &str = "\
Describes the open scene in numbers, without listing everything in it: file, unsaved changes, units, frame range, how many nodes of each usual type, \
cameras, references (also missing ones), selection, unknown nodes, plug-ins. Fast in the largest scenes, and changes nothing. Look at this before you \
work in a scene that you do not know.";

const CAPTURE: &str = "\
Takes a picture of the scene as Maya draws it, through the artist's view or a camera that you name, so that you can see what you are doing. It puts \
the artist's view back as it was and changes nothing in the scene. 1280 x 720 as jpeg is enough to see most things.";

const UNDO: &str = "\
Takes back the last step of Maya's undo queue. One call of execute_code is one step. The queue is the artist's too: give `expected`, the undo \
name of the step you mean, and another step is left alone.";

const REDO: &str = "\
Does again what was last undone. Give `expected`, the name of the step you mean, and another step is left alone.";

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> ClientName {
        name.parse().expect("a good name")
    }

    #[test]
    fn every_tool_can_be_shown_by_every_client() {
        let tools = list();
        let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(
            names,
            [
                "list_sessions",
                "use_session",
                "unuse_session",
                "get_session_info",
                "add_session",
                "wait_for_session_change",
                "execute_code",
                "run_on_sessions",
                "cancel_execution",
                "write_module",
                "get_output",
                "get_scene",
                "capture_viewport",
                "undo",
                "redo"
            ],
            "always in this order"
        );
        for tool in tools {
            let name = &tool.name;
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}: no dots and no capitals"
            );
            assert_eq!(tool.input_schema["type"], "object", "{name}: takes an object");
            for (argument, schema) in tool.input_schema["properties"].as_object().expect("arguments") {
                assert!(schema["description"].is_string(), "{name}: {argument} is described");
            }
            assert!(
                tool.output_schema.as_ref().is_some_and(|schema| schema["type"] == "object"),
                "{name}: gives an object"
            );
            let annotations = tool.annotations.as_ref().expect("a hint for those who ask people first");
            assert!(annotations.read_only_hint.is_some() && annotations.title.is_some(), "{name}: hints");
        }
    }

    #[test]
    fn a_tool_of_our_own_program_is_nobody_elses() {
        for (name, tool) in OUR_OWN {
            assert_eq!(find(name, &client(OUR_CLIENT)), Some(tool), "{name}: ours");
            assert_eq!(find(name, &client("cursor")), None, "{name}: not theirs");
        }
        assert_eq!(find("list_sessions", &client("cursor")), Some(Tool::ListSessions), "everybody's");
        assert_eq!(find("nothing", &client(OUR_CLIENT)), None, "what does not exist");
    }
}
