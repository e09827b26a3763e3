//! The table of cases: the specification of the decision.

use super::*;
use crate::domain::{
    Ambiguity, Facts, Home, NeverDialled, Part, Refusal, ServiceNumbers, ValueTest,
};

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
        refuse_when: Vec::new(),
        never_dialled: NeverDialled::default(),
        destinations: None,
        caller_id_fit: CallerIdFit::Off,
        fallbacks: std::collections::HashMap::new(),
    }
}

fn number(text: &str) -> DialledNumber {
    DialledNumber::parse(text, Home::parse("DE").unwrap()).unwrap()
}

fn austrian() -> DefaultPair {
    let channel = DistributionChannel::parse("Head office").unwrap();
    let country = CountryCode::parse("AT").unwrap();
    DefaultPair {
        contract_number: ContractNumber::of(&channel, country),
        channel,
        country,
        service_number: ServiceNumber::parse("43100000001").unwrap(),
    }
}

/// A decision in one line, to keep the table readable.
fn told(decided: Decided<'_>) -> String {
    match decided.decision {
        Decision::Refuse(reason) => reason.label().to_owned(),
        Decision::Dial(dial) => format!(
            "{} shows {}{}{}",
            dial.contract_number.as_str(),
            dial.service_number.map_or("nothing".to_owned(), |number| number.to_string()),
            if dial.by_default { " by default" } else { "" },
            match dial.caller_id {
                CallerId::Unchecked | CallerId::Fits => "",
                CallerId::Misfit => ", a misfit",
                CallerId::Fallback => ", a fallback",
            },
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
        (found(partner("", "DE")), ["no_channel", "no_channel", default]),
        (found(partner("", "")), ["no_channel", "no_channel", default]),
        (found(partner("Direct sales", "")), ["no_country", "no_country", default]),
        (found(blocked), ["partner_blocked"; 3]),
        (found(unwilling), ["contact_not_allowed"; 3]),
        (found(both), ["partner_blocked"; 3]),
        (Lookup::Unknown, ["partner_unknown"; 3]),
        (Lookup::Ambiguous(Ambiguity::Records), ["partner_ambiguous"; 3]),
        (Lookup::Ambiguous(Ambiguity::Channels), ["partner_ambiguous"; 3]),
        (Lookup::Ambiguous(Ambiguity::Countries), ["partner_ambiguous"; 3]),
    ];
    let dialled = DialledNumber::parse("+498955555", Home::parse("DE").unwrap()).unwrap();
    let by_rule = [Unmatched::Refuse, Unmatched::DialWithoutNumber, Unmatched::DialDefault];

    for (lookup, expected) in &table {
        for (unmatched, expected) in by_rule.into_iter().zip(expected) {
            let rules = rules(unmatched, Unavailable::Refuse);
            let decision = decide(lookup, Some(&dialled), &rules);
            assert_eq!(told(decision), *expected, "{lookup:?} {unmatched:?}");
        }
    }
}

#[test]
fn a_silent_sap_refuses_or_dials_the_default_pair_by_rule() {
    let refuse = rules(Unmatched::Refuse, Unavailable::Refuse);
    let dial = rules(Unmatched::Refuse, Unavailable::DialDefault);

    assert_eq!(told(decide_without_sap(None, &refuse)), "sap_unavailable");
    let decision = decide_without_sap(None, &dial);
    assert_eq!(told(decision), "Head officeDE shows 498900000000 by default");
}

#[test]
fn a_rule_that_does_not_refuse_the_blocked_lets_them_be_called() {
    let blocked =
        BusinessPartner { blocked: true, contact_refused: true, ..partner("Direct sales", "DE") };
    let lenient = Rules {
        refuse_blocked: false,
        refuse_contact_refused: false,
        ..rules(Unmatched::Refuse, Unavailable::Refuse)
    };
    let dialled = DialledNumber::parse("+498955555", Home::parse("DE").unwrap()).unwrap();

    let found = Lookup::Found(blocked);
    let decision = decide(&found, Some(&dialled), &lenient);

    assert_eq!(told(decision), "Direct salesDE shows 498912345678");
}

#[test]
fn a_number_that_is_never_dialled_is_refused_whatever_sap_says() {
    let mut ranges = crate::domain::NumberRanges::default();
    ranges.add("4915700", "4915710").unwrap();
    let never = NeverDialled { emergency: true, premium: true, short_codes: true, ranges };
    let rules =
        Rules { never_dialled: never, ..rules(Unmatched::DialDefault, Unavailable::DialDefault) };
    let found = Lookup::Found(partner("Direct sales", "DE"));

    for (dialled, refused) in [
        (Some("110"), true),
        (Some("+49112"), true),
        (Some("0900 1 123456"), true),
        (Some("+49116117"), true),
        (Some("+491570512345"), true),
        (Some("+491571112345"), false),
        (Some("+498955555"), false),
        (None, true),
    ] {
        let dialled = dialled.map(number);
        for decision in [
            decide(&found, dialled.as_ref(), &rules),
            decide(&Lookup::Unknown, dialled.as_ref(), &rules),
            decide_without_sap(dialled.as_ref(), &rules),
        ] {
            let is_refused = decision.decision == Decision::Refuse(Reason::NumberNotAllowed);
            assert_eq!(is_refused, refused, "{dialled:?}");
        }
    }
}

#[test]
fn only_the_allowed_destinations_are_called_and_one_that_nobody_knows_is_none_of_them() {
    let allowed = ["DE", "AT"].map(|country| CountryCode::parse(country).unwrap());
    let rules = Rules {
        destinations: Some(allowed.to_vec()),
        ..rules(Unmatched::Refuse, Unavailable::Refuse)
    };
    let found = Lookup::Found(partner("Direct sales", "DE"));

    for (dialled, refused) in [
        (Some("+498955555"), false),
        (Some("+43100000009"), false),
        (Some("+41440000009"), true),
        (Some("+2100000000"), true),
        (Some("+80012345678"), true),
        (None, true),
    ] {
        let dialled = dialled.map(number);
        let decision = decide(&found, dialled.as_ref(), &rules);
        let is_refused = decision.decision == Decision::Refuse(Reason::NumberNotAllowed);
        assert_eq!(is_refused, refused, "{dialled:?}");
    }
}

#[test]
fn a_number_that_is_foreign_where_it_rings_leads_to_the_decision_in_this_table() {
    let found = Lookup::Found(partner("Direct sales", "DE"));
    let by_rule = [CallerIdFit::Off, CallerIdFit::Warn, CallerIdFit::Refuse, CallerIdFit::Fallback];
    let own = "Direct salesDE shows 498912345678";
    let misfit = "Direct salesDE shows 498912345678, a misfit";
    let fallback = "Head officeAT shows 43100000001, a fallback";
    let no = "caller_id_not_allowed";
    // dialled, then the decision by off, warn, refuse and fallback
    let table = [
        (Some("+498955555"), [own, own, own, own]),
        // What is too short for a country code rings here.
        (Some("112"), [own, own, own, own]),
        (Some("115"), [own, own, own, own]),
        (Some("+43100000009"), [own, misfit, no, fallback]),
        (Some("+41440000009"), [own, misfit, no, no]),
        (Some("+2100000000"), [own, misfit, no, no]),
        (None, [own, own, no, no]),
    ];

    for (dialled, expected) in table {
        let dialled = dialled.map(number);
        for (caller_id_fit, expected) in by_rule.into_iter().zip(expected) {
            let austria = CountryCode::parse("AT").unwrap();
            let rules = Rules {
                caller_id_fit,
                fallbacks: [(austria, austrian())].into(),
                ..rules(Unmatched::Refuse, Unavailable::Refuse)
            };
            let decision = decide(&found, dialled.as_ref(), &rules);
            assert_eq!(told(decision), expected, "{dialled:?} {caller_id_fit:?}");
        }
    }
}

#[test]
fn the_default_pair_has_to_fit_as_well() {
    let rules = Rules {
        caller_id_fit: CallerIdFit::Refuse,
        ..rules(Unmatched::DialDefault, Unavailable::DialDefault)
    };

    let decision = decide_without_sap(Some(&number("+43100000009")), &rules);

    assert_eq!(told(decision), "caller_id_not_allowed");
}

#[test]
fn a_partner_is_refused_for_the_reason_of_the_first_test_that_is_met() {
    let refusal =
        |path: &str, reason| Refusal { path: path.into(), test: ValueTest::Exists, reason };
    let rules = Rules {
        refuse_when: vec![
            refusal("Consent", Reason::ContactNotAllowed),
            refusal("Lock", Reason::PartnerBlocked),
        ],
        ..rules(Unmatched::Refuse, Unavailable::Refuse)
    };

    for (paths, expected) in [
        (vec![], "Direct salesDE shows 498912345678"),
        (vec!["Consent"], "contact_not_allowed"),
        (vec!["Lock"], "partner_blocked"),
        (vec!["Lock", "Consent"], "contact_not_allowed"),
    ] {
        let mut facts = Facts::default();
        for path in &paths {
            facts.note(&(*path).into(), vec!["X".to_owned()]);
        }
        let found = Lookup::Found(partner("Direct sales", "DE").with_facts(vec![facts]));
        let decision = decide(&found, Some(&number("+498955555")), &rules);
        assert_eq!(told(decision), expected, "{paths:?}");
    }
}

#[test]
fn the_rule_that_decided_is_named_and_those_before_it_let_the_call_pass() {
    let found = |channel, country| Lookup::Found(partner(channel, country));
    let blocked = BusinessPartner { blocked: true, ..partner("Direct sales", "DE") };
    let marked = |path: &str| {
        let mut facts = Facts::default();
        facts.note(&path.into(), vec!["X".to_owned()]);
        Lookup::Found(partner("Direct sales", "DE").with_facts(vec![facts]))
    };
    let refusal = |path: &str| Refusal {
        path: path.into(),
        test: ValueTest::Exists,
        reason: Reason::PartnerBlocked,
    };
    let rules = Rules {
        refuse_when: vec![refusal("Lock"), refusal("Consent")],
        never_dialled: NeverDialled { emergency: true, premium: true, ..NeverDialled::default() },
        destinations: Some(vec![CountryCode::parse("DE").unwrap()]),
        caller_id_fit: CallerIdFit::Refuse,
        ..rules(Unmatched::Refuse, Unavailable::DialDefault)
    };
    let puts_through = [Rule::ServiceNumbers, Rule::SapUnavailable];
    let here = Some("+498955555");
    let direct = || found("Direct sales", "DE");

    for (lookup, dialled, expected) in [
        (Some(direct()), here, Rule::ServiceNumbers),
        (Some(direct()), Some("112"), Rule::Emergency),
        (Some(direct()), Some("0900 1 123456"), Rule::Premium),
        (Some(direct()), Some("+43100000009"), Rule::Destinations),
        (Some(direct()), None, Rule::NoNumber),
        (Some(Lookup::Unknown), here, Rule::Known),
        (Some(Lookup::Found(blocked)), here, Rule::Blocked),
        (Some(marked("Consent")), here, Rule::RefuseWhen(1)),
        (Some(found("Partner", "DE")), here, Rule::WithoutServiceNumber),
        (None, here, Rule::SapUnavailable),
        (None, Some("110"), Rule::Emergency),
    ] {
        let dialled = dialled.map(number);
        let decided = match &lookup {
            Some(lookup) => decide(lookup, dialled.as_ref(), &rules),
            None => decide_without_sap(dialled.as_ref(), &rules),
        };
        assert_eq!(decided.rule, expected, "{lookup:?} {dialled:?}");
        let all = rule_by_rule(&rules, decided.rule);
        let place = all.iter().position(|(rule, _)| *rule == expected).unwrap();
        for (at, (rule, part)) in all.iter().enumerate() {
            let is_set = !matches!(rule, Rule::Ranges | Rule::ShortCodes);
            let wanted = match at.cmp(&place) {
                std::cmp::Ordering::Equal => Part::Decided,
                _ if !is_set => Part::Off,
                _ if *rule == Rule::CallerIdFit && puts_through.contains(&expected) => Part::Passed,
                std::cmp::Ordering::Less => Part::Passed,
                std::cmp::Ordering::Greater => Part::NotAsked,
            };
            assert_eq!(*part, wanted, "{rule} for {expected}");
        }
    }
}

#[test]
fn no_two_reasons_share_a_word() {
    let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
    words.sort_unstable();
    words.dedup();

    assert_eq!(words.len(), Reason::ALL.len());
}
