//! The client against real sockets: the simulator, and servers that misbehave below HTTP.

mod certificate;
mod connections;
mod faults;
mod login;
mod raw;
mod tls;

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use crate::sap::{
    SapClient,
    testing::{PASSWORD, client, id, sap},
};
use crate::{
    config::{Login, SalesArea, Sap, Secret},
    domain::{DialledNumber, Home, IdForm, Lookup},
    sap::SapOutcome,
    simulator::{Simulator, SimulatorOptions, derived},
};

/// Longer than anything here takes, shorter than a person waits for a hanging test.
const LONG: Duration = Duration::from_secs(15);

/// The simulator, with the user of [`sap`].
pub(crate) async fn simulator() -> Simulator {
    Simulator::start(SimulatorOptions {
        address: ([127, 0, 0, 1], 0).into(),
        user: "DIALGATE".to_owned(),
        password: Some(Secret::new(PASSWORD.to_owned())),
        delay: Duration::ZERO,
    })
    .await
    .unwrap()
}

fn sap_at(simulator: &Simulator) -> Sap {
    sap(&format!("http://{}", simulator.local_address()))
}

/// Waits until `holds`, but not for ever.
async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let limit = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < limit, "did not come true within {LONG:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A lookup in one line.
fn told(lookup: &Lookup) -> String {
    match lookup {
        Lookup::Unknown => "unknown".to_owned(),
        Lookup::Ambiguous(_) => "ambiguous".to_owned(),
        Lookup::Found(partner) => format!(
            "{}|{}{}{}",
            partner.channel().map_or("-", |channel| channel.as_str()),
            partner.country().map_or("-".to_owned(), |country| country.as_str().to_owned()),
            if partner.blocked { " blocked" } else { "" },
            if partner.contact_refused { " refused" } else { "" },
        ),
    }
}

async fn look_up(client: &SapClient, partner: &str) -> String {
    match client.look_up(id(partner), None, Instant::now() + LONG).await {
        Ok(lookup) => told(&lookup),
        Err(error) => error.label().to_owned(),
    }
}

#[tokio::test]
async fn every_partner_of_the_simulator_is_read_as_it_is() {
    let simulator = simulator().await;
    let native = Sap { preset: "native".to_owned(), ..sap_at(&simulator) };
    let position = std::num::NonZeroU8::new(1);
    let sales_area = SalesArea { position, ..SalesArea::default() };
    let first = Sap { sales_area, ..sap_at(&simulator) };
    let german = Sap { language: "DE".to_owned(), ..sap_at(&simulator) };
    let [c4c, first, german, native] =
        [&sap_at(&simulator), &first, &german, &native].map(|sap| client(sap).0);
    // partner, then what each of the four reads
    for (partner, expected) in [
        ("1001910", ["Direct sales|DE", "Direct sales|DE", "Direktvertrieb|DE", "Direct sales|DE"]),
        (
            "1001911",
            [
                "Indirect sales|AT refused",
                "Indirect sales|AT refused",
                "Indirekter Vertrieb|AT refused",
                "Indirect sales|AT",
            ],
        ),
        (
            "1001912",
            [
                "Direct sales|CH blocked",
                "Direct sales|CH blocked",
                "Direktvertrieb|CH blocked",
                "-|- blocked",
            ],
        ),
        ("1001913", ["-|DE"; 4]),
        ("1001914", ["Direct sales|-", "Direct sales|-", "Direktvertrieb|-", "Direct sales|-"]),
        ("1001915", ["ambiguous", "Indirect sales|DE", "ambiguous", "Indirect sales|DE"]),
        ("2000001", ["Partner|DE"; 4]),
        ("3000001", ["Partner|DE", "Partner|DE", "Partner|DE", "unknown"]),
        ("4040404", ["unknown"; 4]),
        ("0001001910", ["unknown"; 4]),
    ] {
        for (client, expected) in [&c4c, &first, &german, &native].into_iter().zip(expected) {
            assert_eq!(look_up(client, partner).await, expected, "{partner}");
        }
    }
}

#[tokio::test]
async fn a_thousand_partners_at_once_each_get_their_own_answer() {
    let simulator = simulator().await;
    let (client, metrics) = client(&sap_at(&simulator));
    let client = std::sync::Arc::new(client);
    let mut lookups = tokio::task::JoinSet::new();
    for number in 5_000_000..5_001_000 {
        let client = std::sync::Arc::clone(&client);
        lookups.spawn(async move { (number, look_up(&client, &number.to_string()).await) });
    }

    while let Some(lookup) = lookups.join_next().await {
        let (number, read) = lookup.unwrap();
        let (channel, country) = derived(number).unwrap();
        assert_eq!(read, format!("{channel}|{country}"), "{number}");
    }

    assert_eq!(metrics.requests(SapOutcome::Found), 1000);
    assert!((1..=5).contains(&client.idle_connections()), "{}", client.idle_connections());
}

