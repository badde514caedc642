//! What can be asked of Maya beside running code, and how it answers.
//!
//! Invariant: an answer of a helper that knows more, or that finds something unset, is read all the same.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// A Python module that shall exist in this Maya's memory, and nowhere else.
#[derive(Debug, Clone, Serialize)]
pub struct WriteModule {
    /// Dotted; parents that are missing are made.
    pub name: String,
    pub code: String,
    pub overwrite: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenModule {
    pub name: String,
    /// Parents included.
    pub created: Vec<String>,
    pub replaced: bool,
    /// What it printed when it ran.
    #[serde(skip)]
    pub stdout: String,
    #[serde(skip)]
    pub stderr: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    #[default]
    Png,
    Jpeg,
}

/// A picture of the scene that shall be taken.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Viewport {
    /// None: what the artist looks through.
    pub camera: Option<String>,
    pub format: PictureFormat,
    /// 16 to 4096; none: the view's own. The height as well.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Picture {
    pub format: PictureFormat,
    pub width: u32,
    pub height: u32,
    pub camera: String,
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// A step of Maya's undo queue that was taken back, or done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    pub next_undo: Option<String>,
    pub next_redo: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectMode {
    #[default]
    Replace,
    Add,
    Remove,
}

/// What is selected. A component counts by itself, and has a name together with its neighbours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    pub count: u64,
    /// The first hundred.
    pub names: Vec<String>,
    pub truncated: bool,
}

/// What becomes of a request that shall stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Cancellation {
    pub state: CancelState,
    /// False where this Python, or what runs in it, cannot be interrupted.
    #[serde(default)]
    pub stoppable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CancelState {
    /// It had not begun, and does not.
    Waiting,
    /// It was asked to stop.
    Running,
    /// It has ended, or was never there.
    Unknown,
}

/// What a link may be told of beside scenes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    Selection,
    Output,
}

/// A scene in numbers rather than lists. What Maya did not tell is left at nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SceneSummary {
    #[serde(deserialize_with = "or_nothing")]
    pub file: String,
    #[serde(deserialize_with = "or_nothing")]
    pub modified: bool,
    #[serde(deserialize_with = "or_nothing")]
    pub units: Units,
    pub up_axis: Option<String>,
    #[serde(deserialize_with = "or_nothing")]
    pub frames: Frames,
    /// How many of each of the usual types.
    #[serde(deserialize_with = "or_nothing")]
    pub nodes: BTreeMap<String, Option<u64>>,
    #[serde(deserialize_with = "or_nothing")]
    pub cameras: Listed,
    #[serde(deserialize_with = "or_nothing")]
    pub references: References,
    #[serde(deserialize_with = "or_nothing")]
    pub selection: Selection,
    #[serde(deserialize_with = "or_nothing")]
    pub unknown_nodes: Listed,
    #[serde(deserialize_with = "or_nothing")]
    pub unknown_plugins: Listed,
    #[serde(deserialize_with = "or_nothing")]
    pub plugins: Listed,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Units {
    pub linear: Option<String>,
    pub angle: Option<String>,
    pub time: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Frames {
    pub start: Option<f64>,
    pub end: Option<f64>,
    pub animation_start: Option<f64>,
    pub animation_end: Option<f64>,
    pub current: Option<f64>,
}

/// A hundred names at most, and how many there are in truth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Listed {
    #[serde(deserialize_with = "or_nothing")]
    pub count: u64,
    #[serde(deserialize_with = "or_nothing")]
    pub names: Vec<String>,
}

/// The same of the files that are referenced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct References {
    #[serde(deserialize_with = "or_nothing")]
    pub count: u64,
    #[serde(deserialize_with = "or_nothing")]
    pub entries: Vec<Reference>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Reference {
    pub node: Option<String>,
    pub file: Option<String>,
    pub loaded: Option<bool>,
    pub missing: Option<bool>,
}

fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_scene_is_read_whatever_maya_left_out() {
        let full = json!({
            "file": "/srv/a.ma", "modified": true, "units": {"linear": "cm", "angle": null}, "up_axis": "y",
            "frames": {"start": 1, "end": 24.5, "current": null}, "nodes": {"mesh": 3, "joint": null},
            "references": {"count": 250, "entries": [{"node": "aRN", "file": "/srv/b.ma", "loaded": true, "missing": null, "later": 1}]},
            "cameras": {"count": 1, "names": ["persp"]}, "selection": null, "plugins": {"count": null, "names": null}, "later": {},
        });
        let scene: SceneSummary = serde_json::from_value(full).expect("it is tolerant");
        assert_eq!((scene.file.as_str(), scene.modified), ("/srv/a.ma", true), "what is there");
        assert_eq!(
            (scene.frames.start, scene.frames.end, scene.frames.current),
            (Some(1.0), Some(24.5), None),
            "frames"
        );
        assert_eq!(scene.references.count, 250, "the true length");
        assert_eq!(scene.references.entries[0].node.as_deref(), Some("aRN"), "an entry");
        assert_eq!(scene.selection, Selection::default(), "null is nothing");
        for nothing in [json!({}), json!({"file": null, "units": null, "nodes": null, "cameras": null})] {
            let scene: SceneSummary = serde_json::from_value(nothing.clone()).expect("it is tolerant");
            assert_eq!(scene, SceneSummary::default(), "{nothing}");
        }
    }
}
