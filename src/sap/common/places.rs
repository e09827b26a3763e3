//! SAP's places, counted for all replicas together.
//!
//! A place is a lease in a sorted set: it ends by itself a moment after the longest time that SAP is
//! waited for, so that those of a replica that was killed, or stands still, come back. Who finds none
//! looks again, after pauses that grow, until his own deadline. Live calls go before refreshes: those
//! leave one place free, and do not wait.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use crate::{
    net::kv::{Call, Link, Script},
    sap::door::places::Urgency,
};

use super::{Common, LONGER, SEEN_FOR, WRITE_WITHIN, milliseconds};

/// The pause before one looks again, at first; it grows by half each time.
const FIRST_LOOK: Duration = Duration::from_millis(4);

/// The longest one, with up to four replicas; with more it grows like their number, so that a hundred ask the
/// memory no more often than four.
const LAST_LOOK: Duration = Duration::from_millis(24);

/// And with however many.
const LONGEST_LOOK: Duration = Duration::from_millis(200);

/// Takes a place. KEYS: places. ARGV: lease, its time in ms, places, how many to leave free.
/// A lease that is there already (its answer was lost) is the caller's.
static TAKE: Script = Script::new(
    r"
    local now = redis.call('TIME')
    now = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
    if type(redis.pcall('ZCARD', KEYS[1])) ~= 'number' then redis.call('DEL', KEYS[1]) end
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
    local taken = redis.call('ZCARD', KEYS[1])
    if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
      taken = taken + 1
      if taken + tonumber(ARGV[4]) > tonumber(ARGV[3]) then return {0, taken - 1} end
    end
    redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
    redis.call('PEXPIRE', KEYS[1], 600000)
    return {1, taken}
    ",
);

/// Gives a place back. KEYS: places. ARGV: lease.
static GIVE_BACK: Script = Script::new(
    r"
    if type(redis.pcall('ZCARD', KEYS[1])) ~= 'number' then return 0 end
    return redis.call('ZREM', KEYS[1], ARGV[1])
    ",
);

/// What a replica has: places that it has are counted, others of its name are not. Returns how many
/// replicas there are, and how many places are taken.
/// KEYS: places, replicas. ARGV: replica, how long it counts in ms, a lease's time in ms, the last lease that
/// it knows of; then its leases, `h` and a number held, `a` and a number asked for.
static STANDING: Script = Script::new(
    r"
    local now = redis.call('TIME')
    now = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
    local function text(number) return string.format('%.0f', number) end
    for _, key in ipairs(KEYS) do
      if type(redis.pcall('ZCARD', key)) ~= 'number' then redis.call('DEL', key) end
    end
    redis.call('ZADD', KEYS[2], text(now), ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - tonumber(ARGV[2])))
    redis.call('PEXPIRE', KEYS[2], 600000)
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
    local known = {}
    for place = 5, #ARGV do
      local lease = ARGV[1] .. ':' .. string.sub(ARGV[place], 2)
      known[lease] = true
      if string.sub(ARGV[place], 1, 1) == 'h' then
        redis.call('ZADD', KEYS[1], text(now + tonumber(ARGV[3])), lease)
      end
    end
    for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
      local replica, number = string.match(lease, '^(%x+):(%d+)$')
      if replica == nil or replica == ARGV[1] and not known[lease] and tonumber(number) <= tonumber(ARGV[4]) then
        redis.call('ZREM', KEYS[1], lease)
      end
    end
    redis.call('PEXPIRE', KEYS[1], 600000)
    return {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[1])}
    ",
);

/// A replica has gone. KEYS: replicas. ARGV: replica.
static GONE: Script = Script::new(
    r"
    if type(redis.pcall('ZCARD', KEYS[1])) ~= 'number' then return 0 end
    return redis.call('ZREM', KEYS[1], ARGV[1])
    ",
);

/// The leases of this replica, by number.
#[derive(Default)]
pub(super) struct Leases {
    last: u64,
    known: BTreeMap<u64, Standing>,
}

