//! One replica at a time asks SAP for a partner: its turn, and what becomes of it.
//!
//! A turn is a short lock that its holder prolongs while SAP works; where the holder dies it ends by
//! itself, and another replica takes over. With it comes a fence: the server's clock, and more than that
//! of the value that stands there. A holder that was frozen, and wakes when another one has long written
//! a newer answer, writes nothing: its fence is the smaller one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{FromRedisValue, Value};
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    net::kv::{Call, Link, Question, Script, Trouble},
    sap::SapOutcome,
};

use super::{
    Sharing, WRITE_WITHIN,
    metrics::Wrote,
    names::{Name, Names},
    value::Fence,
};

/// A turn lasts for so long without its holder: that is how long the others wait for one that died.
const TURN: Duration = Duration::from_secs(1);

/// How often its holder prolongs it.
const PROLONGED: Duration = Duration::from_millis(300);

/// Grants a turn, or says who has it (`h…`), why the one before failed (`f…`), or what was written since the
/// fence that the caller has seen.
/// KEYS: turn, value. ARGV: token, its time in ms, the fence seen.
static GRANT: Script = Script::new(
    r"
    local value = redis.pcall('GETRANGE', KEYS[2], 0, 15)
    if type(value) ~= 'string' or not string.match(value, '^%d+$') then value = '' end
    if #value == 16 and value > ARGV[3] then
      return {'new', redis.call('GET', KEYS[2])}
    end
    local held = redis.pcall('GET', KEYS[1])
    if type(held) == 'string' then return {'held', held} end
    local now = redis.call('TIME')
    local fence = string.format('%010d%06d', tonumber(now[1]), tonumber(now[2]))
    if #value == 16 and value >= fence then
      fence = string.format('%016.0f', tonumber(value) + 1)
    end
    redis.call('SET', KEYS[1], 'h' .. ARGV[1], 'PX', ARGV[2])
    return {'yours', fence}
    ",
);

/// Prolongs a turn that is still the caller's. KEYS: turn. ARGV: token, its time in ms.
static PROLONG: Script = Script::new(
    r"
    if redis.call('GET', KEYS[1]) == 'h' .. ARGV[1] then
      return redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    return 0
    ",
);

/// Writes a value where nothing newer stands, and ends the turn.
/// KEYS: value, turn. ARGV: fence, value with its fence, its time in ms, token.
static WRITE: Script = Script::new(
    r"
    local value = redis.pcall('GETRANGE', KEYS[1], 0, 15)
    if type(value) ~= 'string' or not string.match(value, '^%d+$') then value = '' end
    local wrote = 0
    if #value < 16 or value <= ARGV[1] then
      redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
      wrote = 1
    end
    if redis.pcall('GET', KEYS[2]) == 'h' .. ARGV[4] then redis.call('DEL', KEYS[2]) end
    return wrote
    ",
);

/// Ends a turn that led to nothing, and tells the others why for a moment.
/// KEYS: turn. ARGV: token, why, its time in ms.
static END: Script = Script::new(
    r"
    if redis.call('GET', KEYS[1]) ~= 'h' .. ARGV[1] then return 0 end
    if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
    redis.call('SET', KEYS[1], 'f' .. ARGV[2], 'PX', ARGV[3])
    return 1
    ",
);

/// A turn of this replica.
pub(in crate::lookup) struct Turn {
    link: Arc<Link>,
    /// The key of the lock.
    key: String,
    token: String,
    fence: Fence,
    _prolonging: AbortOnDropHandle<()>,
}

/// The turn that a trip has, if it has one, and the fence that its answers go on having after its end.
pub(in crate::lookup) struct Turns {
    turn: Mutex<Option<Turn>>,
    fence: Fence,
}

/// What there is for somebody who wants a turn.
pub(super) enum Granted {
    Yours(Fence),
    /// Another replica asks SAP.
    Held,
    /// Another replica has asked in vain.
    Failed(Option<SapOutcome>),
    /// Somebody has written it meanwhile.
    New(Vec<u8>),
}

