//! What SAP thinks of one set of credentials, and when they may be shown again after a refusal.
//!
//! SAP locks a user after a few wrong attempts (five by default, `login/fails_to_user_lock`; KBA
//! 2831118), and then nobody gets an answer even with the right password. So credentials that are
//! not known to be good go out one at a time, and those that were refused rest. A secret that had
//! worked may have been refused in passing (a restart, a directory that was away): it is tried again
//! after 30 seconds and after 10 minutes. One that never worked is most likely wrong: it gets one
//! more try after 10 minutes. Then only a changed secret or an operator helps, so that dialgate by
//! itself never has one secret refused more than three times a day.
//!
//! A verdict belongs to the credentials that were sent: a late answer to the old password says
//! nothing about the new one.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard},
    time::Instant,
};

/// The first new try of a secret that had worked.
const SOON: Duration = Duration::from_secs(30);

/// The later ones, and the first of a secret that never worked.
const LATER: Duration = Duration::from_mins(10);

/// Refusals older than this no longer count.
const DAY: Duration = Duration::from_hours(24);

/// So many refusals a day, tries included.
const MOST_REFUSALS: usize = 3;

/// The credentials are not known to be good: this request goes alone.
pub(in crate::sap) type Alone<'v> = AsyncMutexGuard<'v, ()>;

/// One for each set of credentials.
pub(in crate::sap) struct Verdict {
    /// Wrong attempts do harm. Not so without a login, and not with tokens, which SAP does not count.
    locks: bool,
    state: Mutex<State>,
    alone: AsyncMutex<()>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Standing {
    #[default]
    Unproven,
    Proven,
    Refused,
}

#[derive(Default)]
struct State {
    standing: Standing,
    /// Ever, not only since the last refusal.
    worked: bool,
    refusals: Vec<Instant>,
    /// An operator asked for a try.
    granted: bool,
    /// A new try after a refusal is, or was, under way.
    trying: bool,
}

/// They must not be shown now.
#[derive(Debug)]
pub(in crate::sap) struct Resting;

impl Verdict {
    /// On credentials that were not shown yet.
    pub(in crate::sap) fn new(locks: bool) -> Self {
        Self { locks, state: Mutex::default(), alone: AsyncMutex::new(()) }
    }

    /// Waits until this request may show them. Good ones at once; unproven ones one after the other;
    /// refused ones not at all, or alone when a new try is due, for which nobody else waits.
    pub(in crate::sap) async fn admit(&self) -> Result<Option<Alone<'_>>, Resting> {
        if !self.locks {
            return Ok(None);
        }
        {
            let state = self.lock();
            match state.standing {
                Standing::Refused if !state.may_try(Instant::now()) => return Err(Resting),
                Standing::Proven => return Ok(None),
                Standing::Refused | Standing::Unproven => {}
            }
        }
        let alone = if self.is_refused() {
            self.alone.try_lock().map_err(|_taken| Resting)?
        } else {
            self.alone.lock().await
        };
        // Whoever went before may have settled it.
        let mut state = self.lock();
        match state.standing {
            Standing::Refused if !state.may_try(Instant::now()) => return Err(Resting),
            Standing::Refused => state.trying = true,
            Standing::Proven => return Ok(None),
            Standing::Unproven => {}
        }
        drop(state);
        Ok(Some(alone))
    }

    /// SAP took them. True: it had refused them before.
    pub(in crate::sap) fn accept(&self) -> bool {
        let mut state = self.lock();
        state.worked = true;
        (state.granted, state.trying) = (false, false);
        std::mem::replace(&mut state.standing, Standing::Proven) == Standing::Refused
    }

    /// SAP refused them. True: they rest from now on.
    pub(in crate::sap) fn refuse(&self) -> bool {
        if !self.locks {
            return false;
        }
        let now = Instant::now();
        let mut state = self.lock();
        if state.standing == Standing::Refused && !state.trying {
            // Sent together with the one that was refused first: the same occasion.
            return false;
        }
        state.refusals.retain(|at| now - *at < DAY);
        state.refusals.push(now);
        let surplus = state.refusals.len().saturating_sub(MOST_REFUSALS);
        state.refusals.drain(..surplus);
        (state.granted, state.trying) = (false, false);
        std::mem::replace(&mut state.standing, Standing::Refused) != Standing::Refused
    }

    /// They are resting.
    pub(in crate::sap) fn is_refused(&self) -> bool {
        self.lock().standing == Standing::Refused
    }

