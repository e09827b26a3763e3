//! Whether SAP answers, and what the log says of it at night: a line when an outage begins, when its
//! cause changes, every five minutes while it lasts, and at its end. Never one per call.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::{
    domain::PartnerId,
    sap::{
        error::{LookupError, TokenProblem},
        metrics::SapMetrics,
    },
    telemetry::rounded,
};

/// A partner whose data are no good is told at most this often: the remedy is in SAP and takes a
/// person, who should not have to read it more than a few times an hour.
const TELL_AGAIN: Duration = Duration::from_mins(10);

/// How often an outage that goes on is told again.
const REMIND: Duration = Duration::from_mins(5);

/// An outage that ends and begins again within this time is told as one that flickers: with a SAP
/// that fails every second request the log would otherwise have a line for each.
const FLICKER: Duration = Duration::from_mins(1);

/// One that flickered and then lasts is told after this long.
const LASTS: Duration = Duration::from_secs(10);

/// So many different partners with unreadable records in a row are no accident of data.
const PARTNERS: usize = 3;

/// What is known about SAP from asking it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SapHealth {
    /// Nothing was asked yet.
    NotAsked,
    /// The last request got a proper answer.
    Answering,
    /// The last request got none; the kind of its error.
    Silent(&'static str),
    /// SAP refused the credentials; they are shown again sparsely, or not at all.
    CredentialsRefused,
}

/// Keeps [`SapHealth`] and tells its changes.
pub(in crate::sap) struct Health {
    host: Arc<str>,
    metrics: Arc<SapMetrics>,
    state: Mutex<State>,
    /// Calls refused, and served from what was remembered past its time, in this outage.
    refused: AtomicU64,
    stale: AtomicU64,
}

struct State {
    health: SapHealth,
    has_answered: bool,
    answered_at: Option<Instant>,
    outage: Option<Outage>,
    /// When the last outage that was told had ended.
    ended: Option<Instant>,
    told_about_a_partner: Option<Instant>,
    /// Partners whose records could not be read, without a readable one in between.
    unreadable: VecDeque<PartnerId>,
}

struct Outage {
    since: Instant,
    /// Causes that were told, in their order.
    told: Vec<&'static str>,
    /// What the last line was about and when it was written.
    last_line: Instant,
    /// Its beginning was told, so its end is, too.
    is_told: bool,
    /// Requests in a row without a proper answer.
    failures: u64,
}

impl Health {
    pub(in crate::sap) fn new(host: Arc<str>, metrics: Arc<SapMetrics>) -> Self {
        let state = Mutex::new(State {
            health: SapHealth::NotAsked,
            has_answered: false,
            answered_at: None,
            outage: None,
            ended: None,
            told_about_a_partner: None,
            unreadable: VecDeque::new(),
        });
        Self { host, metrics, state, refused: AtomicU64::new(0), stale: AtomicU64::new(0) }
    }

    pub(in crate::sap) fn now(&self) -> SapHealth {
        self.state().health
    }

    /// SAP has given a proper answer at least once.
    pub(in crate::sap) fn has_answered(&self) -> bool {
        self.state().has_answered
    }

    /// Since when SAP has not answered.
    pub(in crate::sap) fn silent_for(&self) -> Option<Duration> {
        self.state().outage.as_ref().map(|outage| outage.since.elapsed())
    }

    /// More than one request in a row has got no proper answer: it was no accident of one.
    pub(in crate::sap) fn fails_again(&self) -> bool {
        self.state().outage.as_ref().is_some_and(|outage| outage.failures > 1)
    }

    /// A call was refused because of SAP.
    pub(in crate::sap) fn call_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A call was answered with what SAP had said before.
    pub(in crate::sap) fn call_served_stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// SAP gave a proper answer.
    pub(in crate::sap) fn answered(&self) {
        let mut state = self.state();
        state.unreadable.clear();
        // Otherwise to a request that was under way when another one was refused.
        if state.health != SapHealth::CredentialsRefused {
            self.answers(&mut state);
        }
    }

    fn answers(&self, state: &mut State) {
        state.has_answered = true;
        state.answered_at = Some(Instant::now());
        if state.health == SapHealth::Answering {
            return;
        }
        let ended = state.outage.take();
        self.turn(state, SapHealth::Answering);
        let Some(outage) = ended else { return };
        let (refused, past) = self.counted();
        if !outage.is_told {
            return;
        }
        state.ended = Some(Instant::now());
        let lasted = outage.since.elapsed();
        info!(upstream = %self.host, lasted_s = lasted.as_secs(), refused, stale = past,
            causes = outage.told.join(" "),
            "SAP at {} answers again after {}; {refused} calls were refused and {past} answered \
             from memory past its time", self.host, rounded(lasted));
    }

    /// SAP gave none, or none for `partner`. True: SAP itself is to blame.
    /// `rests`: it is about credentials that are not shown again now.
    pub(in crate::sap) fn failed(
        &self,
        failure: &LookupError,
        partner: Option<PartnerId>,
        rests: bool,
    ) -> bool {
        let mut state = self.state();
        if failure.is_about_one_partner()
            && let Some(partner) = partner
            && !state.is_everybodys(partner)
        {
            self.tell_about_a_partner(&mut state, failure);
            // SAP answered, and was understood as far as that.
            self.answers(&mut state);
            return false;
        }
        let health =
            if rests { SapHealth::CredentialsRefused } else { SapHealth::Silent(failure.label()) };
        if state.health == SapHealth::CredentialsRefused && health != state.health {
            // An answer to a request that was under way when another one was refused.
            return true;
        }
        if state.health != health {
            self.turn(&mut state, health);
        }
        self.tell(&mut state, failure);
        if let Some(outage) = &mut state.outage {
            outage.failures += 1;
        }
        true
    }

