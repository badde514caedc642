//! The methods beside running code answer through our own types as the shared fixtures say.

use maya_mcp_maya::{Client, LinkError, SelectMode, Viewport, WriteModule};
use maya_mcp_system_tests::Studio;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    engine::SOON,
    executing::{link, shared_rows},
};

/// What our types make of an answer, and how its binary part begins.
async fn call(client: &Client, method: &str, params: &Value) -> Result<(Value, String), LinkError> {
    let text = |name: &str| params[name].as_str().map(str::to_owned);
    let expected = text("expected");
    let told = match method {
        "write_module" => {
            let module = WriteModule {
                name: text("name").expect("every row has one"),
                code: text("code").expect("every row has one"),
                overwrite: params["overwrite"].as_bool().unwrap_or_default(),
            };
            json!(client.write_module(&module).await?)
        }
        "undo" => json!(client.undo(expected.as_deref()).await?),
        "redo" => json!(client.redo(expected.as_deref()).await?),
        "select" => {
            let names: Vec<String> = given(params, "names").expect("every row has some");
            json!(client.select(&names, given(params, "mode").unwrap_or(SelectMode::Replace)).await?)
        }
        "scene" => json!(client.scene().await?),
        "viewport" => {
            let picture = client
                .viewport(&Viewport {
                    camera: text("camera"),
                    format: given(params, "format").unwrap_or_default(),
                    width: given(params, "width"),
                    height: given(params, "height"),
                })
                .await?;
            let first = picture.bytes.iter().take(8);
            let begins = first.fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            let (width, height) = (picture.width, picture.height);
            let told =
                json!({"format": picture.format, "width": width, "height": height, "camera": picture.camera});
            return Ok((told, begins));
        }
        other => panic!("{other}: no type of ours asks for it"),
    };
    Ok((told, String::new()))
}

fn given<T: DeserializeOwned>(params: &Value, name: &str) -> Option<T> {
    params.get(name).map(|value| serde_json::from_value(value.clone()).expect("as agreed"))
}

/// Whether everything wanted is in what was told.
fn holds(told: &Value, wanted: &Value) -> bool {
    match wanted.as_object() {
        Some(wanted) => wanted.iter().all(|(name, wanted)| holds(&told[name], wanted)),
        None => told == wanted,
    }
}

#[tokio::test(flavor = "local")]
async fn every_shared_row_answers_as_agreed() {
    let studio = Studio::new();
    let (_sim, link) = link(&studio, &[]).await;
    let client = link.client("one");
    for row in shared_rows("methods.json") {
        let name = row["name"].as_str().expect("a text");
        if row["error"] == "BadParams" {
            continue; // Our types cannot say such a thing.
        }
        let answer = timeout(SOON, call(&client, row["method"].as_str().expect("a text"), &row["params"]));
        match answer.await.unwrap_or_else(|_| panic!("{name}: no answer")) {
            Ok((told, begins)) => {
                assert!(holds(&told, &row["result"]), "{name}: {told}");
                let wanted = row["binary_begins"].as_str().unwrap_or_default();
                assert!(begins.starts_with(wanted), "{name}: {begins}");
            }
            Err(LinkError::Refused { kind, message }) => {
                assert_eq!(json!(kind.to_string()), row["error"], "{name}: {message}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
}
