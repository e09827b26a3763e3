//! Why a call is decided as it is, and what somebody could change about it.

use crate::{
    config::Config,
    domain::{
        Ambiguity, BusinessPartner, CallerId, CallerIdFit, ContractNumber, CountryCode, Decided,
        Decision, DialledNumber, Lookup, Reason, Rule, ServiceNumber,
    },
    sap::{LeftOut, Looked, Seen},
};

/// A decision and what is known of how it came about.
pub struct Case<'c> {
    /// The rule that had the last word.
    pub rule: Rule,
    /// Why nothing is dialled; `None`: something is.
    pub reason: Option<Reason>,
    /// By what jtel finds the number that is shown.
    pub contract_number: Option<&'c str>,
    /// What the customer gets to see.
    pub service_number: Option<ServiceNumber>,
    /// How it fits the number dialled.
    pub caller_id: CallerId,
    /// What SAP knows of the partner; `None`: nothing was known.
    pub known: Option<&'c Lookup>,
    /// What there is in SAP's record.
    pub looked: Option<&'c Looked>,
    /// The number that was to be dialled.
    pub number: Number,
    /// The rules it was decided by; `None`: there are others by now.
    pub config: Option<&'c Config>,
}

/// What is known of the number that was to be dialled.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// The question had none.
    Missing,
    /// It rings there; `None`: the numbering plan does not tell.
    RingsIn(Option<CountryCode>),
    /// It was not kept: it is personal data.
    Forgotten,
}

impl Number {
    /// Of a question.
    pub fn of(dialled: Option<&DialledNumber>) -> Self {
        dialled.map_or(Self::Missing, |dialled| Self::RingsIn(dialled.country()))
    }
}

impl<'c> Case<'c> {
    /// Of a decision that was just made.
    pub fn of(
        decided: &Decided<'c>,
        known: Option<&'c Lookup>,
        looked: Option<&'c Looked>,
        number: Number,
        config: &'c Config,
    ) -> Self {
        let (dial, reason) = match decided.decision {
            Decision::Dial(dial) => (Some(dial), None),
            Decision::Refuse(reason) => (None, Some(reason)),
        };
        Self {
            rule: decided.rule,
            reason,
            contract_number: dial.map(|dial| dial.contract_number.as_str()),
            service_number: dial.and_then(|dial| dial.service_number),
            caller_id: dial.map_or(CallerId::Unchecked, |dial| dial.caller_id),
            known,
            looked,
            number,
            config: Some(config),
        }
    }

    /// Why it was decided so, and what somebody could change about it.
    pub fn because(&self) -> String {
        let told = self.told();
        // What does not depend on the rules is as true as before.
        let is_of_rules = self.reason.is_none_or(|reason| {
            use Reason::{AuditUnwritable, BadQuery, Overloaded, Unauthorized};
            !matches!(reason, BadQuery | Unauthorized | Overloaded | AuditUnwritable)
        });
        if self.config.is_some() || !is_of_rules {
            return told;
        }
        format!("{told}; so it was decided then: the rules have changed since")
    }

    fn told(&self) -> String {
        let contract = self.contract_number.unwrap_or_default();
        match (self.reason, self.rule, self.service_number) {
            (Some(reason), ..) => self.refusal(reason),
            (None, _, _) if self.caller_id == CallerId::Fallback => {
                "the partner's own number is foreign where this number rings; \
                 rules.fallback_service_numbers has this one for the country called"
                    .to_owned()
            }
            (None, Rule::SapUnavailable, _) | (None, Rule::WithoutServiceNumber, Some(_)) => {
                "the rules dial the default pair (rules.default)".to_owned()
            }
            (None, _, Some(_)) if self.config.is_none() => {
                format!("rules.service_numbers had a row for `{contract}`")
            }
            (None, _, Some(_)) => format!("rules.service_numbers has a row for `{contract}`"),
            (None, _, None) => format!(
                "no row for `{contract}`, and rules.without_service_number is dial_without_number"
            ),
        }
    }

