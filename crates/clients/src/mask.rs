//! Hides what is secret in a settings text that is shown to a person.
//!
//! It would rather hide too much: every value under `env` and `headers`, and everything whose name sounds like a secret.

use jsonc_parser::{CollectOptions, ast::Value, parse_to_ast};

use crate::{
    dialect::{dialect, readable, split_mark},
    splice::{Splice, apply, range_of},
};

const MASK: &str = "•••";

const SECRET_WORDS: [&str; 8] =
    ["token", "secret", "password", "passwd", "credential", "apikey", "authorization", "privatekey"];

/// `text` has been parsed before; one that does not parse is hidden as a whole.
pub(crate) fn mask(text: &str, token: &str) -> String {
    let (mark, body) = split_mark(text);
    let readable = readable(body);
    let Ok(parsed) = parse_to_ast(&readable, &CollectOptions::default(), &dialect()) else {
        return MASK.to_owned();
    };
    let mut splices = Vec::new();
    if let Some(value) = &parsed.value {
        collect(value, Sight::Open, &mut splices);
    }
    let masked = format!("{mark}{}", apply(body, splices));
    // What is left stands in a comment or an argument.
    if token.is_empty() { masked } else { masked.replace(token, MASK) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Open,
    Hidden,
}

fn collect(value: &Value, sight: Sight, splices: &mut Vec<Splice>) {
    match value {
        Value::StringLit(text) if sight == Sight::Hidden || text.value.starts_with("Bearer ") => {
            let shown = if text.value.starts_with("Bearer ") { "Bearer " } else { "" };
            splices.push(Splice { at: range_of(text), with: format!("\"{shown}{MASK}\"") });
        }
        Value::NumberLit(number) if sight == Sight::Hidden => {
            splices.push(Splice { at: range_of(number), with: format!("\"{MASK}\"") });
        }
        Value::Object(object) => {
            for property in &object.properties {
                let inner = if sight == Sight::Hidden { sight } else { sight_of(property.name.as_str()) };
                // Our own folder is no secret, and worth a look.
                let inner = if property.name.as_str() == "MAYA_MCP_HOME" { Sight::Open } else { inner };
                collect(&property.value, inner, splices);
            }
        }
        Value::Array(array) => {
            let mut sight_here = sight;
            for element in &array.elements {
                collect(element, sight_here, splices);
                sight_here = if sight == Sight::Hidden { sight } else { sight_after(element, splices) };
            }
        }
        _ => {}
    }
}

fn sight_of(name: &str) -> Sight {
    let plain = name.to_lowercase().replace(['-', '_'], "");
    let secret = plain == "env" || plain == "headers" || SECRET_WORDS.iter().any(|word| plain.contains(word));
    if secret { Sight::Hidden } else { Sight::Open }
}

/// Arguments carry secrets as `--token=…`, which is hidden here, or as `--token` and then `…`, which is told to the next one.
fn sight_after(element: &Value, splices: &mut Vec<Splice>) -> Sight {
    let Value::StringLit(text) = element else { return Sight::Open };
    match text.value.split_once(['=', ':']) {
        Some((name, _)) if sight_of(name) == Sight::Hidden => {
            if splices.last().is_none_or(|last| last.at != range_of(text)) {
                let shown = serde_json::json!(format!("{name}={MASK}")).to_string();
                splices.push(Splice { at: range_of(text), with: shown });
            }
            Sight::Open
        }
        None if text.value.starts_with('-') => sight_of(&text.value),
        _ => Sight::Open,
    }
}
