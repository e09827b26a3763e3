//! Ages, times, and what is kept.

use super::*;
use crate::{
    config::SealingKeys,
    domain::{Ambiguity, BusinessPartner},
    sap::testing::sap,
};

const HOUR: Duration = Duration::from_hours(1);

fn times() -> Cache {
    Cache {
        max_entries: 100,
        found_ttl: HOUR,
        unknown_ttl: HOUR / 60,
        last_good_ttl: 12 * HOUR,
        refresh_ahead: true,
        jitter_percent: 10,
        keys: SealingKeys::default(),
        shared: None,
        snapshot: None,
    }
}

fn remembered(lookup: Lookup) -> Remembered {
    Remembered::new(Sayings::default().of(lookup.into(), &[].into()), &times())
}

fn found() -> Lookup {
    Lookup::Found(BusinessPartner::new(None, None, false, false))
}

#[tokio::test(start_paused = true)]
async fn no_time_to_live_is_longer_than_configured_or_shorter_than_the_jitter_allows() {
    for (lookup, ttl) in [(found(), HOUR), (Lookup::Unknown, HOUR / 60)] {
        for _ in 0..1000 {
            let lives = remembered(lookup.clone()).lives(&times());
            assert!(lives <= ttl && lives >= ttl.mul_f64(0.899), "{lives:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_found_partner_is_used_past_its_time_and_not_for_ever() {
    let now = Instant::now();
    for (lookup, age, fresh, bridges) in [
        (found(), HOUR / 2, true, true),
        (found(), HOUR, false, true),
        (found(), 12 * HOUR, false, false),
        (Lookup::Unknown, HOUR / 60, false, false),
        (Lookup::Ambiguous(Ambiguity::Records), HOUR / 60, false, false),
    ] {
        let remembered = remembered(lookup);
        let then = now + age;

        assert_eq!(remembered.is_fresh(then, &times()), fresh, "{age:?}");
        assert_eq!(remembered.bridges(then, &times()), bridges, "{age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shorter_time_to_live_counts_for_what_is_remembered_already() {
    let remembered = remembered(found());
    let shorter = Cache { found_ttl: HOUR / 4, ..times() };

    assert!(!remembered.is_fresh(Instant::now() + HOUR / 2, &shorter));
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_forgotten_and_what_may_be_needed_is_kept() {
    let memory = Memory::new(100);
    let at = |partner: &str| Key {
        system: SystemId::of(&sap("http://sap")),
        partner: PartnerId::parse(partner).unwrap(),
    };
    memory.remember(&at("unknown"), remembered(Lookup::Unknown));
    memory.remember(&at("old"), remembered(found()));
    tokio::time::advance(11 * HOUR).await;
    memory.remember(&at("new"), remembered(found()));

    memory.forget_what_is_over(&times());
    let kept = ["unknown", "old", "new"].map(|partner| memory.get(&at(partner)).is_some());
    tokio::time::advance(HOUR).await;
    memory.forget_what_is_over(&times());
    let kept_an_hour_later = memory.get(&at("old")).is_some();

    assert_eq!((kept, kept_an_hour_later), ([false, true, true], false));
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_not_written_over_what_sap_has_said_since() {
    let memory = Memory::new(100);
    let key = Key {
        system: SystemId::of(&sap("http://sap")),
        partner: PartnerId::parse("1001910").unwrap(),
    };
    memory.remember(&key, memory.note(found().into(), &[].into(), &times()));
    let seen = memory.get(&key).unwrap();

    let first_uses = [(), ()].map(|()| memory.is_first_use(&key, &seen));
    tokio::time::advance(HOUR).await;
    memory.remember(&key, memory.note(found().into(), &[].into(), &times()));
    let changed = memory.is_refreshing(&key, &seen, true);

    assert_eq!((first_uses, changed), ([true, false], false));
    assert!(!memory.get(&key).unwrap().is_refreshing);
}

#[test]
fn an_entry_is_as_small_as_its_comment_says() {
    // With them moka's own allocations are of 48 and 64 bytes; a little more, and each is larger.
    assert_eq!((size_of::<Place>(), size_of::<Remembered>()), (24, 32));
}
