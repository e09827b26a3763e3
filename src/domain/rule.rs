//! The names of the rules: for records, for `explain`, and for those who want to know which rules
//! their tests reach.

use std::{borrow::Cow, fmt};

/// A rule of the house, in the order in which rules are asked.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rule {
    /// The question has no number, and a rule needs one.
    NoNumber,
    /// `rules.never_dialled.emergency`
    Emergency,
    /// `rules.never_dialled.prefixes` and `ranges_file`
    Ranges,
    /// `rules.never_dialled.short_codes`
    ShortCodes,
    /// `rules.never_dialled.premium`
    Premium,
    /// `rules.destination_countries`
    Destinations,
    /// `rules.sap_unavailable`: SAP gave no answer and none is remembered.
    SapUnavailable,
    /// Not one of the configuration: SAP has to know exactly one such partner.
    Known,
    /// `rules.partner_blocked`
    Blocked,
    /// `rules.contact_not_allowed`
    ContactRefused,
    /// `rules.refuse_when`, and which of them, from 0.
    RefuseWhen(u16),
    /// `rules.service_numbers` and its file.
    ServiceNumbers,
    /// `rules.without_service_number`
    WithoutServiceNumber,
    /// `rules.caller_id_fit`
    CallerIdFit,
}

impl Rule {
    /// All but those of `rules.refuse_when`, in the order in which rules are asked.
    pub const NAMED: [Self; 13] = [
        Self::NoNumber,
        Self::Emergency,
        Self::Ranges,
        Self::ShortCodes,
        Self::Premium,
        Self::Destinations,
        Self::SapUnavailable,
        Self::Known,
        Self::Blocked,
        Self::ContactRefused,
        Self::ServiceNumbers,
        Self::WithoutServiceNumber,
        Self::CallerIdFit,
    ];

    /// The rule of this name, written as its text form has it.
    pub fn named(name: &str) -> Option<Self> {
        let entry = name.strip_prefix("rules.refuse_when[").and_then(|rest| rest.strip_suffix(']'));
        let entry = entry.and_then(|entry| entry.parse().ok()).map(Self::RefuseWhen);
        Self::NAMED.into_iter().chain(entry).find(|rule| rule.to_string() == name)
    }
}

/// What became of a rule in one decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The configuration does not have it.
    Off,
    /// It was asked, and let the call go on.
    Passed,
    /// It decided.
    Decided,
    /// Another one had decided before.
    NotAsked,
}

impl Part {
    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Passed => "passed",
            Self::Decided => "decided",
            Self::NotAsked => "not_asked",
        }
    }
}

impl Rule {
    /// As the configuration names it.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoNumber => "number_missing",
            Self::Emergency => "rules.never_dialled.emergency",
            Self::Ranges => "rules.never_dialled.prefixes",
            Self::ShortCodes => "rules.never_dialled.short_codes",
            Self::Premium => "rules.never_dialled.premium",
            Self::Destinations => "rules.destination_countries",
            Self::SapUnavailable => "rules.sap_unavailable",
            Self::Known => "partner_known",
            Self::Blocked => "rules.partner_blocked",
            Self::ContactRefused => "rules.contact_not_allowed",
            Self::RefuseWhen(entry) => return Cow::Owned(format!("rules.refuse_when[{entry}]")),
            Self::ServiceNumbers => "rules.service_numbers",
            Self::WithoutServiceNumber => "rules.without_service_number",
            Self::CallerIdFit => "rules.caller_id_fit",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name_and_nothing_else_is() {
        for rule in Rule::NAMED.into_iter().chain([0, 31, u16::MAX].map(Rule::RefuseWhen)) {
            assert_eq!(Rule::named(&rule.to_string()), Some(rule));
        }
        for name in [
            "",
            "rules.partner_blocked ",
            "rules.refuse_when",
            "rules.refuse_when[]",
            "rules.refuse_when[+1]",
            "rules.refuse_when[01]",
            "rules.refuse_when[65536]",
        ] {
            assert_eq!(Rule::named(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_that_of_the_rule_it_finds(name in "(rules\\.refuse_when\\[)?\\PC{0,12}\\]?") {
            if let Some(rule) = Rule::named(&name) {
                prop_assert_eq!(rule.to_string(), name);
            }
        }
    }
}