/// Asks for a turn.
pub(super) async fn ask(
    link: &Link,
    name: &Name,
    token: &str,
    seen: Option<Fence>,
    until: Instant,
) -> Result<Granted, Trouble> {
    let call = GRANT
        .call()
        .key(&name.turn)
        .key(&name.value)
        .argument(token)
        .argument(milliseconds(TURN))
        .argument(seen.map(Fence::text).unwrap_or_default());
    let answer: (String, Value) = link.ask(Question::Script(&call), until).await?;
    let (kind, told) = answer;
    let told = Vec::<u8>::from_redis_value(told).map_err(|_other| Trouble::Unexpected)?;
    match (kind.as_str(), told.as_slice()) {
        ("yours", digits) => Fence::read(digits).map(Granted::Yours).ok_or(Trouble::Unexpected),
        ("held", [b'f', why @ ..]) => Ok(Granted::Failed(outcome_of(why))),
        ("held", _) => Ok(Granted::Held),
        ("new", _) => Ok(Granted::New(told)),
        _ => Err(Trouble::Unexpected),
    }
}

/// Only a word of our own: it comes from another process.
fn outcome_of(word: &[u8]) -> Option<SapOutcome> {
    SapOutcome::ALL.into_iter().find(|outcome| outcome.label().as_bytes() == word)
}

/// Names a holder.
pub(super) fn token() -> String {
    format!("{:032x}", u128::from(fastrand::u64(..)) << 64 | u128::from(fastrand::u64(..)))
}

pub(super) fn write(
    names: &Names,
    fence: Fence,
    token: &str,
    sealed: &[u8],
    lasts: Duration,
) -> Call {
    let mut value = fence.text().into_bytes();
    value.extend_from_slice(sealed);
    WRITE
        .call()
        .key(&names.own.value)
        .key(&names.own.turn)
        .argument(fence.text())
        .argument(value)
        .argument(milliseconds(lasts).max(1))
        .argument(token)
}

pub(super) async fn wrote(link: &Link, call: &Call, until: Instant) -> Wrote {
    match link.ask::<i64>(Question::Script(call), until).await {
        Ok(1) => Wrote::Written,
        Ok(_) => Wrote::Older,
        Err(_trouble) => Wrote::Failed,
    }
}

impl Turn {
    pub(super) fn new(link: &Arc<Link>, name: &Name, token: String, fence: Fence) -> Self {
        let (prolonged, key, holder) = (Arc::clone(link), name.turn.clone(), token.clone());
        let prolonging = tokio::spawn(async move {
            loop {
                sleep(PROLONGED).await;
                let call = PROLONG.call().key(&key).argument(&holder).argument(milliseconds(TURN));
                let until = Instant::now() + PROLONGED;
                // Somebody else's: the fence says who was later.
                if prolonged.ask::<i64>(Question::Script(&call), until).await == Ok(0) {
                    return;
                }
            }
        });
        Self {
            link: Arc::clone(link),
            key: name.turn.clone(),
            token,
            fence,
            _prolonging: AbortOnDropHandle::new(prolonging),
        }
    }
}

impl Turns {
    pub(in crate::lookup) fn new(turn: Option<Turn>) -> Self {
        let fence = turn.as_ref().map_or_else(Fence::now, |turn| turn.fence);
        Self { turn: Mutex::new(turn), fence }
    }

    pub(super) fn link(&self) -> Option<Arc<Link>> {
        self.lock().as_ref().map(|turn| Arc::clone(&turn.link))
    }

    /// The fence of what SAP said, and who may end the turn with it.
    pub(super) fn of_write(&self) -> (Fence, String) {
        let turn = self.lock().take();
        (self.fence, turn.map(|turn| turn.token).unwrap_or_default())
    }

    /// It led to nothing, and nobody is told why.
    pub(in crate::lookup) fn end(&self, sharing: &Sharing) {
        self.tell(sharing, "", Duration::ZERO);
    }

    /// SAP failed: the others are told for so long, and do not ask the same again at once.
    pub(in crate::lookup) fn failed(&self, sharing: &Sharing, why: SapOutcome, told: Duration) {
        self.tell(sharing, why.label(), told);
    }

    fn tell(&self, sharing: &Sharing, why: &'static str, told: Duration) {
        let Some(turn) = self.lock().take() else { return };
        sharing.tasks.spawn(async move {
            let call = END
                .call()
                .key(&turn.key)
                .argument(&turn.token)
                .argument(why)
                .argument(milliseconds(told).max(1));
            let until = Instant::now() + WRITE_WITHIN;
            // Untold, it ends by itself.
            let _told = turn.link.ask::<i64>(Question::Script(&call), until).await;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
