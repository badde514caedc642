//! Looking at a Maya without running code in it: its scene in numbers, and a picture of it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use maya_mcp_maya::{Picture, PictureFormat, SceneSummary, Viewport};
use rmcp::model::ContentBlock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Answered, Call, answer,
    arguments::Where,
    target::{Doing, Target},
};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Scene {
    session: String,
    #[serde(flatten)]
    scene: SceneSummary,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CaptureParams {
    /// The session's name as `list_sessions` gives it, for example "maya-8453". Without it: the session in use.
    #[serde(default)]
    session: Option<String>,
    /// The camera to look through, for example "persp". Without it: what the artist looks through.
    #[serde(default)]
    camera: Option<String>,
    /// In pixels, 16 to 4096. Without width and height: as large as the artist's view.
    #[serde(default)]
    #[schemars(range(min = 16, max = 4096))]
    width: Option<u32>,
    /// In pixels, 16 to 4096. Give both: the other one stays as large as the artist's view.
    #[serde(default)]
    #[schemars(range(min = 16, max = 4096))]
    height: Option<u32>,
    /// "jpeg" (default, small) or "png" (exact).
    #[serde(default)]
    #[schemars(with = "Option<FormatName>")]
    format: Option<PictureFormat>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only the schema of it is used")]
enum FormatName {
    Png,
    Jpeg,
}

/// What is told of a picture beside the picture.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Taken {
    session: String,
    camera: String,
    /// In pixels.
    width: u32,
    height: u32,
    mime_type: String,
    /// Of the picture.
    bytes: u64,
}

pub(super) async fn get(call: &mut Call<'_>, params: Where) -> Answered {
    let target = Target::find(call, params.session.as_deref())?;
    let scene = target.ask(call, Doing::Looking("describe its scene"), target.maya.scene()).await?;
    Ok(answer(&Scene { session: target.id().to_string(), scene }))
}

pub(super) async fn capture(call: &mut Call<'_>, params: CaptureParams) -> Answered {
    let CaptureParams { session, camera, width, height, format } = params;
    let target = Target::find(call, session.as_deref())?;
    let format = format.unwrap_or(PictureFormat::Jpeg);
    let wanted = Viewport { camera, format, width, height };
    let picture = target.ask(call, Doing::Looking("take the picture"), target.maya.viewport(&wanted)).await?;
    let Picture { format, width, height, camera, bytes } = picture;
    let mime_type = match format {
        PictureFormat::Png => "image/png",
        PictureFormat::Jpeg => "image/jpeg",
    };
    let told = Taken {
        session: target.id().to_string(),
        camera,
        width,
        height,
        mime_type: mime_type.to_owned(),
        bytes: bytes.len() as u64,
    };
    let mut answer = answer(&told);
    answer.content.insert(0, ContentBlock::image(BASE64_STANDARD.encode(bytes), mime_type));
    Ok(answer)
}
