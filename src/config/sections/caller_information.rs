//! `listen.caller_information:` jtel's question about somebody who calls, `getCallerInformation`.
//!
//! jtel's wiki documents what is asked and that any JSON is read, but not what the parameters are called
//! on the wire; so their names are keys here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{findings::shown, listen::path_of, resolve::Reading};

/// jtel's question about somebody who calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerInformation {
    /// Where it is asked; another path than that of onClickToDial.
    pub path: String,
    /// The parameter with the caller's number.
    pub caller_number: String,
    /// The parameter with the customer's ID.
    pub customer_id: String,
    /// The built-in dialect that finds partners by number, where `sap.preset` finds them by ID.
    pub number_preset: String,
}

/// `listen.caller_information:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct CallerInformationFile {
    /// The path that jtel's REST URL ends with.
    path: String,
    /// The name of the parameter with the caller's number.
    caller_number: String,
    /// The name of the parameter with the customer's ID.
    customer_id: String,
    /// The preset that finds partners by number, where sap.preset finds them by ID.
    number_preset: String,
}

impl Default for CallerInformationFile {
    fn default() -> Self {
        Self {
            path: "/getCallerInformation".to_owned(),
            caller_number: "CallerNumber".to_owned(),
            customer_id: "CustomerID".to_owned(),
            number_preset: "c4c-phone".to_owned(),
        }
    }
}

impl CallerInformationFile {
    pub(super) fn resolve(
        &self,
        call_path: &str,
        reading: &mut Reading<'_>,
    ) -> Option<CallerInformation> {
        let path = path_of("listen.caller_information.path", &self.path, reading);
        if path.as_deref() == Some(call_path) {
            let told = "is listen.path as well; the two questions need a path each";
            reading.at("listen.caller_information.path", told);
        }
        let mut name = |key: &str, name: &str| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$');
            let is_sound = !name.is_empty() && name.chars().all(is_name);
            if !is_sound {
                let told = format!(
                    "`{}` is no name of a parameter: letters, digits, `-`, `_`, `.` and `$`",
                    shown(name)
                );
                reading.at(&format!("listen.caller_information.{key}"), told);
            }
            is_sound.then(|| name.to_owned())
        };
        let caller_number = name("caller_number", &self.caller_number);
        let customer_id = name("customer_id", &self.customer_id);
        if caller_number.is_some() && caller_number == customer_id {
            let told = "is the name of caller_number as well; they need a name each";
            reading.at("listen.caller_information.customer_id", told);
        }
        Some(CallerInformation {
            path: path?,
            caller_number: caller_number?,
            customer_id: customer_id?,
            number_preset: self.number_preset.clone(),
        })
    }
}
