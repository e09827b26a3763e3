//! Who comes to the door while something is learned about SAP.

use super::*;
use crate::{
    config::Sap,
    sap::testing::{client, sap},
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn who_is_handed_a_place_does_not_ask_a_sap_that_wants_to_be_left_alone_since() {
    let (sap, _metrics) = client(&Sap { max_in_flight: 1, ..sap("http://localhost") });
    let (door, deadline) = (Arc::clone(&sap.door), Instant::now() + 30 * SECOND);
    let first = door.enter(Urgency::Live, deadline, None).await.unwrap();
    let waiting = tokio::spawn({
        let door = Arc::clone(&door);
        async move { door.enter(Urgency::Live, deadline, None).await.map(drop) }
    });
    while door.places.waiting() == 0 {
        tokio::task::yield_now().await;
    }

    // It has the place from here on, and has not run since.
    drop(first);
    door.hold.leave_alone(SECOND);

    let told = waiting.await.unwrap();
    assert!(matches!(told, Err(LookupError::Throttled { .. })), "{told:?}");
    assert_eq!(door.places.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_comes_to_a_free_place_of_a_sap_that_wants_to_be_left_alone_is_told_at_once() {
    let (sap, _metrics) = client(&sap("http://localhost"));
    sap.door.hold.leave_alone(SECOND);

    let told = sap.door.enter(Urgency::Live, Instant::now() + 30 * SECOND, None).await.map(drop);

    assert!(matches!(told, Err(LookupError::Throttled { .. })), "{told:?}");
}
