//! The decision: may this call go out, and with which service number.
//!
//! A pure function; its table of cases below is the specification.

mod difference;
mod parts;

use super::{
    numbers::{DialledNumber, NumberFacts, Ringing, ServiceNumber},
    partner::{BusinessPartner, ContractNumber, CountryCode, DistributionChannel, Lookup},
    reason::Reason,
    rule::Rule,
    rules::{CallerIdFit, DefaultPair, Rules, Unavailable, Unmatched},
    words::words,
};

pub use difference::Difference;
pub use parts::{deciders, rule_by_rule};

/// A decision, and which rule made it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decided<'a> {
    /// What jtel is told.
    pub decision: Decision<'a>,
    /// The rule that had the last word.
    pub rule: Rule,
}

/// What jtel is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision<'a> {
    /// Dial, showing the service number.
    Dial(Dial<'a>),
    /// Do not dial.
    Refuse(Reason),
}

/// With what jtel dials. Borrowed from the lookup or from the rules: a decision costs no copy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dial<'a> {
    /// What jtel reads as `distributionChannelCodeText`.
    pub channel: &'a DistributionChannel,
    /// What jtel reads as `countryCode`.
    pub country: CountryCode,
    /// The two of them in one.
    pub contract_number: &'a ContractNumber,
    /// `None` by the rule `dial_without_number` only.
    pub service_number: Option<ServiceNumber>,
    /// The pair is the configured default, not the partner's own.
    pub by_default: bool,
    /// How the number shown fits the number dialled.
    pub caller_id: CallerId,
}

words! {
    /// How the number shown fits the number dialled: whether both belong to one country.
    pub enum CallerId {
        /// Nobody looked: the rule is off, or there is no number to look at.
        Unchecked = "unchecked",
        /// Both belong to one country.
        Fits = "fits",
        /// They do not, and the rule only warns.
        Misfit = "misfit",
        /// They did not; what is shown is the fallback of the destination.
        Fallback = "fallback",
    }
}

impl<'a> Decided<'a> {
    fn refuse(reason: Reason, rule: Rule) -> Self {
        Self { decision: Decision::Refuse(reason), rule }
    }

    fn dial(dial: Dial<'a>, rule: Rule) -> Self {
        Self { decision: Decision::Dial(dial), rule }
    }
}

/// Decides from what SAP said.
///
/// What forbids a call comes before what it would show: a blocked partner without a service number
/// is blocked. What the number alone forbids comes before everything, so that it does not depend on
/// SAP. `dialled` is `None` where a question has no number; a rule that needs it then refuses,
/// because what cannot be checked must not be dialled.
pub fn decide<'a>(
    lookup: &'a Lookup,
    dialled: Option<&DialledNumber>,
    rules: &'a Rules,
) -> Decided<'a> {
    of_lookup(lookup, dialled, rules)
}

/// Decides where SAP gave no answer and none is remembered.
pub fn decide_without_sap<'a>(dialled: Option<&DialledNumber>, rules: &'a Rules) -> Decided<'a> {
    without_lookup(dialled, rules)
}

/// Decides from what was written down of a call, by the same rules. `lookup` is `None` where SAP gave no
/// answer and none was remembered.
pub fn decide_again<'a>(
    lookup: Option<&'a Lookup>,
    dialled: Option<&NumberFacts>,
    rules: &'a Rules,
) -> Decided<'a> {
    match lookup {
        Some(lookup) => of_lookup(lookup, dialled, rules),
        None => without_lookup(dialled, rules),
    }
}

fn of_lookup<'a>(
    lookup: &'a Lookup,
    dialled: Option<&impl Ringing>,
    rules: &'a Rules,
) -> Decided<'a> {
    if let Some(rule) = forbids_the_number(dialled, rules) {
        return Decided::refuse(Reason::NumberNotAllowed, rule);
    }
    let partner = match lookup {
        Lookup::Found(partner) => partner,
        Lookup::Unknown => return Decided::refuse(Reason::PartnerUnknown, Rule::Known),
        Lookup::Ambiguous(_) => return Decided::refuse(Reason::PartnerAmbiguous, Rule::Known),
    };
    if rules.refuse_blocked && partner.blocked {
        return Decided::refuse(Reason::PartnerBlocked, Rule::Blocked);
    }
    if rules.refuse_contact_refused && partner.contact_refused {
        return Decided::refuse(Reason::ContactNotAllowed, Rule::ContactRefused);
    }
    for (entry, refusal) in (0..).zip(&rules.refuse_when) {
        if refusal.meets(partner) {
            return Decided::refuse(refusal.reason, Rule::RefuseWhen(entry));
        }
    }
    let own = own_pair(partner);
    if let Some(own) = own
        && let Some(service_number) = rules.service_numbers.of(own.contract_number)
    {
        let dial = Dial { service_number: Some(service_number), ..own };
        return fitting(dial, Rule::ServiceNumbers, dialled, rules);
    }
    let rule = Rule::WithoutServiceNumber;
    match (rules.unmatched, own, &rules.default_pair) {
        (Unmatched::DialWithoutNumber, Some(own), _) => Decided::dial(own, rule),
        (Unmatched::DialDefault, _, Some(pair)) => fitting(by_default(pair), rule, dialled, rules),
        _ if partner.channel.is_none() => Decided::refuse(Reason::NoChannel, rule),
        _ if partner.country.is_none() => Decided::refuse(Reason::NoCountry, rule),
        _ => Decided::refuse(Reason::NoServiceNumber, rule),
    }
}

