//! Who gets a place, and when.

use tokio::time::{advance, sleep};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn places(capacity: usize, takes: Duration) -> Arc<Places> {
    let estimate = Arc::new(Estimate::default());
    if !takes.is_zero() {
        estimate.took(takes);
    }
    Places::new(capacity, estimate)
}

async fn take(places: &Arc<Places>, urgency: Urgency, within: Duration) -> Option<Place> {
    places.take(urgency, Instant::now() + within).await.ok()
}

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_place_is_had_at_once_also_where_sap_is_too_slow_for_the_caller() {
    let places = places(1, 10 * SECOND);

    assert!(take(&places, Urgency::Live, SECOND).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_answered_in_time_leaves_early_and_is_never_handed_a_place() {
    let places = places(1, SECOND);
    let held = take(&places, Urgency::Live, SECOND).await;
    let began = Instant::now();

    assert!(take(&places, Urgency::Live, 3 * SECOND).await.is_none());

    assert!(began.elapsed() < 3 * SECOND, "{:?}", began.elapsed());
    drop(held);
    assert_eq!((places.taken(), places.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_who_hangs_up_while_waiting_takes_no_place_with_him() {
    let places = places(1, Duration::ZERO);
    let held = take(&places, Urgency::Live, SECOND).await;
    let waiting = tokio::spawn({
        let places = Arc::clone(&places);
        async move { take(&places, Urgency::Live, SECOND).await.is_some() }
    });
    settle().await;
    assert_eq!(places.waiting(), 1);

    waiting.abort();
    settle().await;

    assert_eq!(places.waiting(), 0);
    drop(held);
    assert_eq!(places.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn live_calls_go_before_refreshes_and_a_refresh_leaves_them_a_place() {
    let places = places(2, Duration::ZERO);
    let first = take(&places, Urgency::Refresh, SECOND).await.unwrap();
    let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
    for (name, urgency) in [("refresh", Urgency::Refresh), ("live", Urgency::Live)] {
        let (places, order) = (Arc::clone(&places), order.clone());
        tokio::spawn(async move {
            let _place = take(&places, urgency, 10 * SECOND).await.unwrap();
            order.send(name).unwrap();
            sleep(SECOND).await;
        });
    }
    settle().await;

    // The second place was free, and only for the live call.
    assert_eq!(served.recv().await, Some("live"));
    assert_eq!(places.waiting(), 1);
    drop(first);
    assert_eq!(served.recv().await, Some("refresh"));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_goes_first_until_there_are_more_than_can_be_served_in_time() {
    for (waiting, expected) in [(2, 0), (20, 19)] {
        let places = places(1, SECOND / 5);
        let held = take(&places, Urgency::Live, SECOND).await.unwrap();
        let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..waiting {
            let (places, order) = (Arc::clone(&places), order.clone());
            tokio::spawn(async move {
                if let Some(place) = take(&places, Urgency::Live, 2 * SECOND).await {
                    order.send(number).unwrap();
                    drop(place);
                }
            });
            settle().await;
        }

        drop(held);

        assert_eq!(served.recv().await, Some(expected), "{waiting} wait");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_does_not_wait_behind_what_is_never_answered() {
    let places = places(1, Duration::ZERO);
    let _held = take(&places, Urgency::Live, SECOND).await.unwrap();

    assert!(take(&places, Urgency::Probe, SECOND).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn whatever_the_order_of_coming_and_going_no_place_is_lost_or_made() {
    let places = places(3, SECOND / 10);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..500_u64 {
        let places = Arc::clone(&places);
        tasks.spawn(async move {
            sleep(Duration::from_millis(fastrand::u64(0..2000))).await;
            let within = Duration::from_millis(fastrand::u64(1..1500));
            let urgency = if number % 3 == 0 { Urgency::Refresh } else { Urgency::Live };
            let place = take(&places, urgency, within).await;
            assert!(places.taken() <= 3);
            sleep(Duration::from_millis(fastrand::u64(0..100))).await;
            drop(place);
        });
    }
    for _ in 0..50 {
        advance(Duration::from_millis(20)).await;
        settle().await;
        // Somebody hangs up now and then.
        tasks.spawn(async {});
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }

    assert_eq!((places.taken(), places.waiting()), (0, 0));
}
