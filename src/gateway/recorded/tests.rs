//! What is told of a record is what the rules decide, whatever they were and are.

use proptest::prelude::*;

use super::*;
use crate::{
    config::{self, Environment},
    domain::{
        Ambiguity, Decided, Decision, DistributionChannel, Facts, decide, decide_without_sap,
    },
};

fn ground(edits: &[(&str, &str)]) -> Arc<Ground> {
    let mut all = vec![
        ("listen.tls", "~"),
        ("listen.plaintext_behind_a_tls_load_balancer", "true"),
        ("clients", "[]"),
        ("anybody_may_ask", "true"),
        ("sap.login", "none"),
    ];
    all.extend_from_slice(edits);
    let edits: Vec<_> = all.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    let default = "  default: { distribution_channel: Direct sales, country: DE }\n";
    let text = config::EXAMPLE.replace("  # default:\n", default);
    let text = config::edit(&text, &edits).unwrap();
    let config = config::parse(&text, "test", "".as_ref(), &Environment::of([]), |_, _| ());
    Arc::new(Ground::of(&Arc::new(config.unwrap_or_else(|findings| panic!("{findings}")))))
}

/// Rules, by the keys that are changed.
fn rules() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let pick = |key, values: &'static [&'static str]| {
        prop::sample::select(values).prop_map(move |value| (key, value))
    };
    let refuse_when = &[
        "[]",
        "[{ path: Lock, operator: exists }, { path: Rating, operator: one_of, values: [\"8\"], \
         reason: contact_not_allowed }]",
        "[{ path: Status, operator: not_equals, value: \"2\" }, { path: Lock, operator: exists }]",
    ];
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
        pick("rules.refuse_when", refuse_when),
        pick("rules.never_dialled.emergency", &["true", "false"]),
        pick("rules.never_dialled.premium", &["true", "false"]),
        pick("rules.never_dialled.short_codes", &["true", "false"]),
        pick("rules.never_dialled.prefixes", &["[]", "[\"4144\"]"]),
        pick("query.default_country", &["DE", "DK"]),
    );
    (others, fit).prop_map(|((a, b, c, d, e, f, g, h, i, j), fit)| {
        [vec![a, b, c, d, e, f, g, h, i, j], fit.to_vec()].concat()
    })
}

/// What SAP has of a partner, under each path that some rule looks at.
type Values = Vec<(&'static str, &'static str)>;

fn lookup() -> impl Strategy<Value = Option<(Lookup, Values)>> {
    let partner = (
        prop::option::of(prop::sample::select(&["Direct sales", "Partner", "partner"][..])),
        prop::option::of(prop::sample::select(&["DE", "AT", "LI"][..])),
        prop::array::uniform2(prop::bool::weighted(0.2)),
        prop::sample::subsequence(vec![("Lock", "X"), ("Rating", "8"), ("Status", "2")], 0..=3),
    );
    let partner = partner.prop_map(|(channel, country, [blocked, refused], values)| {
        let channel = channel.map(|text| DistributionChannel::parse(text).unwrap());
        let country = country.map(|text| CountryCode::parse(text).unwrap());
        (Lookup::Found(BusinessPartner::new(channel, country, blocked, refused)), values)
    });
    prop_oneof![
        6 => partner.prop_map(Some),
        1 => Just(Some((Lookup::Unknown, vec![]))),
        1 => Just(Some((Lookup::Ambiguous(Ambiguity::Records), vec![]))),
        1 => Just(None),
    ]
}

/// What SAP would have said under a configuration, and what was read for it.
fn said(given: Option<&(Lookup, Values)>, ground: &Ground) -> Option<(Lookup, Vec<Arc<str>>)> {
    let (lookup, values) = given?;
    let rules = &ground.config.rules;
    let mut reads: Vec<Arc<str>> =
        rules.refuse_when.iter().map(|refusal| Arc::clone(&refusal.path)).collect();
    let lookup = match lookup {
        Lookup::Found(partner) if !reads.is_empty() => {
            let mut facts = Facts::default();
            for path in &reads {
                let values = values.iter().filter(|(name, _)| **path == **name);
                facts.note(path, values.map(|(_, value)| (*value).to_owned()).collect());
            }
            Lookup::Found(partner.clone().with_facts(vec![facts]))
        }
        lookup => lookup.clone(),
    };
    let marks = [
        (rules.refuse_blocked, READS_BLOCKED),
        (rules.refuse_contact_refused, READS_CONTACT_REFUSED),
    ];
    reads.extend(marks.into_iter().filter(|(used, _)| *used).map(|(_, name)| name.into()));
    Some((lookup, reads))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_of_other_rules_is_what_they_decide(
        then in rules(),
        now in rules(),
        is_same in any::<bool>(),
        given in lookup(),
        text in prop::option::of(prop::sample::select(
            &["+49 89 99998000", "0043100000009", "+41440000009", "112", "0900 1 123456", "118 33",
              "0049 89 99998000", "+881 6 12345678", "33123456"][..],
        )),
    ) {
        let now = if is_same { ground(&then) } else { ground(&now) };
        let then = ground(&then);
        let read = |ground: &Ground| match text {
            Some(text) => DialledNumber::parse(text, ground.config.query.home).map(Some),
            None => Ok(None),
        };
        // What cannot be read leaves no facts.
        let (Ok(dialled), Ok(dialled_now)) = (read(&then), read(&now)) else { return Ok(()) };
        let known = said(given.as_ref(), &then);
        let known_now = said(given.as_ref(), &now);

        let deciding = Deciding::of(dialled.as_ref(), &then);
        let recorded = deciding.recorded(known.as_ref().map(|(lookup, reads)| (lookup, &**reads)));
        let line = serde_json::to_string(&recorded).unwrap();
        let recorded: Recorded<'_> = serde_json::from_str(&line).unwrap();
        let lookup = recorded.lookup().unwrap();
        let again = recorded.decide(lookup.as_ref(), &now).unwrap();

        let decided = match &known_now {
            Some((lookup, _)) => decide(lookup, dialled_now.as_ref(), &now.config.rules),
            None => decide_without_sap(dialled_now.as_ref(), &now.config.rules),
        };
        match again {
            Ok(again) => prop_assert_eq!(
                (answer(&again), is_same.then_some(again.rule)),
                (answer(&decided), is_same.then_some(decided.rule)),
                "{}", line
            ),
            Err(untold) => prop_assert!(!is_same, "{untold}: {line}"),
        }
        for digits in ["9999", "0000009", "123456"] {
            prop_assert!(!line.contains(digits), "{line}");
        }
    }
}

/// What jtel is told.
fn answer(decided: &Decided<'_>) -> String {
    match decided.decision {
        Decision::Dial(dial) => {
            format!("{} {:?}", dial.contract_number.as_str(), dial.service_number)
        }
        Decision::Refuse(reason) => reason.label().to_owned(),
    }
}
