//! Partners in use are asked for ahead of their end.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

#[tokio::test]
async fn partners_in_use_are_refreshed_ahead_and_nobody_waits_for_sap() {
    let mut world = World::new().await;
    world.times.found_ttl = 2 * SECOND;
    let world = Arc::new(world);
    world.find("1001910").await;
    world.find("1001911").await;
    world.simulator.handle().set_delay(SECOND / 4);
    world.partners.refresh_from(&[Arc::clone(&world.client)], &world.times);
    let refreshing = tokio::spawn({
        let partners = Arc::clone(&world.partners);
        async move { partners.refresh_ahead().await }
    });

    let until = Instant::now() + 6 * SECOND;
    let waited = AtomicU32::new(0);
    while Instant::now() < until {
        let found = world.find("1001910").await;
        if found.sap_took.is_some() {
            waited.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(SECOND / 20).await;
    }

    assert_eq!(waited.load(Ordering::Relaxed), 0, "calls waited for SAP");
    let handle = world.simulator.handle();
    assert!((3..=7).contains(&handle.requests_for("1001910")), "{}", world.requests());
    assert_eq!(handle.requests_for("1001911"), 1, "nobody asked for it again");
    refreshing.abort();
}

#[tokio::test]
async fn after_a_reload_the_new_sap_is_asked_ahead_and_the_old_ones_partners_are_left_alone() {
    let mut world = World::new().await;
    world.times.found_ttl = 2 * SECOND;
    world.find("1001910").await;
    world.partners.refresh_from(&[Arc::clone(&world.client)], &world.times);
    assert_eq!(world.find("1001910").await.source, Source::Memory);

    // Other times only: the same system.
    world.reloaded(|sap| sap.total_timeout = 3 * SECOND);
    let partners = Arc::clone(&world.partners);
    let refreshing = tokio::spawn(async move { partners.refresh_ahead().await });
    let handle = world.simulator.handle();
    eventually("it is asked for ahead", async || handle.requests_for("1001910") == 2).await;

    eventually("what SAP said is there", async || {
        world.find("1001910").await.source == Source::Memory
    })
    .await;
    world.reloaded(|sap| sap.language = "DE".to_owned());
    let end = Instant::now() + 3 * SECOND;
    eventually("its time is over", async || Instant::now() > end).await;
    assert_eq!(handle.requests_for("1001910"), 2, "nobody asks in the new SAP");
    refreshing.abort();
}
