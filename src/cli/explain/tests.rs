//! The advice that `explain` ends with is right for every refusal.

use std::time::Duration;

use super::*;
use crate::{
    config,
    domain::{Ambiguity, CountryCode, Reason},
    sap::SapOutcome,
};

fn config(edits: &[(&str, &str)]) -> Config {
    let mut all = vec![
        ("listen.tls", "~"),
        ("listen.plaintext_behind_a_tls_load_balancer", "true"),
        ("clients", "[]"),
        ("anybody_may_ask", "true"),
        ("sap.login", "none"),
    ];
    all.extend_from_slice(edits);
    let edits: Vec<_> = all.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    let key = "  destination_countries: [DE, AT, CH]";
    let example = if edits.iter().any(|(key, _)| *key == "rules.destination_countries") {
        config::EXAMPLE.replace("  # destination_countries: [DE, AT, CH]", key)
    } else {
        config::EXAMPLE.to_owned()
    };
    let text = config::edit(&example, &edits).unwrap();
    config::parse(&text, "test", "".as_ref(), &Environment::of([]), |_, _| ()).unwrap()
}

fn partner(channel: &str, country: &str) -> BusinessPartner {
    BusinessPartner::new(
        DistributionChannel::parse(channel).ok(),
        CountryCode::parse(country).ok(),
        false,
        false,
    )
}

fn marked(blocked: bool, contact_refused: bool) -> BusinessPartner {
    let mut partner = partner("Partner", "DE");
    (partner.blocked, partner.contact_refused) = (blocked, contact_refused);
    partner
}

/// A sales area or address, and why it does not count.
fn part(name: &'static str, value: &str, left_out: Option<LeftOut>) -> Seen {
    Seen { values: vec![(name, value.to_owned())], left_out }
}

#[expect(clippy::unnecessary_wraps, reason = "the table has rows without")]
fn looked(areas: Vec<Seen>, addresses: Vec<Seen>, picks_address: bool) -> Option<Looked> {
    Some(Looked { areas, addresses, picks_address })
}

