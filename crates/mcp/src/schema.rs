//! JSON schemas of tools, in the dialect that every client understands.
//!
//! Invariant: no `$ref`, and no `format` that is not in the standard (`uint32` and the like make Ajv clients complain).

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

pub(crate) fn of_input<T: JsonSchema>() -> Arc<JsonObject> {
    finish::<T>(SchemaSettings::draft2020_12())
}

pub(crate) fn of_output<T: JsonSchema>() -> Arc<JsonObject> {
    finish::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn finish<T: JsonSchema>(settings: SchemaSettings) -> Arc<JsonObject> {
    let generator = settings.with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    strip_formats(&mut schema);
    let Value::Object(mut object) = schema else { unreachable!("the schema of a struct is an object") };
    for noise in ["title", "description", "$schema"] {
        object.remove(noise);
    }
    object.entry("properties").or_insert_with(|| Value::Object(JsonObject::new()));
    Arc::new(object)
}

/// Rust's number formats say nothing to anybody else.
fn strip_formats(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let ours = |format: &str| {
                ["uint", "int", "double", "float"].iter().any(|start| format.starts_with(start))
            };
            if object.get("format").and_then(Value::as_str).is_some_and(ours) {
                object.remove("format");
            }
            object.values_mut().for_each(strip_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_formats),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_session::SessionInfo;
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Nested {
        sessions: Vec<SessionInfo>,
        count: u64,
        share: f64,
        /// A property may well be named so.
        format: String,
    }

    #[test]
    fn a_schema_holds_only_what_every_client_understands() {
        let schema = Value::Object((*of_output::<Nested>()).clone());
        let text = schema.to_string();
        for strange in ["uint", "\"double\"", "$ref", "$defs", "$schema"] {
            assert!(!text.contains(strange), "{strange} in {text}");
        }
        assert_eq!(schema["properties"]["format"]["type"], "string", "a property named format stays");
        let item = &schema["properties"]["sessions"]["items"];
        let batch = &item["properties"]["batch"];
        assert_eq!(batch["type"], "boolean", "nested types are written in place");
    }
}
