//! Whether calls can be sent here, and if not, why.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::sap::{SapClient, SapHealth};

/// One line of `/readyz?verbose`.
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// Nothing speaks against calls.
    pub passed: bool,
    /// What is the case, and what to do about it.
    pub text: String,
}

/// What readiness depends on.
///
/// A SAP that falls silent later does not make the gateway unready: it can still answer from
/// memory and by rule, and a load balancer that takes all replicas away would stop every call. A
/// SAP that was never reached, or that refuses our credentials, does.
pub struct Readiness {
    sap: Arc<SapClient>,
    leaving: AtomicBool,
}

impl Readiness {
    /// Not ready until SAP has answered once.
    pub fn new(sap: Arc<SapClient>) -> Self {
        Self { sap, leaving: AtomicBool::new(false) }
    }

    /// The process is about to end.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// All checks, passed or not.
    pub fn checks(&self) -> [Check; 2] {
        let (sap_passes, sap) = self.sap();
        let leaving = self.leaving.load(Ordering::Relaxed);
        [
            Check {
                name: "process",
                passed: !leaving,
                text: if leaving { "shutting down" } else { "serving" }.to_owned(),
            },
            Check { name: "sap", passed: sap_passes, text: sap },
        ]
    }

    /// Calls can be sent here.
    pub fn is_ready(&self) -> bool {
        self.checks().iter().all(|check| check.passed)
    }

    fn sap(&self) -> (bool, String) {
        match self.sap.health() {
            SapHealth::Answering => (true, "answering".to_owned()),
            SapHealth::NotAsked => (false, "not asked yet".to_owned()),
            SapHealth::Silent(kind) => {
                let known = self.sap.has_answered();
                let then = if known { "; answering from memory and by rule" } else { "" };
                (known, format!("silent ({kind}){then}"))
            }
            SapHealth::CredentialsRefused => (
                false,
                "refuses our credentials and is not asked again, because SAP locks users; \
                 correct sap.login, or POST /sap/retry-login when SAP was put right"
                    .to_owned(),
            ),
        }
    }
}
