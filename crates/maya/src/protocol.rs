//! The words of docs/helper-protocol.md as types.

use maya_mcp_session::{Facts, Scene, SceneReason};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub const PROTOCOL: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Python,
    Mel,
}

/// What becomes of the value of the last expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ResultType {
    /// Its JSON value where it has one, else its `repr()`.
    #[default]
    Auto,
    None,
    /// Its JSON value, or an error.
    Json,
    /// Its `str()`.
    Raw,
}

/// A script to run in Maya's main thread.
#[derive(Debug, Clone, Serialize)]
pub struct Execute {
    pub code: String,
    pub language: Language,
    pub result_type: ResultType,
    /// Variables persist in it, and never reach another.
    pub namespace: String,
    pub undo_name: Option<String>,
    pub timeout_s: Option<f64>,
}

/// How a script ended. What it raised is in `error`, and is no fault of the link.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Execution {
    pub result: Value,
    pub stdout: String,
    pub stderr: String,
    pub error: Option<ScriptError>,
    pub duration_ms: f64,
    pub waited_ms: f64,
    pub dropped: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptError {
    pub r#type: String,
    pub message: String,
    pub traceback: String,
}

/// The longest path of any system. What a helper says is kept, and told to everybody: an impostor must not fill our memory with it.
const LONGEST_TEXT: usize = 4096;

pub(crate) fn short(text: String) -> String {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    text.chars().take(LONGEST_TEXT / 4).collect()
}

/// The helper's facts, as they come with the welcome.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WireFacts {
    helper_version: String,
    maya_version: String,
    python_version: String,
    pid: u32,
    user: String,
    host: String,
    batch: bool,
    scene_name: String,
    scene_path: String,
    modified: bool,
}

impl WireFacts {
    pub(crate) fn split(self) -> (Facts, Scene) {
        let facts = Facts {
            pid: self.pid,
            helper_version: short(self.helper_version),
            maya_version: short(self.maya_version),
            python_version: short(self.python_version),
            user: short(self.user),
            host: short(self.host),
            batch: self.batch,
        };
        let scene =
            Scene { name: short(self.scene_name), path: short(self.scene_path), modified: self.modified };
        (facts, scene)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WireScene {
    reason: SceneReason,
    scene_name: String,
    scene_path: String,
    modified: bool,
}

impl WireScene {
    pub(crate) fn split(self) -> (SceneReason, Scene) {
        let scene =
            Scene { name: short(self.scene_name), path: short(self.scene_path), modified: self.modified };
        (self.reason, scene)
    }
}
