//! How dialgate shows SAP who it is, and how it avoids locking its own user.
//!
//! SAP locks a user after a few wrong attempts (KBA 2831118), and then nobody gets an answer even
//! with the right password. So a refusal stops all further requests, and until the credentials have
//! been accepted once, requests go one at a time: a wrong password costs one attempt, not one per
//! call that happens to wait.

mod basic;
mod headers;
pub(super) mod oauth;

use std::sync::{
    Arc, Mutex as StdMutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::sync::{Mutex, MutexGuard};

use crate::config;
use crate::sap::{
    error::{LookupError, TokenProblem},
    problem::DialectProblem,
};

use oauth::{Token, Tokens};

/// The credentials are not known to be good: this request goes alone.
pub(super) type Alone<'l> = MutexGuard<'l, ()>;

/// What is shown to SAP, and what SAP thinks of it.
pub(super) struct Login {
    config: StdMutex<config::Login>,
    shown: ArcSwap<Shown>,
    accepted: AtomicBool,
    refused: AtomicBool,
    alone: Mutex<()>,
}

/// How the credentials get into a request.
enum Shown {
    /// The same headers every time; none where there is no login, or a client certificate.
    Headers(HeaderMap),
    /// A token that changes.
    Tokens(Arc<Tokens>),
}

/// What one request shows.
pub(super) struct Credentials {
    pub(super) headers: HeaderMap,
    /// The token in the headers, and whom to tell what SAP thinks of it.
    pub(super) token: Option<(Arc<Tokens>, Arc<Token>)>,
}

impl Shown {
    fn new(login: &config::Login) -> Result<Self, Vec<DialectProblem>> {
        match login {
            config::Login::None | config::Login::Certificate(_) => {
                Ok(Self::Headers(HeaderMap::new()))
            }
            config::Login::Basic { user, password } => {
                basic::headers(user, password).map(Self::Headers)
            }
            config::Login::Headers(pairs) => headers::headers(pairs).map(Self::Headers),
            config::Login::OAuth(oauth) => Tokens::new(oauth)
                .map(|tokens| Self::Tokens(Arc::new(tokens)))
                .map_err(|problem| vec![problem]),
        }
    }
}

impl Login {
    /// Prepares headers, keys and certificates; asks nobody.
    pub(super) fn new(login: &config::Login) -> Result<Self, Vec<DialectProblem>> {
        Ok(Self {
            shown: ArcSwap::from_pointee(Shown::new(login)?),
            config: StdMutex::new(login.clone()),
            accepted: AtomicBool::new(needs_no_proof(login)),
            refused: AtomicBool::new(false),
            alone: Mutex::new(()),
        })
    }

    /// What goes along with the next request; waits for a token where there is none. Has no time
    /// limit of its own.
    pub(super) async fn credentials(&self) -> Result<Credentials, LookupError> {
        let tokens = match &**self.shown.load() {
            Shown::Headers(headers) => {
                return Ok(Credentials { headers: headers.clone(), token: None });
            }
            Shown::Tokens(tokens) => Arc::clone(tokens),
        };
        let token = tokens
            .token()
            .await
            .map_err(|problem| LookupError::Token { host: tokens.host(), problem })?;
        let authorization = token.authorization.clone();
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, authorization)]);
        Ok(Credentials { headers, token: Some((tokens, token)) })
    }

    /// Host and port of the token server, where there is one.
    pub(super) fn token_host(&self) -> Option<Arc<str>> {
        match &**self.shown.load() {
            Shown::Headers(_) => None,
            Shown::Tokens(tokens) => Some(tokens.host()),
        }
    }

    /// Why nobody is asked after a refusal.
    pub(super) fn refusal(&self, host: &Arc<str>) -> LookupError {
        match self.token_host() {
            None => LookupError::Credentials { host: Arc::clone(host) },
            Some(host) => LookupError::Token { host, problem: TokenProblem::Credentials },
        }
    }

    /// Reads secrets and keys again. True: they have changed, and may be tried.
    pub(super) fn reread(&self) -> Result<bool, String> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = config.reread()? {
            let shown = Shown::new(&new).map_err(|problems| {
                problems.first().map(|first| first.message.clone()).unwrap_or_default()
            })?;
            self.shown.store(Arc::new(shown));
            *config = new;
            return Ok(true);
        }
        match &**self.shown.load() {
            Shown::Headers(_) => Ok(false),
            Shown::Tokens(tokens) => tokens.reread(),
        }
    }

    /// Waits until this request may show the credentials; the guard is kept until SAP answered.
    pub(super) async fn admit(&self) -> Option<Alone<'_>> {
        if self.accepted.load(Ordering::Acquire) {
            return None;
        }
        let alone = self.alone.lock().await;
        // Whoever went before may have settled it.
        (!self.accepted.load(Ordering::Acquire)).then_some(alone)
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    pub(super) fn accept(&self) {
        self.accepted.store(true, Ordering::Release);
    }

    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::Release);
    }

    /// Lets the next request try again, alone.
    pub(super) fn retry(&self) {
        let is_proven = needs_no_proof(&self.config.lock().unwrap_or_else(PoisonError::into_inner));
        self.accepted.store(is_proven, Ordering::Release);
        self.refused.store(false, Ordering::Release);
        if let Shown::Tokens(tokens) = &**self.shown.load() {
            tokens.retry();
        }
    }
}

/// No user of SAP is locked by trying.
fn needs_no_proof(login: &config::Login) -> bool {
    matches!(login, config::Login::None | config::Login::OAuth(_))
}
