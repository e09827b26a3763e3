//! Everything that is known of one call that is over: who asked, what was remembered, what SAP was
//! asked and said, rule by rule, and why.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    decisions::{DecisionLine, milliseconds},
    words,
};
use crate::{
    config::Proof,
    domain::{
        BusinessPartner, CallerId, ContractNumber, DistributionChannel, Lookup, rule_by_rule,
    },
    gateway::{Basis, CallFacts, Case, Number, Terms, Verdict, several},
    sap::{LeftOut, Looked, SapOutcome, Seen, Sent},
    telemetry::{rounded, visible},
};

/// The story of a call.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Story {
    #[serde(flatten)]
    pub(super) line: DecisionLine,
    /// What let the client in: `password`, `key`, `certificate` or `address`.
    pub(super) client_by: Option<&'static str>,
    pub(super) peer: String,
    /// The load balancer that has brought the call.
    pub(super) via: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) http: &'static str,
    pub(super) trace: String,
    /// How long ago SAP had said what was decided on.
    pub(super) age_seconds: Option<u64>,
    pub(super) queue_ms: Option<f64>,
    pub(super) sap_ms: Option<f64>,
    /// What SAP did instead of answering.
    #[schemars(schema_with = "words::outcomes")]
    pub(super) sap: Option<&'static str>,
    /// Which SAP system said it, or was silent.
    pub(super) system: Option<String>,
    pub(super) requests: Vec<Request>,
    pub(super) partner: Option<Partner>,
    /// The sales areas in its record; of a partner that they lead to a refusal of.
    pub(super) sales_areas: Option<Vec<SeenPart>>,
    /// Its addresses, as far as they count for anything.
    pub(super) addresses: Option<Vec<SeenPart>>,
    pub(super) rules: Vec<RuleLine>,
    /// The rules have changed since; those of then are not there any more.
    pub(super) rules_have_changed: bool,
}

/// One request to SAP.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "SapRequest")]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    step: String,
    host: String,
    status: Option<u16>,
    took_ms: Option<f64>,
    #[schemars(schema_with = "words::outcomes")]
    outcome: Option<&'static str>,
    span: String,
}

/// What SAP knows of the partner.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Partner {
    /// `found`, `unknown`, or what there is more than one of.
    known: &'static str,
    channel: Option<String>,
    country: Option<String>,
    contract_number: Option<String>,
    blocked: bool,
    contact_refused: bool,
}

/// A sales area or an address of a record.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeenPart {
    /// Organisation, division, channel or country, as SAP has them.
    #[serde(flatten)]
    values: BTreeMap<&'static str, String>,
    counts: bool,
    left_out: Option<String>,
    /// For people.
    #[serde(skip)]
    told: String,
}

/// A rule and its part in the decision.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(super) struct RuleLine {
    pub(super) rule: String,
    pub(super) part: &'static str,
}

impl Story {
    pub(super) fn of(facts: &CallFacts, terms: &Terms) -> Self {
        let basis = facts.basis.as_ref();
        let requests = basis.and_then(|basis| basis.requests.as_ref());
        let known = basis.and_then(|basis| basis.known.as_ref());
        let changed = have_changed(basis, terms);
        let rules = basis.filter(|_| !changed);
        let rules = rules.map(|basis| rule_by_rule(&terms.config.rules, basis.rule));
        let looked = known.and_then(|known| known.looked.as_deref());
        let parts = |of: fn(&Looked) -> &[Seen]| {
            looked.map(|looked| of(looked).iter().map(SeenPart::of).collect())
        };
        Self {
            line: DecisionLine::of(facts, terms),
            client_by: facts.client_by.map(Proof::label),
            peer: facts.peer.to_string(),
            via: (facts.socket != facts.peer).then(|| facts.socket.to_string()),
            tls: facts
                .tls
                .as_ref()
                .map(|tls| format!("TLS {} {}", tls.negotiated.version, tls.negotiated.cipher)),
            http: facts.http.label(),
            trace: facts.trace.id.to_string(),
            age_seconds: known.and(basis).map(|basis| basis.age.as_secs()),
            queue_ms: facts.queue.map(milliseconds),
            sap_ms: facts.sap_took.map(milliseconds),
            sap: facts.sap.map(SapOutcome::label),
            system: facts.system.as_ref().map(ToString::to_string),
            requests: requests
                .map(|requests| requests.all().iter().map(Request::of).collect())
                .unwrap_or_default(),
            partner: known.map(|known| Partner::of(&known.lookup)),
            sales_areas: parts(|looked| &looked.areas),
            addresses: parts(|looked| &looked.addresses),
            rules: rules
                .unwrap_or_default()
                .into_iter()
                .map(|(rule, part)| RuleLine { rule: rule.to_string(), part: part.label() })
                .collect(),
            rules_have_changed: changed,
        }
    }

