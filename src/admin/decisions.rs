//! What was decided lately, a line each: no ID and no number, only the name of the call.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::Serialize;

use super::{form::Form, story::because, words};
use crate::{
    config::ClientName,
    domain::{BusinessPartner, CallerId, ContractNumber, Lookup, Reason, Source},
    gateway::{CallFacts, Terms, Verdict},
};

/// Decisions of a list, unless somebody says how many.
pub(super) const LISTED: usize = 200;

/// So many can be asked for.
pub(super) const LISTABLE: RangeInclusive<usize> = 1..=1000;

/// So many are wanted by `?most=`; `None`: nobody can say.
pub(super) fn most(form: &Form) -> Option<usize> {
    if !form.has("most") {
        return Some(LISTED);
    }
    form.get("most")?.parse().ok().filter(|most| LISTABLE.contains(most))
}

/// One decision as the page and `dialgate tail` show it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionLine {
    /// When the request was read.
    #[schemars(extend("format" = "date-time"))]
    pub(super) at: String,
    /// The call's name.
    #[schemars(extend("format" = "uuid"))]
    pub(super) call: String,
    /// `null`: nobody was recognised.
    pub(super) client: Option<String>,
    /// `none`: nothing was decided.
    #[schemars(schema_with = "words::decisions")]
    pub(super) decision: &'static str,
    #[schemars(schema_with = "words::reasons")]
    pub(super) reason: &'static str,
    #[schemars(schema_with = "words::sources")]
    pub(super) source: &'static str,
    /// The status of the answer; 499: there was none.
    pub(super) status: u16,
    pub(super) contract_number: Option<String>,
    pub(super) service_number: Option<String>,
    #[schemars(schema_with = "words::caller_ids")]
    pub(super) caller_id: &'static str,
    pub(super) took_ms: f64,
    /// The rule that had the last word.
    pub(super) rule: Option<String>,
    pub(super) because: String,
}

/// Which decisions are wanted: answers out of memory come in crowds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Only {
    All,
    /// jtel was told not to dial.
    Refused,
    /// SAP was asked for it.
    Sap,
}

impl Only {
    pub(super) const EACH: [Self; 3] = [Self::All, Self::Refused, Self::Sap];

    /// The word for it in `?only=`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Refused => "refused",
            Self::Sap => "sap",
        }
    }

    /// For people.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Refused => "Not dialled",
            Self::Sap => "SAP was asked",
        }
    }

    /// Those of `?only=`, all without it; `None`: there are no such.
    pub(super) fn of(form: &Form) -> Option<Self> {
        if !form.has("only") {
            return Some(Self::All);
        }
        let label = form.get("only")?;
        Self::EACH.into_iter().find(|only| only.label() == label)
    }

    pub(super) fn has(self, facts: &CallFacts) -> bool {
        match self {
            Self::All => true,
            Self::Refused => matches!(facts.verdict, Verdict::Refuse { .. }),
            Self::Sap => facts.sap_took.is_some() || facts.verdict.source() == Source::Sap,
        }
    }
}

/// Which decisions somebody listens to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wanted {
    pub(super) only: Only,
    client: Option<String>,
    reason: Option<String>,
    source: Option<Source>,
}

impl Wanted {
    /// Those of `?only=`, `?client=`, `?reason=` and `?source=`; `None`: there are no such.
    pub(super) fn of(form: &Form) -> Option<Self> {
        let one = |name| match (form.has(name), form.get(name)) {
            (true, None) => Err(()),
            (_, word) => Ok(word),
        };
        let (reason, source) = (one("reason").ok()?, one("source").ok()?);
        let is_a_reason = |word| Verdict::all().into_iter().any(|verdict| verdict.reason() == word);
        let source =
            source.map(|word| Source::ALL.into_iter().find(|source| source.label() == word));
        if !reason.is_none_or(is_a_reason) || source == Some(None) {
            return None;
        }
        Some(Self {
            only: Only::of(form)?,
            client: one("client").ok()?.map(str::to_owned),
            reason: reason.map(str::to_owned),
            source: source.flatten(),
        })
    }

    pub(super) fn has(&self, facts: &CallFacts) -> bool {
        let client = facts.client.as_ref().map(ClientName::as_str);
        self.only.has(facts)
            && self.client.as_deref().is_none_or(|wanted| client == Some(wanted))
            && self.reason.as_deref().is_none_or(|wanted| facts.verdict.reason() == wanted)
            && self.source.is_none_or(|wanted| facts.verdict.source() == wanted)
    }
}

impl DecisionLine {
    pub(super) fn of(facts: &CallFacts, terms: &Terms) -> Self {
        let (verdict, basis) = (facts.verdict, facts.basis.as_ref());
        // A refusal for want of a row names what there is no row for.
        let without_row = match verdict {
            Verdict::Refuse { reason: Reason::NoServiceNumber, .. } => {
                basis.and_then(|basis| basis.known.as_ref()).and_then(|known| match &known.lookup {
                    Lookup::Found(partner) => BusinessPartner::contract_number(partner),
                    Lookup::Unknown | Lookup::Ambiguous(_) => None,
                })
            }
            _ => None,
        };
        let contract = basis.and_then(|basis| basis.contract_number.as_ref()).or(without_row);
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