    /// When they are tried again by themselves; `None`: not refused, or never.
    pub(in crate::sap) fn next_try(&self) -> Option<Instant> {
        let state = self.lock();
        if state.granted { Some(Instant::now()) } else { state.next_try() }
    }

    /// An operator says that they may be tried once more, by one request.
    pub(in crate::sap) fn grant(&self) {
        self.lock().granted = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_try(&self) -> Option<Instant> {
        if self.standing != Standing::Refused {
            return None;
        }
        let last = *self.refusals.last()?;
        match (self.worked, self.refusals.len()) {
            (true, 1) => Some(last + SOON),
            (true, 2) | (false, 1) => Some(last + LATER),
            _ => None,
        }
    }

    fn may_try(&self, now: Instant) -> bool {
        self.granted || self.next_try().is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// What happens to a request that shows them now.
    async fn shown(verdict: &Verdict) -> &'static str {
        match verdict.admit().await {
            Ok(None) => "goes",
            Ok(Some(_alone)) => "alone",
            Err(Resting) => "rests",
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_had_worked_is_tried_after_30_s_and_10_min_and_then_no_more() {
        let verdict = Verdict::new(true);
        verdict.accept();
        let mut told = Vec::new();
        let mut refusals = 0;
        let began = Instant::now();
        verdict.refuse();
        while began.elapsed() < 2 * DAY {
            if shown(&verdict).await == "alone" {
                told.push(began.elapsed().as_secs());
                verdict.refuse();
                refusals += 1;
            }
            advance(Duration::from_secs(5)).await;
        }

        assert_eq!(told, [30, 630]);
        assert_eq!(refusals + 1, MOST_REFUSALS);
        assert_eq!(verdict.next_try(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_never_worked_has_one_more_try_after_10_min() {
        let verdict = Verdict::new(true);
        verdict.refuse();
        advance(LATER.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(shown(&verdict).await, "rests");

        advance(Duration::from_secs(1)).await;
        assert_eq!(shown(&verdict).await, "alone");
        verdict.refuse();
        advance(DAY).await;

        assert_eq!(shown(&verdict).await, "rests");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_in_passing_it_comes_back_by_itself_and_stays_within_three_a_day() {
        let verdict = Verdict::new(true);
        verdict.accept();
        for _ in 0..2 {
            verdict.refuse();
            advance(LATER).await;
            assert_eq!(shown(&verdict).await, "alone");
            assert!(verdict.accept());
            assert_eq!(shown(&verdict).await, "goes");
        }

        verdict.refuse();
        advance(DAY / 2).await;

        assert_eq!(shown(&verdict).await, "rests", "a third refusal of the day is the last");
    }

    #[tokio::test(start_paused = true)]
    async fn an_operator_gets_one_try_and_no_more() {
        let verdict = Verdict::new(true);
        verdict.refuse();
        verdict.grant();
        assert!(verdict.next_try().is_some());

        assert_eq!(shown(&verdict).await, "alone");
        verdict.refuse();
        assert_eq!(shown(&verdict).await, "rests");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_were_under_way_together_are_one_refusal() {
        let verdict = Verdict::new(true);
        verdict.accept();

        for first in [true, false, false, false, false] {
            assert_eq!(verdict.refuse(), first);
        }

        advance(SOON).await;
        assert_eq!(shown(&verdict).await, "alone");
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_try_is_under_way_nobody_waits_for_it() {
        let verdict = Verdict::new(true);
        verdict.refuse();
        advance(LATER).await;

        let trying = verdict.admit().await.unwrap();

        assert_eq!(shown(&verdict).await, "rests");
        drop(trying);
    }

    #[tokio::test(start_paused = true)]
    async fn unproven_credentials_go_one_after_the_other_until_they_are_known_to_be_good() {
        let verdict = Verdict::new(true);
        let first = verdict.admit().await.unwrap();
        assert!(first.is_some());
        let second = verdict.admit();
        let mut second = std::pin::pin!(second);
        tokio::select! {
            biased;
            _ = &mut second => panic!("went along"),
            () = tokio::task::yield_now() => {}
        }

        verdict.accept();
        drop(first);

        assert!(second.await.unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_login_nothing_ever_rests() {
        let verdict = Verdict::new(false);

        assert!(!verdict.refuse());

        assert_eq!(shown(&verdict).await, "goes");
    }
}
