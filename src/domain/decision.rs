//! The decision: may this call go out, and with which service number.
//!
//! A pure function; its table of cases below is the specification.

use super::{
    numbers::{DialledNumber, ServiceNumber},
    partner::{BusinessPartner, ContractNumber, CountryCode, DistributionChannel, Lookup},
    rules::{DefaultPair, Rules, Unavailable, Unmatched},
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
}

/// Why a call is refused: a closed list, one word in answer, metric and record alike.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reason {
    /// A parameter is missing, malformed or there twice, or the request is not proper HTTP.
    BadQuery,
    /// The caller's credentials are missing or wrong.
    Unauthorized,
    /// Too many calls at once.
    Overloaded,
    /// SAP knows no such partner.
    PartnerUnknown,
    /// More than one record matches.
    PartnerAmbiguous,
    /// SAP calls the partner blocked.
    PartnerBlocked,
    /// The partner does not want to be contacted.
    ContactNotAllowed,
    /// The contract number has no service number, or the partner no contract number.
    NoServiceNumber,
    /// SAP gave no usable answer and none is remembered.
    SapUnavailable,
}

impl Reason {
    /// All of them, for metrics that exist from the start.
    pub const ALL: [Self; 9] = [
        Self::BadQuery,
        Self::Unauthorized,
        Self::Overloaded,
        Self::PartnerUnknown,
        Self::PartnerAmbiguous,
        Self::PartnerBlocked,
        Self::ContactNotAllowed,
        Self::NoServiceNumber,
        Self::SapUnavailable,
    ];

    /// The word in the answer's `reason`, in metrics and in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::BadQuery => "bad_query",
            Self::Unauthorized => "unauthorized",
            Self::Overloaded => "overloaded",
            Self::PartnerUnknown => "partner_unknown",
            Self::PartnerAmbiguous => "partner_ambiguous",
            Self::PartnerBlocked => "partner_blocked",
            Self::ContactNotAllowed => "contact_not_allowed",
            Self::NoServiceNumber => "no_service_number",
            Self::SapUnavailable => "sap_unavailable",
        }
    }
}

/// Where the facts behind an answer come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// Remembered and within its time.
    Memory,
    /// Asked for this call, or for another one at the same moment.
    Sap,
    /// Remembered past its time, because SAP is silent.
    LastGood,
    /// From the rules: SAP is silent and nothing is remembered.
    Default,
    /// Nothing was looked up: the question was refused before.
    None,
}

impl Source {
    /// All of them, for metrics that exist from the start.
    pub const ALL: [Self; 5] = [Self::Memory, Self::Sap, Self::LastGood, Self::Default, Self::None];

    /// The word in the answer's `source`, in metrics and in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sap => "sap",
            Self::LastGood => "last_good",
            Self::Default => "default",
            Self::None => "none",
        }
    }
}

/// Decides from what SAP said.
///
/// What forbids a call comes before what it would show: a blocked partner without a service number
/// is blocked. The dialled number takes part so that rules on it need no new way through the
/// program; none of today's rules reads it.
pub fn decide<'a>(lookup: &'a Lookup, _dialled: &DialledNumber, rules: &'a Rules) -> Decision<'a> {
    let partner = match lookup {
        Lookup::Found(partner) => partner,
        Lookup::Unknown => return Decision::Refuse(Reason::PartnerUnknown),
        Lookup::Ambiguous => return Decision::Refuse(Reason::PartnerAmbiguous),
    };
    if rules.refuse_blocked && partner.blocked {
        return Decision::Refuse(Reason::PartnerBlocked);
    }
    if rules.refuse_contact_refused && partner.contact_refused {
        return Decision::Refuse(Reason::ContactNotAllowed);
    }
    let own = own_pair(partner);
    if let Some(own) = own
        && let Some(service_number) = rules.service_numbers.of(own.contract_number)
    {
        return Decision::Dial(Dial { service_number: Some(service_number), ..own });
    }
    match (rules.unmatched, own, &rules.default_pair) {
        (Unmatched::DialWithoutNumber, Some(own), _) => Decision::Dial(own),
        (Unmatched::DialDefault, _, Some(pair)) => Decision::Dial(by_default(pair)),
        _ => Decision::Refuse(Reason::NoServiceNumber),
    }
}

/// Decides where SAP gave no answer and none is remembered.
pub fn decide_without_sap(rules: &Rules) -> Decision<'_> {
    match (rules.unavailable, &rules.default_pair) {
        (Unavailable::DialDefault, Some(pair)) => Decision::Dial(by_default(pair)),
        _ => Decision::Refuse(Reason::SapUnavailable),
    }
}

fn own_pair(partner: &BusinessPartner) -> Option<Dial<'_>> {
    Some(Dial {
        channel: partner.channel.as_ref()?,
        country: partner.country?,
        contract_number: partner.contract_number()?,
        service_number: None,
        by_default: false,
    })
}

