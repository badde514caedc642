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
        let Self { pid, helper_version, maya_version, python_version, user, host, batch, .. } = self;
        let facts = Facts { pid, helper_version, maya_version, python_version, user, host, batch };
        (facts, Scene { name: self.scene_name, path: self.scene_path, modified: self.modified })
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
        (self.reason, Scene { name: self.scene_name, path: self.scene_path, modified: self.modified })
    }
}
