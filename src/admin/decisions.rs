//! What was decided lately, a line each: no ID and no number, only the name of the call.

use serde::Serialize;

use super::story::because;
use crate::{
    config::ClientName,
    domain::{CallerId, ContractNumber},
    gateway::{CallFacts, Terms},
};

/// One decision as the page and `dialgate tail` show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionLine {
    pub(super) at: String,
    pub(super) call: String,
    pub(super) client: Option<String>,
    /// `dial` or `refuse`.
    pub(super) decision: &'static str,
    pub(super) reason: &'static str,
    pub(super) source: &'static str,
    pub(super) status: u16,
    pub(super) contract_number: Option<String>,
    pub(super) service_number: Option<String>,
    pub(super) caller_id: &'static str,
    pub(super) took_ms: f64,
    /// The rule that had the last word.
    pub(super) rule: Option<String>,
    pub(super) because: String,
}

impl DecisionLine {
    pub(super) fn of(facts: &CallFacts, terms: &Terms) -> Self {
        let (verdict, basis) = (facts.verdict, facts.basis.as_ref());
        let contract = basis.and_then(|basis| basis.contract_number.as_ref());
        let number = basis.and_then(|basis| basis.service_number);
        Self {
            at: facts.at.to_string(),
            call: facts.call.to_string(),
            client: facts.client.as_ref().map(|client| ClientName::as_str(client).to_owned()),
            decision: verdict.decision(),
            reason: verdict.reason(),
            source: verdict.source().label(),
            status: facts.status.as_u16(),
            contract_number: contract.map(|contract| ContractNumber::as_str(contract).to_owned()),
            service_number: number.map(|number| number.to_string()),
            caller_id: verdict.caller_id().map_or("none", CallerId::label),
            took_ms: milliseconds(facts.took),
            rule: basis.map(|basis| basis.rule.to_string()),
            because: because(facts, terms),
        }
    }
}

/// To a thousandth.
pub(super) fn milliseconds(took: std::time::Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
