//! `sap.custom:` how one kind of SAP is asked and how its answers are read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one kind of SAP is asked and read: the form of the built-in presets and of `sap.custom`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// Header fields of every request besides those that dialgate sets itself. No secrets here:
    /// those belong into `sap.login`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Asked one after the other; the first step that knows the partner answers.
    pub steps: Vec<Step>,
    /// Where SAP lists the channels it has, for `dialgate coverage`. No call asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_help: Option<ValueHelp>,
}

/// The list of the channels that SAP has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueHelp {
    /// Path and query after the URL, escaped as a URL wants it, with `{language}`.
    pub request: String,
    /// Path to the list.
    pub rows: String,
    /// Path in a row to the channel's code.
    pub code: String,
    /// Path in a row to the channel's text.
    pub text: String,
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
    /// `id` and `phone` every request gets a connection of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Path in a record to its own number (E.164, with or without plus), which must be the dialled
    /// one. For a step that asks by `{phone}` and not by `{id}`; its answers are not remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The sales areas of a record, where it has several. With them, `channel` and `channel_code`
    /// are paths in a sales area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub areas: Option<Areas>,
    /// True: IDs of digits that differ in leading zeros only are one partner, as SAP's ALPHA conversion
    /// has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub id_is_alpha: bool,
    /// The addresses of a record, where it has several. With them, `country` is a path in an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Addresses>,
    /// Path to the channel's text. `[*]` reads all of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Path to the channel's code, for `sap.channel_texts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_code: Option<String>,
    /// Path in a record, or in an address, to the country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The record only names another partner, whose channel and country count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
    /// The partner is blocked: one mark, or a list of which any is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Flags>,
    /// The partner does not want to be contacted; likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_refused: Option<Flags>,
    /// True: this SAP leaves out what is empty. False: a member that a path names and that is not
    /// there is a mistake in the path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent_is_empty: bool,
    /// HTTP statuses that mean "no such partner".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_statuses: Vec<u16>,
    /// True: such a status means that only with an OData error in the body whose code does not
    /// begin with `/IWFND/`. SAP Gateway answers 404 as well where a service is not there at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown_needs_error: bool,
    /// HTTP statuses that mean "this partner may not be called".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_statuses: Vec<u16>,
}

/// Where the sales areas of a record are, and by what they are told apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Areas {
    /// Path in a record to the list of its sales areas.
    pub list: String,
    /// Path in a sales area to its sales organisation, for `sap.sales_area.organisation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Path in a sales area to its division, for `sap.sales_area.division`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// The sales area is marked for deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Flag>,
}

/// Where the addresses of a record are, and by what they are told apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Addresses {
    /// Path in a record to the list of its addresses.
    pub list: String,
    /// Path in an address to the first day on which it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// Path in an address to the last day on which it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// What an address is used for, for `sap.address.usage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usages: Option<Usages>,
}

/// Where the usages of an address are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Usages {
    /// What stands for `{usages}` in the request where `sap.address.usage` is set; nothing does
    /// otherwise.
    pub expand: String,
    /// Path in an address to the list of its usages.
    pub list: String,
    /// Path in a usage to its name.
    pub usage: String,
    /// Path in a usage to the first day on which it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// Path in a usage to the last day on which it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
}

/// Where a record leads on to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Then {
    /// Path in a record to the ID of the other partner.
    pub id: String,
    /// The name of the step that is asked about it.
    pub step: String,
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

/// One mark, or several of which any is enough.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Flags {
    /// `{ path: …, values: […] }`
    One(Flag),
    /// A list of them.
    Any(Vec<Flag>),
}

impl Flags {
    /// All of them.
    pub fn list(&self) -> &[Flag] {
        match self {
            Self::One(flag) => std::slice::from_ref(flag),
            Self::Any(flags) => flags,
        }
    }
}