    fn refusal(&self, reason: Reason) -> String {
        let (looked, config) = (self.looked, self.config);
        let found = match self.known {
            Some(Lookup::Found(partner)) => Some(partner),
            _ => None,
        };
        match reason {
            Reason::PartnerUnknown => {
                "no step of the dialect knows this ID: enter the partner in SAP, or, \
                 if SAP has it with other leading zeros, see sap.id_form and sap.try_other_id_form"
                    .to_owned()
            }
            Reason::PartnerAmbiguous => {
                let what = match self.known {
                    Some(Lookup::Ambiguous(what)) => *what,
                    _ => Ambiguity::Records,
                };
                format!("a wrong number must not be shown: {}", ambiguous(what, looked))
            }
            Reason::PartnerBlocked | Reason::ContactNotAllowed => marked(self.rule, config),
            Reason::NoChannel => no_channel(looked),
            Reason::NoCountry => no_country(looked),
            Reason::NoServiceNumber => no_service_number(found, config),
            Reason::SapUnavailable => {
                "SAP gave no usable answer and rules.sap_unavailable is refuse; \
                 `dialgate check --connect` says what to do"
                    .to_owned()
            }
            Reason::NumberNotAllowed => self.forbidden(),
            Reason::CallerIdNotAllowed => self.foreign(),
            Reason::BadQuery => {
                "the question could not be read; the answer says which part of it".to_owned()
            }
            Reason::Unauthorized => "name or password is missing or wrong; compare the field \
                 \"Authorization Token\" in jtel with clients in the configuration"
                .to_owned(),
            Reason::NotRouted => {
                "no entry of routes fits the path, the client and the ID; see `routes`".to_owned()
            }
            Reason::AuditUnwritable => {
                "the audit trail could not be written; see audit.folder".to_owned()
            }
            Reason::Overloaded => {
                "too many calls at once, or no place among the requests to SAP in \
                 time; see listen.max_calls and sap.max_in_flight"
                    .to_owned()
            }
        }
    }

    fn forbidden(&self) -> String {
        match (self.rule, self.number) {
            (Rule::NoNumber, _) => {
                let Some(config) = self.config else {
                    return "without a number a rule refused every call".to_owned();
                };
                let rules: Vec<_> = config.rules.that_need_the_number().collect();
                format!("without a number {} refuse every call", rules.join(" and "))
            }
            (Rule::Ranges, _) => {
                "rules.never_dialled.prefixes or ranges_file forbids the number".to_owned()
            }
            (Rule::Destinations, Number::RingsIn(country)) => format!(
                "the number rings in {}, which is not in rules.destination_countries",
                place(country)
            ),
            (Rule::Destinations, _) => {
                "the number rings in a country that is not in rules.destination_countries"
                    .to_owned()
            }
            (rule, _) => {
                format!("{rule} forbids the number, as it is or as a network would read it")
            }
        }
    }

    fn foreign(&self) -> String {
        let there = match self.number {
            Number::Missing => {
                return "without a number nobody can tell whether the service number fits it, so \
                        that rules.caller_id_fit refuses"
                    .to_owned();
            }
            Number::RingsIn(country) => format!(" ({})", place(country)),
            Number::Forgotten => String::new(),
        };
        let told = format!("the service number is foreign where this number rings{there}");
        match self.config.map(|config| config.rules.caller_id_fit) {
            None => told,
            Some(CallerIdFit::Fallback) => {
                format!("{told}, and rules.fallback_service_numbers has none for it")
            }
            Some(_) => format!("{told}; rules.caller_id_fit refuses that"),
        }
    }
}

/// Where a number rings.
pub fn place(country: Option<CountryCode>) -> String {
    country.map_or("a country that the numbering plan does not tell".to_owned(), |country| {
        country.as_str().to_owned()
    })
}

/// What SAP has more than one of.
pub fn several(what: Ambiguity) -> &'static str {
    match what {
        Ambiguity::Records => "more than one record",
        Ambiguity::Channels => "more than one sales channel",
        Ambiguity::Countries => "more than one country",
    }
}

fn ambiguous(what: Ambiguity, looked: Option<&Looked>) -> String {
    match (what, looked) {
        (Ambiguity::Records, _) => {
            "SAP has more than one record with this ID, or the record names more \
             than one other partner; mend it in SAP"
                .to_owned()
        }
        (Ambiguity::Channels, Some(looked)) if !looked.areas.is_empty() => format!(
            "its sales areas name different channels ({}); sap.sales_area says which of them counts",
            counting(&looked.areas, "channel")
        ),
        (Ambiguity::Channels, _) => {
            "the record names different channels; mend it in SAP".to_owned()
        }
        (Ambiguity::Countries, Some(looked)) if looked.picks_address => format!(
            "its addresses are in different countries ({}); sap.address says which of them counts: \
             `usage: XXDEFAULT` is the standard address of S/4HANA",
            counting(&looked.addresses, "country")
        ),
        (Ambiguity::Countries, _) => {
            "the record names different countries; mend it in SAP".to_owned()
        }
    }
}

