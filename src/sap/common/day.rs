//! The day's requests, counted for all replicas together.
//!
//! A replica takes a few at a time, so that most requests ask nobody, and what it has not used it gives back
//! when it ends. Taken before they are sent, they never come to more than the limit. Without the
//! shared memory each may send its share of what was left when it was asked last, and tells it later; a memory
//! that has lost its count gets the one that a replica knows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    net::kv::{Call, Link, Question, Script},
    telemetry::clock,
};

use super::Common;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A count is kept for two days, in ms: of no use after the first, and a clock may be wrong.
const KEPT: u64 = 2 * 24 * 60 * 60 * 1000;

/// The most that a replica takes at once.
const MOST: u64 = 20;

/// It takes such a part of what is left, so that the last ones go to whoever needs them.
const PART: u64 = 50;

/// Takes requests, and tells of those that were sent meanwhile. Returns how many are granted, and the
/// count. KEYS: count. ARGV: how many, limit, sent meanwhile, the count as this replica knows it, its time in ms.
/// A memory that came back empty must not begin again with what the replica knows that comes first.
static TAKE: Script = Script::new(
    r"
    local count = redis.pcall('GET', KEYS[1])
    if type(count) ~= 'string' or #count > 15 or not string.match(count, '^%d+$') then count = ARGV[4] end
    count = math.max(tonumber(count), tonumber(ARGV[4])) + tonumber(ARGV[3])
    local granted = math.max(0, math.min(tonumber(ARGV[1]), tonumber(ARGV[2]) - count))
    count = count + granted
    redis.call('SET', KEYS[1], string.format('%.0f', count), 'PX', ARGV[5])
    return {granted, count}
    ",
);

/// Gives requests back. KEYS: count. ARGV: how many, the count's time in ms.
static GIVE_BACK: Script = Script::new(
    r"
    local count = redis.pcall('GET', KEYS[1])
    if type(count) ~= 'string' or #count > 15 or not string.match(count, '^%d+$') then return 0 end
    count = math.max(0, tonumber(count) - tonumber(ARGV[1]))
    redis.call('SET', KEYS[1], string.format('%.0f', count), 'PX', ARGV[2])
    return 1
    ",
);

/// The day, as this replica knows it.
#[derive(Default)]
pub(in crate::sap) struct Day(Mutex<State>);

#[derive(Default)]
struct State {
    day: i64,
    /// The count of all replicas as it was told last, what this one has taken included.
    total: Option<u64>,
    /// Taken, and not sent yet.
    taken: u64,
    /// Sent, and not told yet.
    untold: u64,
    /// Being told.
    telling: u64,
}

/// The day's requests are used up.
#[derive(Debug)]
pub(in crate::sap) struct UsedUp;

impl Common {
    /// One request of at most `limit` a day.
    pub(in crate::sap) async fn request(&self, limit: u64) -> Result<(), UsedUp> {
        loop {
            let now = clock::unix_seconds();
            if self.day.uses_taken(limit, now) {
                return Ok(());
            }
            let Some(link) = self.link() else { return self.request_alone(limit, now) };
            let (call, told, day) = self.day.take(&link, &self.group, limit, self.replicas(), now);
            match self.ask::<(u64, u64)>(&link, &call, link.until()).await {
                Ok(answer) => match self.day.is_granted(answer, told, day) {
                    Some(true) => return Ok(()),
                    Some(false) => return Err(UsedUp),
                    // It was yesterday's: once more, of today.
                    None => {}
                },
                Err(_trouble) => {
                    self.day.was_not_told(told, day);
                    return self.request_alone(limit, now);
                }
            }
        }
    }

    /// Tells a memory that has lost the count what it was.
    pub(super) async fn retell(&self, link: &Link) {
        let Some((key, total)) = self.day.known(link, &self.group) else { return };
        let mut set = redis::cmd("SET");
        set.arg(key).arg(total).arg("NX").arg("PX").arg(KEPT);
        // Untold, the next beat does it.
        let _told = link.ask::<redis::Value>(Question::Command(&set), link.until()).await;
    }

