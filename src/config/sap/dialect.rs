//! `sap.custom:` how one kind of SAP is asked and how its answers are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one kind of SAP is asked and read: the form of the built-in presets and of `sap.custom`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// Asked one after the other; the first step that knows the partner answers.
    pub steps: Vec<Step>,
}

/// One request of a dialect.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A short name for logs and `explain`, such as `individual`.
    pub name: String,
    /// Path and query after the URL, with `{id}`, `{phone}` and `{language}`. Written readably:
    /// blanks and quotes are escaped by dialgate, values are escaped as OData and URL want it.
    pub request: String,
    /// Path to the record or to the list of records.
    pub rows: String,
    /// Path in a record to its own partner ID, which must be the one that was asked for. Without
    /// it every request gets a connection of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Path in a record to the channel's text. `[*]` reads all sales areas.
    pub channel: String,
    /// Path in a record to the country code.
    pub country: String,
    /// The partner is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Flag>,
    /// The partner does not want to be contacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_refused: Option<Flag>,
    /// HTTP statuses that mean "no such partner".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_statuses: Vec<u16>,
    /// HTTP statuses that mean "this partner may not be called".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_statuses: Vec<u16>,
}

/// A mark on a record: set when the value at `path` is one of `values`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// Path in a record.
    pub path: String,
    /// The values that set the mark, as text: `"3"`, `"true"`.
    pub values: Vec<String>,
}
