//! Whether SAP answers, told once per outage and not once per call.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::sap::{
    error::{LookupError, TokenProblem},
    metrics::SapMetrics,
};

/// A partner whose data are no good is told at most this often: the remedy is in SAP and takes a
/// person, who should not have to read it more than a few times an hour.
const TELL_AGAIN: Duration = Duration::from_mins(10);

/// What is known about SAP from asking it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SapHealth {
    /// Nothing was asked yet.
    NotAsked,
    /// The last request got a proper answer.
    Answering,
    /// The last request got none; the kind of the first error of this outage.
    Silent(&'static str),
    /// SAP refused the credentials and is not asked any more.
    CredentialsRefused,
}

/// Keeps [`SapHealth`] and tells its changes.
pub(super) struct Health {
    host: Arc<str>,
    metrics: Arc<SapMetrics>,
    state: Mutex<State>,
}

struct State {
    health: SapHealth,
    has_answered: bool,
    told_about_a_partner: Option<Instant>,
}

impl Health {
    pub(super) fn new(host: Arc<str>, metrics: Arc<SapMetrics>) -> Self {
        let state = Mutex::new(State {
            health: SapHealth::NotAsked,
            has_answered: false,
            told_about_a_partner: None,
        });
        Self { host, metrics, state }
    }

    pub(super) fn now(&self) -> SapHealth {
        self.state().health
    }

    /// SAP has given a proper answer at least once.
    pub(super) fn has_answered(&self) -> bool {
        self.state().has_answered
    }

    /// SAP gave a proper answer.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.has_answered = true;
        match state.health {
            // An answer to a request that was under way when another one was refused.
            SapHealth::Answering | SapHealth::CredentialsRefused => return,
            SapHealth::NotAsked => {}
            SapHealth::Silent(kind) => {
                info!(upstream = %self.host, kind, "SAP at {} answers again", self.host);
            }
        }
        self.turn(&mut state, SapHealth::Answering);
    }

    /// SAP gave none.
    pub(super) fn failed(&self, failure: &LookupError) {
        let kind = failure.label();
        let cause = std::error::Error::source(failure).map(tracing::field::display);
        let mut state = self.state();
        match failure {
            LookupError::Busy { .. } => return,
            credentials if credentials.is_about_credentials() => {
                if state.health != SapHealth::CredentialsRefused {
                    error!(upstream = %self.host, kind, "{failure}");
                    self.turn(&mut state, SapHealth::CredentialsRefused);
                }
                return;
            }
            _ => {}
        }
        if failure.is_about_one_partner() {
            let now = Instant::now();
            if state.told_about_a_partner.is_none_or(|told| now - told >= TELL_AGAIN) {
                state.told_about_a_partner = Some(now);
                warn!(upstream = %self.host, kind, "{failure}");
            }
            drop(state);
            self.answered();
            return;
        }
        if matches!(state.health, SapHealth::NotAsked | SapHealth::Answering) {
            let (position, code) = (failure.position(), failure.code());
            if needs_a_person(failure) {
                error!(upstream = %self.host, kind, position, code, cause, "{failure}");
            } else {
                warn!(upstream = %self.host, kind, position, code, cause, "{failure}");
            }
            self.turn(&mut state, SapHealth::Silent(kind));
        }
    }

    /// The credentials are tried again.
    pub(super) fn forget_refusal(&self) {
        let mut state = self.state();
        if state.health == SapHealth::CredentialsRefused {
            self.turn(&mut state, SapHealth::NotAsked);
        }
    }

    fn turn(&self, state: &mut State, health: SapHealth) {
        state.health = health;
        self.metrics
            .health(health == SapHealth::Answering, health == SapHealth::CredentialsRefused);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waiting does not help: somebody must change something here or in SAP.
fn needs_a_person(failure: &LookupError) -> bool {
    match failure {
        LookupError::Token { problem, .. } => !matches!(
            problem,
            TokenProblem::Connect(_) | TokenProblem::Deadline | TokenProblem::Status { .. }
        ),
        LookupError::Credentials { .. }
        | LookupError::Proxy { .. }
        | LookupError::Forbidden { .. }
        | LookupError::Redirect { .. }
        | LookupError::Protocol { .. }
        | LookupError::Reply { .. } => true,
        LookupError::Busy { .. }
        | LookupError::Connect { .. }
        | LookupError::Deadline { .. }
        | LookupError::Cut { .. }
        | LookupError::Throttled { .. }
        | LookupError::Maintenance { .. }
        | LookupError::Status { .. } => false,
    }
}
