//! Reads the part of JSON Schema that structs and enums of ours lead to.

use serde_json::Value;

pub(super) fn first_kind(kinds: &Value) -> Option<&str> {
    match kinds {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => kinds.as_str(),
    }
}

pub(super) fn is_kind(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        Some(one) => one == kind,
        None => false,
    }
}

pub(super) fn words_of(schema: &Value) -> Vec<&str> {
    let several = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    schema.get("const").into_iter().chain(several).filter_map(Value::as_str).collect()
}

pub(super) fn property_names(schema: &Value) -> impl Iterator<Item = &str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str))
}
