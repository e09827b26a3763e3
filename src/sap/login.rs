//! How dialgate shows SAP who it is, and how it avoids locking its own user.
//!
//! SAP locks a user after a few wrong attempts (KBA 2831118), and then nobody gets an answer even
//! with the right password. So a refusal stops all further requests, and until the credentials have
//! been accepted once, requests go one at a time: a wrong password costs one attempt, not one per
//! call that happens to wait.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::{Mutex, MutexGuard};
use zeroize::Zeroizing;

use super::dialect::DialectProblem;
use crate::config;

/// Headers that say where a request goes and where it ends; none of them is a login.
const OURS: [HeaderName; 6] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::ACCEPT_ENCODING,
];

/// The credentials are not known to be good: this request goes alone.
pub(super) type Alone<'l> = MutexGuard<'l, ()>;

/// The headers of every request, and what SAP thinks of them.
pub(super) struct Login {
    headers: HeaderMap,
    accepted: AtomicBool,
    refused: AtomicBool,
    alone: Mutex<()>,
}

impl Login {
    /// Prepares the headers.
    pub(super) fn new(login: &config::Login) -> Result<Self, Vec<DialectProblem>> {
        let headers = headers(login)?;
        Ok(Self {
            headers,
            accepted: AtomicBool::new(matches!(login, config::Login::None)),
            refused: AtomicBool::new(false),
            alone: Mutex::new(()),
        })
    }

    /// What goes along with every request.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
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
        self.accepted.store(false, Ordering::Release);
        self.refused.store(false, Ordering::Release);
    }
}

fn headers(login: &config::Login) -> Result<HeaderMap, Vec<DialectProblem>> {
    let mut headers = HeaderMap::new();
    let mut problems = Vec::new();
    match login {
        config::Login::None => {}
        config::Login::Basic { user, password } => {
            if user.contains(':') || user.chars().any(char::is_control) {
                problems.push(DialectProblem::new(
                    "sap.login",
                    "has a user with `:` or a control character, which Basic cannot send",
                ));
            }
            let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
            let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
            match HeaderValue::from_str(&value) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    headers.insert(header::AUTHORIZATION, value);
                }
                Err(error) => problems.push(DialectProblem::new("sap.login", error.to_string())),
            }
        }
        config::Login::Headers(pairs) => {
            for (name, secret) in pairs {
                if OURS.contains(name) {
                    problems.push(DialectProblem::new(
                        "sap.login",
                        format!("has the header `{name}`, which dialgate sets itself"),
                    ));
                }
                match HeaderValue::from_str(secret.expose()) {
                    Ok(mut value) => {
                        value.set_sensitive(true);
                        headers.append(name.clone(), value);
                    }
                    Err(_not_shown) => problems.push(DialectProblem::new(
                        "sap.login",
                        format!(
                            "has a value for `{name}` with a character that no header may have"
                        ),
                    )),
                }
            }
        }
    }
    if problems.is_empty() { Ok(headers) } else { Err(problems) }
}