fn by_default(pair: &DefaultPair) -> Dial<'_> {
    Dial {
        channel: &pair.channel,
        country: pair.country,
        contract_number: &pair.contract_number,
        service_number: Some(pair.service_number),
        by_default: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Home, ServiceNumbers};

    fn partner(channel: &str, country: &str) -> BusinessPartner {
        BusinessPartner::new(
            DistributionChannel::parse(channel).ok(),
            CountryCode::parse(country).ok(),
            false,
            false,
        )
    }

    fn rules(unmatched: Unmatched, unavailable: Unavailable) -> Rules {
        let channel = DistributionChannel::parse("Head office").unwrap();
        let country = CountryCode::parse("DE").unwrap();
        let contract_number = ContractNumber::of(&channel, country);
        let mut service_numbers = ServiceNumbers::default();
        let direct = partner("Direct sales", "DE");
        service_numbers
            .add(
                direct.contract_number().unwrap().clone(),
                ServiceNumber::parse("498912345678").unwrap(),
            )
            .unwrap();
        Rules {
            service_numbers,
            unmatched,
            unavailable,
            default_pair: Some(DefaultPair {
                channel,
                country,
                contract_number,
                service_number: ServiceNumber::parse("498900000000").unwrap(),
            }),
            refuse_blocked: true,
            refuse_contact_refused: true,
        }
    }

    /// A decision in one line, to keep the table readable.
    fn told(decision: Decision<'_>) -> String {
        match decision {
            Decision::Refuse(reason) => reason.label().to_owned(),
            Decision::Dial(dial) => format!(
                "{} shows {}{}",
                dial.contract_number.as_str(),
                dial.service_number.map_or("nothing".to_owned(), |number| number.to_string()),
                if dial.by_default { " by default" } else { "" },
            ),
        }
    }

    #[test]
    fn every_answer_of_sap_leads_to_the_decision_in_this_table() {
        let blocked = BusinessPartner { blocked: true, ..partner("Direct sales", "DE") };
        let unwilling = BusinessPartner { contact_refused: true, ..partner("Direct sales", "DE") };
        let both = BusinessPartner { blocked: true, ..unwilling.clone() };
        let own = "Direct salesDE shows 498912345678";
        let default = "Head officeDE shows 498900000000 by default";
        let found = Lookup::Found;
        // lookup, then the decision by refuse, dial_without_number and dial_default
        let table = [
            (found(partner("Direct sales", "DE")), [own, own, own]),
            (
                found(partner("Indirect sales", "AT")),
                ["no_service_number", "Indirect salesAT shows nothing", default],
            ),
            (
                found(partner("direct sales", "DE")),
                ["no_service_number", "direct salesDE shows nothing", default],
            ),
            (found(partner("", "DE")), ["no_service_number", "no_service_number", default]),
            (
                found(partner("Direct sales", "")),
                ["no_service_number", "no_service_number", default],
            ),
            (found(blocked), ["partner_blocked"; 3]),
            (found(unwilling), ["contact_not_allowed"; 3]),
            (found(both), ["partner_blocked"; 3]),
            (Lookup::Unknown, ["partner_unknown"; 3]),
            (Lookup::Ambiguous, ["partner_ambiguous"; 3]),
        ];
        let dialled = DialledNumber::parse("+498955555", Home::parse("DE").unwrap()).unwrap();
        let by_rule = [Unmatched::Refuse, Unmatched::DialWithoutNumber, Unmatched::DialDefault];

        for (lookup, expected) in &table {
            for (unmatched, expected) in by_rule.into_iter().zip(expected) {
                let rules = rules(unmatched, Unavailable::Refuse);
                let decision = decide(lookup, &dialled, &rules);
                assert_eq!(told(decision), *expected, "{lookup:?} {unmatched:?}");
            }
        }
    }

    #[test]
    fn a_silent_sap_refuses_or_dials_the_default_pair_by_rule() {
        let refuse = rules(Unmatched::Refuse, Unavailable::Refuse);
        let dial = rules(Unmatched::Refuse, Unavailable::DialDefault);

        assert_eq!(told(decide_without_sap(&refuse)), "sap_unavailable");
        assert_eq!(told(decide_without_sap(&dial)), "Head officeDE shows 498900000000 by default");
    }

    #[test]
    fn a_rule_that_does_not_refuse_the_blocked_lets_them_be_called() {
        let blocked = BusinessPartner {
            blocked: true,
            contact_refused: true,
            ..partner("Direct sales", "DE")
        };
        let lenient = Rules {
            refuse_blocked: false,
            refuse_contact_refused: false,
            ..rules(Unmatched::Refuse, Unavailable::Refuse)
        };
        let dialled = DialledNumber::parse("+498955555", Home::parse("DE").unwrap()).unwrap();

        let found = Lookup::Found(blocked);
        let decision = decide(&found, &dialled, &lenient);

        assert_eq!(told(decision), "Direct salesDE shows 498912345678");
    }

    #[test]
    fn no_two_reasons_share_a_word() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
        words.sort_unstable();
        words.dedup();

        assert_eq!(words.len(), Reason::ALL.len());
    }
}
