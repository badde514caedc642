//! JSON schemas of tools, in the dialect that every client understands.
//!
//! Invariant: no `$ref`, and no `format` that is not in the standard (`uint32` and the like make Ajv clients complain).

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

pub(crate) fn of_input<T: JsonSchema>() -> Arc<JsonObject> {
    let mut object = finish::<T>(SchemaSettings::draft2020_12());
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut)
        && properties.contains_key("session")
    {
        let older = json!({ "type": ["string", "null"], "description": "An older name for `session`." });
        properties.insert("session_key".to_owned(), older);
        // Either is enough.
        if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| name != "session");
        }
    }
    Arc::new(object)
}

/// Only the first level is described: a model reads all of it before each task, and what is below says by its name what it is.
pub(crate) fn of_output<T: JsonSchema>() -> Arc<JsonObject> {
    let mut object = finish::<T>(SchemaSettings::draft2020_12().for_serialize());
    for property in object
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|all| all.values_mut())
    {
        let description = property.get("description").cloned();
        strip_descriptions(property);
        if let (Some(description), Some(property)) = (description, property.as_object_mut()) {
            property.insert("description".to_owned(), description);
        }
    }
    Arc::new(object)
}

fn strip_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            // A property of that name is a schema, and no text.
            if object.get("description").is_some_and(Value::is_string) {
                object.remove("description");
            }
            object.remove("default");
            object.values_mut().for_each(strip_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_descriptions),
        _ => {}
    }
}

fn finish<T: JsonSchema>(settings: SchemaSettings) -> JsonObject {
    let generator = settings.with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    strip_formats(&mut schema);
    let Value::Object(mut object) = schema else { unreachable!("the schema of a struct is an object") };
    for noise in ["title", "description", "$schema"] {
        object.remove(noise);
    }
    object.entry("properties").or_insert_with(|| Value::Object(JsonObject::new()));
    object
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
        assert!(schema["properties"]["format"]["description"].is_string(), "the first level is described");
        let item = &schema["properties"]["sessions"]["items"];
        assert!(item["properties"]["batch"].get("description").is_none(), "what is below is not");
        let batch = &item["properties"]["batch"];
        assert_eq!(batch["type"], "boolean", "nested types are written in place");
    }
}
