//! Why something that a person asked for was not done.

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::shell::{sentence, story};

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the engine is not running; the reason stands at the top of the window")]
    NotRunning,
    #[error("{0} is not running any more")]
    NoSuchSession(String),
    #[error("{0} needs no line any more")]
    NoLine(String),
    #[error(transparent)]
    Refused(#[from] maya_mcp_session::Refused),
    #[error(transparent)]
    NotAClient(#[from] maya_mcp_session::InvalidClientName),
    #[error(transparent)]
    NotAdded(#[from] maya_mcp_session::AddError),
    #[error("{}", story(.0))]
    Settings(#[from] maya_mcp_hub::SettingsError),
    #[error("{}", story(.0))]
    StartUp(#[from] maya_mcp_user_setup::Error),
    #[error(transparent)]
    NotAVersion(#[from] maya_mcp_user_setup::NotAVersion),
    #[error(transparent)]
    Client(#[from] maya_mcp_clients::Error),
    #[error("{}", story(.0))]
    Reach(#[from] maya_mcp_hub::ReachError),
    #[error("the clipboard does not take the text: {0}")]
    Clipboard(#[from] arboard::Error),
    #[error("starting at login could not be changed: {0}")]
    StartAtLogin(#[from] tauri_plugin_autostart::Error),
}

impl Refusal {
    /// What the window may branch on.
    fn kind(&self) -> &'static str {
        match self {
            Self::NotRunning => "not_running",
            Self::NoSuchSession(_) => "no_such_session",
            Self::NoLine(_) => "no_line",
            Self::Refused(_) | Self::NotAClient(_) => "refused",
            Self::NotAdded(_) => "not_added",
            Self::Settings(_) => "settings",
            Self::StartUp(_) | Self::NotAVersion(_) => "start_up",
            Self::Client(maya_mcp_clients::Error::Changed(_)) => "changed",
            Self::Client(_) => "client",
            Self::Reach(_) => "reach",
            Self::Clipboard(_) => "clipboard",
            Self::StartAtLogin(_) => "start_at_login",
        }
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Refusal", 2)?;
        fields.serialize_field("kind", self.kind())?;
        fields.serialize_field("message", &sentence(&self.to_string()))?;
        fields.end()
    }
}
