//! Pieces of an OpenAPI document, for all who describe something in one.

use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};

/// Where a document has its schemas.
const SCHEMAS: &str = "/components/schemas";

/// What `str::trim` takes away, as a class of a regular expression (ECMA 262). `\s` is not the same.
pub(crate) const BLANK: &str =
    r"[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";

/// Collects the schemas of what is written as JSON; a document has them in its components.
pub(crate) fn schemas() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.with(|settings| settings.definitions_path = SCHEMAS.into()).into_generator()
}

/// One of these words.
pub(crate) fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Schema {
    let words: Vec<_> = words.into_iter().collect();
    json_schema!({ "type": "string", "enum": words })
}

/// What stands in the components under this name.
pub(crate) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A parameter of the query.
pub(crate) fn in_query(
    name: &str,
    is_required: bool,
    description: &str,
    schema: &Value,
    examples: &[&str],
) -> Value {
    let examples: Map<_, _> = examples
        .iter()
        .enumerate()
        .map(|(place, example)| (format!("example{}", place + 1), json!({ "value": example })))
        .collect();
    json!({
        "name": name,
        "in": "query",
        "required": is_required,
        "description": description,
        "schema": schema,
        "examples": examples,
    })
}

/// The headers of answers with one status: those that all have are required, and these others may be
/// there. What HTTP itself is about (length, date) is not described.
pub(crate) fn headers_of(answers: &[HeaderMap], others: &[HeaderName]) -> Map<String, Value> {
    let mut all = Map::new();
    for name in answers.iter().flat_map(HeaderMap::keys).chain(others) {
        if name == http::header::CONTENT_LENGTH || name == http::header::CONTENT_TYPE {
            continue;
        }
        let values: Option<Vec<_>> = answers.iter().map(|headers| headers.get(name)).collect();
        let (description, schema) = meaning(name, values.as_deref().unwrap_or_default());
        all.insert(
            in_title_case(name),
            json!({ "required": values.is_some(), "description": description, "schema": schema }),
        );
    }
    all
}

/// What a header says, and what its value looks like.
fn meaning(name: &HeaderName, values: &[&HeaderValue]) -> (&'static str, Value) {
    match name.as_str() {
        "x-request-id" => (
            "The call's name, also in records and in the log.",
            json!({ "type": "string", "format": "uuid" }),
        ),
        "cache-status" => (
            "RFC 9211: whether the facts were remembered; absent where nothing was looked up.",
            json!({ "type": "string", "pattern": "^dialgate; (hit|fwd=)" }),
        ),
        "proxy-status" => (
            "RFC 9209: why SAP was not heard; for clients who have shown a password.",
            json!({ "type": "string", "pattern": "^dialgate(;|$)" }),
        ),
        "server-timing" => (
            "What was waited for, in milliseconds; for clients who have shown a password.",
            json!({ "type": "string" }),
        ),
        "retry-after" => (
            "Seconds after which asking again may help.",
            json!({ "type": "integer", "minimum": 1 }),
        ),
        "www-authenticate" => (
            "RFC 7617: how to say who asks.",
            json!({ "type": "string", "pattern": "^Basic realm=" }),
        ),
        "allow" => ("The methods that are answered here.", json!({ "type": "string" })),
        "connection" => (
            "`close`, in HTTP/1: nothing more is read from this connection.",
            json!({ "type": "string", "enum": ["close"] }),
        ),
        // Those for browsers and caches are the same in each answer.
        _ => {
            let value = values.first().and_then(|value| value.to_str().ok());
            ("Keeps caches and browsers from doing more with it.", json!({ "const": value }))
        }
    }
}

/// As people write it; the comparison does not look at the case.
fn in_title_case(name: &HeaderName) -> String {
    let word = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    };
    name.as_str().split('-').map(word).collect::<Vec<_>>().join("-")
}
