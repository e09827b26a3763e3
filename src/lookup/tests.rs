//! Memory and coalescing over a SAP made of closures.

use std::sync::atomic::{AtomicU32, Ordering};

use prometheus::Registry;
use tokio::sync::Notify;

use super::*;
use crate::domain::{BusinessPartner, CountryCode, DistributionChannel};

#[derive(Debug, thiserror::Error)]
#[error("SAP is silent")]
struct Silent;

const HOUR: Duration = Duration::from_hours(1);

fn limits() -> Cache {
    Cache {
        max_entries: 100,
        found_ttl: HOUR,
        unknown_ttl: HOUR,
        last_good_ttl: HOUR,
        refresh_ahead: true,
        jitter_percent: 10,
    }
}

fn partners(limits: &Cache) -> Partners {
    Partners::new(1, limits, Arc::new(MemoryMetrics::new(&Registry::new()).unwrap()))
}

fn id() -> PartnerId {
    PartnerId::parse("1001910").unwrap()
}

fn found() -> Lookup {
    Lookup::Found(BusinessPartner::new(
        DistributionChannel::parse("Direct sales").ok(),
        CountryCode::parse("DE").ok(),
        false,
        false,
    ))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn a_partner_is_asked_for_once_and_then_remembered() {
    let partners = partners(&limits());
    let asked = Arc::new(AtomicU32::new(0));
    let ask = || {
        let asked = Arc::clone(&asked);
        async move {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Silent>(found())
        }
    };

    let first = partners.find(id(), soon(), ask).await.unwrap();
    let second = partners.find(id(), soon(), ask).await.unwrap();

    assert_eq!((first.source, second.source), (Source::Sap, Source::Memory));
    assert_eq!(second.remembered.lookup, found());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_thousand_callers_share_one_request_also_when_the_first_hangs_up() {
    let partners = Arc::new(partners(&limits()));
    let asked = Arc::new(AtomicU32::new(0));
    let (begun, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ask = {
        let (asked, begun, answer) = (Arc::clone(&asked), Arc::clone(&begun), Arc::clone(&answer));
        move || {
            let (asked, begun, answer) = (asked.clone(), begun.clone(), answer.clone());
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                begun.notify_one();
                answer.notified().await;
                Ok::<_, Silent>(found())
            }
        }
    };

    let first = tokio::spawn({
        let (partners, ask) = (Arc::clone(&partners), ask.clone());
        async move { partners.find(id(), soon(), ask).await.is_ok() }
    });
    begun.notified().await;
    first.abort();
    let others: Vec<_> = (0..1000)
        .map(|_| {
            let (partners, ask) = (Arc::clone(&partners), ask.clone());
            tokio::spawn(async move { partners.find(id(), soon(), ask).await.unwrap().source })
        })
        .collect();
    tokio::task::yield_now().await;
    answer.notify_one();

    for other in others {
        other.await.unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn callers_who_ask_together_share_one_error_and_it_is_not_remembered() {
    let partners = partners(&limits());
    let asked = Arc::new(AtomicU32::new(0));
    let ask = || {
        let asked = Arc::clone(&asked);
        async move {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err::<Lookup, _>(Silent)
        }
    };

    let (first, second) =
        tokio::join!(partners.find(id(), soon(), ask), partners.find(id(), soon(), ask));
    assert!(matches!(first, Err(Missed::Sap(_))));
    assert!(matches!(second, Err(Missed::Sap(_))));
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    assert!(partners.find(id(), soon(), ask).await.is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_until_its_own_deadline_and_the_answer_is_remembered_all_the_same() {
    let partners = partners(&limits());
    let started = Instant::now();
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, Silent>(found())
    };

    let missed = partners.find(id(), started + Duration::from_millis(500), slow).await;
    assert!(matches!(missed, Err(Missed::Deadline)));
    assert_eq!(started.elapsed(), Duration::from_millis(500));

    partners.finish().await;
    let known = partners.find(id(), started + HOUR, slow).await.unwrap();
    assert_eq!(known.source, Source::Memory);
}

#[tokio::test]
async fn a_lookup_that_panics_is_an_error_of_that_lookup() {
    let partners = partners(&limits());

    let missed = partners
        .find(id(), soon(), || async {
            assert!(id().as_str().is_empty(), "on purpose");
            Ok::<_, Silent>(found())
        })
        .await;

    assert!(matches!(missed, Err(Missed::Lost(_))));
    assert!(partners.find(id(), soon(), || async { Ok::<_, Silent>(found()) }).await.is_ok());
}

#[tokio::test]
async fn what_was_found_past_its_time_is_kept_for_a_silent_sap_until_sap_says_otherwise() {
    let partners = partners(&Cache { found_ttl: Duration::ZERO, ..limits() });
    partners.find(id(), soon(), || async { Ok::<_, Silent>(found()) }).await.unwrap();

    let silent = partners.find(id(), soon(), || async { Err::<Lookup, _>(Silent) }).await;
    assert!(silent.is_err());
    assert_eq!(partners.last_good(id()).await.unwrap().lookup, found());

    partners.find(id(), soon(), || async { Ok::<_, Silent>(Lookup::Unknown) }).await.unwrap();
    assert!(partners.last_good(id()).await.is_none());
}

#[tokio::test]
async fn a_last_good_time_of_zero_keeps_nothing() {
    let partners = partners(&Cache { last_good_ttl: Duration::ZERO, ..limits() });

    partners.find(id(), soon(), || async { Ok::<_, Silent>(found()) }).await.unwrap();

    assert!(partners.last_good(id()).await.is_none());
}

#[test]
fn no_time_to_live_is_longer_than_configured_or_shorter_than_the_jitter_allows() {
    let times = FreshTime(Cache { unknown_ttl: HOUR / 60, ..limits() });
    let key = Key { system: 1, partner: id() };
    let created = Instant::now().into_std();

    for (lookup, ttl) in [(found(), HOUR), (Lookup::Unknown, HOUR / 60)] {
        let remembered = Arc::new(Remembered::new(lookup));
        for _ in 0..1000 {
            let lives = times.expire_after_create(&key, &remembered, created).unwrap();
            assert!(lives <= ttl && lives >= ttl.mul_f64(0.9), "{lives:?}");
        }
    }
}
