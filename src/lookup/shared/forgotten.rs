//! Partners that an operator has forgotten, told to all replicas: a short list in the shared memory that
//! each reads a few times a second, from where it was.
//!
//! The list keeps the last ten thousand. A replica that was cut off reads on where it stopped; one that
//! starts reads all of it. What was forgotten while the shared memory was away is told when it is back. It
//! is missed only by a replica that is cut off while the shared memory loses what it has.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::Value;
use tokio::time::{Instant, sleep};

use crate::{
    domain::PartnerId,
    net::kv::{Call, Link, Question, Script},
    sap::SystemId,
};

use super::{
    super::{Shared, memory::Key},
    Sharing, WRITE_WITHIN,
    metrics::Forgot,
    names::{Name, Names},
};

/// How often the list is read.
const LISTEN_EVERY: Duration = Duration::from_millis(250);

/// The longest wait for the list; no call waits for it.
const LISTEN_WITHIN: Duration = Duration::from_millis(250);

/// So many are kept for a shared memory that is away.
const MOST_UNSENT: usize = 1000;

/// So many are read at once.
const PAGE: usize = 500;

/// For so long no answer to a question that was asked before may be written: longer than any takes.
const FENCED_MS: u64 = 300_000;

/// Bytes that name a SAP system.
const SYSTEM: usize = 16;

/// Leaves only a fence under the name, ends a turn. KEYS: value, turn. ARGV: its time in ms.
static FORGET: Script = Script::new(
    r"
    local value = redis.pcall('GETRANGE', KEYS[1], 0, 15)
    if type(value) ~= 'string' or not string.match(value, '^%d+$') then value = '' end
    local now = redis.call('TIME')
    local fence = string.format('%010d%06d', tonumber(now[1]), tonumber(now[2]))
    if #value == 16 and value >= fence then
      fence = string.format('%016.0f', tonumber(value) + 1)
    end
    redis.call('SET', KEYS[1], fence, 'PX', ARGV[1])
    redis.call('DEL', KEYS[2])
    return 1
    ",
);

/// Adds to the list. KEYS: list. ARGV: sealed, its time in ms.
static TELL: Script = Script::new(
    r"
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', 10000, '*', 'p', ARGV[1])
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
    ",
);

/// The list is kept for a week after the last: nothing is remembered for longer.
const LIST_MS: u64 = 8 * 24 * 3600 * 1000;

/// Forgotten here, and not told to the others yet.
#[derive(Default)]
pub(super) struct Unsent(Mutex<VecDeque<Key>>);

/// Where in the list a replica has read to.
#[derive(Default)]
struct Heard {
    link: Option<Arc<Link>>,
    last: (u64, u64),
}

impl Sharing {
    /// Has a partner forgotten by all replicas. False: they are told when the shared memory answers again.
    pub(in crate::lookup) async fn forget(&self, key: Key) -> bool {
        let Some(link) = self.answering() else {
            self.later(key);
            return false;
        };
        let is_told = forget(&link, &key).await;
        self.metrics.forgot(if is_told { Forgot::Told } else { Forgot::Failed });
        if !is_told {
            self.later(key);
        }
        is_told
    }

    fn later(&self, key: Key) {
        let mut unsent = self.unsent.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unsent.len() < MOST_UNSENT {
            unsent.push_back(key);
        }
    }

    /// Tells what could not be told before.
    async fn tell_unsent(&self) {
        loop {
            let next = self.unsent.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(key) = next else { return };
            if !self.forget(key).await {
                return;
            }
        }
    }

    /// Listens to what others have forgotten, for as long as it is awaited.
    pub(in crate::lookup) async fn listen(&self, shared: &Shared) {
        let mut heard = Heard::default();
        loop {
            sleep(LISTEN_EVERY).await;
            let Some(link) = self.answering() else { continue };
            self.tell_unsent().await;
            if !heard.link.as_ref().is_some_and(|before| Arc::ptr_eq(before, &link)) {
                heard = Heard { link: Some(Arc::clone(&link)), last: (0, 0) };
            }
            while let Some(keys) = heard.next(&link).await {
                let is_all = keys.len() < PAGE;
                for key in keys.into_iter().flatten() {
                    self.metrics.forgot(Forgot::Heard);
                    shared.flights.forget_failure(&key);
                    shared.memory.forget(&key);
                }
                if is_all {
                    break;
                }
            }
        }
    }
}

async fn forget(link: &Arc<Link>, key: &Key) -> bool {
    let names = Names::of(link, key);
    let until = Instant::now() + WRITE_WITHIN;
    let fence = |name: &Name| FORGET.call().key(&name.value).key(&name.turn).argument(FENCED_MS);
    let ask = |call: Call| async move { link.ask::<i64>(Question::Script(&call), until).await };
    for name in names.all() {
        if ask(fence(name)).await.is_err() {
            return false;
        }
    }
    let mut told = key.system.bytes().to_vec();
    told.extend_from_slice(key.partner.as_str().as_bytes());
    let Ok(sealed) = link.keys().seal(&[b"forgotten"], &told) else { return false };
    let tell = TELL.call().key(list(link)).argument(sealed).argument(LIST_MS);
    ask(tell).await.is_ok()
}

fn list(link: &Link) -> String {
    link.key("forgotten", "list")
}

impl Heard {
    /// The next page of the list; an entry that cannot be read is none. `None`: it could not be read.
    async fn next(&mut self, link: &Link) -> Option<Vec<Option<Key>>> {
        let (milliseconds, number) = self.last;
        let after = format!("({milliseconds}-{number}");
        let list = list(link);
        let mut both = redis::pipe();
        both.cmd("XREVRANGE").arg(&list).arg("+").arg("-").arg("COUNT").arg(1);
        both.cmd("XRANGE").arg(&list).arg(after).arg("+").arg("COUNT").arg(PAGE);
        let until = Instant::now() + LISTEN_WITHIN;
        let (newest, page): (Vec<Entry>, Vec<Entry>) =
            link.ask(Question::Together(&both), until).await.ok()?;
        let newest = newest.first().and_then(|entry| place(&entry.0));
        // It has begun anew, or another server took over that did not have the end of it.
        if newest.unwrap_or_default() < self.last {
            self.last = (0, 0);
            return newest.is_some().then(Vec::new);
        }
        if let Some(last) = page.last().and_then(|entry| place(&entry.0)) {
            self.last = last;
        }
        Some(page.iter().map(|entry| key_in(link, entry)).collect())
    }
}

/// Of the list: where it stands, and what it is.
type Entry = (String, Vec<Value>);

fn place(text: &str) -> Option<(u64, u64)> {
    let (milliseconds, number) = text.split_once('-')?;
    Some((milliseconds.parse().ok()?, number.parse().ok()?))
}

fn key_in(link: &Link, (_, fields): &Entry) -> Option<Key> {
    let [_name, Value::BulkString(sealed)] = fields.as_slice() else { return None };
    let told = link.keys().open(&[b"forgotten"], sealed).ok()?;
    let (system, partner) = told.split_at_checked(SYSTEM)?;
    let system = SystemId::of_bytes(system.try_into().ok()?);
    let partner = PartnerId::parse(std::str::from_utf8(partner).ok()?).ok()?;
    Some(Key { system, partner })
}
