//! Rates, shares and what is over, on paused time.

use super::*;
use crate::{
    domain::{CallerId, Reason, Source},
    gateway::CallMetrics,
};

fn pulse() -> (Pulse, CallMetrics) {
    let metrics = Arc::new(Metrics::new().unwrap());
    let calls = CallMetrics::new(metrics.registry()).unwrap();
    (Pulse::new(metrics), calls)
}

#[tokio::test(start_paused = true)]
async fn rates_are_those_of_the_last_minute() {
    let (pulse, calls) = pulse();
    pulse.take(false);
    assert!(pulse.flow().calls.per_second.abs() < f64::EPSILON);

    for second in 0..120 {
        // Busy in the first minute, quiet in the second.
        for _ in 0..if second < 60 { 10 } else { 2 } {
            calls.dialled(Source::Memory, 0.0001);
            calls.showed(CallerId::Fits);
        }
        tokio::time::advance(BEAT).await;
        pulse.take(false);
    }

    let flow = pulse.flow();
    assert!((flow.calls.per_second - 2.0).abs() < 0.01, "{flow:?}");
    assert!(flow.calls.p95_ms.is_some_and(|p95| p95 < 0.11), "{flow:?}");
    assert_eq!(flow.calls_per_second.len(), 24);
    assert!((flow.calls_per_second[0] - 10.0).abs() < 0.01, "{flow:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_are_counted_from_the_start_and_over_after_their_time() {
    let (pulse, calls) = pulse();
    assert_eq!(pulse.lately(), None);
    for _ in 0..60 {
        calls.refused(Reason::Unauthorized, Source::None, 0.0);
    }
    pulse.take(false);
    tokio::time::advance(BEAT).await;
    pulse.take(false);
    assert_eq!(pulse.flow().calls.failed_percent, None);
    let Lately { minute, minutes, .. } = pulse.lately().unwrap();
    assert!((minute.unauthorized - 60.0).abs() < 0.1 && minute == minutes, "{minute:?}");

    for _ in 0..KEPT {
        calls.dialled(Source::Memory, 0.0);
        calls.refused(Reason::Unauthorized, Source::None, 0.0);
        tokio::time::advance(BEAT).await;
        pulse.take(false);
    }
    let Lately { minute, minutes, unauthorized_are_over, .. } = pulse.lately().unwrap();
    assert!(!unauthorized_are_over);
    assert!((minute.unauthorized - 60.0).abs() < 0.1, "{minute:?}");
    assert!((minutes.unauthorized - 300.0).abs() < 0.1, "{minutes:?}");
    let failed = pulse.flow().calls.failed_percent.unwrap();
    assert!((failed - 50.0).abs() < 0.1, "{failed}");

    // Nobody asks: nobody knows whether it is over.
    for _ in 0..20 {
        tokio::time::advance(BEAT).await;
        pulse.take(false);
    }
    assert!(!pulse.lately().unwrap().unauthorized_are_over);
    calls.dialled(Source::Memory, 0.0);
    pulse.take(false);
    assert!(pulse.lately().unwrap().unauthorized_are_over);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_from_its_own_beginning() {
    let (pulse, calls) = pulse();
    assert_eq!(pulse.share(), None);
    for _ in 0..50 {
        calls.dialled(Source::Sap, 0.1);
    }
    pulse.take(false);
    for _ in 0..3 {
        calls.dialled(Source::LastGood, 0.3);
    }
    calls.refused(Reason::SapUnavailable, Source::None, 0.3);
    tokio::time::advance(BEAT).await;
    pulse.take(true);
    tokio::time::advance(BEAT).await;
    pulse.take(true);

    // Who may not ask, or asks nothing, has no share in what is answered from memory.
    for reason in [Reason::Unauthorized, Reason::BadQuery] {
        calls.refused(reason, Source::None, 0.0);
    }
    tokio::time::advance(BEAT).await;
    pulse.take(true);

    let share = pulse.share().unwrap();

    assert!((share.calls - 4.0).abs() < 0.01 && (share.refused - 1.0).abs() < 0.01, "{share:?}");
    assert!((share.from_memory_percent - 75.0).abs() < 0.01, "{share:?}");
}
