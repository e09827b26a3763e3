//! What is overdue when, under paused time.

use tokio::time::advance;

use super::*;
use crate::net::places::Places;

const SECOND: Duration = Duration::from_secs(1);

fn limits() -> Limits {
    Limits {
        head_timeout: 10 * SECOND,
        idle_timeout: 60 * SECOND,
        write_timeout: 10 * SECOND,
        ..Limits::default()
    }
}

fn watch(heads_begin_with_bytes: bool) -> Watch {
    let place = Places::new(1, 1).take(Some([192, 0, 2, 1].into())).unwrap();
    Watch::new(Instant::now(), heads_begin_with_bytes, Arc::clone(&place.seat))
}

fn taken(mut answer: InFlight) -> InFlight {
    answer.taken();
    answer
}

fn look(watch: &Watch) -> Finding {
    watch.look(Instant::now(), &limits())
}

/// Follows the watchdog's own alarm clock until it finds something; how long that took.
async fn found(watch: &Watch) -> (Finding, Duration) {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < 3600 * SECOND, "finds nothing");
        match look(watch) {
            Finding::Fine(next) => tokio::time::sleep_until(next).await,
            finding => return (finding, started.elapsed()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn silence_from_the_start_counts_as_a_head_that_does_not_come() {
    let watch = watch(true);

    assert_eq!(found(&watch).await, (Finding::Head, 10 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn silence_after_an_answer_is_idleness() {
    let watch = Arc::new(watch(true));
    drop(taken(watch.request().answered()));

    assert_eq!(found(&watch).await, (Finding::Idle, 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_dripping_head_is_timed_from_its_first_byte() {
    let watch = Arc::new(watch(true));
    drop(taken(watch.request().answered()));
    advance(30 * SECOND).await;
    watch.arrived();
    advance(9 * SECOND).await;
    watch.arrived();

    assert_eq!(found(&watch).await, (Finding::Head, SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_ping_between_requests_begins_no_head_in_http_2() {
    let watch = Arc::new(watch(false));
    drop(taken(watch.request().answered()));
    watch.arrived();

    assert_eq!(found(&watch).await, (Finding::Idle, 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_may_take_as_long_as_its_handler_likes() {
    let watch = Arc::new(watch(true));
    let request = watch.request();
    watch.arrived();
    advance(1000 * SECOND).await;

    assert!(matches!(look(&watch), Finding::Fine(_)));
    drop(request);
    assert_eq!(found(&watch).await, (Finding::Idle, 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_now_and_then_is_still_overdue() {
    let watch = Arc::new(watch(true));
    let _request = watch.request();
    watch.write_blocked();
    advance(6 * SECOND).await;
    watch.write_blocked();

    assert_eq!(found(&watch).await, (Finding::Write, 4 * SECOND));
    watch.write_drained();
    assert!(matches!(look(&watch), Finding::Fine(_)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_flow_control_holds_back_is_overdue_as_well() {
    let watch = Arc::new(watch(false));
    let stuck = watch.request().answered();
    advance(6 * SECOND).await;
    drop(taken(watch.request().answered()));

    assert_eq!(found(&watch).await, (Finding::Write, 10 * SECOND));
    drop(taken(stuck));
    assert!(matches!(look(&watch), Finding::Fine(_)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_gives_up_its_answers_and_asks_for_others_is_overdue_all_the_same() {
    let watch = Arc::new(watch(false));
    for _ in 0..6 {
        let answer = watch.request().answered();
        advance(SECOND).await;
        let next = watch.request();
        // Reset, before the next one is answered or after it.
        drop(answer);
        advance(SECOND / 2).await;
        drop(next.answered());
    }

    let _stuck = watch.request().answered();

    assert_eq!(found(&watch).await, (Finding::Write, SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_taken_buys_its_peer_time_again() {
    let watch = Arc::new(watch(false));
    drop(watch.request().answered());
    advance(9 * SECOND).await;
    drop(taken(watch.request().answered()));
    let _stuck = watch.request().answered();

    assert_eq!(found(&watch).await, (Finding::Write, 10 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_goes_on_may_be_silent_for_as_long_as_it_likes() {
    let watch = Arc::new(watch(true));
    let mut stream = watch.request().answered();
    stream.has_something(true);
    stream.has_something(false);
    advance(3000 * SECOND).await;
    assert!(matches!(look(&watch), Finding::Fine(_)));

    stream.has_something(true);

    assert_eq!(found(&watch).await, (Finding::Write, 10 * SECOND));
    stream.has_something(false);
    drop(stream);
    assert_eq!(found(&watch).await, (Finding::Idle, 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn frames_are_bounded_until_the_peer_takes_something() {
    let watch = Arc::new(watch(false));
    assert!(watch.may_go_on_after(MOST_FRAMES));

    let answer = watch.request().answered();
    answer.hands_over();
    assert!(watch.may_go_on_after(MOST_FRAMES));
    drop(answer);
    assert!(!watch.has_flooded());

    // A request that is given up is no reason to begin anew.
    drop(watch.request());
    assert!(!watch.may_go_on_after(1));
    assert!(watch.has_flooded());
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_for_long_may_send_a_frame_now_and_then() {
    let watch = watch(false);
    for _ in 0..5 * MOST_FRAMES {
        advance(Duration::from_millis(20)).await;
        assert!(watch.may_go_on_after(1));
    }
    // Not at this pace.
    advance(SECOND).await;
    assert!((0..2 * MOST_FRAMES).any(|_| !watch.may_go_on_after(1)));
}
