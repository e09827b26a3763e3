//! Whether calls can be sent here, and if not, why.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{check::Check, configuration::ConfigStatus, kept};
use crate::{
    gateway::Gateway,
    lookup::Partners,
    sap::{BreakerState, SapClient, SapHealth},
    telemetry::rounded,
};

/// What readiness depends on.
///
/// A SAP that falls silent later does not make the gateway unready, nor does one that refuses our
/// credentials: it can still answer from memory and by rule, and a load balancer that takes all
/// replicas away would stop every call. A SAP that was never reached does, unless the configuration
/// says after how long it does not, and so does one that refuses our credentials before anything is
/// remembered.
pub struct Readiness {
    gateway: Arc<Gateway>,
    configuration: Arc<ConfigStatus>,
    partners: Arc<Partners>,
    without_sap_from: Option<Instant>,
    leaving: AtomicBool,
}

impl Readiness {
    /// Not ready until SAP has answered once, or `without_sap_after` has passed.
    pub fn new(
        gateway: Arc<Gateway>,
        configuration: Arc<ConfigStatus>,
        partners: Arc<Partners>,
        without_sap_after: Option<Duration>,
    ) -> Self {
        let without_sap_from = without_sap_after.map(|after| Instant::now() + after);
        Self { gateway, configuration, partners, without_sap_from, leaving: AtomicBool::new(false) }
    }

    /// The process is about to end.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// [`Self::leave`] was said.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Whether files and what is in force are the same.
    pub(super) fn configuration(&self) -> &ConfigStatus {
        &self.configuration
    }

    /// All checks, passed or not.
    pub fn checks(&self) -> Vec<Check> {
        let leaving = self.leaving.load(Ordering::Relaxed);
        let process = Check {
            name: "process",
            passed: !leaving,
            text: if leaving { "shutting down" } else { "serving" }.to_owned(),
        };
        let mut checks = vec![process, self.configuration.check()];
        let terms = self.gateway.terms();
        let (systems, config) = (&terms.systems, &terms.config.systems);
        // One that is only compared with another answers nobody.
        let asked = || {
            let all = systems.iter().enumerate();
            all.filter(|(place, _)| config.is_asked(*place)).map(|(_, sap)| sap)
        };
        let serves = asked().any(|sap| sap.has_answered()) || self.partners.has_any();
        for sap in asked() {
            let of_it = self.of_system(sap, serves);
            let whose = if systems.len() > 1 { format!("{}: ", sap.name()) } else { String::new() };
            checks.extend(of_it.map(|check| Check { text: whose.clone() + &check.text, ..check }));
        }
        checks.extend(self.audit());
        checks.extend(kept::check(&self.partners));
        checks
    }

    /// `serves`: something is known of partners already. Of several systems one is enough: the partners of
    /// the others must not wait for one that is silent.
    fn of_system(&self, sap: &SapClient, serves: bool) -> impl Iterator<Item = Check> {
        let breaker = sap.breaker();
        let breaker = (breaker != BreakerState::Closed).then(|| Check {
            name: "breaker",
            passed: true,
            text: format!("{}; SAP is only probed", breaker.label()),
        });
        let pause = sap.held_for().map(|left| Check {
            name: "pause",
            passed: true,
            text: format!("SAP asked to be left alone for {} more", rounded(left)),
        });
        [Some(self.sap(sap, serves)), breaker, pause].into_iter().flatten()
    }

    /// Calls can be sent here.
    pub fn is_ready(&self) -> bool {
        self.checks().iter().all(|check| check.passed)
    }

    /// An instance that refuses every call is none to send calls to.
    fn audit(&self) -> Option<Check> {
        let trail = self.gateway.audit()?;
        let (passed, text) = match (trail.why_not(), trail.refuses()) {
            (None, _) => (true, "written".to_owned()),
            (Some(why), true) => (false, format!("cannot be written: {why}; calls are refused")),
            (Some(why), false) => (true, format!("cannot be written: {why}; calls go on")),
        };
        Some(Check { name: "audit", passed, text })
    }

    fn sap(&self, sap: &SapClient, serves: bool) -> Check {
        let health = sap.health();
        let is_late = self.without_sap_from.is_some_and(|from| Instant::now() >= from);
        let passed = match health {
            SapHealth::Answering => true,
            SapHealth::NotAsked | SapHealth::Silent(_) | SapHealth::CredentialsRefused => {
                serves || is_late
            }
        };
        let then = match (health, serves, is_late) {
            (SapHealth::Answering, _, _) | (_, false, false) => "",
            (_, true, _) => "; answering from memory and by rule",
            (_, false, true) => {
                "; answering by rule, because admin.ready_without_sap_after has passed"
            }
        };
        let since = sap.silent_for().map(|since| format!(" for {}", rounded(since)));
        let what = match health {
            SapHealth::Answering => "answering".to_owned(),
            SapHealth::NotAsked => "not asked yet".to_owned(),
            SapHealth::Silent(kind) => format!("silent ({kind}){}", since.unwrap_or_default()),
            SapHealth::CredentialsRefused => format!(
                "refuses our credentials{}; correct sap.login, or unlock the user in SAP and POST \
                 /sap/retry-login; {}",
                since.unwrap_or_default(),
                next_try(sap)
            ),
        };
        Check { name: "sap", passed, text: what + then }
    }
}

fn next_try(sap: &SapClient) -> String {
    match sap.tries_login_at() {
        Some(at) => {
            let left = at.saturating_duration_since(Instant::now());
            format!("shown once more in {}", rounded(left))
        }
        None => "not shown again until then, because SAP locks users".to_owned(),
    }
}
