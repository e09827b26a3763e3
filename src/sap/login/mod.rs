//! How dialgate shows SAP who it is, and what SAP thinks of that ([`Verdict`]): each set of
//! credentials has a verdict of its own, and what SAP answers is judged on the set that was sent.

mod basic;
mod headers;
pub(super) mod oauth;
mod verdict;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::time::Instant;

use crate::{
    config,
    net::kv::Store,
    sap::{
        error::{LookupError, TokenProblem},
        metrics::SapMetrics,
        problem::DialectProblem,
    },
};

use oauth::{Token, Tokens};

pub(super) use verdict::Verdict;

/// What is shown to SAP.
pub(super) struct Login {
    config: Mutex<config::Login>,
    current: ArcSwap<Credentials>,
    /// Over which memory replicas have one token, and who counts that.
    sharing: OnceLock<(Arc<Store>, Arc<SapMetrics>)>,
}

/// One set of credentials, and what SAP thinks of it.
pub(super) struct Credentials {
    shown: Shown,
    pub(super) verdict: Verdict,
}

/// How the credentials get into a request.
enum Shown {
    /// The same headers every time; none where there is no login, or a client certificate.
    Headers(Arc<HeaderMap>),
    /// A token that changes.
    Tokens(Arc<Tokens>),
}

/// What one request shows.
pub(super) struct Showing {
    pub(super) headers: Arc<HeaderMap>,
    /// The token in the headers, and whom to tell what SAP thinks of it.
    pub(super) token: Option<(Arc<Tokens>, Arc<Token>)>,
}

impl Shown {
    fn always(headers: HeaderMap) -> Self {
        Self::Headers(Arc::new(headers))
    }

    fn new(login: &config::Login) -> Result<Self, Vec<DialectProblem>> {
        match login {
            config::Login::None | config::Login::Certificate(_) => {
                Ok(Self::always(HeaderMap::new()))
            }
            config::Login::Basic { user, password } => {
                basic::headers(user, password).map(Self::always)
            }
            config::Login::Headers(pairs) => headers::headers(pairs).map(Self::always),
            config::Login::OAuth(oauth) => Tokens::new(oauth)
                .map(|tokens| Self::Tokens(Arc::new(tokens)))
                .map_err(|problem| vec![problem]),
        }
    }
}

impl Credentials {
    fn new(login: &config::Login) -> Result<Self, Vec<DialectProblem>> {
        Ok(Self { shown: Shown::new(login)?, verdict: Verdict::new(locks(login)) })
    }

    /// What goes along with the next request; waits for a token where there is none. Has no time
    /// limit of its own.
    pub(super) async fn show(&self) -> Result<Showing, LookupError> {
        let tokens = match &self.shown {
            Shown::Headers(headers) => {
                return Ok(Showing { headers: Arc::clone(headers), token: None });
            }
            Shown::Tokens(tokens) => Arc::clone(tokens),
        };
        let token = tokens
            .token()
            .await
            .map_err(|problem| LookupError::Token { host: tokens.host(), problem })?;
        let authorization = token.authorization.clone();
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, authorization)]);
        Ok(Showing { headers: Arc::new(headers), token: Some((tokens, token)) })
    }

    /// Tokens and client certificates are never the same: SAP does not lock a user for those.
    fn are_the_same_headers_as(&self, other: &Self) -> bool {
        match (&self.shown, &other.shown) {
            (Shown::Headers(ours), Shown::Headers(theirs)) => !ours.is_empty() && ours == theirs,
            _ => false,
        }
    }

    /// Host and port of the token server, where there is one.
    pub(super) fn token_host(&self) -> Option<Arc<str>> {
        match &self.shown {
            Shown::Headers(_) => None,
            Shown::Tokens(tokens) => Some(tokens.host()),
        }
    }
}

impl Login {
    /// Prepares headers, keys and certificates; asks nobody.
    pub(super) fn new(login: &config::Login) -> Result<Self, Vec<DialectProblem>> {
        let current = ArcSwap::from_pointee(Credentials::new(login)?);
        let (config, sharing) = (Mutex::new(login.clone()), OnceLock::new());
        Ok(Self { config, current, sharing })
    }

