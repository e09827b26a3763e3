//! A changed configuration and what is remembered.

use super::*;
use crate::{
    config::RulePath,
    domain::{BusinessPartner, Reason, Refusal, ValueTest},
};

fn paths(list: &[&str]) -> Vec<RulePath> {
    (0..).zip(list).map(|(entry, path)| RulePath { entry, path: (*path).into() }).collect()
}

fn refusal(path: &str, value: &str, reason: Reason) -> Refusal {
    Refusal { path: path.into(), test: ValueTest::OneOf(vec![value.to_owned()]), reason }
}

fn partner(found: &Found) -> &BusinessPartner {
    match &found.known.as_ref().unwrap().lookup {
        Lookup::Found(partner) => partner,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rules_in_another_order_or_with_other_values_keep_what_is_remembered() {
    let mut world = World::new().await;
    world.reloaded(|sap| sap.rule_paths = paths(&["CountryCode", "LifeCycleStatusCode"]));
    let first = world.find("1001910").await;
    let in_germany = refusal("CountryCode", "DE", Reason::ContactNotAllowed);
    let elsewhere = refusal("CountryCode", "AT", Reason::PartnerBlocked);
    assert!(in_germany.meets(partner(&first)) && !elsewhere.meets(partner(&first)));

    world.reloaded(|sap| sap.rule_paths = paths(&["LifeCycleStatusCode", "CountryCode"]));
    let second = world.find("1001910").await;

    assert_eq!(second.source, Source::Memory);
    assert!(in_germany.meets(partner(&second)) && !elsewhere.meets(partner(&second)));
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn a_rule_that_looks_at_something_new_has_the_partner_asked_for_again() {
    let mut world = World::new().await;
    world.find("1001910").await;
    let rule = refusal("CountryCode", "DE", Reason::PartnerBlocked);

    world.reloaded(|sap| sap.rule_paths = paths(&["CountryCode"]));
    world.fault(Some(Fault::Status500));
    let unknown = world.find("1001910").await;
    world.fault(None);

    // Dialling by what is remembered would pass the rule by.
    assert!(unknown.known.is_none());
    eventually("SAP says it", async || {
        let found = world.find("1001910").await;
        found.known.is_some() && rule.meets(partner(&found))
    })
    .await;
}

#[tokio::test]
async fn another_sap_starts_a_memory_of_its_own_and_the_first_one_is_still_known() {
    let mut world = World::new().await;
    world.find("1001910").await;
    let first = Arc::clone(&world.client);

    world.reloaded(|sap| sap.client = Some("100".to_owned()));
    let source_of_other = world.find("1001910").await.source;
    world.client = first;

    assert_eq!(source_of_other, Source::Sap);
    assert_eq!(world.find("1001910").await.source, Source::Memory);
}
