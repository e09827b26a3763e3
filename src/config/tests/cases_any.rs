//! Whatever the rules and the facts are, a test passes if and only if it expects what is decided.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    BusinessPartner, CallerId, CountryCode, Decided, Decision, DialledNumber, DistributionChannel,
    Facts, Lookup, Reason, decide, decide_without_sap, deciders,
};

/// Rules, by the keys that are changed.
fn rules() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let pick = |key, values: &'static [&'static str]| {
        prop::sample::select(values).prop_map(move |value| (key, value))
    };
    let refuse_when = "[{ path: Lock, operator: exists }, { path: Rating, operator: one_of, \
                        values: [\"8\"], reason: contact_not_allowed }, { path: Status, operator: \
                        not_equals, value: \"2\" }]";
    let fit = prop::sample::select(vec![
        [("rules.caller_id_fit", "off"), ("rules.fallback_service_numbers", "{}")],
        [("rules.caller_id_fit", "warn"), ("rules.fallback_service_numbers", "{}")],
        [("rules.caller_id_fit", "refuse"), ("rules.fallback_service_numbers", "{}")],
        [
            ("rules.caller_id_fit", "fallback"),
            ("rules.fallback_service_numbers", "{ AT: \"43100000001\" }"),
        ],
    ]);
    let others = (
        pick("rules.without_service_number", &["refuse", "dial_without_number", "dial_default"]),
        pick("rules.sap_unavailable", &["refuse", "dial_default"]),
        pick("rules.partner_blocked", &["refuse", "dial"]),
        pick("rules.contact_not_allowed", &["refuse", "dial"]),
        prop::sample::select(vec![("rules.refuse_when", "[]"), ("rules.refuse_when", refuse_when)]),
        pick("rules.never_dialled.emergency", &["true", "false"]),
        pick("rules.never_dialled.premium", &["true", "false"]),
        pick("rules.never_dialled.short_codes", &["true", "false"]),
        pick("rules.never_dialled.prefixes", &["[]", "[\"4144\"]"]),
    );
    (others, fit).prop_map(|((a, b, c, d, e, f, g, h, i), fit)| {
        [vec![a, b, c, d, e, f, g, h, i], fit.to_vec()].concat()
    })
}

/// What SAP says: as a test writes it, and as it is.
#[derive(Clone, Debug)]
enum Given {
    Partner {
        channel: Option<&'static str>,
        country: Option<&'static str>,
        marks: [bool; 2],
        values: Vec<(&'static str, &'static str)>,
    },
    Sap(&'static str),
}

fn given() -> impl Strategy<Value = Given> {
    let partner = (
        prop::option::of(prop::sample::select(&["Direct sales", "Partner", "partner"][..])),
        prop::option::of(prop::sample::select(&["DE", "AT", "LI"][..])),
        prop::array::uniform2(prop::bool::weighted(0.2)),
        prop::sample::subsequence(vec![("Lock", "X"), ("Rating", "8"), ("Status", "2")], 0..=3),
    );
    prop_oneof![
        4 => partner.prop_map(|(channel, country, marks, values)| Given::Partner {
            channel, country, marks, values,
        }),
        1 => prop::sample::select(&["unknown", "ambiguous", "silent"][..]).prop_map(Given::Sap),
    ]
}

impl Given {
    fn written(&self, are_values_looked_at: bool) -> String {
        match self {
            Self::Sap(word) => format!("sap: {word}"),
            Self::Partner { channel, country, marks: [blocked, refused], values } => {
                let text =
                    |text: Option<&str>| text.map_or("~".to_owned(), |text| format!("{text:?}"));
                let values: Vec<_> = values
                    .iter()
                    .filter(|_| are_values_looked_at)
                    .map(|(path, value)| format!("{path}: [\"{value}\"]"))
                    .collect();
                format!(
                    "partner: {{ distribution_channel: {}, country: {}, blocked: {blocked}, \
                     contact_not_allowed: {refused}, values: {{ {} }} }}",
                    text(*channel),
                    text(*country),
                    values.join(", ")
                )
            }
        }
    }