impl Leases {
    /// Those that nobody has yet.
    pub(super) fn asked(&self) -> usize {
        self.known.values().filter(|standing| **standing == Standing::Asked).count()
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Standing {
    /// Nobody knows yet.
    Asked,
    /// A request has it.
    Held,
}

/// What is wanted.
#[derive(Clone, Copy)]
pub(in crate::sap) struct Wanted {
    pub(in crate::sap) urgency: Urgency,
    /// Requests that SAP may work on at once.
    pub(in crate::sap) limit: usize,
    /// The longest that SAP is waited for.
    pub(in crate::sap) life: Duration,
    /// A place is of no use later.
    pub(in crate::sap) latest: Instant,
    /// Until when the shared memory is waited for, at first; `None`: for its whole budget.
    pub(in crate::sap) by: Option<Instant>,
}

/// A place among those of all replicas, given back when it is dropped.
pub(in crate::sap) struct Lease {
    common: Arc<Common>,
    number: u64,
    /// It may stand in the shared memory.
    may_be_there: bool,
}

/// There was none in time.
#[derive(Debug)]
pub(in crate::sap) struct NoPlace;

impl Common {
    /// Waits for a place; `is_in_vain`: SAP is not asked any more. A probe always gets one.
    pub(in crate::sap) async fn place(
        self: &Arc<Self>,
        wanted: Wanted,
        is_in_vain: impl Fn() -> bool,
    ) -> Result<Lease, NoPlace> {
        let (began, metrics) = (Instant::now(), &self.metrics.common);
        let (mut lease, mut pause, mut by) = (self.asked(), FIRST_LOOK, wanted.by);
        loop {
            let granted = match self.link() {
                Some(link) => {
                    let by = by.take().unwrap_or_else(|| link.until());
                    lease.ask(&link, &wanted, by).await
                }
                None => None,
            };
            match granted {
                Some(true) => {
                    self.leases().known.insert(lease.number, Standing::Held);
                    metrics.shared(began.elapsed());
                    return Ok(lease);
                }
                None if !self.is_late_and_full(&wanted)
                    && self.takes_alone(lease.number, &wanted) =>
                {
                    metrics.alone();
                    return Ok(lease);
                }
                Some(false) | None => {}
            }
            let now = Instant::now();
            if wanted.urgency == Urgency::Refresh || now >= wanted.latest || is_in_vain() {
                metrics.busy();
                return Err(NoPlace);
            }
            let freed = self.freed.notified();
            let pausing = pause.mul_f64(0.75 + fastrand::f64() / 2.0).min(wanted.latest - now);
            if granted.is_some() {
                // Whoever gives back here is not first: others wait as well.
                sleep(pausing).await;
            } else {
                tokio::select! { () = sleep(pausing) => {}, () = freed => {} }
            }
            pause = (pause * 3 / 2).min(self.last_look());
        }
    }

    /// The memory has not answered in time, which may be an accident, and all places were taken when it
    /// did: whoever waits goes on waiting, rather than that SAP works on more than it may. Where it has gone,
    /// three answers that are late say so.
    fn is_late_and_full(&self, wanted: &Wanted) -> bool {
        self.link().is_some() && self.taken.load(Ordering::Relaxed) >= wanted.limit as u64
    }

    fn last_look(&self) -> Duration {
        (LAST_LOOK * self.replicas() / 4).clamp(LAST_LOOK, LONGEST_LOOK)
    }

    /// A lease that nobody has granted.
    fn asked(self: &Arc<Self>) -> Lease {
        let mut leases = self.leases();
        leases.last += 1;
        let number = leases.last;
        leases.known.insert(number, Standing::Asked);
        Lease { common: Arc::clone(self), number, may_be_there: false }
    }

    /// Without the shared memory: this replica's share of the places.
    fn takes_alone(&self, number: u64, wanted: &Wanted) -> bool {
        let share = self.share_of(wanted.limit as u64);
        let mut leases = self.leases();
        let held = leases.known.values().filter(|standing| **standing == Standing::Held).count();
        let is_granted = match wanted.urgency {
            Urgency::Probe => true,
            Urgency::Live => (held as u64) < share,
            Urgency::Refresh => held as u64 + share.min(2) <= share,
        };
        if is_granted {
            leases.known.insert(number, Standing::Held);
        }
        is_granted
    }

    /// Says that this replica lives, and what it has.
    pub(super) fn standing(&self, link: &Link, life: Duration) -> Call {
        let leases = self.leases();
        let call = STANDING
            .call()
            .key(link.key(&self.group, "places"))
            .key(link.key(&self.group, "replicas"))
            .argument(&self.replica)
            .argument(milliseconds(SEEN_FOR))
            .argument(milliseconds(life))
            .argument(leases.last);
        leases.known.iter().fold(call, |call, (number, standing)| {
            let how = if *standing == Standing::Held { 'h' } else { 'a' };
            call.argument(format!("{how}{number}"))
        })
    }

    /// Says that it lives no more.
    pub(super) fn gone(&self, link: &Link) -> Call {
        GONE.call().key(link.key(&self.group, "replicas")).argument(&self.replica)
    }
}

impl Lease {
    /// What it is called there.
    fn name(&self) -> String {
        format!("{}:{}", self.common.replica, self.number)
    }

    /// `None`: nobody knows.
    async fn ask(&mut self, link: &Link, wanted: &Wanted, by: Instant) -> Option<bool> {
        let (places, leaves) = match wanted.urgency {
            Urgency::Probe => (usize::MAX >> 12, 0),
            Urgency::Live => (wanted.limit.max(1), 0),
            Urgency::Refresh => (wanted.limit.max(1), wanted.limit.clamp(1, 2) - 1),
        };
        let call = TAKE
            .call()
            .key(link.key(&self.common.group, "places"))
            .argument(self.name())
            .argument(milliseconds(wanted.life + LONGER))
            .argument(places)
            .argument(leaves);
        let may_have_been_there = std::mem::replace(&mut self.may_be_there, true);
        match self.common.ask::<(i64, u64)>(link, &call, by).await {
            Ok((granted, taken)) => {
                self.common.taken.store(taken, Ordering::Relaxed);
                self.may_be_there = granted == 1 || may_have_been_there;
                Some(granted == 1)
            }
            Err(_trouble) => None,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let common = &self.common;
        common.leases().known.remove(&self.number);
        common.freed.notify_waiters();
        // One that was taken alone may stand there since the last beat.
        let Some(link) = common.link() else { return };
        if Handle::try_current().is_err() {
            return;
        }
        let call = GIVE_BACK.call().key(link.key(&common.group, "places")).argument(self.name());
        let giving = Arc::clone(common);
        common.tasks.spawn(async move {
            // In vain, the next beat does it.
            let _told = giving.ask::<i64>(&link, &call, Instant::now() + WRITE_WITHIN).await;
        });
    }
}