    /// Name and what there is, line by line; a name that is empty goes on with the one before.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let line = &self.line;
        let client = line.client.as_deref().unwrap_or("nobody we know");
        let over = self.tls.as_deref().unwrap_or("plaintext");
        let by = self.client_by.map(|by| format!(" (by its {by})")).unwrap_or_default();
        let via = self.via.as_ref().map(|via| format!(" through {via}")).unwrap_or_default();
        let from = &self.peer;
        let mut all = vec![
            ("at", line.at.clone()),
            ("asked by", format!("{client}{by}, from {from}{via} over {over}, HTTP/{}", self.http)),
        ];
        all.push(match (line.source, self.age_seconds) {
            ("none", None) => ("memory", "not looked at, or nothing there".to_owned()),
            (source, None) => ("memory", format!("nothing there ({source})")),
            ("sap", Some(_)) => ("memory", "nothing fresh there; SAP was asked".to_owned()),
            (source, Some(age)) => {
                let age = rounded(std::time::Duration::from_secs(age));
                ("memory", format!("{source}: SAP had said it {age} before"))
            }
        });
        if let Some(queue) = self.queue_ms {
            all.push(("queue", format!("{queue} ms for a place among the requests to SAP")));
        }
        all.extend(self.system.clone().map(|system| ("system", system)));
        for request in &self.requests {
            all.push(("asked SAP", request.text()));
        }
        if let Some(sap) = self.sap {
            all.push(("SAP", format!("gave no usable answer: {sap}")));
        }
        if let Some(partner) = &self.partner {
            all.extend(partner.lines());
        }
        for (name, parts) in [("sales area", &self.sales_areas), ("address", &self.addresses)] {
            let parts = parts.iter().flatten();
            all.extend(parts.map(|part| (name, part.told.clone())));
        }
        for (place, rule) in self.rules.iter().enumerate() {
            let name = if place == 0 { "rule by rule" } else { "" };
            all.push((name, format!("{:<34} {}", rule.rule, rule.part)));
        }
        if self.rules_have_changed {
            let rule = line.rule.as_deref().unwrap_or("none");
            let told = format!("decided by {rule} of then; the rules have changed since");
            all.push(("rules", told));
        }
        all.push(("jtel got", self.told()));
        all.push(("because", line.because.clone()));
        all.push(("took", format!("{} ms", line.took_ms)));
        all.push(("trace", self.trace.clone()));
        all
    }

    /// For a terminal: nothing of SAP's texts does something there, or hides.
    pub(super) fn text(&self) -> String {
        let lines = self.lines();
        let harmless = |what: &str| visible(what).replace(char::is_control, "·");
        let lines = lines.iter().map(|(name, what)| format!("  {name:<18}{}\n", harmless(what)));
        format!("Call {}\n\n{}", self.line.call, lines.collect::<String>())
    }

    fn told(&self) -> String {
        let line = &self.line;
        match (line.decision, &line.contract_number, &line.service_number) {
            ("dial", Some(contract), Some(number)) => {
                let but = match line.caller_id {
                    "misfit" => ", although it is foreign where the number rings",
                    _ => "",
                };
                format!("{}, dial, showing {number} of {contract}{but}", line.status)
            }
            ("dial", _, _) => format!("{}, dial, without a service number", line.status),
            _ => format!("{}, do not dial: {}", line.status, line.reason),
        }
    }
}

