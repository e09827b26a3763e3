//! How many answers wait for their peer, and since when the peer has taken none.

use std::sync::atomic::{AtomicU64, Ordering};

/// Answers that wait: HTTP/2 has a hundred streams at most.
const COUNT_BITS: u32 = 16;

/// Answers that the peer gave up in a row.
const GIVEN_UP_BITS: u32 = 8;

/// So many answers that were ready and given up, without one that was taken, are no impatience: a
/// client that cancels does so before there is an answer.
const TOO_MANY: u64 = 10;

/// All of it in one number: streams of HTTP/2 end on different cores, and a count that does not belong
/// to its moment would let a peer wait for ever. The moment outlives the count where the peer gave up
/// its answers: those that come after them have been kept waiting since then.
#[derive(Debug, Default)]
pub(super) struct Deliveries(AtomicU64);

#[derive(Clone, Copy)]
struct State {
    count: u64,
    given_up: u64,
    /// Milliseconds; 0: nothing has been kept waiting.
    since: u64,
}

impl Deliveries {
    /// An answer is ready `now`, in milliseconds and never 0.
    pub(super) fn begins(&self, now: u64) {
        self.change(|state| State {
            count: state.count + 1,
            since: if state.since == 0 { now } else { state.since },
            ..state
        });
    }

    /// An answer waits no more. `taken`: the peer has made room for all of it.
    pub(super) fn ends(&self, taken: bool, now: u64) {
        self.change(|state| {
            let count = state.count.saturating_sub(1);
            if !taken {
                return State { count, given_up: state.given_up + 1, ..state };
            }
            // Where another one still waits the peer does take answers.
            State { count, given_up: 0, since: if count == 0 { 0 } else { now } }
        });
    }

    /// Since when the peer has taken none of those that are, or were, ready for it; 0: it does.
    pub(super) fn wait_since(&self) -> u64 {
        let state = State::of(self.0.load(Ordering::Acquire));
        if state.count > 0 || state.given_up >= TOO_MANY { state.since } else { 0 }
    }

    fn change(&self, change: impl Fn(State) -> State) {
        let _always = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |packed| {
            Some(change(State::of(packed)).packed())
        });
    }
}

impl State {
    fn of(packed: u64) -> Self {
        Self {
            count: packed & ((1 << COUNT_BITS) - 1),
            given_up: (packed >> COUNT_BITS) & ((1 << GIVEN_UP_BITS) - 1),
            since: packed >> (COUNT_BITS + GIVEN_UP_BITS),
        }
    }

    fn packed(self) -> u64 {
        let count = self.count.min((1 << COUNT_BITS) - 1);
        let given_up = self.given_up.min((1 << GIVEN_UP_BITS) - 1);
        self.since << (COUNT_BITS + GIVEN_UP_BITS) | given_up << COUNT_BITS | count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_that_for_the_oldest_answer_since_one_was_taken() {
        let deliveries = Deliveries::default();
        assert_eq!(deliveries.wait_since(), 0);
        deliveries.begins(10);
        deliveries.begins(20);
        assert_eq!(deliveries.wait_since(), 10);

        deliveries.ends(true, 30);
        assert_eq!(deliveries.wait_since(), 30);
        deliveries.ends(true, 40);
        assert_eq!(deliveries.wait_since(), 0);
        deliveries.begins(50);
        assert_eq!(deliveries.wait_since(), 50);
    }

    #[test]
    fn what_is_given_up_buys_no_time() {
        let deliveries = Deliveries::default();
        deliveries.begins(10);
        deliveries.ends(false, 20);
        assert_eq!(deliveries.wait_since(), 0);

        deliveries.begins(30);

        assert_eq!(deliveries.wait_since(), 10);
    }

    #[test]
    fn who_gives_up_one_answer_after_the_other_keeps_us_waiting_also_in_between() {
        let deliveries = Deliveries::default();
        for now in 1..=TOO_MANY {
            assert_eq!(deliveries.wait_since(), 0);
            deliveries.begins(now);
            deliveries.ends(false, now);
        }
        assert_eq!(deliveries.wait_since(), 1);

        deliveries.begins(20);
        deliveries.ends(true, 20);

        assert_eq!(deliveries.wait_since(), 0);
    }
}