/// The values of what counts, each once.
fn counting(parts: &[Seen], name: &str) -> String {
    let counting = parts.iter().filter(|seen| seen.left_out.is_none());
    let values = counting.flat_map(|seen| seen.values.iter().filter(|(of, _)| *of == name));
    let mut values: Vec<_> =
        values.map(|(_, value)| if value.is_empty() { "none" } else { value }).collect();
    values.sort_unstable();
    values.dedup();
    values.join(", ")
}

/// A mark of SAP's own, or what a rule of the house looks at.
fn marked(rule: Rule, config: Option<&Config>) -> String {
    match rule {
        Rule::Blocked => {
            "SAP marks the partner as blocked; release it there, or see rules.partner_blocked"
                .to_owned()
        }
        Rule::ContactRefused => {
            "SAP marks the partner as not to be contacted; change it there, or \
             see rules.contact_not_allowed"
                .to_owned()
        }
        Rule::RefuseWhen(entry) => {
            let entries = config.map(|config| &config.rules.refuse_when);
            match entries.map(|entries| entries.get(usize::from(entry))) {
                Some(Some(refusal)) => format!("SAP's value at `{}` meets {rule}", refusal.path),
                Some(None) => format!("SAP's record meets {rule}"),
                // Another entry may have its number by now.
                None => "SAP's record met an entry of rules.refuse_when".to_owned(),
            }
        }
        _ => "SAP says so".to_owned(),
    }
}

/// None of several, for one reason each.
fn none_counts(what: &str, parts: &[Seen]) -> String {
    let mut reasons: Vec<_> =
        parts.iter().filter_map(|seen| seen.left_out.map(LeftOut::told)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    format!("none of its {} {what} counts: {}", parts.len(), reasons.join("; "))
}

fn no_channel(looked: Option<&Looked>) -> String {
    let Some(looked) = looked else {
        return "SAP has no sales channel for the partner; complete it there".to_owned();
    };
    if looked.areas.is_empty() {
        return "SAP has no sales area for the partner; complete it there".to_owned();
    }
    if looked.areas.iter().all(|area| area.left_out.is_some()) {
        return none_counts("sales areas", &looked.areas);
    }
    let channels = counting(&looked.areas, "channel");
    if channels.starts_with("code ") {
        return format!("its channel is {channels}; add the code there");
    }
    "its sales area has no channel, or no text for it in this language; complete it in SAP, or see \
     sap.language and sap.channel_texts"
        .to_owned()
}

fn no_country(looked: Option<&Looked>) -> String {
    match looked {
        Some(looked) if looked.picks_address && looked.addresses.is_empty() => {
            "SAP has no address for the partner; complete it there".to_owned()
        }
        Some(looked)
            if !looked.addresses.is_empty()
                && looked.addresses.iter().all(|address| address.left_out.is_some()) =>
        {
            none_counts("addresses", &looked.addresses)
        }
        _ => "SAP has no country for the partner; complete it there".to_owned(),
    }
}

fn no_service_number(found: Option<&BusinessPartner>, config: Option<&Config>) -> String {
    let contract = found.and_then(BusinessPartner::contract_number);
    let contract = contract.map(ContractNumber::as_str).unwrap_or_default();
    let Some(config) = config else {
        return format!(
            "`{contract}` had no row in rules.service_numbers, and rules.without_service_number was refuse"
        );
    };
    let likeness = ContractNumber::likeness(contract);
    let mut rows = config.rules.service_numbers.iter().map(|(row, _)| row.as_str());
    let twin = rows.find(|row| ContractNumber::likeness(row) == likeness);
    let hint = twin.map_or_else(String::new, |twin| {
        format!("; `{twin}` has one, but is compared with letter case, blanks and all")
    });
    format!(
        "`{contract}` has no row in rules.service_numbers, and rules.without_service_number is refuse{hint}; \
         add the row here and in jtel"
    )
}