/// What is told of a call by partner and number.
fn told(
    config: &Config,
    phone: Option<&str>,
    result: Result<Lookup, LookupError>,
    looked: Option<Looked>,
) -> (Option<Reason>, String) {
    let asked = Asked {
        step: "partner".into(),
        target: "/".to_owned(),
        status: None,
        took: Duration::ZERO,
        outcome: SapOutcome::Found,
        read: None,
        looked,
        said: None,
    };
    let story = Story {
        system: None,
        partner: PartnerId::parse("1001910").unwrap(),
        dialled: phone.map(|phone| DialledNumber::parse(phone, config.query.home).unwrap()),
        steps: vec![asked],
        result,
    };
    let decided = story.decided(config);
    let reason = match decided.decision {
        Decision::Refuse(reason) => Some(reason),
        Decision::Dial(_) => None,
    };
    (reason, story.because(&decided, config))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, in which each reason must be")]
fn every_refusal_says_what_is_the_case_and_what_to_do() {
    use Reason::{
        CallerIdNotAllowed, ContactNotAllowed, NoChannel, NoCountry, NoServiceNumber,
        NumberNotAllowed, PartnerAmbiguous, PartnerBlocked, PartnerUnknown, SapUnavailable,
    };
    let plain = config(&[]);
    let found = |channel, country| Ok(Lookup::Found(partner(channel, country)));
    let ambiguous = |what| Ok(Lookup::Ambiguous(what));
    let area = |channel, left_out| part("channel", channel, left_out);
    let address = |country, left_out| part("country", country, left_out);
    let de = Some("+498946149500");
    let cases = [
        (&plain, Ok(Lookup::Unknown), None, PartnerUnknown, "sap.id_form"),
        (&plain, ambiguous(Ambiguity::Records), None, PartnerAmbiguous, "more than one record"),
        (
            &plain,
            ambiguous(Ambiguity::Channels),
            looked(vec![area("Partner", None), area("Direct sales", None)], vec![], false),
            PartnerAmbiguous,
            "different channels (Direct sales, Partner); sap.sales_area says which",
        ),
        (
            &plain,
            ambiguous(Ambiguity::Channels),
            None,
            PartnerAmbiguous,
            "different channels; mend",
        ),
        (
            &plain,
            ambiguous(Ambiguity::Countries),
            looked(vec![], vec![address("DE", None), address("AT", None)], true),
            PartnerAmbiguous,
            "different countries (AT, DE); sap.address says which",
        ),
        (
            &plain,
            ambiguous(Ambiguity::Countries),
            looked(vec![], vec![], false),
            PartnerAmbiguous,
            "different countries; mend it in SAP",
        ),
        (
            &plain,
            Ok(Lookup::Found(marked(true, false))),
            None,
            PartnerBlocked,
            "rules.partner_blocked",
        ),
        (
            &config(&[("rules.contact_not_allowed", "refuse")]),
            Ok(Lookup::Found(marked(false, true))),
            None,
            ContactNotAllowed,
            "rules.contact_not_allowed",
        ),
        (&plain, found("", "DE"), None, NoChannel, "no sales channel for the partner; complete it"),
        (&plain, found("", "DE"), looked(vec![], vec![], false), NoChannel, "has no sales area"),
        (
            &plain,
            found("", "DE"),
            looked(vec![area("Partner", Some(LeftOut::Another("organisation")))], vec![], false),
            NoChannel,
            "none of its 1 sales areas counts: not of sap.sales_area.organisation",
        ),
        (
            &plain,
            found("", "DE"),
            looked(vec![area("Partner", Some(LeftOut::Deleted))], vec![], false),
            NoChannel,
            "marked for deletion (sap.sales_area.deleted_too)",
        ),
        (
            &plain,
            found("", "DE"),
            looked(
                vec![area("code 10, which has no text in sap.channel_texts", None)],
                vec![],
                false,
            ),
            NoChannel,
            "its channel is code 10, which has no text in sap.channel_texts; add the code there",
        ),
        (
            &plain,
            found("", "DE"),
            looked(vec![area("none", None)], vec![], false),
            NoChannel,
            "no text for it in this language",
        ),
        (&plain, found("Partner", ""), None, NoCountry, "no country for the partner"),
        (
            &plain,
            found("Partner", ""),
            looked(vec![area("Partner", None)], vec![], true),
            NoCountry,
            "has no address",
        ),
        (
            &plain,
            found("Partner", ""),
            looked(
                vec![],
                vec![
                    address("DE", Some(LeftOut::NotValid)),
                    address("AT", Some(LeftOut::Another("usage"))),
                ],
                true,
            ),
            NoCountry,
            "none of its 2 addresses counts: not used for sap.address.usage; not valid today",
        ),
        (&plain, found("Partner", "FR"), None, NoServiceNumber, "`PartnerFR` has no row"),
        (&plain, found("partner", "DE"), None, NoServiceNumber, "`PartnerDE` has one, but"),
        (
            &config(&[("rules.never_dialled.premium", "true")]),
            found("Partner", "DE"),
            None,
            NumberNotAllowed,
            "rules.never_dialled.premium",
        ),
        (
            &config(&[("rules.destination_countries", "[AT]")]),
            found("Partner", "DE"),
            None,
            NumberNotAllowed,
            "rings in DE, which is not in rules.destination_countries",
        ),
        (
            &config(&[("rules.caller_id_fit", "refuse")]),
            found("Partner", "AT"),
            None,
            CallerIdNotAllowed,
            "foreign where this number rings (DE); rules.caller_id_fit refuses",
        ),
        (
            &config(&[
                ("rules.caller_id_fit", "fallback"),
                ("rules.fallback_service_numbers", "{ AT: \"43100000001\" }"),
            ]),
            found("Partner", "CH"),
            None,
            CallerIdNotAllowed,
            "rules.fallback_service_numbers has none for it",
        ),
        (
            &plain,
            Err(LookupError::Credentials { host: "sap".into() }),
            None,
            SapUnavailable,
            "check --connect",
        ),
    ];
    let mut told_of = Vec::new();
    for (config, result, looked, reason, advice) in cases {
        let premium = reason == NumberNotAllowed && config.rules.never_dialled.premium;
        let phone = if premium { Some("0900 1234567 8") } else { de };
        let (refused, because) = told(config, phone, result, looked);
        assert_eq!(refused, Some(reason), "{because}");
        assert!(because.contains(advice), "{reason:?}: {because}");
        told_of.push(reason);
    }
    let before_a_story = [
        Reason::BadQuery,
        Reason::Unauthorized,
        Reason::Overloaded,
        Reason::AuditUnwritable,
        Reason::NotRouted,
    ];
    for reason in Reason::ALL {
        assert!(told_of.contains(&reason) || before_a_story.contains(&reason), "{reason:?}");
    }
}

#[test]
fn without_a_number_the_rules_that_need_one_are_named() {
    for (edits, rule) in [
        (("rules.never_dialled.emergency", "true"), "rules.never_dialled"),
        (("rules.destination_countries", "[DE]"), "rules.destination_countries"),
        (("rules.caller_id_fit", "refuse"), "rules.caller_id_fit"),
    ] {
        let found = Ok(Lookup::Found(partner("Partner", "DE")));
        let (reason, because) = told(&config(&[edits]), None, found, None);
        assert!(reason.is_some() && because.contains(rule), "{rule}: {because}");
    }
}

#[test]
fn a_mark_that_a_rule_looks_at_is_named_with_its_path() {
    let rule =
        "[{ path: RatingCode, operator: one_of, values: [\"8\"], reason: contact_not_allowed }]";
    let config = config(&[("rules.refuse_when", rule)]);
    let mut facts = crate::domain::Facts::default();
    facts.note(&"RatingCode".into(), vec!["8".to_owned()]);
    let found = partner("Partner", "DE").with_facts(vec![facts]);

    let (reason, because) = told(&config, None, Ok(Lookup::Found(found)), None);

    assert_eq!(reason, Some(Reason::ContactNotAllowed));
    assert!(because.contains("`RatingCode` meets rules.refuse_when[0]"), "{because}");
}