    /// Replicas have one token from now on, over this memory.
    pub(super) fn share(&self, store: &Arc<Store>, metrics: &Arc<SapMetrics>) {
        self.sharing.get_or_init(|| (Arc::clone(store), Arc::clone(metrics)));
        self.share_those(&self.current.load());
    }

    fn share_those(&self, credentials: &Credentials) {
        if let (Shown::Tokens(tokens), Some((store, metrics))) =
            (&credentials.shown, self.sharing.get())
        {
            tokens.share(store, metrics);
        }
    }

    /// Those that count now; what SAP answers to them is told to these, whatever counts by then.
    pub(super) fn current(&self) -> Arc<Credentials> {
        self.current.load_full()
    }

    /// Shows what the changed configuration says from now on. Credentials that are the same stay, and
    /// so does what SAP thinks of them: a changed configuration must not make a refused secret look
    /// new. Requests under way belong to those that they were sent with.
    pub(super) fn change_to(&self, other: Self) {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = other.config.into_inner().unwrap_or_else(PoisonError::into_inner);
        if *config == changed {
            return;
        }
        *config = changed;
        let after = other.current.into_inner();
        if !after.are_the_same_headers_as(&self.current.load()) {
            self.share_those(&after);
            self.current.store(after);
        }
    }

    /// Nobody is asked with these now.
    pub(super) fn is_resting(&self) -> bool {
        let current = self.current.load();
        current.verdict.is_refused()
            && current.verdict.next_try().is_none_or(|next| next > Instant::now())
    }

    /// SAP refused the current ones, or a try of refused ones is under way.
    pub(super) fn rests_or_tries(&self) -> bool {
        self.current.load().verdict.is_refused()
    }

    /// When refused ones are tried again by themselves.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.current.load().verdict.next_try()
    }

    /// Why nobody is asked after a refusal.
    pub(super) fn refusal(&self, host: &Arc<str>) -> LookupError {
        match self.current.load().token_host() {
            None => LookupError::Credentials { host: Arc::clone(host) },
            Some(host) => LookupError::Token { host, problem: TokenProblem::Credentials },
        }
    }

    /// Reads secrets and keys again. True: they have changed, and may be tried.
    pub(super) fn reread(&self) -> Result<bool, String> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = config.reread()? {
            let credentials = Credentials::new(&new).map_err(|problems| {
                problems.first().map(|first| first.message.clone()).unwrap_or_default()
            })?;
            self.share_those(&credentials);
            self.current.store(Arc::new(credentials));
            *config = new;
            return Ok(true);
        }
        match &self.current.load().shown {
            Shown::Headers(_) => Ok(false),
            Shown::Tokens(tokens) => tokens.reread(),
        }
    }

    /// When the certificate by which the token server knows us ends, in seconds since 1970.
    pub(super) fn identity_ends(&self) -> Option<i64> {
        match &self.current.load().shown {
            Shown::Headers(_) => None,
            Shown::Tokens(tokens) => tokens.identity_ends(),
        }
    }

    /// Forgets what SAP thought of a client certificate: it has been replaced under its name. Other
    /// credentials stay what they are.
    pub(super) fn renew(&self) -> Result<(), String> {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*config, config::Login::Certificate(_)) {
            return Ok(());
        }
        let credentials = Credentials::new(&config).map_err(|problems| {
            problems.first().map(|first| first.message.clone()).unwrap_or_default()
        })?;
        self.current.store(Arc::new(credentials));
        Ok(())
    }

    /// For how many seconds the token is usable, and whether the token server gave none when it was asked
    /// last; nothing without tokens.
    pub(super) fn token_state(&self) -> (Option<u64>, bool) {
        match &self.current().shown {
            Shown::Tokens(tokens) => tokens.left(),
            Shown::Headers(_) => (None, false),
        }
    }

    /// Lets one more request try the current ones, alone.
    pub(super) fn retry(&self) {
        let current = self.current.load();
        current.verdict.grant();
        if let Shown::Tokens(tokens) = &current.shown {
            tokens.retry();
        }
    }
}

/// Some user of SAP may be locked by trying.
fn locks(login: &config::Login) -> bool {
    !matches!(login, config::Login::None | config::Login::OAuth(_))
}
