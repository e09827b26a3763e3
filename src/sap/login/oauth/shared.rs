//! One token for all replicas, over the memory that they share: one of them asks the token server, the others
//! read what it was granted.
//!
//! It stands there sealed by `cache.keys`, with its end, for no longer than it is good. One that SAP has
//! refused here is not read again, whoever wrote it. Without the shared memory each has a token of its own.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderValue;
use redis::Cmd;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::{Granted, Token};
use crate::{
    config,
    net::kv::{Link, LinkState, Question, Script, Store},
    sap::{
        common::{TokenFrom, digest_of},
        error::TokenProblem,
        metrics::SapMetrics,
    },
    telemetry::clock,
};

/// The longest that a write is waited for.
const WRITE_WITHIN: Duration = Duration::from_millis(250);

/// How often one looks whether another replica has got a token.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often one looks whether the memory is connected.
const CONNECTING: Duration = Duration::from_millis(5);

/// The turn outlives the wait for the token server by so much.
const LONGER: Duration = Duration::from_secs(1);

/// One that ends sooner is as good as none: to fetch it took a request as well.
const WORTH_READING: Duration = Duration::from_secs(2);

/// Refused tokens that are remembered: SAP refuses one, the next one, and then it is no accident.
const REFUSED: usize = 8;

/// Ends the turn of whoever has it. KEYS: turn. ARGV: holder.
static END: Script = Script::new(
    r"
    if redis.pcall('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
    return 0
    ",
);

/// The token of one client at one token server, as the replicas share it.
pub(super) struct Sharing {
    store: Arc<Store>,
    group: String,
    refused: Mutex<VecDeque<Digest>>,
    metrics: Arc<SapMetrics>,
}

type Digest = [u8; 32];

/// Which token it is: no secret, and only who grants the same shares it.
pub(super) fn group(oauth: &config::OAuth) -> String {
    let url = oauth.token_url.to_string();
    let mut texts = vec!["token", url.as_str(), oauth.client_id.as_str()];
    texts.extend(oauth.parameters.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    digest_of(&texts)
}

impl Sharing {
    pub(super) fn new(store: &Arc<Store>, group: &str, metrics: &Arc<SapMetrics>) -> Self {
        Self {
            store: Arc::clone(store),
            group: group.to_owned(),
            refused: Mutex::default(),
            metrics: Arc::clone(metrics),
        }
    }

    /// SAP does not take it.
    pub(super) fn refuse(&self, token: &Token) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = digest_of_token(&token.authorization);
        // Refused once for each request in flight, it must not push others out.
        if refused.contains(&digest) {
            return;
        }
        refused.push_back(digest);
        if refused.len() > REFUSED {
            refused.pop_front();
        }
    }

    /// A token that another replica has, or else what `fetch` gets, at most after so long. `own`: the one
    /// that is to be replaced.
    pub(super) async fn obtain<F>(
        &self,
        own: Option<&Token>,
        within: Duration,
        fetch: impl FnOnce() -> F,
    ) -> Result<(Granted, TokenFrom), TokenProblem>
    where
        F: Future<Output = Result<Granted, TokenProblem>>,
    {
        let (holder, until) = (format!("{:016x}", fastrand::u64(..)), Instant::now() + within);
        self.until_connected().await;
        let mut turn = None;
        while let Some(link) = self.store.answering() {
            if let Some(granted) = self.read(&link, own).await {
                self.metrics.common.token(TokenFrom::Shared);
                if turn.is_some() {
                    self.end(&link, &holder).await;
                }
                return Ok((granted, TokenFrom::Shared));
            }
            // It is ours, and nobody has written in between.
            if turn.is_some() || Instant::now() >= until {
                break;
            }
            match self.take_turn(&link, &holder, within).await {
                Some(true) => turn = Some(link),
                Some(false) => sleep(LOOK_AGAIN.mul_f64(0.75 + fastrand::f64() / 2.0)).await,
                None => break,
            }
        }
        let asked = clock::unix_milliseconds();
        let granted = fetch().await;
        if let Ok(granted) = &granted {
            self.metrics.common.token(TokenFrom::Server);
            if let Some(link) = self.store.answering() {
                self.write(&link, granted, asked).await;
            }
        }
        if let Some(link) = turn {
            self.end(&link, &holder).await;
        }
        granted.map(|granted| (granted, TokenFrom::Server))
    }

    /// A process that has just started knows the memory in a moment; it is not waited for longer than for
    /// an answer of it.
    async fn until_connected(&self) {
        let Some(link) = self.store.configured() else { return };
        let until = link.until();
        while link.standing().state == LinkState::Connecting && Instant::now() < until {
            sleep(CONNECTING).await;
        }
    }

    /// The token that stands there, where it is of use.
    async fn read(&self, link: &Link, own: Option<&Token>) -> Option<Granted> {
        let mut get = redis::cmd("GET");
        get.arg(link.key(&self.group, "token"));
        let sealed: Option<Vec<u8>> = ask(link, &get, link.until()).await?;
        let text = link.keys().open(&[b"token", self.group.as_bytes()], &sealed?).ok()?;
        let (ends, authorization) = read(&Zeroizing::new(text))?;
        let life = Duration::from_millis(ends.saturating_sub(clock::unix_milliseconds()));
        let digest = digest_of_token(&authorization);
        let is_refused =
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest);
        let is_own = own.is_some_and(|own| own.authorization == authorization);
        let is_newer = own.is_none_or(|own| Instant::now() + life > own.usable_until);
        let is_of_use = !is_refused && !is_own && is_newer && life >= WORTH_READING;
        is_of_use.then_some(Granted { authorization, life })
    }

    async fn write(&self, link: &Link, granted: &Granted, asked: u64) {
        let life = u64::try_from(granted.life.as_millis()).unwrap_or(u64::MAX);
        let ends = asked.saturating_add(life);
        let mut text = Zeroizing::new(format!("{ends}\n").into_bytes());
        text.extend_from_slice(granted.authorization.as_bytes());
        let Ok(sealed) = link.keys().seal(&[b"token", self.group.as_bytes()], &text) else {
            return;
        };
        let mut set = redis::cmd("SET");
        set.arg(link.key(&self.group, "token")).arg(sealed).arg("PX").arg(life.max(1));
        // Without it each fetches one.
        let _told = ask::<()>(link, &set, Instant::now() + WRITE_WITHIN).await;
    }

    /// `None`: nobody knows.
    async fn take_turn(&self, link: &Link, holder: &str, within: Duration) -> Option<bool> {
        let lasts = u64::try_from((within + LONGER).as_millis()).unwrap_or(u64::MAX);
        let mut set = redis::cmd("SET");
        set.arg(self.turn(link)).arg(holder).arg("NX").arg("PX").arg(lasts);
        let set = ask::<Option<String>>(link, &set, link.until()).await;
        set.map(|set| set.is_some())
    }

    async fn end(&self, link: &Link, holder: &str) {
        let call = END.call().key(self.turn(link)).argument(holder);
        let until = Instant::now() + WRITE_WITHIN;
        // Untold, it ends by itself.
        let _told = link.ask::<i64>(Question::Script(&call), until).await;
    }

    fn turn(&self, link: &Link) -> String {
        link.key(&self.group, "token-turn")
    }
}

