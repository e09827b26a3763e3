//! The decision: may this call go out, and with which service number.
//!
//! A pure function; its table of cases below is the specification.

use super::{
    numbers::{DialledNumber, ServiceNumber},
    partner::{BusinessPartner, ContractNumber, CountryCode, DistributionChannel, Lookup},
    reason::Reason,
    rules::{CallerIdFit, DefaultPair, Rules, Unavailable, Unmatched},
};

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

/// How the number shown fits the number dialled: whether both belong to one country.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallerId {
    /// Nobody looked: the rule is off, or there is no number to look at.
    Unchecked,
    /// Both belong to one country.
    Fits,
    /// They do not, and the rule only warns.
    Misfit,
    /// They did not; what is shown is the fallback of the destination.
    Fallback,
}

impl CallerId {
    /// The word in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Fits => "fits",
            Self::Misfit => "misfit",
            Self::Fallback => "fallback",
        }
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
) -> Decision<'a> {
    if !may_be_dialled(dialled, rules) {
        return Decision::Refuse(Reason::NumberNotAllowed);
    }
    let partner = match lookup {
        Lookup::Found(partner) => partner,
        Lookup::Unknown => return Decision::Refuse(Reason::PartnerUnknown),
        Lookup::Ambiguous(_) => return Decision::Refuse(Reason::PartnerAmbiguous),
    };
    if rules.refuse_blocked && partner.blocked {
        return Decision::Refuse(Reason::PartnerBlocked);
    }
    if rules.refuse_contact_refused && partner.contact_refused {
        return Decision::Refuse(Reason::ContactNotAllowed);
    }
    if let Some(refusal) = rules.refuse_when.iter().find(|refusal| refusal.meets(partner)) {
        return Decision::Refuse(refusal.reason);
    }
    let own = own_pair(partner);
    if let Some(own) = own
        && let Some(service_number) = rules.service_numbers.of(own.contract_number)
    {
        return fitting(Dial { service_number: Some(service_number), ..own }, dialled, rules);
    }
    match (rules.unmatched, own, &rules.default_pair) {
        (Unmatched::DialWithoutNumber, Some(own), _) => Decision::Dial(own),
        (Unmatched::DialDefault, _, Some(pair)) => fitting(by_default(pair), dialled, rules),
        _ if partner.channel.is_none() => Decision::Refuse(Reason::NoChannel),
        _ if partner.country.is_none() => Decision::Refuse(Reason::NoCountry),
        _ => Decision::Refuse(Reason::NoServiceNumber),
    }
}

/// Decides where SAP gave no answer and none is remembered.
pub fn decide_without_sap<'a>(dialled: Option<&DialledNumber>, rules: &'a Rules) -> Decision<'a> {
    if !may_be_dialled(dialled, rules) {
        return Decision::Refuse(Reason::NumberNotAllowed);
    }
    match (rules.unavailable, &rules.default_pair) {
        (Unavailable::DialDefault, Some(pair)) => fitting(by_default(pair), dialled, rules),
        _ => Decision::Refuse(Reason::SapUnavailable),
    }
}

/// What the number alone says, whoever the partner is.
fn may_be_dialled(dialled: Option<&DialledNumber>, rules: &Rules) -> bool {
    let Some(dialled) = dialled else {
        return !rules.never_dialled.is_set() && rules.destinations.is_none();
    };
    if rules.never_dialled.is_set() && rules.never_dialled.contain(dialled) {
        return false;
    }
    match &rules.destinations {
        None => true,
        // A number whose country nobody can tell is in none of them.
        Some(allowed) => dialled.country().is_some_and(|country| allowed.contains(&country)),
    }
}

/// The last step of a call that is put through: whether its number may be shown where it rings.
fn fitting<'a>(dial: Dial<'a>, dialled: Option<&DialledNumber>, rules: &'a Rules) -> Decision<'a> {
    let (Some(shown), Some(dialled)) = (&dial.service_number, dialled) else {
        return match (rules.caller_id_fit, dial.service_number) {
            (CallerIdFit::Refuse | CallerIdFit::Fallback, Some(_)) => {
                Decision::Refuse(Reason::CallerIdNotAllowed)
            }
            _ => Decision::Dial(dial),
        };
    };
    if rules.caller_id_fit == CallerIdFit::Off {
        return Decision::Dial(dial);
    }
    if dialled.rings_in_the_country_of(shown) {
        return Decision::Dial(Dial { caller_id: CallerId::Fits, ..dial });
    }
    let fallback = || rules.fallbacks.get(&dialled.country()?);
    match rules.caller_id_fit {
        CallerIdFit::Off | CallerIdFit::Warn => {
            Decision::Dial(Dial { caller_id: CallerId::Misfit, ..dial })
        }
        CallerIdFit::Refuse => Decision::Refuse(Reason::CallerIdNotAllowed),
        CallerIdFit::Fallback => match fallback() {
            Some(pair) => Decision::Dial(Dial {
                by_default: false,
                caller_id: CallerId::Fallback,
                ..by_default(pair)
            }),
            None => Decision::Refuse(Reason::CallerIdNotAllowed),
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
