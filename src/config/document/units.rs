//! Texts with a unit, as an operator writes them: `5s`, `1m 30s`, `256KiB`.

use std::{borrow::Cow, time::Duration};

use jiff::fmt::friendly::SpanParser;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A duration as text. Read by [`duration`] once its place is known.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(in crate::config) struct DurationText(pub(in crate::config) String);

/// A number of bytes as text. Read by [`size`] once its place is known.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(in crate::config) struct SizeText(pub(in crate::config) String);

impl From<&str> for DurationText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<&str> for SizeText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A number with its unit: ms, s, m or h; several may follow each other.",
            "pattern": "^[0-9][0-9.]* *[a-zA-Z]",
            "examples": ["250ms", "5s", "1m 30s"],
        })
    }
}

impl JsonSchema for SizeText {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A whole number with its unit: B, KiB or MiB.",
            "pattern": "^[0-9]+ *(B|KiB|MiB)$",
            "examples": ["16KiB", "1MiB"],
        })
    }
}

/// Reads a duration. `None` where the text is none, or a negative one.
pub(in crate::config) fn duration(text: &str) -> Option<Duration> {
    SpanParser::new().parse_unsigned_duration(text.trim()).ok()
}

/// Reads a number of bytes. `None` where the text is none, or more than a `usize` holds.
pub(in crate::config) fn size(text: &str) -> Option<usize> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let factor = match unit.trim_start() {
        "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

/// A duration as it is written in the file: `2500ms`, `10s`, `1m 30s`.
pub(in crate::config) fn duration_text(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    if millis > 0 {
        return format!("{}ms", duration.as_millis());
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let told: Vec<_> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if told.is_empty() { "0s".to_owned() } else { told.join(" ") }
}

/// A number of bytes as it is written in the file: `300B`, `16KiB`, `1MiB`.
pub(in crate::config) fn size_text(bytes: usize) -> String {
    match bytes {
        bytes if bytes > 0 && bytes.is_multiple_of(1024 * 1024) => {
            format!("{}MiB", bytes / (1024 * 1024))
        }
        bytes if bytes > 0 && bytes.is_multiple_of(1024) => format!("{}KiB", bytes / 1024),
        bytes => format!("{bytes}B"),
    }
}
