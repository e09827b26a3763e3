//! Who flies together, and how long a failure is shared.

use tokio::time::advance;

use super::*;
use crate::domain::PartnerId;
use crate::sap::{SystemId, testing::sap};

fn key(partner: &str) -> Key {
    Key { system: SystemId::of(&sap("http://sap")), partner: PartnerId::parse(partner).unwrap() }
}

fn failed() -> Landed {
    Landed {
        result: Err(Silence::Lost),
        queued: Duration::ZERO,
        took: Duration::ZERO,
        source: Source::None,
    }
}

fn lead(flights: &Flights, key: Key) -> Seat {
    match flights.join(key, false) {
        Joined::Lead(seat) => seat,
        Joined::Follow(_) => panic!("somebody asks already"),
        Joined::Failed(_) => panic!("shared"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_for_longer_each_time_and_forgotten_after_a_while() {
    let (flights, key) = (Flights::default(), key("1001910"));
    let mut shared = Vec::new();
    let mut seat = lead(&flights, key);
    for _ in 0..8 {
        flights.land(Some(key), &seat.flight, failed(), true);
        let from = Instant::now();
        seat = loop {
            match flights.join(key, false) {
                Joined::Lead(seat) => break seat,
                Joined::Follow(_) => panic!("a second flight"),
                Joined::Failed(_) => advance(Duration::from_millis(10)).await,
            }
        };
        shared.push(from.elapsed().as_millis());
    }
    assert_eq!(shared, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);

    flights.land(Some(key), &seat.flight, failed(), true);
    advance(SHARED_AT_MOST + FORGOTTEN_AFTER + SHARED_FOR).await;
    let seat = lead(&flights, key);
    assert_eq!(seat.flight.before, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_joins_waits_for_the_same_end_and_one_who_comes_later_starts_anew() {
    let (flights, key) = (Flights::default(), key("1001910"));
    let first = lead(&flights, key);
    let Joined::Follow(second) = flights.join(key, false) else { panic!("a second flight") };

    flights.land(Some(key), &first.flight, failed(), false);

    assert!(first.told().await.result.is_err());
    assert!(second.told().await.result.is_err());
    assert!(matches!(flights.join(key, false), Joined::Lead(_)));
}

#[tokio::test(start_paused = true)]
async fn a_flight_is_abandoned_by_the_last_who_leaves_it_and_not_by_one_who_lets_it_go_on() {
    let (flights, key) = (Flights::default(), key("1001910"));
    let first = lead(&flights, key);
    let flight = Arc::clone(&first.flight);
    let Joined::Follow(second) = flights.join(key, false) else { panic!("a second flight") };
    drop(first);
    assert_eq!(flights.len(), 1);
    drop(second);

    flights.abandoned(Some(key), &flight).await;
    assert_eq!(flights.len(), 0);

    let seat = lead(&flights, key);
    let flight = Arc::clone(&seat.flight);
    seat.leave_it_flying();
    let waiting = flights.abandoned(Some(key), &flight);
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn failures_of_endless_partners_take_no_endless_memory() {
    let flights = Flights::default();
    for number in 0..10 * MOST_FAILURES {
        let key = key(&number.to_string());
        let seat = lead(&flights, key);
        flights.land(Some(key), &seat.flight, failed(), true);
    }

    assert!(flights.0.lock().unwrap().by_key.len() <= MOST_FAILURES);
}
