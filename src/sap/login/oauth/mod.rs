//! Tokens of OAuth2 client credentials: one request at a time, however many calls wait; a new token
//! ahead of the old one's end; none used after its end.
//!
//! One task asks the token server. Calls only look at what it has: a token, or the last failure,
//! which they are told at once instead of waiting for an answer that has just failed to come.

mod answer;
mod assertion;
mod request;
mod shared;
#[cfg(test)]
mod tests;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::HeaderValue;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use crate::sap::{
    common::TokenFrom, error::TokenProblem, login::verdict::Verdict, metrics::SapMetrics,
    problem::DialectProblem,
};
use crate::{config, net::kv::Store};

use request::TokenServer;
use shared::Sharing;

/// The token server is asked at most once in this time, whatever SAP thinks of its tokens.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// The longest pause between two tries while the token server fails.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A token is given up this long before its end, or a tenth of its life if that is shorter: the
/// request that carries it has to arrive.
const MARGIN: Duration = Duration::from_secs(30);

/// What the token server granted.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    /// `Bearer …`, marked as sensitive.
    pub(super) authorization: HeaderValue,
    /// How long it is good, from the moment it was asked for.
    pub(super) life: Duration,
}

/// A token that SAP may be shown.
pub(in crate::sap) struct Token {
    pub(in crate::sap) authorization: HeaderValue,
    usable_until: Instant,
    /// SAP has taken it at least once.
    accepted: AtomicBool,
}

impl Token {
    /// SAP has taken it.
    pub(in crate::sap) fn accept(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }
}

/// The tokens of one client at one token server.
pub(in crate::sap) struct Tokens {
    shared: Arc<Shared>,
    /// Started with the first call: a configuration that is only checked asks nobody.
    task: OnceLock<AbortOnDropHandle<()>>,
    server: Option<Arc<TokenServer>>,
    /// Which token it is, for those who share it.
    group: String,
}

type Fetching = Pin<Box<dyn Future<Output = Result<Granted, TokenProblem>> + Send>>;

struct Shared {
    fetch: Box<dyn Fn() -> Fetching + Send + Sync>,
    timeout: Duration,
    state: watch::Sender<State>,
    wake: Notify,
    /// With other replicas.
    sharing: OnceLock<Sharing>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// Why the last request gave no token, until one does.
    failure: Option<TokenProblem>,
}

impl Tokens {
    /// Reads keys and certificates; asks nobody yet.
    pub(super) fn new(oauth: &config::OAuth) -> Result<Self, DialectProblem> {
        let server = Arc::new(TokenServer::new(oauth)?);
        let asked = Arc::clone(&server);
        let fetch = move || -> Fetching {
            let server = Arc::clone(&asked);
            Box::pin(async move { server.fetch().await })
        };
        let group = shared::group(oauth);
        Ok(Self { server: Some(server), group, ..Self::with(Box::new(fetch), oauth.timeout) })
    }

    fn with(fetch: Box<dyn Fn() -> Fetching + Send + Sync>, timeout: Duration) -> Self {
        let state = watch::Sender::new(State::default());
        let (wake, sharing) = (Notify::new(), OnceLock::new());
        let shared = Arc::new(Shared { fetch, timeout, state, wake, sharing });
        Self { shared, task: OnceLock::new(), server: None, group: String::new() }
    }

    /// One for all replicas from now on, over this memory.
    pub(super) fn share(&self, store: &Arc<Store>, metrics: &Arc<SapMetrics>) {
        self.shared.sharing.get_or_init(|| Sharing::new(store, &self.group, metrics));
    }

    /// Host and port of the token server.
    pub(in crate::sap) fn host(&self) -> Arc<str> {
        self.server.as_ref().map_or_else(|| "".into(), |server| Arc::clone(&server.host))
    }

    /// A token that has not ended, waiting for one only while nothing is known to be wrong. Has no
    /// time limit of its own.
    pub(in crate::sap) async fn token(&self) -> Result<Arc<Token>, TokenProblem> {
        self.task.get_or_init(|| {
            AbortOnDropHandle::new(tokio::spawn(keep_fetching(Arc::clone(&self.shared))))
        });
        let mut states = self.shared.state.subscribe();
        loop {
            {
                let state = states.borrow_and_update();
                if let Some(token) = &state.token
                    && Instant::now() < token.usable_until
                {
                    return Ok(Arc::clone(token));
                }
                if let Some(problem) = &state.failure {
                    return Err(problem.clone());
                }
            }
            if states.changed().await.is_err() {
                return Err(TokenProblem::Deadline);
            }
        }
    }

    /// SAP refused this token. True: another one may help.
    ///
    /// One that SAP had taken before has ended early, so the next one is fetched at once. One that
    /// SAP never took will hardly be better next time; it is fetched after a pause.
    pub(in crate::sap) fn reject(&self, token: &Arc<Token>) -> bool {
        let was_good = token.accepted.load(Ordering::Relaxed);
        if let Some(sharing) = self.shared.sharing.get() {
            sharing.refuse(token);
        }
        let dropped = self.shared.state.send_if_modified(|state| {
            let is_current =
                state.token.as_ref().is_some_and(|current| Arc::ptr_eq(current, token));
            if is_current {
                state.token = None;
                if !was_good {
                    state.failure = Some(TokenProblem::Rejected);
                }
            }
            is_current
        });
        if dropped {
            self.shared.wake.notify_one();
        }
        // Where somebody else has dropped it, there is or will be a newer one.
        was_good || !dropped
    }

