//! Why a call is decided as it is, and what somebody could change about it.

use super::{Story, rings};
use crate::{
    config::Config,
    domain::{
        Ambiguity, BusinessPartner, CallerId, CallerIdFit, ContractNumber, Decision, Lookup,
        Reason, Rule,
    },
    sap::{LeftOut, Looked, Seen},
};

/// The last sentence of the story.
pub(super) fn because(story: &Story, decision: &Decision<'_>, config: &Config) -> String {
    match decision {
        Decision::Dial(dial) if dial.caller_id == CallerId::Fallback => {
            "the partner's own number is foreign where this number rings; \
             rules.fallback_service_numbers has this one for the country called"
                .to_owned()
        }
        Decision::Dial(dial) if dial.by_default => {
            "the rules dial the default pair (rules.default)".to_owned()
        }
        Decision::Dial(dial) => match dial.service_number {
            Some(_) => {
                format!("rules.service_numbers has a row for `{}`", dial.contract_number.as_str())
            }
            None => format!(
                "no row for `{}`, and rules.without_service_number is dial_without_number",
                dial.contract_number.as_str()
            ),
        },
        Decision::Refuse(reason) => refusal(*reason, story, config),
    }
}

fn refusal(reason: Reason, story: &Story, config: &Config) -> String {
    // The last record that was read is the one that was decided on.
    let looked = story.steps.iter().rev().find_map(|asked| asked.looked.as_ref());
    let found = match &story.result {
        Ok(Lookup::Found(partner)) => Some(partner),
        _ => None,
    };
    match reason {
        Reason::PartnerUnknown => {
            "no step of the dialect knows this ID: enter the partner in SAP, or, \
             if SAP has it with other leading zeros, see sap.id_form and sap.try_other_id_form"
                .to_owned()
        }
        Reason::PartnerAmbiguous => {
            let what = match &story.result {
                Ok(Lookup::Ambiguous(what)) => *what,
                _ => Ambiguity::Records,
            };
            format!("a wrong number must not be shown: {}", ambiguous(what, looked))
        }
        Reason::PartnerBlocked | Reason::ContactNotAllowed => {
            found.map_or_else(String::new, |partner| marked(reason, partner, config))
        }
        Reason::NoChannel => no_channel(looked),
        Reason::NoCountry => no_country(looked),
        Reason::NoServiceNumber => no_service_number(found, config),
        Reason::SapUnavailable => "SAP gave no usable answer and rules.sap_unavailable is refuse; \
             `dialgate check --connect` says what to do"
            .to_owned(),
        Reason::NumberNotAllowed => number(story, config),
        Reason::CallerIdNotAllowed => caller_id(story, config),
        // These are told before there is a story.
        Reason::BadQuery | Reason::Unauthorized | Reason::Overloaded => reason.label().to_owned(),
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
fn marked(reason: Reason, partner: &BusinessPartner, config: &Config) -> String {
    let rules = &config.rules;
    let by_mark = match reason {
        Reason::PartnerBlocked => partner.blocked && rules.refuse_blocked,
        _ => partner.contact_refused && rules.refuse_contact_refused,
    };
    if by_mark {
        return match reason {
            Reason::PartnerBlocked => {
                "SAP marks the partner as blocked; release it there, or see rules.partner_blocked"
            }
            _ => {
                "SAP marks the partner as not to be contacted; change it there, or see \
                 rules.contact_not_allowed"
            }
        }
        .to_owned();
    }
    let mut refusals = rules.refuse_when.iter().enumerate();
    match refusals.find(|(_, refusal)| refusal.meets(partner)) {
        Some((entry, refusal)) => {
            format!("SAP's value at `{}` meets rules.refuse_when[{entry}]", refusal.path)
        }
        None => "SAP says so".to_owned(),
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

fn no_service_number(found: Option<&BusinessPartner>, config: &Config) -> String {
    let contract = found.and_then(BusinessPartner::contract_number);
    let contract = contract.map(ContractNumber::as_str).unwrap_or_default();
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

fn number(story: &Story, config: &Config) -> String {
    let Some(dialled) = &story.dialled else {
        let rules: Vec<_> = config.rules.that_need_the_number().collect();
        return format!("without a number {} refuse every call", rules.join(" and "));
    };
    match config.rules.never_dialled.rule_for(dialled) {
        Some(Rule::Ranges) => {
            "rules.never_dialled.prefixes or ranges_file forbids the number".to_owned()
        }
        Some(rule) => format!("{rule} forbids the number, as it is or as a network would read it"),
        None => format!(
            "the number rings in {}, which is not in rules.destination_countries",
            rings(dialled)
        ),
    }
}

fn caller_id(story: &Story, config: &Config) -> String {
    let Some(dialled) = &story.dialled else {
        return "without a number nobody can tell whether the service number fits it, so that \
                rules.caller_id_fit refuses"
            .to_owned();
    };
    let country = rings(dialled);
    let told = format!("the service number is foreign where this number rings ({country})");
    if config.rules.caller_id_fit == CallerIdFit::Fallback {
        format!("{told}, and rules.fallback_service_numbers has none for it")
    } else {
        format!("{told}; rules.caller_id_fit refuses that")
    }
}