#[tokio::test]
async fn explaining_shows_every_request_of_a_lookup() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));

    let (result, asked) = client.look_up_traced(id("2000001"), None, Instant::now() + LONG).await;

    let shown: Vec<_> = asked
        .iter()
        .map(|asked| (asked.step.as_ref(), asked.status.unwrap().as_u16(), asked.outcome.label()))
        .collect();
    assert_eq!(shown, [("individual", 200, "unknown"), ("account", 200, "found")]);
    assert_eq!(asked[1].read, result.ok());
    assert_eq!(
        asked[0].target,
        "/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection?$filter=CustomerID%20eq%20%272000001%27\
         &$expand=IndividualCustomerSalesData&$format=json&$top=2&sap-language=EN"
    );
}

#[tokio::test]
async fn a_contact_is_decided_by_its_account_with_one_more_request() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));

    let (result, asked) = client.look_up_traced(id("3000001"), None, Instant::now() + LONG).await;

    assert_eq!(told(&result.unwrap()), "Partner|DE");
    let steps: Vec<_> = asked.iter().map(|asked| asked.step.as_ref()).collect();
    assert_eq!(steps, ["individual", "account", "contact", "account"]);
    assert!(asked[3].target.contains("AccountID%20eq%20%272000001%27"), "{}", asked[3].target);
    assert_eq!(asked[2].read, None);
}

#[tokio::test]
async fn a_partner_is_found_by_the_dialled_number_and_only_by_it() {
    let simulator = simulator().await;
    let (client, _) = client(&Sap { preset: "c4c-phone".to_owned(), ..sap_at(&simulator) });
    let home = Home::parse("DE").unwrap();
    assert!(client.asks_by_phone());
    client.probe().await.unwrap();
    for (dialled, expected) in [
        (Some("+49 89 46149500"), "Direct sales|DE"),
        (Some("089 46149500"), "Direct sales|DE"),
        (Some("+49 89 46149501"), "unknown"),
        (None, "unknown"),
    ] {
        let dialled = dialled.map(|dialled| DialledNumber::parse(dialled, home).unwrap());
        let asked = client.look_up(id("7"), dialled.as_ref(), Instant::now() + LONG).await;
        assert_eq!(told(&asked.unwrap()), expected, "{dialled:?}");
    }
    // The probe, and one for each number.
    assert_eq!(simulator.handle().requests(), 4);
}

#[tokio::test]
async fn an_unknown_id_is_asked_for_in_its_other_form_only_where_that_is_wanted() {
    let simulator = simulator().await;
    for (id_form, try_other_id_form, partner, expected, requests) in [
        (IdForm::AsIs, false, "0001001910", "unknown", 3),
        (IdForm::AsIs, true, "0001001910", "Direct sales|DE", 4),
        (IdForm::StripZeros, false, "0001001910", "Direct sales|DE", 1),
        (IdForm::Pad10, false, "1001910", "unknown", 3),
        (IdForm::Pad10, true, "1001910", "Direct sales|DE", 4),
        (IdForm::AsIs, true, "AB_7", "unknown", 3),
    ] {
        simulator.handle().reset();
        let (client, _) = client(&Sap { id_form, try_other_id_form, ..sap_at(&simulator) });
        assert_eq!(look_up(&client, partner).await, expected, "{id_form:?} {partner}");
        assert_eq!(simulator.handle().requests(), requests, "{id_form:?} {partner}");
    }
}

#[tokio::test]
async fn the_dialled_number_reaches_a_dialect_that_asks_for_it() {
    let simulator = simulator().await;
    let (client, _) = client(&Sap { preset: "native".to_owned(), ..sap_at(&simulator) });
    let dialled = DialledNumber::parse("+49 89 1234567", Home::parse("DE").unwrap()).unwrap();

    let (_, asked) =
        client.look_up_traced(id("1001910"), Some(&dialled), Instant::now() + LONG).await;

    let expected = "/onClickToDial?SAPBusinessPartnerID=1001910&SAPPhoneNumber=49891234567";
    assert_eq!(asked[0].target, expected);
}

#[tokio::test]
async fn a_probe_proves_that_sap_answers_with_one_request() {
    let simulator = simulator().await;
    for preset in ["c4c", "native"] {
        simulator.handle().reset();
        let (client, _) = client(&Sap { preset: preset.to_owned(), ..sap_at(&simulator) });

        client.probe().await.unwrap();

        assert_eq!(simulator.handle().requests(), 1);
        assert_eq!(client.health(), crate::sap::SapHealth::Answering);
    }
}

#[test]
fn every_problem_of_the_section_is_told_at_once() {
    let sap = Sap {
        preset: "s4".to_owned(),
        language: "\n".to_owned(),
        login: Login::Basic { user: "a:b".to_owned(), password: Secret::new("x\n".to_owned()) },
        ca_file: Some("/nowhere/ca.pem".into()),
        ..sap("https://user:pw@localhost")
    };

    let keys: Vec<_> = crate::sap::check(&sap).into_iter().map(|problem| problem.key).collect();

    assert_eq!(keys, ["sap.preset", "sap.login", "sap.url", "sap.language"]);
    let sap = Sap { preset: "c4c".to_owned(), ..self::sap("https://localhost") };
    let missing = Sap { ca_file: Some("/nowhere/ca.pem".into()), ..sap };
    let problems = crate::sap::check(&missing);
    assert_eq!(problems[0].key, "sap.ca_file");
    assert!(problems[0].message.contains("/nowhere/ca.pem cannot be read"), "{problems:?}");
}
