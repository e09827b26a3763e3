//! `compare_with:` another SAP system is asked as well, for a share of the lookups, and what would be decided
//! by its answers is compared. Nobody is answered with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{resolve::Reading, routes::no_such, sap::SystemName};
use crate::domain::Difference;

/// A system whose answers are compared with those of another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Comparison {
    /// The place on the list of the system whose answers count.
    pub of: usize,
    /// The place of the one that is asked as well.
    pub with: usize,
    /// Of a hundred lookups, so many are compared.
    pub share_percent: u8,
    /// The other one is asked at most so often in a minute.
    pub per_minute: u32,
    /// What may differ.
    pub ignore: Vec<Difference>,
}

/// `systems[].compare_with:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["system"]))]
pub(in crate::config) struct ComparisonFile {
    /// The name of the system that is asked as well.
    #[schemars(with = "String")]
    system: Option<String>,
    /// Of a hundred lookups that this system has answered, so many are compared.
    #[schemars(range(min = 1, max = 100))]
    share_percent: u8,
    /// The other system is asked at most so often in a minute.
    #[schemars(range(min = 1, max = 100_000))]
    per_minute: u32,
    /// What may differ: `reason`, `channel`, `country`, `service_number`, `caller_id`.
    #[schemars(with = "Vec<String>")]
    ignore: Vec<Option<String>>,
}

impl Default for ComparisonFile {
    /// One in twenty and once a second at most: a day of a large contact centre is enough to see a partner of
    /// each kind, and no system's quota feels it.
    fn default() -> Self {
        Self { system: None, share_percent: 5, per_minute: 60, ignore: Vec::new() }
    }
}

impl ComparisonFile {
    /// Reads it, where it stands with the system at the place `of`.
    pub(in crate::config) fn resolve(
        &self,
        of: usize,
        systems: &[&SystemName],
        reading: &mut Reading<'_>,
    ) -> Option<Comparison> {
        let key = |name: &str| format!("systems[{of}].compare_with.{name}");
        let mut ignore = Vec::new();
        for (place, word) in self.ignore.iter().enumerate() {
            let Some(word) = word else { continue };
            let key = format!("{}[{place}]", key("ignore"));
            match Difference::ALL.into_iter().find(|what| what.label() == word) {
                Some(what) if ignore.contains(&what) => reading.at(&key, "is named already"),
                Some(what) => ignore.push(what),
                None => {
                    let known = Difference::ALL.into_iter().map(Difference::label);
                    reading.at(&key, no_such("difference", word, known));
                }
            }
        }
        if ignore.contains(&Difference::Decision) {
            let told = "names `decision`: whether a call is dialled at all would not be compared; remove it";
            reading.at(&key("ignore"), told);
        }
        let name = self.system.as_deref()?;
        let found = systems.iter().position(|system| system.as_str() == name);
        match found {
            Some(with) if with == of => {
                reading.at(&key("system"), "is the system itself; name another one");
                None
            }
            Some(with) => Some(Comparison {
                of,
                with,
                share_percent: self.share_percent,
                per_minute: self.per_minute,
                ignore,
            }),
            None => {
                let known = systems.iter().map(|system| system.as_str());
                reading.at(&key("system"), no_such("system", name, known));
                None
            }
        }
    }
}