/// Why a call was decided so.
pub(super) fn because(facts: &CallFacts, terms: &Terms) -> String {
    let reason = match facts.verdict {
        Verdict::Dial { .. } => None,
        Verdict::Refuse { reason, .. } => Some(reason),
        _ => return String::new(),
    };
    let basis = facts.basis.as_ref();
    // What ended before there was anything to decide on needs no rule for its sentence.
    let rule = basis.map_or(crate::domain::Rule::Known, |basis| basis.rule);
    let known = basis.and_then(|basis| basis.known.as_ref());
    Case {
        rule,
        reason,
        contract_number: basis
            .and_then(|basis| basis.contract_number.as_ref().map(ContractNumber::as_str)),
        service_number: basis.and_then(|basis| basis.service_number),
        caller_id: facts.verdict.caller_id().unwrap_or(CallerId::Unchecked),
        known: known.map(|known| &known.lookup),
        looked: basis
            .and_then(|basis| basis.known.as_ref())
            .and_then(|known| known.looked.as_deref()),
        number: Number::Forgotten,
        config: (!have_changed(basis, terms)).then_some(&*terms.config),
    }
    .because()
}

fn have_changed(basis: Option<&Basis>, terms: &Terms) -> bool {
    basis.is_some_and(|basis| basis.terms != terms.id())
}

impl SeenPart {
    fn of(seen: &Seen) -> Self {
        Self {
            values: seen.values.iter().cloned().collect(),
            counts: seen.left_out.is_none(),
            left_out: seen.left_out.map(LeftOut::told),
            told: seen.told(),
        }
    }
}

impl Request {
    fn of(sent: &Sent) -> Self {
        Self {
            step: sent.step.to_string(),
            host: sent.host.to_string(),
            status: sent.status.map(|status| status.as_u16()),
            took_ms: sent.took.map(milliseconds),
            outcome: sent.outcome.map(SapOutcome::label),
            span: sent.span.to_string(),
        }
    }

    fn text(&self) -> String {
        let status = self.status.map_or("no answer".to_owned(), |status| status.to_string());
        let took = self.took_ms.map_or("not over yet".to_owned(), |took| format!("{took} ms"));
        let outcome = self.outcome.unwrap_or("given up, or not over yet");
        format!("{} at {}: {status} in {took}: {outcome}", self.step, self.host)
    }
}

impl Partner {
    fn of(lookup: &Lookup) -> Self {
        let (known, found) = match lookup {
            Lookup::Found(partner) => ("found", Some(partner)),
            Lookup::Unknown => ("unknown", None),
            Lookup::Ambiguous(what) => (several(*what), None),
        };
        let text = |text: &str| text.to_owned();
        Self {
            known,
            channel: found
                .and_then(BusinessPartner::channel)
                .map(|c| text(DistributionChannel::as_str(c))),
            country: found.and_then(BusinessPartner::country).map(|c| text(c.as_str())),
            contract_number: found
                .and_then(BusinessPartner::contract_number)
                .map(|c| text(ContractNumber::as_str(c))),
            blocked: found.is_some_and(|partner| partner.blocked),
            contact_refused: found.is_some_and(|partner| partner.contact_refused),
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        if self.known != "found" {
            return vec![("partner", self.known.to_owned())];
        }
        let or_none = |value: &Option<String>| value.clone().unwrap_or("none".to_owned());
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        vec![
            ("channel", or_none(&self.channel)),
            ("country", or_none(&self.country)),
            ("contract number", or_none(&self.contract_number)),
            ("blocked", yes(self.blocked)),
            ("contact refused", yes(self.contact_refused)),
        ]
    }
}
