//! The contract numbers that SAP's answers have led to, for `dialgate coverage`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{domain::ServiceNumbers, lookup::Partners};

/// What SAP's answers have led to since the start.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coverage {
    /// In the order of the alphabet.
    seen: Vec<SeenNumber>,
    /// Answers without a contract number.
    without_contract_number: u64,
    /// There were more than are kept.
    more_than_is_kept: bool,
}

/// A contract number that SAP's answers have led to.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenNumber {
    /// Channel text and country code.
    contract_number: String,
    /// The one in the configuration; `null`: there is none.
    service_number: Option<String>,
    /// In how many answers of SAP it was.
    answers: u64,
}

impl Coverage {
    pub(super) fn of(partners: &Partners, configured: &ServiceNumbers) -> Self {
        let (all, without_contract_number, more_than_is_kept) = partners.seen().all();
        let seen = all.into_iter().map(|contract| SeenNumber {
            service_number: configured
                .of_text(&contract.contract_number)
                .map(|number| number.to_string()),
            contract_number: contract.contract_number,
            answers: contract.answers,
        });
        Self { seen: seen.collect(), without_contract_number, more_than_is_kept }
    }
}
