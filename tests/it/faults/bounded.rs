//! Lookups are bounded, also those of callers who hang up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::support::{Does, Process, ScriptedSap, eventually, load::partner, value_of};

/// What thousands of lookups that nobody waits for may cost, in MiB. Each takes about 9 KiB.
const MOST_GROWTH: i64 = 30;

#[tokio::test]
async fn callers_who_hang_up_leave_no_memory_behind() {
    let sap = ScriptedSap::start().await;
    let changes = [("listen.max_calls", "50")];
    let process = Process::start(&sap.url(), &changes).await;
    let jtel = process.jtel(false);
    let connections: Vec<_> = (0..8).map(|_| process.jtel(true)).collect();
    assert_eq!(jtel.ask(&partner(0)).await.outcome(), "200");
    sap.does(Does::Hang);
    let before = process.resident_mib().await;

    let made = Arc::new(AtomicU32::new(0));
    let until = Instant::now() + Duration::from_secs(3);
    let leaving: Vec<_> = (0..400)
        .map(|n| {
            // Eight connections, and on each of them fifty callers who never wait long.
            let (jtel, made) = (connections[n % 8].clone(), Arc::clone(&made));
            tokio::spawn(async move {
                while Instant::now() < until {
                    let partner = partner(made.fetch_add(1, Ordering::Relaxed) + 1000);
                    jtel.ask_and_hang_up(&partner, Duration::from_millis(40)).await;
                }
            })
        })
        .collect();
    for caller in leaving {
        caller.await.unwrap();
    }

    let grown = process.resident_mib().await - before;
    assert!(grown <= MOST_GROWTH, "{grown} MiB more after {} calls", made.load(Ordering::Relaxed));
    assert_eq!(jtel.ask(&partner(0)).await.source(), "memory");
    eventually("all are counted", || async {
        value_of(&process.metrics().await, "dialgate_calls_in_flight") == 0
    })
    .await;
}