    fn request_alone(&self, limit: u64, now: i64) -> Result<(), UsedUp> {
        let mut state = self.day.state(now);
        let left = limit.saturating_sub(state.total.unwrap_or_default());
        if state.untold + state.telling < left / u64::from(self.replicas()) {
            state.untold += 1;
            return Ok(());
        }
        Err(UsedUp)
    }
}

impl Day {
    /// Whether, for all that is known, one more of `limit` may be sent.
    pub(in crate::sap) fn allows(&self, limit: u64) -> bool {
        self.state(clock::unix_seconds()).used() < limit
    }

    /// Requests of all replicas; `None`: not told yet today.
    pub(in crate::sap) fn total(&self) -> Option<u64> {
        let state = self.state(clock::unix_seconds());
        state.total.map(|_| state.used())
    }

    /// Uses one of those that were taken.
    fn uses_taken(&self, limit: u64, now: i64) -> bool {
        let mut state = self.state(now);
        let uses = state.taken > 0 && state.used() < limit;
        if uses {
            state.taken -= 1;
        }
        uses
    }

    /// The question for more, how many that were sent meanwhile it tells of, and of which day it is.
    fn take(
        &self,
        link: &Link,
        group: &str,
        limit: u64,
        replicas: u32,
        now: i64,
    ) -> (Call, u64, i64) {
        let mut state = self.state(now);
        let left = limit.saturating_sub(state.used());
        let most = (left / PART / u64::from(replicas)).clamp(1, MOST);
        let call = TAKE
            .call()
            .key(key(link, group, state.day))
            .argument(most)
            .argument(limit)
            .argument(state.untold)
            .argument(state.total.unwrap_or_default())
            .argument(KEPT);
        let told = std::mem::take(&mut state.untold);
        state.telling += told;
        (call, told, state.day)
    }

    /// Whether one more may be sent. `None`: midnight has passed meanwhile, and the answer says nothing about today.
    fn is_granted(&self, (granted, total): (u64, u64), told: u64, day: i64) -> Option<bool> {
        let mut state = self.state(clock::unix_seconds());
        if state.day != day {
            return None;
        }
        state.total = Some(total);
        state.telling = state.telling.saturating_sub(told);
        state.taken += granted.saturating_sub(1);
        Some(granted > 0)
    }

    /// It is told once more, then: rather twice than not at all.
    fn was_not_told(&self, told: u64, day: i64) {
        let mut state = self.state(clock::unix_seconds());
        // Yesterday's are of no interest any more.
        if state.day != day {
            return;
        }
        state.telling = state.telling.saturating_sub(told);
        state.untold += told;
    }

    /// The count and where it stands, if it was told today.
    fn known(&self, link: &Link, group: &str) -> Option<(String, u64)> {
        let state = self.state(clock::unix_seconds());
        state.total.map(|total| (key(link, group, state.day), total))
    }

    /// Gives back what was not used.
    pub(super) fn unused(&self, link: &Link, group: &str) -> Option<Call> {
        let mut state = self.state(clock::unix_seconds());
        let unused = std::mem::take(&mut state.taken);
        let key = key(link, group, state.day);
        (unused > 0).then(|| GIVE_BACK.call().key(key).argument(unused).argument(KEPT))
    }

    fn state(&self, now: i64) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now.div_euclid(DAY_SECONDS);
        // A clock that is set back within a day must not grant the day's requests twice.
        if day > state.day {
            *state = State { day, ..State::default() };
        }
        state
    }
}

impl State {
    fn used(&self) -> u64 {
        (self.total.unwrap_or_default() + self.untold + self.telling).saturating_sub(self.taken)
    }
}

/// A count for each day.
fn key(link: &Link, group: &str, day: i64) -> String {
    link.key(group, &format!("requests-{day}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_yesterday_says_nothing_about_today() {
        let day = Day::default();
        let today = clock::unix_seconds().div_euclid(DAY_SECONDS);

        assert_eq!(day.is_granted((0, 10_000), 0, today - 1), None);
        assert!(day.allows(10_000) && day.total().is_none(), "yesterday's count is not today's");
        day.was_not_told(50, today - 1);
        assert_eq!(day.is_granted((1, 5), 0, today), Some(true));
        assert_eq!(day.total(), Some(5));
    }
}
