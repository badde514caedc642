//! The words of docs/helper-protocol.md as types.

use std::fmt;

use maya_mcp_session::{Facts, Scene, SceneReason};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::Output;

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
    pub undo_name: Option<String>,
    pub timeout_s: Option<f64>,
    pub unsaved: Unsaved,
}

/// What becomes of code that would close a scene with unsaved changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unsaved {
    /// It is kept from it, and its error is `UnsavedChanges`.
    #[default]
    Refuse,
    Discard,
}

/// How a script ended. What it raised is in `error`, and is no fault of the link.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    pub result: Value,
    pub stdout: String,
    pub stderr: String,
    pub error: Option<ScriptError>,
    pub duration_ms: f64,
    pub waited_ms: f64,
    /// Characters of output that were thrown away because they were too many.
    pub dropped: u64,
}

impl Execution {
    pub(crate) fn cancelled(message: String) -> Self {
        let error = ScriptError { r#type: "Cancelled".to_owned(), message, traceback: String::new() };
        Self {
            result: Value::Null,
            stdout: String::new(),
            stderr: String::new(),
            error: Some(error),
            duration_ms: 0.0,
            waited_ms: 0.0,
            dropped: 0,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireExecution {
    error: Option<ScriptError>,
    duration_ms: f64,
    waited_ms: f64,
    dropped: u64,
}

impl WireExecution {
    /// With its value, which may be large and is not looked at here, and with what it printed, which came before.
    pub(crate) fn join(self, result: Value, output: Output) -> Execution {
        let Self { error, duration_ms, waited_ms, dropped } = self;
        let dropped = dropped.saturating_add(output.dropped);
        let Output { stdout, stderr, .. } = output;
        Execution { result, stdout, stderr, error, duration_ms, waited_ms, dropped }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptError {
    pub r#type: String,
    pub message: String,
    pub traceback: String,
}

/// Why the helper did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Refusal {
    UnknownMethod,
    BadParams,
    Cancelled,
    /// Maya itself did not want to.
    MayaError,
    ModuleExists,
    ModuleFailed,
    NoViewport,
    NoSuchCamera,
    NothingToUndo,
    NothingToRedo,
    AnotherStep,
    NoSuchNode,
    /// By a name that this engine has no use for.
    Other(String),
}

impl From<String> for Refusal {
    fn from(name: String) -> Self {
        match name.as_str() {
            "UnknownMethod" => Self::UnknownMethod,
            "BadParams" => Self::BadParams,
            "Cancelled" => Self::Cancelled,
            "MayaError" => Self::MayaError,
            "ModuleExists" => Self::ModuleExists,
            "ModuleFailed" => Self::ModuleFailed,
            "NoViewport" => Self::NoViewport,
            "NoSuchCamera" => Self::NoSuchCamera,
            "NothingToUndo" => Self::NothingToUndo,
            "NothingToRedo" => Self::NothingToRedo,
            "AnotherStep" => Self::AnotherStep,
            "NoSuchNode" => Self::NoSuchNode,
            _ => Self::Other(name),
        }
    }
}

/// As the helper calls it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => f.write_str(name),
            known => fmt::Debug::fmt(known, f),
        }
    }
}

/// How the engine reaches the helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// At a port of the helper's own.
    #[default]
    Socket,
    /// Over command ports of Maya's, where nothing else may listen.
    CommandPort,
}

/// The longest path of any system. What a helper says is kept, and told to everybody: an impostor must not fill our memory with it.
const LONGEST_TEXT: usize = 4096;

pub(crate) fn short(text: String) -> String {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    text.chars().take(LONGEST_TEXT / 4).collect()
}

/// The helper's facts, as they come with the welcome. One of another build may have others, and must be heard to be replaced.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireFacts {
    pub(crate) build: Option<String>,
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
