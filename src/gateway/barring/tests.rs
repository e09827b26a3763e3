//! Addresses that fail, under a clock that the tests turn.

use std::net::Ipv4Addr;

use tokio::time::advance;

use super::*;
use crate::config;

const RULES: WrongCredentials = WrongCredentials {
    free: 10,
    bar: Some(config::Barring { after: 50, lasts: Duration::from_mins(5) }),
};

fn barring() -> Barring {
    Barring::new(Door::Calls, &BarringMetrics::new(&prometheus::Registry::new()).unwrap())
}

fn address(n: u32) -> IpAddr {
    Ipv4Addr::from(n).into()
}

/// So many failures at once, and what the last one waits.
fn fail(barring: &Barring, address: IpAddr, times: usize) -> Duration {
    let fail = || barring.failed(address, None, true, Instant::now(), &RULES);
    (0..times).fold(Duration::ZERO, |_, _| fail())
}

fn left(barring: &Barring, address: IpAddr) -> Option<Duration> {
    barring.left(address, Instant::now(), &RULES)
}

#[tokio::test(start_paused = true)]
async fn some_failures_are_free_then_each_waits_longer_and_then_the_address_is_barred() {
    let barring = barring();
    let (one, other) = (address(1), address(2));

    let waits: Vec<_> = (0..16).map(|_| fail(&barring, one, 1).as_millis()).collect();
    assert_eq!(waits[..10], [0; 10]);
    assert_eq!(waits[10..], [250, 500, 1000, 2000, 2000, 2000]);
    assert_eq!(left(&barring, one), None);
    fail(&barring, one, 33);
    assert_eq!(left(&barring, one), None);
    fail(&barring, one, 1);

    assert_eq!(left(&barring, one), Some(Duration::from_mins(5)));
    assert_eq!((left(&barring, other), fail(&barring, other, 1)), (None, Duration::ZERO));
    let counters = &barring.counters;
    assert_eq!((counters.at_once.get(), counters.slowed.get()), (11, 40));
    assert_eq!((counters.barred.get(), counters.bars.get(), counters.addresses.get()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_barred_address_comes_back_after_the_time_and_begins_anew() {
    for is_swept in [true, false] {
        let barring = barring();
        let one = address(1);
        fail(&barring, one, 50);
        advance(Duration::from_secs(299)).await;
        barring.sweep(Instant::now());
        assert_eq!(left(&barring, one), Some(Duration::from_secs(1)));
        advance(Duration::from_secs(1)).await;

        if is_swept {
            barring.sweep(Instant::now());
            assert_eq!((barring.counters.addresses.get(), barring.table().len()), (0, 0));
        }
        assert_eq!(left(&barring, one), None);
        assert_eq!(fail(&barring, one, 10), Duration::ZERO, "swept: {is_swept}");
        assert_eq!(barring.counters.addresses.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_fails_now_and_then_is_never_slowed() {
    let barring = barring();
    for _ in 0..300 {
        assert_eq!(fail(&barring, address(1), 1), Duration::ZERO);
        advance(Duration::from_secs(6)).await;
    }
    assert_eq!(left(&barring, address(1)), None);
}

#[tokio::test(start_paused = true)]
async fn where_somebody_was_let_in_within_the_hour_answers_wait_and_nobody_is_barred() {
    let barring = barring();
    let one = address(1);
    barring.let_in(one, Instant::now());

    assert_eq!(fail(&barring, one, 1000), LONGEST_WAIT);
    assert_eq!(left(&barring, one), None);
    advance(Duration::from_mins(61)).await;
    fail(&barring, one, 50);
    assert!(left(&barring, one).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_is_never_barred_and_neither_is_anybody_where_that_is_switched_off() {
    let barring = barring();
    let now = Instant::now();
    for _ in 0..1000 {
        barring.failed(address(1), None, false, now, &RULES);
        barring.failed(address(2), None, true, now, &WrongCredentials { bar: None, ..RULES });
    }
    assert_eq!((left(&barring, address(1)), left(&barring, address(2))), (None, None));
}

#[tokio::test(start_paused = true)]
async fn addresses_of_one_network_are_one_and_ipv4_is_ipv4_wherever_it_stands() {
    let barring = barring();
    for n in 0..50_u128 {
        let host = Ipv6Addr::from((0x2001_0db8_0001_0002 << 64) | (n * 7919));
        fail(&barring, host.into(), 1);
        fail(&barring, "::ffff:192.0.2.7".parse().unwrap(), 1);
    }

    assert!(left(&barring, "2001:db8:1:2::ffff".parse().unwrap()).is_some());
    assert_eq!(left(&barring, "2001:db8:1:3::1".parse().unwrap()), None);
    assert!(left(&barring, "192.0.2.7".parse().unwrap()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_addresses_take_no_more_room_than_ten_thousand() {
    let barring = barring();
    for n in 0..100 {
        fail(&barring, address(n), 50);
    }
    assert_eq!(barring.counters.addresses.get(), 100);
    for n in 100..100_000 {
        fail(&barring, address(n), 1);
    }

    assert_eq!(barring.table().len(), 10_000);
    // The oldest have gone, barred or not, and the count with them.
    assert_eq!(barring.counters.addresses.get(), 0);
    assert_eq!(left(&barring, address(1)), None);
    fail(&barring, address(99_999), 49);
    assert!(left(&barring, address(99_999)).is_some());
}