    /// For how many seconds the token is usable, and whether the last request gave none.
    pub(in crate::sap) fn left(&self) -> (Option<u64>, bool) {
        let state = self.shared.state.borrow();
        let left = state
            .token
            .as_ref()
            .map(|token| token.usable_until.saturating_duration_since(Instant::now()).as_secs());
        (left, state.failure.is_some())
    }

    /// Forgets what went wrong and asks again.
    pub(in crate::sap) fn retry(&self) {
        self.shared.state.send_modify(|state| state.failure = None);
        // A task that is not there yet asks anyway.
        if self.task.get().is_some() {
            self.shared.wake.notify_one();
        }
    }

    /// When the certificate that we show ends, in seconds since 1970.
    pub(super) fn identity_ends(&self) -> Option<i64> {
        self.server.as_ref()?.identity_ends()
    }

    /// Reads keys and certificates again. True: they have changed.
    pub(super) fn reread(&self) -> Result<bool, String> {
        self.server.as_ref().map_or(Ok(false), |server| server.reread())
    }
}

impl Shared {
    /// Another replica's token, or the token server's.
    async fn obtain(&self) -> Result<(Granted, TokenFrom), TokenProblem> {
        let fetch = || async {
            timeout(self.timeout, (self.fetch)())
                .await
                .unwrap_or_else(|_elapsed| Err(TokenProblem::Deadline))
        };
        match self.sharing.get() {
            Some(sharing) => {
                let own = self.state.borrow().token.clone();
                sharing.obtain(own.as_deref(), self.timeout, fetch).await
            }
            None => fetch().await.map(|granted| (granted, TokenFrom::Server)),
        }
    }
}

/// Keeps a token at hand until it is dropped.
async fn keep_fetching(shared: Arc<Shared>) {
    let mut failures = 0;
    let mut rejections = 0;
    // Token servers lock clients, too.
    let verdict = Verdict::new(true);
    loop {
        let asked = Instant::now();
        // This task alone shows them, and only when they may be shown.
        drop(verdict.admit().await);
        let mut next = match shared.obtain().await {
            Ok((granted, from)) => {
                if failures > 0 {
                    info!(failures, "the token server grants tokens again");
                }
                failures = 0;
                verdict.accept();
                let refresh = asked + refresh_after(granted.life);
                let token = Token {
                    authorization: granted.authorization,
                    usable_until: asked + granted.life - MARGIN.min(granted.life / 10),
                    // SAP took it from whoever had it first, for all that is known.
                    accepted: AtomicBool::new(from == TokenFrom::Shared),
                };
                shared.state.send_modify(|state| {
                    state.token = Some(Arc::new(token));
                    state.failure = None;
                });
                Some(refresh)
            }
            Err(problem) => {
                failures += 1;
                let has_token = shared.state.borrow().token.is_some();
                // Without a token the calls tell it, see `Health`.
                if has_token && failures == 1 {
                    warn!(kind = problem.outcome().label(), "no new token in advance: {problem}");
                }
                let pause = problem.retry_after().unwrap_or_default().max(pause(failures));
                let is_refused = matches!(problem, TokenProblem::Credentials);
                shared.state.send_modify(|state| state.failure = Some(problem));
                if is_refused {
                    // Shown again sparsely, and then not until somebody says so.
                    verdict.refuse();
                    verdict.next_try()
                } else {
                    Some(Instant::now() + pause)
                }
            }
        };
        loop {
            let woken = tokio::select! {
                () = sleep_until_some(next) => false,
                () = shared.wake.notified() => true,
            };
            if !woken {
                break;
            }
            // A changed secret, an operator, or a token that has ended early.
            verdict.grant();
            if matches!(shared.state.borrow().failure, Some(TokenProblem::Rejected)) {
                rejections += 1;
                next = Some(Instant::now() + pause(rejections));
            } else {
                rejections = 0;
                break;
            }
        }
        sleep_until(asked + SHORTEST_INTERVAL).await;
    }
}

async fn sleep_until_some(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// When the next token is fetched: after four fifths of this one's life, and a second before its
/// end at least, because servers count whole seconds.
fn refresh_after(life: Duration) -> Duration {
    (life * 4 / 5).min(life.saturating_sub(Duration::from_secs(1)))
}

/// 1 s, 2 s, 4 s … up to [`LONGEST_PAUSE`], each shortened by up to a quarter at random, so that
/// several gateways do not ask together.
fn pause(times: u32) -> Duration {
    let pause = Duration::from_secs(1 << times.saturating_sub(1).min(6)).min(LONGEST_PAUSE);
    pause.mul_f64(1.0 - 0.25 * fastrand::f64()).max(SHORTEST_INTERVAL)
}
