//! Keeps a SAP that fails from being asked by every call.
//!
//! Closed: every lookup goes through. When too many of the last lookups failed, or were too slow, it
//! opens: lookups are told at once, without asking. After a while one probe goes; its answer closes
//! the breaker, its failure opens it for longer.
//!
//! Only failures of SAP count. "Unknown" is an answer, one partner's unreadable record is that
//! partner's fault, and refused credentials have a verdict of their own (`login::Verdict`).

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{config, sap::outcome::BreakerState};

/// What counts is at most this old: a burst of an hour ago says nothing.
const WINDOW: Duration = Duration::from_secs(10);

/// And at most so many: a busy hour must not hide the last second.
const MOST: usize = 20;

/// A share of fewer than this many says nothing.
const LEAST: usize = 10;

/// So many in a row without an answer say that SAP has gone, whatever it did before.
const IN_A_ROW: usize = 5;

/// What came of one lookup.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    Answered,
    Slow,
    Failed,
}

/// One for each SAP.
pub(super) struct Breaker {
    limits: config::Breaker,
    longest: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    turns: VecDeque<(Instant, Turn)>,
    open: Option<Open>,
    /// How often it opened without SAP having answered well in between.
    times: u32,
}

struct Open {
    probe_at: Instant,
}

impl Breaker {
    /// `longest`: how long nobody asks, at most (`sap.probe_interval`).
    pub(super) fn new(limits: config::Breaker, longest: Duration) -> Self {
        Self { limits, longest, state: Mutex::default() }
    }

    /// Lookups may go through.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().open.is_none()
    }

    /// What it does now.
    pub(super) fn now(&self) -> BreakerState {
        match &self.lock().open {
            None => BreakerState::Closed,
            Some(open) if Instant::now() < open.probe_at => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// When the probe is due; `None` while closed.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        self.lock().open.as_ref().map(|open| open.probe_at)
    }

    /// A lookup ended, or is slow by now. True: this has opened the breaker.
    pub(super) fn note(&self, turn: Turn) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        if state.open.is_some() {
            // Of those that were under way when it opened.
            return false;
        }
        state.turns.retain(|(at, _)| now - *at < WINDOW);
        if state.turns.len() >= MOST {
            state.turns.pop_front();
        }
        state.turns.push_back((now, turn));
        let opens = self.is_too_much(&state.turns);
        if opens {
            let pause = self.pause(state.times);
            state.open_for(pause);
        } else if turn == Turn::Answered && state.answered_well() {
            state.times = 0;
        }
        opens
    }

    /// The probe was answered. True: this has closed the breaker.
    pub(super) fn answered(&self) -> bool {
        let mut state = self.lock();
        state.turns.clear();
        state.open.take().is_some()
    }

    /// The probe was not answered: open for longer.
    pub(super) fn failed(&self) {
        let mut state = self.lock();
        if state.open.is_some() {
            let pause = self.pause(state.times);
            state.open_for(pause);
        }
    }

    fn is_too_much(&self, turns: &VecDeque<(Instant, Turn)>) -> bool {
        let of = |wanted: Turn| turns.iter().filter(|(_, turn)| *turn == wanted).count();
        let is_share = |part: usize, percent: u8| part * 100 >= turns.len() * usize::from(percent);
        let (failed, slow) = (of(Turn::Failed), of(Turn::Slow));
        let share_counts = turns.len() >= LEAST;
        none_of_the_last(turns, |turn| turn == Turn::Answered)
            || share_counts
                && (failed > 0 && is_share(failed, self.limits.failure_percent)
                    || slow > 0 && is_share(slow + failed, self.limits.slow_percent))
    }

    /// Doubled each time, up to the longest.
    fn pause(&self, times: u32) -> Duration {
        let pause =
            self.limits.open_for.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX));
        pause.min(self.longest)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open_for(&mut self, pause: Duration) {
        self.turns.clear();
        self.times = self.times.saturating_add(1).min(31);
        self.open = Some(Open { probe_at: Instant::now() + pause });
    }

    /// Enough good answers to forget the last outage.
    fn answered_well(&self) -> bool {
        none_of_the_last(&self.turns, |turn| turn != Turn::Answered)
    }
}

fn none_of_the_last(turns: &VecDeque<(Instant, Turn)>, is: impl Fn(Turn) -> bool) -> bool {
    turns.len() >= IN_A_ROW && !turns.iter().rev().take(IN_A_ROW).any(|(_, turn)| is(*turn))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> Breaker {
        let limits = config::Breaker {
            failure_percent: 60,
            slow_percent: 90,
            slow_after: 2 * SECOND,
            open_for: SECOND / 2,
        };
        Breaker::new(limits, 10 * SECOND)
    }

    /// Whether it opened on the way.
    fn note(breaker: &Breaker, turns: &[Turn]) -> bool {
        turns.iter().any(|turn| breaker.note(*turn))
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_on_failures_and_on_slowness_and_not_on_less() {
        use Turn::{Answered, Failed, Slow};
        for (turns, opens) in [
            ([Failed; 4].to_vec(), false),
            ([Failed; 5].to_vec(), true),
            ([Slow; 5].to_vec(), true),
            ([[Answered; 20].to_vec(), [Failed; 5].to_vec()].concat(), true),
            ([Failed, Answered].repeat(100), false),
            ([Failed, Failed, Answered].repeat(2), false),
            ([Failed, Failed, Answered].repeat(4), true),
            ([Slow, Answered].repeat(100), false),
            ([Slow, Slow, Slow, Failed, Failed].to_vec(), true),
            ([Answered; 100].to_vec(), false),
        ] {
            assert_eq!(note(&breaker(), &turns), opens, "{turns:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn old_failures_do_not_count() {
        let breaker = breaker();
        note(&breaker, &[Turn::Failed; 4]);

        advance(WINDOW).await;

        assert!(!breaker.note(Turn::Failed));
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_open_longer_each_time_the_probe_fails_up_to_the_longest() {
        let breaker = breaker();
        note(&breaker, &[Turn::Failed; 5]);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = breaker.probe_at().unwrap() - Instant::now();
            pauses.push(pause.as_millis());
            assert_eq!(breaker.now(), BreakerState::Open);
            advance(pause).await;
            assert_eq!(breaker.now(), BreakerState::HalfOpen);
            breaker.failed();
        }

        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answered_probe_closes_it_and_only_good_answers_forget_the_outage() {
        let breaker = breaker();
        note(&breaker, &[Turn::Failed; 5]);
        assert!(breaker.answered());
        assert!(breaker.is_closed());

        note(&breaker, &[Turn::Failed; 5]);
        assert_eq!(breaker.probe_at().unwrap() - Instant::now(), SECOND);
        breaker.answered();
        note(&breaker, &[Turn::Answered; 5]);
        note(&breaker, &[Turn::Failed; 5]);
        assert_eq!(breaker.probe_at().unwrap() - Instant::now(), SECOND / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_under_way_when_it_opened_changes_nothing() {
        let breaker = breaker();
        note(&breaker, &[Turn::Failed; 5]);

        assert!(!breaker.note(Turn::Answered));
        assert!(!breaker.note(Turn::Failed));

        assert_eq!(breaker.now(), BreakerState::Open);
    }
}
