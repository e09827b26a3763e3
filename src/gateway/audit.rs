//! What the audit trail has of a call: who asked, what was decided and by which rule, and about whom,
//! under a pseudonym.
//!
//! The partner and the number are in no other record: [`CallFacts`], which goes everywhere, has no
//! place for them, and [`Asked`] is read here alone, by the thread that writes the trail.

use super::{
    NO_ID, Question,
    facts::{CallFacts, Route, Verdict},
};
use crate::{
    config::{ClientName, SystemName},
    domain::{ContractNumber, DialledNumber, PartnerId, ServiceNumber},
    sap::SapOutcome,
    telemetry::{
        audit::{Entry, PersonalKind, Pseudonyms, Trail},
        clock::Moment,
        lines::Object,
    },
};

/// Where calls leave their records.
pub type AuditTrail = Trail<AuditedCall>;

/// One call as the trail gets it.
pub struct AuditedCall {
    facts: CallFacts,
    asked: Option<Asked>,
}

/// About whom somebody asked. Personal data.
struct Asked {
    partner: Option<PartnerId>,
    dialled: Option<DialledNumber>,
}

/// What a call has to keep for the trail until it is over.
pub(super) struct Audited {
    trail: AuditTrail,
    asked: Option<Asked>,
    was_let_in: bool,
}

impl Audited {
    /// A call begins.
    pub(super) fn begin(trail: &AuditTrail) -> Self {
        Self { trail: trail.clone(), asked: None, was_let_in: false }
    }

    /// What is asked is known. False: nothing may be decided, because nobody could say later what was.
    pub(super) fn lets_in(&mut self, question: &Question) -> bool {
        let by_id = question.partner.as_str() != NO_ID;
        let partner = by_id.then_some(question.partner);
        self.asked = Some(Asked { partner, dialled: question.dialled });
        self.was_let_in = self.trail.lets_in();
        self.was_let_in
    }

    /// The call is over. What was no call leaves no record here: it has its access record.
    pub(super) fn end(self, facts: &CallFacts) {
        match facts.verdict {
            Verdict::Dial { .. }
            | Verdict::Caller { .. }
            | Verdict::Refuse { .. }
            | Verdict::Unanswered
            | Verdict::Panic => {}
            Verdict::Malformed(_) | Verdict::NoSuchPath | Verdict::MethodNotAllowed => return,
        }
        let Self { trail, asked, was_let_in } = self;
        trail.record(AuditedCall { facts: facts.clone(), asked }, was_let_in);
    }
}

impl Entry for AuditedCall {
    fn at(&self) -> Moment {
        self.facts.at
    }

    fn kind(&self) -> &'static str {
        "call"
    }

    fn render(&self, line: &mut Object<'_>, pseudonyms: &Pseudonyms) {
        let CallFacts { verdict, basis, .. } = &self.facts;
        let basis = basis.as_ref();
        let contract_number = basis.and_then(|basis| basis.contract_number.as_ref());
        let service_number = basis.and_then(|basis| basis.service_number);
        let known_since = basis.filter(|basis| basis.known.is_some()).map(|basis| basis.age);

        line.members(&self.facts.stamp);
        line.plain("call", self.facts.call.text());
        line.plain("trace", self.facts.trace.id.digits());
        line.text("client", self.facts.client.as_ref().map(ClientName::as_str));
        line.shown("peer", Some(self.facts.peer));
        line.number("status", Some(self.facts.status.as_u16().into()));
        // Of questions about who calls alone: of all others it would be the same word.
        if self.facts.route != Route::OnClickToDial {
            line.plain("route", self.facts.route.label());
        }
        line.plain("decision", verdict.decision());
        line.plain("reason", verdict.reason());
        line.plain("source", verdict.source().label());
        line.text("system", self.facts.system.as_ref().map(SystemName::as_str));
        line.plain("sap", self.facts.sap.map_or("none", SapOutcome::label));
        line.text("rule", basis.map(|basis| basis.rule.name()).as_deref());
        line.text("contract_number", contract_number.map(ContractNumber::as_str));
        line.text("service_number", service_number.as_ref().map(ServiceNumber::as_str));
        line.number("age_s", known_since.map(|age| age.as_secs()));
        let Some(asked) = &self.asked else { return };
        let partner = asked.partner.as_ref().map(PartnerId::as_str);
        let number = asked.dialled.as_ref().map(DialledNumber::digits);
        for (name, kind, value) in
            [("partner", PersonalKind::Partner, partner), ("number", PersonalKind::Number, number)]
        {
            if let Some(pseudonym) = value.and_then(|value| pseudonyms.of(kind, value)) {
                line.plain(name, pseudonym);
            }
        }
    }
}