    fn lookup(&self) -> Option<Lookup> {
        match self {
            Self::Sap("unknown") => Some(Lookup::Unknown),
            Self::Sap("ambiguous") => Some(Lookup::Ambiguous(crate::domain::Ambiguity::Channels)),
            Self::Sap(_) => None,
            Self::Partner { channel, country, marks: [blocked, refused], values } => {
                let mut facts = Facts::default();
                for (path, value) in values {
                    facts.note(&(*path).into(), vec![(*value).to_owned()]);
                }
                let channel = channel.map(|text| DistributionChannel::parse(text).unwrap());
                let country = country.map(|text| CountryCode::parse(text).unwrap());
                let partner = BusinessPartner::new(channel, country, *blocked, *refused);
                Some(Lookup::Found(partner.with_facts(vec![facts])))
            }
        }
    }
}

/// A decision as a test expects it.
fn expected(decided: &Decided<'_>) -> String {
    match decided.decision {
        Decision::Refuse(reason) => {
            format!("refuse: {}, rule: \"{}\"", reason.label(), decided.rule)
        }
        Decision::Dial(dial) => format!(
            "dial: {}, contract_number: {:?}, caller_id: {}, rule: \"{}\"",
            dial.service_number.map_or("without_number".to_owned(), |number| number.to_string()),
            dial.contract_number.as_str(),
            dial.caller_id.label(),
            decided.rule
        ),
    }
}

/// Expectations that are not met.
fn others(decided: &Decided<'_>) -> Vec<String> {
    let mut others = vec!["dial: \"4930111111\"".to_owned(), "contract_number: XDE".to_owned()];
    let never =
        [Reason::Unauthorized, Reason::Overloaded, Reason::AuditUnwritable, Reason::NotRouted];
    let reasons = Reason::ALL.into_iter().filter(|reason| !never.contains(reason));
    others.extend(
        reasons
            .filter(|reason| decided.decision != Decision::Refuse(*reason))
            .map(|reason| format!("refuse: {}", reason.label())),
    );
    let met = expected(decided);
    let another = if met.contains("rules.sap_unavailable") {
        "partner_known"
    } else {
        "rules.sap_unavailable"
    };
    others.push(met.replace(&decided.rule.to_string(), another));
    if let Decision::Dial(dial) = decided.decision {
        let all = [CallerId::Unchecked, CallerId::Fits, CallerId::Misfit, CallerId::Fallback];
        others.extend(
            all.into_iter()
                .filter(|caller_id| *caller_id != dial.caller_id)
                .map(|caller_id| format!("caller_id: {}", caller_id.label())),
        );
        if dial.service_number.is_some() {
            others.push("dial: without_number".to_owned());
        }
    }
    others
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_test_passes_if_and_only_if_it_expects_what_is_decided(
        changes in rules(),
        given in given(),
        number in prop::option::of(prop::sample::select(
            &["+49 89 99998000", "0043100000009", "+41440000009", "112", "0900 1 123456", "118 33",
              "089 99998000", "+881 6 12345678"][..],
        )),
    ) {
        let default = "  default: { distribution_channel: Direct sales, country: DE }\n";
        let text = with(&changes).replace("  # default:\n", default);
        let config = parsed(&text).unwrap();
        let (lookup, rules) = (given.lookup(), &config.rules);
        let dialled = number.map(|number| DialledNumber::parse(number, config.query.home).unwrap());
        let decided = match &lookup {
            Some(lookup) => decide(lookup, dialled.as_ref(), rules),
            None => decide_without_sap(dialled.as_ref(), rules),
        };
        let given = given.written(!rules.refuse_when.is_empty());
        let number = number.map_or("~".to_owned(), |number| format!("\"{number}\""));
        let case = |place: usize, expect: &str| {
            format!("- {{ name: t{place}, {given}, number: {number}, expect: {{ {expect} }} }}\n")
        };

        prop_assert!(deciders(rules, true).contains(&decided.rule), "{}", decided.rule);

        let passes = format!("{text}\ntests:\n{}", case(0, &expected(&decided)));
        let config = parsed(&passes);
        prop_assert!(config.is_ok(), "{}", config.unwrap_err());
        let reach = Reach::of(&config.unwrap());
        let without = usize::from(decided.rule == crate::domain::Rule::NoNumber);
        prop_assert_eq!(reach.missed_rules.len() + 1 - without, reach.rules);

        let others = others(&decided);
        let list: String =
            others.iter().enumerate().map(|(place, expect)| case(place, expect)).collect();
        let findings = parsed(&format!("{text}\ntests:\n{list}")).unwrap_err();
        prop_assert_eq!(findings.len(), others.len(), "{}", findings);
        let is_told = |f: &Finding| f.message.contains(&format!("decided is {{ {}", met_start(&decided)));
        prop_assert!(findings.iter().all(is_told), "{}", findings);
    }

    #[test]
    fn any_words_in_a_test_are_read_or_have_findings(
        words in prop::array::uniform8("\\PC{0,12}"), is_quoted in any::<bool>(),
    ) {
        let word = |place: usize| {
            let word: &str = &words[place];
            if is_quoted { serde_json::Value::from(word).to_string() } else { word.to_owned() }
        };
        let text = format!(
            "{}\ntests:\n  - name: {}\n    partner:\n      distribution_channel: {}\n      country: {}\n      \
             values: {{ {}: [{}] }}\n    number: {}\n    expect:\n      dial: {}\n      rule: {}\n",
            filled_in(), word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7),
        );

        if let Err(findings) = parsed(&text) {
            let lines = text.lines().count();
            prop_assert!(findings.iter().all(|f| f.line <= lines && !f.message.contains("please report")));
        }
    }
}

/// How a decision begins in a finding.
fn met_start(decided: &Decided<'_>) -> String {
    match decided.decision {
        Decision::Refuse(reason) => format!("refuse: {}", reason.label()),
        Decision::Dial(dial) => match dial.service_number {
            Some(number) => format!("dial: \"{number}\""),
            None => "dial: without_number".to_owned(),
        },
    }
}