fn without_lookup<'a>(dialled: Option<&impl Ringing>, rules: &'a Rules) -> Decided<'a> {
    if let Some(rule) = forbids_the_number(dialled, rules) {
        return Decided::refuse(Reason::NumberNotAllowed, rule);
    }
    let rule = Rule::SapUnavailable;
    match (rules.unavailable, &rules.default_pair) {
        (Unavailable::DialDefault, Some(pair)) => fitting(by_default(pair), rule, dialled, rules),
        _ => Decided::refuse(Reason::SapUnavailable, rule),
    }
}

/// What the number alone says, whoever the partner is: the rule that forbids it.
fn forbids_the_number(dialled: Option<&impl Ringing>, rules: &Rules) -> Option<Rule> {
    let Some(dialled) = dialled else {
        let is_needed = rules.never_dialled.is_set() || rules.destinations.is_some();
        return is_needed.then_some(Rule::NoNumber);
    };
    if rules.never_dialled.is_set()
        && let Some(rule) = rules.never_dialled.rule_for(dialled)
    {
        return Some(rule);
    }
    let allowed = rules.destinations.as_ref()?;
    // A number whose country nobody can tell is in none of them.
    let is_allowed = dialled.country().is_some_and(|country| allowed.contains(&country));
    (!is_allowed).then_some(Rule::Destinations)
}

/// The last step of a call that `rule` puts through: whether its number may be shown where it rings.
fn fitting<'a>(
    dial: Dial<'a>,
    rule: Rule,
    dialled: Option<&impl Ringing>,
    rules: &'a Rules,
) -> Decided<'a> {
    let refused = Decided::refuse(Reason::CallerIdNotAllowed, Rule::CallerIdFit);
    let (Some(shown), Some(dialled)) = (&dial.service_number, dialled) else {
        return match (rules.caller_id_fit, dial.service_number) {
            (CallerIdFit::Refuse | CallerIdFit::Fallback, Some(_)) => refused,
            _ => Decided::dial(dial, rule),
        };
    };
    if rules.caller_id_fit == CallerIdFit::Off {
        return Decided::dial(dial, rule);
    }
    if dialled.rings_in_the_country_of(shown) {
        return Decided::dial(Dial { caller_id: CallerId::Fits, ..dial }, rule);
    }
    let fallback = || rules.fallbacks.get(&dialled.country()?);
    match rules.caller_id_fit {
        CallerIdFit::Off | CallerIdFit::Warn => {
            Decided::dial(Dial { caller_id: CallerId::Misfit, ..dial }, rule)
        }
        CallerIdFit::Refuse => refused,
        CallerIdFit::Fallback => match fallback() {
            Some(pair) => {
                let caller_id = CallerId::Fallback;
                let shown = Dial { by_default: false, caller_id, ..by_default(pair) };
                Decided::dial(shown, Rule::CallerIdFit)
            }
            None => refused,
        },
    }
}

fn own_pair(partner: &BusinessPartner) -> Option<Dial<'_>> {
    Some(Dial {
        channel: partner.channel.as_ref()?,
        country: partner.country?,
        contract_number: partner.contract_number()?,
        service_number: None,
        by_default: false,
        caller_id: CallerId::Unchecked,
    })
}

fn by_default(pair: &DefaultPair) -> Dial<'_> {
    Dial {
        channel: &pair.channel,
        country: pair.country,
        contract_number: &pair.contract_number,
        service_number: Some(pair.service_number),
        by_default: true,
        caller_id: CallerId::Unchecked,
    }
}

#[cfg(test)]
mod tests;