async fn ask<T: redis::FromRedisValue>(link: &Link, command: &Cmd, until: Instant) -> Option<T> {
    link.ask(Question::Command(command), until).await.ok()
}

/// When it ends, in milliseconds since 1970, and the header.
fn read(text: &[u8]) -> Option<(u64, HeaderValue)> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (ends, authorization) = (text.get(..end)?, text.get(end + 1..)?);
    let ends = std::str::from_utf8(ends).ok()?.parse().ok()?;
    let token = authorization.strip_prefix(b"Bearer ")?;
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut authorization = HeaderValue::from_bytes(authorization).ok()?;
    authorization.set_sensitive(true);
    Some((ends, authorization))
}

fn digest_of_token(authorization: &HeaderValue) -> Digest {
    let mut named = [0; 32];
    let digest = digest(&SHA256, authorization.as_bytes());
    named.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_as_a_token_is_read_as_one() {
        let (ends, authorization) = read(b"1795564800000\nBearer abc.def").unwrap();
        assert_eq!((ends, authorization.to_str().unwrap()), (1_795_564_800_000, "Bearer abc.def"));
        assert!(authorization.is_sensitive());

        for text in
            ["", "1", "1\n", "1\nBearer ", "1\nBasic x", "x\nBearer a", "1\nBearer a\r\nb: c"]
        {
            assert!(read(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