    /// A lookup that was begun at `since` still waits: told as `so_far` unless SAP has answered
    /// another one meanwhile.
    pub(in crate::sap) fn is_waited_for(&self, since: Instant, so_far: &LookupError) {
        let answers = self.state().answered_at.is_some_and(|at| at > since);
        if !answers && self.failed(so_far, None, false) {
            // It counts when it is over.
            if let Some(outage) = &mut self.state().outage {
                outage.failures = outage.failures.saturating_sub(1);
            }
        }
    }

    /// The credentials are tried again.
    pub(in crate::sap) fn forget_refusal(&self) {
        let mut state = self.state();
        if state.health == SapHealth::CredentialsRefused {
            self.turn(&mut state, SapHealth::NotAsked);
        }
    }

    /// Says again that an outage goes on, when it is time to.
    pub(in crate::sap) fn remind(&self) {
        let mut state = self.state();
        let Some(outage) = &mut state.outage else { return };
        let pause = if outage.is_told { REMIND } else { LASTS };
        if outage.last_line.elapsed() < pause {
            return;
        }
        outage.last_line = Instant::now();
        outage.is_told = true;
        let (for_, cause) = (outage.since.elapsed(), outage.told.last().copied());
        drop(state);
        let (refused, past) =
            (self.refused.load(Ordering::Relaxed), self.stale.load(Ordering::Relaxed));
        warn!(upstream = %self.host, kind = cause, since_s = for_.as_secs(), refused, stale = past,
            "SAP at {} still gives no usable answer, for {} now; {refused} calls were refused and \
             {past} answered from memory past its time", self.host, rounded(for_));
    }

    fn tell(&self, state: &mut State, failure: &LookupError) {
        let kind = failure.label();
        let now = Instant::now();
        let flickers = state.ended.is_some_and(|ended| now - ended < FLICKER);
        let outage = state.outage.get_or_insert_with(|| {
            self.counted();
            Outage { since: now, told: Vec::new(), last_line: now, is_told: false, failures: 0 }
        });
        if outage.told.contains(&kind) {
            return;
        }
        let is_first = outage.told.is_empty();
        outage.told.push(kind);
        if flickers && is_first {
            // Told a moment ago; the reminder comes if it lasts.
            return;
        }
        outage.last_line = now;
        outage.is_told = true;
        let since_s = (now - outage.since).as_secs();
        let (refused, past) =
            (self.refused.load(Ordering::Relaxed), self.stale.load(Ordering::Relaxed));
        let cause = std::error::Error::source(failure).map(tracing::field::display);
        let (position, code) = (failure.position(), failure.code());
        let path = failure.path();
        if needs_a_person(failure) {
            error!(upstream = %self.host, kind, since_s, refused, stale = past, position, path, code, cause, "{failure}");
        } else {
            warn!(upstream = %self.host, kind, since_s, refused, stale = past, position, path, code, cause, "{failure}");
        }
    }

    fn tell_about_a_partner(&self, state: &mut State, failure: &LookupError) {
        let now = Instant::now();
        if state.told_about_a_partner.is_none_or(|told| now - told >= TELL_AGAIN) {
            state.told_about_a_partner = Some(now);
            let (kind, path, code) = (failure.label(), failure.path(), failure.code());
            let position = failure.position();
            warn!(upstream = %self.host, kind, position, path, code,
                "one partner's record cannot be used, others can: {failure}");
        }
    }

    /// What was counted since it was asked last.
    fn counted(&self) -> (u64, u64) {
        (self.refused.swap(0, Ordering::Relaxed), self.stale.swap(0, Ordering::Relaxed))
    }

    /// The state, as metrics.
    pub(in crate::sap) fn tell_metrics(&self) {
        self.export(self.now());
    }

    fn turn(&self, state: &mut State, health: SapHealth) {
        state.health = health;
        self.export(health);
    }

    fn export(&self, health: SapHealth) {
        self.metrics
            .health(health == SapHealth::Answering, health == SapHealth::CredentialsRefused);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether too many different partners have unreadable records by now.
    fn is_everybodys(&mut self, partner: PartnerId) -> bool {
        if !self.unreadable.contains(&partner) {
            self.unreadable.push_back(partner);
            if self.unreadable.len() > PARTNERS {
                self.unreadable.pop_front();
            }
        }
        self.unreadable.len() >= PARTNERS
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
        | LookupError::Tls { .. }
        | LookupError::Forbidden { .. }
        | LookupError::Redirect { .. }
        | LookupError::Protocol { .. }
        | LookupError::Reply { .. } => true,
        LookupError::Busy { .. }
        | LookupError::Breaker { .. }
        | LookupError::Quota { .. }
        | LookupError::Connect { .. }
        | LookupError::Deadline { .. }
        | LookupError::Cut { .. }
        | LookupError::Throttled { .. }
        | LookupError::Maintenance { .. }
        | LookupError::Status { .. } => false,
    }
}
